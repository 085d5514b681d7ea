//! Success wins (P5).

use super::{Payout, Plan, Proof, Stage, Standing};
use crate::domain::fact::{Fact, Step};
use crate::domain::money::Msat;
use crate::domain::time::Timestamp;

impl Payout {
    /// The money of an attempt arrived. Settles the payout from any standing and any stage, a failed or cancelled
    /// one too. The success of the settled attempt again changes nothing; that of another is an alarm.
    pub fn succeeded(
        mut self,
        attempt: u32,
        proof: Proof,
        fee: Msat,
        now: Timestamp,
    ) -> Step<Self> {
        let (payout, amount) = (self.id, self.delivered());
        let Some(winner) = self
            .attempts
            .iter_mut()
            .find(|tried| tried.number == attempt)
        else {
            return Step::quiet(self);
        };
        if winner.standing == Standing::Settled {
            return self.proved(attempt, proof, fee);
        }
        winner.standing = Standing::Settled;
        let way = Some(winner.plan.way());
        if matches!(self.stage, Stage::Completed { .. }) {
            self.paid_twice = Some(now);
            return Step::telling(
                self,
                Fact::PayoutPaidTwice {
                    payout,
                    attempt,
                    amount: Some(amount),
                    fee: Some(fee),
                    way,
                },
            );
        }
        self.stage = Stage::Completed {
            proof,
            fee,
            at: now,
        };
        self.rest();
        self.held_since = None;
        self.in_hand = None;
        Step::telling(
            self,
            Fact::PayoutCompleted {
                payout,
                amount,
                fee,
                way,
            },
        )
    }

    /// The success of the settled attempt is told again. If a person's word had settled it, its proof and what it
    /// cost are known only now.
    fn proved(mut self, attempt: u32, found: Proof, cost: Msat) -> Step<Self> {
        let payout = self.id;
        match &mut self.stage {
            Stage::Completed { proof, fee, .. } if self.judged == Some(attempt) => {
                let Some(way) = found.way() else {
                    return Step::quiet(self);
                };
                let fee_before = *fee;
                (*proof, *fee) = (found, cost);
                self.judged = None;
                Step::telling(
                    self,
                    Fact::PayoutProofFound {
                        payout,
                        fee_before,
                        fee: cost,
                        way,
                    },
                )
            }
            Stage::Completed { .. }
            | Stage::AwaitingApproval
            | Stage::AwaitingPayment
            | Stage::InProgress
            | Stage::Cancelled { .. } => Step::quiet(self),
        }
    }

    /// The number of the attempt that pays this hash, the newest first.
    pub fn attempt_for(&self, hash: &crate::domain::ids::PaymentHash) -> Option<u32> {
        self.attempts
            .iter()
            .rev()
            .find(|attempt| matches!(&attempt.plan, Plan::Lightning { hash: planned, .. } if planned == hash))
            .map(|attempt| attempt.number)
    }
}
