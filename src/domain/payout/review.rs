//! A person's word on an attempt of which nobody knows what became.

use minicbor::{Decode, Encode};

use super::{Attempt, Payout, Proof, Stage, Standing};
use crate::domain::fact::{Fact, Step};
use crate::domain::ids::UserId;
use crate::domain::money::Msat;
use crate::domain::time::Timestamp;

/// What a person says of an attempt that stands for review.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Verdict {
    /// Compare it with the node or the chain again.
    #[n(0)]
    LookAgain,
    /// The receiver has the money.
    #[n(1)]
    Arrived,
    /// It has not arrived, and nothing of it is under way any more.
    #[n(2)]
    DidNotArrive,
    /// It has not arrived; said although the node might still have it under way.
    #[n(3)]
    DidNotArriveAgainstDoubt,
}

/// Nothing of the payout stands for review.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the payout does not stand for review")]
pub struct NotInReview;

impl Payout {
    /// Puts the attempt back to where the keepers compare it, at once.
    pub fn look_again(mut self, by: UserId, why: &str) -> Result<Step<Self>, NotInReview> {
        let attempt = self.reviewed()?;
        attempt.standing = Standing::Recorded;
        let number = attempt.number;
        self.waiting_for = None;
        self.next_attempt_at = None;
        self.doubts = None;
        Ok(self.judged_by(by, number, Verdict::LookAgain, why, vec![]))
    }

    /// A person knows that the money arrived. `fee` is what is known to have been spent beside; if the node or the
    /// chain tells later, that counts.
    pub fn judge_arrived(
        mut self,
        by: UserId,
        why: &str,
        proof: Proof,
        fee: Msat,
        now: Timestamp,
    ) -> Result<Step<Self>, NotInReview> {
        let number = self.reviewed()?.number;
        self.judged = Some(number);
        let step = self.succeeded(number, proof, fee, now);
        Ok(step
            .after
            .judged_by(by, number, Verdict::Arrived, why, step.facts))
    }

    /// A person knows that the money did not arrive and won't: the attempt is over and the budget stays reserved. No
    /// sender sends it again by itself; a person pays or cancels it.
    pub fn judge_lost(
        mut self,
        by: UserId,
        why: &str,
        against_doubt: bool,
        now: Timestamp,
    ) -> Result<Step<Self>, NotInReview> {
        let attempt = self.reviewed()?;
        attempt.standing = Standing::Failed {
            why: format!("A person says that it did not arrive: {why}"),
        };
        let number = attempt.number;
        self.stage = Stage::AwaitingPayment;
        self.pay_now = false;
        self.held_since = Some(now);
        self.judged = Some(number);
        self.waiting_for = Some("A person has to pay it again, or cancel it.".to_owned());
        self.next_attempt_at = None;
        self.doubts = None;
        let failed = Fact::PayoutAttemptFailed {
            payout: self.id,
            attempt: number,
            why: why.to_owned(),
        };
        let verdict = if against_doubt {
            Verdict::DidNotArriveAgainstDoubt
        } else {
            Verdict::DidNotArrive
        };
        Ok(self.judged_by(by, number, verdict, why, vec![failed]))
    }

    /// A person has seen that it was paid twice. Again, or without need, changes nothing.
    pub fn see_paid_twice(mut self, by: UserId) -> Step<Self> {
        let payout = self.id;
        match self.paid_twice.take() {
            Some(_) => Step::telling(self, Fact::PayoutPaidTwiceSeen { payout, by }),
            None => Step::quiet(self),
        }
    }

    fn reviewed(&mut self) -> Result<&mut Attempt, NotInReview> {
        self.attempts
            .iter_mut()
            .find(|attempt| matches!(attempt.standing, Standing::InReview { .. }))
            .ok_or(NotInReview)
    }

    fn judged_by(
        self,
        by: UserId,
        attempt: u32,
        verdict: Verdict,
        why: &str,
        then: Vec<Fact>,
    ) -> Step<Self> {
        let reviewed = Fact::PayoutReviewed {
            payout: self.id,
            attempt,
            by,
            verdict,
            why: why.to_owned(),
        };
        Step {
            after: self,
            facts: std::iter::once(reviewed).chain(then).collect(),
        }
    }
}
