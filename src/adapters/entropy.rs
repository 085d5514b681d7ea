//! The operating system's randomness.

use crate::ports::entropy::Entropy;

/// `getrandom` of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that draws randomness"
    )]
    fn fill(&self, bytes: &mut [u8]) {
        // Without randomness no id and no key may be made: nothing can go on.
        getrandom::fill(bytes).expect("the operating system gives randomness");
    }
}
