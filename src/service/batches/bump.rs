//! Raising the fee of a transaction that waits for a block: another version with the same payments.

use bitcoin::Txid;
use rust_decimal::Decimal;

use super::{confirmed, is_given_up};
use crate::domain::ids::{BatchId, PayoutId, StoreId};
use crate::domain::money::Sat;
use crate::domain::payout::batch::{Batch, CantBump, Version};
use crate::domain::payout::{Payout, Plan};
use crate::domain::time::Timestamp;
use crate::ports::chain::ChainUnavailable;
use crate::service::{Gateway, Unavailable, settle};
use crate::store::{self, Rows, Tx, WriteError};
use crate::wallet::{BumpRequest, Keychain};

/// Blocks that pass a transaction by before it counts as stuck: an hour.
pub const STUCK_BLOCKS: u32 = 6;

/// Why a payout's fee is not raised.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BumpRefusal {
    /// 404 `payout-not-found`.
    #[error("There is no such payout.")]
    Unknown,
    /// 400 `invalid-state`.
    #[error(transparent)]
    CantBump(#[from] CantBump),
    /// 503.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<WriteError> for BumpRefusal {
    fn from(error: WriteError) -> Self {
        Self::Unavailable(error.into())
    }
}

impl From<ChainUnavailable> for BumpRefusal {
    fn from(error: ChainUnavailable) -> Self {
        Self::Unavailable(Unavailable::NotReady(error.to_string()))
    }
}

/// How much more to pay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Raise {
    /// This rate, in satoshi per 1,000 virtual bytes: a person's word.
    To(u64),
    /// At most this rate, and no more than the payouts' caps allow: the rule for stuck transactions.
    UpTo(u64),
}

impl Gateway {
    /// Raises the fee of the transaction that pays a payout, by hand. Rate in satoshi per 1,000 virtual bytes; what
    /// the chain source says if `None`.
    pub async fn bump_fee(
        &self,
        store: StoreId,
        payout: PayoutId,
        fee_rate_sat_per_kvb: Option<u64>,
    ) -> Result<Payout, BumpRefusal> {
        let rate = match fee_rate_sat_per_kvb {
            Some(rate) => rate,
            None => self.chain.fee_rate(1).await?,
        };
        let (keychain, now) = (self.keychain.clone(), self.now());
        self.store
            .try_write("payout-bump", move |tx| {
                let seen = store::payout::get(tx, store, payout).ok_or(BumpRefusal::Unknown)?;
                let batch = batch_of(tx, &seen).ok_or(CantBump::NothingToBump)?;
                raise(tx, &keychain, &batch, Raise::To(rate), now)?;
                store::payout::get(tx, store, payout).ok_or(BumpRefusal::Unknown)
            })
            .await
    }
}

/// The batch whose transaction pays a payout, or has paid it.
pub fn batch_of(rows: &dyn Rows, payout: &Payout) -> Option<Batch> {
    let id = payout
        .attempts
        .iter()
        .rev()
        .find_map(|attempt| match attempt.plan {
            Plan::Onchain { batch, .. } => Some(batch),
            Plan::Lightning { .. } | Plan::Inside { .. } => None,
        })?;
    store::payout::batch(rows, payout.store, id)
}

/// Builds, signs and stores another version of a batch with a higher fee. The payer sends it.
pub fn raise(
    tx: &mut Tx<'_>,
    keychain: &Keychain,
    batch: &Batch,
    to: Raise,
    now: Timestamp,
) -> Result<(), CantBump> {
    if confirmed(tx, batch).is_some() {
        return Err(CantBump::Confirmed);
    }
    if batch.lost_to.is_some() {
        return Err(CantBump::Outspent);
    }
    if is_given_up(tx, batch) || batch.kept_back.is_some() {
        return Err(CantBump::NothingToBump);
    }
    if store::hold::is_held(tx, batch.store) {
        return Err(CantBump::Held);
    }
    if has_child(tx, batch) {
        return Err(CantBump::HasChild);
    }
    let before = batch.newest();
    let fee_max = fee_max(tx, batch);
    let mut request = BumpRequest {
        till: batch.till,
        replaced: &before.tx,
        vouts: &before.vouts,
        fee_rate_sat_per_kvb: match to {
            Raise::To(rate) => rate,
            Raise::UpTo(rate) => {
                let vbytes = u64::try_from(before.tx.vsize()).unwrap_or(u64::MAX);
                rate.min(rate_of(fee_max, vbytes))
            }
        },
        now,
    };
    let mut planned = tx.tills().replacement(&request)?;
    if planned.fee > fee_max && matches!(to, Raise::UpTo(_)) {
        // It is larger than what it replaces.
        request.fee_rate_sat_per_kvb = rate_of(fee_max, planned.vbytes);
        planned = tx.tills().replacement(&request)?;
    }
    let least = before.replaced_at(planned.vbytes);
    let rises = request.fee_rate_sat_per_kvb > before.fee_rate_sat_per_kvb();
    if planned.fee < least || !rises {
        let rate = least.0.div_ceil(planned.vbytes.max(1));
        return Err(CantBump::TooLow(rate));
    }
    if planned.fee > fee_max {
        let fee = planned.fee;
        return Err(CantBump::AboveCap { fee, fee_max });
    }
    let signed = tx.tills().sign(keychain, batch.till, &planned)?;
    // Nothing is refused from here on.
    tx.tills_mut().replace(&request, &signed);
    let version = Version {
        txid: signed.tx.compute_txid(),
        tx: signed.tx,
        fee: signed.fee,
        vouts: signed.vouts,
        height: tx.tills().tip().map(|tip| tip.height),
    };
    let after = batch.clone().replaced(version);
    store::payout::put_batch(tx, &after, false);
    for (place, id) in (0_u32..).zip(&batch.payouts) {
        if let Some(payout) = store::payout::get(tx, batch.store, *id) {
            let shares = (
                batch.share(before, place),
                after.share(after.newest(), place),
            );
            let step = payout.clone().fee_raised(shares.0, shares.1);
            settle::commit(tx, &payout, step, now);
        }
    }
    tx.wake(store::Wake::OnchainPayouts);
    Ok(())
}

/// The rate at which so many virtual bytes cost no more than this, in satoshi per 1,000 of them.
fn rate_of(fee: Sat, vbytes: u64) -> u64 {
    fee.0.saturating_mul(1_000) / vbytes.max(1)
}

/// What the payouts of a batch may cost together, so that each one's share is within its own cap.
fn fee_max(rows: &dyn Rows, batch: &Batch) -> Sat {
    let least = batch
        .payouts
        .iter()
        .filter_map(|id| store::payout::get(rows, batch.store, *id))
        .map(|payout| payout.fee_max.0)
        .min()
        .unwrap_or(0);
    let payouts = u64::try_from(batch.payouts.len()).unwrap_or(u64::MAX);
    // The first one bears the rest of the division too: less than a satoshi.
    let rest = payouts.saturating_sub(1);
    Sat(least.saturating_mul(payouts).saturating_sub(rest) / 1_000)
}

/// Whether another transaction of ours spends what a version pays back to us. A replacement would take that one's
/// input away, and with it its payments.
fn has_child(rows: &dyn Rows, batch: &Batch) -> bool {
    let ours = |txid: Txid| batch.versions.iter().any(|version| version.txid == txid);
    store::payout::open_batches(rows)
        .iter()
        .filter(|other| other.id != batch.id)
        .flat_map(|other| &other.versions)
        .any(|version| {
            let inputs = &version.tx.input;
            inputs.iter().any(|input| ours(input.previous_output.txid))
        })
}

/// Transactions that blocks pass by, with the block target of their store's sender.
pub fn stuck(tx: &Tx<'_>) -> Vec<(StoreId, BatchId, u16)> {
    let tip = tx.tills().tip().map_or(0, |tip| tip.height);
    store::payout::open_batches(tx)
        .into_iter()
        .filter(|batch| {
            let built = batch.newest().height.unwrap_or(tip);
            tip.saturating_sub(built) >= STUCK_BLOCKS
                && batch.lost_to.is_none()
                && batch.kept_back.is_none()
                // Another version of what its owner signed is theirs to sign.
                && (tx.tills().record(batch.till)).is_some_and(|record| record.kind.can_sign())
                && confirmed(tx, batch).is_none()
        })
        .map(|batch| {
            let sender =
                store::payout::processor(tx, batch.store, crate::domain::receipt::Rail::Onchain);
            let target = sender.and_then(|sender| u16::try_from(sender.fee_block_target).ok());
            (batch.store, batch.id, target.unwrap_or(1))
        })
        .collect()
}

/// Satoshi per 1,000 virtual bytes from sat/vB, with at most three places behind the point.
pub fn sat_per_kvb(rate: Decimal) -> Option<u64> {
    let rate = rate.checked_mul(Decimal::from(1_000))?;
    (rate > Decimal::ZERO && rate.is_integer())
        .then(|| rate.try_into().ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_positive_and_exact() {
        for (text, expected) in [
            ("1", Some(1_000)),
            ("2.5", Some(2_500)),
            ("0.0001", None),
            ("0", None),
            ("-1", None),
            ("79228162514264337593543950335", None),
        ] {
            assert_eq!(
                sat_per_kvb(text.parse().expect("a number")),
                expected,
                "{text}"
            );
        }
    }
}
