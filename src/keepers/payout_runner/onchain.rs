//! On-chain payouts: build, sign and store in one commit, then broadcast the stored bytes, again and again until they
//! are in a block. Never rebuilt: every later version would share an input (P4).

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use tracing::{info, warn};

use super::{Open, ROUND_SECS, SOON_MILLIS, change, live_number, look, next_look};
use crate::domain::destination::Destination;
use crate::domain::ids::BatchId;
use crate::domain::payout::batch::{Batch, Input, Version};
use crate::domain::payout::{Payout, Plan};
use crate::domain::receipt::Rail;
use crate::domain::time::Timestamp;
use crate::faults;
use crate::ports::chain::Broadcast;
use crate::service::{Gateway, settle};
use crate::store;
use crate::wallet::{SpendRequest, TxStanding};

/// How long a payout waits when the till has not enough, or the fee rate is not known.
const WAIT_SECS: u64 = 10;

/// How long a payout waits for fees to fall below its cap.
const FEE_WAIT_SECS: u64 = 300;

/// How often stored bytes are handed to the network again while no block holds them.
const REBROADCAST_MILLIS: u64 = 30_000;

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
        if self.gateway.follower.is_synced() {
            self.plan_onchain(&open, now).await;
        } else {
            next = Timestamp(now.0 + SOON_MILLIS);
        }
        self.broadcast(now).await;
        next_look(&open, next, now)
    }

    /// Plans what is due: one transaction a payout, signed and stored before anyone sees it.
    async fn plan_onchain(&self, open: &[Open], now: Timestamp) {
        let mut fee_rates = HashMap::new();
        for one in open.iter().filter(|one| one.is_due(now)) {
            let rate = match fee_rates.entry(one.fee_blocks) {
                Entry::Occupied(known) => *known.get(),
                Entry::Vacant(unknown) => match self.gateway.chain.fee_rate(one.fee_blocks).await {
                    Ok(rate) => *unknown.insert(rate),
                    Err(error) => {
                        let why = error.to_string();
                        let wait = move |payout: Payout| payout.wait(why, now.plus_secs(WAIT_SECS));
                        change(&self.gateway, &one.payout, wait).await;
                        // The others would wait as long for the same answer.
                        return;
                    }
                },
            };
            self.plan_one(&one.payout, rate, now).await;
        }
    }

    async fn plan_one(&self, seen: &Payout, fee_rate_sat_per_kvb: u64, now: Timestamp) {
        let (shop, id) = (seen.store, seen.id);
        let batch_id = BatchId(self.gateway.random());
        let seed = self.gateway.random();
        let keychain = self.gateway.keychain.clone();
        let planned = self
            .gateway
            .store
            .insist("payout-build", move |tx| {
                let Some(payout) = store::payout::get(tx, shop, id) else {
                    return;
                };
                let Destination::Address(address) = &payout.destination else {
                    return;
                };
                let plan = Plan::Onchain {
                    batch: batch_id,
                    place: 0,
                };
                let Ok(step) = payout.clone().plan(plan, now) else {
                    return;
                };
                let Some(till) = tx.tills().hot(shop) else {
                    return;
                };
                let request = SpendRequest {
                    till,
                    recipients: vec![(address.script.clone(), payout.debit())],
                    fee_rate_sat_per_kvb,
                    seed,
                    now,
                };
                match tx.tills_mut().build(&keychain, &request) {
                    Ok(signed) if signed.fee.to_msat() > payout.fee_max => {
                        let txid = signed.tx.compute_txid();
                        tx.tills_mut().release(till, txid, &signed.inputs, now);
                        let why = format!(
                            "The transaction would cost {}, more than the {} that may be spent on it.",
                            signed.fee,
                            payout.fee_max.to_sat_floor()
                        );
                        let step = payout.clone().wait(why, now.plus_secs(FEE_WAIT_SECS));
                        settle::commit(tx, &payout, step, now);
                    }
                    Ok(signed) => {
                        let batch = Batch {
                            id: batch_id,
                            store: shop,
                            till,
                            created: now,
                            versions: vec![Version {
                                txid: signed.tx.compute_txid(),
                                tx: signed.tx,
                                fee: signed.fee,
                                vouts: signed.vouts,
                            }],
                            payouts: vec![id],
                            inputs: signed.inputs.into_iter().map(Input).collect(),
                            broadcast_at: None,
                            settled: false,
                        };
                        store::payout::put_batch(tx, &batch, false);
                        settle::commit(tx, &payout, step, now);
                    }
                    Err(why) => {
                        let until = now.plus_secs(WAIT_SECS);
                        let step = payout.clone().wait(why.to_string(), until);
                        settle::commit(tx, &payout, step, now);
                    }
                }
            })
            .await;
        if planned.is_err() {
            warn!(payout.id = %id, "payout {id} could not be planned");
        }
    }

    /// Hands stored transactions to the network until a block holds them.
    async fn broadcast(&self, now: Timestamp) {
        let any = self
            .gateway
            .store
            .read(|rows| !store::payout::open_batches(rows).is_empty())
            .await;
        if !any {
            return;
        }
        let started = self.started;
        let due = self
            .gateway
            .store
            .insist("batches-look", move |tx| {
                let mut due = store::payout::open_batches(tx);
                due.retain(|batch| wants_broadcast(tx, batch, started, now));
                due
            })
            .await
            .unwrap_or_default();
        for batch in due {
            faults::point("transaction-stored");
            let answer = self.gateway.chain.broadcast(&batch.newest().tx).await;
            self.broadcasted(&batch, answer).await;
        }
    }

    async fn broadcasted(&self, sent: &Batch, answer: Broadcast) {
        let txid = sent.newest().txid;
        match &answer {
            Broadcast::Accepted => info!(tx.id = %txid, "transaction {txid} is out"),
            Broadcast::Refused(why) => warn!(tx.id = %txid, "transaction {txid} is refused: {why}"),
            Broadcast::Doubtful(why) => {
                warn!(tx.id = %txid, "transaction {txid} may be out: {why}");
            }
        }
        let now = self.gateway.now();
        let (shop, id) = (sent.store, sent.id);
        // If this commit is lost, the same bytes are sent again: that does no harm.
        let _ = self
            .gateway
            .store
            .insist("payout-broadcast", move |tx| {
                let Some(batch) = store::payout::batch(tx, shop, id) else {
                    return;
                };
                let batch = Batch {
                    broadcast_at: Some(now),
                    ..batch
                };
                store::payout::put_batch(tx, &batch, false);
                for payout in &batch.payouts {
                    let Some(payout) = store::payout::get(tx, shop, *payout) else {
                        continue;
                    };
                    let Some(attempt) = live_number(&payout) else {
                        continue;
                    };
                    let step = match &answer {
                        Broadcast::Accepted => payout.clone().sent(attempt),
                        Broadcast::Refused(why) | Broadcast::Doubtful(why) => {
                            payout.clone().wait(why.clone(), now.plus_secs(WAIT_SECS))
                        }
                    };
                    settle::commit(tx, &payout, step, now);
                }
            })
            .await;
    }
}

fn wants_broadcast(tx: &store::Tx<'_>, batch: &Batch, started: Timestamp, now: Timestamp) -> bool {
    let in_a_block = batch.versions.iter().any(|version| {
        matches!(
            tx.tills().standing(batch.till, version.txid),
            TxStanding::Confirmed { .. }
        )
    });
    let rested = batch
        .broadcast_at
        .is_none_or(|at| at < started || now.is_past(at, REBROADCAST_MILLIS));
    !in_a_block && rested
}
