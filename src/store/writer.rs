//! The one writer: takes jobs off a queue, runs a batch in one transaction, commits, then answers.
//!
//! No timer for what anybody waits for: the fsync is the batching window. A job that nobody waits for rides along with
//! the next batch, or makes its own after ten milliseconds. Answers come after the commit, never before (P12).
//! [`Writer::turn`] does one batch and has two drivers: the thread of [`spawn`], and a simulator, inline.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use redb::{Database, Durability};
use tracing::{error, warn};

use super::signals::Signals;
use super::tx::Tx;
#[cfg(debug_assertions)]
use crate::sabotage::{Bug, is_planted};
use crate::wallet::Tills;

/// What a commit may hold: some hundred jobs take as long as the fsync after them.
pub const COMMIT_BATCH_MAX: usize = 512;

/// A job that nobody waits for rides with the next one that somebody does, or starts a batch of its own after this
/// time: it costs no fsync of its own, and a crash takes no more than this.
const IDLE_JOB_WAIT: Duration = Duration::from_millis(10);

/// Requests are turned away (503) above this many queued jobs; keepers and LDK are not.
pub const QUEUE_MAX: usize = 2_048;

/// A job that holds the thread LDK waits for longer than this is logged.
const SLOW_JOB: Duration = Duration::from_millis(20);

pub(super) const IO_FAILED: &str = "the database file failed";

/// The end: the store can't go on. The thread driver aborts the process, a simulator drops the world.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Fatal(pub String);

type Answer = Box<dyn FnOnce() + Send>;
type Run = Box<dyn FnOnce(&mut Tx<'_>) -> Answer + Send>;

/// A job: what to do inside the transaction; it returns how to answer once that is durable.
pub(super) struct Job {
    pub(super) label: &'static str,
    /// Nobody waits for it.
    pub(super) idle: bool,
    pub(super) run: Run,
}

/// The queue before the writer.
#[derive(Default)]
pub(super) struct Queue {
    state: Mutex<QueueState>,
    filled: Condvar,
}

#[derive(Default)]
struct QueueState {
    jobs: VecDeque<Job>,
    /// How many of them somebody waits for.
    awaited: usize,
    /// Since when, at least, one waits that nobody waits for.
    idle_since: Option<Instant>,
    closed: bool,
}

impl Queue {
    /// Adds a job at the end. Once the store is closed the job is dropped, and with it its answer.
    pub(super) fn push(&self, job: Job) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.closed {
            return;
        }
        if job.idle {
            state.idle_since.get_or_insert_with(Instant::now);
        } else {
            state.awaited += 1;
        }
        // An idle job alone makes the writer look at the clock, once.
        if !job.idle || state.jobs.is_empty() {
            self.filled.notify_one();
        }
        state.jobs.push_back(job);
    }

    pub(super) fn len(&self) -> usize {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.jobs.len()
    }

    pub(super) fn close(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.closed = true;
        self.filled.notify_all();
    }

    /// What is queued, up to a batch; waits for a first job if `wait`. `None` once closed and empty.
    fn take(&self, wait: bool) -> Option<Vec<Job>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while wait && state.awaited == 0 && !state.closed {
            let Some(since) = state.idle_since else {
                state = self
                    .filled
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let left = IDLE_JOB_WAIT.saturating_sub(since.elapsed());
            if left.is_zero() {
                break;
            }
            (state, _) = self
                .filled
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner);
        }
        if state.jobs.is_empty() && state.closed {
            return None;
        }
        let count = state.jobs.len().min(COMMIT_BATCH_MAX);
        let jobs: Vec<Job> = state.jobs.drain(..count).collect();
        state.awaited -= jobs.iter().filter(|job| !job.idle).count();
        state.idle_since = (state.jobs.len() > state.awaited).then(Instant::now);
        Some(jobs)
    }
}

/// What one turn did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Ran this many jobs.
    Ran(usize),
    /// Closed, and everything queued before is committed.
    Closed,
}

/// The one writer of the file, with the tills that live beside it.
pub struct Writer {
    db: Arc<Database>,
    queue: Arc<Queue>,
    signals: Arc<Signals>,
    tills: Tills,
}

impl Writer {
    pub(super) const fn new(
        db: Arc<Database>,
        queue: Arc<Queue>,
        signals: Arc<Signals>,
        tills: Tills,
    ) -> Self {
        Self {
            db,
            queue,
            signals,
            tills,
        }
    }

    /// One batch: run, commit if anything was written, answer, wake. With `wait` it blocks for a first job.
    pub fn turn(&mut self, wait: bool) -> Result<Turn, Fatal> {
        let Some(jobs) = self.queue.take(wait) else {
            return Ok(Turn::Closed);
        };
        let count = jobs.len();
        if count == 0 {
            return Ok(Turn::Ran(0));
        }
        #[expect(clippy::disallowed_methods, reason = "this is the writer")]
        let mut txn = self.db.begin_write().map_err(fatal)?;
        // One-phase: one fsync a commit (decision 0003).
        txn.set_durability(Durability::Immediate).map_err(fatal)?;
        let mut answers = Vec::with_capacity(count);
        let (wrote, wakes, facts) = {
            let mut tx = Tx::new(&txn, &mut self.tills);
            for job in jobs {
                answers.extend(run(&mut tx, job)?);
            }
            catch_unwind(AssertUnwindSafe(|| tx.put_till_changes()))
                .map_err(|panic| Fatal(panic_message(panic.as_ref())))?;
            (tx.writes > 0, tx.wakes, std::mem::take(&mut tx.announced))
        };
        #[cfg(debug_assertions)]
        if is_planted(Bug::AcknowledgeBeforeCommit) {
            for answer in answers.drain(..) {
                answer();
            }
        }
        if wrote {
            txn.commit().map_err(fatal)?;
        } else {
            txn.abort().map_err(fatal)?;
        }
        for answer in answers {
            answer();
        }
        self.signals.fire(wakes, facts);
        Ok(Turn::Ran(count))
    }

    /// Turns until the store is closed.
    fn drive(mut self) {
        loop {
            // A panic outside a job is the file's too: a process without its writer is worse than none.
            let turn = catch_unwind(AssertUnwindSafe(|| self.turn(true)))
                .unwrap_or_else(|panic| Err(Fatal(panic_message(panic.as_ref()))));
            match turn {
                Ok(Turn::Ran(_)) => {}
                Ok(Turn::Closed) => return,
                Err(fatal) => {
                    error!("the store can't go on, the process ends: {fatal}");
                    std::process::abort();
                }
            }
        }
    }
}

/// Runs one job. A panic before its first write is a bug of one request; after it, nobody knows what the
/// transaction holds, and the transaction may hold LDK's writes.
fn run(tx: &mut Tx<'_>, job: Job) -> Result<Option<Answer>, Fatal> {
    let Job { label, run, .. } = job;
    let before = tx.writes;
    let started = Instant::now();
    let outcome = catch_unwind(AssertUnwindSafe(|| run(tx)));
    let took = started.elapsed();
    if took > SLOW_JOB {
        warn!(job = label, millis = took.as_millis(), "slow job {label}");
    }
    match outcome {
        Ok(answer) => Ok(Some(answer)),
        Err(panic) => {
            let why = panic_message(panic.as_ref());
            if tx.writes > before || why.starts_with(IO_FAILED) {
                return Err(Fatal(format!("job {label}: {why}")));
            }
            error!(job = label, "job {label} panicked before it wrote: {why}");
            Ok(None)
        }
    }
}

pub(super) fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string))
        .unwrap_or_else(|| "a panic without a message".to_owned())
}

fn fatal(error: impl Into<redb::Error>) -> Fatal {
    Fatal(format!("{IO_FAILED}: {}", error.into()))
}

/// Starts the writer's thread. Joining it after [`super::Store::close`] means that everything is on disk.
pub fn spawn(writer: Writer) -> std::io::Result<std::thread::JoinHandle<()>> {
    std::thread::Builder::new()
        .name("writer".to_owned())
        .spawn(move || writer.drive())
}
