//! The gate before money goes out after a start: nothing is planned until what the node knows has been heard.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::domain::time::Timestamp;

/// The node's event queue counts as quiet after so long without an event.
const QUIET_MILLIS: u64 = 1_500;

/// What the keepers of one process have heard from the node since it started.
#[derive(Debug, Default)]
pub struct Gate {
    /// Since when the event keeper waits for an event; 0 while it handles one, or before the first look.
    waiting_since: AtomicU64,
    reconciled: AtomicBool,
    turn: RwLock<()>,
}

impl Gate {
    /// Held while an event is taken in: nothing is handed over a second time meanwhile.
    pub async fn takes_in(&self) -> RwLockWriteGuard<'_, ()> {
        self.turn.write().await
    }

    /// Held from the look at an attempt to the handing over again of its invoice: no event ends it in between (P2).
    pub async fn hands_over(&self) -> RwLockReadGuard<'_, ()> {
        self.turn.read().await
    }

    /// The event keeper begins to wait.
    pub fn waits(&self, now: Timestamp) {
        self.waiting_since.store(now.0, Ordering::Release);
    }

    /// An event has come.
    pub fn hears(&self) {
        self.waiting_since.store(0, Ordering::Release);
    }

    /// The queue has been empty for a while: what it held at the start has been heard.
    pub fn is_quiet(&self, now: Timestamp) -> bool {
        match self.waiting_since.load(Ordering::Acquire) {
            0 => false,
            since => now.is_past(Timestamp(since), QUIET_MILLIS),
        }
    }

    /// The queue is empty now: everything the node has told is committed.
    pub fn has_heard_all(&self) -> bool {
        self.waiting_since.load(Ordering::Acquire) != 0
    }

    /// What was open at the start has been compared with what the node knows.
    pub fn is_reconciled(&self) -> bool {
        self.reconciled.load(Ordering::Acquire)
    }

    /// Opens the gate.
    pub fn reconciled(&self) {
        self.reconciled.store(true, Ordering::Release);
    }
}
