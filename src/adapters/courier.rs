//! Messages over HTTP (Greenfield 5.5).

use std::error::Error;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::Client;
use reqwest::header::{CONTENT_TYPE, HeaderValue};

use super::guard;
use crate::domain::webhook::Outcome;
use crate::ports::courier::{BadUrl, Courier, Parcel, Reach};

/// From the first byte to the last of the answer's head.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The most that is read of an answer, in bytes: nobody looks at it, but a connection whose answer was read can be used
/// again.
const ANSWER_MAX: usize = 64 * 1_024;

/// What of an error's reason is kept, in characters.
const WHY_CHARS_MAX: usize = 300;

/// Receivers look for this beginning.
const USER_AGENT: &str = concat!("BTCPayServer/2.4.1 Tollway/", env!("CARGO_PKG_VERSION"));

/// Carries messages by HTTP.
pub struct HttpCourier {
    anywhere: Client,
    public: Client,
}

impl Default for HttpCourier {
    fn default() -> Self {
        Self {
            anywhere: guard::client(Reach::Anywhere, TIMEOUT, USER_AGENT),
            public: guard::client(Reach::Public, TIMEOUT, USER_AGENT),
        }
    }
}

#[async_trait]
impl Courier for HttpCourier {
    fn check(&self, url: &str, reach: Reach) -> Result<(), BadUrl> {
        guard::check(url, reach).map(drop)
    }

    async fn deliver(&self, parcel: Parcel) -> Outcome {
        let url = match guard::check(&parcel.url, parcel.reach) {
            Ok(url) => url,
            Err(BadUrl(why)) => return Outcome::NotSent(why),
        };
        let Ok(signature) = HeaderValue::try_from(parcel.signature) else {
            return Outcome::NotSent("The signature can't be sent.".to_owned());
        };
        let client = match parcel.reach {
            Reach::Anywhere => &self.anywhere,
            Reach::Public => &self.public,
        };
        let request = client
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .header("BTCPay-Sig", signature)
            .body(parcel.body);
        match request.send().await {
            Ok(mut answer) => {
                let code = answer.status().as_u16();
                let mut read = 0;
                while let Ok(Some(piece)) = answer.chunk().await {
                    read += piece.len();
                    if read > ANSWER_MAX {
                        break;
                    }
                }
                Outcome::Answered(code)
            }
            Err(error) => Outcome::NoAnswer(why(&error)),
        }
    }
}

/// An error and its causes, without the URL, which may hold somebody's password.
fn why(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "It did not answer in time.".to_owned();
    }
    let mut words = Vec::new();
    let mut cause = error.source();
    while let Some(next) = cause {
        words.push(next.to_string());
        cause = next.source();
    }
    if words.is_empty() {
        words.push("The request failed".to_owned());
    }
    words.join(": ").chars().take(WHY_CHARS_MAX).collect()
}
