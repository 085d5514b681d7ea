//! LNURL-withdraw (LUD-03, LUD-14): the door to a pull payment that a wallet scans.

use subtle::ConstantTimeEq;

use super::Gateway;
use super::books::allowance;
use super::claim::in_currency;
use super::destination::DestinationRefusal;
use super::inside::OwnRefusal;
use super::payout::{NewPayout, PayoutRefusal};
use super::quote::Quote;
use crate::domain::destination::{BadDestination, Bolt11Destination, Destination};
use crate::domain::ids::{PullPaymentId, StoreId};
use crate::domain::money::{Money, Msat, Parts, Sat};
use crate::domain::payout::{FeeCap, FeeWish, Origin, Payout, Stage};
use crate::domain::pull_payment::{ClaimRefusal, PullPayment};
use crate::domain::receipt::Rail;
use crate::domain::time::Timestamp;
use crate::store;

/// Less than this is too little time to try (protocol rules, refusal 6).
pub const EXPIRY_MARGIN_SECS: u64 = 60;

/// How long a callback watches for the outcome before it says that it was accepted (D26).
const WATCH_SECS: u64 = 10;

/// Description of a link, in bytes (BOLT 11's own limit).
const DESCRIPTION_BYTES_MAX: usize = 639;

/// What a link offers now. Bounds are whole satoshi.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The link's fixed secret, or the quote of one that is not in bitcoin.
    pub k1: Vec<u8>,
    /// The pull payment's name.
    pub description: String,
    /// The least that may be drawn.
    pub min: Sat,
    /// The most that may be drawn now.
    pub max: Sat,
    /// What is left of the budget, whatever can be sent now (LUD-14).
    pub balance: Sat,
}

/// How a withdrawal was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// Paid, or on its way.
    Sent,
    /// A person has to approve it first.
    NeedsApproval,
}

/// Why nothing can be withdrawn; the text is for the person with the wallet. An unknown link and a wrong `k1` read
/// the same.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WithdrawRefusal {
    /// Unknown link, or wrong secret.
    #[error("This link is not valid.")]
    UnknownLink,
    /// This link does not pay over Lightning.
    #[error("This link does not pay over Lightning.")]
    NotLightning,
    /// Closed, over, or not begun.
    #[error(transparent)]
    Closed(ClaimRefusal),
    /// Nothing is left.
    #[error("Everything has been withdrawn already.")]
    UsedUp,
    /// There is something left, but it can't be sent now.
    #[error("This server can't send Lightning payments right now. Try again later.")]
    NotNow,
    /// Not exactly one invoice.
    #[error("Give exactly one Lightning invoice.")]
    NotOneInvoice,
    /// The invoice can't be paid.
    #[error(transparent)]
    Invoice(#[from] BadDestination),
    /// It names no amount.
    #[error("The invoice has to name an amount.")]
    NoAmount,
    /// Outside the bounds.
    #[error("The invoice has to be between {min} and {max}.")]
    OutOfBounds {
        /// The least.
        min: Sat,
        /// The most.
        max: Sat,
    },
    /// It is over, or nearly.
    #[error("This invoice has expired, or is about to. Make a new one.")]
    Expired,
    /// Our own, and it can't be settled with.
    #[error(transparent)]
    Own(OwnRefusal),
    /// There is no price of bitcoin in the link's currency.
    #[error("There is no exchange rate right now. Try again later.")]
    NoRate,
    /// The promised rate is over.
    #[error("The exchange rate of this link has changed. Scan it again.")]
    QuoteOver,
    /// Used before.
    #[error("This invoice was used before. Make a new one.")]
    Used,
    /// It could not be paid; nothing is reserved.
    #[error("The payment could not be sent: {0}. Try again with a new invoice.")]
    Failed(String),
    /// The house.
    #[error("The server is busy. Try again in a moment.")]
    Busy,
}

impl Gateway {
    /// What a link offers now. Asking changes nothing and uses nothing up.
    pub async fn withdraw_offer(&self, id: PullPaymentId) -> Result<Offer, WithdrawRefusal> {
        let found = self
            .store
            .read(move |rows| store::pull_payment::find(rows, id))
            .await
            .ok_or(WithdrawRefusal::UnknownLink)?;
        found
            .check_running(self.now())
            .map_err(WithdrawRefusal::Closed)?;
        if !speaks_lnurl(&found) {
            return Err(WithdrawRefusal::NotLightning);
        }
        let quote = self.quote(&found)?;
        self.offer(&found, quote).await
    }

    /// The rate that is promised from now on; none where the link is in bitcoin.
    fn quote(&self, link: &PullPayment) -> Result<Option<Quote>, WithdrawRefusal> {
        let currency = link.limit.currency;
        if currency.is_bitcoin() {
            return Ok(None);
        }
        let secs = link.rate_lock_secs.ok_or(WithdrawRefusal::NotLightning)?;
        let rate = self.payout_rate(link.store, currency, None).ok().flatten();
        let rate = rate.ok_or(WithdrawRefusal::NoRate)?;
        let until = Timestamp::from_secs(self.now().secs()).plus_secs(secs.into());
        Ok(Some(Quote { rate, until }))
    }

    async fn offer(
        &self,
        pull_payment: &PullPayment,
        quote: Option<Quote>,
    ) -> Result<Offer, WithdrawRefusal> {
        let now = self.now();
        pull_payment
            .check_running(now)
            .map_err(WithdrawRefusal::Closed)?;
        if !speaks_lnurl(pull_payment) {
            return Err(WithdrawRefusal::NotLightning);
        }
        let worth = |parts: Parts| match quote {
            // The parts of a bitcoin are satoshi.
            None => Sat(parts.0),
            Some(quote) => quote.worth(pull_payment, parts),
        };
        let balance = worth(pull_payment.budget.remaining());
        if balance == Sat::ZERO {
            return Err(WithdrawRefusal::UsedUp);
        }
        // A claim that waits for a person may be sent when there is more to send.
        let sendable = if pull_payment.auto_approve {
            self.spendable(pull_payment.store).await
        } else {
            balance
        };
        let max = worth(pull_payment.claimable()).min(sendable);
        if max == Sat::ZERO {
            return Err(WithdrawRefusal::NotNow);
        }
        let mut description =
            super::invoice::cut_to_bytes(&pull_payment.name, DESCRIPTION_BYTES_MAX - 20).to_owned();
        if !pull_payment.auto_approve {
            description.push_str(" (needs approval)");
        }
        Ok(Offer {
            k1: quote.map_or_else(|| pull_payment.k1.to_vec(), |quote| quote.k1(pull_payment)),
            description,
            min: Sat(1).min(max),
            max,
            balance,
        })
    }

    /// About how much a store can send now. Rounded down to one digit: links are for strangers, whom the balances
    /// behind them do not concern.
    async fn spendable(&self, shop: StoreId) -> Sat {
        let (allowed, cap) = self
            .store
            .read(move |rows| {
                (
                    allowance::of(rows, shop),
                    store::settings::fee_cap(rows, shop),
                )
            })
            .await;
        let sendable = self.lightning.sendable();
        let least = allowed.map_or(sendable, |allowed| allowed.min(sendable));
        one_digit(less_fee(least, cap).to_sat_floor())
    }

    /// Takes an invoice to pay: checks it, reserves its amount, commits, and watches the outcome for a while. The
    /// same invoice again gives the first answer and creates nothing.
    pub async fn withdraw(
        &self,
        id: PullPaymentId,
        k1: &str,
        pr: &str,
    ) -> Result<Accepted, WithdrawRefusal> {
        let pull_payment = self
            .store
            .read(move |rows| store::pull_payment::find(rows, id))
            .await
            .ok_or(WithdrawRefusal::UnknownLink)?;
        let given = hex::decode(k1).unwrap_or_default();
        let quote = if pull_payment.limit.currency.is_bitcoin() {
            if !bool::from(given.as_slice().ct_eq(&pull_payment.k1)) {
                return Err(WithdrawRefusal::UnknownLink);
            }
            None
        } else {
            let quote = Quote::read(&pull_payment, &given);
            Some(quote.ok_or(WithdrawRefusal::UnknownLink)?)
        };
        if pr.is_empty() || pr.contains(',') {
            return Err(WithdrawRefusal::NotOneInvoice);
        }
        let invoice = Destination::bolt11(pr, self.network)?;
        if let Some(earlier) = self.earlier(id, &invoice).await? {
            return self.watch(&earlier, Asker::Repeats).await;
        }
        let now = self.now();
        if quote.is_some_and(|quote| now > quote.until) {
            return Err(WithdrawRefusal::QuoteOver);
        }
        let offer = self.offer(&pull_payment, quote).await?;
        let amount = invoice.amount.ok_or(WithdrawRefusal::NoAmount)?;
        if amount < offer.min.to_msat() || amount > offer.max.to_msat() {
            return Err(WithdrawRefusal::OutOfBounds {
                min: offer.min,
                max: offer.max,
            });
        }
        if invoice.expires_at < now.plus_secs(EXPIRY_MARGIN_SECS) {
            return Err(WithdrawRefusal::Expired);
        }
        let new = NewPayout {
            origin: Origin::Withdraw(id),
            read: super::destination::ReadDestination {
                destination: Destination::Bolt11(invoice.clone()),
                amount: Some(amount),
            },
            asked: Money {
                amount: match quote {
                    None => in_currency(amount, pull_payment.limit.currency),
                    Some(quote) => quote.asked(amount),
                },
                currency: pull_payment.limit.currency,
            },
            // What is not in bitcoin has its worth from the moment it is approved.
            amount: if quote.is_none() { amount } else { Msat::ZERO },
            approved: pull_payment.auto_approve,
            // D25: an auto-approved link pays by itself; no second switch is needed.
            pay_now: pull_payment.auto_approve,
            quoted: quote.map(|quote| quote.rate),
            fees: FeeWish::default(),
            metadata: "{}".to_owned(),
        };
        match self.put_claim(pull_payment.store, new, now).await {
            Ok(payout) => self.watch(&payout, Asker::Claims).await,
            // The same invoice came twice at once: the other one was faster.
            Err(PayoutRefusal::Claim(ClaimRefusal::DuplicateDestination)) => {
                let earlier = self.earlier(id, &invoice).await?;
                let earlier = earlier.ok_or(WithdrawRefusal::Used)?;
                self.watch(&earlier, Asker::Repeats).await
            }
            Err(refusal) => Err(refusal.into()),
        }
    }

    /// The payout that an exact repeat (same link, same invoice) has already made. The hash under another link, or in
    /// another invoice, is refused.
    async fn earlier(
        &self,
        id: PullPaymentId,
        invoice: &Bolt11Destination,
    ) -> Result<Option<Payout>, WithdrawRefusal> {
        let hash = invoice.hash;
        let earlier = self
            .store
            .read(move |rows| super::settle::payout_of(rows, hash))
            .await;
        let Some(earlier) = earlier else {
            return Ok(None);
        };
        let repeats =
            earlier.origin == Origin::Withdraw(id) && earlier.destination.text() == invoice.bolt11;
        if repeats {
            Ok(Some(earlier))
        } else {
            Err(WithdrawRefusal::Used)
        }
    }

    /// Waits a while for the outcome of a payout: a definite failure is told and cancels it, since the wallet has
    /// not been told yes; anything else is yes. Whoever only repeats the question cancels nothing.
    async fn watch(&self, seen: &Payout, asker: Asker) -> Result<Accepted, WithdrawRefusal> {
        let (store, id) = (seen.store, seen.id);
        let mut live = self.store.signals().live();
        let until = self.now().plus_secs(WATCH_SECS);
        loop {
            let payout = self
                .store
                .read(move |rows| store::payout::get(rows, store, id))
                .await
                .ok_or(WithdrawRefusal::UnknownLink)?;
            if let Some(outcome) = self.outcome(&payout, asker).await {
                return outcome;
            }
            tokio::select! {
                biased;
                told = store::signals::about(&mut live, id.as_bytes()) => {
                    if told.is_err() {
                        return Ok(Accepted::Sent);
                    }
                }
                () = self.clock.sleep_until(until) => return Ok(Accepted::Sent),
            }
        }
    }

    /// What can be said already, if anything.
    async fn outcome(
        &self,
        payout: &Payout,
        asker: Asker,
    ) -> Option<Result<Accepted, WithdrawRefusal>> {
        match (&payout.stage, asker) {
            (Stage::AwaitingApproval, _) => Some(Ok(Accepted::NeedsApproval)),
            (Stage::Cancelled { why }, _) => Some(Err(WithdrawRefusal::Failed(why.clone()))),
            (Stage::InProgress, _) => None,
            (Stage::AwaitingPayment, _) if payout.attempts.is_empty() => None,
            (Stage::Completed { .. }, _) | (Stage::AwaitingPayment, Asker::Repeats) => {
                Some(Ok(Accepted::Sent))
            }
            (Stage::AwaitingPayment, Asker::Claims) => {
                let why = "The payment failed before the withdrawal was accepted.";
                // If it can't be cancelled, the next attempt was faster: look again.
                let cancelled = self.cancel_payout(payout.store, payout.id, why).await;
                cancelled.ok().map(|_| {
                    let why = payout.waiting_for.clone();
                    Err(WithdrawRefusal::Failed(
                        why.unwrap_or_else(|| "no route was found".to_owned()),
                    ))
                })
            }
        }
    }
}

/// Whose question a callback is.
#[derive(Clone, Copy)]
enum Asker {
    /// The one that made the payout, and has not been answered.
    Claims,
    /// One that came again, perhaps after a yes.
    Repeats,
}

/// Rounded down to its first digit.
fn one_digit(amount: Sat) -> Sat {
    let unit = 10_u64.pow(amount.0.checked_ilog10().unwrap_or(0));
    Sat(amount.0 / unit * unit)
}

/// What is left to send when the most that may be spent on fees is kept back.
fn less_fee(sendable: Msat, cap: FeeCap) -> Msat {
    sendable.minus(cap.most(sendable))
}

impl From<PayoutRefusal> for WithdrawRefusal {
    fn from(refusal: PayoutRefusal) -> Self {
        match refusal {
            PayoutRefusal::Unknown | PayoutRefusal::UnknownPullPayment => Self::UnknownLink,
            PayoutRefusal::Destination(DestinationRefusal::OwnDestination) => {
                Self::Own(OwnRefusal::Unknown)
            }
            PayoutRefusal::Destination(DestinationRefusal::OwnInvoice(why)) => Self::Own(why),
            PayoutRefusal::Destination(DestinationRefusal::Bad(bad)) => Self::Invoice(bad),
            PayoutRefusal::Destination(DestinationRefusal::Expired)
            | PayoutRefusal::ExpiresTooSoon(_) => Self::Expired,
            PayoutRefusal::Destination(DestinationRefusal::NeedsLookUp) => Self::NotOneInvoice,
            PayoutRefusal::Amount(_) | PayoutRefusal::Claim(ClaimRefusal::AmountTooLow) => {
                Self::NoAmount
            }
            PayoutRefusal::Claim(ClaimRefusal::DuplicateDestination) => Self::Used,
            PayoutRefusal::Claim(
                ClaimRefusal::Overdraft | ClaimRefusal::AboveLargest | ClaimRefusal::NoMoreClaims,
            ) => Self::UsedUp,
            PayoutRefusal::Claim(ClaimRefusal::PaymentMethodNotSupported) => Self::NotLightning,
            PayoutRefusal::Claim(
                closed
                @ (ClaimRefusal::Archived | ClaimRefusal::Expired | ClaimRefusal::NotStarted),
            ) => Self::Closed(closed),
            PayoutRefusal::CantApprove(_)
            | PayoutRefusal::CantCancel(_)
            | PayoutRefusal::NotByHand(_)
            | PayoutRefusal::RateRule(_)
            | PayoutRefusal::Review(_)
            | PayoutRefusal::Unavailable(_) => Self::Busy,
        }
    }
}

/// Whether a link can be an LNURL at all: one in bitcoin, and any other that promises its rate (Greenfield 3.8, D22).
pub fn speaks_lnurl(pull_payment: &PullPayment) -> bool {
    let priced = pull_payment.limit.currency.is_bitcoin() || pull_payment.rate_lock_secs.is_some();
    priced && pull_payment.rails.contains(&Rail::Lightning)
}
