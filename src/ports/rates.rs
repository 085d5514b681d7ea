//! Where prices come from.

use async_trait::async_trait;

use crate::domain::rates::{BidAsk, Pair};

/// Why a source gave no prices.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct FetchError {
    /// For the operator, in words.
    pub why: String,
    /// How many seconds the source wants to be left alone, if it said so.
    pub retry_after_secs: Option<u64>,
}

impl FetchError {
    /// A failure of which the source said nothing more.
    pub fn new(why: impl Into<String>) -> Self {
        Self {
            why: why.into(),
            retry_after_secs: None,
        }
    }
}

/// An exchange, or whoever else publishes prices. It is asked by a keeper, never in a request's path.
#[async_trait]
pub trait RateSource: Send + Sync {
    /// Its name in scripts, in lower case.
    fn id(&self) -> &'static str;

    /// Its name for people.
    fn name(&self) -> &'static str;

    /// Everything it says now, at least one quote. Ends in bounded time.
    async fn fetch(&self) -> Result<Vec<(Pair, BidAsk)>, FetchError>;
}
