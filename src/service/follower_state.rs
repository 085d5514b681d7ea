//! What the chain follower knows, for everyone else to look at.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::ports::chain::BlockRef;

/// Fee rates are kept for at most so many targets.
const FEE_TARGETS_MAX: usize = 16;

/// Where the chain follower stands.
#[derive(Debug, Default)]
pub struct FollowerState(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    tip: Option<BlockRef>,
    synced: Option<u32>,
    mempool: bool,
    error: Option<String>,
    /// Within so many blocks: sat per 1,000 virtual bytes, if it could be told.
    fees: BTreeMap<u16, Option<u64>>,
}

impl FollowerState {
    /// The tip of the best chain as last seen: where a new till begins. `None` before the first answer.
    pub fn known_tip(&self) -> Option<BlockRef> {
        self.with(|known| known.tip)
    }

    /// Up to which height the tills have seen everything.
    pub fn synced_height(&self) -> Option<u32> {
        self.with(|known| known.synced)
    }

    /// Why the chain source does not answer, if it doesn't.
    pub fn error(&self) -> Option<String> {
        self.with(|known| known.error.clone())
    }

    /// Whether the chain source answered last time.
    pub fn is_reachable(&self) -> bool {
        self.with(|known| known.error.is_none() && known.tip.is_some())
    }

    /// Whether the tills have seen the tip.
    pub fn is_synced(&self) -> bool {
        self.with(|known| {
            let tip = known.tip.map(|tip| tip.height);
            tip.is_some() && known.synced >= tip && known.error.is_none()
        })
    }

    /// Whether the tills have seen the tip, and the mempool since this start.
    pub fn has_seen_mempool(&self) -> bool {
        self.is_synced() && self.with(|known| known.mempool)
    }

    /// The tills have seen the mempool.
    pub fn saw_mempool(&self) {
        self.with(|known| known.mempool = true);
    }

    /// The chain source told its tip.
    pub fn saw_tip(&self, tip: BlockRef) {
        self.with(|known| known.tip = Some(tip));
    }

    /// The tills have seen everything up to this height.
    pub fn synced_to(&self, height: u32) {
        self.with(|known| known.synced = Some(height));
    }

    /// The fee rate to confirm within so many blocks, as it was a minute ago at most, in sat per 1,000 virtual bytes. A
    /// target that nobody has asked for before is looked up next time. Waits for nobody.
    pub fn recent_fee_rate(&self, target: u16) -> Option<u64> {
        self.with(|known| {
            if known.fees.len() < FEE_TARGETS_MAX {
                *known.fees.entry(target).or_default()
            } else {
                known.fees.get(&target).copied().flatten()
            }
        })
    }

    /// The targets that fee rates are asked for, the usual one among them.
    pub fn fee_targets(&self) -> Vec<u16> {
        self.with(|known| {
            known.fees.entry(1).or_default();
            known.fees.keys().copied().collect()
        })
    }

    /// The chain source told a fee rate, or could not.
    pub fn saw_fee_rate(&self, target: u16, rate: Option<u64>) {
        self.with(|known| known.fees.insert(target, rate));
    }

    /// It answered. What it had failed with before, if it had.
    pub fn answered(&self) -> Option<String> {
        self.with(|known| known.error.take())
    }

    /// It failed. Whether that is news.
    pub fn failed(&self, why: &str) -> bool {
        self.with(|known| known.error.replace(why.to_owned()).as_deref() != Some(why))
    }

    fn with<R>(&self, look: impl FnOnce(&mut Known) -> R) -> R {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
