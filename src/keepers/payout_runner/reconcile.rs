//! After a start, and whenever something is doubtful: compare what we recorded with what the node knows.
//!
//! The restart table: `Recorded` may or may not have been handed over, so the *same* invoice is handed over again
//! (an honest payee accepts a hash once, and LDK answers Duplicate for what it has). `Sent` only waits; after a restart
//! that brought no word of it, a person has to look.

use tracing::{info, warn};

use super::lightning::{LightningPayer, Sight};
use super::send::intent_of;
use super::{REST_SECS_MAX, SOON_MILLIS, chance, change, live_number};
use crate::domain::destination::Destination;
use crate::domain::fact::{Fact, Step};
use crate::domain::ids::{PaymentHash, StoreId};
use crate::domain::payout::{LONGEST_DOUBT_BLOCKS, Payout, Plan, Standing};
use crate::domain::time::Timestamp;
use crate::ports::lightning::{Direction, Dispatch, PaymentRecord, RecordStatus};
use crate::service::settle;
use crate::store::payout_queue::{Live, Under};
use crate::store::{self, Rows};

/// How long peers may take to come back before reconcile goes on without them, and how long a payment that was sent
/// before the restart may stay without an event before a person has to look.
const PATIENCE_MILLIS: u64 = 600_000;

/// The node's queue counts as heard after so long, quiet or not.
const HEARING_MILLIS_MAX: u64 = 30_000;

/// A record that says Failed is older than its event by a moment: after this time the event has been queued.
const SETTLED_MILLIS: u64 = 5_000;

/// How often the peers are looked at while something silent is waited for.
const PEERS_MILLIS: u64 = 10_000;

/// How often the node's records are read for what its queue may have dropped.
const RECORDS_MILLIS: u64 = 86_400_000;

impl LightningPayer {
    /// Opens the gate once what the node knows has been heard; then looks after doubtful attempts.
    pub(super) async fn reconcile(&mut self, sight: &Sight, now: Timestamp) {
        if !self.gate.is_reconciled() {
            let ready_millis = self.ready_since.map_or(0, |since| now.millis_since(since));
            let waits = sight.live.iter().any(|live| live.under != Under::InReview)
                && ready_millis < PATIENCE_MILLIS
                && !self.gateway.lightning.peers_connected().await;
            // Under steady traffic the queue is never quiet, but what it held at the start is through by then.
            let heard = self.gate.is_quiet(now) || ready_millis >= HEARING_MILLIS_MAX;
            if waits || !heard {
                return;
            }
        }
        let stale = self
            .records_heard
            .is_none_or(|heard| now.is_past(heard, RECORDS_MILLIS));
        if !self.gate.is_reconciled() || stale {
            self.hear_records(now).await;
            self.records_heard = Some(now);
        }
        for payout in &sight.doubtful {
            let rested = payout
                .next_attempt_at
                .is_none_or(|at| now.has_reached(at, REST_SECS_MAX));
            if rested {
                self.compare(payout, now).await;
            }
        }
        self.review_silent(&sight.live, now).await;
        if !self.gate.is_reconciled() {
            info!("open payments have been compared with the node");
            self.gate.reconciled();
        }
    }

    /// Steps 1 and 2 for an attempt that may or may not have been handed over. No event is taken in meanwhile.
    async fn compare(&mut self, seen: &Payout, now: Timestamp) {
        let gate = self.gate.clone();
        let _turn = gate.hands_over().await;
        let (shop, id) = (seen.store, seen.id);
        let fresh = self
            .gateway
            .store
            .read(move |rows| store::payout::get(rows, shop, id))
            .await;
        // An event has ended it since.
        let Some(seen) = fresh.filter(|fresh| fresh.live_attempt() == seen.live_attempt()) else {
            return;
        };
        let Some(intent) = intent_of(&seen) else {
            return;
        };
        let seen = &seen;
        let hash = intent.hash;
        let record = self.gateway.lightning.payment(hash).await;
        let known = record.is_some();
        match record {
            Some(PaymentRecord {
                direction: Direction::Inbound,
                ..
            }) => {
                let why = "The node knows the payment's hash as one of its own invoices.";
                self.change(seen, move |payout| payout.review(why)).await;
            }
            Some(
                record @ PaymentRecord {
                    status: RecordStatus::Succeeded,
                    ..
                },
            ) => self.settle_from(record, now).await,
            // Its event is still to come, and would end the next attempt instead.
            Some(PaymentRecord {
                status: RecordStatus::Failed,
                updated,
                ..
            }) if !self.gate.is_quiet(now) || !now.is_past(updated, SETTLED_MILLIS) => {
                let why = "The node is being heard.";
                let until = Timestamp(now.0 + SOON_MILLIS);
                self.change(seen, move |payout| payout.wait(why.to_owned(), until))
                    .await;
            }
            Some(PaymentRecord {
                status: RecordStatus::Failed,
                ..
            }) if live_number(seen) == Some(1) && !self.was_forgotten(seen.store, hash).await => {
                let why = "The node's record says that the payment failed.";
                let chance = chance(&self.gateway);
                let failed = move |payout: Payout| payout.attempt_failed(why, chance, now);
                self.change(seen, failed).await;
            }
            Some(_) | None if has_run_out(seen, now) => self.hold(seen, now).await,
            Some(_) | None => self.hand_over_again(seen, known, now).await,
        }
    }

    async fn settle_from(&self, record: PaymentRecord, now: Timestamp) {
        let arrived = settle::Arrived::from(&record);
        let settled = self
            .gateway
            .store
            .insist("payout-reconcile", move |tx| {
                settle::lightning_succeeded(tx, arrived, now);
            })
            .await;
        if settled.is_err() {
            warn!("a payment that has arrived could not be settled");
        }
    }

    /// Removes the node's record, which would only say Duplicate, and hands over the same invoice.
    async fn hand_over_again(&mut self, seen: &Payout, known: bool, now: Timestamp) {
        let (Some(intent), Some(attempt)) = (intent_of(seen), live_number(seen)) else {
            return;
        };
        let (shop, id, hash) = (seen.store, seen.id, intent.hash);
        // Noted also if there is no record: from now on a failure that the node tells may be that of an earlier try.
        let noted = self
            .gateway
            .store
            .insist("payout-forget-record", move |tx| {
                tx.announce(shop, vec![Fact::PaymentRecordForgotten { hash }], now);
            })
            .await;
        if noted.is_err() || known && self.gateway.lightning.forget_payment(hash).await.is_err() {
            return;
        }
        let dispatch = self.gateway.lightning.pay(&intent).await;
        info!(payout.id = %id, "payout {id} was handed over again: {dispatch:?}");
        if matches!(dispatch, Dispatch::Taken | Dispatch::Doubtful(_)) {
            self.handed.insert(id);
        }
        let chance = chance(&self.gateway);
        self.change(seen, move |payout| match dispatch {
            // Doubtful is what LDK says of a payment that it has: wait for its event.
            Dispatch::Taken | Dispatch::Doubtful(_) => payout.sent(attempt),
            // The route is looked for before LDK looks at what it has: a refusal proves nothing here.
            Dispatch::Declined { why, .. } => payout.doubted(&why, chance, now),
        })
        .await;
    }

    /// Step 3: the invoice has run out, so nothing can be handed over any more, but what was may still arrive. Once
    /// every HTLC of it has timed out, a person decides.
    async fn hold(&self, seen: &Payout, now: Timestamp) {
        let planned = seen.live_attempt().map(|live| &live.plan);
        let Some(Plan::Lightning { height, .. }) = planned else {
            return;
        };
        let last = height.saturating_add(LONGEST_DOUBT_BLOCKS);
        let tip = self
            .gateway
            .follower
            .known_tip()
            .map_or(0, |tip| tip.height);
        if tip > last && !self.gateway.lightning.has_closing_channels().await {
            let why = "The invoice has expired, the node knows nothing of the payment, and no part of it can be \
                       under way any more.";
            self.change(seen, move |payout| payout.review(why)).await;
            return;
        }
        let why = format!(
            "The invoice has expired, and nobody knows whether it was paid before: a payment may be under way until \
             block {last}."
        );
        let until = now.plus_secs(REST_SECS_MAX);
        self.change(seen, move |payout| payout.wait(why, until))
            .await;
    }

    /// Sent before this start, the node is ready, its peers are there, and nobody has heard of it for long: a person
    /// has to look. Without a restart no time is too long.
    async fn review_silent(&mut self, live: &[Live], now: Timestamp) {
        let silent =
            |live: &&Live| live.under == Under::Sent && !self.handed.contains(&live.payout.payout);
        if !live.iter().any(|live| silent(&live)) {
            self.handed
                .retain(|id| live.iter().any(|live| live.payout.payout == *id));
            return;
        }
        let silent: Vec<Live> = live.iter().filter(silent).copied().collect();
        if self
            .peers_seen
            .is_none_or(|seen| now.is_past(seen, PEERS_MILLIS))
        {
            self.peers_seen = Some(now);
            if self.gateway.lightning.peers_connected().await {
                self.calm_since.get_or_insert(now);
            } else {
                self.calm_since = None;
            }
        }
        if (self.calm_since).is_none_or(|since| now.millis_since(since) < PATIENCE_MILLIS) {
            return;
        }
        for one in silent {
            let target = one.payout;
            let seen = self
                .gateway
                .store
                .read(move |rows| store::payout::get(rows, target.store, target.payout))
                .await;
            let Some(seen) = seen else { continue };
            let Some(intent) = intent_of(&seen) else {
                continue;
            };
            let record = self.gateway.lightning.payment(intent.hash).await;
            if let Some(
                record @ PaymentRecord {
                    direction: Direction::Outbound,
                    status: RecordStatus::Succeeded,
                    ..
                },
            ) = record
            {
                self.settle_from(record, now).await;
                continue;
            }
            let why = "The node has said nothing about this payment since the restart.";
            self.change(&seen, move |payout| {
                let sent =
                    (payout.live_attempt()).is_some_and(|live| live.standing == Standing::Sent);
                if sent {
                    payout.review(why)
                } else {
                    Step::quiet(payout)
                }
            })
            .await;
        }
    }

    async fn was_forgotten(&self, shop: StoreId, hash: PaymentHash) -> bool {
        self.gateway
            .store
            .read(move |rows: &store::Snapshot| {
                let rows: &dyn Rows = rows;
                store::journal::of_object(rows, shop, hash.as_bytes())
                    .iter()
                    .any(|entry| entry.fact == Fact::PaymentRecordForgotten { hash })
            })
            .await
    }

    async fn change(
        &self,
        seen: &Payout,
        verb: impl FnOnce(Payout) -> Step<Payout> + Send + 'static,
    ) {
        change(&self.gateway, seen, verb).await;
    }
}

fn has_run_out(payout: &Payout, now: Timestamp) -> bool {
    match &payout.destination {
        Destination::Bolt11(invoice) => invoice.expires_at <= now,
        Destination::Address(_) => false,
    }
}
