//! A payout to an invoice of this server: settled in the books, never sent (P7).

use super::attempt::NotWaiting;
use super::{Payout, Plan, Proof};
use crate::domain::fact::Step;
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
        let Payable { hash, preimage } = own;
        let planned = self.plan(Plan::Inside { hash }, now)?;
        let number = planned.after.live_attempt().map_or(0, |live| live.number);
        let proof = Proof::Lightning {
            hash,
            preimage: Some(preimage),
        };
        let settled = planned.after.succeeded(number, proof, Msat::ZERO, now);
        Ok(Step {
            after: settled.after,
            facts: [planned.facts, settled.facts].concat(),
        })
    }
}
