//! What clients were told. They may rely on all of it, whatever happens to the gateway.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use bitcoin::{ScriptBuf, Txid};
use tollway::domain::ids::{InvoiceId, PaymentHash, PayoutId, PullPaymentId, StoreId};
use tollway::domain::invoice::Invoice;
use tollway::domain::money::Sat;
use tollway::domain::payout::Payout;

/// A way to be paid that a receiver has shown to somebody.
#[derive(Clone, Debug)]
pub struct Shown {
    /// BOLT11 or address.
    pub text: String,
    /// How much it is for.
    pub amount: Sat,
}

/// All that clients know.
#[derive(Clone, Debug)]
pub struct Notes {
    /// The shop they deal with.
    pub shop: StoreId,
    /// Invoices as they were answered.
    pub invoices: BTreeMap<InvoiceId, Invoice>,
    /// Invoices made for the API, as they were answered: hash and text.
    pub api_invoices: BTreeMap<PaymentHash, String>,
    /// Links to draw on, with their secret.
    pub pull_payments: BTreeMap<PullPaymentId, [u8; 32]>,
    /// Payouts that were promised.
    pub payouts: BTreeMap<PayoutId, Payout>,
    /// Payouts that were approved.
    pub approved: BTreeSet<PayoutId>,
    /// Payouts that were taken back.
    pub cancelled: BTreeSet<PayoutId>,
    /// Invoices of withdrawals that were answered with yes.
    pub withdrawn: BTreeSet<PaymentHash>,
    /// Transactions by somebody who has the shop's keys.
    pub stolen: BTreeSet<Txid>,
    /// BOLT11s that receivers have given to somebody.
    pub bolt11s: Vec<Shown>,
    /// Addresses that receivers have given to somebody.
    pub addresses: BTreeMap<ScriptBuf, Shown>,
}

/// Notes that requests write into.
pub type Board = Rc<RefCell<Notes>>;

impl Notes {
    /// Nobody knows anything.
    pub fn of(shop: StoreId) -> Self {
        Self {
            shop,
            invoices: BTreeMap::new(),
            api_invoices: BTreeMap::new(),
            pull_payments: BTreeMap::new(),
            payouts: BTreeMap::new(),
            approved: BTreeSet::new(),
            cancelled: BTreeSet::new(),
            withdrawn: BTreeSet::new(),
            stolen: BTreeSet::new(),
            bolt11s: Vec::new(),
            addresses: BTreeMap::new(),
        }
    }
}
