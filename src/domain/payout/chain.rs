//! What the chain does to a payout after its transaction was made: fees are raised, blocks go away and come back.

use super::{Payout, Proof, Stage};
use crate::domain::fact::{Fact, Step};
use crate::domain::money::Msat;
use crate::domain::time::Timestamp;

impl Payout {
    /// The network took its transaction, now or before.
    pub fn broadcast(mut self) -> Step<Self> {
        self.waiting_for = None;
        self.next_attempt_at = None;
        match self.live_attempt().map(|live| live.number) {
            Some(number) => self.sent(number),
            None => Step::quiet(self),
        }
    }

    /// Its transaction is replaced by one that pays the same with a higher fee.
    pub fn fee_raised(self, fee_before: Msat, fee_after: Msat) -> Step<Self> {
        let payout = self.id;
        Step::telling(
            self,
            Fact::PayoutFeeRaised {
                payout,
                fee_before,
                fee_after,
            },
        )
    }

    /// What it waited for is there: look at it at once.
    pub fn wait_no_longer(mut self) -> Step<Self> {
        self.waiting_for = None;
        self.next_attempt_at = None;
        Step::quiet(self)
    }

    /// A reorganisation took a settled transaction out of the chain. Its stored bytes are sent again; the promise
    /// still counts as kept, so the budget stays spent.
    pub fn unconfirmed(mut self, now: Timestamp) -> Step<Self> {
        let payout = self.id;
        match self.stage {
            Stage::Completed {
                proof: Proof::Onchain { .. },
                ..
            } if self.unconfirmed_since.is_none() => {
                self.unconfirmed_since = Some(now);
                Step::telling(self, Fact::PayoutUnconfirmed { payout })
            }
            Stage::Completed { .. }
            | Stage::AwaitingApproval
            | Stage::AwaitingPayment
            | Stage::InProgress
            | Stage::Cancelled { .. } => Step::quiet(self),
        }
    }

    /// The chain holds a version of its settled transaction, deep enough: the same as before, or another one. Then
    /// proof and fee become what is true now.
    pub fn confirmed_again(mut self, proof: Proof, fee: Msat) -> Step<Self> {
        let payout = self.id;
        let Stage::Completed {
            proof: known,
            fee: fee_known,
            ..
        } = &mut self.stage
        else {
            return Step::quiet(self);
        };
        let mut facts = Vec::new();
        if *known != proof {
            facts.push(Fact::PayoutProofCorrected {
                payout,
                fee_before: *fee_known,
                fee_after: fee,
            });
            (*known, *fee_known) = (proof, fee);
        }
        if self.unconfirmed_since.take().is_some() {
            self.waiting_for = None;
            facts.push(Fact::PayoutReconfirmed { payout });
        }
        Step { after: self, facts }
    }

    /// Something else spent what its transaction spends: nobody knows whether that paid it. A person has to look.
    pub fn outspent(mut self, why: &str) -> Step<Self> {
        let payout = self.id;
        let why = why.to_owned();
        match self.stage {
            Stage::Completed { .. } if self.waiting_for.as_ref() != Some(&why) => {
                self.waiting_for = Some(why.clone());
                Step::telling(self, Fact::PayoutInReview { payout, why })
            }
            Stage::Completed { .. } => Step::quiet(self),
            Stage::AwaitingApproval
            | Stage::AwaitingPayment
            | Stage::InProgress
            | Stage::Cancelled { .. } => self.review(&why),
        }
    }
}
