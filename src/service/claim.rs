//! Taking claims on pull payments (Greenfield 5.7).

use rust_decimal::Decimal;

use super::Gateway;
use super::destination::{DestinationRefusal, ReadDestination};
use super::payout::{NewPayout, PayoutRefusal, check_destination, check_enough, put_new};
use crate::domain::destination::Destination;
use crate::domain::ids::{PullPaymentId, StoreId};
use crate::domain::money::{Currency, Money, Msat, Parts, Rate, btc_to_msat_ceil};
use crate::domain::payout::{CantApprove, FeeWish, Origin, Payout, Stage};
use crate::domain::pull_payment::{ClaimRefusal, PullPayment};
use crate::domain::receipt::Rail;
use crate::domain::time::Timestamp;
use crate::store;

/// What a receiver asks for, or the store for a receiver.
#[derive(Clone, Debug)]
pub struct Claim {
    /// Address, `bitcoin:` URI or BOLT11.
    pub destination: String,
    /// How it is to be paid.
    pub rail: Rail,
    /// In the pull payment's currency; what the destination says, or all that may be claimed, if `None`.
    pub amount: Option<Decimal>,
    /// Needs no person, whatever the pull payment says.
    pub approved: bool,
    /// The most to spend on fees; the store's cap where nothing is wished.
    pub fees: FeeWish,
    /// A JSON object.
    pub metadata: String,
}

impl Claim {
    /// A receiver's own claim.
    pub fn of_receiver(destination: String, rail: Rail, amount: Option<Decimal>) -> Self {
        Self {
            destination,
            rail,
            amount,
            approved: false,
            fees: FeeWish::default(),
            metadata: "{}".to_owned(),
        }
    }
}

impl Gateway {
    /// Takes a claim: the budget is reserved in the same commit, before anything is sent (D1).
    pub async fn claim(&self, id: PullPaymentId, claim: Claim) -> Result<Payout, PayoutRefusal> {
        let pull_payment = self
            .store
            .read(move |rows| store::pull_payment::find(rows, id))
            .await
            .ok_or(PayoutRefusal::UnknownPullPayment)?;
        self.claim_on(&pull_payment, claim).await
    }

    /// The same, on a pull payment that was looked up.
    pub(super) async fn claim_on(
        &self,
        pull_payment: &PullPayment,
        claim: Claim,
    ) -> Result<Payout, PayoutRefusal> {
        let read = self
            .read_destination(&claim.destination, claim.rail)
            .await?;
        let now = self.now();
        let approved = claim.approved || pull_payment.auto_approve;
        self.check_lasts(pull_payment, approved, &read, now).await?;
        let currency = pull_payment.limit.currency;
        let most = pull_payment.claimable();
        let Combined { asked, amount, .. } =
            combine(currency, read.amount, claim.amount, Some(most))?;
        let new = NewPayout {
            origin: Origin::PullPayment(pull_payment.id),
            read,
            asked,
            amount,
            approved,
            pay_now: false,
            quoted: None,
            fees: claim.fees,
            metadata: claim.metadata,
        };
        self.put_claim(pull_payment.store, new, now).await
    }

    /// Puts a payout that draws on a pull payment, and reserves its budget, in one commit. What is approved and has
    /// no rate waits for a person.
    pub(super) async fn put_claim(
        &self,
        store: StoreId,
        new: NewPayout,
        now: Timestamp,
    ) -> Result<Payout, PayoutRefusal> {
        let currency = new.asked.currency;
        let (approved, quoted) = (new.approved, new.quoted);
        let mut payout = self.new_payout(store, new, now).await;
        if approved && !currency.is_bitcoin() {
            let rate = quoted.or_else(|| self.payout_rate(store, currency, None).ok().flatten());
            payout = self.approve_new(payout, rate).await?;
        }
        let node_id = self.lightning.node_id().serialize();
        self.store
            .try_write("claim", move |tx| {
                let id = payout
                    .pull_payment()
                    .ok_or(PayoutRefusal::UnknownPullPayment)?;
                let pull_payment = store::pull_payment::get(tx, store, id)
                    .ok_or(PayoutRefusal::UnknownPullPayment)?;
                check_destination(tx, &payout, &node_id, now, || {
                    pull_payment.check_running(now)?;
                    if !pull_payment.rails.contains(&payout.rail()) {
                        return Err(ClaimRefusal::PaymentMethodNotSupported.into());
                    }
                    Ok(())
                })?;
                let earlier = match pull_payment.claims_max {
                    Some(_) => store::payout::of_pull_payment(tx, store, id)
                        .iter()
                        .filter(|one| !matches!(one.stage, Stage::Cancelled { .. }))
                        .count(),
                    None => 0,
                };
                let step = pull_payment.claim(payout.debit(), payout.rail(), earlier, now)?;
                check_enough(&payout)?;
                store::pull_payment::put(tx, &step.after);
                tx.announce(store, step.facts, now);
                Ok(put_new(tx, payout, now))
            })
            .await
    }

    /// Approves a new payout that is not in bitcoin, if there is a rate.
    async fn approve_new(&self, new: Payout, rate: Option<Rate>) -> Result<Payout, PayoutRefusal> {
        let waiting = Payout {
            stage: Stage::AwaitingApproval,
            ..new
        };
        match waiting.clone().approve(waiting.revision, rate) {
            Ok(step) => {
                let cap = self.fee_cap(step.after.store).await;
                let wish = step.after.fees.unwrap_or_default();
                Ok(step.after.cap_fees(wish, cap))
            }
            Err(CantApprove::RateUnavailable) => Ok(waiting),
            Err(
                refusal @ (CantApprove::AmountTooLow
                | CantApprove::BelowInvoice
                | CantApprove::InvalidState
                | CantApprove::OldRevision),
            ) => Err(refusal.into()),
        }
    }

    /// D20: a BOLT11 that can't be paid at once has to stay valid for the days the pull payment asks for.
    async fn check_lasts(
        &self,
        pull_payment: &PullPayment,
        approved: bool,
        read: &ReadDestination,
        now: Timestamp,
    ) -> Result<(), PayoutRefusal> {
        let Destination::Bolt11(invoice) = &read.destination else {
            return Ok(());
        };
        let store = pull_payment.store;
        let instant = self
            .store
            .read(move |rows| store::payout::processor(rows, store, Rail::Lightning))
            .await
            .is_some_and(|processor| processor.instant);
        let needed = if approved && instant {
            super::withdraw::EXPIRY_MARGIN_SECS
        } else {
            u64::from(pull_payment.bolt11_days) * 86_400
        };
        if invoice.expires_at < now.plus_secs(super::withdraw::EXPIRY_MARGIN_SECS) {
            return Err(DestinationRefusal::Expired.into());
        }
        if invoice.expires_at < now.plus_secs(needed) {
            return Err(PayoutRefusal::ExpiresTooSoon(pull_payment.bolt11_days));
        }
        Ok(())
    }
}

/// An amount of bitcoin in msat, a started one counted whole. `None` if it is out of range, or not bitcoin.
fn to_msat(amount: Decimal, currency: Currency) -> Option<Msat> {
    amount
        .checked_div(currency.fixed_per_btc()?)
        .and_then(btc_to_msat_ceil)
}

/// An amount of bitcoin written in `BTC` or `SATS`.
pub(super) fn in_currency(amount: Msat, currency: Currency) -> Decimal {
    let per_btc = currency.fixed_per_btc().unwrap_or(Decimal::ONE);
    amount
        .to_btc()
        .checked_mul(per_btc)
        .unwrap_or(Decimal::MAX)
        .normalize()
}

/// What destination and request come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Combined {
    /// In the pull payment's currency, or BTC.
    pub(super) asked: Money,
    /// The same in bitcoin; nothing where only a rate can tell.
    pub(super) amount: Msat,
}

/// Brings together what the destination says and what the request says (Greenfield 5.7). `most`: what may be claimed,
/// if there is a limit. What is not positive comes out as nothing, and is refused in its turn (D17).
pub(super) fn combine(
    currency: Currency,
    from_destination: Option<Msat>,
    from_request: Option<Decimal>,
    most: Option<Parts>,
) -> Result<Combined, PayoutRefusal> {
    let nothing = Money {
        amount: Decimal::ZERO,
        currency,
    };
    if from_request.is_some_and(|amount| amount <= Decimal::ZERO) {
        return match most {
            Some(_) => Ok(Combined {
                asked: nothing,
                amount: Msat::ZERO,
            }),
            None => Err(PayoutRefusal::Amount("The amount has to be positive.")),
        };
    }
    if currency.is_bitcoin() {
        combine_bitcoin(currency, from_destination, from_request, most)
    } else {
        // The destination's amount can't be compared: it is looked at again once there is a rate (D18).
        let asked = from_request.or_else(|| most.map(|most| most.amount(currency)));
        let amount = asked.ok_or(PayoutRefusal::Amount("Give an amount."))?;
        if amount > Decimal::ZERO && Parts::positive(amount, currency).is_none() {
            let message = "The amount is too large, or has more than 8 decimals.";
            return Err(PayoutRefusal::Amount(message));
        }
        Ok(Combined {
            asked: Money { amount, currency },
            amount: Msat::ZERO,
        })
    }
}

fn combine_bitcoin(
    currency: Currency,
    from_destination: Option<Msat>,
    from_request: Option<Decimal>,
    most: Option<Parts>,
) -> Result<Combined, PayoutRefusal> {
    let requested = from_request
        .map(|amount| {
            let message = "The amount is more than all bitcoin.";
            to_msat(amount, currency).ok_or(PayoutRefusal::Amount(message))
        })
        .transpose()?;
    let amount = match (from_destination, requested) {
        (Some(destination), Some(request)) if destination > request => {
            let message = "The destination asks for more than the amount that was given.";
            return Err(PayoutRefusal::Amount(message));
        }
        (Some(destination), _) => destination,
        (None, Some(request)) => request,
        (None, None) => match most {
            Some(most) => Msat(most.0.saturating_mul(1_000)),
            None => return Err(PayoutRefusal::Amount("Give an amount.")),
        },
    };
    Ok(Combined {
        asked: Money {
            amount: in_currency(amount, currency),
            currency,
        },
        amount,
    })
}
