//! The journal's rows. [`Tx::announce`] is the only way to append a fact.
//!
//! P10 no money event is lost: the messages that tell a fact to webhooks are written in its own commit.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::codec::{decode, encode};
use super::rows::{Order, Rows, key, ordered};
use super::signals::Wake;
use super::tables::Table;
use super::tx::Tx;
use crate::domain::fact::{Entry, Fact};
use crate::domain::ids::StoreId;
use crate::domain::time::Timestamp;

const SEQUENCE: &[u8] = b"journal_sequence";

impl Tx<'_> {
    /// Appends what happened, with its place in the one history, posts what it means for the books, and writes the
    /// messages that tell it to webhooks. Whatever the facts are about is put before: what is told is how it stands now.
    pub fn announce(&mut self, store: StoreId, facts: Vec<Fact>, at: Timestamp) {
        if facts.is_empty() {
            return;
        }
        let mut sequence = last_sequence(self);
        let endpoints = super::webhook::of_store(self, store);
        for fact in facts {
            sequence += 1;
            let entry = Entry {
                sequence,
                at,
                store,
                fact,
            };
            let place = ordered(sequence);
            self.put(
                Table::Journal,
                &key(&[store.as_bytes(), &place]),
                &encode(&entry),
            );
            let object = entry.fact.object();
            if !object.is_empty() {
                self.put(
                    Table::JournalByObject,
                    &key(&[store.as_bytes(), object, &place]),
                    &[],
                );
            }
            super::ledger::post(self, &entry);
            super::webhook::tell(self, &endpoints, &entry);
            self.announced.push(Arc::new(entry));
        }
        self.put(Table::Meta, SEQUENCE, &ordered(sequence));
        self.wake(Wake::Mark);
    }
}

/// The sequence of the newest fact, 0 if there is none.
pub fn last_sequence(rows: &dyn Rows) -> u64 {
    rows.get(Table::Meta, SEQUENCE)
        .and_then(|bytes| bytes.try_into().ok())
        .map_or(0, u64::from_be_bytes)
}

/// What happened to one object of a store, oldest first.
pub fn of_object(rows: &dyn Rows, store: StoreId, object: &[u8]) -> Vec<Entry> {
    let mut places = Vec::new();
    let prefix = key(&[store.as_bytes(), object]);
    rows.scan(
        Table::JournalByObject,
        &prefix,
        Order::Ascending,
        &mut |row, _| {
            // Ids of different kinds may share a prefix by chance only: lengths decide.
            if row.len() == prefix.len() + 8 {
                places.push(row[prefix.len()..].to_vec());
            }
            ControlFlow::Continue(())
        },
    );
    places
        .iter()
        .filter_map(|place| rows.get(Table::Journal, &key(&[store.as_bytes(), place])))
        .map(|bytes| decode(&bytes))
        .collect()
}

/// A store's facts after a sequence, oldest first, at most `limit`.
pub fn after(rows: &dyn Rows, store: StoreId, sequence: u64, limit: usize) -> Vec<Entry> {
    let mut entries = Vec::new();
    let from = key(&[store.as_bytes(), &ordered(sequence.saturating_add(1))]);
    let to = super::rows::after_prefix(store.as_bytes());
    rows.range(
        Table::Journal,
        &from,
        &to,
        Order::Ascending,
        &mut |_, value| {
            entries.push(decode(value));
            if entries.len() < limit {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        },
    );
    entries
}

/// A store's facts since a time, newest first; `None` if there are more than `limit`. Times are wall time: the look ends
/// at the first fact that is older.
pub fn since(rows: &dyn Rows, store: StoreId, from: Timestamp, limit: usize) -> Option<Vec<Entry>> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut too_many = false;
    rows.scan(
        Table::Journal,
        store.as_bytes(),
        Order::Descending,
        &mut |_, value| {
            let entry: Entry = decode(value);
            if entry.at < from {
                return ControlFlow::Break(());
            }
            too_many = entries.len() >= limit;
            if too_many {
                return ControlFlow::Break(());
            }
            entries.push(entry);
            ControlFlow::Continue(())
        },
    );
    (!too_many).then_some(entries)
}
