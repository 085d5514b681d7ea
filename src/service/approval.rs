//! Saying yes to payouts: what an amount is worth that is not in bitcoin is fixed here (Greenfield 5.9).

use super::Gateway;
use super::payout::PayoutRefusal;
use super::rates::RateRefusal;
use super::settle::commit;
use crate::domain::ids::{PayoutId, StoreId};
use crate::domain::money::{Currency, Rate};
use crate::domain::payout::{CantApprove, FeeWish, Payout};
use crate::store::{self, WriteError};

/// What an approver says.
#[derive(Clone, Debug, Default)]
pub struct Approval {
    /// The revision they saw.
    pub revision: u32,
    /// What an amount is worth that is not in bitcoin; what the store's rules say if `None`.
    pub rate_rule: Option<String>,
    /// What it may cost; what was wished for before, or the store's cap, if nothing is said.
    pub fees: FeeWish,
}

impl Approval {
    /// What they saw, and nothing else.
    pub fn of(revision: u32) -> Self {
        Self {
            revision,
            ..Self::default()
        }
    }
}

/// What approval of a payout came to, inside the job that writes it.
type Approved = Result<Payout, PayoutRefusal>;

impl Gateway {
    /// Says yes to what the approver saw. What comes to less than can be sent is cancelled and refused.
    pub async fn approve_payout(
        &self,
        store: StoreId,
        id: PayoutId,
        approval: Approval,
    ) -> Approved {
        let now = self.now();
        let seen = self
            .store
            .read(move |rows| store::payout::get(rows, store, id))
            .await
            .ok_or(PayoutRefusal::Unknown)?;
        let currency = seen.asked.currency;
        let promised = seen.quoted.filter(|_| approval.rate_rule.is_none());
        let rate = match promised.and_then(|quoted| Rate::new(quoted.per_btc())) {
            Some(rate) => Some(rate),
            None => self.payout_rate(store, currency, approval.rate_rule.as_deref())?,
        };
        let cap = self.fee_cap(store).await;
        let Approval { revision, fees, .. } = approval;
        self.store
            .write("payout-approve", move |tx| -> Approved {
                let payout = store::payout::get(tx, store, id).ok_or(PayoutRefusal::Unknown)?;
                match payout.clone().approve(revision, rate) {
                    Ok(mut step) => {
                        if !fees.is_none() || !currency.is_bitcoin() {
                            step.after = step.after.cap_fees(fees, cap);
                        }
                        Ok(commit(tx, &payout, step, now))
                    }
                    Err(refusal @ CantApprove::AmountTooLow) => {
                        let why = "It comes to less than can be sent there.";
                        if let Ok(step) = payout.clone().cancel(why) {
                            commit(tx, &payout, step, now);
                        }
                        Err(refusal.into())
                    }
                    Err(refusal) => Err(refusal.into()),
                }
            })
            .await
            .map_err(|error: WriteError| PayoutRefusal::from(error))?
    }

    /// Units of a currency per BTC at which payouts are approved: what the rule says, or the store's own rules, without
    /// its spread (D19). `None` for bitcoin.
    pub(super) fn payout_rate(
        &self,
        store: StoreId,
        currency: Currency,
        rule: Option<&str>,
    ) -> Result<Option<Rate>, PayoutRefusal> {
        let shop = self.store.glance(|rows| store::settings::get(rows, store));
        let shop = shop.ok_or(PayoutRefusal::Unknown)?;
        match self.approval_rate(&shop, currency, rule) {
            Ok(rate) => Ok((!currency.is_bitcoin()).then_some(rate)),
            Err(RateRefusal::Rule(why)) => Err(PayoutRefusal::RateRule(why)),
            Err(RateRefusal::Unavailable(_)) => Err(CantApprove::RateUnavailable.into()),
        }
    }
}
