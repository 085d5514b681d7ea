//! The courier: carries messages to the addresses that stores have named.

use async_trait::async_trait;

use crate::domain::webhook::Outcome;

/// Where a request may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Anywhere, the server's own network included: the server's owner has named the address.
    Anywhere,
    /// Only to public addresses (D38): whoever named the address must not see what is behind the server's door.
    Public,
}

/// A message, ready to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parcel {
    /// An absolute `http` or `https` URL.
    pub url: String,
    /// Where it may lead.
    pub reach: Reach,
    /// JSON; the very bytes that were signed.
    pub body: Vec<u8>,
    /// The value of `BTCPay-Sig`.
    pub signature: String,
}

/// The URL can't be one that messages go to: why, in words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadUrl(pub String);

/// Carries messages.
#[async_trait]
pub trait Courier: Send + Sync {
    /// Whether messages could go to this URL at all: its form, and its host if that is an address. Asks nobody.
    fn check(&self, url: &str, reach: Reach) -> Result<(), BadUrl>;

    /// Posts a message, once. Redirects are not followed: they are an answer like others. Returns within a minute.
    async fn deliver(&self, parcel: Parcel) -> Outcome;
}
