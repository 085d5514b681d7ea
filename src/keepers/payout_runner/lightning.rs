//! The Lightning payer: what is due goes out as soon as there is room for it, oldest first.
//!
//! It reads indexes, not all that is open, so that a round costs as much as it has to do. While payments are being
//! handed over, a slot that an event frees is filled at once.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use tracing::warn;

use super::send::{Busy, Sending};
use super::{REST_SECS_MAX, ROUND_SECS, SOON_MILLIS, TOO_LITTLE_SECS, sends};
use crate::domain::ids::{PayoutId, PullPaymentId, StoreId};
use crate::domain::payout::Payout;
use crate::domain::receipt::Rail;
use crate::domain::time::Timestamp;
use crate::keepers::gate::Gate;
use crate::ports::lightning::NodeState;
use crate::service::books::allowance;
use crate::service::{Gateway, inside, settle};
use crate::store::payout::PayoutRef;
use crate::store::payout_queue::{self, Lane, Live, Under, Waiting};
use crate::store::{self, Rows, Wake};

/// Payments in flight at once for each usable channel: a channel takes about 50 HTLCs a direction, and a payment may
/// need several. The node does not tell how many parts a payment has.
const IN_FLIGHT_PER_CHANNEL: usize = 20;

/// Payments in flight at once for one pull payment: whoever holds a link can hold payments up, but not everybody's.
const IN_FLIGHT_PER_LINK_MAX: usize = 8;

/// Of all places, guests' stores take at most this part: what they send to themselves and hold up holds up nobody else.
const GUESTS_SHARE: usize = 2;

/// Payouts given up, or settled inside, in one job of the writer.
const BATCH: usize = 64;

/// So long one activation goes on while there is more to send; then the process may stop.
const BUSY_MILLIS: u64 = 2_000;

/// Pays what is to be paid over Lightning.
pub struct LightningPayer {
    pub(super) gateway: Arc<Gateway>,
    pub(super) gate: Arc<Gate>,
    /// Since when the node is ready, as this process has seen it.
    pub(super) ready_since: Option<Timestamp>,
    /// Since when it is ready with all its peers there.
    pub(super) calm_since: Option<Timestamp>,
    /// When the peers were last looked at.
    pub(super) peers_seen: Option<Timestamp>,
    /// When the node's records were last read.
    pub(super) records_heard: Option<Timestamp>,
    /// What this process has handed over: the node has it, so it is not silent.
    pub(super) handed: BTreeSet<PayoutId>,
}

/// What there is to do.
#[derive(Default)]
pub(super) struct Sight {
    /// Their invoice ran out.
    over: Vec<PayoutRef>,
    /// Their invoice is one of this server.
    inside: Vec<PayoutRef>,
    /// Under way, over the node.
    pub(super) live: Vec<Live>,
    /// Recorded, and not being handed over just now.
    pub(super) doubtful: Vec<Payout>,
    /// To be sent now.
    due: Vec<Waiting>,
    /// When there is more to do, if nothing happens before.
    next: Option<Timestamp>,
}

impl LightningPayer {
    /// A payer of a process that starts now.
    pub const fn new(gateway: Arc<Gateway>, gate: Arc<Gate>) -> Self {
        Self {
            gateway,
            gate,
            ready_since: None,
            calm_since: None,
            peers_seen: None,
            records_heard: None,
            handed: BTreeSet::new(),
        }
    }

    /// Does what is due, and says when to look again.
    pub async fn activate(&mut self) -> Timestamp {
        let gateway = self.gateway.clone();
        let began = gateway.now();
        if gateway.held().is_some() {
            return began.plus_secs(ROUND_SECS);
        }
        let mut sending = Sending::default();
        loop {
            let now = gateway.now();
            let next = self.round(&mut sending, now).await;
            if sending.is_empty() {
                return next;
            }
            if now.is_past(began, BUSY_MILLIS) {
                self.handed.extend(sending.all().await);
                return now;
            }
            tokio::select! {
                // In one order: nothing but the world decides what happens.
                biased;
                done = sending.some() => self.handed.extend(done),
                () = gateway.store.signals().woken(Wake::LightningPayouts) => {}
                () = gateway.clock.sleep_until(next) => {}
            }
        }
    }

    async fn round(&mut self, sending: &mut Sending, now: Timestamp) -> Timestamp {
        let ready = self.gateway.lightning.state() == NodeState::Ready;
        let mut sight = self.look(sending.busy().clone(), ready, now).await;
        self.give_up(&sight.over, now).await;
        self.settle_inside(&sight.inside, now).await;
        let round = sight.next.map_or(now.plus_secs(ROUND_SECS), |next| {
            next.min(now.plus_secs(ROUND_SECS))
        });
        if !ready {
            (self.ready_since, self.calm_since) = (None, None);
            return round.min(Timestamp(now.0 + SOON_MILLIS));
        }
        self.ready_since.get_or_insert(now);
        let was_open = self.gate.is_reconciled();
        self.reconcile(&sight, now).await;
        if !self.gate.is_reconciled() {
            return round.min(Timestamp(now.0 + SOON_MILLIS));
        }
        if !was_open {
            sight = self.look(sending.busy().clone(), ready, now).await;
        }
        for payout in sight.due {
            sending.add(self.gateway.clone(), self.gate.clone(), payout);
        }
        round
    }

    async fn look(&self, busy: Busy, ready: bool, now: Timestamp) -> Sight {
        let channels = self.gateway.lightning.usable_channels();
        // The height bounds how long a doubt may last: nothing is planned before it is known.
        let may_send =
            ready && self.gate.is_reconciled() && self.gateway.follower.known_tip().is_some();
        let room = if may_send {
            (channels * IN_FLIGHT_PER_CHANNEL).max(1)
        } else {
            0
        };
        self.gateway
            .store
            .read(move |rows| see(rows, room, &busy, now))
            .await
    }

    /// An invoice that ran out before it could be paid is given up, with that reason (D14).
    async fn give_up(&self, over: &[PayoutRef], now: Timestamp) {
        if over.is_empty() {
            return;
        }
        let over = over.to_vec();
        let given_up = self
            .gateway
            .store
            .insist("payout-expired", move |tx| {
                for one in over {
                    let Some(payout) = store::payout::get(tx, one.store, one.payout) else {
                        continue;
                    };
                    let why = "The invoice expired before it was paid. Withdraw again.";
                    if let Ok(step) = payout.clone().cancel(why) {
                        settle::commit(tx, &payout, step, now);
                    }
                }
            })
            .await;
        if given_up.is_err() {
            warn!("payouts whose invoices ran out could not be cancelled");
        }
    }

    /// P7 not to ourselves: the node is not asked.
    async fn settle_inside(&self, due: &[PayoutRef], now: Timestamp) {
        if due.is_empty() {
            return;
        }
        let due = due.to_vec();
        let node_id = self.gateway.lightning.node_id().serialize();
        let settled = self
            .gateway
            .store
            .insist("payout-inside", move |tx| {
                for one in due {
                    let Some(payout) = store::payout::get(tx, one.store, one.payout) else {
                        continue;
                    };
                    let payee = inside::payee(tx, &payout).unwrap_or(one.store);
                    let covered = allowance::check_inside(tx, one.store, payee, payout.amount);
                    if let Err(too_little) = covered {
                        let until = now.plus_secs(TOO_LITTLE_SECS);
                        let step = payout.clone().wait(too_little.to_string(), until);
                        settle::commit(tx, &payout, step, now);
                    } else {
                        inside::settle(tx, &payout, &node_id, now);
                    }
                }
            })
            .await;
        if settled.is_err() {
            warn!("payouts to invoices of this server could not be settled");
        }
    }
}

fn see(rows: &dyn Rows, room: usize, busy: &Busy, now: Timestamp) -> Sight {
    let (over, next) = payout_queue::expired(rows, now, BATCH);
    let mut sight = Sight {
        over,
        next,
        live: payout_queue::live(rows, Lane::Node),
        ..Sight::default()
    };
    sight.inside = first_due(rows, Lane::Inside, BATCH, now, &mut sight.next, &mut |_| {
        true
    })
    .into_iter()
    .map(|waiting| waiting.payout)
    .collect();
    // One that a person has to look at takes no place: it would keep it for ever.
    let mut taken = busy.clone();
    for live in &sight.live {
        match live.under {
            Under::Recorded | Under::Sent => {
                taken.insert(live.payout.payout, live.pull_payment);
            }
            Under::InReview => {}
        }
        if live.under == Under::Recorded && !busy.contains_key(&live.payout.payout) {
            let found = store::payout::get(rows, live.payout.store, live.payout.payout);
            if let Some(payout) = found {
                sight.next = earlier(sight.next, payout.next_attempt_at.filter(|at| *at > now));
                sight.doubtful.push(payout);
            }
        }
    }
    let mut links: BTreeMap<PullPaymentId, usize> = BTreeMap::new();
    for link in taken.values().flatten() {
        *links.entry(*link).or_default() += 1;
    }
    let mut owners: BTreeMap<StoreId, bool> = BTreeMap::new();
    let mut is_guest = |store| {
        !*owners
            .entry(store)
            .or_insert_with(|| store::settings::may_spend_from_node(rows, store))
    };
    let mut guests = taken
        .keys()
        .filter_map(|id| store::payout::store_of(rows, *id))
        .filter(|store| is_guest(*store))
        .count();
    let free = room.saturating_sub(taken.len());
    if free > 0 {
        sight.due = first_due(
            rows,
            Lane::Node,
            free,
            now,
            &mut sight.next,
            &mut |waiting| {
                if busy.contains_key(&waiting.payout.payout) {
                    return false;
                }
                if is_guest(waiting.payout.store) {
                    guests += 1;
                    if guests > (room / GUESTS_SHARE).max(1) {
                        return false;
                    }
                }
                waiting.pull_payment.is_none_or(|link| {
                    let taken = links.entry(link).or_default();
                    *taken += 1;
                    *taken <= IN_FLIGHT_PER_LINK_MAX
                })
            },
        );
    }
    sight
}

/// The first of a lane that are due, over all its lines; `next` learns when more will be.
fn first_due(
    rows: &dyn Rows,
    lane: Lane,
    limit: usize,
    now: Timestamp,
    next: &mut Option<Timestamp>,
    fits: &mut dyn FnMut(&Waiting) -> bool,
) -> Vec<Waiting> {
    let mut due: Vec<Waiting> = Vec::new();
    for line in payout_queue::lines(rows, lane) {
        let sender = store::payout::processor(rows, line.store, Rail::Lightning);
        if !line.pay_now && sender.is_none() {
            continue;
        }
        let mut found = 0;
        payout_queue::waiting(rows, lane, line, &mut |waiting| {
            let sent = line.pay_now
                || (sender.as_ref()).is_some_and(|sender| sends(sender, waiting.created, now));
            if !sent {
                return ControlFlow::Continue(());
            }
            // A payout that was refused stands behind those that have not been tried.
            if !now.has_reached(waiting.at, REST_SECS_MAX) {
                *next = earlier(*next, Some(waiting.at));
                return ControlFlow::Continue(());
            }
            if fits(&waiting) {
                found += 1;
                due.push(waiting);
            }
            if found < limit {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        });
    }
    due.sort_by_key(|waiting| (waiting.at, waiting.created, waiting.payout.payout));
    due.truncate(limit);
    due
}

fn earlier(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
