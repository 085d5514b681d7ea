//! What an endpoint is told: a fact, and what it is about as it stood in the fact's commit. It does not change afterwards,
//! however late it is delivered.

use minicbor::{Decode, Encode};
use rust_decimal::Decimal;

use super::{InvoiceChange, Kind};
use crate::domain::fact::Entry;
use crate::domain::ids::{InvoiceId, PayoutId, PullPaymentId, StoreId};
use crate::domain::invoice::{Additional, Invoice, MoneyRecord, Status};
use crate::domain::money::Msat;
use crate::domain::payout::Payout;
use crate::domain::receipt::{Rail, Receipt, ReceiptKey, ReceiptStanding};
use crate::domain::time::Timestamp;

/// One event.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Event {
    /// What kind.
    #[n(0)]
    pub kind: Kind,
    /// Place of its fact in the journal.
    #[n(1)]
    pub sequence: u64,
    /// When its fact was committed.
    #[n(2)]
    pub at: Timestamp,
    /// Whose.
    #[n(3)]
    pub store: StoreId,
    /// What it is about.
    #[n(4)]
    pub about: About,
}

/// What an event is about.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum About {
    /// An invoice.
    #[n(0)]
    Invoice(#[n(0)] Box<AboutInvoice>),
    /// A payout.
    #[n(1)]
    Payout(#[n(0)] Box<AboutPayout>),
}

/// An invoice, as it stood.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct AboutInvoice {
    /// Which.
    #[n(0)]
    pub invoice: InvoiceId,
    /// A JSON object.
    #[n(1)]
    pub metadata: String,
    /// What it asks for.
    #[n(2)]
    pub price: MoneyRecord,
    /// What has come, in the same currency.
    #[cbor(n(3), with = "crate::domain::cbor::decimal")]
    pub paid: Decimal,
    /// How far it is.
    #[n(4)]
    pub status: Status,
    /// What else is to be said about that.
    #[n(5)]
    pub additional: Additional,
    /// The payment that the event tells.
    #[n(6)]
    pub payment: Option<AboutPayment>,
    /// The invoice was Expired or Invalid when that payment came.
    #[n(7)]
    pub after_expiration: Option<bool>,
    /// More came than was due.
    #[n(8)]
    pub over_paid: Option<bool>,
    /// By a person's word.
    #[n(9)]
    pub manually_marked: Option<bool>,
    /// Part had been paid.
    #[n(10)]
    pub partially_paid: Option<bool>,
}

/// A payment, as it stood.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct AboutPayment {
    /// What the network calls it.
    #[n(0)]
    pub key: ReceiptKey,
    /// When it was first seen.
    #[n(1)]
    pub received_at: Timestamp,
    /// How much.
    #[n(2)]
    pub amount: Msat,
    /// How sure it is.
    #[n(3)]
    pub standing: ReceiptStanding,
    /// The BOLT11 or address it came to.
    #[n(4)]
    pub destination: String,
}

/// A payout, as it stood.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct AboutPayout {
    /// Which.
    #[n(0)]
    pub payout: PayoutId,
    /// What it draws on.
    #[n(1)]
    pub pull_payment: Option<PullPaymentId>,
    /// How far it is.
    #[n(2)]
    pub state: PayoutState,
    /// How much, as it was asked for.
    #[n(3)]
    pub asked: MoneyRecord,
    /// What arrives, once it is approved.
    #[n(4)]
    pub amount: Option<Msat>,
    /// How it is paid.
    #[n(5)]
    pub rail: Rail,
    /// Where to.
    #[n(6)]
    pub destination: String,
    /// A JSON object.
    #[n(7)]
    pub metadata: String,
    /// Why it waits or was given up, in words.
    #[n(8)]
    pub failure: Option<String>,
}

/// How far a payout is (Greenfield `PayoutState`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum PayoutState {
    /// Nobody has said yes.
    #[n(0)]
    AwaitingApproval,
    /// It may be sent.
    #[n(1)]
    AwaitingPayment,
    /// An attempt is alive.
    #[n(2)]
    InProgress,
    /// The money arrived.
    #[n(3)]
    Completed,
    /// It will not be paid.
    #[n(4)]
    Cancelled,
}

impl PayoutState {
    /// Greenfield's name of it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AwaitingApproval => "AwaitingApproval",
            Self::AwaitingPayment => "AwaitingPayment",
            Self::InProgress => "InProgress",
            Self::Completed => "Completed",
            Self::Cancelled => "Cancelled",
        }
    }
}

impl Event {
    /// The event of a kind that tells a fact about an invoice, which stands like this after the fact's commit.
    pub fn of_invoice(
        kind: Kind,
        entry: &Entry,
        change: &InvoiceChange,
        invoice: &Invoice,
    ) -> Self {
        let (status, additional) = change
            .stands
            .unwrap_or_else(|| (invoice.status, invoice.additional()));
        let about = AboutInvoice {
            invoice: invoice.id,
            metadata: invoice.details.metadata.clone(),
            price: MoneyRecord {
                amount: invoice.price_value(),
                currency: invoice.price.currency(),
            },
            paid: invoice.paid_value(),
            status,
            additional,
            payment: change.payment.map(|(key, amount)| {
                let found = invoice.receipts.iter().find(|one| one.key == key);
                AboutPayment::of(key, amount, found)
            }),
            after_expiration: change.after_expiration,
            over_paid: change.over_paid,
            manually_marked: change.manually_marked,
            // Greenfield has no further members on the second event of an expiry.
            partially_paid: change
                .partially_paid
                .filter(|_| kind == Kind::InvoiceExpired),
        };
        Self::of(kind, entry, About::Invoice(Box::new(about)))
    }

    /// The same about a payout; how far it is and why it is not further comes with the fact.
    pub fn of_payout(
        kind: Kind,
        entry: &Entry,
        state: PayoutState,
        failure: Option<String>,
        payout: &Payout,
    ) -> Self {
        let approved = match state {
            PayoutState::AwaitingApproval => None,
            PayoutState::AwaitingPayment
            | PayoutState::InProgress
            | PayoutState::Completed
            | PayoutState::Cancelled => Some(payout.delivered()),
        };
        let about = AboutPayout {
            payout: payout.id,
            pull_payment: payout.pull_payment(),
            state,
            asked: payout.asked,
            amount: approved,
            rail: payout.rail(),
            destination: payout.destination.text().to_owned(),
            metadata: payout.metadata.clone(),
            failure,
        };
        Self::of(kind, entry, About::Payout(Box::new(about)))
    }

    const fn of(kind: Kind, entry: &Entry, about: About) -> Self {
        Self {
            kind,
            sequence: entry.sequence,
            at: entry.at,
            store: entry.store,
            about,
        }
    }

    /// The id of what it is about, as it stands in keys.
    pub fn object(&self) -> &[u8] {
        match &self.about {
            About::Invoice(about) => about.invoice.as_bytes(),
            About::Payout(about) => about.payout.as_bytes(),
        }
    }
}

impl AboutPayment {
    fn of(key: ReceiptKey, amount: Msat, receipt: Option<&Receipt>) -> Self {
        Self {
            key,
            amount,
            received_at: receipt.map_or_else(Timestamp::default, |one| one.received_at),
            standing: receipt.map_or(ReceiptStanding::Lost, |one| one.standing),
            destination: receipt.map_or_else(String::new, |one| one.destination.clone()),
        }
    }
}
