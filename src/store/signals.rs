//! What the writer tells the rest of the process after a commit: wake flags and the new facts.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Notify, broadcast};

use crate::domain::fact::Entry;

/// Someone a commit may wake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Wake {
    /// The Lightning payer: something may be due.
    LightningPayouts,
    /// The on-chain payer: something may be due.
    OnchainPayouts,
    /// The calendar: an earlier date than before.
    Calendar,
    /// The prompter: an invoice wants another BOLT11.
    Prompts,
    /// The chain follower: a new script or transaction to watch.
    Chain,
    /// The marker: something was committed that must not be forgotten.
    Mark,
    /// The courier of webhooks: a message is due, or an endpoint has changed.
    Webhooks,
}

const WAKES: usize = 7;

/// A set of [`Wake`]s.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct WakeSet([bool; WAKES]);

impl WakeSet {
    pub(super) const fn add(&mut self, wake: Wake) {
        self.0[wake as usize] = true;
    }
}

/// The process stops: no more facts will be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopping;

/// Resolves with the next fact about an object, or when some were missed: then look at the store again.
pub async fn about(
    live: &mut broadcast::Receiver<Arc<Entry>>,
    object: &[u8],
) -> Result<(), Stopping> {
    loop {
        match live.recv().await {
            Ok(entry) if entry.fact.object() != object => {}
            Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => return Ok(()),
            Err(broadcast::error::RecvError::Closed) => return Err(Stopping),
        }
    }
}

/// How many facts a slow page may lag behind before it has to look at the store again.
const LIVE_FACTS_MAX: usize = 1_024;

/// The signals of one store file.
#[derive(Debug)]
pub struct Signals {
    wakes: [Notify; WAKES],
    live: Mutex<Option<broadcast::Sender<Arc<Entry>>>>,
}

impl Default for Signals {
    fn default() -> Self {
        Self {
            wakes: Default::default(),
            live: Mutex::new(Some(broadcast::channel(LIVE_FACTS_MAX).0)),
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

    /// The facts of all commits from now on. Closed once the process stops.
    pub fn live(&self) -> broadcast::Receiver<Arc<Entry>> {
        self.live
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .as_ref()
            .map_or_else(|| broadcast::channel(1).1, broadcast::Sender::subscribe)
    }

    /// Ends all live streams, so that their requests end.
    pub fn end_live(&self) {
        self.live
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
    }

    pub(super) fn fire(&self, wakes: WakeSet, facts: Vec<Arc<Entry>>) {
        for (notify, set) in self.wakes.iter().zip(wakes.0) {
            if set {
                notify.notify_one();
            }
        }
        let live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        for fact in facts {
            // Nobody listening is no error.
            let _ = live.as_ref().map(|live| live.send(fact));
        }
    }
}
