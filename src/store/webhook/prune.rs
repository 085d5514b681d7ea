//! Old messages go: first what they told, then that they were sent.

use std::ops::ControlFlow;

use super::{by_time, put_row, row_of};
use crate::domain::ids::{DeliveryId, StoreId, WebhookId};
use crate::domain::time::Timestamp;
use crate::domain::webhook::{Delivery, KEEP_ROW_SECS};
use crate::store::rows::{Order, Rows, key, ordered};
use crate::store::tables::Table;
use crate::store::tx::Tx;

/// When the next message is old enough to be pruned.
pub fn next_prune(rows: &dyn Rows) -> Option<Timestamp> {
    let mut first = None;
    rows.scan(Table::DeliveryAges, &[], Order::Ascending, &mut |row, _| {
        first = Some(time(&row[..8]));
        ControlFlow::Break(())
    });
    first
}

/// Prunes what is old by now, at most so many messages. One that is not over yet keeps what it tells.
pub fn prune(tx: &mut Tx<'_>, now: Timestamp, limit: usize) {
    let mut old = Vec::new();
    tx.scan(Table::DeliveryAges, &[], Order::Ascending, &mut |row, _| {
        if old.len() >= limit || time(&row[..8]) > now {
            return ControlFlow::Break(());
        }
        old.push(row.to_vec());
        ControlFlow::Continue(())
    });
    for row in old {
        tx.remove(Table::DeliveryAges, &row);
        let ids = StoreId::from_slice(&row[8..40])
            .zip(WebhookId::from_slice(&row[40..56]))
            .zip(DeliveryId::from_slice(&row[56..]));
        let Some(((store, webhook), id)) = ids else {
            continue;
        };
        if let Some(delivery) = super::delivery(tx, store, webhook, id) {
            age(tx, delivery, now);
        }
    }
}

fn age(tx: &mut Tx<'_>, delivery: Delivery, now: Timestamp) {
    let end = delivery.made.plus_secs(KEEP_ROW_SECS);
    if delivery.is_open() {
        // It is tried within minutes or given up; until then it is looked at again tomorrow.
        put_age(tx, &delivery, now.plus_secs(86_400));
    } else if now < end {
        put_age(tx, &delivery, end);
        put_row(
            tx,
            &Delivery {
                event: None,
                ..delivery
            },
        );
    } else {
        tx.remove(Table::DeliveriesByTime, &by_time(&delivery));
        tx.remove(
            Table::Deliveries,
            &row_of(delivery.store, delivery.webhook, delivery.id),
        );
    }
}

fn put_age(tx: &mut Tx<'_>, delivery: &Delivery, at: Timestamp) {
    tx.put(
        Table::DeliveryAges,
        &key(&[
            &ordered(at.0),
            delivery.store.as_bytes(),
            delivery.webhook.as_bytes(),
            delivery.id.as_bytes(),
        ]),
        &[],
    );
}

fn time(bytes: &[u8]) -> Timestamp {
    Timestamp(bytes.try_into().map_or(0, u64::from_be_bytes))
}
