//! How a Lightning balance went, counted back from now by the postings of the facts since then.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::Gateway;
use super::books::allowance;
use crate::domain::fact::Fact;
use crate::domain::ids::StoreId;
use crate::domain::ledger::{Account, Signed, postings};
use crate::domain::receipt::Rail;
use crate::domain::time::Timestamp;
use crate::store::{self, Rows};

/// Points of a line.
const POINTS: u64 = 30;

/// Facts that are looked through for one line, at most: a second's work.
const FACTS_MAX: usize = 200_000;

/// How far back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// Seven days.
    Week,
    /// Thirty days.
    Month,
    /// 365 days.
    Year,
}

impl Span {
    const ALL: [Self; 3] = [Self::Week, Self::Month, Self::Year];

    /// By its name, in any case.
    pub fn of(name: &str) -> Option<Self> {
        let named = |span: &Self| span.name().eq_ignore_ascii_case(name);
        Self::ALL.into_iter().find(named)
    }

    /// Greenfield's name of it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Week => "Week",
            Self::Month => "Month",
            Self::Year => "Year",
        }
    }

    const fn secs(self) -> u64 {
        let days = match self {
            Self::Week => 7,
            Self::Month => 30,
            Self::Year => 365,
        };
        days * 86_400
    }
}

/// A balance at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    /// When.
    pub at: Timestamp,
    /// What the balance was then.
    pub balance: Signed,
}

impl Point {
    /// The balance in BTC.
    pub fn btc(&self) -> Decimal {
        // More than a decimal holds is more than all bitcoin.
        Decimal::try_from_i128_with_scale(self.balance.0, 11)
            .unwrap_or_default()
            .normalize()
    }
}

impl Gateway {
    /// The Lightning balance of a store, or of the whole node for the house, at thirty times up to now. `None` if more
    /// happened since the first of them than is looked through.
    pub async fn histogram(&self, books: StoreId, span: Span) -> Option<Vec<Point>> {
        let now = self.now();
        self.store
            .read(move |rows| line(rows, books, span.secs(), now))
            .await
    }
}

fn line(rows: &dyn Rows, books: StoreId, secs: u64, now: Timestamp) -> Option<Vec<Point>> {
    let step_millis = secs.saturating_mul(1_000) / POINTS;
    let times: Vec<Timestamp> = (0..POINTS)
        .rev()
        .map(|back| Timestamp(now.0.saturating_sub(back * step_millis)))
        .collect();
    let from = *times.first()?;
    let is_house = books == StoreId::HOUSE;
    let mut stores = vec![books];
    if is_house {
        stores.extend(store::settings::all(rows).into_iter().map(|shop| shop.id));
    }
    let mut changes: BTreeMap<Timestamp, Signed> = BTreeMap::new();
    let mut left = FACTS_MAX;
    for id in stores {
        let entries = store::journal::since(rows, id, from, left)?;
        left = left.saturating_sub(entries.len());
        for entry in entries {
            let change = change(&entry.fact, id, is_house);
            if change != Signed::ZERO {
                *changes.entry(entry.at).or_insert(Signed::ZERO) += change;
            }
        }
    }
    let balance = if is_house {
        store::ledger::balance(rows, Account::Node)
    } else {
        allowance::claim(rows, books)
    };
    let points = times.into_iter().map(|at| {
        let later = changes.range(Timestamp(at.0.saturating_add(1))..);
        let since: Signed = later.map(|(_, change)| *change).sum();
        let balance = balance - since;
        Point { at, balance }
    });
    Some(points.collect())
}

/// By how much a fact changed the balance.
fn change(fact: &Fact, store: StoreId, is_house: bool) -> Signed {
    let lines = postings(store, fact).lines;
    let sum = |accounts: &[Account]| -> Signed {
        let wanted = lines.iter().filter(|line| accounts.contains(&line.account));
        wanted.map(|line| line.amount).sum()
    };
    if is_house {
        sum(&[Account::Node])
    } else {
        // What the house owes is negative.
        -sum(&[
            Account::Store(store, Rail::Lightning),
            Account::Fees(store, Rail::Lightning),
        ])
    }
}
