//! Taking a claim: the budget is reserved here, before anything is sent.

use super::{Budget, PullPayment};
use crate::domain::fact::Step;
use crate::domain::money::Msat;
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
    /// Nothing, or nothing left.
    #[error("The amount is too low.")]
    AmountTooLow,
}

impl PullPayment {
    /// Reserves a claim's amount. The destination's own checks come before (5.7 step 9).
    pub fn claim(
        mut self,
        amount: Msat,
        rail: Rail,
        now: Timestamp,
    ) -> Result<Step<Self>, ClaimRefusal> {
        self.check_running(now)?;
        if !self.rails.contains(&rail) {
            return Err(ClaimRefusal::PaymentMethodNotSupported);
        }
        let debit = Self::debit(amount);
        if debit > self.budget.remaining() {
            return Err(ClaimRefusal::Overdraft);
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
