//! Requests that name themselves, so that their repetition does nothing twice (Greenfield D31).
//!
//! The name is committed in the job that acts, so no crash can part the two: either both are on disk or neither is. The
//! answer follows when it is known. A request that changed nothing leaves no trace: repeated, it is tried anew.

use std::collections::HashSet;
use std::future::Future;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use minicbor::{Decode, Encode};

use super::codec::{decode, encode};
use super::rows::{Order, Rows, key, ordered};
use super::tables::Table;
use super::tx::Tx;
use crate::domain::ids::StoreId;
use crate::domain::time::Timestamp;

/// How long a name is kept. A day is promised; clocks and clients may be a day off.
const KEPT_SECS: u64 = 2 * 86_400;

/// Names that have had their time and go with each new one.
const PRUNED_AT_ONCE: usize = 4;

/// Names of the requests that are being done.
#[derive(Debug, Default)]
pub struct UnderWay(Mutex<HashSet<[u8; 32]>>);

impl UnderWay {
    /// Takes a name until the answer is dropped; `None` while somebody has it. (What is kept is whole at any time, also
    /// if another thread panicked.)
    pub fn take(self: &Arc<Self>, name: [u8; 32]) -> Option<Taken> {
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        names.insert(name).then(|| Taken {
            name,
            of: self.clone(),
        })
    }
}

/// A name, for as long as its request is being done.
#[derive(Debug)]
pub struct Taken {
    name: [u8; 32],
    of: Arc<UnderWay>,
}

impl Drop for Taken {
    fn drop(&mut self) {
        let mut names = self.of.0.lock().unwrap_or_else(PoisonError::into_inner);
        names.remove(&self.name);
    }
}

/// A request that named itself.
#[derive(Debug)]
pub struct Ticket {
    /// Who asked what under which name: a hash.
    name: Taken,
    /// A hash of what was sent.
    body: [u8; 32],
    /// When.
    at: Timestamp,
    /// It was done before, and is to be done again: what it came to is lost.
    again: bool,
    acted: AtomicBool,
}

impl Ticket {
    /// A request that has not acted yet. `again`: it has, but what it came to is lost, and it is to be done anew.
    pub const fn new(name: Taken, body: [u8; 32], at: Timestamp, again: bool) -> Self {
        Self {
            name,
            body,
            at,
            again,
            acted: AtomicBool::new(false),
        }
    }

    /// Who asked what under which name: a hash.
    pub const fn name(&self) -> [u8; 32] {
        self.name.name
    }

    /// It has changed something.
    pub fn has_acted(&self) -> bool {
        self.acted.load(Ordering::Acquire)
    }

    /// Another request of this name was faster.
    pub(super) fn is_taken(&self, rows: &dyn Rows) -> bool {
        !self.has_acted() && !self.again && find(rows, &self.name(), self.at).is_some()
    }
}

/// What a request of some name did.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Done {
    /// A hash of what was sent.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub body: [u8; 32],
    /// When.
    #[n(1)]
    pub at: Timestamp,
    /// In which store, if it told anything.
    #[n(2)]
    pub store: Option<StoreId>,
    /// The id of what it made or changed; empty if it told nothing.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub about: Vec<u8>,
    /// What was answered; missing if nobody got so far.
    #[n(4)]
    pub answer: Option<Answer>,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Answer {
    /// HTTP status.
    #[n(0)]
    pub status: u16,
    /// JSON, or nothing.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub body: Vec<u8>,
}

/// Where a request keeps its ticket.
pub type Slot = Arc<OnceLock<Ticket>>;

tokio::task_local! {
    static SLOT: Slot;
}

/// Answers a request that may get a ticket.
pub async fn within<T>(slot: Slot, request: impl Future<Output = T>) -> T {
    SLOT.scope(slot, request).await
}

/// From here on what this request writes is done under its name. Without a slot nothing is.
pub fn begin(ticket: Ticket) {
    let _ = SLOT.try_with(|slot| slot.set(ticket));
}

/// The slot of this request, if it has a ticket.
pub(super) fn current() -> Option<Slot> {
    let slot = SLOT.try_with(Arc::clone).ok()?;
    slot.get().is_some().then_some(slot)
}

/// What a request of this name did, if that is still known.
pub fn find(rows: &dyn Rows, name: &[u8; 32], now: Timestamp) -> Option<Done> {
    let done: Done = decode(&rows.get(Table::Once, name)?);
    (now < done.at.plus_secs(KEPT_SECS)).then_some(done)
}

/// Commits a name with what it did: `told` facts were there before.
pub(super) fn note(tx: &mut Tx<'_>, ticket: &Ticket, told: usize) {
    if ticket.acted.swap(true, Ordering::AcqRel) {
        return;
    }
    prune(tx, ticket.at);
    let told = tx.announced.get(told);
    let about = tx.about.take().or_else(|| {
        let entry = told?;
        Some((entry.store, entry.fact.object().to_vec()))
    });
    let (store, about) = about.unzip();
    let done = Done {
        body: ticket.body,
        at: ticket.at,
        store,
        about: about.unwrap_or_default(),
        answer: None,
    };
    if let Some(old) = tx.get(Table::Once, &ticket.name()) {
        let old: Done = decode(&old);
        tx.remove(Table::OnceByTime, &by_time(old.at, &ticket.name()));
    }
    tx.put(Table::Once, &ticket.name(), &encode(&done));
    tx.put(Table::OnceByTime, &by_time(done.at, &ticket.name()), &[]);
}

/// Takes a name back: what was to be done outside of the file was refused, and nothing has happened.
pub(super) fn forget(tx: &mut Tx<'_>, ticket: &Ticket) {
    if ticket.acted.swap(false, Ordering::AcqRel) {
        let name = ticket.name();
        tx.remove(Table::Once, &name);
        tx.remove(Table::OnceByTime, &by_time(ticket.at, &name));
    }
}

/// Keeps the answer to a request that has acted.
pub fn put_answer(tx: &mut Tx<'_>, name: &[u8; 32], answer: Answer) {
    if let Some(row) = tx.get(Table::Once, name) {
        let done = Done {
            answer: Some(answer),
            ..decode(&row)
        };
        tx.put(Table::Once, name, &encode(&done));
    }
}

fn by_time(at: Timestamp, name: &[u8; 32]) -> Vec<u8> {
    key(&[&ordered(at.0), name])
}

fn prune(tx: &mut Tx<'_>, now: Timestamp) {
    let end = ordered(now.0.saturating_sub(KEPT_SECS * 1_000));
    let mut over = Vec::new();
    tx.range(
        Table::OnceByTime,
        &[],
        &end,
        Order::Ascending,
        &mut |row, _| {
            over.push(row.to_vec());
            if over.len() < PRUNED_AT_ONCE {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        },
    );
    for row in over {
        tx.remove(Table::Once, &row[8..]);
        tx.remove(Table::OnceByTime, &row);
    }
}
