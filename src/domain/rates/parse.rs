//! Reading a rate script (Greenfield 5.14): lines `A_B = expression;`.
//!
//! ```text
//! script     = { pair "=" expression ";" }          `X` on either side of a pair stands for any unit
//! expression = term  { ("+" | "-") term }
//! term       = factor { ("*" | "/") factor }
//! factor     = "-" factor | number | pair | source "(" pair ")" | "(" expression [ "," expression ] ")"
//! ```
//! Expressions are kept in postfix form: evaluating one needs no recursion, however long it is.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::vec::IntoIter;

use rust_decimal::Decimal;

use super::Pair;
use super::lexer::{Kind, Token, words};
use crate::domain::money::Currency;

/// The longest script, in bytes.
pub const SCRIPT_BYTES_MAX: usize = 16_384;

/// Parentheses and signs inside each other.
const PARENS_MAX: usize = 64;

/// A script that does not parse; the message is for who wrote it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct ScriptError {
    /// Which line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub what: String,
}

impl ScriptError {
    pub(super) fn at(line: usize, what: impl Into<String>) -> Self {
        let what = what.into();
        Self { line, what }
    }
}

/// One side of a pair in a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Side {
    /// `X`.
    Any,
    /// This unit.
    Unit(Currency),
}

impl Side {
    fn read(text: &str) -> Option<Self> {
        if text.eq_ignore_ascii_case("X") {
            Some(Self::Any)
        } else {
            Currency::unit(text).ok().map(Self::Unit)
        }
    }

    const fn or(self, unit: Currency) -> Currency {
        match self {
            Self::Any => unit,
            Self::Unit(own) => own,
        }
    }
}

/// A pair in a script, where `X` stands for any unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Pattern {
    pub(super) base: Side,
    pub(super) quote: Side,
}

impl Pattern {
    fn read(name: &str) -> Option<Self> {
        let (base, quote) = name.split_once('_')?;
        Some(Self {
            base: Side::read(base)?,
            quote: Side::read(quote)?,
        })
    }

    /// With the units of the pair that is being priced in place of each `X`.
    pub(super) const fn filled(self, pair: Pair) -> Pair {
        Pair {
            base: self.base.or(pair.base),
            quote: self.quote.or(pair.quote),
        }
    }
}

/// A step of an expression, in postfix order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A number.
    Number(Decimal),
    /// What the rules say about a pair.
    Pair(Pattern),
    /// What a source says about a pair; `None` if what it is asked for is none.
    Source(String, Option<Pattern>),
    /// Two values become bid and ask.
    Quote,
    /// Minus the value.
    Negative,
    /// Sum.
    Plus,
    /// Difference.
    Minus,
    /// Product.
    Times,
    /// Quotient.
    Over,
}

/// A price as a formula.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expression(pub(super) Vec<Step>);

/// A script that parses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules(pub(super) BTreeMap<Pattern, Expression>);

impl Rules {
    /// Reads a script.
    pub fn parse(text: &str) -> Result<Self, ScriptError> {
        let mut parser = Parser::of(text)?;
        let mut rules = BTreeMap::new();
        while parser.peek().is_some() {
            if parser.takes(';') {
                continue;
            }
            let line = parser.line();
            let name = parser.name("a rule begins with a pair such as BTC_USD")?;
            let pattern = Pattern::read(&name)
                .ok_or_else(|| ScriptError::at(line, format!("'{name}' is no pair")))?;
            parser.sign('=')?;
            let expression = parser.whole_expression()?;
            if parser.peek().is_some() {
                parser.sign(';')?;
            }
            if rules.insert(pattern, expression).is_some() {
                return Err(ScriptError::at(line, format!("{name} has two rules")));
            }
        }
        Ok(Self(rules))
    }
}

impl Expression {
    /// Reads a single formula, such as `kraken(BTC_USD) / 40`.
    pub fn parse(text: &str) -> Result<Self, ScriptError> {
        let mut parser = Parser::of(text)?;
        let expression = parser.whole_expression()?;
        parser.takes(';');
        match parser.peek() {
            None => Ok(expression),
            Some(_) => Err(ScriptError::at(
                parser.line(),
                "something follows the expression",
            )),
        }
    }
}

struct Parser {
    tokens: Peekable<IntoIter<Token>>,
    line: usize,
    parens: usize,
}

impl Parser {
    fn of(text: &str) -> Result<Self, ScriptError> {
        if text.len() > SCRIPT_BYTES_MAX {
            let what = format!("a script has at most {SCRIPT_BYTES_MAX} bytes");
            return Err(ScriptError::at(1, what));
        }
        Ok(Self {
            tokens: words(text)?.into_iter().peekable(),
            line: 1,
            parens: 0,
        })
    }

    fn peek(&mut self) -> Option<&Kind> {
        self.tokens.peek().map(|token| &token.kind)
    }

    /// Of the next word, or of the last one where none follows.
    fn line(&mut self) -> usize {
        self.tokens.peek().map_or(self.line, |token| token.line)
    }

    fn next(&mut self) -> Option<Kind> {
        let token = self.tokens.next()?;
        self.line = token.line;
        Some(token.kind)
    }

    fn takes(&mut self, sign: char) -> bool {
        let found = self.peek() == Some(&Kind::Sign(sign));
        if found {
            self.next();
        }
        found
    }

    fn sign(&mut self, sign: char) -> Result<(), ScriptError> {
        let line = self.line();
        if self.takes(sign) {
            Ok(())
        } else {
            Err(ScriptError::at(line, format!("'{sign}' is missing")))
        }
    }

    fn name(&mut self, otherwise: &str) -> Result<String, ScriptError> {
        let line = self.line();
        match self.next() {
            Some(Kind::Name(name)) => Ok(name),
            Some(Kind::Number(_) | Kind::Sign(_)) | None => Err(ScriptError::at(line, otherwise)),
        }
    }

    fn whole_expression(&mut self) -> Result<Expression, ScriptError> {
        let mut steps = Vec::new();
        self.expression(&mut steps)?;
        Ok(Expression(steps))
    }

    fn expression(&mut self, steps: &mut Vec<Step>) -> Result<(), ScriptError> {
        self.term(steps)?;
        loop {
            let step = if self.takes('+') {
                Step::Plus
            } else if self.takes('-') {
                Step::Minus
            } else {
                return Ok(());
            };
            self.term(steps)?;
            steps.push(step);
        }
    }

    fn term(&mut self, steps: &mut Vec<Step>) -> Result<(), ScriptError> {
        self.factor(steps)?;
        loop {
            let step = if self.takes('*') {
                Step::Times
            } else if self.takes('/') {
                Step::Over
            } else {
                return Ok(());
            };
            self.factor(steps)?;
            steps.push(step);
        }
    }

    fn factor(&mut self, steps: &mut Vec<Step>) -> Result<(), ScriptError> {
        let line = self.line();
        match self.next() {
            Some(Kind::Number(number)) => steps.push(Step::Number(number)),
            Some(Kind::Name(name)) => steps.push(self.named(&name, line)?),
            Some(Kind::Sign('-')) => {
                self.inside(line, |parser| parser.factor(steps))?;
                steps.push(Step::Negative);
            }
            Some(Kind::Sign('(')) => {
                self.inside(line, |parser| parser.expression(steps))?;
                if self.takes(',') {
                    self.inside(line, |parser| parser.expression(steps))?;
                    steps.push(Step::Quote);
                }
                self.sign(')')?;
            }
            Some(Kind::Sign(sign)) => {
                return Err(ScriptError::at(line, format!("'{sign}' stands alone")));
            }
            None => return Err(ScriptError::at(line, "an expression is missing")),
        }
        Ok(())
    }

    fn named(&mut self, name: &str, line: usize) -> Result<Step, ScriptError> {
        if !self.takes('(') {
            return Pattern::read(name)
                .map(Step::Pair)
                .ok_or_else(|| ScriptError::at(line, format!("'{name}' is no pair")));
        }
        let asked = self.name("a source is asked for a pair, such as kraken(BTC_USD)")?;
        self.sign(')')?;
        Ok(Step::Source(
            name.to_ascii_lowercase(),
            Pattern::read(&asked),
        ))
    }

    fn inside(
        &mut self,
        line: usize,
        read: impl FnOnce(&mut Self) -> Result<(), ScriptError>,
    ) -> Result<(), ScriptError> {
        self.parens += 1;
        if self.parens > PARENS_MAX {
            return Err(ScriptError::at(line, "this is nested too deeply"));
        }
        read(self)?;
        self.parens -= 1;
        Ok(())
    }
}
