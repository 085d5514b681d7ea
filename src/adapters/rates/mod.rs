//! Sources of prices.

mod fixed;

pub use fixed::FixedRates;
