//! Balances of the books, kept in the commit of their facts, and what else is counted along with them.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use super::codec::decode;
use super::rows::{Order, Rows, ordered};
use super::tables::Table;
use super::tx::Tx;
use crate::domain::fact::Entry;
use crate::domain::ids::StoreId;
#[cfg(debug_assertions)]
use crate::domain::ledger::Postings;
use crate::domain::ledger::{Account, Movement, Posting, Signed, postings};
use crate::domain::money::Msat;
use crate::domain::payout::{Payout, Plan};

/// What a replay of the journal gives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replay {
    /// Each account that was ever posted to.
    pub balances: BTreeMap<Account, Signed>,
    /// What each kind of movement did to each account.
    pub moved: BTreeMap<(Movement, Account), Signed>,
    /// Facts read.
    pub facts: u64,
}

/// Posts what an entry of the journal means.
pub(super) fn post(tx: &mut Tx<'_>, entry: &Entry) {
    let made = postings(entry.store, &entry.fact);
    assert!(
        made.is_balanced(),
        "P11 the postings of fact {} don't sum to zero",
        entry.sequence
    );
    #[cfg(debug_assertions)]
    let made = skipping(made);
    for Posting { account, amount } in made.lines {
        let balance = balance(tx, account) + amount;
        put_balance(tx, account, balance);
    }
}

/// One line is left out, if that bug is planted.
#[cfg(debug_assertions)]
fn skipping(mut made: Postings) -> Postings {
    if crate::sabotage::is_planted(crate::sabotage::Bug::SkipPosting) {
        made.lines.pop();
    }
    made
}

/// The balance of an account.
pub fn balance(rows: &dyn Rows, account: Account) -> Signed {
    rows.get(Table::Balances, &account.to_key())
        .map_or(Signed::ZERO, |row| read(&row))
}

/// Puts a balance, over what the facts say: for [`post`], and for tests that plant a wrong one.
pub fn put_balance(tx: &mut Tx<'_>, account: Account, balance: Signed) {
    tx.put(Table::Balances, &account.to_key(), &balance.0.to_be_bytes());
}

/// All balances.
pub fn balances(rows: &dyn Rows) -> BTreeMap<Account, Signed> {
    let mut all = BTreeMap::new();
    rows.scan(Table::Balances, &[], Order::Ascending, &mut |key, row| {
        let account = Account::from_key(key)
            .unwrap_or_else(|| panic!("{}: an unknown account", super::writer::IO_FAILED));
        all.insert(account, read(row));
        ControlFlow::Continue(())
    });
    all
}

fn read(row: &[u8]) -> Signed {
    let bytes = row
        .try_into()
        .unwrap_or_else(|_| panic!("{}: a balance of a wrong size", super::writer::IO_FAILED));
    Signed(i128::from_be_bytes(bytes))
}

/// Counts every balance again from the facts.
pub fn replay(rows: &dyn Rows) -> Replay {
    let mut replay = Replay::default();
    rows.scan(Table::Journal, &[], Order::Ascending, &mut |_, row| {
        let entry: Entry = decode(row);
        let made = postings(entry.store, &entry.fact);
        for Posting { account, amount } in made.lines {
            *replay.balances.entry(account).or_default() += amount;
            if let Some(movement) = made.movement {
                *replay.moved.entry((movement, account)).or_default() += amount;
            }
        }
        replay.facts += 1;
        ControlFlow::Continue(())
    });
    replay
}

/// What a store's live Lightning attempts may yet take: amounts and the most their fees may be.
pub fn held(rows: &dyn Rows, store: StoreId) -> Msat {
    rows.get(Table::LightningHeld, store.as_bytes())
        .and_then(|row| row.try_into().ok())
        .map_or(Msat::ZERO, |row| Msat(u64::from_be_bytes(row)))
}

/// The same of all stores that have any.
pub fn all_held(rows: &dyn Rows) -> BTreeMap<StoreId, Msat> {
    let mut all = BTreeMap::new();
    rows.scan(
        Table::LightningHeld,
        &[],
        Order::Ascending,
        &mut |key, _| {
            if let Some(store) = StoreId::from_slice(key) {
                all.insert(store, held(rows, store));
            }
            ControlFlow::Continue(())
        },
    );
    all
}

/// Keeps [`held`] in step with a payout that changes.
pub fn hold(tx: &mut Tx<'_>, before: &Payout, after: &Payout) {
    let (free, taken) = (holds(before), holds(after));
    if free == taken {
        return;
    }
    let store = after.store;
    let now = held(tx, store).plus(taken);
    assert!(
        now >= free,
        "P11 store {store} holds less than its attempts"
    );
    tx.put(
        Table::LightningHeld,
        store.as_bytes(),
        &ordered(now.minus(free).0),
    );
}

/// What a payout's live Lightning attempt may yet take.
pub fn holds(payout: &Payout) -> Msat {
    match payout.live_attempt().map(|attempt| &attempt.plan) {
        Some(Plan::Lightning {
            amount, fee_max, ..
        }) => amount.plus(*fee_max),
        Some(Plan::Onchain { .. } | Plan::Inside { .. }) | None => Msat::ZERO,
    }
}
