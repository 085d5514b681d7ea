//! A pull payment is a budget that others may draw from: they claim, someone approves, payouts go out.
//!
//! The budget is reserved when a claim is taken and given back only by a cancelled payout (P8, D1).
//! LNURL-withdraw is one door to it, the claim page another, the API a third.

mod archive;
mod change;
mod claim;

use minicbor::{Decode, Encode};

pub use change::{CantChange, Change};
pub use claim::ClaimRefusal;

use super::ids::{PullPaymentId, StoreId};
use super::invoice::MoneyRecord;
use super::money::Parts;
use super::receipt::Rail;
use super::time::Timestamp;

/// A budget to draw from.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct PullPayment {
    /// Its id; public, it is in the claim page's address.
    #[n(0)]
    pub id: PullPaymentId,
    /// Whose money.
    #[n(1)]
    pub store: StoreId,
    /// What receivers read.
    #[n(2)]
    pub name: String,
    /// More words for the claim page.
    #[n(3)]
    pub description: String,
    /// The limit as it was asked for.
    #[n(4)]
    pub limit: MoneyRecord,
    /// What is left of it.
    #[n(5)]
    pub budget: Budget,
    /// Rails a claim may ask for.
    #[n(6)]
    pub rails: Vec<Rail>,
    /// Days that a claimed BOLT11 must stay valid if nobody pays it at once (D20).
    #[n(7)]
    pub bolt11_days: u32,
    /// Claims need no person.
    #[n(8)]
    pub auto_approve: bool,
    /// Not before.
    #[n(9)]
    pub starts_at: Timestamp,
    /// Not after.
    #[n(10)]
    pub expires_at: Option<Timestamp>,
    /// Closed.
    #[n(11)]
    pub archived: bool,
    /// LNURL-withdraw's `k1`: fixed per link, 32 random bytes, never the public id (D23).
    #[cbor(n(12), with = "minicbor::bytes")]
    pub k1: [u8; 32],
    /// When it was made.
    #[n(13)]
    pub created: Timestamp,
    /// The most that one claim may take.
    #[n(14)]
    pub claim_max: Option<Parts>,
    /// How many claims there may be that are not cancelled.
    #[n(15)]
    pub claims_max: Option<u32>,
    /// For so many seconds the rate is promised that somebody was shown who scanned the link (D22). Only for links that
    /// are not in bitcoin; without it those have no LNURL.
    #[n(16)]
    pub rate_lock_secs: Option<u32>,
}

/// Limit, and what has been taken of it, in parts of the pull payment's currency: claims are debited rounded up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Budget {
    /// All there is.
    #[n(0)]
    pub limit: Parts,
    /// Claimed, not paid yet.
    #[n(1)]
    pub reserved: Parts,
    /// Paid.
    #[n(2)]
    pub spent: Parts,
}

impl Budget {
    /// Taken in all.
    pub const fn used(self) -> Parts {
        self.reserved.plus(self.spent)
    }

    /// Left to claim.
    pub const fn remaining(self) -> Parts {
        self.limit.minus(self.used())
    }

    /// A payout's claim became a payment.
    #[must_use]
    pub const fn spend(self, amount: Parts) -> Self {
        Self {
            reserved: self.reserved.minus(amount),
            spent: self.spent.plus(amount),
            ..self
        }
    }

    /// A cancelled payout gives its claim back (P8).
    #[must_use]
    pub const fn give_back(self, amount: Parts) -> Self {
        Self {
            reserved: self.reserved.minus(amount),
            ..self
        }
    }
}

impl PullPayment {
    /// Open for claims now.
    pub fn check_running(&self, now: Timestamp) -> Result<(), ClaimRefusal> {
        if self.archived {
            Err(ClaimRefusal::Archived)
        } else if self.expires_at.is_some_and(|end| now > end) {
            Err(ClaimRefusal::Expired)
        } else if now < self.starts_at {
            Err(ClaimRefusal::NotStarted)
        } else {
            Ok(())
        }
    }

    /// What one claim may take now.
    pub fn claimable(&self) -> Parts {
        let left = self.budget.remaining();
        self.claim_max.map_or(left, |most| left.min(most))
    }

    /// Holds between all its parts; asserted where it is stored. (What is spent may pass the limit in one case: a
    /// payout that succeeded after it had been cancelled, which P5 lets win.)
    pub const fn is_consistent(&self) -> bool {
        self.budget.reserved.0 <= self.budget.limit.0
    }
}

#[cfg(test)]
mod tests;
