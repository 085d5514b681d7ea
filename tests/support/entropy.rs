//! Randomness that is the same in every run of a seed.

use std::sync::atomic::{AtomicU64, Ordering};

use bitcoin::hashes::{Hash, sha256};
use tollway::ports::entropy::Entropy;

/// sha256 of a seed and a counter.
pub struct FakeEntropy {
    seed: u64,
    drawn: AtomicU64,
}

impl FakeEntropy {
    /// The stream of a seed.
    pub const fn seeded(seed: u64) -> Self {
        Self {
            seed,
            drawn: AtomicU64::new(0),
        }
    }
}

impl Entropy for FakeEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            let count = self.drawn.fetch_add(1, Ordering::SeqCst);
            let input = [self.seed.to_be_bytes(), count.to_be_bytes()].concat();
            let block = sha256::Hash::hash(&input).to_byte_array();
            chunk.copy_from_slice(&block[..chunk.len()]);
        }
    }
}
