//! Asking a source over HTTP: one answer, bounded in time and size.

use std::time::Duration;

use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode};
use serde_json::Value;

use crate::ports::rates::FetchError;

/// A source that has not answered completely by then has failed.
const TIMEOUT: Duration = Duration::from_secs(15);

/// No source says so much.
pub(super) const ANSWER_BYTES_MAX: usize = 4 * 1_024 * 1_024;

/// Who we are to the source.
const AGENT: &str = concat!("tollway/", env!("CARGO_PKG_VERSION"));

/// A client for one source; it follows nobody elsewhere.
pub(super) fn client() -> Result<Client, FetchError> {
    Client::builder()
        .timeout(TIMEOUT)
        .redirect(Policy::none())
        .user_agent(AGENT)
        .build()
        .map_err(|error| FetchError::new(told(&error)))
}

/// The JSON behind an address.
pub(super) async fn json(client: &Client, url: &str) -> Result<Value, FetchError> {
    let mut answer = client
        .get(url)
        .send()
        .await
        .map_err(|error| FetchError::new(told(&error)))?;
    let status = answer.status();
    if status != StatusCode::OK {
        return Err(FetchError {
            why: format!("it answered {status}"),
            retry_after_secs: retry_after(answer.headers()),
        });
    }
    let mut body = Vec::new();
    while let Some(chunk) = answer
        .chunk()
        .await
        .map_err(|error| FetchError::new(told(&error)))?
    {
        if body.len() + chunk.len() > ANSWER_BYTES_MAX {
            let why = format!("its answer is longer than {ANSWER_BYTES_MAX} bytes");
            return Err(FetchError::new(why));
        }
        body.extend_from_slice(&chunk);
    }
    serde_json::from_slice(&body)
        .map_err(|error| FetchError::new(format!("its answer is no JSON: {error}")))
}

/// How many seconds the source wants to be left alone. The form with a date is not read.
fn retry_after(headers: &HeaderMap) -> Option<u64> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()
}

/// An error with what caused it, without the address.
fn told(error: &reqwest::Error) -> String {
    let mut text = if error.is_timeout() {
        "no answer in time".to_owned()
    } else if error.is_connect() {
        "no connection".to_owned()
    } else {
        "the answer broke off".to_owned()
    };
    let mut cause = std::error::Error::source(error);
    while let Some(one) = cause {
        text.push_str(": ");
        text.push_str(&one.to_string());
        cause = one.source();
    }
    text
}
