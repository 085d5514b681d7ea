//! What the dashboard shows of invoices.

use crate::domain::fact::Entry;
use crate::domain::invoice::{Additional, Invoice, Mark, Price, Status};
use crate::domain::money::{Msat, Sat};
use crate::domain::receipt::{Rail, Receipt, ReceiptStanding};
use crate::ui::format::{self, Badge, When};
use crate::ui::timeline::{self, Line};

/// An invoice in a list.
#[derive(Clone, Debug)]
pub struct InvoiceRow {
    /// Its page.
    pub href: String,
    /// What it asks for.
    pub amount: String,
    /// The order it is for, or what is sold.
    pub subject: Option<String>,
    /// How far it is.
    pub badge: Badge,
    /// When it was made.
    pub when: When,
}

/// An invoice.
#[derive(Clone, Debug)]
pub struct InvoiceView {
    /// As in a list.
    pub row: InvoiceRow,
    /// Label and value.
    pub facts: Vec<(&'static str, String)>,
    /// Until when it can be paid.
    pub expires: When,
    /// The page that payers see.
    pub checkout: String,
    /// The same with scheme and host, for sharing.
    pub checkout_url: String,
    /// Why there is no Lightning half.
    pub lightning_missing: Option<String>,
    /// Money in.
    pub receipts: Vec<ReceiptRow>,
    /// What a person may say about it: form value and button.
    pub marks: Vec<(&'static str, &'static str)>,
    /// What happened.
    pub timeline: Vec<Line>,
}

/// Money in.
#[derive(Clone, Debug)]
pub struct ReceiptRow {
    /// How much.
    pub amount: String,
    /// Over which rail.
    pub rail: &'static str,
    /// How sure it is.
    pub badge: Badge,
    /// What the network calls it.
    pub key: String,
    /// When it was seen.
    pub when: When,
}

impl From<&Invoice> for InvoiceRow {
    fn from(invoice: &Invoice) -> Self {
        let details = &invoice.details;
        Self {
            href: format!("/stores/{}/invoices/{}", invoice.store, invoice.id),
            amount: match &invoice.price {
                Price::Standard(price) => format::money(price.amount, price.currency),
                Price::TopUp(_) if invoice.paid() > Msat::ZERO => format::msat(invoice.paid()),
                Price::TopUp(_) => "Any amount".to_owned(),
            },
            subject: details
                .order_id
                .clone()
                .or_else(|| details.item_desc.clone()),
            badge: badge(invoice),
            when: invoice.created.into(),
        }
    }
}

/// How far an invoice is, in a word.
fn badge(invoice: &Invoice) -> Badge {
    match (invoice.status, invoice.additional()) {
        (Status::New, Additional::PaidPartial) => Badge::new("Paid in part", "busy"),
        (Status::New, _) => Badge::new("New", "wait"),
        (Status::Processing, Additional::PaidOver) => Badge::new("Processing, paid over", "busy"),
        (Status::Processing, _) => Badge::new("Processing", "busy"),
        (Status::Settled, Additional::PaidOver) => Badge::new("Settled, paid over", "good"),
        (Status::Settled, Additional::Marked) => Badge::new("Settled by hand", "good"),
        (Status::Settled, _) => Badge::new("Settled", "good"),
        (Status::Expired, Additional::PaidLate) => Badge::new("Paid late", "bad"),
        (Status::Expired, Additional::PaidPartial) => Badge::new("Expired, paid in part", "bad"),
        (Status::Expired, _) => Badge::new("Expired", "calm"),
        (Status::Invalid, Additional::Marked) => Badge::new("Invalid by hand", "bad"),
        (Status::Invalid, _) => Badge::new("Invalid", "bad"),
    }
}

impl InvoiceView {
    /// An invoice with what happened to it.
    pub fn of(invoice: &Invoice, entries: &[Entry], base_url: &str) -> Self {
        let checkout = format!("/i/{}", invoice.id);
        let currency = invoice.price.currency();
        let mut facts = vec![("Invoice", invoice.id.to_string())];
        if invoice.due > Sat::ZERO {
            facts.push(("Due", format::sat(invoice.due)));
        }
        facts.push(("Paid", format::msat(invoice.paid())));
        if invoice.status == Status::New && invoice.paid() > Msat::ZERO {
            facts.push(("Missing", format::sat(invoice.rest())));
        }
        if invoice.surplus() > Sat::ZERO {
            facts.push(("Surplus", format::sat(invoice.surplus())));
        }
        if !currency.is_bitcoin() {
            let rate = format::money(invoice.rate.per_btc(), currency);
            let from = source_words(invoice);
            facts.push(("Rate", format!("1 BTC = {rate}{from}")));
        }
        for tracked in invoice.rated.iter().flat_map(|rated| &rated.tracked) {
            let rate = format::money(tracked.rate.per_btc(), tracked.currency);
            facts.push(("Rate noted", format!("1 BTC = {rate}")));
        }
        if let Some(order) = &invoice.details.order_id {
            facts.push(("Order", order.clone()));
        }
        if let Some(item) = &invoice.details.item_desc {
            facts.push(("For", item.clone()));
        }
        if let Some(place) = &invoice.onchain {
            facts.push(("Address", place.address.clone()));
        }
        Self {
            row: invoice.into(),
            facts,
            expires: invoice.terms.expires_at.into(),
            checkout_url: format!("{base_url}{checkout}"),
            checkout,
            lightning_missing: invoice.lightning_missing.clone(),
            receipts: invoice
                .receipts
                .iter()
                .map(|receipt| receipt_row(invoice, receipt))
                .collect(),
            marks: invoice
                .available_marks()
                .into_iter()
                .map(|mark| match mark {
                    Mark::Settled => ("settled", "Mark as settled"),
                    Mark::Invalid => ("invalid", "Mark as invalid"),
                })
                .collect(),
            timeline: timeline::lines(entries),
        }
    }
}

fn receipt_row(invoice: &Invoice, receipt: &Receipt) -> ReceiptRow {
    let currency = invoice.price.currency();
    let value = if currency.is_bitcoin() {
        String::new()
    } else {
        format!(
            " ({})",
            format::money(invoice.rate.value_of(receipt.amount), currency)
        )
    };
    ReceiptRow {
        amount: format!("{}{value}", format::msat(receipt.amount)),
        rail: match receipt.key.rail() {
            Rail::Lightning => "Lightning",
            Rail::Onchain => "On-chain",
        },
        badge: match receipt.standing {
            ReceiptStanding::Processing { confirmations: 0 } => Badge::new("Seen", "busy"),
            ReceiptStanding::Processing { .. } => Badge::new("Confirming", "busy"),
            ReceiptStanding::Settled => Badge::new("Settled", "good"),
            ReceiptStanding::Lost => Badge::new("Lost", "bad"),
        },
        key: receipt.key.to_string(),
        when: receipt.received_at.into(),
    }
}

/// Where the rate came from, as an end of its line.
fn source_words(invoice: &Invoice) -> String {
    match &invoice.rated {
        Some(rated) if !rated.sources.is_empty() => format!(" by {}", rated.sources.join(", ")),
        Some(_) | None => String::new(),
    }
}
