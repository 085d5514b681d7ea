//! What the chain shows of batches: settling at the store's depth, coming undone, being outspent.

use bitcoin::{OutPoint, Txid};

use super::{confirmed, hold};
use crate::domain::payout::batch::{BURIED, Batch, Rival, Version};
use crate::domain::payout::{Payout, Plan, Proof, Standing};
use crate::domain::time::Timestamp;
use crate::service::settle::commit;
use crate::store::{self, Tx};

/// Looks at every batch that is not buried, and at every spend of a till's coins that came with the sighting.
pub fn observe(tx: &mut Tx<'_>, now: Timestamp) {
    for batch in store::payout::open_batches(tx) {
        observe_batch(tx, batch, now);
    }
    hold::observe_spends(tx, now);
}

fn observe_batch(tx: &mut Tx<'_>, batch: Batch, now: Timestamp) {
    let needed = store::settings::get(tx, batch.store)
        .map_or(1, |shop| shop.settings.speed.confirmations(true))
        .max(1);
    match confirmed(tx, &batch) {
        Some((version, confirmations)) if confirmations >= needed => {
            settle(tx, &batch, version, now);
            let buried = confirmations >= BURIED;
            if buried || !batch.settled || batch.lost_to.is_some() {
                let settled = Batch {
                    settled: true,
                    lost_to: None,
                    ..batch
                };
                store::payout::put_batch(tx, &settled, buried);
            }
        }
        Some(_) => {}
        None => {
            let batch = if batch.settled {
                unconfirm(tx, batch, now)
            } else {
                batch
            };
            observe_rival(tx, batch, now);
        }
    }
}

fn settle(tx: &mut Tx<'_>, batch: &Batch, version: &Version, now: Timestamp) {
    for (place, payout, attempt) in payouts(tx, batch) {
        let vout = usize::try_from(place).ok();
        let Some(vout) = vout.and_then(|place| version.vouts.get(place)) else {
            continue;
        };
        let proof = Proof::Onchain {
            txid: version.txid,
            vout: *vout,
        };
        let fee = batch.share(version, place);
        let settled = (payout.attempts.iter())
            .any(|tried| tried.number == attempt && tried.standing == Standing::Settled);
        let step = if settled {
            payout.clone().confirmed_again(proof, fee)
        } else {
            payout.clone().succeeded(attempt, proof, fee, now)
        };
        commit(tx, &payout, step, now);
    }
}

/// The payouts of a batch, with their place in it and the number of the attempt that it is.
fn payouts(tx: &Tx<'_>, batch: &Batch) -> Vec<(u32, Payout, u32)> {
    (0_u32..)
        .zip(&batch.payouts)
        .filter_map(|(place, id)| {
            let payout = store::payout::get(tx, batch.store, *id)?;
            let attempt = payout.attempts.iter().find(|attempt| {
                matches!(&attempt.plan, Plan::Onchain { batch: planned, place: there }
                    if *planned == batch.id && *there == place)
            })?;
            let number = attempt.number;
            Some((place, payout, number))
        })
        .collect()
}

/// A settled batch that no block holds any more is told once, and sent again by the payer.
fn unconfirm(tx: &mut Tx<'_>, batch: Batch, now: Timestamp) -> Batch {
    for (_, payout, _) in payouts(tx, &batch) {
        let step = payout.clone().unconfirmed(now);
        commit(tx, &payout, step, now);
    }
    let again = Batch {
        broadcast_at: None,
        settled: false,
        ..batch
    };
    store::payout::put_batch(tx, &again, false);
    tx.wake(store::Wake::OnchainPayouts);
    again
}

/// Something in a block has spent an input: no version can confirm while it stands there.
fn observe_rival(tx: &mut Tx<'_>, batch: Batch, now: Timestamp) {
    let versions: Vec<Txid> = batch.versions.iter().map(|version| version.txid).collect();
    let inputs: Vec<OutPoint> = batch.inputs.iter().map(|input| input.0).collect();
    let rival = tx.tills().rival(batch.till, &inputs, &versions).map(Rival);
    if rival == batch.lost_to {
        return;
    }
    if let Some(Rival(txid)) = rival {
        let why = format!(
            "Transaction {txid}, which was not made here, spent the same coins. Look whether it paid this."
        );
        for (_, payout, _) in payouts(tx, &batch) {
            let step = payout.clone().outspent(&why);
            commit(tx, &payout, step, now);
        }
    }
    let lost = Batch {
        lost_to: rival,
        ..batch
    };
    store::payout::put_batch(tx, &lost, false);
}
