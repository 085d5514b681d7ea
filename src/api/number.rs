//! Numbers as Greenfield writes them: exact decimals as text, spans in a unit fixed by the member (1.3).

use rust_decimal::Decimal;
use serde::{Serialize, Serializer};
use serde_json::{Number, Value};

/// A decimal, written as a JSON string that keeps its scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dec(pub Decimal);

impl Serialize for Dec {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// A decimal, written as a JSON number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Num(pub Decimal);

impl Num {
    /// As a JSON value. Every decimal is a JSON number.
    pub fn to_value(self) -> Value {
        self.0
            .to_string()
            .parse::<Number>()
            .map_or(Value::Null, Value::Number)
    }
}

impl Serialize for Num {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_value().serialize(serializer)
    }
}

/// Reads a decimal from a JSON string or number, never through binary floating point.
pub fn decimal(value: &Value) -> Option<Decimal> {
    match value {
        Value::String(text) => decimal_text(text),
        Value::Number(number) => decimal_text(number.as_str()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn decimal_text(text: &str) -> Option<Decimal> {
    let text = text.trim();
    if text.contains(['e', 'E']) {
        Decimal::from_scientific(text).ok()
    } else {
        text.parse().ok()
    }
}

/// Reads a whole number from a JSON number or string; `7.0` is whole.
pub fn whole(value: &Value) -> Option<i64> {
    let decimal = decimal(value)?;
    (decimal.fract().is_zero())
        .then(|| decimal.try_into().ok())
        .flatten()
}

/// Reads a span into seconds: a number in the member's own unit, or a .NET time span as text (`"30"` is 30 days,
/// `"1.02:00:00"` a day and two hours, whatever the unit).
pub fn span_secs(value: &Value, unit_secs: i64) -> Option<i64> {
    match value {
        Value::Number(_) => whole(value)?.checked_mul(unit_secs),
        Value::String(text) => time_span(text.trim()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// `[-]d`, or `[-][d.]hh:mm[:ss[.fraction]]`, in whole seconds.
fn time_span(text: &str) -> Option<i64> {
    let (sign, text) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    let Some((head, tail)) = text.split_once(':') else {
        return digits(text)?.checked_mul(86_400 * sign);
    };
    let (days, hours) = match head.split_once('.') {
        Some((days, hours)) => (digits(days)?, digits(hours)?),
        None => (0, digits(head)?),
    };
    let (minutes, seconds) = match tail.split_once(':') {
        Some((minutes, seconds)) => {
            let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, "0"));
            digits(fraction)?;
            (digits(minutes)?, digits(whole)?)
        }
        None => (digits(tail)?, 0),
    };
    if hours > 23 || minutes > 59 || seconds > 59 {
        return None;
    }
    days.checked_mul(86_400)?
        .checked_add(hours * 3_600 + minutes * 60 + seconds)?
        .checked_mul(sign)
}

fn digits(text: &str) -> Option<i64> {
    let only_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    only_digits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Value {
        serde_json::from_str(text).expect("JSON")
    }

    #[test]
    fn decimals_come_as_text_integer_or_float_and_keep_their_digits() {
        let rows = [
            (r#""1.00000000""#, Some("1.00000000")),
            ("0.1", Some("0.1")),
            ("0.00000001", Some("0.00000001")),
            ("1e-8", Some("0.00000001")),
            ("1.2E3", Some("1200")),
            (
                "12345678901234567890.12345678",
                Some("12345678901234567890.12345678"),
            ),
            ("-5", Some("-5")),
            ("1e400", None),
            ("1e29", None),
            ("99999999999999999999999999999999", None),
            (r#""""#, None),
            (r#""1,5""#, None),
            (r#""NaN""#, None),
            ("true", None),
            ("[1]", None),
        ];
        for (text, expected) in rows {
            assert_eq!(
                decimal(&read(text))
                    .map(|number| number.to_string())
                    .as_deref(),
                expected,
                "{text}"
            );
        }
    }

    #[test]
    fn spans_are_in_their_unit_as_numbers_and_net_time_spans_as_text() {
        let rows = [
            ("900", 1, Some(900)),
            ("15", 60, Some(900)),
            ("30", 86_400, Some(30 * 86_400)),
            (r#""30""#, 60, Some(30 * 86_400)),
            (r#""00:10:00""#, 60, Some(600)),
            (r#""1.02:00:00""#, 1, Some(86_400 + 7_200)),
            (r#""-00:00:01""#, 1, Some(-1)),
            (r#""00:00:01.5000000""#, 1, Some(1)),
            (r#""25:00:00""#, 1, None),
            (r#""abc""#, 1, None),
            ("1.5", 60, None),
            ("9223372036854775807", 60, None),
        ];
        for (text, unit, expected) in rows {
            assert_eq!(span_secs(&read(text), unit), expected, "{text}");
        }
    }

    #[test]
    fn decimals_go_out_as_text_and_numbers_as_numbers() {
        let amount: Decimal = "1.00".parse().expect("decimal");
        assert_eq!(
            serde_json::to_string(&Dec(amount)).expect("writes"),
            r#""1.00""#
        );
        assert_eq!(serde_json::to_string(&Num(amount)).expect("writes"), "1.00");
    }
}
