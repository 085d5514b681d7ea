//! What the chain shows of batches: settling at the store's depth, coming undone, being outspent.

use bitcoin::{OutPoint, Txid};

use super::{confirmed, drafts, hold};
use crate::domain::payout::batch::{BURIED, Batch, Confirmed, Rival, Version};
use crate::domain::payout::{Attempt, Payout, Plan, Proof, Stage, Standing};
use crate::domain::time::Timestamp;
use crate::service::settle::commit;
use crate::store::{self, Tx};
use crate::wallet::TxStanding;

/// Looks at every batch that is not buried, and at every spend of a till's coins that came with the sighting.
pub fn observe(tx: &mut Tx<'_>, now: Timestamp) {
    hold::observe_spends(tx, now);
    for batch in store::payout::open_batches(tx) {
        observe_batch(tx, batch, now);
    }
    drafts::observe(tx, now);
}

fn observe_batch(tx: &mut Tx<'_>, batch: Batch, now: Timestamp) {
    let needed = store::settings::get(tx, batch.store)
        .map_or(1, |shop| shop.settings.speed.confirmations(true))
        .max(1);
    match confirmed(tx, &batch) {
        Some((version, confirmations)) if confirmations >= needed => {
            let txid = version.txid;
            let buried = confirmations >= BURIED;
            let is_done = batch.settled && batch.settled_by == Some(Confirmed(txid));
            if is_done && batch.lost_to.is_none() && !buried {
                return;
            }
            settle(tx, &batch, version, now);
            if buried {
                // A coin that only another version spends is free again.
                tx.tills_mut().unlock(batch.till, &coins(&batch));
            }
            let settled = Batch {
                settled: true,
                settled_by: Some(Confirmed(txid)),
                lost_to: None,
                ..batch
            };
            store::payout::put_batch(tx, &settled, buried);
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
        let number = attempt.number;
        let vout = usize::try_from(place).ok();
        let Some(vout) = vout.and_then(|place| version.vouts.get(place)) else {
            continue;
        };
        let proof = Proof::Onchain {
            txid: version.txid,
            vout: *vout,
        };
        let fee = batch.share(version, place);
        let step = match attempt.standing {
            Standing::Settled if is_paid_by(&payout, batch) => {
                payout.clone().confirmed_again(proof, fee)
            }
            // Another attempt has paid it, too: that was told, and the first one's proof stays (P5).
            Standing::Settled => continue,
            Standing::Recorded
            | Standing::Sent
            | Standing::Failed { .. }
            | Standing::InReview { .. } => payout.clone().succeeded(number, proof, fee, now),
        };
        commit(tx, &payout, step, now);
    }
}

/// Whether this batch is what a completed payout was paid by.
fn is_paid_by(payout: &Payout, batch: &Batch) -> bool {
    match payout.stage {
        Stage::Completed {
            proof: Proof::Onchain { txid, .. },
            ..
        } => batch.versions.iter().any(|version| version.txid == txid),
        Stage::Completed {
            proof: Proof::Lightning { .. } | Proof::Given(_),
            ..
        }
        | Stage::AwaitingApproval
        | Stage::AwaitingPayment
        | Stage::InProgress
        | Stage::Cancelled { .. } => false,
    }
}

/// The payouts of a batch, with their place in it and the attempt that it is.
fn payouts(tx: &Tx<'_>, batch: &Batch) -> Vec<(u32, Payout, Attempt)> {
    (0_u32..)
        .zip(&batch.payouts)
        .filter_map(|(place, id)| {
            let payout = store::payout::get(tx, batch.store, *id)?;
            let attempt = payout.attempts.iter().find(|attempt| {
                matches!(&attempt.plan, Plan::Onchain { batch: planned, place: there }
                    if *planned == batch.id && *there == place)
            })?;
            let attempt = attempt.clone();
            Some((place, payout, attempt))
        })
        .collect()
}

/// A settled batch that no block holds any more is told once, and sent again by the payer.
fn unconfirm(tx: &mut Tx<'_>, batch: Batch, now: Timestamp) -> Batch {
    for (_, payout, _) in payouts(tx, &batch) {
        if is_paid_by(&payout, &batch) {
            let step = payout.clone().unconfirmed(now);
            commit(tx, &payout, step, now);
        }
    }
    let again = Batch {
        broadcast_at: None,
        settled: false,
        settled_by: None,
        ..batch
    };
    store::payout::put_batch(tx, &again, false);
    tx.wake(store::Wake::OnchainPayouts);
    again
}

/// Something in a block has spent an input: no version can confirm while it stands there.
fn observe_rival(tx: &mut Tx<'_>, batch: Batch, now: Timestamp) {
    let versions: Vec<Txid> = batch.versions.iter().map(|version| version.txid).collect();
    let rival = tx
        .tills()
        .rival(batch.till, &coins(&batch), &versions)
        .map(Rival);
    if let Some(Rival(txid)) = rival
        && rival == batch.lost_to
        && is_buried(tx, &batch, txid)
    {
        give_up(tx, &batch, now);
        return;
    }
    // Told again where a person has asked to look again.
    if let Some(Rival(txid)) = rival {
        let why = format!(
            "Transaction {txid}, which was not made here, spent the same coins. Look whether it paid this."
        );
        for (_, payout, attempt) in payouts(tx, &batch) {
            if attempt.standing.is_live() || is_paid_by(&payout, &batch) {
                let step = payout.clone().outspent(&why);
                commit(tx, &payout, step, now);
            }
        }
    }
    if rival != batch.lost_to {
        let lost = Batch {
            lost_to: rival,
            ..batch
        };
        store::payout::put_batch(tx, &lost, false);
    }
}

fn coins(batch: &Batch) -> Vec<OutPoint> {
    batch.inputs.iter().map(|input| input.0).collect()
}

fn is_buried(tx: &Tx<'_>, batch: &Batch, txid: Txid) -> bool {
    match tx.tills().standing(batch.till, txid) {
        TxStanding::Confirmed { confirmations } => confirmations >= BURIED,
        TxStanding::Mempool | TxStanding::Unseen => false,
    }
}

/// What outspent it will not go away any more: the coins that are left are free again. Not where it stands in the
/// books as paid: then a person has to look before anything of it is used.
fn give_up(tx: &mut Tx<'_>, batch: &Batch, now: Timestamp) {
    let mut paid = payouts(tx, batch).into_iter();
    if paid.any(|(_, payout, _)| is_paid_by(&payout, batch)) {
        return;
    }
    let inputs = coins(batch);
    for version in &batch.versions {
        let txid = version.txid;
        tx.tills_mut().release(batch.till, txid, &inputs, now);
    }
    store::payout::put_batch(tx, batch, true);
}
