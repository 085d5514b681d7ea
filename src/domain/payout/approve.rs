//! Saying yes to a payout. Approval never sends by itself.

use super::{FeeCap, FeeWish, Payout, Stage};
use crate::domain::fact::{Fact, Step};
use crate::domain::money::{Msat, Rate, Sat, btc_to_msat_ceil, btc_to_sat_ceil};
use crate::domain::receipt::Rail;

/// Why a payout can't be approved; named after Greenfield's error codes (5.9). State is checked first (D9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CantApprove {
    /// It does not wait for approval.
    #[error("the payout is not awaiting approval")]
    InvalidState,
    /// It was changed since the approver looked.
    #[error("the payout has changed since: look at it again")]
    OldRevision,
    /// Its amount is not in bitcoin, and nothing says what that is worth.
    #[error("there is no rate for the payout's currency")]
    RateUnavailable,
    /// It comes to less than can be sent: it is cancelled.
    #[error("the payout comes to less than can be sent there")]
    AmountTooLow,
    /// It comes to less than its invoice asks for (D18): it stays as it is.
    #[error("the payout comes to less than its invoice asks for")]
    BelowInvoice,
}

/// A transaction may cost this much however little it moves: what an ordinary one costs at 70 sat/vB.
const CHAIN_FEE_FLOOR: Msat = Msat(10_000_000);

impl Payout {
    /// Approves what the approver saw. `rate` gives an amount its worth that is not in bitcoin.
    pub fn approve(mut self, revision: u32, rate: Option<Rate>) -> Result<Step<Self>, CantApprove> {
        if self.stage != Stage::AwaitingApproval {
            return Err(CantApprove::InvalidState);
        }
        if self.revision != revision {
            return Err(CantApprove::OldRevision);
        }
        if !self.asked.currency.is_bitcoin() {
            let rate = rate.ok_or(CantApprove::RateUnavailable)?;
            self.amount = self.worth(rate)?;
            self.rate = Some(rate.into());
        }
        if self.amount < self.destination.least() {
            return Err(CantApprove::AmountTooLow);
        }
        self.stage = Stage::AwaitingPayment;
        let payout = self.id;
        Ok(Step::telling(self, Fact::PayoutApproved { payout }))
    }

    /// What was asked for, in bitcoin, rounded up to what its rail can carry (Greenfield 5.9). An invoice that asks
    /// for less gets what it asks for (D18).
    fn worth(&self, rate: Rate) -> Result<Msat, CantApprove> {
        let btc = rate.to_btc(self.asked.amount);
        let worth = match self.rail() {
            Rail::Lightning => btc.and_then(btc_to_msat_ceil),
            Rail::Onchain => btc.and_then(btc_to_sat_ceil).map(Sat::to_msat),
        }
        .ok_or(CantApprove::RateUnavailable)?;
        match self.named {
            Some(named) if named > worth => Err(CantApprove::BelowInvoice),
            Some(named) => Ok(named),
            None => Ok(worth),
        }
    }

    /// Changes the most that may be spent on fees, before it is sent: what is wished now, what was wished before, or
    /// what the store allows.
    #[must_use]
    pub fn cap_fees(mut self, wish: FeeWish, cap: FeeCap) -> Self {
        if !wish.is_none() {
            self.fees = Some(wish);
        }
        self.fee_max = self
            .fees
            .and_then(|wish| wish.most(self.amount))
            .unwrap_or_else(|| match self.rail() {
                Rail::Lightning => cap.most(self.amount),
                Rail::Onchain => FeeCap::default().most(self.amount).max(CHAIN_FEE_FLOOR),
            });
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
