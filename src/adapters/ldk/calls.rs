//! A few threads on which the node is called: its calls block, for a lock or for the store.

use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::{Builder, JoinHandle};

use crate::ports::lightning::NodeError;

/// A call that waits for a peer holds its thread for seconds; payments and invoices still find one.
const THREADS: usize = 6;

type Job = Box<dyn FnOnce() + Send>;

/// Why a call has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unanswered {
    /// It was not made: the node is not up, and this is why.
    NotUp(String),
    /// It was queued and perhaps made: it panicked, or the node was stopped before its turn.
    Lost,
}

impl From<Unanswered> for NodeError {
    fn from(unanswered: Unanswered) -> Self {
        match unanswered {
            Unanswered::NotUp(why) => Self::Unavailable(why),
            Unanswered::Lost => Self::Unavailable("it did not answer".to_owned()),
        }
    }
}

/// The threads and their queue.
pub(super) struct Calls {
    queue: Mutex<Option<mpsc::Sender<Job>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Calls {
    pub(super) fn start() -> std::io::Result<Self> {
        let (sender, receiver) = mpsc::channel::<Job>();
        let receiver = Arc::new(Mutex::new(receiver));
        let threads: std::io::Result<Vec<_>> = (0..THREADS)
            .map(|number| {
                let receiver = receiver.clone();
                Builder::new()
                    .name(format!("ldk-call-{number}"))
                    .spawn(move || work(&receiver))
            })
            .collect();
        Ok(Self {
            queue: Mutex::new(Some(sender)),
            threads: Mutex::new(threads?),
        })
    }

    /// Queues a call; false once closed.
    pub(super) fn push(&self, job: Job) -> bool {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.as_ref().is_some_and(|queue| queue.send(job).is_ok())
    }

    /// Takes no more calls.
    pub(super) fn close(&self) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        *queue = None;
    }

    /// Waits until what was queued before [`Calls::close`] has been done.
    pub(super) fn join(&self) {
        let threads = {
            let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *threads)
        };
        for thread in threads {
            // A panic there was reported by the hook.
            let _ = thread.join();
        }
    }
}

fn work(receiver: &Mutex<mpsc::Receiver<Job>>) {
    loop {
        let next = {
            let receiver = receiver.lock().unwrap_or_else(PoisonError::into_inner);
            receiver.recv()
        };
        match next {
            Ok(job) => job(),
            Err(mpsc::RecvError) => return,
        }
    }
}
