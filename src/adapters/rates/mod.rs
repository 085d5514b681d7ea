//! Sources of prices, in the formats that they publish.

mod coingecko;
mod http;
mod kraken;

pub use coingecko::{COINGECKO_URL, CoinGecko};
pub use kraken::{KRAKEN_URL, Kraken};

use rust_decimal::Decimal;
use serde_json::Value;

/// A positive number, from a JSON string or number, never through binary floating point. Digits that no decimal holds
/// are rounded away.
fn positive(value: &Value) -> Option<Decimal> {
    let text = match value {
        Value::String(text) => text.as_str(),
        Value::Number(number) => number.as_str(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    let number: Decimal = if text.contains(['e', 'E']) {
        Decimal::from_scientific(text).ok()?
    } else {
        text.parse().ok()?
    };
    (number > Decimal::ZERO).then_some(number)
}
