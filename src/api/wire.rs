//! Names and small shapes that several rooms share.

use std::str::FromStr;

use rust_decimal::Decimal;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::extract::Input;
use crate::domain::invoice::SpeedPolicy;
use crate::domain::money::{Currency, Msat, SAT_MAX, Sat, UnknownCurrency};
use crate::domain::payout::FeeWish;

/// Schemes that a payer's browser must never be sent to.
const NEVER_LINKED: [&str; 4] = ["javascript", "data", "vbscript", "file"];

/// [`SpeedPolicy`] by its name.
#[derive(Clone, Copy, Debug)]
pub struct SpeedPolicyName(pub SpeedPolicy);

const SPEEDS: [SpeedPolicy; 4] = [
    SpeedPolicy::HighSpeed,
    SpeedPolicy::MediumSpeed,
    SpeedPolicy::LowMediumSpeed,
    SpeedPolicy::LowSpeed,
];

/// Greenfield's name of a speed policy.
pub const fn speed_name(speed: SpeedPolicy) -> &'static str {
    match speed {
        SpeedPolicy::HighSpeed => "HighSpeed",
        SpeedPolicy::MediumSpeed => "MediumSpeed",
        SpeedPolicy::LowMediumSpeed => "LowMediumSpeed",
        SpeedPolicy::LowSpeed => "LowSpeed",
    }
}

impl FromStr for SpeedPolicyName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        SPEEDS
            .into_iter()
            .find(|speed| speed_name(*speed).eq_ignore_ascii_case(text))
            .map(Self)
            .ok_or("this is one of HighSpeed, MediumSpeed, LowMediumSpeed, LowSpeed")
    }
}

/// What a pull payment may be in: a currency, or a unit of its owner's own (Greenfield 7.2).
#[derive(Clone, Copy, Debug)]
pub struct Unit(pub Currency);

impl FromStr for Unit {
    type Err = UnknownCurrency;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Currency::unit(text).map(Self)
    }
}

/// A percentage from 0 to 100.
pub fn percent(body: &mut Input, path: &str) -> Option<Decimal> {
    let percent = body.decimal(path)?;
    if percent < Decimal::ZERO || percent > Decimal::ONE_HUNDRED {
        body.refuse(path, "This has to be a percentage from 0 to 100.");
    }
    Some(percent)
}

/// `maxFeePercent` of the amount and `maxFeeFlat` in satoshi: the most that may be spent on fees. If both are given,
/// both hold (D16).
pub fn fee_wish(body: &mut Input) -> FeeWish {
    FeeWish {
        percent: percent(body, "maxFeePercent"),
        flat: sats(body, "maxFeeFlat"),
    }
}

/// Whole satoshi, as a number or in a string.
pub fn sats(body: &mut Input, path: &str) -> Option<Msat> {
    let most = i64::try_from(SAT_MAX.0).unwrap_or(i64::MAX);
    body.whole(path, 0, most)
        .map(|sat| Sat(sat.unsigned_abs()).to_msat())
}

/// What a receipt shows; null is the store's choice.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ReceiptOptions {
    /// Whether there is one.
    pub enabled: Option<bool>,
    /// Whether it shows a QR code.
    #[schema(rename = "showQR")]
    pub show_qr: Option<bool>,
    /// Whether it shows the payments.
    pub show_payments: Option<bool>,
}

/// `ReceiptOptions`: three truths, or null for the store's.
pub fn receipt_options(body: &mut Input, path: &str) -> Value {
    let mut option = |name: &str| body.flag(&format!("{path}.{name}"));
    json!({
        "enabled": option("enabled"),
        "showQR": option("showQR"),
        "showPayments": option("showPayments"),
    })
}

/// Whether a text is an absolute URL that a page may link to.
pub fn is_absolute_url(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else {
        return false;
    };
    let lower = scheme.to_ascii_lowercase();
    let well_formed = lower.starts_with(|first: char| first.is_ascii_lowercase())
        && lower
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    well_formed
        && !rest.is_empty()
        && !NEVER_LINKED.contains(&lower.as_str())
        && !text.contains(|c: char| c.is_whitespace() || c.is_control())
}

/// Millisatoshi as Greenfield's Lightning amounts are written.
pub fn msat_text(amount: Msat) -> String {
    amount.0.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_absolute_and_harmless() {
        for good in [
            "https://shop.example/thanks?i={InvoiceId}",
            "HTTP://a",
            "myapp://done",
        ] {
            assert!(is_absolute_url(good), "{good}");
        }
        for bad in [
            "",
            "shop.example",
            "/thanks",
            "javascript:alert(1)",
            "JavaScript:x",
            " https://a",
            "https://a b",
            "data:text/html,x",
            "https:",
        ] {
            assert!(!is_absolute_url(bad), "{bad}");
        }
    }
}
