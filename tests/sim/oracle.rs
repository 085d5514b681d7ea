//! The oracle: after every commit it compares what the file says with what is true, promise by promise.

mod books;
mod money_in;
mod money_out;
mod webhooks;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use bitcoin::Txid;
use minicbor::Decode;
use tollway::domain::fact::Entry;
use tollway::domain::ids::{PayoutId, StoreId};
use tollway::domain::invoice::Invoice;
use tollway::domain::payout::Payout;
use tollway::domain::payout::batch::Batch;
use tollway::domain::pull_payment::PullPayment;
use tollway::store::{self, Order, Rows, Snapshot, Table, codec};

use crate::house::Outside;
use crate::notes::Notes;

/// What the file says.
pub struct Seen<'a> {
    pub rows: &'a Snapshot,
    pub invoices: Vec<Invoice>,
    pub payouts: Vec<Payout>,
    pub pull_payments: Vec<PullPayment>,
    pub batches: Vec<Batch>,
}

/// What the oracle remembers from commit to commit.
#[derive(Clone, Default)]
pub struct Oracle {
    /// The last fact that was counted.
    sequence: u64,
    /// Every transaction that was ever stored for a payout, whatever its row says by now.
    versions: Versions,
    /// The shop's till was held at the last commit.
    held: bool,
    /// Commits that were looked at.
    commits: u64,
}

/// After so many commits all messages to webhooks are looked at: there are more of them than of anything else.
const MESSAGES_EVERY: u64 = 32;

/// Transactions by the payout they were stored for.
pub type Versions = BTreeMap<PayoutId, BTreeSet<Txid>>;

fn all<T: for<'b> Decode<'b, ()>>(rows: &dyn Rows, table: Table) -> Vec<T> {
    let mut found = Vec::new();
    rows.scan(table, &[], Order::Ascending, &mut |_, value| {
        found.push(codec::decode(value));
        ControlFlow::Continue(())
    });
    found
}

impl<'a> Seen<'a> {
    /// Everything of a commit.
    pub fn of(rows: &'a Snapshot) -> Self {
        Self {
            rows,
            invoices: all(rows, Table::Invoices),
            payouts: all(rows, Table::Payouts),
            pull_payments: all(rows, Table::PullPayments),
            batches: all(rows, Table::Batches),
        }
    }
}

impl Oracle {
    /// An oracle that counts from here on.
    pub fn from_here(rows: &Snapshot) -> Self {
        Self {
            sequence: store::journal::last_sequence(rows),
            versions: Versions::new(),
            held: false,
            commits: 0,
        }
    }

    /// Looks at a commit.
    pub fn look(&mut self, rows: &Snapshot, outside: &Outside, notes: &Notes) {
        let seen = Seen::of(rows);
        let mut broken = Vec::new();
        if let Err(why) = store::check::check(rows) {
            broken.push(why);
        }
        money_in::check(&seen, outside, notes, &mut broken);
        let held = store::hold::is_held(rows, notes.shop);
        for batch in &seen.batches {
            let fresh = !(batch.payouts.iter()).any(|payout| self.versions.contains_key(payout));
            if fresh && held && self.held && batch.store == notes.shop {
                broken.push(format!(
                    "P9 batch {:?} is planned while its till is held",
                    batch.id
                ));
            }
            for payout in &batch.payouts {
                let known = self.versions.entry(*payout).or_default();
                known.extend(batch.versions.iter().map(|version| version.txid));
            }
        }
        self.held = held;
        money_out::check(&seen, outside, notes, &self.versions, &mut broken);
        books::check(&seen, outside, &mut broken);
        let fresh = self.count_facts(rows, outside, notes.shop, &mut broken);
        webhooks::check(&seen, outside, notes, &fresh, &mut broken);
        self.commits += 1;
        if self.commits.is_multiple_of(MESSAGES_EVERY) {
            webhooks::check_all(&seen, outside, notes, &mut broken);
        }
        for what in broken {
            outside.log.violation(what);
        }
    }

    /// Faults are over and everything has had its time: now what is open has to be over, and what is true in the file.
    pub fn look_healed(&self, rows: &Snapshot, outside: &Outside, notes: &Notes) {
        let seen = Seen::of(rows);
        let mut broken = Vec::new();
        money_in::check_healed(&seen, outside, notes, &mut broken);
        money_out::check_healed(&seen, outside, &self.versions, &mut broken);
        books::check_healed(&seen, outside, notes, &self.versions, &mut broken);
        webhooks::check_healed(&seen, outside, notes, &mut broken);
        for what in broken {
            outside.log.violation(what);
        }
    }

    fn count_facts(
        &mut self,
        rows: &Snapshot,
        outside: &Outside,
        shop: StoreId,
        broken: &mut Vec<String>,
    ) -> BTreeMap<u64, Entry> {
        let last = store::journal::last_sequence(rows);
        if last < self.sequence {
            broken.push(format!("P10 the journal went back to {last}"));
        }
        let mut fresh = BTreeMap::new();
        for store in [shop, StoreId::HOUSE] {
            for entry in store::journal::after(rows, store, self.sequence, usize::MAX) {
                fresh.insert(entry.sequence, entry);
            }
        }
        for entry in fresh.values() {
            let told = format!("{:?}", entry.fact);
            let end = told.find(|c: char| !c.is_alphanumeric());
            let name = &told[..end.unwrap_or(told.len())];
            outside.log.count(&format!("transition: {name}"));
            crate::log::step!(outside.log, "fact {} {told}", entry.sequence);
        }
        self.sequence = last;
        fresh
    }
}
