//! The state of a checkout as JSON, for pages of others.

use serde::Serialize;

use crate::domain::invoice::{Additional, Invoice, Price, Status};
use crate::service::payment_link::PaymentLinks;

/// `GET /i/{id}/status`. Amounts are decimal texts, times Unix seconds.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckoutStatus {
    id: String,
    status: &'static str,
    additional_status: &'static str,
    /// In `currency`; null on a top-up.
    amount: Option<String>,
    currency: String,
    due_sat: u64,
    paid_sat: u64,
    missing_sat: u64,
    surplus_sat: u64,
    created_time: u64,
    expiration_time: u64,
    monitoring_expiration: u64,
    /// Null once no more money is wanted, or where there is none.
    unified_payment_link: Option<String>,
    lightning_payment_link: Option<String>,
    onchain_payment_link: Option<String>,
    bolt11: Option<String>,
    address: Option<String>,
}

impl From<&Invoice> for CheckoutStatus {
    fn from(invoice: &Invoice) -> Self {
        let links = PaymentLinks::of(invoice);
        Self {
            id: invoice.id.to_string(),
            status: status(invoice.status),
            additional_status: additional(invoice.additional()),
            amount: match &invoice.price {
                Price::Standard(price) => Some(price.amount.to_string()),
                Price::TopUp(_) => None,
            },
            currency: invoice.price.currency().to_string(),
            due_sat: invoice.due.0,
            paid_sat: invoice.paid().to_sat_floor().0,
            missing_sat: invoice.rest().0,
            surplus_sat: invoice.surplus().0,
            created_time: invoice.created.secs(),
            expiration_time: invoice.terms.expires_at.secs(),
            monitoring_expiration: invoice.terms.monitor_until.secs(),
            unified_payment_link: links.unified(),
            lightning_payment_link: links.lightning(),
            onchain_payment_link: links.onchain(),
            bolt11: links.bolt11,
            address: links.address,
        }
    }
}

/// Greenfield's word for a status.
const fn status(status: Status) -> &'static str {
    match status {
        Status::New => "New",
        Status::Processing => "Processing",
        Status::Settled => "Settled",
        Status::Expired => "Expired",
        Status::Invalid => "Invalid",
    }
}

/// Greenfield's word beside it.
const fn additional(additional: Additional) -> &'static str {
    match additional {
        Additional::None => "None",
        Additional::PaidLate => "PaidLate",
        Additional::PaidPartial => "PaidPartial",
        Additional::Marked => "Marked",
        Additional::PaidOver => "PaidOver",
    }
}
