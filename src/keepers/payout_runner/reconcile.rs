//! After a start, and whenever something is doubtful: compare what we recorded with what the node knows.
//!
//! The restart table: `Recorded` may or may not have been handed over, so the *same* invoice is handed over again
//! (an honest payee accepts a hash once, and LDK answers Duplicate for what it has). `Sent` only waits.

use tracing::{info, warn};

use super::lightning::{DOUBT_SECS, intent_of};
use super::{LightningPayer, Open, REST_SECS_MAX, change, live_number};
use crate::domain::fact::Fact;
use crate::domain::payout::{Payout, Plan, Standing};
use crate::domain::time::Timestamp;
use crate::ports::lightning::{Direction, Dispatch, PaymentRecord, RecordStatus};
use crate::service::{intake, settle};
use crate::store::{self, Rows};

/// How long peers may take to come back before reconcile goes on without them, and how long a payment that was sent
/// before the restart may stay without an event before a person has to look.
const PATIENCE_MILLIS: u64 = 600_000;

/// The node's queue counts as heard after so long, quiet or not.
const HEARING_MILLIS_MAX: u64 = 30_000;

impl LightningPayer {
    /// Opens the gate once what the node knows has been heard; then looks after doubtful attempts.
    pub(super) async fn reconcile(&self, open: &[Open], now: Timestamp) {
        let patient = self
            .ready_since
            .is_none_or(|since| now.millis_since(since) < PATIENCE_MILLIS);
        if !self.gate.is_reconciled() {
            let waits = open.iter().any(Open::is_in_flight)
                && patient
                && !self.gateway.lightning.peers_connected().await;
            let ready_millis = self.ready_since.map_or(0, |since| now.millis_since(since));
            // Under steady traffic the queue is never quiet, but what it held at the start is through by then.
            let heard = self.gate.is_quiet(now) || ready_millis >= HEARING_MILLIS_MAX;
            if waits || !heard {
                return;
            }
            self.hear_records(now).await;
        }
        for one in open.iter().filter(|one| one.is_in_flight()) {
            self.compare(&one.payout, patient, now).await;
        }
        if !self.gate.is_reconciled() {
            info!("open payments have been compared with the node");
            self.gate.reconciled();
        }
    }

    /// Takes in what the node's queue may have dropped (P10): its own records say what arrived.
    async fn hear_records(&self, now: Timestamp) {
        let done: Vec<PaymentRecord> = self
            .gateway
            .lightning
            .payments()
            .await
            .into_iter()
            .filter(|record| record.status == RecordStatus::Succeeded)
            .collect();
        for chunk in done.chunks(64) {
            let chunk = chunk.to_vec();
            let heard = self
                .gateway
                .store
                .insist("lightning-records", move |tx| {
                    for record in chunk {
                        match record.direction {
                            Direction::Inbound => {
                                let amount = record.amount.unwrap_or_default();
                                intake::take_lightning(tx, record.hash, amount, now);
                            }
                            Direction::Outbound if settle::payout_of(tx, record.hash).is_some() => {
                                settle::lightning_succeeded(
                                    tx,
                                    record.hash,
                                    record.preimage,
                                    record.fee,
                                    now,
                                );
                            }
                            Direction::Outbound => {}
                        }
                    }
                })
                .await;
            if heard.is_err() {
                warn!("the node's records could not be taken in");
            }
        }
    }

    async fn compare(&self, seen: &Payout, patient: bool, now: Timestamp) {
        let Some(live) = seen.live_attempt() else {
            return;
        };
        match live.standing {
            Standing::Recorded
                if (seen.next_attempt_at).is_none_or(|at| now.has_reached(at, REST_SECS_MAX)) =>
            {
                self.compare_recorded(seen, now).await;
            }
            // Sent before this start, and nobody has heard of it since, for long.
            Standing::Sent if live.at < self.started && !patient => {
                let why = "The node has said nothing about this payment since the restart.";
                change(&self.gateway, seen, move |payout| payout.review(why)).await;
            }
            Standing::Recorded
            | Standing::Sent
            | Standing::InReview { .. }
            | Standing::Settled
            | Standing::Failed { .. } => {}
        }
    }

    /// Steps 1 and 2 for an attempt that may or may not have been handed over.
    async fn compare_recorded(&self, seen: &Payout, now: Timestamp) {
        let Some(intent) = intent_of(seen) else {
            return;
        };
        let hash = intent.hash;
        let record = self.gateway.lightning.payment(hash).await;
        let outbound = record.filter(|record| record.direction == Direction::Outbound);
        let forgotten = self.was_forgotten(seen, hash).await;
        match outbound {
            Some(PaymentRecord {
                status: RecordStatus::Succeeded,
                preimage,
                fee,
                ..
            }) => {
                let _ = self
                    .gateway
                    .store
                    .insist("payout-reconcile", move |tx| {
                        settle::lightning_succeeded(tx, hash, preimage, fee, now);
                    })
                    .await;
            }
            Some(PaymentRecord {
                status: RecordStatus::Failed,
                ..
            }) if live_number(seen) == Some(1) && !forgotten => {
                let why = "The node's record says that the payment failed.";
                change(&self.gateway, seen, move |payout| {
                    payout.attempt_failed(why, now)
                })
                .await;
            }
            Some(_) | None => self.hand_over_again(seen, now).await,
        }
    }

    /// Removes the node's record, which would only say Duplicate, and hands over the same invoice.
    async fn hand_over_again(&self, seen: &Payout, now: Timestamp) {
        let Some(intent) = intent_of(seen) else {
            return;
        };
        let (shop, id, hash) = (seen.store, seen.id, intent.hash);
        let noted = self
            .gateway
            .store
            .insist("payout-forget-record", move |tx| {
                tx.announce(shop, vec![Fact::PaymentRecordForgotten { hash }], now);
            })
            .await;
        if noted.is_err() || self.gateway.lightning.forget_payment(hash).await.is_err() {
            return;
        }
        let dispatch = self.gateway.lightning.pay(&intent).await;
        info!(payout.id = %id, "payout {id} was handed over again: {dispatch:?}");
        let over = seen
            .live_attempt()
            .is_some_and(|_| expired(seen, self.gateway.now()));
        change(&self.gateway, seen, move |payout| match dispatch {
            // Doubtful is what LDK says of a payment that it has: wait for its event.
            Dispatch::Taken | Dispatch::Doubtful(_) => payout.sent(),
            // The route is looked for before LDK looks at what it has: a refusal proves nothing here.
            Dispatch::Declined { why, .. } if over => payout.review(&why),
            Dispatch::Declined { why, .. } => payout.wait(why, now.plus_secs(DOUBT_SECS)),
        })
        .await;
    }

    async fn was_forgotten(&self, seen: &Payout, hash: crate::domain::ids::PaymentHash) -> bool {
        let shop = seen.store;
        self.gateway
            .store
            .read(move |rows: &store::Snapshot| {
                let rows: &dyn Rows = rows;
                !store::journal::of_object(rows, shop, hash.as_bytes()).is_empty()
            })
            .await
    }
}

fn expired(payout: &Payout, now: Timestamp) -> bool {
    let crate::domain::destination::Destination::Bolt11(invoice) = &payout.destination else {
        return false;
    };
    let planned = payout
        .live_attempt()
        .is_some_and(|live| matches!(live.plan, Plan::Lightning { .. }));
    planned && invoice.expires_at <= now
}
