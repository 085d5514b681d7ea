//! Rows about the node: invoices made through the Lightning API, and the addresses of its own wallet.

use std::ops::ControlFlow;

use bitcoin::{Script, ScriptBuf};
use minicbor::{Decode, Encode};

use super::codec::{decode, encode};
use super::rows::{Order, Rows, key};
use super::signals::Wake;
use super::tables::Table;
use super::tx::Tx;
use crate::domain::ids::{PaymentHash, Preimage, StoreId};
use crate::domain::money::Msat;
use crate::domain::time::Timestamp;

/// A BOLT11 made through the Lightning API.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ApiInvoice {
    /// Its hash.
    #[n(0)]
    pub hash: PaymentHash,
    /// Its text.
    #[n(1)]
    pub bolt11: String,
    /// What it asks for.
    #[n(2)]
    pub amount: Option<Msat>,
    /// When it was made.
    #[n(3)]
    pub created: Timestamp,
    /// The payer should not try after this.
    #[n(4)]
    pub expires_at: Timestamp,
    /// Proof of payment, a secret until it is paid.
    #[n(5)]
    pub preimage: Preimage,
    /// What came, and when.
    #[n(6)]
    pub paid: Option<Paid>,
}

/// A payment of an [`ApiInvoice`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Paid {
    /// How much.
    #[n(0)]
    pub amount: Msat,
    /// When.
    #[n(1)]
    pub at: Timestamp,
}

/// An API invoice of a store, or of the house.
pub fn api_invoice(rows: &dyn Rows, store: StoreId, hash: PaymentHash) -> Option<ApiInvoice> {
    rows.get(
        Table::ApiInvoices,
        &key(&[store.as_bytes(), hash.as_bytes()]),
    )
    .map(|bytes| decode(&bytes))
}

/// Puts an API invoice.
pub fn put_api_invoice(tx: &mut Tx<'_>, store: StoreId, invoice: &ApiInvoice) {
    tx.put(
        Table::ApiInvoices,
        &key(&[store.as_bytes(), invoice.hash.as_bytes()]),
        &encode(invoice),
    );
}

/// All API invoices of a store, newest first.
pub fn api_invoices(rows: &dyn Rows, store: StoreId) -> Vec<ApiInvoice> {
    let mut all: Vec<ApiInvoice> = Vec::new();
    rows.scan(
        Table::ApiInvoices,
        store.as_bytes(),
        Order::Ascending,
        &mut |_, value| {
            all.push(decode(value));
            ControlFlow::Continue(())
        },
    );
    all.sort_by_key(|one| std::cmp::Reverse((one.created, one.hash)));
    all
}

/// Notes an address of the node's own wallet: a payout to it would be one to ourselves (P7), and what is paid to it is
/// the operator's.
pub fn put_address(tx: &mut Tx<'_>, script: &Script) {
    tx.put(Table::NodeAddresses, script.as_bytes(), &[]);
    tx.tills().watch().add_script(script);
    tx.wake(Wake::Chain);
}

/// The scripts of all of them.
pub fn addresses(rows: &dyn Rows) -> Vec<ScriptBuf> {
    let mut scripts = Vec::new();
    rows.scan(
        Table::NodeAddresses,
        &[],
        Order::Ascending,
        &mut |script, _| {
            scripts.push(ScriptBuf::from_bytes(script.to_vec()));
            ControlFlow::Continue(())
        },
    );
    scripts
}

/// Whether the script is the node's own.
pub fn is_own_address(rows: &dyn Rows, script: &Script) -> bool {
    rows.has(Table::NodeAddresses, script.as_bytes())
}
