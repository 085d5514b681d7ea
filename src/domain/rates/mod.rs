//! What one currency costs in another, by a store's rules.
//!
//! A source (an exchange, or the operator's own table) publishes quotes: a bid and an ask for a pair. A store's script
//! says which quotes make its rates; without one there is a script for its preferred source. Everything is exact to the
//! 28 digits of a decimal, and nothing here fetches: quotes are handed in.
//!
//! ```text
//! script ──parse──► Rules ──price(pair, quotes)──► bid and ask, the sources asked
//! ```

mod board;
mod evaluate;
mod lexer;
mod parse;
mod quote;
mod settings;

use std::fmt;

pub use board::{BACK_OFF_SECS_MAX, Board, CLOCK_SLACK_SECS, SourceState};
pub use evaluate::{NESTING_MAX, Priced};
pub use parse::{Expression, Rules, SCRIPT_BYTES_MAX, ScriptError};
pub use quote::BidAsk;
pub use settings::{Fallback, RuleSet, StoreRates, script_of};

use super::money::Currency;

/// A pair of currencies: `BTC_USD` is how many dollars a bitcoin costs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pair {
    /// What is priced.
    pub base: Currency,
    /// What it is priced in.
    pub quote: Currency,
}

impl Pair {
    /// Bitcoin in a currency.
    pub const fn of_bitcoin(quote: Currency) -> Self {
        Self {
            base: Currency::BTC,
            quote,
        }
    }

    /// `BTC_USD`, in either case; `BTCUSD` too if both halves are known currencies of three letters.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some((base, quote)) = text.split_once('_') {
            return Some(Self {
                base: Currency::unit(base).ok()?,
                quote: Currency::unit(quote).ok()?,
            });
        }
        let (base, quote) = text.split_at_checked(3)?;
        Some(Self {
            base: base.parse().ok()?,
            quote: quote.parse().ok()?,
        })
    }

    /// The other way round.
    #[must_use]
    pub const fn inverse(self) -> Self {
        Self {
            base: self.quote,
            quote: self.base,
        }
    }

    /// The price where it is a fact and no rate: of a currency in itself, and of bitcoin under its two names.
    pub fn fact(self) -> Option<BidAsk> {
        if self.base == self.quote {
            return Some(BidAsk::ONE);
        }
        let base = BidAsk::exact(self.base.fixed_per_btc()?);
        let quote = BidAsk::exact(self.quote.fixed_per_btc()?);
        quote.over(base)
    }
}

impl fmt::Display for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", self.base, self.quote)
    }
}

impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why rules give no rate (Greenfield 5.14).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RateError {
    /// No rule of the script is for this pair.
    NoRuleMatch,
    /// Rules refer to each other too deeply, or in a circle.
    TooMuchNestedCalls,
    /// A source has no fresh quote, or the expression gives no positive price.
    RateUnavailable,
    /// What a source is asked for is no pair.
    InvalidCurrencyPair,
}

impl RateError {
    /// Greenfield's name of it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoRuleMatch => "ERR_NO_RULE_MATCH",
            Self::TooMuchNestedCalls => "ERR_TOO_MUCH_NESTED_CALLS",
            Self::RateUnavailable => "ERR_RATE_UNAVAILABLE",
            Self::InvalidCurrencyPair => "ERR_INVALID_CURRENCY_PAIR",
        }
    }
}

#[cfg(test)]
mod tests;
