//! The shape of a store (Greenfield 4.2): settings that we act on, and settings that we keep and give back.

use rust_decimal::Decimal;
use serde_json::{Map, Value};

use crate::api::extract::Input;
use crate::api::number::{self, Num};
use crate::api::wire::{self, SpeedPolicyName};
use crate::domain::money::Currency;
use crate::domain::payout::FeeCap;
use crate::domain::receipt::Rail;
use crate::domain::store::{DESCRIPTION_TEMPLATE, Settings, Store};
use crate::service::store::StoreChange;

/// The longest span a store may set: 24 days.
const SPAN_SECS_MAX: u32 = 2_073_600;

/// The longest text that is kept.
const TEXT_BYTES_MAX: usize = 8_192;

/// What a kept setting may be.
#[derive(Clone, Copy, Debug)]
enum Kind {
    /// A text or null.
    Text,
    /// An absolute URL or null.
    Url,
    /// `#RRGGBB` or null.
    Color,
    /// A payment method id or null.
    Method,
    /// True or false.
    Flag,
    /// Seconds within the bounds of a span.
    Span,
    /// A number of blocks.
    Blocks,
    /// One of these words.
    Word(&'static [&'static str]),
    /// Greenfield's `PaymentMethodCriteria[]`.
    Criteria,
    /// Greenfield's `ReceiptOptions`.
    Receipt,
}

/// Settings that are kept and given back, with Greenfield's defaults as JSON.
const KEPT: &[(&str, Kind, &str)] = &[
    ("website", Kind::Url, "null"),
    ("supportUrl", Kind::Text, "null"),
    ("logoUrl", Kind::Url, "null"),
    ("cssUrl", Kind::Url, "null"),
    ("paymentSoundUrl", Kind::Url, "null"),
    ("brandColor", Kind::Color, "null"),
    ("applyBrandColorToBackend", Kind::Flag, "false"),
    ("displayExpirationTimer", Kind::Span, "300"),
    (
        "networkFeeMode",
        Kind::Word(&["MultiplePaymentsOnly", "Always", "Never"]),
        r#""MultiplePaymentsOnly""#,
    ),
    ("lightningAmountInSatoshi", Kind::Flag, "false"),
    ("lightningPrivateRouteHints", Kind::Flag, "false"),
    ("onChainWithLnInvoiceFallback", Kind::Flag, "false"),
    ("showRecommendedFee", Kind::Flag, "true"),
    ("recommendedFeeBlockTarget", Kind::Blocks, "1"),
    ("payJoinEnabled", Kind::Flag, "false"),
    ("lazyPaymentMethods", Kind::Flag, "false"),
    ("defaultPaymentMethod", Kind::Method, "null"),
    ("paymentMethodCriteria", Kind::Criteria, "[]"),
    (
        "receipt",
        Kind::Receipt,
        r#"{"enabled":true,"showQR":true,"showPayments":true}"#,
    ),
    ("defaultLang", Kind::Text, r#""en""#),
    ("autoDetectLanguage", Kind::Flag, "false"),
    ("htmlTitle", Kind::Text, "null"),
    ("redirectAutomatically", Kind::Flag, "false"),
    ("showPayInWalletButton", Kind::Flag, "true"),
    ("showStoreHeader", Kind::Flag, "true"),
    ("celebratePayment", Kind::Flag, "true"),
    ("playSoundOnPayment", Kind::Flag, "false"),
    ("redactPublicPayouts", Kind::Flag, "false"),
];

/// Reads `StoreBaseData` over what is there: an absent or null member keeps its value (4.2).
pub(super) fn read(body: &mut Input, before: Option<&Store>) -> StoreChange {
    let old = before.map_or_else(Settings::default, |store| store.settings.clone());
    let settings = Settings {
        default_currency: body
            .currency("defaultCurrency")
            .unwrap_or(old.default_currency),
        // BTCPay keeps whole minutes.
        invoice_expiration: body
            .span("invoiceExpiration", 1, 60, SPAN_SECS_MAX)
            .map_or(old.invoice_expiration, |secs| secs / 60 * 60),
        monitoring_expiration: body
            .span("monitoringExpiration", 1, 600, SPAN_SECS_MAX)
            .unwrap_or(old.monitoring_expiration),
        speed: body
            .parsed::<SpeedPolicyName>("speedPolicy")
            .map_or(old.speed, |name| name.0),
        tolerance_percent: wire::percent(body, "paymentTolerance").unwrap_or(old.tolerance_percent),
        description_template: short_text(body, "lightningDescriptionTemplate")
            .map(|text| {
                if text.is_empty() {
                    DESCRIPTION_TEMPLATE.to_owned()
                } else {
                    text
                }
            })
            .unwrap_or(old.description_template),
        refund_bolt11_days: body
            .span("refundBOLT11Expiration", 86_400, 0, 3_650 * 86_400)
            .map_or(old.refund_bolt11_days, |secs| secs / 86_400),
        anyone_can_create_invoice: body
            .flag("anyoneCanCreateInvoice")
            .unwrap_or(old.anyone_can_create_invoice),
        fee_cap: fee_cap(body, old.fee_cap),
        onchain: old.onchain,
        lightning: old.lightning,
        rates: old.rates,
        tracked_rates: currencies(body, "additionalTrackedRates").or(old.tracked_rates),
    };
    let mut kept = before.map_or_else(Map::new, kept_of);
    for (name, kind, _) in KEPT {
        if let Some(value) = read_kept(body, name, *kind) {
            kept.insert((*name).to_owned(), value);
        }
    }
    StoreChange {
        name: short_text(body, "name")
            .or_else(|| before.map(|store| store.name.clone()))
            .unwrap_or_default(),
        settings,
        kept: Value::Object(kept).to_string(),
        archived: body
            .flag("archived")
            .unwrap_or_else(|| before.is_some_and(|store| store.archived)),
    }
}

/// `payoutMaxFeePercent` and `payoutMaxFeeFloor` (satoshi): what Lightning payouts may spend on routing, where nobody
/// says otherwise (additive).
fn fee_cap(body: &mut Input, old: Option<FeeCap>) -> Option<FeeCap> {
    let percent = wire::percent(body, "payoutMaxFeePercent");
    let floor = wire::sats(body, "payoutMaxFeeFloor");
    if percent.is_none() && floor.is_none() {
        return old;
    }
    let old = old.unwrap_or_default();
    Some(FeeCap {
        percent: percent.unwrap_or(old.percent),
        floor: floor.unwrap_or(old.floor),
    })
}

fn read_kept(body: &mut Input, name: &'static str, kind: Kind) -> Option<Value> {
    match kind {
        Kind::Text => short_text(body, name).map(null_if_empty),
        Kind::Url => {
            let text = short_text(body, name)?;
            if !text.is_empty() && !wire::is_absolute_url(&text) {
                body.refuse(name, "This has to be an absolute URL.");
            }
            Some(null_if_empty(text))
        }
        Kind::Color => {
            let text = short_text(body, name)?;
            let hex = text.strip_prefix('#').unwrap_or_default();
            let fits = hex.len() == 6 && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
            if !text.is_empty() && !fits {
                body.refuse(name, "This has to be a colour like #RRGGBB.");
            }
            Some(null_if_empty(text))
        }
        Kind::Method => body
            .parsed::<Rail>(name)
            .map(|rail| Value::from(rail.method_id())),
        Kind::Flag => body.flag(name).map(Value::from),
        Kind::Span => body.span(name, 1, 60, SPAN_SECS_MAX).map(Value::from),
        Kind::Blocks => body.whole(name, 1, 1_000).map(Value::from),
        Kind::Word(words) => {
            let text = body.words(name)?;
            let found = words.iter().find(|word| word.eq_ignore_ascii_case(&text));
            if found.is_none() {
                body.refuse(name, format!("This has to be one of {}.", words.join(", ")));
            }
            found.map(|word| Value::from(*word))
        }
        Kind::Criteria => criteria(body, name),
        Kind::Receipt => body.object(name).map(|_| wire::receipt_options(body, name)),
    }
}

fn currencies(body: &mut Input, name: &str) -> Option<Vec<String>> {
    let mut known = Vec::new();
    for (place, text) in body.texts(name)?.into_iter().enumerate() {
        match text.parse::<Currency>() {
            Ok(currency) => known.push(currency.code().to_owned()),
            Err(error) => body.refuse(&format!("{name}[{place}]"), format!("{error}.")),
        }
    }
    Some(known)
}

fn criteria(body: &mut Input, name: &str) -> Option<Value> {
    let Some(Value::Array(items)) = body.value(name) else {
        if body.value(name).is_some() {
            body.refuse(name, "This has to be a list.");
        }
        return None;
    };
    let mut read = Vec::new();
    for (place, item) in items.iter().enumerate() {
        let method = item["paymentMethodId"]
            .as_str()
            .or_else(|| item["paymentMethod"].as_str())
            .and_then(|text| text.parse::<Rail>().ok());
        let amount = number::decimal(&item["amount"]).filter(|amount| *amount >= Decimal::ZERO);
        let (Some(method), Some(amount)) = (method, amount) else {
            let message = "This has to name a payment method and an amount.";
            body.refuse(&format!("{name}[{place}]"), message);
            continue;
        };
        read.push(serde_json::json!({
            "paymentMethodId": method.method_id(),
            "currencyCode": item["currencyCode"].as_str().unwrap_or("USD"),
            "amount": amount.to_string(),
            "above": item["above"].as_bool().unwrap_or(false),
        }));
    }
    Some(Value::from(read))
}

fn short_text(body: &mut Input, name: &str) -> Option<String> {
    let text = body.text(name)?;
    if text.len() > TEXT_BYTES_MAX {
        body.refuse(name, "This text is too long.");
    }
    Some(text)
}

fn null_if_empty(text: String) -> Value {
    if text.is_empty() {
        Value::Null
    } else {
        Value::String(text)
    }
}

/// What a store keeps for its owner.
fn kept_of(store: &Store) -> Map<String, Value> {
    serde_json::from_str(&store.kept).unwrap_or_default()
}

/// A setting that is only kept, as it is in force.
pub(in crate::api) fn kept_setting(store: &Store, name: &str) -> Value {
    kept_of(store).remove(name).unwrap_or_else(|| {
        let known = KEPT.iter().find(|(known, ..)| *known == name);
        known
            .and_then(|(_, _, default)| serde_json::from_str(default).ok())
            .unwrap_or_default()
    })
}

/// Whether the store hides what others claimed in the anonymous lists (D36).
pub(in crate::api) fn redacts_public_payouts(store: &Store) -> bool {
    kept_of(store).get("redactPublicPayouts") == Some(&Value::Bool(true))
}

/// `StoreData`.
pub(super) fn store_data(store: &Store) -> Value {
    let mut data = Map::new();
    let mut put = |name: &str, value: Value| data.insert(name.to_owned(), value);
    put("id", store.id.to_string().into());
    put("name", store.name.clone().into());
    let kept = kept_of(store);
    for (name, _, default) in KEPT {
        let value = kept.get(*name).cloned();
        put(
            name,
            value.unwrap_or_else(|| serde_json::from_str(default).unwrap_or_default()),
        );
    }
    let settings = &store.settings;
    put("defaultCurrency", settings.default_currency.code().into());
    put("invoiceExpiration", settings.invoice_expiration.into());
    put(
        "monitoringExpiration",
        settings.monitoring_expiration.into(),
    );
    put("refundBOLT11Expiration", settings.refund_bolt11_days.into());
    let tracked = settings.tracked_rates.clone().unwrap_or_default();
    put("additionalTrackedRates", tracked.into());
    put("speedPolicy", wire::speed_name(settings.speed).into());
    put(
        "paymentTolerance",
        Num(settings.tolerance_percent).to_value(),
    );
    put(
        "lightningDescriptionTemplate",
        settings.description_template.clone().into(),
    );
    put(
        "anyoneCanCreateInvoice",
        settings.anyone_can_create_invoice.into(),
    );
    let cap = settings.fee_cap.unwrap_or_default();
    put("payoutMaxFeePercent", Num(cap.percent).to_value());
    let floor = cap.floor.to_sat_floor().0.to_string();
    put("payoutMaxFeeFloor", floor.into());
    put("archived", store.archived.into());
    Value::Object(data)
}
