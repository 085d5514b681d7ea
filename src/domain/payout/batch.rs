//! A batch is one signed transaction of ours and every version of it. All versions share an input, so the chain
//! itself forbids paying twice (P4). Its bytes are stored before they are broadcast, and kept until buried.

use bitcoin::{OutPoint, Transaction, Txid};
use minicbor::{Decode, Encode};

use crate::domain::cbor;
use crate::domain::ids::{BatchId, PayoutId, StoreId};
use crate::domain::money::{Msat, Sat};
use crate::domain::till::{CantSpend, TillId};
use crate::domain::time::Timestamp;

/// Bytes, locked inputs and rebroadcast are kept until so many confirmations.
pub const BURIED: u32 = 100;

/// Payments in one transaction: about 3,500 virtual bytes, far below what the network relays, and few enough that
/// one receiver who watches the chain doesn't see a whole day's business.
pub const BATCH_PAYOUTS_MAX: usize = 100;

/// What relaying a replacement costs beside, in satoshi per 1,000 virtual bytes (BIP 125 rule 4; Bitcoin Core's
/// `incrementalrelayfee`, whose default was lowered since: the older one passes everywhere).
const RELAY_SAT_PER_KVB: u64 = 1_000;

/// A signed transaction, and what it is for.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Batch {
    /// Its id.
    #[n(0)]
    pub id: BatchId,
    /// Whose.
    #[n(1)]
    pub store: StoreId,
    /// Which till's coins.
    #[n(2)]
    pub till: TillId,
    /// When it was built.
    #[n(3)]
    pub created: Timestamp,
    /// Signed versions, oldest first.
    #[n(4)]
    pub versions: Vec<Version>,
    /// Who is paid, by place.
    #[n(5)]
    pub payouts: Vec<PayoutId>,
    /// What its newest version spends. All that the first one spends is in every version (P4).
    #[n(6)]
    pub inputs: Vec<Input>,
    /// When it was last handed to the network.
    #[n(7)]
    pub broadcast_at: Option<Timestamp>,
    /// A block held a version of it when it was last looked at, and its payouts were settled.
    #[n(8)]
    pub settled: bool,
    /// A transaction in a block that is none of its versions and spends one of its inputs: as long as it stands
    /// there, no version can confirm.
    #[n(9)]
    pub lost_to: Option<Rival>,
    /// The version that its payouts were settled by. As long as a block holds it, there is nothing to do.
    #[n(10)]
    pub settled_by: Option<Confirmed>,
    /// Signed, and not to be sent before somebody asks for it.
    #[n(11)]
    pub kept_back: Option<Timestamp>,
}

/// The id of a version in a block, in a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct Confirmed(#[cbor(n(0), with = "cbor::txid")] pub Txid);

/// The id of a transaction, in a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct Rival(#[cbor(n(0), with = "cbor::txid")] pub Txid);

/// One signed version of a batch.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Version {
    /// Its id.
    #[cbor(n(0), with = "cbor::txid")]
    pub txid: Txid,
    /// The signed bytes.
    #[cbor(n(1), with = "cbor::transaction")]
    pub tx: Transaction,
    /// What it costs.
    #[n(2)]
    pub fee: Sat,
    /// Which output pays which place.
    #[n(3)]
    pub vouts: Vec<u32>,
    /// The best height when it was built: it may be stuck if blocks pass it by.
    #[n(4)]
    pub height: Option<u32>,
}

/// An input, in a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct Input(#[cbor(n(0), with = "cbor::outpoint")] pub OutPoint);

/// Why a transaction's fee is not raised.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CantBump {
    /// It has no transaction that waits for a block.
    #[error("The payout has no transaction that waits for a block.")]
    NothingToBump,
    /// A block has it.
    #[error("The transaction is in a block already.")]
    Confirmed,
    /// One of its inputs is gone.
    #[error("An input of the transaction was spent by another one: no fee helps.")]
    Outspent,
    /// A later transaction hangs on it.
    #[error(
        "A later transaction of this wallet spends its change. Raise the fee of that one: it pays for both."
    )]
    HasChild,
    /// The network would not take it as a replacement (BIP 125).
    #[error("The fee rate is too low for a replacement: give at least {0} sat/vB.")]
    TooLow(u64),
    /// It would cost more than may be spent.
    #[error("It would cost {fee}, more than the {fee_max} that may be spent on it.")]
    AboveCap {
        /// What the new version would cost.
        fee: Sat,
        /// What its payouts may cost together.
        fee_max: Sat,
    },
    /// The wallet is stopped (P9).
    #[error("The store's wallet is held for review: look at its page.")]
    Held,
    /// The wallet can't build it.
    #[error("Not built: {0}.")]
    Spend(#[from] CantSpend),
}

impl Version {
    /// What it pays, in satoshi per 1,000 virtual bytes, rounded down.
    pub fn fee_rate_sat_per_kvb(&self) -> u64 {
        let weight = self.tx.weight().to_wu().max(1);
        self.fee.0.saturating_mul(4_000) / weight
    }

    /// The least that a replacement of so many virtual bytes has to pay (BIP 125 rules 3 and 4).
    pub fn replaced_at(&self, vbytes: u64) -> Sat {
        Sat(self
            .fee
            .0
            .saturating_add(vbytes.saturating_mul(RELAY_SAT_PER_KVB).div_ceil(1_000)))
    }
}

/// What the payment at a place bears of a fee that `payouts` share: equal parts in whole millisatoshi, the rest of
/// the division with the first.
pub fn fee_share(fee: Sat, payouts: usize, place: u32) -> Msat {
    let payouts = u64::try_from(payouts).unwrap_or(u64::MAX).max(1);
    let fee = fee.to_msat().0;
    let rest = if place == 0 { fee % payouts } else { 0 };
    Msat(fee / payouts + rest)
}

impl Batch {
    /// The version to send: the newest.
    pub fn newest(&self) -> &Version {
        // A batch is made with its first version and never loses one.
        &self.versions[self.versions.len().saturating_sub(1)]
    }

    /// What the payment at a place bears of a version's fee.
    pub fn share(&self, version: &Version, place: u32) -> Msat {
        fee_share(version.fee, self.payouts.len(), place)
    }

    /// The same payments with another fee. It is what is sent from now on, at once.
    #[must_use]
    pub fn replaced(mut self, version: Version) -> Self {
        self.inputs = (version.tx.input.iter())
            .map(|input| Input(input.previous_output))
            .collect();
        self.versions.push(version);
        self.broadcast_at = None;
        self
    }

    /// Holds between all its parts; asserted where it is stored.
    pub fn is_consistent(&self) -> bool {
        let Some(first) = self.versions.first() else {
            return false;
        };
        // P4 shared input: a later version keeps all inputs and has a higher fee.
        let keeps = |version: &Version| {
            first.tx.input.iter().all(|kept| {
                let spent = |input: &bitcoin::TxIn| input.previous_output == kept.previous_output;
                version.tx.input.iter().any(spent)
            })
        };
        let shared = !first.tx.input.is_empty() && self.versions.iter().all(keeps);
        let rising = (self.versions.iter())
            .zip(self.versions.iter().skip(1))
            .all(|(earlier, later)| earlier.fee < later.fee);
        let placed = self
            .versions
            .iter()
            .all(|version| version.vouts.len() == self.payouts.len());
        shared && rising && placed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up_to_the_fee_and_the_first_bears_the_rest() {
        for (fee, payouts) in [(1, 3), (1_000, 7), (999, 1), (0, 4), (12_345, 100)] {
            let places = u32::try_from(payouts).expect("small");
            let shares: Vec<_> = (0..places)
                .map(|place| fee_share(Sat(fee), payouts, place).0)
                .collect();
            assert_eq!(shares.iter().sum::<u64>(), fee * 1_000);
            assert!(
                shares[1..]
                    .iter()
                    .all(|share| *share == fee * 1_000 / payouts as u64)
            );
        }
    }
}
