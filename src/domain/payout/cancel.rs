//! Taking a promise back.

use super::{Payout, Stage};
use crate::domain::fact::{Fact, Step};

/// The payout can't be cancelled: it is paid, or an attempt may still succeed (P8, D10).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the payout can't be cancelled any more: it is paid, or may still be")]
pub struct CantCancel;

impl Payout {
    /// Cancels what can't still succeed. Cancelling again changes nothing.
    pub fn cancel(mut self, why: &str) -> Result<Step<Self>, CantCancel> {
        match self.stage {
            Stage::Cancelled { .. } => Ok(Step::quiet(self)),
            // P8 what waits for a signature may be signed: its transaction has to be given up first.
            Stage::AwaitingApproval | Stage::AwaitingPayment
                if self.live_attempt().is_none() && self.drafted.is_none() =>
            {
                self.stage = Stage::Cancelled {
                    why: why.to_owned(),
                };
                self.waiting_for = None;
                self.next_attempt_at = None;
                let payout = self.id;
                Ok(Step::telling(
                    self,
                    Fact::PayoutCancelled {
                        payout,
                        why: why.to_owned(),
                    },
                ))
            }
            Stage::AwaitingApproval
            | Stage::AwaitingPayment
            | Stage::InProgress
            | Stage::Completed { .. } => Err(CantCancel),
        }
    }
}
