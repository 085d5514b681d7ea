//! What people note about their wallet: comments and labels of transactions, addresses and whatever else they name.
//!
//! A comment is a member of its object's data; a label is an object of its own, linked with what it is stuck to.

use std::collections::BTreeMap;

use bitcoin::Txid;

use super::WalletRefusal;
use crate::domain::ids::StoreId;
use crate::service::{Gateway, Unavailable};
use crate::store::wallet::{Name, Note};
use crate::store::{self, Rows, Tx, WriteError};

/// The type of a transaction.
pub const TX: &str = "tx";

/// The type of a label.
pub const LABEL: &str = "label";

/// A store's notes are a convenience, not a database.
const NOTES_MAX: usize = 100_000;

/// The longest data of a note, in bytes.
const DATA_BYTES_MAX: usize = 10_000;

/// Why a note is not kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteRefusal {
    /// 404 `paymentmethod-not-configured`.
    #[error("The store has no on-chain wallet.")]
    NoWallet,
    /// 404 `wallet-object-not-found`.
    #[error("Nothing is noted of this.")]
    Unknown,
    /// 422 `Type` or `Id`.
    #[error("A type has 1 to 50 characters, an id 1 to 500.")]
    Name,
    /// 422 `Data`.
    #[error("Data are a JSON object of at most 10,000 characters.")]
    Data,
    /// 400 `generic-error`.
    #[error("There are 100,000 notes already.")]
    Full,
    /// 503.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<WriteError> for NoteRefusal {
    fn from(error: WriteError) -> Self {
        Self::Unavailable(error.into())
    }
}

/// An object with what it is linked with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noted {
    /// The object.
    pub note: Note,
    /// Its links: the other end with the link's own data, and that object's data.
    pub links: Vec<(Note, Option<String>)>,
}

/// What a person noted about one thing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remarks {
    /// In their words.
    pub comment: String,
    /// Its labels, in order.
    pub labels: Vec<String>,
}

impl Gateway {
    /// Objects of a type, with these ids only if any are named; all of them without a type.
    pub async fn wallet_notes(
        &self,
        store: StoreId,
        kind: Option<String>,
        ids: Vec<String>,
    ) -> Result<Vec<Noted>, NoteRefusal> {
        self.check_wallet(store)?;
        let read = move |rows: &store::Snapshot| {
            let mut notes = store::wallet::objects(rows, store, kind.as_deref());
            notes.retain(|note| ids.is_empty() || ids.contains(&note.name.id));
            (notes.into_iter())
                .map(|note| noted(rows, store, note))
                .collect()
        };
        Ok(self.store.read(read).await)
    }

    /// One object.
    pub async fn wallet_note(&self, store: StoreId, name: Name) -> Result<Noted, NoteRefusal> {
        self.check_wallet(store)?;
        let read = move |rows: &store::Snapshot| {
            let note = store::wallet::object(rows, store, &name)?;
            Some(noted(rows, store, note))
        };
        self.store.read(read).await.ok_or(NoteRefusal::Unknown)
    }

    /// Puts an object; its links stay.
    pub async fn put_wallet_note(&self, store: StoreId, note: Note) -> Result<Noted, NoteRefusal> {
        self.check_wallet(store)?;
        check_data(note.data.as_deref())?;
        self.store
            .try_write("wallet-note", move |tx| {
                check_room(tx, store, &note.name)?;
                store::wallet::put_object(tx, store, &note);
                Ok(noted(tx, store, note))
            })
            .await
    }

    /// Removes an object and its links.
    pub async fn remove_wallet_note(&self, store: StoreId, name: Name) -> Result<(), NoteRefusal> {
        self.check_wallet(store)?;
        self.store
            .try_write("wallet-note-remove", move |tx| {
                store::wallet::object(tx, store, &name).ok_or(NoteRefusal::Unknown)?;
                store::wallet::remove_object(tx, store, &name);
                Ok(())
            })
            .await
    }

    /// Links two objects; one that is not there yet is put.
    pub async fn link_wallet_notes(
        &self,
        store: StoreId,
        one: Name,
        other: Name,
        data: Option<String>,
    ) -> Result<(), NoteRefusal> {
        self.check_wallet(store)?;
        check_data(data.as_deref())?;
        self.store
            .try_write("wallet-link", move |tx| {
                store::wallet::object(tx, store, &one).ok_or(NoteRefusal::Unknown)?;
                check_room(tx, store, &other)?;
                ensure(tx, store, &other);
                store::wallet::put_link(tx, store, &one, &other, data.as_deref());
                Ok(())
            })
            .await
    }

    /// Takes a link away.
    pub async fn unlink_wallet_notes(
        &self,
        store: StoreId,
        one: Name,
        other: Name,
    ) -> Result<(), NoteRefusal> {
        self.check_wallet(store)?;
        self.store
            .try_write("wallet-unlink", move |tx| {
                if !store::wallet::is_linked(tx, store, &one, &other) {
                    return Err(NoteRefusal::Unknown);
                }
                store::wallet::remove_link(tx, store, &one, &other);
                Ok(())
            })
            .await
    }

    /// Notes a comment on a transaction, and sticks labels to it. `None` changes nothing.
    pub async fn remark(
        &self,
        store: StoreId,
        txid: Txid,
        comment: Option<String>,
        labels: Vec<Name>,
    ) -> Result<(), NoteRefusal> {
        self.check_wallet(store)?;
        let name = Name::new(TX, &txid.to_string()).ok_or(NoteRefusal::Name)?;
        self.store
            .try_write("wallet-remark", move |tx| {
                check_room(tx, store, &name)?;
                let before = store::wallet::object(tx, store, &name);
                let data = before.and_then(|note| note.data);
                let data = match comment {
                    Some(comment) => with_comment(data.as_deref(), &comment),
                    None => data,
                };
                check_data(data.as_deref())?;
                let note = Note {
                    name: name.clone(),
                    data,
                };
                store::wallet::put_object(tx, store, &note);
                for label in labels {
                    ensure(tx, store, &label);
                    store::wallet::put_link(tx, store, &name, &label, None);
                }
                Ok(())
            })
            .await
    }

    /// What was noted about a store's transactions.
    pub async fn remarks(&self, store: StoreId) -> BTreeMap<String, Remarks> {
        self.store
            .read(move |rows| {
                store::wallet::objects(rows, store, Some(TX))
                    .into_iter()
                    .map(|note| {
                        let labels = store::wallet::links(rows, store, &note.name)
                            .into_iter()
                            .filter(|link| link.name.kind == LABEL)
                            .map(|link| link.name.id)
                            .collect();
                        let comment = comment_of(note.data.as_deref());
                        (note.name.id, Remarks { comment, labels })
                    })
                    .collect()
            })
            .await
    }

    fn check_wallet(&self, store: StoreId) -> Result<(), NoteRefusal> {
        let has = self.store.glance(|rows| {
            let shop = store::settings::get(rows, store);
            shop.is_some_and(|shop| shop.settings.has(crate::domain::receipt::Rail::Onchain))
        });
        has.then_some(()).ok_or(NoteRefusal::NoWallet)
    }
}

impl From<NoteRefusal> for WalletRefusal {
    fn from(refusal: NoteRefusal) -> Self {
        match refusal {
            NoteRefusal::NoWallet => Self::NoWallet,
            NoteRefusal::Unavailable(why) => Self::Unavailable(why),
            NoteRefusal::Unknown => Self::UnknownTransaction,
            NoteRefusal::Name | NoteRefusal::Data | NoteRefusal::Full => {
                Self::Unavailable(Unavailable::NotReady(refusal.to_string()))
            }
        }
    }
}

fn noted(rows: &dyn Rows, store: StoreId, note: Note) -> Noted {
    let links = store::wallet::links(rows, store, &note.name)
        .into_iter()
        .map(|link| {
            let other = store::wallet::object(rows, store, &link.name);
            (link, other.and_then(|other| other.data))
        })
        .collect();
    Noted { note, links }
}

fn ensure(tx: &mut Tx<'_>, store: StoreId, name: &Name) {
    if store::wallet::object(tx, store, name).is_none() {
        let note = Note {
            name: name.clone(),
            data: None,
        };
        store::wallet::put_object(tx, store, &note);
    }
}

fn check_room(tx: &Tx<'_>, store: StoreId, name: &Name) -> Result<(), NoteRefusal> {
    let is_known = store::wallet::object(tx, store, name).is_some();
    if is_known || store::wallet::count(tx, store) < NOTES_MAX {
        Ok(())
    } else {
        Err(NoteRefusal::Full)
    }
}

fn check_data(data: Option<&str>) -> Result<(), NoteRefusal> {
    match data {
        Some(data) if data.len() > DATA_BYTES_MAX => Err(NoteRefusal::Data),
        Some(_) | None => Ok(()),
    }
}

fn comment_of(data: Option<&str>) -> String {
    let read = data.and_then(|data| serde_json::from_str::<serde_json::Value>(data).ok());
    read.and_then(|read| read.get("comment")?.as_str().map(str::to_owned))
        .unwrap_or_default()
}

fn with_comment(data: Option<&str>, comment: &str) -> Option<String> {
    let read = data.and_then(|data| serde_json::from_str(data).ok());
    let mut members: serde_json::Map<String, serde_json::Value> = read.unwrap_or_default();
    if comment.is_empty() {
        members.remove("comment");
    } else {
        members.insert("comment".to_owned(), comment.into());
    }
    (!members.is_empty()).then(|| serde_json::Value::Object(members).to_string())
}
