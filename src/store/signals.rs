//! What the writer tells the rest of the process after a commit: wake flags and the new facts.

use std::sync::Arc;

use tokio::sync::{Notify, broadcast};

use crate::domain::fact::Entry;

/// Someone a commit may wake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Wake {
    /// The payout runner: something may be due.
    Payouts,
    /// The calendar: an earlier date than before.
    Calendar,
    /// The prompter: an invoice wants another BOLT11.
    Prompts,
    /// The chain follower: a new script or transaction to watch.
    Chain,
}

const WAKES: usize = 4;

/// A set of [`Wake`]s.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct WakeSet([bool; WAKES]);

impl WakeSet {
    pub(super) const fn add(&mut self, wake: Wake) {
        self.0[wake as usize] = true;
    }
}

/// How many facts a slow page may lag behind before it has to look at the store again.
const LIVE_FACTS_MAX: usize = 1_024;

/// The signals of one store file.
#[derive(Debug)]
pub struct Signals {
    wakes: [Notify; WAKES],
    live: broadcast::Sender<Arc<Entry>>,
}

impl Default for Signals {
    fn default() -> Self {
        Self {
            wakes: Default::default(),
            live: broadcast::channel(LIVE_FACTS_MAX).0,
        }
    }
}

impl Signals {
    /// Resolves after a commit that wakes this. A wake while nobody waits is kept, once.
    pub async fn woken(&self, wake: Wake) {
        self.wakes[wake as usize].notified().await;
    }

    /// Wakes a keeper without a commit.
    pub fn wake(&self, wake: Wake) {
        self.wakes[wake as usize].notify_one();
    }

    /// The facts of all commits from now on.
    pub fn live(&self) -> broadcast::Receiver<Arc<Entry>> {
        self.live.subscribe()
    }

    pub(super) fn fire(&self, wakes: WakeSet, facts: Vec<Arc<Entry>>) {
        for (notify, set) in self.wakes.iter().zip(wakes.0) {
            if set {
                notify.notify_one();
            }
        }
        for fact in facts {
            // Nobody listening is no error.
            let _ = self.live.send(fact);
        }
    }
}
