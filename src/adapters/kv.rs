//! LDK's state in our file: its key-value store on top of our writer.
//!
//! Every write stands in the writer's one queue in the order of the calls, so a crash leaves a prefix of one
//! history. Reads see what is queued. A write never answers with an error (LDK would panic and half of it go on):
//! if the store is gone while something must become durable, the process ends.

mod durability;
mod files;

use std::collections::HashMap;
use std::future::Future;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, mpsc};

use ldk_node::lightning::io;
use ldk_node::lightning::util::persist::{KVStore, KVStoreSync};
use tokio::sync::oneshot;
use tracing::error;

pub use durability::{Durability, Home, home};

use crate::store::{Order, Rows, Store, Table, Tx, Wake};
use files::CacheFiles;

/// Above this much queued that nobody waits for, writers wait after all: memory is bounded, and so is what a crash
/// takes.
pub const RELAXED_BYTES_MAX: usize = 8 * 1_024 * 1_024;

type Answer<T> = Pin<Box<dyn Future<Output = Result<T, io::Error>> + Send + 'static>>;

/// LDK's key-value store over [`Store`]; keys are `primary NUL secondary NUL key` in [`Table::Ldk`].
#[derive(Clone)]
pub struct LdkStore(Arc<Inner>);

struct Inner {
    /// Gone after [`LdkStore::release`].
    store: RwLock<Option<Store>>,
    files: CacheFiles,
    queued: Mutex<Queued>,
}

/// Writes that are queued and not yet committed.
#[derive(Default)]
struct Queued {
    last_seq: u64,
    by_key: HashMap<Vec<u8>, Pending>,
    relaxed_bytes: usize,
}

struct Pending {
    seq: u64,
    /// `None` removes.
    value: Option<Arc<Vec<u8>>>,
}

impl LdkStore {
    /// Over an open store; the caches go to an existing folder of their own.
    pub fn new(store: Store, cache_folder: PathBuf) -> Self {
        Self(Arc::new(Inner {
            store: RwLock::new(Some(store)),
            files: CacheFiles::new(cache_folder),
            queued: Mutex::default(),
        }))
    }

    /// Whether LDK has never written anything here.
    pub fn is_unused(&self) -> bool {
        let queued = self.queued();
        let snapshot = self.store().snapshot();
        let mut rows = false;
        snapshot.scan(Table::Ldk, &[], Order::Ascending, &mut |_, _| {
            rows = true;
            ControlFlow::Break(())
        });
        !rows && queued.by_key.is_empty()
    }

    /// Forgets everything. Only for a node that was built on an unused store and has never started.
    pub fn forget_all(&self) {
        let (answer, answered) = mpsc::channel();
        self.store().enqueue(
            "ldk-forget-all",
            |tx| {
                let mut keys = Vec::new();
                tx.scan(Table::Ldk, &[], Order::Ascending, &mut |key, _| {
                    keys.push(key.to_vec());
                    ControlFlow::Continue(())
                });
                for key in keys {
                    tx.remove(Table::Ldk, &key);
                }
            },
            move |()| {
                let _ = answer.send(());
            },
        );
        answered.recv().unwrap_or_else(|_| store_is_gone());
    }

    /// Lets go of the file once the node has stopped: a node holds itself in a circle and is never quite dropped.
    pub fn release(&self) {
        let mut store = self.0.store.write().unwrap_or_else(PoisonError::into_inner);
        *store = None;
    }

    fn store(&self) -> Store {
        let store = self.0.store.read().unwrap_or_else(PoisonError::into_inner);
        store.clone().unwrap_or_else(|| store_is_gone())
    }

    fn queued(&self) -> MutexGuard<'_, Queued> {
        self.0.queued.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, primary: &str, secondary: &str, key: &str) -> Result<Vec<u8>, io::Error> {
        if home(primary, secondary, key, &[]) == Home::CacheFile {
            return self.0.files.read(key).ok_or_else(not_found);
        }
        let row = row_key(primary, secondary, key);
        let queued = self
            .queued()
            .by_key
            .get(&row)
            .map(|pending| pending.value.clone());
        match queued {
            Some(value) => value.map(|value| value.to_vec()),
            // What is no longer queued is committed, and a snapshot taken from now on shows it.
            None => self.store().snapshot().get(Table::Ldk, &row),
        }
        .ok_or_else(not_found)
    }

    fn keys(&self, primary: &str, secondary: &str) -> Vec<String> {
        let prefix = row_key(primary, secondary, "");
        let queued = self.queued();
        let snapshot = self.store().snapshot();
        let mut keys = Vec::new();
        snapshot.scan(Table::Ldk, &prefix, Order::Ascending, &mut |key, _| {
            if !queued.by_key.contains_key(key) {
                keys.push(name_in(key, &prefix));
            }
            ControlFlow::Continue(())
        });
        for (key, pending) in &queued.by_key {
            if pending.value.is_some() && key.starts_with(&prefix) {
                keys.push(name_in(key, &prefix));
            }
        }
        keys
    }

    /// What the removal of a value waits for: what its writing waited for, if that is only known from the value.
    fn removal_of(&self, primary: &str, secondary: &str, key: &str, lazy: bool) -> Durability {
        let value = (primary == "payments")
            .then(|| self.get(primary, secondary, key).ok())
            .flatten();
        match value.map(|value| home(primary, secondary, key, &value)) {
            Some(Home::Store(durability)) => durability,
            Some(Home::CacheFile) | None => removal(lazy),
        }
    }

    /// Queues a write or a removal, in call order. `done` is kept until it is durable and called then.
    fn queue(
        &self,
        row: Vec<u8>,
        value: Option<Vec<u8>>,
        durability: Durability,
        done: impl FnOnce() + Send + 'static,
    ) -> Durability {
        let value = value.map(Arc::new);
        let bytes = row.len() + value.as_ref().map_or(0, |value| value.len());
        let mut queued = self.queued();
        let relaxed = match durability {
            Durability::Relaxed => bytes,
            Durability::Wait => 0,
        };
        queued.relaxed_bytes += relaxed;
        let durability = if queued.relaxed_bytes > RELAXED_BYTES_MAX {
            Durability::Wait
        } else {
            durability
        };
        queued.last_seq += 1;
        let seq = queued.last_seq;
        let pending = Pending {
            seq,
            value: value.clone(),
        };
        queued.by_key.insert(row.clone(), pending);

        let this = self.clone();
        let key = row.clone();
        let label = if value.is_some() {
            "ldk-write"
        } else {
            "ldk-remove"
        };
        let job = move |tx: &mut Tx<'_>| {
            // An older file would hold an older state of the channel.
            if key.starts_with(b"monitor") {
                tx.wake(Wake::Mark);
            }
            match value {
                Some(value) => tx.put(Table::Ldk, &key, &value),
                None => tx.remove(Table::Ldk, &key),
            }
        };
        let committed = move |()| {
            this.committed(&row, seq, relaxed);
            done();
        };
        // Still under the lock: the queue's order is the order of the calls.
        match durability {
            Durability::Wait => self.store().enqueue(label, job, committed),
            Durability::Relaxed => self.store().enqueue_idle(label, job, committed),
        }
        durability
    }

    /// Runs on the writer's thread.
    fn committed(&self, row: &[u8], seq: u64, relaxed: usize) {
        let mut queued = self.queued();
        queued.relaxed_bytes -= relaxed;
        if queued.by_key.get(row).is_some_and(|last| last.seq == seq) {
            queued.by_key.remove(row);
        }
    }

    fn change_sync(&self, row: Vec<u8>, value: Option<Vec<u8>>, durability: Durability) {
        let (answer, answered) = mpsc::channel();
        let done = move || {
            let _ = answer.send(());
        };
        match self.queue(row, value, durability, done) {
            Durability::Wait => answered.recv().unwrap_or_else(|_| store_is_gone()),
            Durability::Relaxed => {}
        }
    }

    fn change_async(
        &self,
        row: Vec<u8>,
        value: Option<Vec<u8>>,
        durability: Durability,
    ) -> Answer<()> {
        let (answer, answered) = oneshot::channel();
        let done = move || {
            let _ = answer.send(());
        };
        match self.queue(row, value, durability, done) {
            Durability::Wait => Box::pin(async move {
                answered.await.unwrap_or_else(|_| store_is_gone());
                Ok(())
            }),
            Durability::Relaxed => ready(Ok(())),
        }
    }
}

impl KVStoreSync for LdkStore {
    fn read(&self, primary: &str, secondary: &str, key: &str) -> Result<Vec<u8>, io::Error> {
        self.get(primary, secondary, key)
    }

    fn write(
        &self,
        primary: &str,
        secondary: &str,
        key: &str,
        buf: Vec<u8>,
    ) -> Result<(), io::Error> {
        match home(primary, secondary, key, &buf) {
            Home::CacheFile => self.0.files.write(key, &buf),
            Home::Store(durability) => {
                self.change_sync(row_key(primary, secondary, key), Some(buf), durability);
            }
        }
        Ok(())
    }

    fn remove(
        &self,
        primary: &str,
        secondary: &str,
        key: &str,
        lazy: bool,
    ) -> Result<(), io::Error> {
        match home(primary, secondary, key, &[]) {
            Home::CacheFile => self.0.files.remove(key),
            Home::Store(_) => {
                let durability = self.removal_of(primary, secondary, key, lazy);
                self.change_sync(row_key(primary, secondary, key), None, durability);
            }
        }
        Ok(())
    }

    fn list(&self, primary: &str, secondary: &str) -> Result<Vec<String>, io::Error> {
        Ok(self.keys(primary, secondary))
    }
}

impl KVStore for LdkStore {
    fn read(&self, primary: &str, secondary: &str, key: &str) -> Answer<Vec<u8>> {
        ready(self.get(primary, secondary, key))
    }

    fn write(&self, primary: &str, secondary: &str, key: &str, buf: Vec<u8>) -> Answer<()> {
        match home(primary, secondary, key, &buf) {
            Home::CacheFile => {
                self.0.files.write(key, &buf);
                ready(Ok(()))
            }
            Home::Store(durability) => {
                self.change_async(row_key(primary, secondary, key), Some(buf), durability)
            }
        }
    }

    fn remove(&self, primary: &str, secondary: &str, key: &str, lazy: bool) -> Answer<()> {
        match home(primary, secondary, key, &[]) {
            Home::CacheFile => {
                self.0.files.remove(key);
                ready(Ok(()))
            }
            Home::Store(_) => {
                self.change_async(row_key(primary, secondary, key), None, removal(lazy))
            }
        }
    }

    fn list(&self, primary: &str, secondary: &str) -> Answer<Vec<String>> {
        ready(Ok(self.keys(primary, secondary)))
    }
}

/// A lazy removal may be lost: LDK does it again.
const fn removal(lazy: bool) -> Durability {
    if lazy {
        Durability::Relaxed
    } else {
        Durability::Wait
    }
}

/// LDK's names hold only letters, digits, `-` and `_`, so NUL can't occur in them.
fn row_key(primary: &str, secondary: &str, key: &str) -> Vec<u8> {
    [primary, secondary, key].join("\0").into_bytes()
}

fn name_in(row: &[u8], prefix: &[u8]) -> String {
    String::from_utf8_lossy(&row[prefix.len()..]).into_owned()
}

fn not_found() -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, "no such key")
}

fn ready<T: Send + 'static>(answer: Result<T, io::Error>) -> Answer<T> {
    Box::pin(std::future::ready(answer))
}

/// Fail-stop: LDK may neither go on without this write nor be told that it failed.
fn store_is_gone() -> ! {
    error!("the store is closed under the Lightning node, the process ends");
    std::process::abort()
}

#[cfg(test)]
mod tests;
