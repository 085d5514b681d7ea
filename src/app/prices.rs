//! Which sources of prices there are, from the configuration.

use std::sync::Arc;

use super::StartError;
use crate::adapters::rates::{COINGECKO_URL, CoinGecko, KRAKEN_URL, Kraken};
use crate::config::Config;
use crate::domain::money::{Currency, Rate};
use crate::domain::rates::{BidAsk, Board, Pair};
use crate::ports::rates::{FetchError, RateSource};
use crate::service::rates::RateBoard;

/// The operator's own table, in scripts and in lists.
const FIXED: (&str, &str) = ("fixed", "Fixed prices");

/// The board, and who is to be asked for it.
type Market = (Arc<RateBoard>, Vec<Arc<dyn RateSource>>);

/// A board with every source on it, and the ones to fetch. The operator's own table is asked first if there is one.
pub(super) fn open(config: &Config) -> Result<Market, StartError> {
    let rates = &config.rates;
    let mut board = Board::new(rates.max_age_secs, rates.refresh_secs);
    let mut order = Vec::new();
    for (code, per_btc) in &rates.fixed {
        let wrong = |why: String| StartError::Config(format!("rates.fixed.{code}: {why}"));
        let currency: Currency = code
            .parse()
            .map_err(|error: crate::domain::money::UnknownCurrency| wrong(error.to_string()))?;
        let rate = Rate::new(*per_btc).ok_or_else(|| wrong("has to be positive".to_owned()))?;
        let quote = BidAsk::exact(rate.per_btc());
        board.fix(FIXED.0, FIXED.1, Pair::of_bitcoin(currency), quote);
    }
    if !rates.fixed.is_empty() {
        order.push(FIXED.0.to_owned());
    }
    let mut sources: Vec<Arc<dyn RateSource>> = Vec::new();
    let broken = |error: FetchError| StartError::Config(format!("rates: {error}"));
    if let Some(url) = rates.kraken.url(KRAKEN_URL, config.network) {
        sources.push(Arc::new(Kraken::at(url).map_err(broken)?));
    }
    if let Some(url) = rates.coingecko.url(COINGECKO_URL, config.network) {
        sources.push(Arc::new(CoinGecko::at(url).map_err(broken)?));
    }
    for source in &sources {
        board.add(source.id(), source.name());
        order.push(source.id().to_owned());
    }
    Ok((Arc::new(RateBoard::new(board, order)), sources))
}
