//! Ports: what the gateway needs from the outside, as traits and plain data.
//!
//! They are the only source of nondeterminism. The real sides live in `adapters`, the fakes in the tests;
//! both are held to the same contract functions.

pub mod chain;
pub mod clock;
pub mod courier;
pub mod entropy;
pub mod lightning;
pub mod mark;
pub mod rates;
