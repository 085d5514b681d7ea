//! Rows of webhooks: the endpoints of a store, the messages to them, and which of those are due.

mod line;
mod prune;
mod tell;

use std::ops::ControlFlow;

pub use line::{DeliveryRef, LONGEST_WAIT_SECS, check, due, waiting_endpoints};
pub use prune::{next_prune, prune};
pub(super) use tell::tell;

use super::codec::{decode, encode};
use super::rows::{Order, Rows, key, ordered};
use super::signals::Wake;
use super::tables::Table;
use super::tx::Tx;
use crate::domain::fact::Entry;
use crate::domain::ids::{DeliveryId, StoreId, WebhookId};
use crate::domain::webhook::{Delivery, Endpoint, KEEP_BODY_SECS, Tried};

/// What a fact is told as, to anybody, by the objects as they are in these rows.
pub fn events_of(rows: &dyn Rows, entry: &Entry) -> Vec<crate::domain::webhook::Event> {
    tell::events_of(rows, entry)
}

/// An endpoint, if it is this store's.
pub fn get(rows: &dyn Rows, store: StoreId, id: WebhookId) -> Option<Endpoint> {
    rows.get(Table::Webhooks, &key(&[store.as_bytes(), id.as_bytes()]))
        .map(|bytes| decode(&bytes))
}

/// The store an endpoint belongs to.
pub fn store_of(rows: &dyn Rows, id: WebhookId) -> Option<StoreId> {
    rows.get(Table::WebhookStore, id.as_bytes())
        .and_then(|bytes| StoreId::from_slice(&bytes))
}

/// A store's endpoints, oldest first.
pub fn of_store(rows: &dyn Rows, store: StoreId) -> Vec<Endpoint> {
    let mut found: Vec<Endpoint> = Vec::new();
    rows.scan(
        Table::Webhooks,
        store.as_bytes(),
        Order::Ascending,
        &mut |_, value| {
            found.push(decode(value));
            ControlFlow::Continue(())
        },
    );
    found.sort_by_key(|endpoint| (endpoint.created, endpoint.id));
    found
}

/// Puts an endpoint.
pub fn put(tx: &mut Tx<'_>, endpoint: &Endpoint) {
    let (store, id) = (endpoint.store, endpoint.id);
    tx.put(Table::WebhookStore, id.as_bytes(), store.as_bytes());
    tx.put(
        Table::Webhooks,
        &key(&[store.as_bytes(), id.as_bytes()]),
        &encode(endpoint),
    );
    tx.wake(Wake::Webhooks);
}

/// Removes an endpoint. Its messages can't be reached any more; those that are due are given up when their turn comes, and
/// all go with their age.
pub fn remove(tx: &mut Tx<'_>, store: StoreId, id: WebhookId) {
    tx.remove(Table::WebhookStore, id.as_bytes());
    tx.remove(Table::Webhooks, &key(&[store.as_bytes(), id.as_bytes()]));
}

/// A message, if it is this endpoint's.
pub fn delivery(
    rows: &dyn Rows,
    store: StoreId,
    webhook: WebhookId,
    id: DeliveryId,
) -> Option<Delivery> {
    rows.get(Table::Deliveries, &row_of(store, webhook, id))
        .map(|bytes| decode(&bytes))
}

/// An endpoint's messages, the newest first, until told to stop.
pub fn newest_first(
    rows: &dyn Rows,
    store: StoreId,
    webhook: WebhookId,
    visit: &mut dyn FnMut(Delivery) -> ControlFlow<()>,
) {
    rows.scan(
        Table::DeliveriesByTime,
        &key(&[store.as_bytes(), webhook.as_bytes()]),
        Order::Descending,
        &mut |row, _| {
            let id = row.len().checked_sub(DeliveryId::LEN).map(|at| &row[at..]);
            match id.and_then(DeliveryId::from_slice) {
                Some(id) => delivery(rows, store, webhook, id)
                    .map_or(ControlFlow::Continue(()), &mut *visit),
                None => ControlFlow::Continue(()),
            }
        },
    );
}

/// Puts a message that was not there before, with all rows that lead to it.
pub fn put_new(tx: &mut Tx<'_>, delivery: &Delivery) {
    let (store, webhook, id) = (delivery.store, delivery.webhook, delivery.id);
    tx.put(Table::DeliveriesByTime, &by_time(delivery), &[]);
    let age = delivery.made.plus_secs(KEEP_BODY_SECS);
    tx.put(
        Table::DeliveryAges,
        &key(&[
            &ordered(age.0),
            store.as_bytes(),
            webhook.as_bytes(),
            id.as_bytes(),
        ]),
        &[],
    );
    line::enter(tx, delivery);
    put_row(tx, delivery);
}

/// Puts what a try came to: the message that was tried, the one that repeats it, and the next one about the same object.
pub fn settle(tx: &mut Tx<'_>, before: &Delivery, tried: &Tried) {
    line::leave(tx, before);
    put_row(tx, &tried.after);
    if let Some(retry) = &tried.retry {
        put_new(tx, retry);
    }
    if let Some(at) = tried.next_in_line {
        line::call_next(tx, before, at);
    }
}

fn put_row(tx: &mut Tx<'_>, delivery: &Delivery) {
    tx.put(
        Table::Deliveries,
        &row_of(delivery.store, delivery.webhook, delivery.id),
        &encode(delivery),
    );
}

fn row_of(store: StoreId, webhook: WebhookId, id: DeliveryId) -> Vec<u8> {
    key(&[store.as_bytes(), webhook.as_bytes(), id.as_bytes()])
}

fn by_time(delivery: &Delivery) -> Vec<u8> {
    key(&[
        delivery.store.as_bytes(),
        delivery.webhook.as_bytes(),
        &ordered(delivery.made.0),
        &ordered(delivery.sequence),
        &[delivery.part],
        &delivery.attempt.to_be_bytes(),
        delivery.id.as_bytes(),
    ])
}
