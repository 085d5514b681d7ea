//! Rows of payments to the node's own wallet, as our own look at the chain shows them.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use bitcoin::consensus::{deserialize, serialize};
use bitcoin::hashes::Hash;
use bitcoin::{OutPoint, Txid};
use minicbor::{Decode, Encode};

use super::codec::{decode, encode};
use super::rows::{Order, Rows};
use super::tables::Table;
use super::tx::Tx;
use crate::domain::money::Sat;

/// A payment to an address of the node's own wallet that we gave out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Deposit {
    /// How much.
    #[n(0)]
    pub amount: Sat,
    /// The height of its block; none while it is in the mempool.
    #[n(1)]
    pub height: Option<u32>,
    /// Replaced, double-spent or reorganised away. May come back.
    #[n(2)]
    pub lost: bool,
}

/// A deposit by its output.
pub fn get(rows: &dyn Rows, outpoint: OutPoint) -> Option<Deposit> {
    rows.get(Table::NodeDeposits, &serialize(&outpoint))
        .map(|row| decode(&row))
}

/// Puts a deposit.
pub fn put(tx: &mut Tx<'_>, outpoint: OutPoint, deposit: &Deposit) {
    tx.put(Table::NodeDeposits, &serialize(&outpoint), &encode(deposit));
}

/// Those made by one transaction.
pub fn of_tx(rows: &dyn Rows, txid: Txid) -> Vec<(OutPoint, Deposit)> {
    scan(rows, txid.as_byte_array())
}

/// All of them, lost ones too.
pub fn all(rows: &dyn Rows) -> Vec<(OutPoint, Deposit)> {
    scan(rows, &[])
}

fn scan(rows: &dyn Rows, prefix: &[u8]) -> Vec<(OutPoint, Deposit)> {
    let mut found = Vec::new();
    rows.scan(
        Table::NodeDeposits,
        prefix,
        Order::Ascending,
        &mut |key, row| {
            let outpoint = deserialize(key)
                .unwrap_or_else(|e| panic!("{}: a deposit: {e}", super::writer::IO_FAILED));
            found.push((outpoint, decode(row)));
            ControlFlow::Continue(())
        },
    );
    found
}

/// Transactions of deposits that no block holds and that are not known to be gone: a follower that starts, or that saw a
/// reorganisation, looks whether the mempool still has them.
pub fn pending(rows: &dyn Rows) -> BTreeSet<Txid> {
    all(rows)
        .into_iter()
        .filter(|(_, deposit)| deposit.height.is_none() && !deposit.lost)
        .map(|(outpoint, _)| outpoint.txid)
        .collect()
}
