//! An invoice asks for money once, over two rails that add to one tally. What it is worth is fixed in whole
//! satoshi when it is made; what came is kept receipt by receipt.
//!
//! ```text
//! New ──covered──► Processing ──all settled──► Settled
//!  │ ▲                │   ▲                       │
//!  │ └──not covered───┘   └──────reorganised──────┘
//!  └─time─► Expired   └─monitoring over─► Invalid        (a person may mark Settled or Invalid)
//! ```
//! Paid partially, over and late are derived words, not stored flags. On-chain observation is level, not edge: the
//! invoice is shown the whole picture of its address each time, so reorg, eviction, RBF and restart are one path.
//!
//! P12 no invoice shares an address with another.

mod activate;
mod evaluate;
mod mark;
mod observe;
mod prompt;
mod rated;
mod receive;
mod tick;

use minicbor::{Decode, Encode};
use rust_decimal::Decimal;

pub use mark::{CantMark, Mark};
pub use prompt::{LightningPrompt, RECORD_SECS};
pub use rated::{Rated, TrackedRate};

use super::cbor;
use super::ids::{InvoiceId, StoreId};
use super::money::{Currency, Money, Msat, Rate, Sat};
use super::receipt::{Rail, Receipt};
use super::till::TillAddress;
use super::time::Timestamp;

/// One request to be paid.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Invoice {
    /// Its id.
    #[n(0)]
    pub id: InvoiceId,
    /// Whose it is.
    #[n(1)]
    pub store: StoreId,
    /// When it was made.
    #[n(2)]
    pub created: Timestamp,
    /// What it asks for.
    #[n(3)]
    pub price: Price,
    /// The price of bitcoin it was made at, in the invoice's currency.
    #[n(4)]
    pub rate: FixedRate,
    /// What is due in every method, in whole satoshi rounded up (D50); zero for a top-up.
    #[n(5)]
    pub due: Sat,
    /// How long, how sure, how exact.
    #[n(6)]
    pub terms: Terms,
    /// The address, if the chain is offered.
    #[n(7)]
    pub onchain: Option<TillAddress>,
    /// Every BOLT11 ever shown, the newest last; each hash keeps its invoice for ever.
    #[n(8)]
    pub lightning: Vec<LightningPrompt>,
    /// Why there is no Lightning half yet although the store offers it, for the merchant.
    #[n(9)]
    pub lightning_missing: Option<String>,
    /// Money in.
    #[n(10)]
    pub receipts: Vec<Receipt>,
    /// How far it is.
    #[n(11)]
    pub status: Status,
    /// The status is a person's word.
    #[n(12)]
    pub marked: bool,
    /// Covered after expiry, and told so.
    #[n(13)]
    pub paid_late: bool,
    /// When a reorganisation last took it out of Settled: its deadlines start anew from there.
    #[n(14)]
    pub reopened: Option<Timestamp>,
    /// Hidden from default lists.
    #[n(15)]
    pub archived: bool,
    /// What the merchant's system said about it.
    #[n(16)]
    pub details: Details,
    /// Methods that are made when somebody asks for them.
    #[n(17)]
    pub lazy: Option<Vec<Rail>>,
    /// Where its rate came from; absent where nothing is to be said.
    #[n(30)]
    pub rated: Option<Rated>,
}

/// What an invoice asks for.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Price {
    /// This much.
    #[n(0)]
    Standard(#[n(0)] MoneyRecord),
    /// Whatever comes (Greenfield `TopUp`), shown in this currency.
    #[n(1)]
    TopUp(#[cbor(n(0), with = "cbor::currency")] Currency),
}

impl Price {
    /// The currency it is shown in.
    pub const fn currency(&self) -> Currency {
        match self {
            Self::Standard(price) => price.currency,
            Self::TopUp(currency) => *currency,
        }
    }
}

/// [`Money`] in a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct MoneyRecord {
    /// How much.
    #[cbor(n(0), with = "cbor::decimal")]
    pub amount: Decimal,
    /// Of what.
    #[cbor(n(1), with = "cbor::currency")]
    pub currency: Currency,
}

impl From<Money> for MoneyRecord {
    fn from(Money { amount, currency }: Money) -> Self {
        Self { amount, currency }
    }
}

/// [`Rate`] in a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct FixedRate(#[cbor(n(0), with = "cbor::decimal")] Decimal);

impl From<Rate> for FixedRate {
    fn from(rate: Rate) -> Self {
        Self(rate.per_btc())
    }
}

impl FixedRate {
    /// Units of the invoice's currency per BTC.
    pub const fn per_btc(self) -> Decimal {
        self.0
    }

    /// What an amount is worth at this rate, unrounded.
    pub fn value_of(self, amount: Msat) -> Decimal {
        Rate::new(self.0).map_or(Decimal::ZERO, |rate| rate.value_of(amount))
    }
}

/// How long an invoice waits, how sure it wants to be, how exact.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Terms {
    /// The payer should not try after this.
    #[n(0)]
    pub expires_at: Timestamp,
    /// A covered invoice that has not settled by then is Invalid.
    #[n(1)]
    pub monitor_until: Timestamp,
    /// When a payment on the chain is settled.
    #[n(2)]
    pub speed: SpeedPolicy,
    /// This many percent may be missing.
    #[cbor(n(3), with = "cbor::decimal")]
    pub tolerance_percent: Decimal,
}

/// When a payment on the chain is as good as settled (Greenfield `SpeedPolicy`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum SpeedPolicy {
    /// As soon as it is seen; one block if it says that it may be replaced.
    #[n(0)]
    HighSpeed,
    /// One block.
    #[n(1)]
    #[default]
    MediumSpeed,
    /// Two blocks.
    #[n(2)]
    LowMediumSpeed,
    /// Six blocks.
    #[n(3)]
    LowSpeed,
}

impl SpeedPolicy {
    /// Blocks needed, the transaction's own included.
    pub const fn confirmations(self, replaceable: bool) -> u32 {
        match self {
            Self::HighSpeed if replaceable => 1,
            Self::HighSpeed => 0,
            Self::MediumSpeed => 1,
            Self::LowMediumSpeed => 2,
            Self::LowSpeed => 6,
        }
    }
}

/// How far an invoice is (Greenfield `status`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Status {
    /// Waiting for money.
    #[n(0)]
    New,
    /// Covered, not settled.
    #[n(1)]
    Processing,
    /// Paid.
    #[n(2)]
    Settled,
    /// Its time ran out.
    #[n(3)]
    Expired,
    /// Given up, or marked so.
    #[n(4)]
    Invalid,
}

/// What else is to be said about the status (Greenfield `additionalStatus`), derived. It is recorded only in what is
/// told of a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Additional {
    /// Nothing.
    #[n(0)]
    None,
    /// Covered after expiry.
    #[n(1)]
    PaidLate,
    /// Something came, not enough.
    #[n(2)]
    PaidPartial,
    /// A person said so.
    #[n(3)]
    Marked,
    /// More came than was due.
    #[n(4)]
    PaidOver,
}

impl Status {
    /// Greenfield's name of it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::New => "New",
            Self::Processing => "Processing",
            Self::Settled => "Settled",
            Self::Expired => "Expired",
            Self::Invalid => "Invalid",
        }
    }
}

impl Additional {
    /// Greenfield's name of it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "None",
            Self::PaidLate => "PaidLate",
            Self::PaidPartial => "PaidPartial",
            Self::Marked => "Marked",
            Self::PaidOver => "PaidOver",
        }
    }
}

/// What the merchant's system said about an invoice; kept and given back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Details {
    /// A JSON object, as it came.
    #[n(0)]
    pub metadata: String,
    /// `metadata.orderId`, for look-ups.
    #[n(1)]
    pub order_id: Option<String>,
    /// `metadata.itemDesc`.
    #[n(2)]
    pub item_desc: Option<String>,
    /// Where the payer goes afterwards.
    #[n(3)]
    pub redirect_url: Option<String>,
    /// The checkout options in force that are only given back, a JSON object.
    #[n(4)]
    pub checkout: String,
    /// Receipt options, a JSON object.
    #[n(5)]
    pub receipt: String,
    /// Further words a search finds it by.
    #[n(6)]
    pub search_terms: Vec<String>,
}

impl Invoice {
    /// This method is made when somebody asks for it.
    pub fn is_lazy(&self, rail: Rail) -> bool {
        self.lazy.as_ref().is_some_and(|lazy| lazy.contains(&rail))
    }

    /// Everything that counts, over both rails.
    pub fn paid(&self) -> Msat {
        self.receipts
            .iter()
            .filter(|receipt| receipt.counts())
            .map(|receipt| receipt.amount)
            .sum()
    }

    /// What counts and can't go away.
    pub fn paid_settled(&self) -> Msat {
        self.receipts
            .iter()
            .filter(|receipt| receipt.is_settled())
            .map(|receipt| receipt.amount)
            .sum()
    }

    /// What counts, in the invoice's currency at its rate, rounded as prices are (Greenfield `paidAmount`).
    pub fn paid_value(&self) -> Decimal {
        Money {
            amount: self.rate.value_of(self.paid()),
            currency: self.price.currency(),
        }
        .round_price()
        .amount
    }

    /// What it asks for, in its currency (Greenfield `amount`). A top-up has no price until it is paid: what came is its
    /// price. Paid too late it stays 0.
    pub fn price_value(&self) -> Decimal {
        match (&self.price, self.status) {
            (Price::Standard(price), _) => price.amount,
            (Price::TopUp(_), Status::New | Status::Expired) => Decimal::ZERO,
            (Price::TopUp(_), Status::Processing | Status::Settled | Status::Invalid) => {
                self.paid_value()
            }
        }
    }

    /// What is still missing, in whole satoshi.
    pub fn rest(&self) -> Sat {
        self.due.minus(self.paid().to_sat_floor())
    }

    /// What came beyond what was due, in whole satoshi; never for a top-up.
    pub fn surplus(&self) -> Sat {
        match self.price {
            Price::Standard(_) => self.paid().to_sat_floor().minus(self.due),
            Price::TopUp(_) => Sat::ZERO,
        }
    }

    /// The derived word beside the status.
    pub fn additional(&self) -> Additional {
        let some = self.paid() > Msat::ZERO;
        match self.status {
            _ if self.marked => Additional::Marked,
            Status::Expired if self.paid_late => Additional::PaidLate,
            Status::New | Status::Expired if some => Additional::PaidPartial,
            Status::Processing | Status::Settled if self.surplus() > Sat::ZERO => {
                Additional::PaidOver
            }
            Status::New
            | Status::Expired
            | Status::Processing
            | Status::Settled
            | Status::Invalid => Additional::None,
        }
    }

    /// When it next changes by itself, if nothing comes.
    pub fn deadline(&self) -> Option<Timestamp> {
        match self.status {
            Status::New => Some(self.expiry()),
            Status::Processing => Some(self.monitored_until()),
            Status::Settled | Status::Expired | Status::Invalid => None,
        }
    }

    fn expiry(&self) -> Timestamp {
        self.postponed(self.terms.expires_at)
    }

    fn monitored_until(&self) -> Timestamp {
        self.postponed(self.terms.monitor_until)
    }

    /// A reorganisation gives the money as long to come back as it had to settle.
    fn postponed(&self, deadline: Timestamp) -> Timestamp {
        let window = self.terms.monitor_until.millis_since(self.terms.expires_at);
        self.reopened.map_or(deadline, |reopened| {
            deadline.max(Timestamp(reopened.0.saturating_add(window)))
        })
    }

    /// Holds between all its parts; asserted where it is stored.
    pub fn is_consistent(&self) -> bool {
        let mut keys: Vec<_> = self.receipts.iter().map(|receipt| receipt.key).collect();
        keys.sort_unstable();
        let distinct = keys.windows(2).all(|pair| pair[0] != pair[1]);
        let due_fits = match self.price {
            Price::Standard(_) => true,
            Price::TopUp(_) => self.due == Sat::ZERO,
        };
        distinct
            && due_fits
            && (!self.marked || matches!(self.status, Status::Settled | Status::Invalid))
    }
}

#[cfg(test)]
mod tests;
