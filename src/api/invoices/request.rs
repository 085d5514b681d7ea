//! Reading `CreateInvoiceRequest` and its parts (Greenfield 4.4, 5.2).

use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use crate::api::extract::Input;
use crate::api::wire::{self, SpeedPolicyName};
use crate::domain::invoice::Details;
use crate::domain::receipt::Rail;
use crate::service::invoice::{EXPIRY_SECS_MIN, NewInvoice};

/// A year: nobody waits longer for an invoice.
const SPAN_SECS_MAX: u32 = 366 * 86_400;

/// Further words that a search finds an invoice by.
const SEARCH_TERMS_MAX: usize = 100;

/// Metadata, and the members of it that mean something to us.
pub(super) struct Metadata {
    pub(super) text: String,
    pub(super) order_id: Option<String>,
    pub(super) item_desc: Option<String>,
}

/// Reads `metadata`.
pub(super) fn metadata(body: &mut Input) -> Metadata {
    let members = body.object("metadata").unwrap_or_default();
    Metadata {
        order_id: words_of(&members, "orderId"),
        item_desc: words_of(&members, "itemDesc"),
        text: Value::Object(members).to_string(),
    }
}

fn words_of(members: &Map<String, Value>, name: &str) -> Option<String> {
    match members.get(name)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Reads `CreateInvoiceRequest`. Faults stay in the body.
pub(super) fn read(body: &mut Input) -> NewInvoice {
    let amount = body.decimal("amount");
    if amount.is_some_and(|amount| amount < Decimal::ZERO) {
        body.refuse("amount", "The amount can't be negative.");
    }
    let Metadata {
        text,
        order_id,
        item_desc,
    } = metadata(body);
    let rails = body
        .rails("checkout.paymentMethods")
        .filter(|rails| !rails.is_empty());
    let mut search_terms = body.texts("additionalSearchTerms").unwrap_or_default();
    search_terms.truncate(SEARCH_TERMS_MAX);
    NewInvoice {
        amount,
        currency: body.currency("currency"),
        expiration_secs: expiration(body),
        monitoring_secs: body.span("checkout.monitoringMinutes", 60, 0, SPAN_SECS_MAX),
        speed: body
            .parsed::<SpeedPolicyName>("checkout.speedPolicy")
            .map(|name| name.0),
        tolerance_percent: wire::percent(body, "checkout.paymentTolerance"),
        details: Details {
            metadata: text,
            order_id,
            item_desc,
            redirect_url: redirect_url(body),
            checkout: kept_checkout(body, rails.as_deref()),
            receipt: receipt(body),
            search_terms,
        },
        rails,
    }
}

fn expiration(body: &mut Input) -> Option<u32> {
    let secs = body.span("checkout.expirationMinutes", 60, 0, SPAN_SECS_MAX)?;
    if secs < EXPIRY_SECS_MIN {
        body.refuse(
            "checkout.expiration",
            "An invoice waits at least 30 seconds.",
        );
    }
    Some(secs)
}

fn redirect_url(body: &mut Input) -> Option<String> {
    let url = body.words("checkout.redirectURL")?;
    if !wire::is_absolute_url(&url) {
        body.refuse("checkout.redirectURL", "This has to be an absolute URL.");
    }
    Some(url)
}

fn receipt(body: &mut Input) -> String {
    // Also refuses a receipt that is no object.
    body.object("receipt");
    wire::receipt_options(body, "receipt").to_string()
}

/// The checkout options that are only given back; the others are terms of the invoice.
fn kept_checkout(body: &mut Input, rails: Option<&[Rail]>) -> String {
    body.object("checkout");
    let language = body.words("checkout.defaultLanguage");
    if language.as_deref().is_some_and(|text| !is_language(text)) {
        body.refuse("checkout.defaultLanguage", "This is no language.");
    }
    let default_method = body.parsed::<Rail>("checkout.defaultPaymentMethod");
    json!({
        "paymentMethods": rails
            .unwrap_or(&[Rail::Onchain, Rail::Lightning])
            .iter()
            .map(|rail| rail.method_id())
            .collect::<Vec<_>>(),
        "defaultPaymentMethod": default_method.map(Rail::method_id),
        "lazyPaymentMethods": body.flag("checkout.lazyPaymentMethods"),
        "redirectAutomatically": body.flag("checkout.redirectAutomatically"),
        "defaultLanguage": language,
    })
    .to_string()
}

/// `en`, `pt-BR`, `zh-Hans-CN`.
fn is_language(text: &str) -> bool {
    let mut parts = text.split(['-', '_']);
    let first = parts.next().unwrap_or_default();
    (2..=3).contains(&first.len())
        && first.bytes().all(|byte| byte.is_ascii_alphabetic())
        && parts.all(|part| {
            (2..=4).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
        })
}
