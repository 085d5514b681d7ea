//! Handing a Lightning payment over: commit the intent, pay, commit the answer.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::{BoxFuture, FutureExt};
use futures::stream::{FuturesUnordered, StreamExt};
use tracing::{info, warn};

use super::{TOO_LITTLE_SECS, chance, live_number};
use crate::domain::destination::Destination;
use crate::domain::ids::{PayoutId, PullPaymentId};
use crate::domain::money::Msat;
use crate::domain::payout::{Payout, Plan};
use crate::domain::time::Timestamp;
use crate::faults;
use crate::keepers::gate::Gate;
use crate::ports::lightning::{Dispatch, PayIntent};
use crate::service::books::allowance;
use crate::service::{Gateway, settle};
use crate::store::payout::PayoutRef;
use crate::store::payout_queue::Waiting;
use crate::store::{self, Tx};

/// How long a payout rests that is larger than what the node can send now.
const DRY_MILLIS: u64 = 5_000;

/// Why it rests; without figures, since strangers read it.
const DRY: &str = "The Lightning node can't send this much now; it is tried again.";

/// Payments that are being handed over.
#[derive(Default)]
pub(super) struct Sending {
    running: FuturesUnordered<BoxFuture<'static, PayoutId>>,
    /// Each with what it draws on.
    busy: Busy,
}

/// Payouts that are being handed over, and what they draw on.
pub(super) type Busy = BTreeMap<PayoutId, Option<PullPaymentId>>;

impl Sending {
    pub(super) fn add(&mut self, gateway: Arc<Gateway>, gate: Arc<Gate>, waiting: Waiting) {
        let payout = waiting.payout;
        let before = self.busy.insert(payout.payout, waiting.pull_payment);
        if before.is_none() {
            self.running.push(
                async move {
                    send_one(&gateway, &gate, payout).await;
                    payout.payout
                }
                .boxed(),
            );
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.running.is_empty()
    }

    pub(super) const fn busy(&self) -> &Busy {
        &self.busy
    }

    /// Waits until at least one is done, and takes all that are.
    pub(super) async fn some(&mut self) -> Vec<PayoutId> {
        let mut done: Vec<PayoutId> = self.running.next().await.into_iter().collect();
        while let Some(Some(id)) = self.running.next().now_or_never() {
            done.push(id);
        }
        for id in &done {
            self.busy.remove(id);
        }
        done
    }

    /// Waits until all are done.
    pub(super) async fn all(&mut self) -> Vec<PayoutId> {
        let mut done = Vec::new();
        while !self.is_empty() {
            done.extend(self.some().await);
        }
        done
    }
}

/// A committed intent.
struct Planned {
    intent: PayIntent,
    attempt: u32,
    /// A refusal says that nothing is under way.
    refusal_is_sure: bool,
}

async fn send_one(gateway: &Gateway, gate: &Gate, target: PayoutRef) {
    #[cfg(debug_assertions)]
    super::sabotaged::send_before_intent(gateway, target.store, target.payout).await;
    let now = gateway.now();
    let Some(tip) = gateway.follower.known_tip() else {
        return;
    };
    let sendable = gateway.lightning.sendable();
    let chance = chance(gateway);
    let planned = gateway
        .store
        .insist("payout-intend", move |tx| {
            let payout = store::payout::get(tx, target.store, target.payout)?;
            plan(tx, &payout, tip.height, sendable, chance, now)
        })
        .await;
    // Somebody was faster, it has to wait, or the store is closed: nothing is handed over.
    let Ok(Some(planned)) = planned else { return };
    faults::point("payout-intended");
    let Some(dispatch) = hand_over(gateway, gate, target, &planned).await else {
        return;
    };
    #[cfg(debug_assertions)]
    let dispatch = super::sabotaged::answer(dispatch);
    faults::point("payout-unmarked");
    answered(gateway, target, &planned, dispatch).await;
}

fn plan(
    tx: &mut Tx<'_>,
    payout: &Payout,
    height: u32,
    sendable: Msat,
    chance: u64,
    now: Timestamp,
) -> Option<Planned> {
    let intent = intent_of(payout)?;
    let needs = intent.amount.plus(intent.fee_max);
    let wait = if let Err(too_little) = allowance::check(tx, payout.store, needs) {
        Some((too_little.to_string(), now.plus_secs(TOO_LITTLE_SECS)))
    } else if intent.amount > sendable {
        let rest = DRY_MILLIS + chance % DRY_MILLIS;
        Some((DRY.to_owned(), Timestamp(now.0 + rest)))
    } else {
        None
    };
    if let Some((why, until)) = wait {
        if payout.live_attempt().is_none() {
            let step = payout.clone().wait(why, until);
            settle::commit(tx, payout, step, now);
        }
        return None;
    }
    let plan = Plan::Lightning {
        hash: intent.hash,
        bolt11: intent.bolt11.clone(),
        amount: intent.amount,
        fee_max: intent.fee_max,
        height,
    };
    let refusal_is_sure = payout.is_unjudged();
    let step = payout.clone().plan(plan, now).ok()?;
    let after = settle::commit(tx, payout, step, now);
    Some(Planned {
        intent,
        attempt: after.live_attempt()?.number,
        refusal_is_sure,
    })
}

/// None: a late success of an earlier attempt has ended this one since its intent was committed (P5).
async fn hand_over(
    gateway: &Gateway,
    gate: &Gate,
    target: PayoutRef,
    planned: &Planned,
) -> Option<Dispatch> {
    let lightning = &gateway.lightning;
    if planned.attempt == 1 {
        return Some(lightning.pay(&planned.intent).await);
    }
    let _turn = gate.hands_over().await;
    let payout = gateway
        .store
        .read(move |rows| store::payout::get(rows, target.store, target.payout))
        .await?;
    if live_number(&payout) != Some(planned.attempt) {
        return None;
    }
    Some(lightning.pay(&planned.intent).await)
}

async fn answered(gateway: &Gateway, target: PayoutRef, planned: &Planned, dispatch: Dispatch) {
    let id = target.payout;
    match &dispatch {
        Dispatch::Taken => info!(payout.id = %id, "payout {id} is on its way"),
        Dispatch::Declined { why, .. } => {
            info!(payout.id = %id, "payout {id} is refused for now: {why}");
        }
        Dispatch::Doubtful(why) => warn!(payout.id = %id, "payout {id} is in doubt: {why}"),
    }
    let now = gateway.now();
    let chance = chance(gateway);
    let (attempt, refusal_is_sure) = (planned.attempt, planned.refusal_is_sure);
    // If this commit is lost the attempt stays Recorded, and is compared with the node after the next start.
    let _ = gateway
        .store
        .insist("payout-dispatched", move |tx| {
            let Some(payout) = store::payout::get(tx, target.store, id) else {
                return;
            };
            // An event was faster than the answer.
            if (payout.live_attempt()).is_none_or(|live| live.number != attempt) {
                return;
            }
            let step = match dispatch {
                Dispatch::Taken => payout.clone().sent(attempt),
                Dispatch::Declined { why, .. } if refusal_is_sure => {
                    payout.clone().attempt_failed(&why, chance, now)
                }
                // P6 doubt is not failure.
                Dispatch::Declined { why, .. } | Dispatch::Doubtful(why) => {
                    let step = payout.clone().doubted(&why, chance, now);
                    #[cfg(debug_assertions)]
                    let step = super::sabotaged::doubted(step, now);
                    step
                }
            };
            settle::commit(tx, &payout, step, now);
        })
        .await;
}

/// What is to be handed over for a payout.
pub(super) fn intent_of(payout: &Payout) -> Option<PayIntent> {
    match &payout.destination {
        Destination::Bolt11(invoice) => Some(PayIntent {
            bolt11: invoice.bolt11.clone(),
            hash: invoice.hash,
            amount: payout.amount,
            fee_max: payout.fee_max,
        }),
        Destination::Address(_) => None,
    }
}
