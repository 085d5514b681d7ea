//! A few threads on which the node is called: its calls block, for a lock or for the store.

use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::Builder;
use std::time::{Duration, Instant};

use tracing::warn;

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
    /// Disconnected when the last thread has ended: each holds the other side.
    ended: Mutex<mpsc::Receiver<()>>,
}

impl Calls {
    pub(super) fn start() -> std::io::Result<Self> {
        let (sender, receiver) = mpsc::channel::<Job>();
        let receiver = Arc::new(Mutex::new(receiver));
        let (alive, ended) = mpsc::channel();
        for number in 0..THREADS {
            let (receiver, alive) = (receiver.clone(), alive.clone());
            Builder::new()
                .name(format!("ldk-call-{number}"))
                .spawn(move || {
                    work(&receiver);
                    drop(alive);
                })?;
        }
        Ok(Self {
            queue: Mutex::new(Some(sender)),
            ended: Mutex::new(ended),
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

    /// Waits until what was queued before [`Calls::close`] has been done, but not longer than this; false if some call
    /// goes on. ldk-node never ends a `connect` that waits for a connection of its own which a stop has cut off.
    pub(super) fn join(&self, at_most: Duration) -> bool {
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        let deadline = Instant::now() + at_most;
        loop {
            match ended.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(()) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => return true,
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    warn!("a call to the Lightning node does not end: it is left behind");
                    return false;
                }
            }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_never_ends_does_not_hold_up_the_end() {
        let calls = Calls::start().expect("threads");
        let (hold, held) = mpsc::channel::<()>();
        assert!(calls.push(Box::new(move || assert!(held.recv().is_err()))));
        calls.close();
        assert!(!calls.push(Box::new(|| ())), "closed");
        assert!(!calls.join(Duration::from_millis(1)));
        drop(hold);
        assert!(calls.join(Duration::from_secs(60)), "it has ended");
    }
}
