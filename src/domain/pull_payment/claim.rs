//! Taking a claim: the budget is reserved here, before anything is sent.

use super::{Budget, PullPayment};
use crate::domain::fact::Step;
use crate::domain::money::Parts;
use crate::domain::receipt::Rail;
use crate::domain::time::Timestamp;

/// Why a claim is refused; named after Greenfield's error codes (5.7, in their order).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClaimRefusal {
    /// Closed by its owner.
    #[error("This pull payment has been archived.")]
    Archived,
    /// Its time is over.
    #[error("This pull payment has expired.")]
    Expired,
    /// Its time has not come.
    #[error("This pull payment has not started yet.")]
    NotStarted,
    /// Not by this rail.
    #[error("This pull payment does not pay that way.")]
    PaymentMethodNotSupported,
    /// The invoice was claimed before, or the address waits for another payout.
    #[error("This destination has been used already.")]
    DuplicateDestination,
    /// More than is left.
    #[error("This is more than what is left to claim.")]
    Overdraft,
    /// More than one claim may take.
    #[error("This is more than a single claim may take.")]
    AboveLargest,
    /// As many claims as there may be have been made.
    #[error("No more claims are taken: there have been as many as there may be.")]
    NoMoreClaims,
    /// Nothing, or nothing left.
    #[error("The amount is too low.")]
    AmountTooLow,
}

impl PullPayment {
    /// Reserves what a claim takes. The destination's own checks come before (5.7 step 9). `earlier`: how many claims
    /// there are that are not cancelled; looked at only where their number is limited.
    pub fn claim(
        mut self,
        debit: Parts,
        rail: Rail,
        earlier: usize,
        now: Timestamp,
    ) -> Result<Step<Self>, ClaimRefusal> {
        self.check_running(now)?;
        if !self.rails.contains(&rail) {
            return Err(ClaimRefusal::PaymentMethodNotSupported);
        }
        if debit > self.budget.remaining() {
            return Err(ClaimRefusal::Overdraft);
        }
        if self.claim_max.is_some_and(|most| debit > most) {
            return Err(ClaimRefusal::AboveLargest);
        }
        let most = self.claims_max.and_then(|most| usize::try_from(most).ok());
        if most.is_some_and(|most| earlier >= most) {
            return Err(ClaimRefusal::NoMoreClaims);
        }
        if debit.0 == 0 {
            return Err(ClaimRefusal::AmountTooLow);
        }
        self.budget = Budget {
            reserved: self.budget.reserved.plus(debit),
            ..self.budget
        };
        Ok(Step::quiet(self))
    }
}
