//! The payout runner: the only code that pays and broadcasts. Intent before act (P2), one live attempt (P1).
//!
//! Two keepers, one for each rail, so that a node that hangs holds up no transaction and a bitcoind that hangs no
//! payment. Each looks at the open payouts of its rail and does what is due: [`LightningPayer`] gives up invoices that
//! ran out, compares what is doubtful with the node and hands payments over; [`OnchainPayer`] plans transactions and
//! sends stored ones again until they confirm.

mod lightning;
mod onchain;
mod reconcile;
mod records;
#[cfg(debug_assertions)]
mod sabotaged;
mod send;

use tracing::warn;

pub use lightning::LightningPayer;
pub use onchain::OnchainPayer;

use crate::domain::fact::Step;
use crate::domain::payout::{Payout, Stage};
use crate::domain::receipt::Rail;
use crate::domain::store::Processor;
use crate::domain::time::Timestamp;
use crate::service::{Gateway, settle};
use crate::store::{self, Rows};

/// When to look without being woken.
const ROUND_SECS: u64 = 30;

/// How soon to look again while the node is not ready, or something doubtful is open.
const SOON_MILLIS: u64 = 500;

/// How long a payout rests that its store has too little for: money may come in at any time.
const TOO_LITTLE_SECS: u64 = 30;

/// No payout rests longer than this before it is tried again.
const REST_SECS_MAX: u64 = 600;

/// An open payout, and whether anyone has said that it may be sent by itself.
struct Open {
    payout: Payout,
    may_send: bool,
    /// Of the store's sender: confirm within so many blocks.
    fee_blocks: u16,
}

/// The open payouts of a rail.
async fn look(gateway: &Gateway, rail: Rail, now: Timestamp) -> Vec<Open> {
    gateway
        .store
        .read(move |rows| {
            store::payout::open(rows)
                .into_iter()
                .filter_map(|one| store::payout::get(rows, one.store, one.payout))
                .filter(|payout| payout.rail() == rail)
                .map(|payout| see(rows, payout, now))
                .collect()
        })
        .await
}

/// When to look again, if not before `next`: when the first payout has rested long enough.
fn next_look(open: &[Open], next: Timestamp, now: Timestamp) -> Timestamp {
    open.iter()
        .filter_map(|one| one.payout.next_attempt_at)
        .filter(|at| *at > now)
        .fold(next, Timestamp::min)
}

/// Applies a verb to a payout as it is by now, if its attempt is still the one that was looked at.
async fn change(
    gateway: &Gateway,
    seen: &Payout,
    verb: impl FnOnce(Payout) -> Step<Payout> + Send + 'static,
) {
    let now = gateway.now();
    let (shop, id) = (seen.store, seen.id);
    let attempt = live_number(seen);
    let changed = gateway
        .store
        .insist("payout-change", move |tx| {
            let Some(payout) = store::payout::get(tx, shop, id) else {
                return;
            };
            if live_number(&payout) == attempt {
                let step = verb(payout.clone());
                settle::commit(tx, &payout, step, now);
            }
        })
        .await;
    if changed.is_err() {
        warn!(payout.id = %id, "payout {id} could not be changed");
    }
}

fn live_number(payout: &Payout) -> Option<u32> {
    payout.live_attempt().map(|live| live.number)
}

fn see(rows: &dyn Rows, payout: Payout, now: Timestamp) -> Open {
    let sender = store::payout::processor(rows, payout.store, payout.rail());
    let fee_blocks = sender
        .as_ref()
        .and_then(|sender| u16::try_from(sender.fee_block_target).ok())
        .unwrap_or(1);
    let may_send =
        payout.pay_now || sender.is_some_and(|sender| sends(&sender, payout.created, now));
    Open {
        payout,
        may_send,
        fee_blocks,
    }
}

/// An instant sender sends at once; another in rounds that are counted from when it was set.
fn sends(sender: &Processor, created: Timestamp, now: Timestamp) -> bool {
    let interval = u64::from(sender.interval_secs.max(1)) * 1_000;
    let rounds = now.millis_since(sender.since) / interval;
    let last_round = Timestamp(sender.since.0.saturating_add(rounds * interval));
    sender.instant || created <= last_round
}

impl Open {
    /// Waits to be paid, may be sent by itself, and its time has come.
    fn is_due(&self, now: Timestamp) -> bool {
        self.may_send
            && self.payout.stage == Stage::AwaitingPayment
            && self.payout.held_since.is_none()
            && (self.payout.next_attempt_at).is_none_or(|at| now.has_reached(at, REST_SECS_MAX))
    }
}

/// What spreads waits that began together.
fn chance(gateway: &Gateway) -> u64 {
    u64::from_be_bytes(gateway.random())
}
