//! Kraken's public ticker: `GET /0/public/Ticker` gives bid and ask of all its pairs.

use async_trait::async_trait;
use reqwest::Client;
use serde_json::Value;

use super::{http, positive};
use crate::domain::money::Currency;
use crate::domain::rates::{BidAsk, Pair};
use crate::ports::rates::{FetchError, RateSource};

/// Where Kraken is reached.
pub const KRAKEN_URL: &str = "https://api.kraken.com";

/// What pairs are quoted in, longest first: of `XBTPYUSD` the quote is `PYUSD`.
const QUOTES: &[&str] = &[
    "PYUSD", "EUROP", "RLUSD", "USDT", "USDC", "USDG", "USDQ", "USDR", "USDD", "USDS", "EURR",
    "EURQ", "EURC", "TUSD", "ZUSD", "ZEUR", "ZCAD", "ZGBP", "ZJPY", "ZAUD", "XXBT", "XETH", "USD",
    "EUR", "GBP", "CAD", "CHF", "AUD", "JPY", "AED", "BRL", "ARS", "COP", "CLP", "MXN", "TRY",
    "PLN", "CZK", "XBT", "ETH", "DAI",
];

/// Kraken.
pub struct Kraken {
    client: Client,
    url: String,
}

impl Kraken {
    /// Kraken, or who speaks like it, at a base URL without a path.
    pub fn at(url: &str) -> Result<Self, FetchError> {
        Ok(Self {
            client: http::client()?,
            url: format!("{}/0/public/Ticker", url.trim_end_matches('/')),
        })
    }
}

#[async_trait]
impl RateSource for Kraken {
    fn id(&self) -> &'static str {
        "kraken"
    }

    fn name(&self) -> &'static str {
        "Kraken"
    }

    async fn fetch(&self) -> Result<Vec<(Pair, BidAsk)>, FetchError> {
        read(&http::json(&self.client, &self.url).await?)
    }
}

/// `{"error":[],"result":{"XXBTZUSD":{"a":["30300.1","1","1.000"],"b":["30300.0",…],…},…}}`. Pairs that don't read are
/// left out.
fn read(answer: &Value) -> Result<Vec<(Pair, BidAsk)>, FetchError> {
    if let Some(error) = answer["error"].as_array().and_then(|errors| errors.first()) {
        let told: String = error.to_string().chars().take(200).collect();
        return Err(FetchError::new(format!("it refused: {told}")));
    }
    let tickers = answer["result"].as_object();
    let tickers = tickers.ok_or_else(|| FetchError::new("its answer has another form"))?;
    let quotes: Vec<_> = tickers
        .iter()
        .filter_map(|(name, ticker)| {
            let quote = BidAsk::new(positive(&ticker["b"][0])?, positive(&ticker["a"][0])?)?;
            Some((pair_of(name)?, quote))
        })
        .collect();
    if quotes.is_empty() {
        return Err(FetchError::new("its answer has no price"));
    }
    Ok(quotes)
}

/// `XXBTZUSD`, `XBTCHF`, `USDTZUSD`: two codes without anything between.
fn pair_of(name: &str) -> Option<Pair> {
    let halves = match name.as_bytes() {
        // The older names: X before what is no state's money, Z before what is.
        [b'X' | b'Z', _, _, _, b'X' | b'Z', _, _, _] => name.split_at_checked(4),
        _ => QUOTES.iter().find_map(|quote| {
            let base = name.strip_suffix(quote)?;
            Some((base, *quote))
        }),
    };
    let (base, quote) = halves?;
    Some(Pair {
        base: unit_of(base)?,
        quote: unit_of(quote)?,
    })
}

fn unit_of(code: &str) -> Option<Currency> {
    let code = match code.as_bytes() {
        [b'X' | b'Z', _, _, _] => &code[1..],
        _ => code,
    };
    match code {
        "XBT" => Some(Currency::BTC),
        "XDG" => Currency::unit("DOGE").ok(),
        other => Currency::unit(other).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Value {
        serde_json::from_str(text).expect("JSON")
    }

    #[test]
    fn kraken_s_names_of_pairs() {
        for (name, expected) in [
            ("XXBTZUSD", Some("BTC_USD")),
            ("XXBTZEUR", Some("BTC_EUR")),
            ("XXBTZJPY", Some("BTC_JPY")),
            ("XBTCHF", Some("BTC_CHF")),
            ("XBTAUD", Some("BTC_AUD")),
            ("XBTUSDT", Some("BTC_USDT")),
            ("XBTPYUSD", Some("BTC_PYUSD")),
            ("XETHXXBT", Some("ETH_BTC")),
            ("XETHZUSD", Some("ETH_USD")),
            ("ETHCHF", Some("ETH_CHF")),
            ("XXDGZUSD", Some("DOGE_USD")),
            ("XDGEUR", Some("DOGE_EUR")),
            ("XDGUSD", Some("DOGE_USD")),
            ("ZEURZUSD", Some("EUR_USD")),
            ("EURCHF", Some("EUR_CHF")),
            ("USDTZUSD", Some("USDT_USD")),
            ("USDTEUR", Some("USDT_EUR")),
            ("ZUSDZJPY", Some("USD_JPY")),
            ("WBTCXBT", Some("WBTC_BTC")),
            ("1INCHUSD", None),
            ("XBT.MUSD", None),
            ("USD", None),
            ("", None),
            ("\u{e9}\u{e9}\u{e9}\u{e9}", None),
            ("X\u{e9}\u{e9}Z\u{e9}", None),
        ] {
            let shown = pair_of(name).map(|pair| pair.to_string());
            assert_eq!(shown.as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn tickers_are_read_exactly_and_nonsense_is_left_out() {
        let answer = r#"{"error":[],"result":{
            "XXBTZUSD":{"a":["61234.70000","1","1.000"],"b":["61234.60000","3","3.000"],"c":["61234.6","0.1"]},
            "XBTCHF":{"a":["2","1","1"],"b":["3","1","1"]},
            "XBTAUD":{"a":["0.0","1","1"],"b":["0.0","1","1"]},
            "XXBTZEUR":{"a":["-5"],"b":["-6"]},
            "XXBTZGBP":{"a":[],"b":{}},
            "XXBTZCAD":7,
            "XXBTZJPY":{"a":["99999999999999999999999999999999"],"b":["1"]},
            "NONSENSE":{"a":["2"],"b":["1"]},
            "XETHZUSD":{"a":[2],"b":[1.5]}
        }}"#;
        let quotes = read(&json(answer)).expect("reads");
        let shown: Vec<String> = quotes
            .iter()
            .map(|(pair, quote)| format!("{pair} {} {}", quote.bid(), quote.ask()))
            .collect();
        assert_eq!(shown, ["BTC_USD 61234.60000 61234.70000", "ETH_USD 1.5 2"]);
    }

    #[test]
    fn an_answer_without_a_price_is_a_failure() {
        for answer in [
            r#"{"error":["EGeneral:Too many requests"],"result":{"XXBTZUSD":{"a":["2"],"b":["1"]}}}"#,
            r#"{"error":[],"result":{}}"#,
            r#"{"error":[]}"#,
            r#"{"result":[]}"#,
            "[]",
            "null",
            "7",
        ] {
            assert!(read(&json(answer)).is_err(), "{answer}");
        }
    }
}
