//! The payout runner: the only code that pays and broadcasts. Intent before act (P2), one live attempt (P1).
//!
//! It looks at every open payout and does what is due: cancels what can't be paid any more, plans and hands over what
//! may be sent, sends stored transactions again until they confirm, and compares what is doubtful with the node.

mod lightning;
mod onchain;
mod reconcile;

use std::sync::Arc;

use tracing::warn;

use super::gate::Gate;
use crate::domain::destination::Destination;
use crate::domain::payout::{Payout, Plan, Stage};
use crate::domain::receipt::Rail;
use crate::domain::store::Processor;
use crate::domain::time::Timestamp;
use crate::ports::lightning::NodeState;
use crate::service::{Gateway, settle};
use crate::store::{self, Rows};

/// When to look without being woken.
const ROUND_SECS: u64 = 30;

/// How soon to look again while the node is not ready, or something doubtful is open.
const SOON_MILLIS: u64 = 500;

/// Pays what is to be paid.
pub struct PayoutRunner {
    gateway: Arc<Gateway>,
    gate: Arc<Gate>,
    started: Timestamp,
    ready_since: Option<Timestamp>,
}

/// An open payout, and whether anyone has said that it may be sent by itself.
struct Open {
    payout: Payout,
    may_send: bool,
    /// Of the store's sender: confirm within so many blocks.
    fee_blocks: u16,
}

impl PayoutRunner {
    /// A runner of a process that starts now.
    pub fn new(gateway: Arc<Gateway>, gate: Arc<Gate>) -> Self {
        let started = gateway.now();
        Self {
            gateway,
            gate,
            started,
            ready_since: None,
        }
    }

    /// Does what is due, and says when to look again.
    pub async fn activate(&mut self) -> Timestamp {
        let now = self.gateway.now();
        let mut next = now.plus_secs(ROUND_SECS);
        let open = self.look(now).await;
        self.cancel_expired(&open, now).await;
        match self.gateway.lightning.state() {
            NodeState::Ready => {
                self.ready_since.get_or_insert(now);
                self.reconcile(&open, now).await;
                if self.gate.is_reconciled() {
                    self.send_lightning(&open, now).await;
                } else {
                    next = Timestamp(now.0 + SOON_MILLIS);
                }
            }
            NodeState::WaitingForChain(_) | NodeState::Syncing | NodeState::Stopped => {
                self.ready_since = None;
                next = Timestamp(now.0 + SOON_MILLIS);
            }
        }
        if self.gateway.follower.is_synced() {
            self.plan_onchain(&open, now).await;
        } else {
            next = Timestamp(now.0 + SOON_MILLIS);
        }
        self.broadcast(now).await;
        open.iter()
            .filter_map(|one| one.payout.next_attempt_at)
            .filter(|at| *at > now)
            .fold(next, Timestamp::min)
    }

    async fn look(&self, now: Timestamp) -> Vec<Open> {
        self.gateway
            .store
            .read(move |rows| {
                store::payout::open(rows)
                    .into_iter()
                    .filter_map(|one| store::payout::get(rows, one.store, one.payout))
                    .map(|payout| see(rows, payout, now))
                    .collect()
            })
            .await
    }

    /// An invoice that ran out before it could be paid is given up, with that reason (D14).
    async fn cancel_expired(&self, open: &[Open], now: Timestamp) {
        for one in open {
            let Destination::Bolt11(invoice) = &one.payout.destination else {
                continue;
            };
            if invoice.expires_at > now || one.payout.live_attempt().is_some() {
                continue;
            }
            let (shop, id) = (one.payout.store, one.payout.id);
            let cancelled = self
                .gateway
                .store
                .insist("payout-expired", move |tx| {
                    let Some(payout) = store::payout::get(tx, shop, id) else {
                        return;
                    };
                    let why = "The invoice expired before it was paid. Withdraw again.";
                    if let Ok(step) = payout.clone().cancel(why) {
                        settle::commit(tx, &payout, step, now);
                    }
                })
                .await;
            if cancelled.is_err() {
                warn!(payout.id = %id, "payout {id} could not be cancelled");
            }
        }
    }
}

fn see(rows: &dyn Rows, payout: Payout, now: Timestamp) -> Open {
    let sender = store::payout::processor(rows, payout.store, payout.rail());
    let fee_blocks = sender
        .as_ref()
        .and_then(|sender| u16::try_from(sender.fee_block_target).ok())
        .unwrap_or(1);
    let may_send = payout.pay_now || sender.is_some_and(|sender| sends(&sender, &payout, now));
    Open {
        payout,
        may_send,
        fee_blocks,
    }
}

/// An instant sender sends at once; another in rounds that are counted from when it was set.
fn sends(sender: &Processor, payout: &Payout, now: Timestamp) -> bool {
    let interval = u64::from(sender.interval_secs.max(1)) * 1_000;
    let rounds = now.millis_since(sender.since) / interval;
    let last_round = Timestamp(sender.since.0.saturating_add(rounds * interval));
    sender.instant || payout.created <= last_round
}

impl Open {
    /// Waits to be paid over this rail, may be sent by itself, and its time has come.
    fn is_due(&self, rail: Rail, now: Timestamp) -> bool {
        self.may_send
            && self.payout.rail() == rail
            && self.payout.stage == Stage::AwaitingPayment
            && self.payout.next_attempt_at.is_none_or(|at| at <= now)
    }

    /// Has a Lightning attempt that takes a place among those in flight. One that a person has to look at does not:
    /// it would keep its place for ever.
    fn takes_room(&self) -> bool {
        self.is_in_flight() && !self.payout.in_review()
    }

    /// Has a Lightning attempt that may still succeed.
    fn is_in_flight(&self) -> bool {
        self.payout
            .live_attempt()
            .is_some_and(|live| matches!(live.plan, Plan::Lightning { .. }))
    }
}
