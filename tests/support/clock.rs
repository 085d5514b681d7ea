//! A clock that stands still until it is told to go on.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use tokio::sync::watch;
use tollway::domain::time::Timestamp;
use tollway::ports::clock::Clock;

use super::locked;

/// A settable clock. Whoever sleeps wakes when the time is set to or past what they wait for.
pub struct FakeClock {
    now: watch::Sender<Timestamp>,
    /// Who sleeps: a ticket, and until when.
    sleepers: watch::Sender<BTreeMap<u64, Timestamp>>,
    tickets: Mutex<u64>,
}

/// Takes a sleeper off the list, also one that is dropped while it sleeps.
struct Asleep<'a>(&'a FakeClock, u64);

impl Drop for Asleep<'_> {
    fn drop(&mut self) {
        self.0.sleepers.send_modify(|sleepers| {
            sleepers.remove(&self.1);
        });
    }
}

impl FakeClock {
    /// A clock that shows so many seconds since the Unix epoch.
    pub fn at_secs(secs: u64) -> Self {
        Self {
            now: watch::Sender::new(Timestamp::from_secs(secs)),
            sleepers: watch::Sender::default(),
            tickets: Mutex::default(),
        }
    }

    /// Sets the time, backwards too, as wall clocks do.
    pub fn set(&self, now: Timestamp) {
        self.now.send_replace(now);
    }

    /// Lets time pass.
    pub fn advance_secs(&self, secs: u64) {
        self.now.send_modify(|now| *now = now.plus_secs(secs));
    }

    /// When the first of those who sleep wants to wake.
    pub fn next_wake(&self) -> Option<Timestamp> {
        self.sleepers.borrow().values().min().copied()
    }

    /// How many sleep now.
    pub fn sleepers(&self) -> usize {
        self.sleepers.borrow().len()
    }

    /// Returns once at least so many sleep.
    pub async fn until_sleeping(&self, count: usize) {
        self.sleepers
            .subscribe()
            .wait_for(|sleepers| sleepers.len() >= count)
            .await
            .expect("the clock outlives its waiters");
    }

    /// Runs a future to its end; whenever somebody sleeps, time jumps to the first who wants to wake.
    pub async fn hurry<T>(&self, work: impl Future<Output = T>) -> T {
        let jump = async {
            loop {
                self.until_sleeping(1).await;
                let first = self.sleepers.borrow().values().min().copied();
                if let Some(first) = first {
                    self.now.send_modify(|now| *now = first.max(*now));
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            biased;
            done = work => done,
            () = jump => unreachable!("it jumps for ever"),
        }
    }
}

#[async_trait]
impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        *self.now.borrow()
    }

    async fn sleep_until(&self, at: Timestamp) {
        let ticket = {
            let mut tickets = locked(&self.tickets);
            *tickets += 1;
            *tickets
        };
        let _asleep = Asleep(self, ticket);
        self.sleepers.send_modify(|sleepers| {
            sleepers.insert(ticket, at);
        });
        self.now
            .subscribe()
            .wait_for(|now| *now >= at)
            .await
            .expect("the clock outlives its sleepers");
    }
}
