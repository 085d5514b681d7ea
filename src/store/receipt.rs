//! Rows of receipts. Insert-if-absent by key is the one place of deduplication.

use std::ops::ControlFlow;

use minicbor::{Decode, Encode};

use super::codec::{decode, encode};
use super::rows::{Order, Rows, key};
use super::tables::Table;
use super::tx::Tx;
use crate::domain::ids::StoreId;
use crate::domain::money::Msat;
use crate::domain::receipt::ReceiptKey;
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

/// A store's strays.
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
