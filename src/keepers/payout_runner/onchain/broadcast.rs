//! Sending stored transactions, again and again until a block holds them.

use tracing::{info, warn};

use super::{OnchainPayer, WAIT_SECS};
use crate::domain::payout::batch::Batch;
use crate::domain::time::Timestamp;
use crate::faults;
use crate::ports::chain::Broadcast;
use crate::service::{batches, settle};
use crate::store;

/// How often stored bytes are handed to the network again while no block holds them.
const REBROADCAST_MILLIS: u64 = 30_000;

impl OnchainPayer {
    /// Hands stored transactions to the network until a block holds them.
    pub(super) async fn broadcast(&self, now: Timestamp) {
        let any = self
            .gateway
            .store
            .read(|rows| !store::payout::open_batches(rows).is_empty())
            .await;
        if !any {
            return;
        }
        let started = self.started;
        let mut due: Vec<Batch> = self
            .gateway
            .store
            .insist("batches-look", move |tx| {
                let mut due = store::payout::open_batches(tx);
                due.retain(|batch| wants_broadcast(tx, batch, started, now));
                due
            })
            .await
            .unwrap_or_default();
        due.sort_by_key(|batch| (batch.created, batch.id));
        for batch in parents_first(due) {
            #[cfg(debug_assertions)]
            let batch = super::super::sabotaged::rebuilt(&self.gateway, batch, now).await;
            // One that was sent before may be seen: that is not the place which is meant.
            if batch.broadcast_at.is_none() {
                faults::point("transaction-stored");
            }
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
                // A version that was stored meanwhile waits for its own broadcast.
                if batch.newest().txid == txid {
                    let batch = Batch {
                        broadcast_at: Some(now),
                        ..batch.clone()
                    };
                    store::payout::put_batch(tx, &batch, false);
                }
                for payout in &batch.payouts {
                    let Some(payout) = store::payout::get(tx, shop, *payout) else {
                        continue;
                    };
                    if payout.live_attempt().is_none() {
                        continue;
                    }
                    let step = match &answer {
                        Broadcast::Accepted => payout.clone().broadcast(),
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

/// One may spend what another one pays back to us: the network wants that one first.
fn parents_first(mut batches: Vec<Batch>) -> Vec<Batch> {
    let mut ordered = Vec::new();
    while !batches.is_empty() {
        let waits = |batch: &Batch| {
            batches.iter().any(|parent| {
                let txid = parent.newest().txid;
                let inputs = &batch.newest().tx.input;
                parent.id != batch.id && inputs.iter().any(|i| i.previous_output.txid == txid)
            })
        };
        // Transactions can't hang on each other in a circle: one is always free to go.
        let free = batches.iter().position(|batch| !waits(batch));
        ordered.push(batches.remove(free.unwrap_or(0)));
    }
    ordered
}

fn wants_broadcast(tx: &store::Tx<'_>, batch: &Batch, started: Timestamp, now: Timestamp) -> bool {
    let rested = batch
        .broadcast_at
        .is_none_or(|at| at < started || now.is_past(at, REBROADCAST_MILLIS));
    rested
        && batch.kept_back.is_none()
        && batch.lost_to.is_none()
        && batches::confirmed(tx, batch).is_none()
        && !batches::is_given_up(tx, batch)
}
