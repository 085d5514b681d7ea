//! What the payers would do with a planted bug. Debug builds only.

use std::collections::BTreeSet;

use super::send::intent_of;
use crate::domain::destination::Destination;
use crate::domain::fact::Step;
use crate::domain::ids::{PayoutId, StoreId};
use crate::domain::payout::batch::{Batch, Input, Version};
use crate::domain::payout::{Attempt, Payout, Standing};
use crate::domain::time::Timestamp;
use crate::ports::lightning::Dispatch;
use crate::sabotage::{Bug, is_planted};
use crate::service::Gateway;
use crate::store;
use crate::wallet::{SpendRequest, Wishes};

/// A payment is handed over before its attempt is committed.
pub(super) async fn send_before_intent(gateway: &Gateway, shop: StoreId, id: PayoutId) {
    if !is_planted(Bug::SendBeforeIntent) {
        return;
    }
    let payout = gateway
        .store
        .read(move |rows| store::payout::get(rows, shop, id))
        .await;
    if let Some(intent) = payout.as_ref().and_then(intent_of) {
        let _ = gateway.lightning.pay(&intent).await;
    }
}

/// A doubtful answer counts as a refusal.
pub(super) fn answer(dispatch: Dispatch) -> Dispatch {
    match dispatch {
        Dispatch::Doubtful(why) if is_planted(Bug::TimeoutIsFailure) => Dispatch::Declined {
            why,
            try_later: true,
        },
        Dispatch::Taken | Dispatch::Declined { .. } | Dispatch::Doubtful(_) => dispatch,
    }
}

/// A doubtful attempt gets another beside it.
pub(super) fn doubted(step: Step<Payout>, now: Timestamp) -> Step<Payout> {
    let mut payout = step.after;
    if is_planted(Bug::SecondAttemptWhileDoubtful)
        && let Some(live) = payout.live_attempt().cloned()
    {
        payout.attempts.push(Attempt {
            number: live.number.saturating_add(1),
            at: now,
            standing: Standing::Recorded,
            ..live
        });
    }
    Step {
        after: payout,
        ..step
    }
}

/// A transaction that was sent before is built anew, of other coins.
pub(super) async fn rebuilt(gateway: &Gateway, batch: Batch, now: Timestamp) -> Batch {
    if !is_planted(Bug::RebuildInsteadOfRebroadcast) || batch.broadcast_at.is_none() {
        return batch;
    }
    let seed = gateway.random();
    let keychain = gateway.keychain.clone();
    let before = batch.clone();
    let built = gateway.store.insist("payout-rebuild", move |tx| {
        let payouts = batch.payouts.iter();
        let recipients = payouts
            .filter_map(|id| store::payout::get(tx, batch.store, *id))
            .filter_map(|payout| match &payout.destination {
                Destination::Address(address) => Some((address.script.clone(), payout.output())),
                Destination::Bolt11(_) => None,
            })
            .collect();
        let request = SpendRequest {
            till: batch.till,
            recipients,
            fee_rate_sat_per_kvb: 3_000,
            unsure: BTreeSet::new(),
            seed,
            now,
            wishes: Wishes::default(),
        };
        let Ok(signed) = tx.tills_mut().build(&keychain, &request) else {
            return batch;
        };
        let rebuilt = Batch {
            versions: vec![Version {
                txid: signed.tx.compute_txid(),
                tx: signed.tx,
                fee: signed.fee,
                vouts: signed.vouts,
                height: None,
            }],
            inputs: signed.inputs.into_iter().map(Input).collect(),
            ..batch
        };
        store::payout::put_batch(tx, &rebuilt, false);
        rebuilt
    });
    built.await.unwrap_or(before)
}
