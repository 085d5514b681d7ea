//! What the checkout page shows of an invoice.

use crate::domain::ids::InvoiceId;
use crate::domain::invoice::{Additional, Invoice, Price, Status};
use crate::domain::money::{Msat, Sat};
use crate::domain::receipt::{Rail, ReceiptStanding};
use crate::domain::time::Timestamp;
use crate::service::payment_link::PaymentLinks;
use crate::ui::format;
use crate::ui::page::Link;
use crate::ui::qr::Qr;

/// The state of an invoice in words, and how to pay it if it can be paid.
#[derive(Clone, Debug)]
pub struct CheckoutView {
    /// What is asked for, in its own currency.
    pub amount: String,
    /// The same in satoshi, if that is not the same text.
    pub in_sat: Option<String>,
    /// `wait`, `busy`, `good`, `bad`: colours and icon.
    pub tone: &'static str,
    /// One short line.
    pub title: &'static str,
    /// What it means for the payer.
    pub detail: Option<String>,
    /// Time left.
    pub left: Option<Left>,
    /// How to pay; nothing once no more money is wanted.
    pub pay: Option<Pay>,
    /// Back to the shop.
    pub back: Option<String>,
    /// It may still change by itself.
    pub open: bool,
}

/// Time left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// In seconds.
    pub secs: u64,
    /// In words.
    pub text: String,
}

/// The ways to pay.
#[derive(Clone, Debug)]
pub struct Pay {
    /// One at a time, or all.
    pub tabs: Vec<Link>,
    /// One code; two for a top-up.
    pub codes: Vec<Code>,
    /// What is to be known about them.
    pub note: Option<&'static str>,
}

/// A code to scan.
#[derive(Clone, Debug)]
pub struct Code {
    /// What it holds.
    pub title: &'static str,
    /// The drawing.
    pub qr: Option<Qr>,
    /// The same as a link.
    pub link: String,
    /// The same as text, part by part.
    pub texts: Vec<Copyable>,
}

/// A text to be copied.
#[derive(Clone, Debug)]
pub struct Copyable {
    /// Unique in the page.
    pub id: &'static str,
    /// What it is.
    pub label: &'static str,
    /// The text.
    pub text: String,
}

impl CheckoutView {
    /// The page of an invoice, with one way to pay in front.
    pub fn of(invoice: &Invoice, show: Option<Rail>, now: Timestamp) -> Self {
        let (amount, in_sat) = amounts(invoice);
        let (tone, title, detail) = words(invoice);
        let deadline = (invoice.status == Status::New)
            .then(|| invoice.deadline())
            .flatten();
        let paid =
            matches!(invoice.status, Status::Processing | Status::Settled) || invoice.paid_late;
        Self {
            amount,
            in_sat,
            tone,
            title,
            detail,
            left: deadline.map(|at| {
                let secs = at.millis_since(now).div_ceil(1_000);
                let text = format::left(secs);
                Left { secs, text }
            }),
            pay: pay(invoice, show),
            back: invoice
                .details
                .redirect_url
                .as_ref()
                .filter(|_| paid)
                .and_then(|url| way_back(url, invoice)),
            open: matches!(invoice.status, Status::New | Status::Processing),
        }
    }
}

/// What is asked for; of a top-up, what has come.
fn amounts(invoice: &Invoice) -> (String, Option<String>) {
    match &invoice.price {
        Price::Standard(price) => {
            let amount = format::money(price.amount, price.currency);
            let sat = format::sat(invoice.due);
            let other = (sat != amount).then_some(sat);
            (amount, other)
        }
        Price::TopUp(_) if invoice.paid() == Msat::ZERO => ("Any amount".to_owned(), None),
        Price::TopUp(currency) => {
            let sat = format::msat(invoice.paid());
            let value = format::money(invoice.rate.value_of(invoice.paid()), *currency);
            let other = (value != sat).then_some(sat);
            (value, other)
        }
    }
}

fn words(invoice: &Invoice) -> (&'static str, &'static str, Option<String>) {
    let paid = format::msat(invoice.paid());
    let some = invoice.paid() > Msat::ZERO;
    match (invoice.status, invoice.additional()) {
        (Status::New, Additional::PaidPartial) => (
            "busy",
            "Part of it has arrived",
            Some(format!(
                "Received {paid}. Still missing: {}. The code below asks for the rest.",
                format::sat(invoice.rest())
            )),
        ),
        (Status::New, _) => ("wait", "Waiting for your payment", None),
        (Status::Processing, _) => ("busy", "Payment received", Some(confirming(invoice))),
        (Status::Settled, Additional::PaidOver) => (
            "good",
            "Paid",
            Some(format!(
                "{} more than asked for has arrived. Please talk to the merchant about the surplus.",
                format::sat(invoice.surplus())
            )),
        ),
        (Status::Settled, _) => ("good", "Paid", Some("Thank you. The payment is complete.".to_owned())),
        (Status::Expired, Additional::PaidLate) => (
            "good",
            "Paid late",
            Some(format!(
                "{paid} arrived after the time was up. The merchant has been told; please talk to them about your order."
            )),
        ),
        (Status::Expired, _) if some => (
            "bad",
            "Expired",
            Some(format!(
                "{paid} arrived, which is less than asked for. Please don't pay any more; talk to the merchant."
            )),
        ),
        (Status::Expired, _) => (
            "bad",
            "Expired",
            Some("The time to pay is over. Please don't pay this any more; go back to the shop for a new invoice.".to_owned()),
        ),
        (Status::Invalid, _) if some => (
            "bad",
            "Not valid",
            Some(format!("{paid} arrived, but this invoice is not valid any more. Please talk to the merchant.")),
        ),
        (Status::Invalid, _) => (
            "bad",
            "Not valid",
            Some("This invoice is not valid any more. Please don't pay it.".to_owned()),
        ),
    }
}

/// How far the slowest payment on the chain is.
fn confirming(invoice: &Invoice) -> String {
    let have = invoice
        .receipts
        .iter()
        .filter_map(|receipt| match receipt.standing {
            ReceiptStanding::Processing { confirmations } => Some(confirmations),
            ReceiptStanding::Settled | ReceiptStanding::Lost => None,
        })
        .min();
    let surplus = if invoice.surplus() > Sat::ZERO {
        format!(
            " It is {} more than asked for: please talk to the merchant about the surplus.",
            format::sat(invoice.surplus())
        )
    } else {
        String::new()
    };
    match have {
        // A payment that may be replaced waits for a block even where none is asked for.
        Some(have) => {
            let needed = invoice.terms.speed.confirmations(true);
            format!(
                "It is on its way: {} of {needed} confirmation{}. You can close this page.{surplus}",
                have.min(needed),
                if needed == 1 { "" } else { "s" },
            )
        }
        None => format!("It is on its way. You can close this page.{surplus}"),
    }
}

fn pay(invoice: &Invoice, show: Option<Rail>) -> Option<Pay> {
    let links = PaymentLinks::of(invoice);
    let lightning = links.lightning();
    let onchain = links.onchain();
    let open_amount = links.amount.is_none();
    let show = show.filter(|rail| match rail {
        Rail::Lightning => lightning.is_some(),
        Rail::Onchain => onchain.is_some(),
    });
    let mut codes = Vec::new();
    let wants = |rail| show.is_none_or(|shown| shown == rail);
    match links.unified() {
        Some(link) if show.is_none() => codes.push(Code {
            title: match (&lightning, &onchain) {
                (Some(_), Some(_)) => "Lightning or on-chain",
                (Some(_), None) => "Lightning",
                (None, _) => "On-chain",
            },
            qr: links
                .unified_qr()
                .and_then(|text| Qr::of(&text, "QR code to pay this invoice")),
            texts: texts(&links, Some(&link)),
            link,
        }),
        _ => {
            if let Some(link) = lightning.clone().filter(|_| wants(Rail::Lightning)) {
                codes.push(Code {
                    title: "Lightning",
                    qr: links
                        .lightning_qr()
                        .and_then(|text| Qr::of(&text, "QR code to pay over Lightning")),
                    texts: texts(
                        &PaymentLinks {
                            address: None,
                            ..links.clone()
                        },
                        None,
                    ),
                    link,
                });
            }
            if let Some(link) = onchain.clone().filter(|_| wants(Rail::Onchain)) {
                codes.push(Code {
                    title: "On-chain",
                    qr: links
                        .onchain_qr()
                        .and_then(|text| Qr::of(&text, "QR code to pay on-chain")),
                    texts: texts(
                        &PaymentLinks {
                            bolt11: None,
                            ..links.clone()
                        },
                        None,
                    ),
                    link,
                });
            }
        }
    }
    if codes.is_empty() {
        return None;
    }
    let tabs = if lightning.is_some() && onchain.is_some() {
        tabs(invoice.id, show)
    } else {
        Vec::new()
    };
    let note = (open_amount && codes.len() > 1)
        .then_some("Any amount is welcome. Pay with one of the two.");
    Some(Pay { tabs, codes, note })
}

fn tabs(id: InvoiceId, show: Option<Rail>) -> Vec<Link> {
    [
        (None, "", "Both"),
        (Some(Rail::Lightning), "?show=lightning", "Lightning"),
        (Some(Rail::Onchain), "?show=onchain", "On-chain"),
    ]
    .map(|(rail, query, label)| Link {
        href: format!("/i/{id}{query}"),
        label: label.to_owned(),
        current: rail == show,
    })
    .into()
}

fn texts(links: &PaymentLinks, link: Option<&str>) -> Vec<Copyable> {
    let mut texts = Vec::new();
    let mut add = |id, label, text: Option<&str>| {
        if let Some(text) = text {
            texts.push(Copyable {
                id,
                label,
                text: text.to_owned(),
            });
        }
    };
    add("bolt11", "Lightning invoice", links.bolt11.as_deref());
    add("address", "Bitcoin address", links.address.as_deref());
    add("link", "Payment link", link);
    texts
}

/// The shop's own address, with its placeholders filled; only where a browser may safely go.
fn way_back(url: &str, invoice: &Invoice) -> Option<String> {
    let lower = url.trim().to_ascii_lowercase();
    if !(lower.starts_with("https://") || lower.starts_with("http://")) {
        return None;
    }
    let order = invoice.details.order_id.as_deref().unwrap_or_default();
    Some(
        url.trim()
            .replace("{InvoiceId}", &invoice.id.to_string())
            .replace("{OrderId}", &crate::ui::format::for_query(order)),
    )
}
