//! How amounts, times and ids look to people.

use std::fmt::{self, Write};

use rust_decimal::Decimal;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::domain::ledger::Signed;
use crate::domain::money::{Currency, Money, Msat, Sat};
use crate::domain::time::Timestamp;

/// Satoshi with thousands apart: `21,000 sat`.
pub fn sat(amount: Sat) -> String {
    format!("{} sat", grouped(&amount.0.to_string()))
}

/// Satoshi, with the rest in decimals if there is one: `21,000.5 sat`.
pub fn msat(amount: Msat) -> String {
    let whole = grouped(&amount.to_sat_floor().0.to_string());
    match amount.minus(amount.to_sat_floor().to_msat()) {
        Msat::ZERO => format!("{whole} sat"),
        rest => {
            let decimals = format!("{:03}", rest.0);
            format!("{whole}.{} sat", decimals.trim_end_matches('0'))
        }
    }
}

/// The same for an amount that may be negative: `−21,000.5 sat`.
pub fn signed(amount: Signed) -> String {
    let sign = if amount < Signed::ZERO {
        "\u{2212}"
    } else {
        ""
    };
    format!("{sign}{}", msat(amount.distance()))
}

/// A fee rate in satoshi per 1,000 virtual bytes, as sat/vB.
pub fn fee_rate(sat_per_kvb: u64) -> String {
    format!(
        "{} sat/vB",
        Decimal::new(i64::try_from(sat_per_kvb).unwrap_or(i64::MAX), 3).normalize()
    )
}

/// An amount with its currency: `1,250.00 USD`, `0.00021000 BTC`, `21,000 sat`.
pub fn money(amount: Decimal, currency: Currency) -> String {
    let rounded = Money { amount, currency }.round_price().amount;
    let decimals = usize::try_from(currency.decimals()).unwrap_or_default();
    let text = format!("{rounded:.decimals$}");
    let text = match text.split_once('.') {
        Some((whole, rest)) => format!("{}.{rest}", grouped(whole)),
        None => grouped(&text),
    };
    if currency == Currency::SATS {
        format!("{text} sat")
    } else {
        format!("{text} {currency}")
    }
}

fn grouped(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        let left = digits.len() - at;
        if at > 0 && left.is_multiple_of(3) && !text.ends_with('-') {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A long id or address, its middle left out.
pub fn short(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    if chars.len() <= 22 {
        return text.to_owned();
    }
    let head: String = chars[..12].iter().collect();
    let tail: String = chars[chars.len() - 8..].iter().collect();
    format!("{head}…{tail}")
}

/// A text as part of an address: whatever could mean something there is escaped. Slashes stay.
pub fn for_query(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            // Writing to a string can't fail.
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

/// Time left: `14:32`, `2 h 05 min`, `3 days`.
pub fn left(secs: u64) -> String {
    let (minutes, hours, days) = (secs / 60, secs / 3_600, secs / 86_400);
    match (hours, days) {
        (0, _) => format!("{minutes}:{:02}", secs % 60),
        (_, 0 | 1) => format!("{hours} h {:02} min", minutes % 60),
        _ => format!("{days} days"),
    }
}

/// An instant as a `<time>` element: readable as it is, in the reader's own zone with the script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct When {
    iso: String,
    text: String,
}

impl From<Timestamp> for When {
    fn from(at: Timestamp) -> Self {
        let secs = i64::try_from(at.secs()).unwrap_or(i64::MAX);
        let Ok(at) = OffsetDateTime::from_unix_timestamp(secs) else {
            return Self {
                iso: String::new(),
                text: "far away".to_owned(),
            };
        };
        let month = &at.month().to_string()[..3];
        Self {
            iso: at.format(&Rfc3339).unwrap_or_default(),
            text: format!(
                "{} {month} {}, {:02}:{:02} UTC",
                at.day(),
                at.year(),
                at.hour(),
                at.minute()
            ),
        }
    }
}

/// HTML: nothing in it comes from outside.
impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<time datetime=\"{}\">{}</time>", self.iso, self.text)
    }
}

impl askama::filters::HtmlSafe for When {}

/// A word for a state, and how it is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Badge {
    /// The word.
    pub word: &'static str,
    /// `good`, `busy`, `wait`, `bad` or `calm`.
    pub tone: &'static str,
}

impl Badge {
    /// A badge.
    pub const fn new(word: &'static str, tone: &'static str) -> Self {
        Self { word, tone }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_grouped_and_keep_their_decimals() {
        let usd = |text: &str| money(text.parse().expect("decimal"), Currency::USD);
        assert_eq!(usd("1250"), "1,250.00 USD");
        assert_eq!(usd("0.005"), "0.01 USD");
        assert_eq!(usd("-1250.5"), "-1,250.50 USD");
        assert_eq!(usd("-125"), "-125.00 USD");
        assert_eq!(sat(Sat(2_100_000_000)), "2,100,000,000 sat");
        assert_eq!(msat(Msat(21_000_500)), "21,000.5 sat");
        assert_eq!(msat(Msat(999)), "0.999 sat");
        let btc = money("0.00021".parse().expect("decimal"), Currency::BTC);
        assert_eq!(btc, "0.00021000 BTC");
    }

    #[test]
    fn times_are_readable() {
        let when = When::from(Timestamp::from_secs(1_700_000_000));
        assert_eq!(
            when.to_string(),
            "<time datetime=\"2023-11-14T22:13:20Z\">14 Nov 2023, 22:13 UTC</time>"
        );
        assert_eq!(left(872), "14:32");
        assert_eq!(left(7_500), "2 h 05 min");
        assert_eq!(left(90_000), "25 h 00 min");
        assert_eq!(left(3 * 86_400), "3 days");
    }

    #[test]
    fn long_texts_lose_their_middle() {
        assert_eq!(short("bc1qshort"), "bc1qshort");
        assert_eq!(
            short("bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"),
            "bcrt1qw508d6…7kygt080"
        );
    }
}
