//! What the chain follower saw: one bounded step of the chain, one look at the mempool, or both.

use std::sync::Arc;

use bitcoin::{Transaction, Txid};

use crate::ports::chain::BlockRef;

/// A transaction in a block of the best chain.
#[derive(Clone, Debug)]
pub struct Anchored {
    /// The transaction.
    pub tx: Arc<Transaction>,
    /// Its block.
    pub block: BlockRef,
    /// The time in that block's header, seconds since the Unix epoch.
    pub time_secs: u64,
}

/// News of the chain. Transactions that are no till's may be among them: each till takes its own.
#[derive(Clone, Debug, Default)]
pub struct Sighting {
    /// The new blocks in order, without a gap; before them the base: a block on which they stand and
    /// that is still of the best chain. Empty if no block moved.
    pub blocks: Vec<BlockRef>,
    /// Transactions in those blocks.
    pub anchored: Vec<Anchored>,
    /// Transactions new in the mempool, with when they were seen, in seconds since the Unix epoch.
    pub seen: Vec<(Arc<Transaction>, u64)>,
    /// Transactions that left the mempool without getting into a block, and when.
    pub evicted: Vec<(Txid, u64)>,
}

impl Sighting {
    /// The tip it leads to, if blocks moved.
    pub fn tip(&self) -> Option<BlockRef> {
        self.blocks.last().copied()
    }

    /// Whether it says nothing.
    pub const fn is_empty(&self) -> bool {
        self.blocks.is_empty() && self.seen.is_empty() && self.evicted.is_empty()
    }
}
