//! Futures on one thread, polled one at a time in an order that somebody else chooses.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// What runs: some part of the gateway, or a request of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Part of the process, for as long as it lives.
    Keeper,
    /// A request, over once it is answered.
    Request,
}

struct Ready(AtomicBool);

impl Wake for Ready {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}

struct Task {
    name: &'static str,
    kind: Kind,
    future: Pin<Box<dyn Future<Output = ()>>>,
    ready: Arc<Ready>,
}

/// The tasks of one process.
#[derive(Default)]
pub struct Tasks(Vec<Task>);

impl Tasks {
    /// Adds a task, to be polled when chosen.
    pub fn spawn(
        &mut self,
        name: &'static str,
        kind: Kind,
        future: impl Future<Output = ()> + 'static,
    ) {
        self.0.push(Task {
            name,
            kind,
            future: Box::pin(future),
            ready: Arc::new(Ready(AtomicBool::new(true))),
        });
    }

    /// Places of the tasks that want to be polled.
    pub fn ready(&self) -> Vec<usize> {
        (0..self.0.len())
            .filter(|place| self.0[*place].ready.0.load(Ordering::Acquire))
            .collect()
    }

    /// Places of the requests among them.
    pub fn ready_requests(&self) -> Vec<usize> {
        let mut places = self.ready();
        places.retain(|place| self.0[*place].kind == Kind::Request);
        places
    }

    /// Requests not answered yet.
    pub fn requests(&self) -> usize {
        let requests = self.0.iter().filter(|task| task.kind == Kind::Request);
        requests.count()
    }

    /// What a task is called.
    pub fn name(&self, place: usize) -> &'static str {
        self.0[place].name
    }

    /// Polls one task once; one that is over is gone. True if it is over.
    pub fn poll(&mut self, place: usize) -> bool {
        let task = &mut self.0[place];
        task.ready.0.store(false, Ordering::Release);
        let waker = Waker::from(task.ready.clone());
        let over = task
            .future
            .as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_ready();
        if over {
            self.0.remove(place);
        }
        over
    }
}

/// Lets others go first, once: a place at which the world may end the process.
#[derive(Default)]
pub struct Pause(bool);

impl Future for Pause {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.0 {
            return Poll::Ready(());
        }
        self.0 = true;
        context.waker().wake_by_ref();
        Poll::Pending
    }
}
