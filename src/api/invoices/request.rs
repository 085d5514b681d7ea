//! Reading `CreateInvoiceRequest` and its parts (Greenfield 4.4, 5.2).

use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use crate::api::extract::Input;
use crate::api::number;
use crate::api::stores::kept_setting;
use crate::api::wire::{self, SpeedPolicyName};
use crate::domain::invoice::Details;
use crate::domain::money::Money;
use crate::domain::receipt::Rail;
use crate::domain::store::Store;
use crate::service::invoice::{Criterion, EXPIRY_SECS_MIN, NewInvoice};

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

/// Reads `CreateInvoiceRequest`; what it does not say is the store's. Faults stay in the body.
pub(super) fn read(body: &mut Input, shop: &Store) -> NewInvoice {
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
        lazy: checkout_flag(body, shop, "lazyPaymentMethods"),
        criteria: criteria(shop),
        details: Details {
            metadata: text,
            order_id,
            item_desc,
            redirect_url: redirect_url(body),
            checkout: kept_checkout(body, shop, rails.as_deref()),
            receipt: receipt(body, shop),
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

/// What is null is the store's, whose default is true for all three.
fn receipt(body: &mut Input, shop: &Store) -> String {
    // Also refuses a receipt that is no object.
    body.object("receipt");
    let mut options = wire::receipt_options(body, "receipt");
    let of_store = kept_setting(shop, "receipt");
    if let Some(options) = options.as_object_mut() {
        for (name, value) in options.iter_mut().filter(|(_, value)| value.is_null()) {
            *value = Value::from(of_store[name].as_bool().unwrap_or(true));
        }
    }
    options.to_string()
}

/// A checkout option, or the store's setting of the same name.
fn checkout_flag(body: &mut Input, shop: &Store, name: &str) -> bool {
    body.flag(&format!("checkout.{name}"))
        .unwrap_or_else(|| kept_setting(shop, name).as_bool().unwrap_or(false))
}

/// The store's `paymentMethodCriteria`; those that say nothing we know are passed over.
fn criteria(shop: &Store) -> Vec<Criterion> {
    let kept = kept_setting(shop, "paymentMethodCriteria");
    let read = |item: &Value| {
        let currency = item["currencyCode"].as_str().unwrap_or("USD");
        Some(Criterion {
            rail: item["paymentMethodId"].as_str()?.parse().ok()?,
            bound: Money {
                amount: number::decimal(&item["amount"])?,
                currency: currency.parse().ok()?,
            },
            above: item["above"].as_bool().unwrap_or(false),
        })
    };
    let items = kept.as_array().map_or(&[][..], Vec::as_slice);
    items.iter().filter_map(read).collect()
}

/// The checkout options that are only given back; the others are terms of the invoice.
fn kept_checkout(body: &mut Input, shop: &Store, rails: Option<&[Rail]>) -> String {
    body.object("checkout");
    let language = body.words("checkout.defaultLanguage");
    if language.as_deref().is_some_and(|text| !is_language(text)) {
        body.refuse("checkout.defaultLanguage", "This is no language.");
    }
    let language = match language {
        Some(language) => Value::from(language),
        None => kept_setting(shop, "defaultLang"),
    };
    let default_method = match body.parsed::<Rail>("checkout.defaultPaymentMethod") {
        Some(rail) => Value::from(rail.method_id()),
        None => kept_setting(shop, "defaultPaymentMethod"),
    };
    json!({
        "paymentMethods": rails
            .unwrap_or(&[Rail::Onchain, Rail::Lightning])
            .iter()
            .map(|rail| rail.method_id())
            .collect::<Vec<_>>(),
        "defaultPaymentMethod": default_method,
        "lazyPaymentMethods": checkout_flag(body, shop, "lazyPaymentMethods"),
        "redirectAutomatically": checkout_flag(body, shop, "redirectAutomatically"),
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
