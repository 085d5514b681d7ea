//! `CoinGecko`'s price of bitcoin in every currency: `GET /exchange_rates`. It publishes one number, not bid and ask.

use async_trait::async_trait;
use reqwest::Client;
use serde_json::Value;

use super::{http, positive};
use crate::domain::money::Currency;
use crate::domain::rates::{BidAsk, Pair};
use crate::ports::rates::{FetchError, RateSource};

/// Where `CoinGecko`'s free interface is reached.
pub const COINGECKO_URL: &str = "https://api.coingecko.com/api/v3";

/// `CoinGecko`.
pub struct CoinGecko {
    client: Client,
    url: String,
}

impl CoinGecko {
    /// `CoinGecko`, or who speaks like it, at a base URL with the version's path.
    pub fn at(url: &str) -> Result<Self, FetchError> {
        Ok(Self {
            client: http::client()?,
            url: format!("{}/exchange_rates", url.trim_end_matches('/')),
        })
    }
}

#[async_trait]
impl RateSource for CoinGecko {
    fn id(&self) -> &'static str {
        "coingecko"
    }

    fn name(&self) -> &'static str {
        "CoinGecko"
    }

    async fn fetch(&self) -> Result<Vec<(Pair, BidAsk)>, FetchError> {
        read(&http::json(&self.client, &self.url).await?)
    }
}

/// `{"rates":{"usd":{"name":"US Dollar","unit":"$","value":61234.567,"type":"fiat"},…}}`. What does not read is left
/// out.
fn read(answer: &Value) -> Result<Vec<(Pair, BidAsk)>, FetchError> {
    let rates = answer["rates"].as_object();
    let rates = rates.ok_or_else(|| FetchError::new("its answer has another form"))?;
    let quotes: Vec<_> = rates
        .iter()
        .filter_map(|(code, rate)| {
            let currency = Currency::unit(code).ok()?;
            let value = positive(&rate["value"])?;
            // What a bitcoin is in bitcoin is no rate.
            let pair = Pair::of_bitcoin(currency);
            pair.fact()
                .is_none()
                .then_some((pair, BidAsk::exact(value)))
        })
        .collect();
    if quotes.is_empty() {
        return Err(FetchError::new("its answer has no price"));
    }
    Ok(quotes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Value {
        serde_json::from_str(text).expect("JSON")
    }

    #[test]
    fn values_are_read_exactly_and_nonsense_is_left_out() {
        let answer = r#"{"rates":{
            "btc":{"name":"Bitcoin","unit":"BTC","value":1.0,"type":"crypto"},
            "sats":{"name":"Satoshi","unit":"sats","value":100000000,"type":"crypto"},
            "usd":{"name":"US Dollar","unit":"$","value":61234.567,"type":"fiat"},
            "idr":{"value":1.0e9},
            "xau":{"value":"23.456"},
            "eur":{"value":0},
            "gbp":{"value":-5},
            "chf":{"value":null},
            "jpy":{"value":1e400},
            "cad":7,
            "not a code":{"value":5}
        }}"#;
        let mut shown: Vec<String> = read(&json(answer))
            .expect("reads")
            .iter()
            .map(|(pair, quote)| {
                assert_eq!(quote.bid(), quote.ask());
                format!("{pair} {}", quote.bid())
            })
            .collect();
        shown.sort_unstable();
        assert_eq!(
            shown,
            ["BTC_IDR 1000000000", "BTC_USD 61234.567", "BTC_XAU 23.456"]
        );
    }

    #[test]
    fn an_answer_without_a_price_is_a_failure() {
        for answer in [
            r#"{"status":{"error_code":429,"error_message":"too many"}}"#,
            r#"{"rates":{}}"#,
            r#"{"rates":{"btc":{"value":1}}}"#,
            r#"{"rates":[]}"#,
            "[]",
            "null",
        ] {
            assert!(read(&json(answer)).is_err(), "{answer}");
        }
    }
}
