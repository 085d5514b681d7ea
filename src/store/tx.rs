//! [`Tx`]: what a job of the writer sees and changes. [`Snapshot`]: what a reader sees.

use std::cell::OnceCell;
use std::ops::Bound;
use std::sync::Arc;

use redb::{ReadTransaction, ReadableTable, WriteTransaction};

use super::rows::{Order, Rows, Visit};
use super::signals::{Wake, WakeSet};
use super::tables::{ALL, Table};
use crate::domain::fact::Entry;
use crate::domain::ids::StoreId;
use crate::wallet::Tills;

type OpenTable<'t> = redb::Table<'t, &'static [u8], &'static [u8]>;

/// One batch of jobs inside one write transaction: all tables, each opened when it is first named, and the tills.
///
/// A job reads and decides first and writes last; once it has written it can't refuse any more.
pub struct Tx<'t> {
    txn: &'t WriteTransaction,
    tables: [OnceCell<OpenTable<'t>>; ALL.len()],
    tills: &'t mut Tills,
    pub(super) writes: u64,
    pub(super) wakes: WakeSet,
    pub(super) announced: Vec<Arc<Entry>>,
    pub(super) about: Option<(StoreId, Vec<u8>)>,
}

impl<'t> Tx<'t> {
    pub(super) fn new(txn: &'t WriteTransaction, tills: &'t mut Tills) -> Self {
        Self {
            txn,
            tables: [const { OnceCell::new() }; ALL.len()],
            tills,
            writes: 0,
            wakes: WakeSet::default(),
            announced: Vec::new(),
            about: None,
        }
    }

    fn table(&self, table: Table) -> &OpenTable<'t> {
        self.tables[table as usize].get_or_init(|| {
            self.txn
                .open_table(table.definition())
                .unwrap_or_else(|e| io_failed(&e))
        })
    }

    fn table_mut(&mut self, table: Table) -> &mut OpenTable<'t> {
        self.table(table);
        self.tables[table as usize]
            .get_mut()
            .expect("it has just been opened")
    }

    /// Puts a row, replacing what was there.
    pub fn put(&mut self, table: Table, key: &[u8], value: &[u8]) {
        self.writes += 1;
        self.table_mut(table)
            .insert(key, value)
            .unwrap_or_else(|e| io_failed(&e));
    }

    /// Removes a row, if it is there.
    pub fn remove(&mut self, table: Table, key: &[u8]) {
        self.writes += 1;
        self.table_mut(table)
            .remove(key)
            .unwrap_or_else(|e| io_failed(&e));
    }

    /// The tills, for looking things up.
    pub fn tills(&self) -> &Tills {
        self.tills
    }

    /// The tills, for changing: counts as a write, since a change in memory can't be taken back.
    pub fn tills_mut(&mut self) -> &mut Tills {
        self.writes += 1;
        self.tills
    }

    /// Tries to change the tills: counts as a write only if that went well. What refuses must leave them as they were.
    pub fn try_tills<T, E>(
        &mut self,
        change: impl FnOnce(&mut Tills) -> Result<T, E>,
    ) -> Result<T, E> {
        self.writes += 1;
        let changed = change(self.tills);
        if changed.is_err() {
            self.writes -= 1;
        }
        changed
    }

    /// Says what a request that named itself made, where the first fact that is told does not say it ([`super::once`]).
    pub fn concerns(&mut self, store: StoreId, about: &[u8]) {
        self.about = Some((store, about.to_vec()));
    }

    /// Wakes a keeper once this is committed.
    pub fn wake(&mut self, wake: Wake) {
        self.wakes.add(wake);
    }

    /// Appends what the tills have staged, in the same commit as the rows that need it.
    pub(super) fn put_till_changes(&mut self) {
        if !self.tills.has_staged() {
            return;
        }
        for (key, value) in self.tills.take_staged() {
            self.put(Table::TillChanges, &key, &value);
        }
    }
}

impl Rows for Tx<'_> {
    fn get(&self, table: Table, key: &[u8]) -> Option<Vec<u8>> {
        get(self.table(table), key)
    }

    fn range(&self, table: Table, from: &[u8], to: &[u8], order: Order, visit: Visit<'_>) {
        range(self.table(table), from, to, order, visit);
    }
}

/// The file as the last commit left it.
pub struct Snapshot(ReadTransaction);

impl Snapshot {
    pub(super) const fn new(txn: ReadTransaction) -> Self {
        Self(txn)
    }
}

impl Rows for Snapshot {
    fn get(&self, table: Table, key: &[u8]) -> Option<Vec<u8>> {
        let table = self
            .0
            .open_table(table.definition())
            .unwrap_or_else(|e| io_failed(&e));
        get(&table, key)
    }

    fn range(&self, table: Table, from: &[u8], to: &[u8], order: Order, visit: Visit<'_>) {
        let table = self
            .0
            .open_table(table.definition())
            .unwrap_or_else(|e| io_failed(&e));
        range(&table, from, to, order, visit);
    }
}

fn get(table: &impl ReadableTable<&'static [u8], &'static [u8]>, key: &[u8]) -> Option<Vec<u8>> {
    table
        .get(key)
        .unwrap_or_else(|e| io_failed(&e))
        .map(|value| value.value().to_vec())
}

fn range(
    table: &impl ReadableTable<&'static [u8], &'static [u8]>,
    from: &[u8],
    to: &[u8],
    order: Order,
    visit: Visit<'_>,
) {
    if !to.is_empty() && from >= to {
        return;
    }
    let end = if to.is_empty() {
        Bound::Unbounded
    } else {
        Bound::Excluded(to)
    };
    let mut rows = table
        .range::<&[u8]>((Bound::Included(from), end))
        .unwrap_or_else(|e| io_failed(&e));
    loop {
        let next = match order {
            Order::Ascending => rows.next(),
            Order::Descending => rows.next_back(),
        };
        let Some(row) = next else { return };
        let (key, value) = row.unwrap_or_else(|e| io_failed(&e));
        if visit(key.value(), value.value()).is_break() {
            return;
        }
    }
}

/// The file can't be read or written: the panic hook ends the process on the writer's thread, and a reader's
/// request answers 500 while it does.
fn io_failed(error: &dyn std::fmt::Display) -> ! {
    panic!("{}: {error}", super::writer::IO_FAILED)
}
