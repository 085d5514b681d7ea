//! What a bitcoin costs.

use crate::domain::money::{Currency, Rate};

/// Why there is no rate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no rate for {currency}: {why}")]
pub struct NoRate {
    /// The currency asked for.
    pub currency: Currency,
    /// For the merchant, in words.
    pub why: String,
}

/// Answers from memory, at once: nothing is fetched in a request's path.
pub trait Rates: Send + Sync {
    /// Units of `currency` per BTC, a price no older than the source's age limit.
    fn rate(&self, currency: Currency) -> Result<Rate, NoRate>;
}
