//! Which messages are due, and whose turn it is: messages about the same object stand in a line for each endpoint. The
//! first of a line is due, the others wait.

use std::ops::ControlFlow;

use super::put_row;
use crate::domain::ids::{DeliveryId, StoreId, WebhookId};
use crate::domain::time::Timestamp;
use crate::domain::webhook::{Delivery, OVERTAKE_SECS, RETRY_SECS, Standing};
use crate::store::rows::{Order, Rows, after_prefix, key, ordered};
use crate::store::signals::Wake;
use crate::store::tables::Table;
use crate::store::tx::Tx;

/// The longest that a message is put off, in seconds. One that is further ahead was put off before the clock was set back:
/// it is due.
pub const LONGEST_WAIT_SECS: u64 = RETRY_SECS[RETRY_SECS.len() - 1] + OVERTAKE_SECS;

/// Points at a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeliveryRef {
    /// Whose.
    pub store: StoreId,
    /// To whom.
    pub webhook: WebhookId,
    /// Which.
    pub delivery: DeliveryId,
}

/// Whether a message to this endpoint about this object is due or waits.
pub(super) fn is_busy(rows: &dyn Rows, webhook: WebhookId, object: &[u8]) -> bool {
    head(rows, &line_of(webhook, object)).is_some()
}

/// A message takes its place in its line and, if it is due, among those.
pub(super) fn enter(tx: &mut Tx<'_>, delivery: &Delivery) {
    if let Some(place) = place_of(delivery) {
        let target = key(&[delivery.store.as_bytes(), delivery.id.as_bytes()]);
        tx.put(Table::DeliveryLines, &place, &target);
    }
    if let Some(at) = delivery.due_at() {
        let row = due_row(delivery, at);
        tx.put(Table::DeliveriesDue, &row, delivery.store.as_bytes());
        tx.wake(Wake::Webhooks);
    }
}

/// A message was tried: it gives up its place.
pub(super) fn leave(tx: &mut Tx<'_>, before: &Delivery) {
    if let Some(place) = place_of(before) {
        tx.remove(Table::DeliveryLines, &place);
    }
    if let Some(at) = before.due_at() {
        tx.remove(Table::DeliveriesDue, &due_row(before, at));
    }
}

/// The next message of the line may go at this time.
pub(super) fn call_next(tx: &mut Tx<'_>, before: &Delivery, at: Timestamp) {
    let Some(event) = &before.event else { return };
    let Some((store, id)) = head(tx, &line_of(before.webhook, event.object())) else {
        return;
    };
    if let Some(next) = super::delivery(tx, store, before.webhook, id) {
        let next = next.called(at);
        enter(tx, &next);
        put_row(tx, &next);
    }
}

/// Endpoints with a message that is due now or later, in the order of their ids.
pub fn waiting_endpoints(rows: &dyn Rows) -> Vec<WebhookId> {
    let mut found = Vec::new();
    let mut from = Vec::new();
    loop {
        let mut first = None;
        rows.range(
            Table::DeliveriesDue,
            &from,
            &[],
            Order::Ascending,
            &mut |row, _| {
                first = WebhookId::from_slice(&row[..16]);
                ControlFlow::Break(())
            },
        );
        let Some(webhook) = first else {
            return found;
        };
        found.push(webhook);
        from = after_prefix(webhook.as_bytes());
        if from.is_empty() {
            return found;
        }
    }
}

/// An endpoint's messages that are due, by date, until told to stop; and the first date after now.
pub fn due(
    rows: &dyn Rows,
    webhook: WebhookId,
    now: Timestamp,
    visit: &mut dyn FnMut(DeliveryRef) -> ControlFlow<()>,
) -> Option<Timestamp> {
    let bound = |at: Timestamp| key(&[webhook.as_bytes(), &ordered(at.0)]);
    let end = after_prefix(webhook.as_bytes());
    let after_now = bound(Timestamp(now.0.saturating_add(1)));
    let set_back = bound(Timestamp(
        now.plus_secs(LONGEST_WAIT_SECS).0.saturating_add(1),
    ));
    let mut next = None;
    let mut stopped = false;
    for (from, to) in [
        (webhook.as_bytes().as_slice(), after_now.as_slice()),
        (&set_back, &end),
    ] {
        rows.range(
            Table::DeliveriesDue,
            from,
            to,
            Order::Ascending,
            &mut |row, value| {
                let target = StoreId::from_slice(value).zip(DeliveryId::from_slice(&row[33..]));
                let Some((store, delivery)) = target.filter(|_| !stopped) else {
                    return ControlFlow::Break(());
                };
                let seen = visit(DeliveryRef {
                    store,
                    webhook,
                    delivery,
                });
                stopped = seen.is_break();
                seen
            },
        );
    }
    rows.range(
        Table::DeliveriesDue,
        &after_now,
        &set_back,
        Order::Ascending,
        &mut |row, _| {
            next = Some(time(&row[16..24]));
            ControlFlow::Break(())
        },
    );
    next
}

/// What contradicts itself among the messages that are not over: each that is due is there and says so, and of each line
/// the first is due and the others wait.
pub fn check(rows: &dyn Rows) -> Result<(), String> {
    let mut found = Ok(());
    rows.scan(
        Table::DeliveriesDue,
        &[],
        Order::Ascending,
        &mut |row, value| {
            let delivery = find(rows, row, value);
            let right = delivery.is_some_and(|one| one.due_at() == Some(time(&row[16..24])));
            tell(&mut found, right, "P10 a message is due that is not there")
        },
    );
    found?;
    let mut line_before = Vec::new();
    let mut found = Ok(());
    rows.scan(
        Table::DeliveryLines,
        &[],
        Order::Ascending,
        &mut |row, value| {
            let line = &row[..row.len() - 9];
            let first = line_before != line;
            line_before = line.to_vec();
            let standing = StoreId::from_slice(&value[..32])
                .zip(DeliveryId::from_slice(&value[32..]))
                .zip(WebhookId::from_slice(&row[..16]))
                .and_then(|((store, id), webhook)| super::delivery(rows, store, webhook, id))
                .map(|delivery| delivery.standing);
            let right = match standing {
                Some(Standing::Due { .. }) => first,
                Some(Standing::Waiting) => !first,
                Some(
                    Standing::Delivered { .. }
                    | Standing::Retried { .. }
                    | Standing::GivenUp { .. },
                )
                | None => false,
            };
            tell(&mut found, right, "P10 a line of messages is out of order")
        },
    );
    found
}

fn tell(found: &mut Result<(), String>, right: bool, what: &str) -> ControlFlow<()> {
    if right {
        return ControlFlow::Continue(());
    }
    *found = Err(what.to_owned());
    ControlFlow::Break(())
}

fn find(rows: &dyn Rows, row: &[u8], value: &[u8]) -> Option<Delivery> {
    let store = StoreId::from_slice(value)?;
    let webhook = WebhookId::from_slice(&row[..16])?;
    super::delivery(rows, store, webhook, DeliveryId::from_slice(&row[33..])?)
}

fn head(rows: &dyn Rows, line: &[u8]) -> Option<(StoreId, DeliveryId)> {
    let mut first = None;
    rows.scan(
        Table::DeliveryLines,
        line,
        Order::Ascending,
        &mut |_, value| {
            first = StoreId::from_slice(&value[..32]).zip(DeliveryId::from_slice(&value[32..]));
            ControlFlow::Break(())
        },
    );
    first
}

/// Ids of different kinds have different lengths, so the length comes first.
fn line_of(webhook: WebhookId, object: &[u8]) -> Vec<u8> {
    let length = u8::try_from(object.len()).unwrap_or(u8::MAX);
    key(&[webhook.as_bytes(), &[length], object])
}

fn place_of(delivery: &Delivery) -> Option<Vec<u8>> {
    let event = delivery.event.as_ref().filter(|_| delivery.in_line)?;
    Some(key(&[
        &line_of(delivery.webhook, event.object()),
        &ordered(delivery.sequence),
        &[delivery.part],
    ]))
}

fn due_row(delivery: &Delivery, at: Timestamp) -> Vec<u8> {
    key(&[
        delivery.webhook.as_bytes(),
        &ordered(at.0),
        &ordered(delivery.sequence),
        &[delivery.part],
        delivery.id.as_bytes(),
    ])
}

fn time(bytes: &[u8]) -> Timestamp {
    Timestamp(bytes.try_into().map_or(0, u64::from_be_bytes))
}
