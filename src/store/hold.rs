//! Rows of spends of a store's tills that were not made here. One that nobody has looked at yet holds the store's
//! on-chain payouts (P9).

use std::ops::ControlFlow;

use bitcoin::Txid;
use bitcoin::hashes::Hash;
use minicbor::{Decode, Encode};

use super::codec::{decode, encode};
use super::rows::{Order, Rows, key};
use super::tables::Table;
use super::tx::Tx;
use crate::domain::cbor;
use crate::domain::ids::StoreId;
use crate::domain::money::Msat;
use crate::domain::till::TillId;
use crate::domain::time::Timestamp;

/// A transaction that was not made here and spends a till's coins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct UnknownSpend {
    /// Which.
    #[cbor(n(0), with = "cbor::txid")]
    pub txid: Txid,
    /// Whose coins.
    #[n(1)]
    pub till: TillId,
    /// What left the till, fee included.
    #[n(2)]
    pub amount: Msat,
    /// When it was seen.
    #[n(3)]
    pub seen_at: Timestamp,
    /// The best chain or the mempool holds it.
    #[n(4)]
    pub counts: bool,
    /// When a person said that payouts may go on.
    #[n(5)]
    pub released_at: Option<Timestamp>,
}

impl UnknownSpend {
    /// Nobody has looked at it yet.
    pub const fn holds(&self) -> bool {
        self.released_at.is_none()
    }
}

/// Whether a store's on-chain payouts are held.
pub fn is_held(rows: &dyn Rows, store: StoreId) -> bool {
    spends(rows, store).iter().any(UnknownSpend::holds)
}

/// What is known of a spend.
pub fn get(rows: &dyn Rows, store: StoreId, txid: Txid) -> Option<UnknownSpend> {
    rows.get(Table::UnknownSpends, &row_of(store, txid))
        .map(|bytes| decode(&bytes))
}

/// Puts a spend.
pub fn put(tx: &mut Tx<'_>, store: StoreId, spend: &UnknownSpend) {
    tx.put(
        Table::UnknownSpends,
        &row_of(store, spend.txid),
        &encode(spend),
    );
}

/// A store's unknown spends.
pub fn spends(rows: &dyn Rows, store: StoreId) -> Vec<UnknownSpend> {
    scan(rows, store.as_bytes())
        .into_iter()
        .map(|(_, spend)| spend)
        .collect()
}

/// The unknown spends of all stores.
pub fn all(rows: &dyn Rows) -> Vec<(StoreId, UnknownSpend)> {
    scan(rows, &[])
}

fn scan(rows: &dyn Rows, prefix: &[u8]) -> Vec<(StoreId, UnknownSpend)> {
    let mut found = Vec::new();
    rows.scan(
        Table::UnknownSpends,
        prefix,
        Order::Ascending,
        &mut |row, value| {
            found.extend(StoreId::from_slice(&row[..32]).map(|store| (store, decode(value))));
            ControlFlow::Continue(())
        },
    );
    found
}

fn row_of(store: StoreId, txid: Txid) -> Vec<u8> {
    key(&[store.as_bytes(), txid.as_byte_array()])
}
