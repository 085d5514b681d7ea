//! The store: one redb file, one writer, group commit, snapshots for readers.
//!
//! `write` sends a job to the writer and waits until what it did is durable. Rooms beside this file give
//! rows their types: keys, records, indexes.

pub mod access;
pub mod channel;
pub mod check;
pub mod codec;
pub mod deposit;
pub mod draft;
pub mod hold;
pub mod invoice;
pub mod journal;
pub mod ledger;
pub mod mark;
pub mod migrate;
pub mod node;
pub mod once;
pub mod payout;
pub mod payout_queue;
pub mod pull_payment;
pub mod receipt;
pub mod rows;
pub mod settings;
pub mod signals;
pub mod tables;
pub mod till;
pub mod tx;
pub mod wallet;
pub mod webhook;
pub mod writer;

use std::fs;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use redb::{Builder, Database, ReadableDatabase, StorageBackend};
use tokio::sync::oneshot;

pub use rows::{Order, Rows};
pub use signals::{Signals, Wake};
pub use tables::Table;
pub use tx::{Snapshot, Tx};
pub use writer::{Fatal, Turn, Writer};

use crate::domain::ids::StoreId;
use crate::wallet::{Tills, WatchList};
use writer::{Job, QUEUE_MAX, Queue};

/// redb's page cache. Its default is a gigabyte; ours has to fit into tens of megabytes in all.
const CACHE_BYTES: usize = 16 * 1_024 * 1_024;

/// A write that was not done. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// Too many are waiting: try again soon.
    #[error("the writer is busy")]
    Busy,
    /// The job failed inside, or the store is closed.
    #[error("the write was not done")]
    Failed,
}

/// Opening the file failed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open.
    #[error("another process is using this data directory")]
    InUse,
    /// It is there and can't be read; it is never recreated.
    #[error("the database file is damaged or not ours: {0}")]
    Damaged(String),
    /// The disk or its file system refuses: it is full, or this user may not.
    #[error("the database file can't be opened: {0}")]
    Refused(String),
    /// It is from a later version.
    #[error("the database file has format {found}, this version knows up to {known}")]
    TooNew {
        /// Format of the file.
        found: u64,
        /// Newest format known.
        known: u64,
    },
    /// A row does not fit its neighbours: nothing runs until it is looked at.
    #[error("the database file contradicts itself: {0}")]
    Inconsistent(String),
}

impl OpenError {
    /// What redb says. A disk without space and a file of somebody else are not damage.
    fn from_redb(error: &redb::Error) -> Self {
        use io::ErrorKind::{PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
        let text = error.to_string();
        match error {
            redb::Error::Io(e)
                if matches!(
                    e.kind(),
                    StorageFull | QuotaExceeded | ReadOnlyFilesystem | PermissionDenied
                ) =>
            {
                Self::Refused(text)
            }
            _ => Self::Damaged(text),
        }
    }
}

/// Looks at every row, and loads the tills. A row that can't be read is told like any other damage.
fn read_through(snapshot: &Snapshot) -> Result<Tills, OpenError> {
    let read = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        check::check(snapshot)?;
        till::load(snapshot)
    }));
    match read {
        Ok(tills) => tills.map_err(OpenError::Inconsistent),
        Err(panic) => Err(OpenError::Damaged(writer::panic_message(panic.as_ref()))),
    }
}

/// A handle on the open file; cheap to clone.
#[derive(Clone)]
pub struct Store {
    db: Arc<Database>,
    queue: Arc<Queue>,
    signals: Arc<Signals>,
    watch: Arc<WatchList>,
    named: Arc<once::UnderWay>,
    reads_inline: bool,
}

impl Store {
    /// Opens or creates the file, migrates and checks it. The writer is to be driven by the caller.
    pub fn open(path: &Path) -> Result<(Self, Writer), OpenError> {
        match fs::metadata(path) {
            // A new file gets its name when it is whole: this one was cut off.
            Ok(file) if file.len() == 0 => Err(OpenError::Damaged("it is empty".to_owned())),
            Ok(_) => Self::open_with(|builder| builder.open(path), || Ok(())),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Self::create(path),
            Err(e) => Err(OpenError::Refused(e.to_string())),
        }
    }

    fn create(path: &Path) -> Result<(Self, Writer), OpenError> {
        let mut draft = path.as_os_str().to_owned();
        draft.push(".new");
        let draft = Path::new(&draft);
        // Left by a process that ended on its first start: there is nothing in it.
        match fs::remove_file(draft) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                return Err(OpenError::Refused(e.to_string()));
            }
            Ok(()) | Err(_) => {}
        }
        let name = || {
            fs::rename(draft, path)?;
            let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty());
            fs::File::open(dir.unwrap_or(Path::new(".")))?.sync_all()
        };
        // What is in it is for its owner's eyes, wherever it is copied or moved to: redb takes the empty file as it is.
        fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(draft)
            .map_err(|e| OpenError::Refused(e.to_string()))?;
        Self::open_with(|builder| builder.create(draft), name)
    }

    /// The same over another storage, for tests and benches.
    pub fn open_backend(backend: impl StorageBackend) -> Result<(Self, Writer), OpenError> {
        Self::open_with(|builder| builder.create_with_backend(backend), || Ok(()))
    }

    /// `name` gives a new file its name, once it is whole.
    fn open_with(
        create: impl FnOnce(&Builder) -> Result<Database, redb::DatabaseError>,
        name: impl FnOnce() -> io::Result<()>,
    ) -> Result<(Self, Writer), OpenError> {
        let mut builder = Database::builder();
        builder.set_cache_size(CACHE_BYTES);
        // A corrupt file may make redb panic while it opens.
        let opened = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| create(&builder)));
        let db = match opened {
            Ok(Ok(db)) => Arc::new(db),
            Ok(Err(redb::DatabaseError::DatabaseAlreadyOpen)) => return Err(OpenError::InUse),
            Ok(Err(error)) => return Err(OpenError::from_redb(&error.into())),
            Err(_) => return Err(OpenError::Damaged("it can't be parsed".to_owned())),
        };
        migrate::bring_up_to_date(&db)?;
        name().map_err(|e| OpenError::Refused(e.to_string()))?;
        let snapshot = Snapshot::new(
            db.begin_read()
                .map_err(|e| OpenError::Damaged(e.to_string()))?,
        );
        let tills = read_through(&snapshot)?;
        let watch = tills.watch();
        for script in node::addresses(&snapshot) {
            watch.add_script(&script);
        }
        drop(snapshot);
        let queue = Arc::new(Queue::default());
        let signals = Arc::new(Signals::default());
        let writer = Writer::new(db.clone(), queue.clone(), signals.clone(), tills);
        let store = Self {
            db,
            queue,
            signals,
            watch,
            named: Arc::default(),
            reads_inline: false,
        };
        Ok((store, writer))
    }

    /// The same store, whose readers look on their own thread: for a simulator, which has only one.
    #[must_use]
    pub fn reading_inline(mut self) -> Self {
        self.reads_inline = true;
        self
    }

    /// Wake flags and live facts.
    pub fn signals(&self) -> &Signals {
        &self.signals
    }

    /// What the tills watch for.
    pub fn watch(&self) -> Arc<WatchList> {
        self.watch.clone()
    }

    /// Runs a job that can't be refused and waits until it is durable. For requests: refused when too many wait. What a
    /// request does that named itself is committed with its name ([`once`]).
    pub async fn write<R: Send + 'static>(
        &self,
        label: &'static str,
        job: impl FnOnce(&mut Tx<'_>) -> R + Send + 'static,
    ) -> Result<R, WriteError> {
        if self.queue.len() >= QUEUE_MAX {
            return Err(WriteError::Busy);
        }
        let slot = once::current();
        let done = self
            .insist(label, move |tx| {
                let ticket = slot.as_ref().and_then(|slot| slot.get());
                if ticket.is_some_and(|ticket| ticket.is_taken(tx)) {
                    return None;
                }
                let (writes, told) = (tx.writes, tx.announced.len());
                tx.about = None;
                let outcome = job(tx);
                if let Some(ticket) = ticket
                    && tx.writes > writes
                {
                    once::note(tx, ticket, told);
                }
                Some(outcome)
            })
            .await?;
        // The same request came twice at once, and the other one was faster: its answer is there in a moment.
        done.ok_or(WriteError::Busy)
    }

    /// The requests that named themselves and are being done.
    pub fn named(&self) -> &Arc<once::UnderWay> {
        &self.named
    }

    /// Whether what is done now is done for a request that named itself.
    pub fn is_named(&self) -> bool {
        once::current().is_some()
    }

    /// Commits the name of the request, if it has one, before something is done outside of the file. `about` is what a
    /// repetition is told by, if the answer is lost.
    pub async fn intend(&self, store: StoreId, about: Vec<u8>) -> Result<(), WriteError> {
        let Some(slot) = once::current() else {
            return Ok(());
        };
        let begun = self
            .insist("once-intend", move |tx| {
                let ticket = slot.get().filter(|ticket| !ticket.is_taken(tx))?;
                tx.concerns(store, &about);
                let told = tx.announced.len();
                once::note(tx, ticket, told);
                Some(())
            })
            .await?;
        begun.ok_or(WriteError::Busy)
    }

    /// Takes that name back: it was refused outside, for certain.
    pub async fn take_back(&self) -> Result<(), WriteError> {
        let Some(slot) = once::current() else {
            return Ok(());
        };
        let forget = move |tx: &mut Tx<'_>| {
            if let Some(ticket) = slot.get() {
                once::forget(tx, ticket);
            }
        };
        self.insist("once-take-back", forget).await
    }

    /// Runs a job that may refuse. It must not have written by then: nothing can be taken back.
    pub async fn try_write<R: Send + 'static, E: Send + From<WriteError> + 'static>(
        &self,
        label: &'static str,
        job: impl FnOnce(&mut Tx<'_>) -> Result<R, E> + Send + 'static,
    ) -> Result<R, E> {
        self.write(label, move |tx| {
            let before = tx.writes;
            let outcome = job(tx);
            assert!(
                outcome.is_ok() || tx.writes == before,
                "job {label} wrote before it refused"
            );
            outcome
        })
        .await?
    }

    /// Like [`Store::write`] for keepers, who wait instead of giving up.
    pub async fn insist<R: Send + 'static>(
        &self,
        label: &'static str,
        job: impl FnOnce(&mut Tx<'_>) -> R + Send + 'static,
    ) -> Result<R, WriteError> {
        let (answer, answered) = oneshot::channel();
        self.enqueue(label, job, move |outcome| {
            let _ = answer.send(outcome);
        });
        answered.await.map_err(|_| WriteError::Failed)
    }

    /// Queues a job now, in call order; `done` runs on the writer's thread once it is durable. Never refused.
    pub fn enqueue<R: Send + 'static>(
        &self,
        label: &'static str,
        job: impl FnOnce(&mut Tx<'_>) -> R + Send + 'static,
        done: impl FnOnce(R) + Send + 'static,
    ) {
        self.push(label, false, job, done);
    }

    /// The same for a job that nobody waits for: it stands in the same order, and rides with the next batch.
    pub fn enqueue_idle<R: Send + 'static>(
        &self,
        label: &'static str,
        job: impl FnOnce(&mut Tx<'_>) -> R + Send + 'static,
        done: impl FnOnce(R) + Send + 'static,
    ) {
        self.push(label, true, job, done);
    }

    fn push<R: Send + 'static>(
        &self,
        label: &'static str,
        idle: bool,
        job: impl FnOnce(&mut Tx<'_>) -> R + Send + 'static,
        done: impl FnOnce(R) + Send + 'static,
    ) {
        self.queue.push(Job {
            label,
            idle,
            run: Box::new(move |tx| {
                let outcome = job(tx);
                Box::new(move || done(outcome))
            }),
        });
    }

    /// Shows the last commit to a reader, on a blocking thread.
    pub async fn read<R: Send + 'static>(
        &self,
        look: impl FnOnce(&Snapshot) -> R + Send + 'static,
    ) -> R {
        if self.reads_inline {
            return look(&self.snapshot());
        }
        let store = self.clone();
        match tokio::task::spawn_blocking(move || look(&store.snapshot())).await {
            Ok(seen) => seen,
            Err(failed) => std::panic::resume_unwind(failed.into_panic()),
        }
    }

    /// Shows the last commit to a reader on its own thread: for a row or two of small tables that are always in
    /// memory, where the trip to a blocking thread would cost more than the look.
    pub fn glance<R>(&self, look: impl FnOnce(&Snapshot) -> R) -> R {
        look(&self.snapshot())
    }

    /// The last commit, for threads that may block.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::new(
            self.db
                .begin_read()
                .unwrap_or_else(|e| panic!("{}: {e}", writer::IO_FAILED)),
        )
    }

    /// Jobs waiting now.
    pub fn queue_len(&self) -> usize {
        self.queue.len()
    }

    /// Takes no more jobs; the writer ends when what was queued is committed.
    pub fn close(&self) {
        self.queue.close();
    }
}
