//! Saying yes to a payout. Approval never sends by itself.

use super::{Payout, Stage};
use crate::domain::fact::{Fact, Step};
use crate::domain::money::Msat;

/// Why a payout can't be approved; named after Greenfield's error codes (5.9). State is checked first (D9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CantApprove {
    /// It does not wait for approval.
    #[error("the payout is not awaiting approval")]
    InvalidState,
    /// It was changed since the approver looked.
    #[error("the payout has changed since: look at it again")]
    OldRevision,
}

impl Payout {
    /// Approves what the approver saw.
    pub fn approve(mut self, revision: u32) -> Result<Step<Self>, CantApprove> {
        if self.stage != Stage::AwaitingApproval {
            return Err(CantApprove::InvalidState);
        }
        if self.revision != revision {
            return Err(CantApprove::OldRevision);
        }
        self.stage = Stage::AwaitingPayment;
        let payout = self.id;
        Ok(Step::telling(self, Fact::PayoutApproved { payout }))
    }

    /// Changes the most that may be spent on fees, before it is sent.
    #[must_use]
    pub fn cap_fees(mut self, fee_max: Msat) -> Self {
        self.fee_max = fee_max;
        self
    }

    /// A person presses Pay: it is sent as soon as it can be, processor or not.
    pub fn request_payment(mut self) -> Result<Step<Self>, CantApprove> {
        if self.stage != Stage::AwaitingPayment {
            return Err(CantApprove::InvalidState);
        }
        self.pay_now = true;
        self.held_since = None;
        self.next_attempt_at = None;
        Ok(Step::quiet(self))
    }
}
