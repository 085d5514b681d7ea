//! Making, changing and closing pull payments.

use rust_decimal::Decimal;

use super::settle::commit;
use super::{Gateway, Unavailable};
use crate::domain::fact::Fact;
use crate::domain::ids::{PullPaymentId, StoreId};
use crate::domain::money::{Money, Parts, SAT_MAX};
use crate::domain::pull_payment::{Budget, CantChange, Change, PullPayment};
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
    /// The limit; of bitcoin in whole satoshi, of anything else with up to 8 decimals.
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
    /// The most that one claim may take, in the limit's currency.
    pub claim_max: Option<Decimal>,
    /// How many claims there may be.
    pub claims_max: Option<u32>,
    /// For so many seconds a rate is promised to who scans it (D22).
    pub rate_lock_secs: Option<u32>,
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
    /// 422 `MaxClaimAmount`.
    #[error("This is no amount that a claim can take.")]
    MaxClaimAmount,
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

impl From<CantChange> for PullPaymentRefusal {
    fn from(refusal: CantChange) -> Self {
        match refusal {
            CantChange::BelowUsed => Self::Amount("More than this has been claimed already."),
            CantChange::Limit => Self::Amount("This is no amount that can be claimed."),
            CantChange::ClaimMax => Self::MaxClaimAmount,
            CantChange::ExpiresAt => Self::ExpiresAt,
        }
    }
}

impl From<WriteError> for PullPaymentRefusal {
    fn from(error: WriteError) -> Self {
        Self::Unavailable(error.into())
    }
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
        let limit = Parts::positive(new.limit.amount, new.limit.currency)
            .ok_or_else(|| limit_refusal(new.limit))?;
        let claim_max = new
            .claim_max
            .map(|amount| {
                Parts::positive(amount, new.limit.currency)
                    .ok_or(PullPaymentRefusal::MaxClaimAmount)
            })
            .transpose()?;
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
            claim_max,
            claims_max: new.claims_max,
            rate_lock_secs: new.rate_lock_secs,
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

    /// Changes the terms of a pull payment (D33).
    pub async fn change_pull_payment(
        &self,
        store: StoreId,
        id: PullPaymentId,
        change: Change,
    ) -> Result<PullPayment, PullPaymentRefusal> {
        let now = self.now();
        self.store
            .try_write("pull-payment-change", move |tx| {
                let before =
                    store::pull_payment::get(tx, store, id).ok_or(PullPaymentRefusal::Unknown)?;
                let step = before.change(change)?;
                if !step.facts.is_empty() {
                    store::pull_payment::put(tx, &step.after);
                    tx.announce(store, step.facts, now);
                }
                Ok(step.after)
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
}

fn limit_refusal(limit: Money) -> PullPaymentRefusal {
    PullPaymentRefusal::Amount(if limit.amount <= Decimal::ZERO {
        "The amount has to be positive."
    } else if limit.currency.is_bitcoin()
        && Parts::of(limit.amount, limit.currency).is_some_and(|parts| parts.0 <= SAT_MAX.0)
    {
        "The amount has to be in whole satoshi."
    } else if limit.currency.is_bitcoin() {
        "The amount is more than all bitcoin."
    } else {
        "The amount is too large, or has more than 8 decimals."
    })
}
