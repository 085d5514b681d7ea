//! A batch is one signed transaction of ours and every version of it. All versions share an input, so the chain
//! itself forbids paying twice (P4). Its bytes are stored before they are broadcast, and kept until buried.

use bitcoin::{OutPoint, Transaction, Txid};
use minicbor::{Decode, Encode};

use crate::domain::cbor;
use crate::domain::ids::{BatchId, PayoutId, StoreId};
use crate::domain::money::Sat;
use crate::domain::till::TillId;
use crate::domain::time::Timestamp;

/// Bytes, locked inputs and rebroadcast are kept until so many confirmations.
pub const BURIED: u32 = 100;

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
    /// What it spends.
    #[n(6)]
    pub inputs: Vec<Input>,
    /// When it was last handed to the network.
    #[n(7)]
    pub broadcast_at: Option<Timestamp>,
    /// A block held a version of it when it was last looked at, and its payouts were settled.
    #[n(8)]
    pub settled: bool,
}

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
}

/// An input, in a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct Input(#[cbor(n(0), with = "cbor::outpoint")] pub OutPoint);

impl Batch {
    /// The version to send: the newest.
    pub fn newest(&self) -> &Version {
        // A batch is made with its first version and never loses one.
        &self.versions[self.versions.len().saturating_sub(1)]
    }

    /// Holds between all its parts; asserted where it is stored.
    pub fn is_consistent(&self) -> bool {
        // P4 shared input.
        let shared = self.inputs.iter().any(|input| {
            self.versions.iter().all(|version| {
                version
                    .tx
                    .input
                    .iter()
                    .any(|spent| spent.previous_output == input.0)
            })
        });
        let placed = self
            .versions
            .iter()
            .all(|version| version.vouts.len() == self.payouts.len());
        !self.versions.is_empty() && shared && placed
    }
}
