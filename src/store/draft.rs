//! Rows of transactions that wait for their owner's signature.

use std::ops::ControlFlow;

use bitcoin::OutPoint;
use bitcoin::consensus::serialize;

use super::codec::{decode, encode};
use super::rows::{Order, Rows, key};
use super::tables::Table;
use super::tx::Tx;
use crate::domain::ids::{BatchId, StoreId};
use crate::domain::payout::draft::Draft;

/// A draft of a store, be it over.
pub fn get(rows: &dyn Rows, store: StoreId, id: BatchId) -> Option<Draft> {
    rows.get(Table::Drafts, &key(&[store.as_bytes(), id.as_bytes()]))
        .map(|bytes| decode(&bytes))
}

/// Puts a draft and the rows that lead to it.
pub fn put(tx: &mut Tx<'_>, draft: &Draft) {
    let row = key(&[draft.store.as_bytes(), draft.id.as_bytes()]);
    if draft.end.is_none() {
        tx.put(Table::DraftsOpen, &row, &[]);
    } else {
        tx.remove(Table::DraftsOpen, &row);
    }
    for input in &draft.inputs {
        tx.put(Table::DraftInputs, &key(&[&serialize(&input.0), &row]), &[]);
    }
    tx.put(Table::Drafts, &row, &encode(draft));
}

/// All drafts that wait.
pub fn open(rows: &dyn Rows) -> Vec<Draft> {
    open_below(rows, &[])
}

/// Those of a store.
pub fn open_of(rows: &dyn Rows, store: StoreId) -> Vec<Draft> {
    open_below(rows, store.as_bytes())
}

fn open_below(rows: &dyn Rows, prefix: &[u8]) -> Vec<Draft> {
    let mut open = Vec::new();
    rows.scan(
        Table::DraftsOpen,
        prefix,
        Order::Ascending,
        &mut |row, _| {
            open.extend(rows.get(Table::Drafts, row).map(|bytes| decode(&bytes)));
            ControlFlow::Continue(())
        },
    );
    open.sort_by_key(|draft: &Draft| (draft.created, draft.id));
    open
}

/// Every draft that spends a coin, be it over.
pub fn spending(rows: &dyn Rows, coin: OutPoint) -> Vec<Draft> {
    let prefix = serialize(&coin);
    let mut drafts = Vec::new();
    rows.scan(
        Table::DraftInputs,
        &prefix,
        Order::Ascending,
        &mut |row, _| {
            let draft = rows.get(Table::Drafts, &row[prefix.len()..]);
            drafts.extend(draft.map(|bytes| decode(&bytes)));
            ControlFlow::Continue(())
        },
    );
    drafts
}
