//! P10 every fact that webhooks are told of has its message in its own commit, and each message comes to its end.

use std::collections::BTreeMap;

use tollway::domain::fact::Entry;
use tollway::domain::ids::DeliveryId;
use tollway::domain::webhook::{Delivery, Endpoint, Kind, RETRY_SECS, Standing, Telling};
use tollway::store::webhook::LONGEST_WAIT_SECS;
use tollway::store::{self, Order, Rows, Table};

use super::{Seen, all};
use crate::endpoints::MOODY;
use crate::house::Outside;
use crate::notes::Notes;

/// After every commit: nothing is missing of what was told. `fresh`: the facts of the commit.
pub fn check(
    seen: &Seen<'_>,
    outside: &Outside,
    notes: &Notes,
    fresh: &BTreeMap<u64, Entry>,
    broken: &mut Vec<String>,
) {
    let endpoints = store::webhook::of_store(seen.rows, notes.shop);
    for entry in fresh.values().filter(|entry| entry.store == notes.shop) {
        let kinds = Telling::of(&entry.fact).map_or(&[][..], |telling| telling.kinds);
        for endpoint in &endpoints {
            check_told(seen, endpoint, entry, kinds, broken);
        }
    }
    broken.extend(outside.courier.violations());
}

/// After some commits: all messages fit their rows, and are as the endpoints know them.
pub fn check_all(seen: &Seen<'_>, outside: &Outside, notes: &Notes, broken: &mut Vec<String>) {
    let endpoints = store::webhook::of_store(seen.rows, notes.shop);
    let deliveries: Vec<Delivery> = all(seen.rows, Table::Deliveries);
    let count = |wanted: fn(&Delivery) -> bool| deliveries.iter().filter(|one| wanted(one)).count();
    let due = count(|one| one.due_at().is_some());
    let in_line = count(|one| one.is_open() && one.in_line);
    for (table, expected) in [(Table::DeliveriesDue, due), (Table::DeliveryLines, in_line)] {
        let mut rows = 0;
        seen.rows.scan(table, &[], Order::Ascending, &mut |_, _| {
            rows += 1;
            std::ops::ControlFlow::Continue(())
        });
        if rows != expected {
            broken.push(format!(
                "P10 {expected} messages should be in {}, and {rows} are",
                table.name()
            ));
        }
    }
    for delivery in &deliveries {
        check_one(seen, outside, &endpoints, delivery, broken);
    }
}

fn check_told(
    seen: &Seen<'_>,
    endpoint: &Endpoint,
    entry: &Entry,
    kinds: &[Kind],
    broken: &mut Vec<String>,
) {
    for (part, kind) in (0_u8..).zip(kinds) {
        if !endpoint.wants(*kind) {
            continue;
        }
        let id = DeliveryId::of_fact(endpoint.id, entry.sequence, part);
        if store::webhook::delivery(seen.rows, endpoint.store, endpoint.id, id).is_none() {
            broken.push(format!(
                "P10 webhook {} is not told of fact {}",
                endpoint.url, entry.sequence
            ));
        }
    }
}

fn check_one(
    seen: &Seen<'_>,
    outside: &Outside,
    endpoints: &[Endpoint],
    delivery: &Delivery,
    broken: &mut Vec<String>,
) {
    let id = delivery.id;
    let Some(endpoint) = endpoints.iter().find(|one| one.id == delivery.webhook) else {
        broken.push(format!("message {id} is for nobody"));
        return;
    };
    let heard = outside
        .courier
        .heard(&endpoint.url, &delivery.original.to_string())
        .unwrap_or_default();
    match &delivery.standing {
        Standing::Waiting | Standing::Due { .. } => {}
        Standing::Delivered { .. } if heard.taken.contains(&id.to_string()) => {}
        Standing::Delivered { .. } => {
            broken.push(format!(
                "P10 message {id} counts as delivered, and nobody has it"
            ));
        }
        Standing::Retried { .. } => {
            let next = id.next();
            let next = store::webhook::delivery(seen.rows, delivery.store, endpoint.id, next);
            let follows = next.is_some_and(|next| next.original == delivery.original);
            if !follows {
                broken.push(format!("P10 nothing repeats message {id}"));
            }
        }
        Standing::GivenUp { outcome, .. } => {
            let tries = usize::try_from(delivery.attempt).expect("small");
            if outcome.may_pass() && tries <= RETRY_SECS.len() {
                broken.push(format!("P10 message {id} is given up too early"));
            }
        }
    }
}

/// After healing: the endpoint that works has all, or has refused it; what is still open has its date.
pub fn check_healed(seen: &Seen<'_>, outside: &Outside, notes: &Notes, broken: &mut Vec<String>) {
    check_all(seen, outside, notes, broken);
    let endpoints = store::webhook::of_store(seen.rows, notes.shop);
    let deliveries: Vec<Delivery> = all(seen.rows, Table::Deliveries);
    let now = tollway::ports::clock::Clock::now(outside.clock.as_ref());
    for delivery in &deliveries {
        let id = delivery.id;
        let moody = (endpoints.iter())
            .any(|endpoint| endpoint.id == delivery.webhook && endpoint.url == MOODY);
        let end = match &delivery.standing {
            Standing::Delivered { .. } => "ended: a message is delivered",
            Standing::GivenUp { outcome, .. } if outcome.may_pass() => {
                "ended: a message is given up after nine tries"
            }
            Standing::GivenUp { .. } => "ended: a message was refused for good",
            Standing::Retried { .. } => continue,
            Standing::Waiting if !moody => "ended: a message waits for its turn",
            Standing::Due { at } if !moody && *at <= now.plus_secs(LONGEST_WAIT_SECS) => {
                "ended: a message waits for its next try"
            }
            Standing::Waiting | Standing::Due { .. } => {
                broken.push(format!("P10 message {id} never comes to its end"));
                continue;
            }
        };
        outside.log.count(end);
    }
}
