//! Rows of what a store's wallet shows and of what people note about it.
//!
//! Notes are a small graph: objects of a type with an id (a transaction, an address, a label), some with data, and links
//! between them. A link stands in the table twice, once from each end.

use std::ops::ControlFlow;

use minicbor::{Decode, Encode};

use super::codec::{decode, encode};
use super::rows::{Order, Rows, key};
use super::tables::Table;
use super::tx::Tx;
use crate::domain::ids::StoreId;
use crate::domain::till::TillId;

/// The address that a store's wallet shows until it is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Reserved {
    /// Which till.
    #[n(0)]
    pub till: TillId,
    /// Which of its addresses.
    #[n(1)]
    pub index: u32,
}

/// The address that is shown now.
pub fn reserved(rows: &dyn Rows, store: StoreId) -> Option<Reserved> {
    rows.get(Table::ReservedAddresses, store.as_bytes())
        .map(|bytes| decode(&bytes))
}

/// Shows another address, or none.
pub fn put_reserved(tx: &mut Tx<'_>, store: StoreId, reserved: Option<Reserved>) {
    match reserved {
        Some(reserved) => tx.put(
            Table::ReservedAddresses,
            store.as_bytes(),
            &encode(&reserved),
        ),
        None => tx.remove(Table::ReservedAddresses, store.as_bytes()),
    }
}

/// What an object is called.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub struct Name {
    /// Its type, such as `tx`, `address`, `label`. Holds no NUL.
    #[n(0)]
    pub kind: String,
    /// Its id among those of its type. Holds no NUL.
    #[n(1)]
    pub id: String,
}

/// An object, or one end of a link, with a JSON object of its own.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Note {
    /// What it is called.
    #[n(0)]
    pub name: Name,
    /// A JSON object, as text.
    #[n(1)]
    pub data: Option<String>,
}

impl Name {
    /// A name; `None` if a part is empty, too long, or holds what keys can't.
    pub fn new(kind: &str, id: &str) -> Option<Self> {
        let fits =
            |text: &str, max: usize| !text.is_empty() && text.len() <= max && !text.contains('\0');
        (fits(kind, KIND_BYTES_MAX) && fits(id, ID_BYTES_MAX)).then(|| Self {
            kind: kind.to_owned(),
            id: id.to_owned(),
        })
    }

    fn key(&self) -> Vec<u8> {
        key(&[self.kind.as_bytes(), &[0], self.id.as_bytes(), &[0]])
    }
}

/// The longest type, in bytes.
const KIND_BYTES_MAX: usize = 50;

/// The longest id, in bytes.
const ID_BYTES_MAX: usize = 500;

/// An object; `None` if nobody has noted anything of it.
pub fn object(rows: &dyn Rows, store: StoreId, name: &Name) -> Option<Note> {
    rows.get(Table::WalletObjects, &key(&[store.as_bytes(), &name.key()]))
        .map(|bytes| decode(&bytes))
}

/// Objects of a type, or all, in the order of their names.
pub fn objects(rows: &dyn Rows, store: StoreId, kind: Option<&str>) -> Vec<Note> {
    let prefix = match kind {
        Some(kind) => key(&[store.as_bytes(), kind.as_bytes(), &[0]]),
        None => store.as_bytes().to_vec(),
    };
    scan(rows, Table::WalletObjects, &prefix)
}

/// How many objects a store has.
pub fn count(rows: &dyn Rows, store: StoreId) -> usize {
    let mut count = 0;
    rows.scan(
        Table::WalletObjects,
        store.as_bytes(),
        Order::Ascending,
        &mut |_, _| {
            count += 1;
            ControlFlow::Continue(())
        },
    );
    count
}

/// Puts an object.
pub fn put_object(tx: &mut Tx<'_>, store: StoreId, note: &Note) {
    let row = key(&[store.as_bytes(), &note.name.key()]);
    tx.put(Table::WalletObjects, &row, &encode(note));
}

/// Removes an object and every link of it.
pub fn remove_object(tx: &mut Tx<'_>, store: StoreId, name: &Name) {
    for link in links(tx, store, name) {
        remove_link(tx, store, name, &link.name);
    }
    tx.remove(Table::WalletObjects, &key(&[store.as_bytes(), &name.key()]));
}

/// What an object is linked with, and the link's own data.
pub fn links(rows: &dyn Rows, store: StoreId, name: &Name) -> Vec<Note> {
    let prefix = key(&[store.as_bytes(), &name.key()]);
    scan(rows, Table::WalletLinks, &prefix)
}

/// Whether two objects are linked.
pub fn is_linked(rows: &dyn Rows, store: StoreId, one: &Name, other: &Name) -> bool {
    rows.has(Table::WalletLinks, &link_row(store, one, other))
}

/// Links two objects.
pub fn put_link(tx: &mut Tx<'_>, store: StoreId, one: &Name, other: &Name, data: Option<&str>) {
    for (from, to) in [(one, other), (other, one)] {
        let note = Note {
            name: to.clone(),
            data: data.map(str::to_owned),
        };
        let row = link_row(store, from, to);
        tx.put(Table::WalletLinks, &row, &encode(&note));
    }
}

/// Takes a link away.
pub fn remove_link(tx: &mut Tx<'_>, store: StoreId, one: &Name, other: &Name) {
    for (from, to) in [(one, other), (other, one)] {
        tx.remove(Table::WalletLinks, &link_row(store, from, to));
    }
}

fn link_row(store: StoreId, from: &Name, to: &Name) -> Vec<u8> {
    key(&[store.as_bytes(), &from.key(), &to.key()])
}

fn scan(rows: &dyn Rows, table: Table, prefix: &[u8]) -> Vec<Note> {
    let mut notes = Vec::new();
    rows.scan(table, prefix, Order::Ascending, &mut |_, value| {
        notes.push(decode(value));
        ControlFlow::Continue(())
    });
    notes
}
