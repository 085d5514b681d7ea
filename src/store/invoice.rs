//! Rows of invoices: the invoice, its indexes, the hashes and addresses that lead to it.

use std::ops::ControlFlow;

use super::codec::{decode, encode};
use super::rows::{Order, Rows, key, ordered};
use super::signals::Wake;
use super::tables::Table;
use super::tx::Tx;
use crate::domain::ids::{InvoiceId, PaymentHash, StoreId};
use crate::domain::invoice::{Invoice, RECORD_SECS};
use crate::domain::till::TillId;
use crate::domain::time::Timestamp;
use minicbor::{Decode, Encode};

/// Who issued a payment hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum HashOwner {
    /// An invoice of a store.
    #[n(0)]
    Invoice {
        /// The store.
        #[n(0)]
        store: StoreId,
        /// The invoice.
        #[n(1)]
        invoice: InvoiceId,
    },
    /// An invoice made through the Lightning API.
    #[n(1)]
    Api {
        /// For whom.
        #[n(0)]
        store: StoreId,
    },
}

/// The invoice, if it is this store's.
pub fn get(rows: &dyn Rows, store: StoreId, id: InvoiceId) -> Option<Invoice> {
    let bytes = rows.get(Table::Invoices, &key(&[store.as_bytes(), id.as_bytes()]))?;
    let invoice: Invoice = decode(&bytes);
    assert!(invoice.is_consistent(), "invoice {id} contradicts itself");
    Some(invoice)
}

/// The store an invoice belongs to.
pub fn store_of(rows: &dyn Rows, id: InvoiceId) -> Option<StoreId> {
    rows.get(Table::InvoiceStore, id.as_bytes())
        .and_then(|bytes| StoreId::from_slice(&bytes))
}

/// The invoice, whosever it is.
pub fn find(rows: &dyn Rows, id: InvoiceId) -> Option<Invoice> {
    get(rows, store_of(rows, id)?, id)
}

/// Puts an invoice and all rows that lead to it.
pub fn put(tx: &mut Tx<'_>, invoice: &Invoice) {
    let (store, id) = (invoice.store, invoice.id);
    assert!(invoice.is_consistent(), "invoice {id} contradicts itself");
    let row = key(&[store.as_bytes(), id.as_bytes()]);
    let before = get(tx, store, id);
    if before.is_none() {
        tx.put(Table::InvoiceStore, id.as_bytes(), store.as_bytes());
        tx.put(Table::InvoicesByTime, &by_time(invoice), &[]);
    }
    if before.as_ref().is_none_or(|old| old.onchain.is_none())
        && let Some(place) = &invoice.onchain
    {
        let owner = key(&[&place.till.to_key(), &place.index.to_be_bytes()]);
        // P12 no invoice shares an address with another.
        assert!(
            !tx.has(Table::AddressOwners, &owner),
            "P12 address {} already has an invoice",
            place.address
        );
        tx.put(Table::AddressOwners, &owner, &row);
    }
    let known = before.as_ref().map_or(0, |old| old.lightning.len());
    for prompt in &invoice.lightning[known..] {
        let owner = HashOwner::Invoice { store, invoice: id };
        tx.put(Table::IssuedHashes, prompt.hash.as_bytes(), &encode(&owner));
        put_record_date(tx, prompt.hash, invoice.terms.expires_at);
    }
    put_deadline(
        tx,
        invoice,
        before.as_ref().and_then(Invoice::deadline),
        invoice.deadline(),
    );
    let wanted = before.as_ref().is_some_and(Invoice::wants_prompt);
    match (wanted, invoice.wants_prompt()) {
        (_, true) => {
            tx.put(Table::InvoicePrompts, &row, &[]);
            tx.wake(Wake::Prompts);
        }
        (true, false) => tx.remove(Table::InvoicePrompts, &row),
        (false, false) => {}
    }
    tx.put(Table::Invoices, &row, &encode(invoice));
}

fn put_deadline(
    tx: &mut Tx<'_>,
    invoice: &Invoice,
    before: Option<Timestamp>,
    after: Option<Timestamp>,
) {
    if before == after {
        return;
    }
    let agenda = |at: Timestamp| {
        key(&[
            &ordered(at.0),
            invoice.store.as_bytes(),
            invoice.id.as_bytes(),
        ])
    };
    if let Some(at) = before {
        tx.remove(Table::InvoiceAgenda, &agenda(at));
    }
    if let Some(at) = after {
        tx.put(Table::InvoiceAgenda, &agenda(at), &[]);
        tx.wake(Wake::Calendar);
    }
}

fn by_time(invoice: &Invoice) -> Vec<u8> {
    key(&[
        invoice.store.as_bytes(),
        &ordered(invoice.created.0),
        invoice.id.as_bytes(),
    ])
}

/// A store's invoices, newest first, until `visit` says stop.
pub fn newest_first(
    rows: &dyn Rows,
    store: StoreId,
    visit: &mut dyn FnMut(Invoice) -> ControlFlow<()>,
) {
    rows.scan(
        Table::InvoicesByTime,
        store.as_bytes(),
        Order::Descending,
        &mut |row, _| match InvoiceId::from_slice(&row[40..]).and_then(|id| get(rows, store, id)) {
            Some(invoice) => visit(invoice),
            None => ControlFlow::Continue(()),
        },
    );
}

/// The earliest date an invoice waits for.
pub fn next_deadline(rows: &dyn Rows) -> Option<Timestamp> {
    let mut first = None;
    rows.scan(
        Table::InvoiceAgenda,
        &[],
        Order::Ascending,
        &mut |row, _| {
            first = row[..8].try_into().ok().map(u64::from_be_bytes);
            ControlFlow::Break(())
        },
    );
    first.map(Timestamp)
}

/// Invoices whose date has come, at most `limit`.
pub fn due(rows: &dyn Rows, now: Timestamp, limit: usize) -> Vec<(StoreId, InvoiceId)> {
    let mut due = Vec::new();
    let end = ordered(now.0.saturating_add(1));
    rows.range(
        Table::InvoiceAgenda,
        &[],
        &end,
        Order::Ascending,
        &mut |row, _| {
            due.extend(StoreId::from_slice(&row[8..40]).zip(InvoiceId::from_slice(&row[40..])));
            if due.len() < limit {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        },
    );
    due
}

/// Invoices that want another BOLT11, at most `limit`.
pub fn wanting_prompts(rows: &dyn Rows, limit: usize) -> Vec<(StoreId, InvoiceId)> {
    let mut wanting = Vec::new();
    rows.scan(
        Table::InvoicePrompts,
        &[],
        Order::Ascending,
        &mut |row, _| {
            wanting.extend(StoreId::from_slice(&row[..32]).zip(InvoiceId::from_slice(&row[32..])));
            if wanting.len() < limit {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        },
    );
    wanting
}

/// Who issued this hash.
pub fn hash_owner(rows: &dyn Rows, hash: PaymentHash) -> Option<HashOwner> {
    rows.get(Table::IssuedHashes, hash.as_bytes())
        .map(|bytes| decode(&bytes))
}

/// Notes that the Lightning API issued this hash, for a BOLT11 that expires then.
pub fn put_api_hash(tx: &mut Tx<'_>, store: StoreId, hash: PaymentHash, expires_at: Timestamp) {
    let owner = HashOwner::Api { store };
    tx.put(Table::IssuedHashes, hash.as_bytes(), &encode(&owner));
    put_record_date(tx, hash, expires_at);
}

fn put_record_date(tx: &mut Tx<'_>, hash: PaymentHash, expires_at: Timestamp) {
    let date = ordered(expires_at.plus_secs(RECORD_SECS).0);
    tx.put(Table::RecordAgenda, &key(&[&date, hash.as_bytes()]), &[]);
}

/// Hashes whose record at the node may go by now, with their dates, at most `limit`.
pub fn dead_records(
    rows: &dyn Rows,
    now: Timestamp,
    limit: usize,
) -> Vec<(Timestamp, PaymentHash)> {
    let mut dead = Vec::new();
    let end = ordered(now.0.saturating_add(1));
    rows.range(
        Table::RecordAgenda,
        &[],
        &end,
        Order::Ascending,
        &mut |row, _| {
            let date = row[..8].try_into().map(u64::from_be_bytes).map(Timestamp);
            let hash = row[8..].try_into().map(PaymentHash);
            dead.extend(date.ok().zip(hash.ok()));
            if dead.len() < limit {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        },
    );
    dead
}

/// The record of this hash has gone, or never will.
pub fn forget_record_date(tx: &mut Tx<'_>, date: Timestamp, hash: PaymentHash) {
    let row = key(&[&ordered(date.0), hash.as_bytes()]);
    tx.remove(Table::RecordAgenda, &row);
}

/// Which invoice an address of a till was revealed for.
pub fn address_owner(rows: &dyn Rows, till: TillId, index: u32) -> Option<(StoreId, InvoiceId)> {
    let row = rows.get(
        Table::AddressOwners,
        &key(&[&till.to_key(), &index.to_be_bytes()]),
    )?;
    StoreId::from_slice(&row[..32]).zip(InvoiceId::from_slice(&row[32..]))
}
