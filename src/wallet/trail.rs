//! The trail: which blocks the tills have seen, so that a follower knows where to go on and, after a
//! reorganisation, where the best chain left the one it knew.

use minicbor::{Decode, Encode};

use super::bytes::Block;
use crate::ports::chain::BlockRef;

/// The newest blocks are all kept: deeper reorganisations don't happen outside of tests.
const DENSE: u32 = 100;

/// Of older blocks, one in so many.
const SPARSE: u32 = 1_000;

/// Blocks seen, ascending in height; the last is the tip.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trail {
    blocks: Vec<BlockRef>,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct Stored {
    #[n(0)]
    blocks: Vec<Block>,
}

impl Trail {
    /// A trail that begins here.
    pub fn starting_at(block: BlockRef) -> Self {
        Self {
            blocks: vec![block],
        }
    }

    /// The newest block.
    pub fn tip(&self) -> Option<BlockRef> {
        self.blocks.last().copied()
    }

    /// The oldest block.
    pub fn start(&self) -> Option<BlockRef> {
        self.blocks.first().copied()
    }

    /// Whether this block is on it.
    pub fn has(&self, block: BlockRef) -> bool {
        self.blocks
            .binary_search_by_key(&block.height, |known| known.height)
            .is_ok_and(|at| self.blocks[at].hash == block.hash)
    }

    /// Newest first.
    pub fn downwards(&self) -> impl Iterator<Item = BlockRef> + '_ {
        self.blocks.iter().rev().copied()
    }

    /// Goes on with a sighting's blocks: what is known above their base is forgotten.
    pub fn follow(&mut self, blocks: &[BlockRef]) {
        let Some(base) = blocks.first() else { return };
        self.blocks.retain(|known| known.height < base.height);
        self.blocks.extend_from_slice(blocks);
        let tip = self.tip().map_or(0, |tip| tip.height);
        let start = self.start().map_or(0, |start| start.height);
        self.blocks.retain(|known| {
            known.height == start
                || known.height.saturating_add(DENSE) > tip
                || known.height.is_multiple_of(SPARSE)
        });
    }

    /// Its record.
    pub(super) fn encode(&self) -> Vec<u8> {
        let stored = Stored {
            blocks: self.blocks.iter().copied().map(Block::from).collect(),
        };
        minicbor::to_vec(&stored).unwrap_or_else(|e| panic!("writing to memory: {e}"))
    }

    /// From its record.
    pub(super) fn decode(record: &[u8]) -> Result<Self, String> {
        let stored: Stored =
            minicbor::decode(record).map_err(|e| format!("the chain's trail: {e}"))?;
        Ok(Self {
            blocks: stored.blocks.into_iter().map(BlockRef::from).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use bitcoin::BlockHash;
    use bitcoin::hashes::Hash;

    use super::*;

    fn block(height: u32, fork: u8) -> BlockRef {
        let mut hash = [fork; 32];
        hash[..4].copy_from_slice(&height.to_be_bytes());
        BlockRef {
            height,
            hash: BlockHash::from_byte_array(hash),
        }
    }

    fn run(from: u32, to: u32, fork: u8) -> Vec<BlockRef> {
        (from..=to).map(|height| block(height, fork)).collect()
    }

    #[test]
    fn a_fork_replaces_what_was_above_its_base() {
        let mut trail = Trail::starting_at(block(10, 0));
        trail.follow(&run(10, 15, 0));
        let fork: Vec<_> = [block(12, 0)].into_iter().chain(run(13, 14, 1)).collect();
        trail.follow(&fork);
        assert_eq!(trail.tip(), Some(block(14, 1)));
        assert!(trail.has(block(12, 0)) && trail.has(block(13, 1)) && !trail.has(block(13, 0)));
        assert!(!trail.has(block(15, 0)));
        assert_eq!(Trail::decode(&trail.encode()).expect("its own"), trail);
    }

    #[test]
    fn old_blocks_thin_out_and_the_start_stays() {
        let mut trail = Trail::starting_at(block(77, 0));
        trail.follow(&run(77, 2_500, 0));
        assert_eq!(trail.downwards().count(), 100 + 2 + 1);
        assert_eq!(trail.start(), Some(block(77, 0)));
        assert!(trail.has(block(1_000, 0)) && trail.has(block(2_401, 0)));
        assert!(!trail.has(block(2_400, 0)));
    }
}
