//! Writing the messages that tell a fact, in the fact's own commit.

use super::line;
use crate::domain::fact::Entry;
use crate::domain::payout::Origin;
use crate::domain::webhook::{Delivery, Endpoint, Event, Telling, What};
#[cfg(debug_assertions)]
use crate::sabotage::{Bug, is_planted};
use crate::store::rows::Rows;
use crate::store::tx::Tx;
use crate::store::{invoice, payout};

/// Writes the messages that tell a fact. The object it is about is in its row already, as it stands after the commit.
pub fn tell(tx: &mut Tx<'_>, endpoints: &[Endpoint], entry: &Entry) {
    if endpoints.iter().all(|endpoint| !endpoint.enabled) {
        return;
    }
    #[cfg(debug_assertions)]
    if is_planted(Bug::DropDelivery) && entry.sequence.is_multiple_of(5) {
        return;
    }
    for (part, event) in (0_u8..).zip(events_of(tx, entry)) {
        for endpoint in endpoints.iter().filter(|one| one.wants(event.kind)) {
            let waits = line::is_busy(tx, endpoint.id, event.object());
            let delivery = Delivery::of_fact(endpoint, event.clone(), part, waits);
            super::put_new(tx, &delivery);
        }
    }
}

/// The events that tell a fact, in order.
pub fn events_of(rows: &dyn Rows, entry: &Entry) -> Vec<Event> {
    let Some(Telling { kinds, what }) = Telling::of(&entry.fact) else {
        return Vec::new();
    };
    let kinds = kinds.iter().copied();
    match what {
        What::Invoice(id, change) => invoice::get(rows, entry.store, id)
            .map(|invoice| {
                kinds
                    .map(|kind| Event::of_invoice(kind, entry, &change, &invoice))
                    .collect()
            })
            .unwrap_or_default(),
        // Payments by hand from the wallet are payouts for us alone.
        What::Payout(id, state, failure) => payout::get(rows, entry.store, id)
            .filter(|payout| payout.origin != Origin::WalletSend)
            .map(|payout| {
                kinds
                    .map(|kind| Event::of_payout(kind, entry, state, failure.clone(), &payout))
                    .collect()
            })
            .unwrap_or_default(),
    }
}
