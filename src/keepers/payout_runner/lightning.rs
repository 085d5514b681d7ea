//! Handing Lightning payments over: commit the intent, pay, commit the answer.

use std::collections::HashMap;
use std::sync::Arc;

use futures::stream::{self, StreamExt};
use tracing::{info, warn};

use super::{Open, ROUND_SECS, SOON_MILLIS, look, next_look};
use crate::domain::destination::Destination;
use crate::domain::ids::{PayoutId, PullPaymentId, StoreId};
use crate::domain::payout::{Payout, Plan};
use crate::domain::receipt::Rail;
use crate::domain::time::Timestamp;
use crate::faults;
use crate::keepers::gate::Gate;
use crate::ports::lightning::{Dispatch, NodeState, PayIntent};
use crate::service::books::allowance;
use crate::service::{Gateway, settle};
use crate::store;

/// Payments in flight at once: a channel takes about 50 HTLCs a direction, and a payment may need several.
const IN_FLIGHT_MAX: usize = 20;

/// Payments in flight at once for one pull payment: whoever holds a link can hold payments up, but not everybody's.
const IN_FLIGHT_PER_LINK_MAX: usize = 8;

/// How long a payout rests that its store has too little for: money may come in at any time.
const TOO_LITTLE_SECS: u64 = 30;

/// How long a doubtful answer rests before the node is asked about it.
pub(super) const DOUBT_SECS: u64 = 10;

/// Pays what is to be paid over Lightning.
pub struct LightningPayer {
    pub(super) gateway: Arc<Gateway>,
    pub(super) gate: Arc<Gate>,
    pub(super) started: Timestamp,
    pub(super) ready_since: Option<Timestamp>,
}

impl LightningPayer {
    /// A payer of a process that starts now.
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
        if self.gateway.held().is_some() {
            return next;
        }
        let open = look(&self.gateway, Rail::Lightning, now).await;
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
            NodeState::WaitingForChain(_)
            | NodeState::Syncing
            | NodeState::Held(_)
            | NodeState::Stopped => {
                self.ready_since = None;
                next = Timestamp(now.0 + SOON_MILLIS);
            }
        }
        next_look(&open, next, now)
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

    /// Hands over what is due, oldest first, as many as there is room for.
    async fn send_lightning(&self, open: &[Open], now: Timestamp) {
        let mut links: HashMap<PullPaymentId, usize> = HashMap::new();
        let mut room = IN_FLIGHT_MAX;
        for one in open.iter().filter(|one| one.takes_room()) {
            room = room.saturating_sub(1);
            if let Some(link) = one.payout.pull_payment() {
                *links.entry(link).or_default() += 1;
            }
        }
        let mut due: Vec<&Payout> = open
            .iter()
            .filter(|one| one.is_due(Rail::Lightning, now))
            .map(|one| &one.payout)
            .collect();
        // A payout that was refused goes behind those that have not been tried.
        due.sort_by_key(|payout| (payout.next_attempt_at, payout.created, payout.id));
        due.retain(|payout| {
            payout.pull_payment().is_none_or(|link| {
                let taken = links.entry(link).or_default();
                *taken += 1;
                *taken <= IN_FLIGHT_PER_LINK_MAX
            })
        });
        due.truncate(room);
        stream::iter(due)
            .for_each_concurrent(IN_FLIGHT_MAX, |payout| {
                self.send_one(payout.store, payout.id)
            })
            .await;
    }

    async fn send_one(&self, shop: StoreId, id: PayoutId) {
        #[cfg(debug_assertions)]
        super::sabotaged::send_before_intent(&self.gateway, shop, id).await;
        let now = self.gateway.now();
        let height = self
            .gateway
            .follower
            .known_tip()
            .map_or(0, |tip| tip.height);
        let intent = self
            .gateway
            .store
            .insist("payout-intend", move |tx| {
                let payout = store::payout::get(tx, shop, id)?;
                let intent = intent_of(&payout)?;
                let needs = intent.amount.plus(intent.fee_max);
                if let Err(too_little) = allowance::check(tx, shop, needs) {
                    let until = now.plus_secs(TOO_LITTLE_SECS);
                    let step = payout.clone().wait(too_little.to_string(), until);
                    settle::commit(tx, &payout, step, now);
                    return None;
                }
                let plan = Plan::Lightning {
                    hash: intent.hash,
                    bolt11: intent.bolt11.clone(),
                    amount: intent.amount,
                    fee_max: intent.fee_max,
                    height,
                };
                let step = payout.clone().plan(plan, now).ok()?;
                settle::commit(tx, &payout, step, now);
                Some(intent)
            })
            .await;
        // Somebody was faster, or the store is closed: nothing is handed over.
        let Ok(Some(intent)) = intent else { return };
        faults::point("payout-intended");
        let dispatch = self.gateway.lightning.pay(&intent).await;
        #[cfg(debug_assertions)]
        let dispatch = super::sabotaged::answer(dispatch);
        faults::point("payout-unmarked");
        self.answered(shop, id, dispatch).await;
    }

    async fn answered(&self, shop: StoreId, id: PayoutId, dispatch: Dispatch) {
        match &dispatch {
            Dispatch::Taken => info!(payout.id = %id, "payout {id} is on its way"),
            Dispatch::Declined { why, .. } => {
                info!(payout.id = %id, "payout {id} is refused: {why}");
            }
            Dispatch::Doubtful(why) => warn!(payout.id = %id, "payout {id} is in doubt: {why}"),
        }
        let now = self.gateway.now();
        // If this commit is lost the attempt stays Recorded, and is compared with the node after the next start.
        let _ = self
            .gateway
            .store
            .insist("payout-dispatched", move |tx| {
                let Some(payout) = store::payout::get(tx, shop, id) else {
                    return;
                };
                let step = match dispatch {
                    Dispatch::Taken => payout.clone().sent(),
                    Dispatch::Declined { why, .. } => payout.clone().attempt_failed(&why, now),
                    // P6 doubt is not failure.
                    Dispatch::Doubtful(why) => {
                        if payout.live_attempt().is_none() {
                            return;
                        }
                        let step = payout.clone().wait(why, now.plus_secs(DOUBT_SECS));
                        #[cfg(debug_assertions)]
                        let step = super::sabotaged::doubted(step, now);
                        step
                    }
                };
                settle::commit(tx, &payout, step, now);
            })
            .await;
    }
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
