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
        let (payout, amount) = (self.id, self.amount);
        let twice = self.paid_by(attempt);
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
        if matches!(self.stage, Stage::Completed { .. }) {
            self.paid_twice = Some(now);
            return Step::telling(
                self,
                Fact::PayoutPaidTwice {
                    payout,
                    attempt,
                    amount: Some(twice),
                    fee: Some(fee),
                },
            );
        }
        self.stage = Stage::Completed {
            proof,
            fee,
            at: now,
        };
        self.waiting_for = None;
        self.next_attempt_at = None;
        self.doubts = None;
        self.held_since = None;
        Step::telling(
            self,
            Fact::PayoutCompleted {
                payout,
                amount,
                fee,
            },
        )
    }

    /// What an attempt brings to the receiver.
    fn paid_by(&self, number: u32) -> Msat {
        let plan = self
            .attempts
            .iter()
            .find(|attempt| attempt.number == number)
            .map(|attempt| &attempt.plan);
        match plan {
            Some(Plan::Lightning { amount, .. }) => *amount,
            Some(Plan::Onchain { .. }) => self.debit().to_msat(),
            Some(Plan::Inside { .. }) | None => self.amount,
        }
    }

    /// The success of the settled attempt is told again. If a person's word had settled it, its proof and what it
    /// cost are known only now.
    fn proved(mut self, attempt: u32, found: Proof, cost: Msat) -> Step<Self> {
        let payout = self.id;
        match &mut self.stage {
            Stage::Completed { proof, fee, .. } if self.judged == Some(attempt) => {
                let fee_before = *fee;
                (*proof, *fee) = (found, cost);
                self.judged = None;
                Step::telling(
                    self,
                    Fact::PayoutProofFound {
                        payout,
                        fee_before,
                        fee: cost,
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

    /// A reorganisation took a settled transaction out of the chain: its attempt is alive again and its stored bytes
    /// are sent again. The promise still counts as kept, so the budget stays spent.
    pub fn unconfirmed(self) -> Step<Self> {
        let payout = self.id;
        match self.stage {
            Stage::Completed {
                proof: Proof::Onchain { .. },
                ..
            } => Step::telling(self, Fact::PayoutUnconfirmed { payout }),
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
