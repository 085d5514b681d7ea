//! Instants and spans. The domain never asks for the time: it is told.

use std::fmt;

use minicbor::{Decode, Encode};

/// Wall time as it was when something was observed, in milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct Timestamp(#[n(0)] pub u64);

/// Two looks at the clock, of which one is told to the other's owner, lie no farther apart.
const LOOK_MILLIS: u64 = 1_000;

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

    /// Whether so long has passed since `then`. True as well if `then` lies far ahead: the clock was set back, and nobody
    /// waits until it has caught up. A moment ahead is what somebody else's look at the clock can be.
    pub const fn is_past(self, then: Self, millis: u64) -> bool {
        if then.0 > self.0 {
            then.0 - self.0 > LOOK_MILLIS
        } else {
            self.0 - then.0 >= millis
        }
    }

    /// Whether a date has come that was at most `longest_secs` ahead when it was set. One further ahead than that was
    /// set before the clock was set back: it counts as come.
    pub const fn has_reached(self, date: Self, longest_secs: u64) -> bool {
        date.0 <= self.0 || date.0 - self.0 > longest_secs.saturating_mul(1_000)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}", self.secs(), self.0 % 1_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_back_makes_nobody_wait_for_it() {
        let noon = Timestamp::from_secs(1_000_000);
        // (now, a wait of 10 s that began at noon is over; a date 10 s after noon has come)
        let year = 365 * 86_400;
        for (now, over, come) in [
            (noon, false, false),
            (Timestamp(noon.0 + 9_999), false, false),
            (noon.plus_secs(10), true, true),
            (noon.plus_secs(year), true, true),
            // It was noon for somebody who looked a moment later.
            (Timestamp(noon.0 - 1), false, true),
            (Timestamp(noon.0 - 1_001), true, true),
            (Timestamp::from_secs(1), true, true),
        ] {
            assert_eq!(now.is_past(noon, 10_000), over, "{now}");
            assert_eq!(now.has_reached(noon.plus_secs(10), 10), come, "{now}");
        }
    }
}
