//! The shape of an invoice (Greenfield 4.4).

use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::methods::{MethodData, recommended};
use crate::api::number::{Dec, Num};
use crate::api::schema::{
    InvoiceAdditionalStatus, InvoiceMark, InvoiceStatus, InvoiceType, PaymentMethodId, SpeedPolicy,
};
use crate::api::wire;
use crate::api::wire::ReceiptOptions;
use crate::domain::invoice::{Invoice, Mark, Price};
use crate::service::Gateway;

/// `InvoiceData`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InvoiceData {
    id: String,
    store_id: String,
    amount: Dec,
    paid_amount: Dec,
    currency: String,
    #[serde(rename = "type")]
    #[schema(value_type = InvoiceType)]
    kind: &'static str,
    checkout_link: String,
    created_time: u64,
    expiration_time: u64,
    monitoring_expiration: u64,
    #[schema(value_type = InvoiceStatus)]
    status: &'static str,
    #[schema(value_type = InvoiceAdditionalStatus)]
    additional_status: &'static str,
    #[schema(value_type = Vec<InvoiceMark>)]
    available_statuses_for_manual_marking: Vec<&'static str>,
    archived: bool,
    /// Tollway's own: why there is no Lightning half although one was wanted.
    lightning_missing_reason: Option<String>,
    #[schema(value_type = Object)]
    metadata: Box<RawValue>,
    checkout: CheckoutData,
    #[schema(value_type = ReceiptOptions)]
    receipt: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    payment_methods: Option<Vec<MethodData>>,
}

/// `CheckoutOptions` in force.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CheckoutOptions)]
pub struct CheckoutData {
    #[schema(value_type = SpeedPolicy)]
    speed_policy: &'static str,
    #[schema(value_type = Vec<PaymentMethodId>)]
    payment_methods: Vec<String>,
    #[schema(value_type = Option<PaymentMethodId>)]
    default_payment_method: Option<String>,
    lazy_payment_methods: bool,
    expiration_minutes: u64,
    monitoring_minutes: u64,
    payment_tolerance: Num,
    #[serde(rename = "redirectURL")]
    redirect_url: Option<String>,
    redirect_automatically: bool,
    default_language: Option<String>,
}

impl InvoiceData {
    /// An invoice, with its payment methods if asked for.
    pub fn of(gateway: &Gateway, invoice: &Invoice, with_methods: bool) -> Self {
        let currency = invoice.price.currency();
        let kind = match &invoice.price {
            Price::Standard(_) => "Standard",
            Price::TopUp(_) => "TopUp",
        };
        Self {
            id: invoice.id.to_string(),
            store_id: invoice.store.to_string(),
            amount: Dec(invoice.price_value()),
            paid_amount: Dec(invoice.paid_value()),
            currency: currency.to_string(),
            kind,
            checkout_link: format!("{}/i/{}", gateway.base_url, invoice.id),
            created_time: invoice.created.secs(),
            expiration_time: invoice.terms.expires_at.secs(),
            monitoring_expiration: invoice.terms.monitor_until.secs(),
            status: invoice.status.name(),
            additional_status: invoice.additional().name(),
            available_statuses_for_manual_marking: invoice
                .available_marks()
                .into_iter()
                .map(mark_name)
                .collect(),
            archived: invoice.archived,
            lightning_missing_reason: invoice.lightning_missing.clone(),
            metadata: raw_object(&invoice.details.metadata),
            checkout: checkout(invoice),
            receipt: receipt(&invoice.details.receipt),
            payment_methods: with_methods.then(|| {
                let fee_rate = recommended(gateway, invoice.store);
                MethodData::all(invoice, false, None, fee_rate)
            }),
        }
    }
}

fn checkout(invoice: &Invoice) -> CheckoutData {
    let kept: Value = serde_json::from_str(&invoice.details.checkout).unwrap_or_default();
    let text = |name: &str| kept[name].as_str().map(str::to_owned);
    let flag = |name: &str| kept[name].as_bool().unwrap_or(false);
    let terms = &invoice.terms;
    CheckoutData {
        speed_policy: wire::speed_name(terms.speed),
        payment_methods: match kept["paymentMethods"].as_array() {
            Some(ids) => ids
                .iter()
                .filter_map(|id| id.as_str().map(str::to_owned))
                .collect(),
            None => vec!["BTC-CHAIN".to_owned(), "BTC-LN".to_owned()],
        },
        default_payment_method: text("defaultPaymentMethod"),
        lazy_payment_methods: flag("lazyPaymentMethods"),
        expiration_minutes: terms.expires_at.millis_since(invoice.created) / 60_000,
        monitoring_minutes: terms.monitor_until.millis_since(terms.expires_at) / 60_000,
        payment_tolerance: Num(terms.tolerance_percent),
        redirect_url: invoice.details.redirect_url.clone(),
        redirect_automatically: flag("redirectAutomatically"),
        default_language: text("defaultLanguage"),
    }
}

/// What a receipt shows. Not every invoice was made by a request that says so.
fn receipt(kept: &str) -> Value {
    let kept: Value = serde_json::from_str(kept).unwrap_or_default();
    json!({
        "enabled": kept["enabled"],
        "showQR": kept["showQR"],
        "showPayments": kept["showPayments"],
    })
}

/// A JSON object as it was kept.
pub(in crate::api) fn raw_object(text: &str) -> Box<RawValue> {
    let kept = if text.is_empty() { "{}" } else { text };
    RawValue::from_string(kept.to_owned()).unwrap_or_default()
}

const fn mark_name(mark: Mark) -> &'static str {
    match mark {
        Mark::Settled => "Settled",
        Mark::Invalid => "Invalid",
    }
}
