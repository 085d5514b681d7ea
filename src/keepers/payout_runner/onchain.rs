//! On-chain payouts: build, sign and store in one commit, then broadcast the stored bytes, again and again until they
//! are in a block. Never rebuilt: every later version shares its inputs (P4).

mod broadcast;

use std::collections::BTreeMap;
use std::sync::Arc;

use tracing::warn;

use super::{Open, ROUND_SECS, SOON_MILLIS, change, look, next_look};
use crate::domain::ids::{BatchId, PayoutId, StoreId};
use crate::domain::money::{Sat, btc_to_sat_ceil};
use crate::domain::payout::Payout;
use crate::domain::payout::batch::{BATCH_PAYOUTS_MAX, CantBump};
use crate::domain::receipt::Rail;
use crate::domain::time::Timestamp;
use crate::service::Gateway;
use crate::service::batches::bump::{Raise, raise, stuck};
use crate::service::batches::{self, Order};
use crate::store;

/// How long a payout waits when the fee rate is not known.
const WAIT_SECS: u64 = 10;

/// After a transaction of a store the next one waits so long for company, unless it is full: payouts that are
/// approved one by one share a few transactions.
const GATHER_MILLIS: u64 = 5_000;

/// Whether payouts wait for company.
enum Gathering {
    /// They go out now.
    Done,
    /// Others may join them.
    Until(Timestamp),
    /// They are less than the sender's threshold, and nobody pressed Pay.
    BelowThreshold,
}

/// Pays what is to be paid on-chain.
pub struct OnchainPayer {
    gateway: Arc<Gateway>,
    started: Timestamp,
}

impl OnchainPayer {
    /// A payer of a process that starts now.
    pub fn new(gateway: Arc<Gateway>) -> Self {
        let started = gateway.now();
        Self { gateway, started }
    }

    /// Does what is due, and says when to look again.
    pub async fn activate(&self) -> Timestamp {
        let now = self.gateway.now();
        let mut next = now.plus_secs(ROUND_SECS);
        if self.gateway.held().is_some() {
            return next;
        }
        let open = look(&self.gateway, Rail::Onchain, now).await;
        // Before the mempool was looked at, a spend that was not made here may be unknown (P9).
        if self.gateway.follower.has_seen_mempool() {
            let gathered = self.plan_onchain(&open, now).await;
            next = gathered.into_iter().fold(next, Timestamp::min);
            self.bump_stuck(now).await;
        } else {
            next = Timestamp(now.0 + SOON_MILLIS);
        }
        self.broadcast(now).await;
        next_look(&open, next, now)
    }

    /// Plans what is due, as many payouts of a store in a transaction as it may have. Answers when to look again if
    /// some wait for company.
    async fn plan_onchain(&self, open: &[Open], now: Timestamp) -> Option<Timestamp> {
        let mut stores: BTreeMap<StoreId, Vec<&Open>> = BTreeMap::new();
        for one in open.iter().filter(|one| one.is_due(now)) {
            stores.entry(one.payout.store).or_default().push(one);
        }
        let mut next: Option<Timestamp> = None;
        for (shop, mut due) in stores {
            due.sort_by_key(|one| (one.payout.created, one.payout.id));
            match self.gathering(shop, &due, now).await {
                Gathering::Until(at) => next = Some(next.map_or(at, |next| next.min(at))),
                Gathering::Done => self.plan_store(shop, &due, now).await,
                Gathering::BelowThreshold => {}
            }
        }
        next
    }

    /// Whether a store's payouts are to be planned: at once if they fill a transaction or the last one is a while ago.
    async fn gathering(&self, shop: StoreId, due: &[&Open], now: Timestamp) -> Gathering {
        let (last, threshold) = self
            .gateway
            .store
            .read(move |rows| {
                let batches = store::payout::open_batches(rows);
                let of_shop = batches.iter().filter(|batch| batch.store == shop);
                let last = of_shop.map(|batch| batch.created).max();
                let sender = store::payout::processor(rows, shop, Rail::Onchain);
                (last, sender.map(|sender| sender.threshold))
            })
            .await;
        let pressed = due.iter().any(|one| one.payout.pay_now);
        let waiting: Sat = due.iter().map(|one| one.payout.output()).sum();
        let threshold = threshold.and_then(btc_to_sat_ceil);
        if !pressed && threshold.is_some_and(|threshold| waiting < threshold) {
            return Gathering::BelowThreshold;
        }
        match last {
            Some(last) if due.len() < BATCH_PAYOUTS_MAX && !now.is_past(last, GATHER_MILLIS) => {
                Gathering::Until(Timestamp(last.0.saturating_add(GATHER_MILLIS)))
            }
            Some(_) | None => Gathering::Done,
        }
    }

    async fn plan_store(&self, shop: StoreId, due: &[&Open], now: Timestamp) {
        let Some(first) = due.first() else { return };
        let rate = match self.gateway.chain.fee_rate(first.fee_blocks).await {
            Ok(rate) => rate,
            Err(error) => {
                // The others would wait as long for the same answer; one shows the reason.
                let why = error.to_string();
                let wait = move |payout: Payout| payout.wait(why, now.plus_secs(WAIT_SECS));
                change(&self.gateway, &first.payout, wait).await;
                return;
            }
        };
        for chunk in due.chunks(BATCH_PAYOUTS_MAX) {
            let payouts: Vec<PayoutId> = chunk.iter().map(|one| one.payout.id).collect();
            let order = Order {
                store: shop,
                payouts,
                batch: BatchId(self.gateway.random()),
                seed: self.gateway.random(),
                fee_rate_sat_per_kvb: rate,
                now,
            };
            let keychain = self.gateway.keychain.clone();
            let planned = self
                .gateway
                .store
                .insist("payout-build", move |tx| {
                    batches::plan(tx, &keychain, &order);
                })
                .await;
            if planned.is_err() {
                warn!(store.id = %shop, "payouts of store {shop} could not be planned");
            }
        }
    }

    /// Raises the fee of what blocks pass by, if the estimate rose above what it pays, within its payouts' caps.
    async fn bump_stuck(&self, now: Timestamp) {
        let look = |tx: &mut store::Tx<'_>| stuck(tx);
        let found = self.gateway.store.insist("batches-stuck", look).await;
        for (shop, id, target) in found.unwrap_or_default() {
            let Ok(rate) = self.gateway.chain.fee_rate(target).await else {
                return;
            };
            let keychain = self.gateway.keychain.clone();
            let raised = self
                .gateway
                .store
                .insist("payout-bump", move |tx| {
                    let batch = store::payout::batch(tx, shop, id);
                    let batch = batch.ok_or(CantBump::NothingToBump)?;
                    raise(tx, &keychain, &batch, Raise::UpTo(rate), now)
                })
                .await;
            match raised {
                Ok(Ok(())) => tracing::info!(
                    batch.id = %id,
                    "batch {id} was stuck: replaced by a version at {rate} sat/kvB at most"
                ),
                // Nothing to be gained today: the next round looks again.
                Ok(Err(
                    CantBump::TooLow(_)
                    | CantBump::AboveCap { .. }
                    | CantBump::Confirmed
                    | CantBump::Outspent
                    | CantBump::Held
                    | CantBump::HasChild
                    | CantBump::NothingToBump,
                )) => {}
                Ok(Err(why @ CantBump::Spend(_))) => {
                    warn!(batch.id = %id, "batch {id} is stuck: {why}");
                }
                Err(_) => warn!(batch.id = %id, "batch {id} could not be replaced"),
            }
        }
    }
}
