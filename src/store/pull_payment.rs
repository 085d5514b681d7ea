//! Rows of pull payments.

use std::ops::ControlFlow;

use super::codec::{decode, encode};
use super::rows::{Order, Rows, key};
use super::tables::Table;
use super::tx::Tx;
use crate::domain::ids::{PullPaymentId, StoreId};
use crate::domain::pull_payment::PullPayment;

/// The pull payment, if it is this store's.
pub fn get(rows: &dyn Rows, store: StoreId, id: PullPaymentId) -> Option<PullPayment> {
    rows.get(
        Table::PullPayments,
        &key(&[store.as_bytes(), id.as_bytes()]),
    )
    .map(|bytes| decode(&bytes))
}

/// The store a pull payment belongs to.
pub fn store_of(rows: &dyn Rows, id: PullPaymentId) -> Option<StoreId> {
    rows.get(Table::PullPaymentStore, id.as_bytes())
        .and_then(|bytes| StoreId::from_slice(&bytes))
}

/// The pull payment, whosever it is.
pub fn find(rows: &dyn Rows, id: PullPaymentId) -> Option<PullPayment> {
    get(rows, store_of(rows, id)?, id)
}

/// Puts a pull payment.
pub fn put(tx: &mut Tx<'_>, pull_payment: &PullPayment) {
    let (store, id) = (pull_payment.store, pull_payment.id);
    assert!(
        pull_payment.is_consistent(),
        "P8 the budget of pull payment {id} does not add up"
    );
    tx.put(
        Table::PullPayments,
        &key(&[store.as_bytes(), id.as_bytes()]),
        &encode(pull_payment),
    );
    tx.put(Table::PullPaymentStore, id.as_bytes(), store.as_bytes());
}

/// A store's pull payments, the latest start first.
pub fn of_store(rows: &dyn Rows, store: StoreId) -> Vec<PullPayment> {
    let mut all: Vec<PullPayment> = Vec::new();
    rows.scan(
        Table::PullPayments,
        store.as_bytes(),
        Order::Ascending,
        &mut |_, value| {
            all.push(decode(value));
            ControlFlow::Continue(())
        },
    );
    all.sort_by_key(|one| std::cmp::Reverse((one.starts_at, one.created, one.id)));
    all
}
