//! Making and closing pull payments, and taking claims on them.

use rust_decimal::Decimal;

use super::destination::{DestinationRefusal, ReadDestination};
use super::payout::{NewPayout, PayoutRefusal, put_new};
use super::settle::commit;
use super::{Gateway, Unavailable};
use crate::domain::destination::Destination;
use crate::domain::fact::Fact;
use crate::domain::ids::{PullPaymentId, StoreId};
use crate::domain::money::{Currency, Money, Msat, SAT_MAX, Sat, btc_to_msat_ceil};
use crate::domain::payout::{FeeWish, Origin, Payout};
use crate::domain::pull_payment::{Budget, PullPayment};
use crate::domain::receipt::Rail;
use crate::domain::time::Timestamp;
use crate::store::{self, WriteError};

/// Greenfield's limit for a name, in characters.
pub const NAME_CHARS_MAX: usize = 50;

/// What is kept of a description, in bytes.
const DESCRIPTION_BYTES_MAX: usize = 16_384;

/// What a merchant asks for.
#[derive(Clone, Debug)]
pub struct NewPullPayment {
    /// What receivers read, at most [`NAME_CHARS_MAX`] characters.
    pub name: String,
    /// More words for the claim page.
    pub description: String,
    /// The limit; BTC or SATS, whole satoshi.
    pub limit: Money,
    /// Rails a claim may ask for; both if `None`.
    pub rails: Option<Vec<Rail>>,
    /// Days a claimed BOLT11 must stay valid if nobody pays it at once.
    pub bolt11_days: u32,
    /// Claims need no person.
    pub auto_approve: bool,
    /// Not before; now if `None`.
    pub starts_at: Option<Timestamp>,
    /// Not after.
    pub expires_at: Option<Timestamp>,
}

/// Why a pull payment is not made or closed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PullPaymentRefusal {
    /// There is no such store, or pull payment.
    #[error("There is no such pull payment.")]
    Unknown,
    /// 422 `Amount`.
    #[error("{0}")]
    Amount(&'static str),
    /// 422 `Name`.
    #[error("The name is longer than 50 characters.")]
    Name,
    /// 422 `Currency`.
    #[error("A pull payment is in BTC or SATS.")]
    Currency,
    /// 422 `ExpiresAt`.
    #[error("It would expire before it starts.")]
    ExpiresAt,
    /// 422 `PayoutMethods`.
    #[error("Name at least one payout method that this store can pay by.")]
    PayoutMethods,
    /// 503.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<WriteError> for PullPaymentRefusal {
    fn from(error: WriteError) -> Self {
        Self::Unavailable(error.into())
    }
}

/// What a receiver asks for.
#[derive(Clone, Debug)]
pub struct Claim {
    /// Address, `bitcoin:` URI or BOLT11.
    pub destination: String,
    /// How it is to be paid.
    pub rail: Rail,
    /// In the pull payment's currency; what the destination says, or all that is left, if `None`.
    pub amount: Option<Decimal>,
}

impl Gateway {
    /// Makes a pull payment.
    pub async fn create_pull_payment(
        &self,
        store: StoreId,
        new: NewPullPayment,
    ) -> Result<PullPayment, PullPaymentRefusal> {
        let now = self.now();
        if new.name.chars().count() > NAME_CHARS_MAX {
            return Err(PullPaymentRefusal::Name);
        }
        let limit = limit_in_sat(new.limit)?;
        if new
            .starts_at
            .zip(new.expires_at)
            .is_some_and(|(start, end)| end < start)
        {
            return Err(PullPaymentRefusal::ExpiresAt);
        }
        let rails = new.rails.unwrap_or_else(|| Rail::ALL.to_vec());
        if rails.is_empty() {
            return Err(PullPaymentRefusal::PayoutMethods);
        }
        let pull_payment = PullPayment {
            id: PullPaymentId(self.random()),
            store,
            name: new.name,
            description: super::invoice::cut_to_bytes(&new.description, DESCRIPTION_BYTES_MAX)
                .to_owned(),
            limit: new.limit.into(),
            budget: Budget {
                limit,
                ..Budget::default()
            },
            rails,
            bolt11_days: new.bolt11_days,
            auto_approve: new.auto_approve,
            starts_at: new.starts_at.unwrap_or(now),
            expires_at: new.expires_at,
            archived: false,
            k1: self.random(),
            created: now,
        };
        self.store
            .try_write("pull-payment-create", move |tx| {
                store::settings::get(tx, store).ok_or(PullPaymentRefusal::Unknown)?;
                store::pull_payment::put(tx, &pull_payment);
                let fact = Fact::PullPaymentCreated {
                    pull_payment: pull_payment.id,
                };
                tx.announce(store, vec![fact], now);
                Ok(pull_payment)
            })
            .await
    }

    /// Closes a pull payment and cancels every payout of it that no attempt may still pay. May be repeated.
    pub async fn archive_pull_payment(
        &self,
        store: StoreId,
        id: PullPaymentId,
    ) -> Result<(), PullPaymentRefusal> {
        let now = self.now();
        self.store
            .try_write("pull-payment-archive", move |tx| {
                let found =
                    store::pull_payment::get(tx, store, id).ok_or(PullPaymentRefusal::Unknown)?;
                let step = found.archive();
                store::pull_payment::put(tx, &step.after);
                tx.announce(store, step.facts, now);
                for payout in store::payout::of_pull_payment(tx, store, id) {
                    if let Ok(step) = payout.clone().cancel("The pull payment was archived.") {
                        commit(tx, &payout, step, now);
                    }
                }
                Ok(())
            })
            .await
    }

    /// Takes a claim: the budget is reserved in the same commit, before anything is sent (D1).
    pub async fn claim(&self, id: PullPaymentId, claim: Claim) -> Result<Payout, PayoutRefusal> {
        let pull_payment = self
            .store
            .read(move |rows| store::pull_payment::find(rows, id))
            .await
            .ok_or(PayoutRefusal::UnknownPullPayment)?;
        let read = self
            .read_destination(&claim.destination, claim.rail)
            .await?;
        let now = self.now();
        self.check_lasts(&pull_payment, &read, now).await?;
        let amount = combine(
            pull_payment.limit.currency,
            read.amount,
            claim.amount,
            Some(pull_payment.budget.remaining()),
        )?;
        let new = NewPayout {
            origin: Origin::PullPayment(id),
            read,
            asked: Money {
                amount: in_currency(amount, pull_payment.limit.currency),
                currency: pull_payment.limit.currency,
            },
            amount,
            approved: pull_payment.auto_approve,
            pay_now: false,
            fees: FeeWish::default(),
            metadata: "{}".to_owned(),
        };
        self.put_claim(pull_payment.store, new, now).await
    }

    /// Puts a payout that draws on a pull payment, and reserves its budget, in one commit.
    pub(super) async fn put_claim(
        &self,
        store: StoreId,
        new: NewPayout,
        now: Timestamp,
    ) -> Result<Payout, PayoutRefusal> {
        let payout = self.new_payout(store, new, now).await;
        let node_id = self.lightning.node_id().serialize();
        self.store
            .try_write("claim", move |tx| {
                let id = payout
                    .pull_payment()
                    .ok_or(PayoutRefusal::UnknownPullPayment)?;
                let pull_payment = store::pull_payment::get(tx, store, id)
                    .ok_or(PayoutRefusal::UnknownPullPayment)?;
                super::payout::check_destination(tx, &payout, &node_id, now, || {
                    pull_payment.check_running(now)?;
                    if !pull_payment.rails.contains(&payout.rail()) {
                        return Err(
                            crate::domain::pull_payment::ClaimRefusal::PaymentMethodNotSupported
                                .into(),
                        );
                    }
                    Ok(())
                })?;
                let step = pull_payment.claim(payout.amount, payout.rail(), now)?;
                store::pull_payment::put(tx, &step.after);
                tx.announce(store, step.facts, now);
                Ok(put_new(tx, payout, now))
            })
            .await
    }

    /// D20: a BOLT11 that can't be paid at once has to stay valid for the days the pull payment asks for.
    async fn check_lasts(
        &self,
        pull_payment: &PullPayment,
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
        let at_once = pull_payment.auto_approve && instant;
        let needed = if at_once {
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

/// The limit in whole satoshi.
fn limit_in_sat(limit: Money) -> Result<Sat, PullPaymentRefusal> {
    if limit.amount <= Decimal::ZERO {
        return Err(PullPaymentRefusal::Amount("The amount has to be positive."));
    }
    if !limit.currency.is_bitcoin() {
        return Err(PullPaymentRefusal::Currency);
    }
    let msat = to_msat(limit.amount, limit.currency).ok_or(PullPaymentRefusal::Amount(
        "The amount is more than all bitcoin.",
    ))?;
    if msat.to_sat_floor() != msat.to_sat_ceil() {
        return Err(PullPaymentRefusal::Amount(
            "The amount has to be in whole satoshi.",
        ));
    }
    Some(msat.to_sat_floor())
        .filter(|sat| *sat <= SAT_MAX)
        .ok_or(PullPaymentRefusal::Amount(
            "The amount is more than all bitcoin.",
        ))
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

/// Brings together what the destination says and what the request says (Greenfield 5.7).
pub(super) fn combine(
    currency: Currency,
    from_destination: Option<Msat>,
    from_request: Option<Decimal>,
    remaining: Option<Sat>,
) -> Result<Msat, PayoutRefusal> {
    let requested = match from_request {
        None => None,
        // D17: a given amount that is not positive never makes a payout.
        Some(amount) if amount <= Decimal::ZERO => {
            return Err(if remaining.is_some() {
                crate::domain::pull_payment::ClaimRefusal::AmountTooLow.into()
            } else {
                PayoutRefusal::Amount("The amount has to be positive.")
            });
        }
        Some(amount) => Some(to_msat(amount, currency).ok_or(PayoutRefusal::Amount(
            "The amount is more than all bitcoin.",
        ))?),
    };
    match (from_destination, requested) {
        (Some(destination), Some(request)) if destination > request => Err(PayoutRefusal::Amount(
            "The destination asks for more than the amount that was given.",
        )),
        (Some(destination), _) => Ok(destination),
        (None, Some(request)) => Ok(request),
        (None, None) => match remaining {
            Some(rest) => Ok(rest.to_msat()),
            None => Err(PayoutRefusal::Amount("Give an amount.")),
        },
    }
}
