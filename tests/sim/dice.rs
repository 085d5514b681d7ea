//! Every choice of a run comes from one seed.

use std::sync::Mutex;

use tollway::ports::entropy::Entropy;

/// A stream of numbers that a seed determines (splitmix64).
pub struct Dice(Mutex<u64>);

impl Dice {
    /// The stream of a seed.
    pub const fn of(seed: u64) -> Self {
        Self(Mutex::new(seed))
    }

    /// Any number.
    pub fn number(&self) -> u64 {
        let mut state = self.0.lock().expect("no panic inside");
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = *state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// How far the stream is, in short: two runs that drew the same show the same.
    pub fn mark(&self) -> u64 {
        *self.0.lock().expect("no panic inside") & 0xffff
    }

    /// A number below this one, 0 if it is 0.
    pub fn below(&self, end: u64) -> u64 {
        if end == 0 { 0 } else { self.number() % end }
    }

    /// A number from the first to the last.
    pub fn between(&self, first: u64, last: u64) -> u64 {
        first + self.below(last - first + 1)
    }

    /// True once in so many times.
    pub fn once_in(&self, times: u64) -> bool {
        self.below(times) == 0
    }

    /// One of these.
    pub fn pick<T: Clone>(&self, from: &[T]) -> Option<T> {
        let length = u64::try_from(from.len()).expect("small");
        let at = usize::try_from(self.below(length)).expect("small");
        from.get(at).cloned()
    }

    /// Which of these weights is drawn.
    pub fn weighed(&self, weights: &[u64]) -> usize {
        let mut left = self.below(weights.iter().sum());
        for (place, weight) in weights.iter().enumerate() {
            if left < *weight {
                return place;
            }
            left -= weight;
        }
        0
    }

    /// That many bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        tollway::ports::entropy::random(self)
    }
}

impl Entropy for Dice {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.number().to_be_bytes()[..chunk.len()]);
        }
    }
}
