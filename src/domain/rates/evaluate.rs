//! Which rule is for a pair, and what it gives.
//!
//! First what is a fact, then the exact rule, the inverse of an exact rule, the implied rule of satoshi, `X_B`, `A_X`,
//! their inverses, `X_X`.

use std::collections::BTreeSet;

use super::parse::{Expression, Pattern, Rules, Side, Step};
use super::{BidAsk, Pair, RateError};
use crate::domain::money::Currency;

/// Rules may refer to rules so deep.
pub const NESTING_MAX: usize = 8;

/// Steps of one evaluation: rules that refer to many others, which do so too, end here.
const STEPS_MAX: usize = 10_000;

/// What rules give for a pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Priced {
    /// The price.
    pub quote: BidAsk,
    /// Which sources were asked, in the order of their names.
    pub sources: Vec<String>,
}

/// Which rule is for a pair.
enum Found<'a> {
    /// This one.
    Rule(&'a Expression),
    /// The inverse of what the inverse pair gives by this one.
    Inverse(&'a Expression),
    /// Satoshi are priced as bitcoin.
    Sats,
    /// The other way round.
    PerSats,
}

impl Rules {
    /// What a pair costs. `quotes` says what a source offers for a pair, if that is fresh. All errors are told.
    pub fn price(
        &self,
        pair: Pair,
        quotes: &dyn Fn(&str, Pair) -> Option<BidAsk>,
    ) -> Result<Priced, Vec<RateError>> {
        self.run(quotes, |run| run.pair(pair, 0))
    }

    /// What a pair costs by a formula instead of its rule; other pairs in it are priced by the rules.
    pub fn price_by(
        &self,
        formula: &Expression,
        pair: Pair,
        quotes: &dyn Fn(&str, Pair) -> Option<BidAsk>,
    ) -> Result<Priced, Vec<RateError>> {
        self.run(quotes, |run| run.expression(formula, pair, 0))
    }

    fn run(
        &self,
        quotes: &dyn Fn(&str, Pair) -> Option<BidAsk>,
        work: impl FnOnce(&mut Run<'_>) -> Option<BidAsk>,
    ) -> Result<Priced, Vec<RateError>> {
        let mut run = Run {
            rules: self,
            quotes,
            steps: 0,
            errors: BTreeSet::new(),
            sources: BTreeSet::new(),
        };
        let value = work(&mut run);
        match value.filter(|quote| run.errors.is_empty() && quote.is_price()) {
            Some(quote) => Ok(Priced {
                quote: quote.normalize(),
                sources: run.sources.into_iter().collect(),
            }),
            None if run.errors.is_empty() => Err(vec![RateError::RateUnavailable]),
            None => Err(run.errors.into_iter().collect()),
        }
    }

    fn find(&self, pair: Pair) -> Option<Found<'_>> {
        let Pair { base, quote } = pair;
        let (one, other) = (Side::Unit(base), Side::Unit(quote));
        let rule = |base, quote| self.0.get(&Pattern { base, quote });
        rule(one, other)
            .map(Found::Rule)
            .or_else(|| rule(other, one).map(Found::Inverse))
            .or_else(|| self.sats(pair))
            .or_else(|| rule(Side::Any, other).map(Found::Rule))
            .or_else(|| rule(one, Side::Any).map(Found::Rule))
            .or_else(|| rule(Side::Any, one).map(Found::Inverse))
            .or_else(|| rule(other, Side::Any).map(Found::Inverse))
            .or_else(|| rule(Side::Any, Side::Any).map(Found::Rule))
    }

    /// The implied rule, unless the script has one of its own.
    fn sats(&self, pair: Pair) -> Option<Found<'_>> {
        let own = Pattern {
            base: Side::Unit(Currency::SATS),
            quote: Side::Any,
        };
        if self.0.contains_key(&own) {
            None
        } else if pair.base == Currency::SATS {
            Some(Found::Sats)
        } else if pair.quote == Currency::SATS {
            Some(Found::PerSats)
        } else {
            None
        }
    }
}

struct Run<'a> {
    rules: &'a Rules,
    quotes: &'a dyn Fn(&str, Pair) -> Option<BidAsk>,
    steps: usize,
    errors: BTreeSet<RateError>,
    sources: BTreeSet<String>,
}

impl Run<'_> {
    fn fail(&mut self, error: RateError) -> Option<BidAsk> {
        self.errors.insert(error);
        None
    }

    fn pair(&mut self, pair: Pair, depth: usize) -> Option<BidAsk> {
        if let Some(fact) = pair.fact() {
            return Some(fact);
        }
        if depth > NESTING_MAX {
            return self.fail(RateError::TooMuchNestedCalls);
        }
        let rules = self.rules;
        match rules.find(pair) {
            Some(Found::Rule(rule)) => self.expression(rule, pair, depth),
            Some(Found::Inverse(rule)) => {
                let inverse = self.expression(rule, pair.inverse(), depth)?;
                self.valued(inverse.inverse())
            }
            Some(Found::Sats) => {
                let whole = self.pair(Pair::of_bitcoin(pair.quote), depth + 1)?;
                let sats = Pair::of_bitcoin(Currency::SATS).fact()?;
                self.valued(whole.over(sats))
            }
            Some(Found::PerSats) => {
                let per_sats = self.pair(pair.inverse(), depth)?;
                self.valued(per_sats.inverse())
            }
            None => self.fail(RateError::NoRuleMatch),
        }
    }

    fn valued(&mut self, value: Option<BidAsk>) -> Option<BidAsk> {
        value.or_else(|| self.fail(RateError::RateUnavailable))
    }

    /// Works the steps off. What failed stays on the stack as nothing, so that every error of a formula is told.
    fn expression(&mut self, formula: &Expression, pair: Pair, depth: usize) -> Option<BidAsk> {
        let mut stack: Vec<Option<BidAsk>> = Vec::new();
        for step in &formula.0 {
            self.steps += 1;
            if self.steps > STEPS_MAX {
                return self.fail(RateError::TooMuchNestedCalls);
            }
            let value = match step {
                Step::Number(number) => Some(BidAsk::exact(*number)),
                Step::Pair(pattern) => self.pair(pattern.filled(pair), depth + 1),
                Step::Source(source, pattern) => self.ask(source, *pattern, pair),
                Step::Negative => stack.pop().flatten().map(BidAsk::negative),
                Step::Quote => self.two(&mut stack, |bid, ask| BidAsk::new(bid.bid(), ask.ask())),
                Step::Plus => self.two(&mut stack, BidAsk::plus),
                Step::Minus => self.two(&mut stack, BidAsk::minus),
                Step::Times => self.two(&mut stack, BidAsk::times),
                Step::Over => self.two(&mut stack, BidAsk::over),
            };
            stack.push(value);
        }
        stack.pop().flatten()
    }

    fn two(
        &mut self,
        stack: &mut Vec<Option<BidAsk>>,
        act: impl FnOnce(BidAsk, BidAsk) -> Option<BidAsk>,
    ) -> Option<BidAsk> {
        let (second, first) = (stack.pop().flatten(), stack.pop().flatten());
        let (first, second) = (first?, second?);
        self.valued(act(first, second))
    }

    fn ask(&mut self, source: &str, pattern: Option<Pattern>, pair: Pair) -> Option<BidAsk> {
        let Some(pattern) = pattern else {
            return self.fail(RateError::InvalidCurrencyPair);
        };
        let asked = pattern.filled(pair);
        self.sources.insert(source.to_owned());
        if let Some(fact) = asked.fact() {
            return Some(fact);
        }
        let straight = (self.quotes)(source, asked);
        let found = straight
            .or_else(|| (self.quotes)(source, asked.inverse()).and_then(BidAsk::inverse))
            .filter(|quote| quote.is_price());
        self.valued(found)
    }
}
