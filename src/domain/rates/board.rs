//! What the sources said last, and how old that is.
//!
//! A quote is good until its age limit and then refused: never a stale price. Who fails is asked again later and later,
//! and as late as it wishes itself.

use std::collections::BTreeMap;

use super::{BidAsk, Pair};
use crate::domain::time::Timestamp;

/// The longest pause after a failure of which the source said nothing.
pub const BACK_OFF_SECS_MAX: u64 = 300;

/// The longest pause that a source can ask for.
const RETRY_AFTER_SECS_MAX: u64 = 3_600;

/// A quote that seems to come from the future by so much is fresh: clocks are corrected by seconds all the time.
pub const CLOCK_SLACK_SECS: u64 = 30;

/// Quotes of one source that are kept: more than any exchange lists.
const QUOTES_MAX: usize = 20_000;

/// The last quotes of all sources.
#[derive(Clone, Debug)]
pub struct Board {
    max_age_secs: u64,
    refresh_secs: u64,
    sources: BTreeMap<String, SourceState>,
}

/// What one source said, and how it is doing.
#[derive(Clone, Debug)]
pub struct SourceState {
    /// For people.
    pub name: String,
    /// The operator's own table, which does not age and is never fetched.
    pub is_fixed: bool,
    /// When it last answered; the time is that of the question.
    pub answered_at: Option<Timestamp>,
    /// Why it did not answer the last time, if so.
    pub trouble: Option<String>,
    quotes: BTreeMap<Pair, (BidAsk, Timestamp)>,
    asked_at: Option<Timestamp>,
    pause_secs: u64,
    failures: u32,
}

impl Board {
    /// An empty one. A quote is good for `max_age_secs`; sources are asked every `refresh_secs`.
    pub const fn new(max_age_secs: u64, refresh_secs: u64) -> Self {
        Self {
            max_age_secs,
            refresh_secs,
            sources: BTreeMap::new(),
        }
    }

    /// Adds a source that is fetched; nothing is known of it yet.
    pub fn add(&mut self, id: &str, name: &str) {
        self.insert(id, name, false);
    }

    /// Adds the operator's own table, or replaces a line of it.
    pub fn fix(&mut self, id: &str, name: &str, pair: Pair, quote: BidAsk) {
        if !self.sources.contains_key(id) {
            self.insert(id, name, true);
        }
        if let Some(source) = self.sources.get_mut(id) {
            source.quotes.insert(pair, (quote, Timestamp::default()));
        }
    }

    /// Takes a line out of the operator's own table.
    pub fn unfix(&mut self, id: &str, pair: Pair) {
        if let Some(source) = self.sources.get_mut(id).filter(|source| source.is_fixed) {
            source.quotes.remove(&pair);
        }
    }

    fn insert(&mut self, id: &str, name: &str, is_fixed: bool) {
        let source = SourceState {
            name: name.to_owned(),
            is_fixed,
            answered_at: None,
            trouble: None,
            quotes: BTreeMap::new(),
            asked_at: None,
            pause_secs: 0,
            failures: 0,
        };
        self.sources.insert(id.to_owned(), source);
    }

    /// All sources by their ids.
    pub fn sources(&self) -> impl Iterator<Item = (&str, &SourceState)> {
        self.sources.iter().map(|(id, state)| (id.as_str(), state))
    }

    /// What a source says about a pair, if that is fresh.
    pub fn quote(&self, source: &str, pair: Pair, now: Timestamp) -> Option<BidAsk> {
        let source = self.sources.get(source)?;
        let (quote, at) = source.quotes.get(&pair)?;
        (source.is_fixed || self.is_fresh(*at, now)).then_some(*quote)
    }

    /// Whether what was said then may still be used.
    pub const fn is_fresh(&self, at: Timestamp, now: Timestamp) -> bool {
        let ahead = at.millis_since(now);
        ahead <= CLOCK_SLACK_SECS.saturating_mul(1_000)
            && now.millis_since(at) < self.max_age_secs.saturating_mul(1_000)
    }

    /// How long a quote is good, in seconds.
    pub const fn max_age_secs(&self) -> u64 {
        self.max_age_secs
    }

    /// Which sources are to be asked now.
    pub fn due(&self, now: Timestamp) -> Vec<String> {
        let due = |source: &SourceState| !source.is_fixed && source.waits_until(now) <= now;
        let sources = self.sources.iter().filter(|(_, source)| due(source));
        sources.map(|(id, _)| id.clone()).collect()
    }

    /// When the next source is to be asked; `None` if there is none.
    pub fn next(&self, now: Timestamp) -> Option<Timestamp> {
        let fetched = self.sources.values().filter(|source| !source.is_fixed);
        fetched.map(|source| source.waits_until(now)).min()
    }

    /// A source answered what it was asked at that time. Pairs that it left out stay until they are too old.
    pub fn answered(&mut self, id: &str, asked_at: Timestamp, quotes: Vec<(Pair, BidAsk)>) {
        let max_age = self.max_age_secs.saturating_mul(1_000);
        let pause_secs = self.refresh_secs;
        let Some(source) = self.sources.get_mut(id) else {
            return;
        };
        source
            .quotes
            .retain(|_, (_, at)| !asked_at.is_past(*at, max_age));
        for (pair, quote) in quotes {
            let known = source.quotes.contains_key(&pair);
            if quote.is_price() && (known || source.quotes.len() < QUOTES_MAX) {
                source.quotes.insert(pair, (quote, asked_at));
            }
        }
        source.answered_at = Some(asked_at);
        source.asked_at = Some(asked_at);
        source.trouble = None;
        source.failures = 0;
        source.pause_secs = pause_secs;
    }

    /// A source did not answer what it was asked at that time. It may have said how long to leave it alone.
    pub fn failed(
        &mut self,
        id: &str,
        asked_at: Timestamp,
        why: String,
        retry_after_secs: Option<u64>,
    ) {
        let refresh_secs = self.refresh_secs;
        let Some(source) = self.sources.get_mut(id) else {
            return;
        };
        let doublings = source.failures.min(16);
        let pause = refresh_secs
            .saturating_mul(1 << doublings)
            .min(BACK_OFF_SECS_MAX.max(refresh_secs));
        let wished = retry_after_secs.unwrap_or(0).min(RETRY_AFTER_SECS_MAX);
        source.pause_secs = pause.max(wished);
        source.failures = source.failures.saturating_add(1);
        source.asked_at = Some(asked_at);
        source.trouble = Some(why);
    }
}

impl SourceState {
    /// How many pairs it has said anything about.
    pub fn pairs(&self) -> usize {
        self.quotes.len()
    }

    /// What it said last about a pair, and when, however old.
    pub fn last(&self, pair: Pair) -> Option<(BidAsk, Timestamp)> {
        self.quotes.get(&pair).copied()
    }

    /// How often it has not answered in a row.
    pub const fn failures(&self) -> u32 {
        self.failures
    }

    /// Until when it is left alone. A question that lies ahead of now was asked before the clock was set back.
    fn waits_until(&self, now: Timestamp) -> Timestamp {
        match self.asked_at {
            Some(asked_at) if !now.is_past(asked_at, self.pause_secs.saturating_mul(1_000)) => {
                asked_at.plus_secs(self.pause_secs)
            }
            Some(_) | None => now,
        }
    }
}
