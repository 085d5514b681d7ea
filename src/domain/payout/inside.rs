//! A payout to an invoice of this server: settled in the books, never sent (P7).

use super::attempt::NotWaiting;
use super::{Attempt, Payout, Plan, Proof, Stage, Standing};
use crate::domain::fact::{Fact, Step};
use crate::domain::ids::{PaymentHash, Preimage};
use crate::domain::money::Msat;
use crate::domain::time::Timestamp;

/// An invoice of this server that a payout may settle with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Payable {
    /// Its hash.
    pub hash: PaymentHash,
    /// Proof of payment.
    pub preimage: Preimage,
}

impl Payout {
    /// Records the attempt and settles it in one step: there is nothing between the two that could fail. The caller
    /// gives the invoice its receipt in the same commit.
    pub fn settle_inside(self, own: Payable, now: Timestamp) -> Result<Step<Self>, NotWaiting> {
        let plan = Plan::Inside { hash: own.hash };
        let Step {
            after: mut payout,
            mut facts,
        } = self.plan(plan, now)?;
        if let Some(Attempt { standing, .. }) = payout.live_attempt_mut() {
            *standing = Standing::Settled;
        }
        payout.stage = Stage::Completed {
            proof: Proof::Lightning {
                hash: own.hash,
                preimage: Some(own.preimage),
            },
            fee: Msat::ZERO,
            at: now,
        };
        facts.push(Fact::PayoutCompletedInside {
            payout: payout.id,
            hash: own.hash,
            amount: payout.amount,
        });
        Ok(Step {
            after: payout,
            facts,
        })
    }
}
