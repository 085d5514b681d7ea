//! Rows of receipts. Insert-if-absent by key is the one place of deduplication.

use std::ops::ControlFlow;

use minicbor::{Decode, Encode};

use super::codec::{decode, encode};
use super::rows::{Order, Rows, key};
use super::tables::Table;
use super::tx::Tx;
use crate::domain::ids::{InvoiceId, StoreId, UserId};
use crate::domain::money::Msat;
use crate::domain::receipt::ReceiptKey;
use crate::domain::till::TillAddress;
use crate::domain::time::Timestamp;
#[cfg(debug_assertions)]
use crate::sabotage::{Bug, is_planted};

/// Money that fits no invoice: never dropped, never blocking, shown.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Stray {
    /// What came.
    #[n(0)]
    pub key: ReceiptKey,
    /// How much.
    #[n(1)]
    pub amount: Msat,
    /// When it was seen.
    #[n(2)]
    pub received_at: Timestamp,
    /// Why it fits nothing, in words.
    #[n(3)]
    pub why: String,
    /// Which address it came to, on the chain.
    #[n(4)]
    pub place: Option<TillAddress>,
    /// Which invoice has it now, if a person said so.
    #[n(5)]
    pub assigned: Option<Assignment>,
    /// Since when it is gone from the chain: replaced, double-spent or reorganised away. It may come back.
    #[n(6)]
    pub lost: Option<Timestamp>,
}

impl Stray {
    /// Whether it lies here and nobody has said yet which invoice it was for.
    pub const fn waits(&self) -> bool {
        self.assigned.is_none() && self.lost.is_none()
    }
}

/// A person's word about a stray.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Assignment {
    /// The store of the invoice.
    #[n(0)]
    pub store: StoreId,
    /// The invoice.
    #[n(1)]
    pub invoice: InvoiceId,
    /// Who said so.
    #[n(2)]
    pub by: UserId,
    /// When.
    #[n(3)]
    pub at: Timestamp,
}

/// Whether this money was already taken in.
pub fn is_known(rows: &dyn Rows, receipt: ReceiptKey) -> bool {
    rows.has(Table::Receipts, &receipt.to_bytes())
}

/// Notes that this money was taken in, for a store.
pub fn put_known(tx: &mut Tx<'_>, receipt: ReceiptKey, store: StoreId) {
    #[cfg(debug_assertions)]
    if is_planted(Bug::ForgetDedupeKey) {
        return;
    }
    tx.put(Table::Receipts, &receipt.to_bytes(), store.as_bytes());
}

/// Keeps money that fits no invoice.
pub fn put_stray(tx: &mut Tx<'_>, store: StoreId, stray: &Stray) {
    tx.put(
        Table::StrayReceipts,
        &key(&[store.as_bytes(), &stray.key.to_bytes()]),
        &encode(stray),
    );
}

/// One stray of a store.
pub fn stray(rows: &dyn Rows, store: StoreId, receipt: ReceiptKey) -> Option<Stray> {
    let row = key(&[store.as_bytes(), &receipt.to_bytes()]);
    (rows.get(Table::StrayReceipts, &row)).map(|bytes| decode(&bytes))
}

/// What came to one address that no invoice shows.
pub fn strays_at(rows: &dyn Rows, place: &TillAddress) -> Vec<Stray> {
    let mut strays = strays(rows, place.till.store);
    strays.retain(|stray| {
        let there = stray.place.as_ref();
        there.is_some_and(|there| there.script == place.script)
    });
    strays
}

/// A store's strays, those assigned since among them.
pub fn strays(rows: &dyn Rows, store: StoreId) -> Vec<Stray> {
    let mut strays = Vec::new();
    rows.scan(
        Table::StrayReceipts,
        store.as_bytes(),
        Order::Ascending,
        &mut |_, value| {
            strays.push(decode(value));
            ControlFlow::Continue(())
        },
    );
    strays
}
