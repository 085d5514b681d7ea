//! What a store's rules make of the quotes at hand. Nothing here waits: quotes are fetched by a keeper.

use std::sync::{Mutex, PoisonError};

use rust_decimal::Decimal;

use super::Gateway;
use super::store::StoreRefusal;
use crate::domain::ids::StoreId;
use crate::domain::invoice::{Rated, TrackedRate};
use crate::domain::money::{Currency, Rate};
use crate::domain::rates::{
    BidAsk, Board, Expression, Fallback, Pair, Priced, RateError, RuleSet, Rules, StoreRates,
};
use crate::domain::store::Store;
use crate::domain::time::Timestamp;
use crate::store;

/// The quotes at hand, shared by the keeper that fetches them and everyone who asks.
#[derive(Debug)]
pub struct RateBoard {
    board: Mutex<Board>,
    /// The sources' ids, in the order in which they are asked where a store says nothing.
    order: Vec<String>,
}

impl RateBoard {
    /// A board, and in which order its sources are asked where a store says nothing.
    pub const fn new(board: Board, order: Vec<String>) -> Self {
        Self {
            board: Mutex::new(board),
            order,
        }
    }

    /// Looks at the board, or writes on it. Not for long: everyone waits meanwhile.
    pub fn with<T>(&self, act: impl FnOnce(&mut Board) -> T) -> T {
        // What a panic left behind is whole: the board is changed by single inserts.
        act(&mut self.board.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The source of stores that prefer none.
    pub fn usual(&self) -> &str {
        self.order.first().map_or("kraken", String::as_str)
    }

    /// Whether there is such a source here.
    pub fn has(&self, id: &str) -> bool {
        self.order.iter().any(|known| known == id)
    }

    /// Ids and names of the sources, in order.
    pub fn sources(&self) -> Vec<(String, String)> {
        self.with(|board| {
            let name = |id: &str| board.sources().find(|(known, _)| *known == id);
            self.order
                .iter()
                .filter_map(|id| name(id).map(|(_, source)| (id.clone(), source.name.clone())))
                .collect()
        })
    }

    /// The rules that are asked when the first ones give no rate; `None` if nobody is.
    pub fn fallback(&self, rates: &StoreRates) -> Option<RuleSet> {
        match &rates.fallback {
            Fallback::Off => None,
            Fallback::On(rules) => Some(rules.clone()),
            Fallback::Usual => {
                let first = rates.primary.source(self.usual());
                let next = self.order.iter().find(|id| *id != first)?;
                Some(RuleSet {
                    spread_percent: rates.primary.spread_percent,
                    ..RuleSet::of_source(next)
                })
            }
        }
    }
}

/// What rules give, with the sources that were asked.
pub type Price = Result<Priced, Vec<RateError>>;

/// The price of bitcoin that an invoice is made at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PricedRate {
    /// Units of the currency per BTC.
    pub rate: Rate,
    /// Ids of the sources that it comes from; none where it is a fact or a number of the script.
    pub sources: Vec<String>,
}

/// Which of a store's two sets of rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhichRules {
    /// Asked first.
    Primary,
    /// Asked when those give no rate.
    Fallback,
}

/// Why there is no rate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RateRefusal {
    /// 422 `RateRule`: it does not parse.
    #[error("The rate rule can't be read: {0}.")]
    Rule(String),
    /// 400 `rate-unavailable`, of an invoice `rate-failure`.
    #[error("{0}")]
    Unavailable(String),
}

impl Gateway {
    /// What a pair costs by a store's rules, with its spread: the first rules, then the fallback.
    pub fn store_rate(&self, rates: &StoreRates, pair: Pair) -> Price {
        let first = self.rate_by_rules(&rates.primary, pair, true);
        self.or_by_fallback(first, rates, |rules| self.rate_by_rules(rules, pair, true))
    }

    /// What a pair costs by one set of rules, with its spread or without.
    pub fn rate_by_rules(&self, rules: &RuleSet, pair: Pair, with_spread: bool) -> Price {
        let read = read(rules, self.rates.usual());
        let priced = self.with_quotes(|quotes| read.price(pair, quotes))?;
        // A fact is no offer.
        if !with_spread || rules.spread_percent.is_zero() || pair.fact().is_some() {
            return Ok(priced);
        }
        let spread = priced.quote.spread(rules.spread_percent);
        match spread.filter(|quote| quote.is_price()) {
            Some(quote) => Ok(Priced {
                quote: quote.normalize(),
                ..priced
            }),
            None => Err(vec![RateError::RateUnavailable]),
        }
    }

    /// The rate that an invoice of a store is made at: the bid, with the store's spread.
    pub fn invoice_rate(
        &self,
        shop: &Store,
        currency: Currency,
    ) -> Result<PricedRate, RateRefusal> {
        let pair = Pair::of_bitcoin(currency);
        let rates = shop.settings.rates.clone().unwrap_or_default();
        match self.store_rate(&rates, pair) {
            Ok(priced) => positive(priced.quote.bid())
                .map(|rate| PricedRate {
                    rate,
                    sources: priced.sources,
                })
                .ok_or_else(|| self.unavailable(pair, &[RateError::RateUnavailable])),
            Err(errors) => Err(self.unavailable(pair, &errors)),
        }
    }

    /// What is to be noted with an invoice about its rate; nothing where there is nothing to say.
    pub(super) fn rated(&self, shop: &Store, sources: Vec<String>) -> Option<Rated> {
        let codes = shop.settings.tracked_rates.iter().flatten();
        let tracked: Vec<TrackedRate> = codes
            .filter_map(|code| {
                let currency = Currency::unit(code).ok()?;
                let rate = self.invoice_rate(shop, currency).ok()?.rate.into();
                Some(TrackedRate { currency, rate })
            })
            .collect();
        let said = !sources.is_empty() || !tracked.is_empty();
        said.then_some(Rated { sources, tracked })
    }

    /// The rate that a payout is approved at: the ask, without the store's spread (D19). A rule given with the
    /// approval stands for the store's own rule of that pair (Greenfield 5.9).
    pub fn approval_rate(
        &self,
        shop: &Store,
        original: Currency,
        rule: Option<&str>,
    ) -> Result<Rate, RateRefusal> {
        let formula = rule
            .filter(|text| !text.trim().is_empty())
            .map(Expression::parse)
            .transpose()
            .map_err(|error| RateRefusal::Rule(error.to_string()))?;
        let pair = Pair::of_bitcoin(original);
        if let Some(fact) = pair.fact() {
            return positive(fact.ask())
                .ok_or_else(|| self.unavailable(pair, &[RateError::RateUnavailable]));
        }
        let rates = shop.settings.rates.clone().unwrap_or_default();
        let by = |rules: &RuleSet| match &formula {
            Some(formula) => {
                let read = read(rules, self.rates.usual());
                self.with_quotes(|quotes| read.price_by(formula, pair, quotes))
            }
            None => self.rate_by_rules(rules, pair, false),
        };
        match self.or_by_fallback(by(&rates.primary), &rates, by) {
            Ok(priced) => positive(priced.quote.ask())
                .ok_or_else(|| self.unavailable(pair, &[RateError::RateUnavailable])),
            Err(errors) => Err(self.unavailable(pair, &errors)),
        }
    }

    /// Changes one set of rules; `None` is as for a new store, of the fallback it is nobody.
    pub async fn set_rates(
        &self,
        id: StoreId,
        which: WhichRules,
        rules: Option<RuleSet>,
    ) -> Result<Store, StoreRefusal> {
        self.store
            .try_write("store-rates", move |tx| {
                let mut shop = store::settings::get(tx, id).ok_or(StoreRefusal::Unknown)?;
                let mut rates = shop.settings.rates.take().unwrap_or_default();
                match which {
                    WhichRules::Primary => rates.primary = rules.unwrap_or_default(),
                    WhichRules::Fallback => {
                        rates.fallback = rules.map_or(Fallback::Off, Fallback::On);
                    }
                }
                shop.settings.rates = Some(rates);
                store::settings::put(tx, &shop);
                Ok(shop)
            })
            .await
    }

    /// The errors of the first rules are the ones that are told.
    fn or_by_fallback(
        &self,
        first: Price,
        rates: &StoreRates,
        by: impl FnOnce(&RuleSet) -> Price,
    ) -> Price {
        first.or_else(|errors| match self.rates.fallback(rates) {
            Some(rules) => by(&rules).map_err(|_| errors),
            None => Err(errors),
        })
    }

    fn with_quotes<T>(&self, ask: impl FnOnce(&dyn Fn(&str, Pair) -> Option<BidAsk>) -> T) -> T {
        let now: Timestamp = self.now();
        self.rates
            .with(|board| ask(&|source, pair| board.quote(source, pair, now)))
    }

    fn unavailable(&self, pair: Pair, errors: &[RateError]) -> RateRefusal {
        let names: Vec<&str> = errors.iter().map(|error| error.name()).collect();
        let mut message = format!(
            "There is no rate for {} now ({}).",
            pair.quote,
            names.join(", ")
        );
        self.rates.with(|board| {
            for (_, source) in board.sources() {
                if source.trouble.is_some() {
                    message.push_str(&format!(" {} does not answer.", source.name));
                }
            }
        });
        RateRefusal::Unavailable(message)
    }
}

fn positive(number: Decimal) -> Option<Rate> {
    Rate::new(number)
}

/// A script is parsed before it is stored; one that does not parse has no rule for anything.
fn read(rules: &RuleSet, usual: &str) -> Rules {
    Rules::parse(&rules.effective_script(usual)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_source_is_asked_with_the_same_spread_unless_there_is_none() {
        let mut board = Board::new(600, 60);
        board.add("kraken", "Kraken");
        board.add("coingecko", "CoinGecko");
        let names = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
        let both = RateBoard::new(board.clone(), names(&["kraken", "coingecko"]));
        let alone = RateBoard::new(board, names(&["kraken"]));
        let spread_percent = Decimal::from(3);
        let of = |source: Option<&str>, fallback| StoreRates {
            primary: RuleSet {
                spread_percent,
                preferred_source: source.map(str::to_owned),
                script: None,
            },
            fallback,
        };
        let own = RuleSet::of_source("kraken");
        for (board, rates, expected) in [
            (
                &both,
                of(None, Fallback::Usual),
                Some(("coingecko", spread_percent)),
            ),
            (
                &both,
                of(Some("coingecko"), Fallback::Usual),
                Some(("kraken", spread_percent)),
            ),
            (&alone, of(None, Fallback::Usual), None),
            (&both, of(None, Fallback::Off), None),
            (
                &both,
                of(None, Fallback::On(own)),
                Some(("kraken", Decimal::ZERO)),
            ),
        ] {
            let found = board.fallback(&rates);
            let found = found
                .as_ref()
                .map(|rules| (rules.source("?"), rules.spread_percent));
            assert_eq!(found, expected, "{rates:?}");
        }
        assert_eq!((both.usual(), both.has("fixed")), ("kraken", false));
        assert_eq!(
            both.sources()[1],
            ("coingecko".to_owned(), "CoinGecko".to_owned())
        );
    }
}
