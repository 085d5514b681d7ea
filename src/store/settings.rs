//! Rows of stores (the shops).

use std::ops::ControlFlow;

use super::codec::{decode, encode};
use super::rows::{Order, Rows};
use super::tables::Table;
use super::tx::Tx;
use crate::domain::ids::{StoreId, UserId};
use crate::domain::payout::FeeCap;
use crate::domain::store::Store;

/// A store by its id.
pub fn get(rows: &dyn Rows, id: StoreId) -> Option<Store> {
    rows.get(Table::Stores, id.as_bytes())
        .map(|bytes| decode(&bytes))
}

/// Whether what this store pays over Lightning may come from the node (D52, P11): the house itself, and stores of the
/// server's owner.
pub fn may_spend_from_node(rows: &dyn Rows, id: StoreId) -> bool {
    id == StoreId::HOUSE || get(rows, id).is_some_and(|store| store.draws_on_node)
}

/// What a store's Lightning payouts may spend on routing where nobody says otherwise.
pub fn fee_cap(rows: &dyn Rows, id: StoreId) -> FeeCap {
    get(rows, id)
        .and_then(|store| store.settings.fee_cap)
        .unwrap_or_default()
}

/// Puts a store.
pub fn put(tx: &mut Tx<'_>, store: &Store) {
    tx.put(Table::Stores, store.id.as_bytes(), &encode(store));
}

/// How many stores an account has made, archived ones too.
pub fn made_by(rows: &dyn Rows, user: UserId) -> u32 {
    let own = all(rows).into_iter().filter(|store| store.owner == user);
    u32::try_from(own.count()).unwrap_or(u32::MAX)
}

/// All stores, oldest first.
pub fn all(rows: &dyn Rows) -> Vec<Store> {
    let mut stores: Vec<Store> = Vec::new();
    rows.scan(Table::Stores, &[], Order::Ascending, &mut |_, value| {
        stores.push(decode(value));
        ControlFlow::Continue(())
    });
    stores.sort_by_key(|store| (store.created, store.id));
    stores
}
