//! What the tally and the time make of the status. Every verb ends here.

use rust_decimal::Decimal;

use super::{Invoice, Price, Status};
use crate::domain::fact::Fact;
use crate::domain::money::{Msat, Sat};
use crate::domain::time::Timestamp;

impl Invoice {
    /// Takes every transition that is due now (Greenfield 5.3) and tells it.
    pub(super) fn evaluate(&mut self, now: Timestamp, facts: &mut Vec<Fact>) {
        let invoice = self.id;
        loop {
            let over_paid = self.surplus() > Sat::ZERO;
            let (status, fact) = match self.status {
                Status::New if self.covers(self.paid()) => (
                    Status::Processing,
                    Fact::InvoiceProcessing { invoice, over_paid },
                ),
                Status::New if now >= self.expiry() => (
                    Status::Expired,
                    Fact::InvoiceExpired {
                        invoice,
                        partially_paid: self.paid() > Msat::ZERO,
                    },
                ),
                Status::Processing if !self.covers(self.paid()) => {
                    (Status::New, Fact::InvoiceReopened { invoice })
                }
                Status::Processing if self.is_done(now) => (
                    Status::Settled,
                    Fact::InvoiceSettled {
                        invoice,
                        manually_marked: false,
                        over_paid,
                    },
                ),
                Status::Processing if now > self.monitored_until() => (
                    Status::Invalid,
                    Fact::InvoiceInvalid {
                        invoice,
                        manually_marked: false,
                    },
                ),
                Status::Settled if !self.marked && !self.covers(self.paid_settled()) => {
                    self.reopened = Some(now);
                    (Status::Processing, Fact::InvoiceReopened { invoice })
                }
                Status::Expired if !self.paid_late && self.covers(self.paid()) => {
                    self.paid_late = true;
                    (
                        Status::Expired,
                        Fact::InvoicePaidAfterExpiration { invoice },
                    )
                }
                Status::New
                | Status::Processing
                | Status::Settled
                | Status::Expired
                | Status::Invalid => return,
            };
            self.status = status;
            facts.push(fact);
        }
    }

    /// Every counted payment is settled. A surplus that is still open keeps the invoice open, but not for ever: once
    /// its time is over, what has settled is looked at alone.
    fn is_done(&self, now: Timestamp) -> bool {
        let mut counted = self.receipts.iter().filter(|receipt| receipt.counts());
        counted.all(super::Receipt::is_settled)
            || (now > self.monitored_until() && self.covers(self.paid_settled()))
    }

    /// price × (1 − tolerance) − amount ≤ 0.
    fn covers(&self, amount: Msat) -> bool {
        match self.price {
            Price::TopUp(_) => amount > Msat::ZERO,
            Price::Standard(_) => {
                let share = Decimal::ONE_HUNDRED
                    .checked_sub(self.terms.tolerance_percent)
                    .unwrap_or(Decimal::ONE_HUNDRED);
                let needed = Decimal::from(self.due.to_msat().0).checked_mul(share);
                let brought = Decimal::from(amount.0).checked_mul(Decimal::ONE_HUNDRED);
                // u64 × 100 is far below the largest decimal.
                needed.is_some() && needed <= brought
            }
        }
    }
}
