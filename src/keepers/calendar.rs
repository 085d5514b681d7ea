//! The calendar: invoices whose date has come, sessions that are over.

use std::sync::Arc;

use super::gate::Gate;
use crate::domain::time::Timestamp;
use crate::service::{Gateway, access};
use crate::store;

/// Invoices in one job of the writer.
const BATCH: usize = 64;

/// Looks at least so often.
const ROUND_SECS: u64 = 60;

/// After a start no invoice expires before what came meanwhile has been heard, but not later than this.
const HEARING_SECS_MAX: u64 = 600;

/// Does what the time brings.
pub struct Calendar {
    gateway: Arc<Gateway>,
    gate: Arc<Gate>,
    started: Timestamp,
}

impl Calendar {
    /// A calendar of a process that starts now.
    pub fn new(gateway: Arc<Gateway>, gate: Arc<Gate>) -> Self {
        let started = gateway.now();
        Self {
            gateway,
            gate,
            started,
        }
    }

    /// Does what is due, and says when to look again.
    pub async fn activate(&self) -> Timestamp {
        let now = self.gateway.now();
        if !self.has_heard(now) {
            return now.plus_secs(1);
        }
        let next = self
            .gateway
            .store
            .insist("calendar", move |tx| {
                for (store, id) in store::invoice::due(tx, now, BATCH) {
                    let Some(invoice) = store::invoice::get(tx, store, id) else {
                        continue;
                    };
                    let step = invoice.tick(now);
                    store::invoice::put(tx, &step.after);
                    tx.announce(store, step.facts, now);
                }
                access::purge_sessions(tx, now);
                store::invoice::next_deadline(tx)
            })
            .await
            .ok()
            .flatten();
        let round = now.plus_secs(ROUND_SECS);
        // A Processing invoice is invalid only after its deadline: never look twice in the same millisecond.
        next.map_or(round, |next| next.min(round).max(Timestamp(now.0 + 1)))
    }

    fn has_heard(&self, now: Timestamp) -> bool {
        (self.gateway.is_synchronized() && self.gate.is_quiet(now))
            || self.gate.is_reconciled()
            || now.is_past(self.started, HEARING_SECS_MAX * 1_000)
    }
}
