//! A person pays by other means, or says how far it is (Greenfield 5.8).

use minicbor::{Decode, Encode};

use super::{Payout, Proof, Stage};
use crate::domain::fact::{Fact, Step};
use crate::domain::money::Msat;
use crate::domain::time::Timestamp;

/// A person has taken it in hand.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct InHand {
    /// Since when.
    #[n(0)]
    pub since: Timestamp,
    /// What they gave as proof so far: a JSON object.
    #[n(1)]
    pub proof: Option<String>,
}

/// What a person may say of a payout beside cancelling it. Proofs are JSON objects, kept as they came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HandMark {
    /// Nobody has approved it: what it was worth is forgotten.
    AwaitingApproval,
    /// It waits to be paid again.
    AwaitingPayment,
    /// They pay it.
    InProgress(Option<String>),
    /// It is paid.
    Completed(Option<String>),
}

/// It can't be marked so: it is paid, cancelled, or an attempt of ours may still succeed (D10, D12).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the payout can't be marked so as it stands now")]
pub struct NotByHand;

impl Payout {
    /// Takes a person's word on a payout that no attempt of ours may still pay. What moves no money of ours is told
    /// as such.
    pub fn mark(mut self, mark: HandMark, now: Timestamp) -> Result<Step<Self>, NotByHand> {
        // D10: marked by hand over a live attempt, or one that may be signed at any moment, it would be paid twice.
        if self.live_attempt().is_some() || self.drafted.is_some() {
            return Err(NotByHand);
        }
        let payout = self.id;
        let fact = match (&self.stage, mark) {
            (Stage::AwaitingApproval, HandMark::AwaitingApproval) => return Ok(Step::quiet(self)),
            (Stage::AwaitingPayment | Stage::InProgress, HandMark::AwaitingApproval) => {
                self.stage = Stage::AwaitingApproval;
                self.pay_now = false;
                self.held_since = None;
                if !self.asked.currency.is_bitcoin() {
                    self.amount = Msat::ZERO;
                    self.rate = None;
                }
                Fact::PayoutApprovalWithdrawn { payout }
            }
            (Stage::InProgress, HandMark::AwaitingPayment) => {
                self.stage = Stage::AwaitingPayment;
                Fact::PayoutPutBack { payout }
            }
            (Stage::AwaitingPayment, HandMark::InProgress(proof)) => {
                self.stage = Stage::InProgress;
                self.rest();
                self.in_hand = Some(InHand { since: now, proof });
                return Ok(Step::telling(self, Fact::PayoutInHand { payout }));
            }
            (Stage::InProgress, HandMark::InProgress(proof)) => {
                if let Some(hand) = &mut self.in_hand {
                    hand.proof = proof;
                }
                return Ok(Step::quiet(self));
            }
            (Stage::AwaitingPayment | Stage::InProgress, HandMark::Completed(proof)) => {
                let amount = self.delivered();
                self.stage = Stage::Completed {
                    proof: Proof::Given(proof),
                    fee: Msat::ZERO,
                    at: now,
                };
                self.held_since = None;
                Fact::PayoutPaidByHand { payout, amount }
            }
            (
                Stage::AwaitingApproval,
                HandMark::AwaitingPayment | HandMark::InProgress(_) | HandMark::Completed(_),
            )
            | (Stage::AwaitingPayment, HandMark::AwaitingPayment)
            // D12: Cancelled is final, so that the limit can't be passed by.
            | (
                Stage::Completed { .. } | Stage::Cancelled { .. },
                HandMark::AwaitingApproval
                | HandMark::AwaitingPayment
                | HandMark::InProgress(_)
                | HandMark::Completed(_),
            ) => return Err(NotByHand),
        };
        self.in_hand = None;
        self.rest();
        Ok(Step::telling(self, fact))
    }

    /// Nothing is waited for any more.
    pub(super) fn rest(&mut self) {
        self.waiting_for = None;
        self.next_attempt_at = None;
        self.doubts = None;
    }
}
