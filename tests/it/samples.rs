//! One whole value of every record, with something in every field.

mod batches;
mod facts;
mod invoices;
mod payouts;
mod people;
mod pull_payments;
mod stores;
mod webhooks;

use bitcoin::hashes::Hash;
use bitcoin::{OutPoint, ScriptBuf, Txid};
use rust_decimal::Decimal;
use tollway::domain::ids::{
    BatchId, InvoiceId, PaymentHash, PayoutId, Preimage, PullPaymentId, StoreId, UserId,
};
use tollway::domain::invoice::MoneyRecord;
use tollway::domain::money::Currency;
use tollway::domain::till::TillId;
use tollway::domain::time::Timestamp;

pub use batches::*;
pub use facts::facts;
pub use invoices::*;
pub use payouts::*;
pub use people::*;
pub use pull_payments::*;
pub use stores::*;
pub use webhooks::{deliveries, webhooks};

/// A payment hash.
pub const HASH: PaymentHash = PaymentHash([0x11; 32]);

/// A store.
pub const STORE: StoreId = StoreId([0x22; 32]);

const NOW: Timestamp = Timestamp(1_800_000_000_123);
const PREIMAGE: Preimage = Preimage([0x33; 32]);
const INVOICE: InvoiceId = InvoiceId([0x44; 16]);
const PULL_PAYMENT: PullPaymentId = PullPaymentId([0x55; 20]);
const PAYOUT: PayoutId = PayoutId([0x66; 20]);
const BATCH: BatchId = BatchId([0x77; 16]);
const USER: UserId = UserId([0x88; 16]);
const TILL: TillId = TillId {
    store: STORE,
    generation: 3,
};

fn text(text: &str) -> String {
    text.to_owned()
}

pub fn outpoint() -> OutPoint {
    OutPoint::new(Txid::from_byte_array([0x99; 32]), 7)
}

fn script() -> ScriptBuf {
    ScriptBuf::from_bytes([&[0x00, 0x14][..], &[0xaa; 20]].concat())
}

fn money(amount: i64, scale: u32, currency: Currency) -> MoneyRecord {
    MoneyRecord {
        amount: Decimal::new(amount, scale),
        currency,
    }
}

/// The time of the samples.
pub const fn now() -> Timestamp {
    NOW
}

/// The invoice of the samples.
pub const fn invoice_id() -> InvoiceId {
    INVOICE
}

/// The payout of the samples.
pub const fn payout_id() -> PayoutId {
    PAYOUT
}

/// An account's id.
pub const fn user_id() -> UserId {
    USER
}

/// A preimage.
pub const fn preimage() -> Preimage {
    PREIMAGE
}
