//! Instants and spans. The domain never asks for the time: it is told.

use std::fmt;

use minicbor::{Decode, Encode};

/// Wall time as it was when something was observed, in milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct Timestamp(#[n(0)] pub u64);

impl Timestamp {
    /// From whole seconds since the Unix epoch.
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1_000))
    }

    /// Whole seconds since the Unix epoch, the rest dropped; Greenfield's form.
    pub const fn secs(self) -> u64 {
        self.0 / 1_000
    }

    /// This much later.
    #[must_use]
    pub const fn plus_secs(self, secs: u64) -> Self {
        Self(self.0.saturating_add(secs.saturating_mul(1_000)))
    }

    /// How long after `earlier`, in milliseconds; zero if before it.
    pub const fn millis_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}", self.secs(), self.0 % 1_000)
    }
}
