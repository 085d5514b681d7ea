//! Where a store wants to be told.

use std::fmt;

use minicbor::{Decode, Encode};

use super::Kind;
use crate::domain::ids::{StoreId, WebhookId};
use crate::domain::time::Timestamp;

/// An address that is told what happens in a store (Greenfield `WebhookData`).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Endpoint {
    /// Its id.
    #[n(0)]
    pub id: WebhookId,
    /// Whose.
    #[n(1)]
    pub store: StoreId,
    /// An absolute `http` or `https` URL.
    #[n(2)]
    pub url: String,
    /// A disabled one gets nothing.
    #[n(3)]
    pub enabled: bool,
    /// What fails for now is tried again.
    #[n(4)]
    pub automatic_redelivery: bool,
    /// What it wants to hear.
    #[n(5)]
    pub events: Events,
    /// What its messages are signed with.
    #[n(6)]
    pub secret: Secret,
    /// When it was made.
    #[n(7)]
    pub created: Timestamp,
    /// The server's owner has set the URL: it may be in the server's own network (D38).
    #[n(8)]
    pub trusted: bool,
}

/// What an endpoint wants to hear (Greenfield `authorizedEvents`).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Events {
    /// All of it.
    #[n(0)]
    pub everything: bool,
    /// Names of events, which count only if it does not want everything. One that we don't know is kept, and never comes.
    #[n(1)]
    pub specific: Vec<String>,
}

impl Default for Events {
    fn default() -> Self {
        Self {
            everything: true,
            specific: Vec::new(),
        }
    }
}

/// A key that messages are signed with. It is kept as it is, because every message needs it.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct Secret(#[n(0)] String);

impl Secret {
    /// The secret that somebody chose.
    pub const fn chosen(text: String) -> Self {
        Self(text)
    }

    /// A secret of 16 random bytes, in base58 (Greenfield 1.2).
    pub fn generated(random: [u8; 16]) -> Self {
        Self(bs58::encode(random).into_string())
    }

    /// In clear, for who signs, and once for who made it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// Never printed by accident.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl Endpoint {
    /// Whether it is to be told of such an event now.
    pub fn wants(&self, kind: Kind) -> bool {
        let named = |name: &String| name.eq_ignore_ascii_case(kind.name());
        self.enabled && (self.events.everything || self.events.specific.iter().any(named))
    }
}
