//! Requests as they come in: bodies, queries, paths.
//!
//! A body is read member by member, so that everything wrong with it is told at once, by its path (Greenfield 1.8).

use std::collections::BTreeSet;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use rust_decimal::Decimal;
use serde_json::{Map, Value};

use super::error::{ApiError, Fault, GENERIC};
use super::number;
use crate::domain::money::Currency;
use crate::domain::receipt::Rail;
use crate::domain::time::Timestamp;
use crate::http::AppState;

/// The latest time anyone may name: the end of the year 9999.
pub(super) const TIME_SECS_MAX: i64 = 253_402_300_799;

/// Which members of a request were read. The document is held against it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// Of the body, by path.
    pub body: BTreeSet<String>,
    /// Of the query.
    pub query: BTreeSet<String>,
}

/// Put into a request, it records what is read.
#[derive(Clone, Debug, Default)]
pub struct Recorder(Arc<Mutex<Asked>>);

impl Recorder {
    /// What was read so far.
    pub fn asked(&self) -> Asked {
        self.with(|asked| asked.clone())
    }

    fn with<T>(&self, act: impl FnOnce(&mut Asked) -> T) -> T {
        // What is recorded is whole at any time, also if another thread panicked.
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A JSON object as it came. Member names match in any case; nested ones are written `checkout.speedPolicy`.
#[derive(Clone, Debug, Default)]
pub struct Input {
    members: Map<String, Value>,
    faults: Vec<Fault>,
    recorder: Option<Recorder>,
}

impl FromRequest<AppState> for Input {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, ApiError> {
        let recorder = request.extensions().get().cloned();
        let bytes = read(request.into_body(), state).await?;
        Self::recorded(&bytes, recorder)
    }
}

/// The bytes of a body, up to the cap.
pub(super) async fn read(body: Body, state: &AppState) -> Result<Bytes, ApiError> {
    let max = state.gateway.limits.body_bytes;
    to_bytes(body, max).await.map_err(|_| {
        let message = format!("A body has at most {max} bytes.");
        ApiError::coded(StatusCode::PAYLOAD_TOO_LARGE, GENERIC, message)
    })
}

impl Input {
    /// Reads a body. None, and `null`, are an object without members.
    pub fn parse(bytes: &[u8]) -> Result<Self, ApiError> {
        if bytes.trim_ascii().is_empty() {
            return Ok(Self::default());
        }
        let members = match serde_json::from_slice(bytes) {
            Ok(Value::Object(members)) => members,
            Ok(Value::Null) => Map::new(),
            Ok(Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
                return Err(ApiError::fault("", "The body has to be a JSON object."));
            }
            Err(error) => {
                let message = format!("The body is not valid JSON: {error}.");
                return Err(ApiError::fault("", message));
            }
        };
        Ok(Self {
            members,
            ..Self::default()
        })
    }

    /// An object that stands in a body.
    pub fn from_members(members: Map<String, Value>) -> Self {
        Self {
            members,
            ..Self::default()
        }
    }

    /// Notes the faults of an object that stands in this body.
    pub fn take_faults(&mut self, path: &str, inner: Self) {
        let path = pascal_case(path);
        self.faults
            .extend(inner.faults.into_iter().map(|fault| Fault {
                path: format!("{path}.{}", fault.path),
                message: fault.message,
            }));
    }

    /// Reads a body, of which somebody wants to know what is read.
    pub(super) fn recorded(bytes: &[u8], recorder: Option<Recorder>) -> Result<Self, ApiError> {
        let input = Self::parse(bytes)?;
        Ok(Self { recorder, ..input })
    }

    /// Takes a value under an older name for the newer one, which wins if both are given (section 2).
    pub fn alias(&mut self, old: &str, new: &str) {
        if self.value(new).is_none()
            && let Some(value) = self.value(old)
        {
            self.members.insert(new.to_owned(), value);
        }
    }

    /// Notes a fault.
    pub fn refuse(&mut self, path: &str, message: impl Into<String>) {
        let path = pascal_case(path);
        if !self.faults.iter().any(|fault| fault.path == path) {
            self.faults.push(Fault {
                path,
                message: message.into(),
            });
        }
    }

    /// Every fault noted so far.
    pub fn refused(&self) -> ApiError {
        ApiError::invalid(self.faults.clone())
    }

    /// Every fault at once, if there was any.
    pub fn finish(self) -> Result<(), ApiError> {
        if self.faults.is_empty() {
            Ok(())
        } else {
            Err(ApiError::invalid(self.faults))
        }
    }

    /// A member as it came; `null` is absent.
    pub fn value(&self, path: &str) -> Option<Value> {
        if let Some(recorder) = &self.recorder {
            recorder.with(|asked| asked.body.insert(path.to_owned()));
        }
        let mut parts = path.split('.');
        let mut found = member(&self.members, parts.next()?)?;
        for part in parts {
            found = member(found.as_object()?, part)?;
        }
        (!found.is_null()).then(|| found.clone())
    }

    /// A member that has to be an object, where `null` is absent.
    pub fn object(&mut self, path: &str) -> Option<Map<String, Value>> {
        match self.value(path)? {
            Value::Object(members) => Some(members),
            _ => self.wrong(path, "This has to be a JSON object."),
        }
    }

    /// A text, as it came.
    pub fn text(&mut self, path: &str) -> Option<String> {
        match self.value(path)? {
            Value::String(text) => Some(text),
            Value::Number(number) => Some(number.to_string()),
            _ => self.wrong(path, "This has to be a text."),
        }
    }

    /// A text that is not empty; the empty one is absent.
    pub fn words(&mut self, path: &str) -> Option<String> {
        self.text(path).filter(|text| !text.trim().is_empty())
    }

    /// A truth, also as the text `true` or `false`.
    pub fn flag(&mut self, path: &str) -> Option<bool> {
        match self.given(path)? {
            Value::Bool(truth) => Some(truth),
            Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
            Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
            _ => self.wrong(path, "This has to be true or false."),
        }
    }

    /// An exact decimal.
    pub fn decimal(&mut self, path: &str) -> Option<Decimal> {
        let value = self.given(path)?;
        number::decimal(&value).or_else(|| self.wrong(path, "This has to be a decimal number."))
    }

    /// A whole number within bounds.
    pub fn whole(&mut self, path: &str, min: i64, max: i64) -> Option<i64> {
        let value = self.given(path)?;
        match number::whole(&value) {
            Some(number) if (min..=max).contains(&number) => Some(number),
            _ => self.wrong(
                path,
                format!("This has to be a whole number, {min} to {max}."),
            ),
        }
    }

    /// A span in seconds within bounds; a plain number is in `unit_secs`.
    pub fn span(&mut self, path: &str, unit_secs: i64, min: u32, max: u32) -> Option<u32> {
        let value = self.given(path)?;
        number::span_secs(&value, unit_secs)
            .and_then(|secs| u32::try_from(secs).ok())
            .filter(|secs| (min..=max).contains(secs))
            .or_else(|| {
                let (min, max) = (i64::from(min) / unit_secs, i64::from(max) / unit_secs);
                self.wrong(path, format!("This has to be from {min} to {max}."))
            })
    }

    /// An instant in Unix seconds.
    pub fn time(&mut self, path: &str) -> Option<Timestamp> {
        let secs = self.whole(path, 0, TIME_SECS_MAX)?;
        u64::try_from(secs).ok().map(Timestamp::from_secs)
    }

    /// A value of a named kind: a currency, a speed policy, …
    pub fn parsed<T: FromStr<Err: std::fmt::Display>>(&mut self, path: &str) -> Option<T> {
        let text = self.words(path)?;
        match text.trim().parse() {
            Ok(value) => Some(value),
            Err(error) => self.wrong(path, format!("{error}.")),
        }
    }

    /// A currency.
    pub fn currency(&mut self, path: &str) -> Option<Currency> {
        self.parsed(path)
    }

    /// A list of texts.
    pub fn texts(&mut self, path: &str) -> Option<Vec<String>> {
        let items = match self.given(path)? {
            Value::Array(items) => items,
            single @ Value::String(_) => vec![single],
            _ => return self.wrong(path, "This has to be a list."),
        };
        let mut texts = Vec::with_capacity(items.len());
        for (place, item) in items.into_iter().enumerate() {
            match item {
                Value::String(text) => texts.push(text),
                _ => self.refuse(&format!("{path}[{place}]"), "This has to be a text."),
            }
        }
        Some(texts)
    }

    /// A list of method ids, without repetitions (1.4, section 2).
    pub fn rails(&mut self, path: &str) -> Option<Vec<Rail>> {
        let mut rails = Vec::new();
        for (place, text) in self.texts(path)?.into_iter().enumerate() {
            match text.parse::<Rail>() {
                Ok(rail) if rails.contains(&rail) => {}
                Ok(rail) => rails.push(rail),
                Err(error) => self.refuse(&format!("{path}[{place}]"), format!("{error}.")),
            }
        }
        Some(rails)
    }

    /// A member that is there: neither `null` nor an empty text.
    fn given(&self, path: &str) -> Option<Value> {
        self.value(path).filter(|value| value.as_str() != Some(""))
    }

    fn wrong<T>(&mut self, path: &str, message: impl Into<String>) -> Option<T> {
        self.refuse(path, message);
        None
    }
}

fn member<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    members.get(name).or_else(|| {
        members
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    })
}

/// `checkout.speedPolicy` is `Checkout.SpeedPolicy` in a fault.
fn pascal_case(path: &str) -> String {
    path.split('.')
        .map(|part| {
            let mut chars = part.chars();
            match chars.next() {
                Some(first) => first.to_uppercase().chain(chars).collect(),
                None => String::new(),
            }
        })
        .collect::<Vec<String>>()
        .join(".")
}

/// The query: repeated keys are lists. Faults keep the query's spelling.
#[derive(Clone, Debug, Default)]
pub struct Params(Vec<(String, String)>, Option<Recorder>);

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let recorder = parts.extensions.get().cloned();
        Query::<Vec<(String, String)>>::from_request_parts(parts, state)
            .await
            .map(|Query(pairs)| Self(pairs, recorder))
            .map_err(|error| ApiError::fault("", error.to_string()))
    }
}

impl Params {
    /// All values of a key; empty ones are absent.
    pub fn all(&self, name: &str) -> Vec<&str> {
        if let Some(recorder) = &self.1 {
            recorder.with(|asked| asked.query.insert(name.to_owned()));
        }
        self.0
            .iter()
            .filter(|(key, value)| {
                key.trim_end_matches("[]").eq_ignore_ascii_case(name) && !value.is_empty()
            })
            .map(|(_, value)| value.as_str())
            .collect()
    }

    /// The first value of a key.
    pub fn first(&self, name: &str) -> Option<&str> {
        self.all(name).first().copied()
    }

    /// A truth in any case.
    pub fn flag(&self, name: &str) -> Result<Option<bool>, ApiError> {
        self.first(name)
            .map(|text| {
                text.to_ascii_lowercase()
                    .parse()
                    .map_err(|_| ApiError::fault(name, "This has to be true or false."))
            })
            .transpose()
    }

    /// A count, at least zero.
    pub fn count(&self, name: &str) -> Result<Option<usize>, ApiError> {
        self.first(name)
            .map(|text| {
                text.parse()
                    .map_err(|_| ApiError::fault(name, "This has to be a whole number from 0."))
            })
            .transpose()
    }

    /// An instant in Unix seconds.
    pub fn time(&self, name: &str) -> Result<Option<Timestamp>, ApiError> {
        self.first(name)
            .map(|text| {
                text.parse()
                    .map(Timestamp::from_secs)
                    .map_err(|_| ApiError::fault(name, "This has to be a Unix time in seconds."))
            })
            .transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_may_be_missing_but_not_broken() {
        for empty in ["", " \n", "null", "{}"] {
            assert!(Input::parse(empty.as_bytes()).is_ok(), "{empty}");
        }
        let deep = "[".repeat(100_000);
        for broken in ["{", "[]", "1", "\"a\"", "{\"a\":}", "\u{0}", &deep] {
            assert!(Input::parse(broken.as_bytes()).is_err(), "{broken:.20}");
        }
        assert!(Input::parse(&[0xff, 0xfe]).is_err());
    }

    #[test]
    fn every_fault_is_told_by_its_path() {
        let body = r#"{"amount":"x","checkout":{"speedPolicy":7,"paymentMethods":["BTC-LN","DOGE"]},"bolt11Expiration":true}"#;
        let mut input = Input::parse(body.as_bytes()).expect("JSON");
        assert_eq!(input.decimal("amount"), None);
        assert_eq!(
            input.rails("checkout.paymentMethods"),
            Some(vec![Rail::Lightning])
        );
        assert_eq!(input.span("BOLT11Expiration", 86_400, 0, 86_400), None);
        let paths: Vec<_> = input
            .faults
            .iter()
            .map(|fault| fault.path.as_str())
            .collect();
        assert_eq!(
            paths,
            ["Amount", "Checkout.PaymentMethods[1]", "BOLT11Expiration"]
        );
        assert!(input.finish().is_err());
    }

    #[test]
    fn names_match_in_any_case_and_the_newer_name_wins() {
        let mut input =
            Input::parse(br#"{"PaymentMethod":"BTC","Currency":"","payoutMethods":null}"#)
                .expect("JSON");
        input.alias("paymentMethod", "payoutMethodId");
        assert_eq!(input.parsed::<Rail>("payoutMethodId"), Some(Rail::Onchain));
        assert_eq!(input.currency("currency"), None);
        assert_eq!(input.rails("payoutMethods"), None);
        assert!(input.finish().is_ok());
    }
}
