//! Making, approving, paying and cancelling payouts.

use rust_decimal::Decimal;

use super::claim::{Claim, Combined, combine};
use super::destination::{DestinationRefusal, ReadDestination, check_not_own};
use super::review::ReviewRefusal;
use super::settle::commit;
use super::{Gateway, Unavailable};
use crate::domain::destination::Destination;
use crate::domain::fact::{Fact, Step};
use crate::domain::ids::{PayoutId, PullPaymentId, StoreId};
use crate::domain::invoice::FixedRate;
use crate::domain::money::{Currency, Money, Msat, Rate};
use crate::domain::payout::{
    CantApprove, CantCancel, FeeCap, FeeWish, HandMark, NotByHand, Origin, Payout, Stage,
};
use crate::domain::pull_payment::ClaimRefusal;
use crate::domain::receipt::Rail;
use crate::domain::store::Processor;
use crate::domain::time::Timestamp;
use crate::store::{self, Tx, WriteError};

/// A payout to be made.
#[derive(Clone, Debug)]
pub struct NewPayout {
    /// What for.
    pub origin: Origin,
    /// Where to.
    pub read: ReadDestination,
    /// As it was asked for.
    pub asked: Money,
    /// What arrives; nothing as long as what was asked for has no worth in bitcoin.
    pub amount: Msat,
    /// Needs no person any more.
    pub approved: bool,
    /// Pays by itself once approved.
    pub pay_now: bool,
    /// The rate that was promised for it, if one was.
    pub quoted: Option<Rate>,
    /// The most to spend on fees; the store's cap where nothing is wished.
    pub fees: FeeWish,
    /// A JSON object.
    pub metadata: String,
}

/// What a store asks for by itself.
#[derive(Clone, Debug)]
pub struct StorePayout {
    /// Draw on this pull payment.
    pub pull_payment: Option<PullPaymentId>,
    /// Address, `bitcoin:` URI or BOLT11.
    pub destination: String,
    /// How it is to be paid.
    pub rail: Rail,
    /// In BTC, or in the pull payment's currency.
    pub amount: Option<Decimal>,
    /// Needs no person any more.
    pub approved: bool,
    /// The most to spend on fees; the store's cap where nothing is wished. Not for claims on a pull payment: those are
    /// capped when they are approved.
    pub fees: FeeWish,
    /// A JSON object.
    pub metadata: String,
}

/// Why a payout is not made or changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PayoutRefusal {
    /// 404 `payout-not-found`.
    #[error("There is no such payout.")]
    Unknown,
    /// 404 `pullpayment-not-found`.
    #[error("There is no such pull payment.")]
    UnknownPullPayment,
    /// 422 `Destination`.
    #[error(transparent)]
    Destination(#[from] DestinationRefusal),
    /// 422 `Destination` (D20).
    #[error(
        "This invoice expires before it may be paid: it has to be valid for {0} days. Give one that lasts longer, or withdraw by LNURL."
    )]
    ExpiresTooSoon(u32),
    /// 422 `Amount`.
    #[error("{0}")]
    Amount(&'static str),
    /// 400, by its name.
    #[error(transparent)]
    Claim(#[from] ClaimRefusal),
    /// 400 `invalid-state` or `old-revision`.
    #[error(transparent)]
    CantApprove(#[from] CantApprove),
    /// 400 `invalid-state`.
    #[error(transparent)]
    CantCancel(#[from] CantCancel),
    /// 400 `invalid-state`.
    #[error(transparent)]
    NotByHand(#[from] NotByHand),
    /// 422 `RateRule`.
    #[error("{0}")]
    RateRule(String),
    /// 400 or 422, by its kind.
    #[error(transparent)]
    Review(#[from] ReviewRefusal),
    /// 503.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<WriteError> for PayoutRefusal {
    fn from(error: WriteError) -> Self {
        Self::Unavailable(error.into())
    }
}

impl Gateway {
    /// Makes a payout of a store's own, or for a receiver on one of its pull payments.
    pub async fn create_payout(
        &self,
        store: StoreId,
        new: StorePayout,
    ) -> Result<Payout, PayoutRefusal> {
        if let Some(id) = new.pull_payment {
            let known = self
                .store
                .read(move |rows| store::pull_payment::get(rows, store, id))
                .await
                .ok_or(PayoutRefusal::UnknownPullPayment)?;
            let claim = Claim {
                destination: new.destination,
                rail: new.rail,
                amount: new.amount,
                approved: new.approved,
                fees: new.fees,
                metadata: new.metadata,
            };
            return self.claim_on(&known, claim).await;
        }
        let read = self.read_destination(&new.destination, new.rail).await?;
        let now = self.now();
        check_not_expired(&read.destination, now)?;
        let Combined { asked, amount, .. } = combine(Currency::BTC, read.amount, new.amount, None)?;
        let payout = NewPayout {
            origin: Origin::Store,
            read,
            asked,
            amount,
            approved: new.approved,
            pay_now: false,
            quoted: None,
            fees: new.fees,
            metadata: new.metadata,
        };
        self.put_payout(store, payout, now).await
    }

    /// Puts a payout that draws on no pull payment.
    pub(super) async fn put_payout(
        &self,
        store: StoreId,
        new: NewPayout,
        now: Timestamp,
    ) -> Result<Payout, PayoutRefusal> {
        let payout = self.new_payout(store, new, now).await;
        let node_id = self.lightning.node_id().serialize();
        self.store
            .try_write("payout-create", move |tx| {
                check_destination(tx, &payout, &node_id, now, || Ok(()))?;
                check_enough(&payout)?;
                Ok(put_new(tx, payout, now))
            })
            .await
    }

    /// The payout as a value; nothing is stored yet.
    pub(super) async fn new_payout(
        &self,
        store: StoreId,
        new: NewPayout,
        now: Timestamp,
    ) -> Payout {
        let cap = self.fee_cap(store).await;
        // An amount that can't be compared now is checked once it has a worth (D18).
        let named = (new.read.amount).filter(|_| !new.asked.currency.is_bitcoin());
        let id = PayoutId(self.random());
        let destination = new.read.destination;
        let payout = Payout {
            named,
            stage: if new.approved {
                Stage::AwaitingPayment
            } else {
                Stage::AwaitingApproval
            },
            pay_now: new.pay_now,
            metadata: new.metadata,
            quoted: new.quoted.map(FixedRate::from),
            ..Payout::asked(
                id,
                store,
                new.origin,
                destination,
                new.asked,
                new.amount,
                now,
            )
        };
        payout.cap_fees(new.fees, cap)
    }

    /// What a store's Lightning payouts may spend on routing where nobody says otherwise.
    pub(super) async fn fee_cap(&self, store: StoreId) -> FeeCap {
        self.store
            .read(move |rows| store::settings::fee_cap(rows, store))
            .await
    }

    /// A person presses Pay.
    pub async fn pay_payout(&self, store: StoreId, id: PayoutId) -> Result<Payout, PayoutRefusal> {
        self.change_payout("payout-pay", store, id, |payout| {
            Ok(payout.request_payment()?)
        })
        .await
    }

    /// Takes the promise back, if nothing of it can still succeed.
    pub async fn cancel_payout(
        &self,
        store: StoreId,
        id: PayoutId,
        why: &'static str,
    ) -> Result<Payout, PayoutRefusal> {
        self.change_payout("payout-cancel", store, id, move |payout| {
            Ok(payout.cancel(why)?)
        })
        .await
    }

    /// Takes a person's word on how far it is (Greenfield 5.8).
    pub async fn mark_payout(
        &self,
        store: StoreId,
        id: PayoutId,
        mark: HandMark,
    ) -> Result<Payout, PayoutRefusal> {
        let now = self.now();
        self.change_payout("payout-mark", store, id, move |payout| {
            Ok(payout.mark(mark, now)?)
        })
        .await
    }

    pub(super) async fn change_payout(
        &self,
        label: &'static str,
        store: StoreId,
        id: PayoutId,
        verb: impl FnOnce(Payout) -> Result<Step<Payout>, PayoutRefusal> + Send + 'static,
    ) -> Result<Payout, PayoutRefusal> {
        let now = self.now();
        self.store
            .try_write(label, move |tx| {
                let payout = store::payout::get(tx, store, id).ok_or(PayoutRefusal::Unknown)?;
                let step = verb(payout.clone())?;
                Ok(commit(tx, &payout, step, now))
            })
            .await
    }

    /// Turns the automatic sender of a store and rail on or off. Turning it on looks at once at what waits.
    pub async fn set_processor(
        &self,
        store: StoreId,
        rail: Rail,
        processor: Option<Processor>,
    ) -> Result<(), Unavailable> {
        self.store
            .write("processor", move |tx| {
                store::payout::put_processor(tx, store, rail, processor.as_ref());
            })
            .await
            .map_err(Unavailable::from)
    }
}

/// The checks of a destination that need the store, in Greenfield's order (5.7): what is not ours comes first, then
/// `before_duplicates`, then whether it was used before (D4).
pub(super) fn check_destination(
    tx: &Tx<'_>,
    payout: &Payout,
    node_id: &[u8; 33],
    now: Timestamp,
    before_duplicates: impl FnOnce() -> Result<(), PayoutRefusal>,
) -> Result<(), PayoutRefusal> {
    check_not_own(tx, tx.tills(), payout, node_id, now)?;
    before_duplicates()?;
    let used = match &payout.destination {
        // P3 one hash, one payout, for ever.
        Destination::Bolt11(invoice) => store::payout::hash_owner(tx, invoice.hash).is_some(),
        Destination::Address(address) => store::payout::script_owner(tx, &address.script).is_some(),
    };
    if used {
        return Err(ClaimRefusal::DuplicateDestination.into());
    }
    Ok(())
}

/// What can't be sent is refused as soon as it is known.
pub(super) fn check_enough(payout: &Payout) -> Result<(), PayoutRefusal> {
    let known = payout.asked.currency.is_bitcoin() || payout.rate.is_some();
    if known && payout.amount < payout.destination.least() {
        return Err(ClaimRefusal::AmountTooLow.into());
    }
    Ok(())
}

/// An invoice that is over is refused before anything is reserved.
pub(super) fn check_not_expired(
    destination: &Destination,
    now: Timestamp,
) -> Result<(), PayoutRefusal> {
    match destination {
        Destination::Bolt11(invoice) if invoice.expires_at <= now => {
            Err(DestinationRefusal::Expired.into())
        }
        Destination::Bolt11(_) | Destination::Address(_) => Ok(()),
    }
}

/// Puts a new payout and tells.
pub(super) fn put_new(tx: &mut Tx<'_>, payout: Payout, now: Timestamp) -> Payout {
    let mut facts = vec![Fact::PayoutCreated {
        payout: payout.id,
        amount: payout.amount,
    }];
    if payout.stage == Stage::AwaitingPayment {
        facts.push(Fact::PayoutApproved { payout: payout.id });
    }
    store::payout::put(tx, &payout);
    tx.announce(payout.store, facts, now);
    payout
}
