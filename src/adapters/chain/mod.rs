//! Chain sources: what stands behind [`crate::ports::chain::Chain`].

mod bitcoind;

pub use bitcoind::BitcoindChain;
