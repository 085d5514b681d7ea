//! The marker: after a minute in which something was committed that must not be forgotten, a new generation begins.

use std::sync::Arc;

use tracing::error;

use crate::domain::time::Timestamp;
use crate::ports::clock::Clock;
use crate::ports::mark::Mark;
use crate::service::mark::renew;
use crate::store::{Store, Wake};

/// At most once in this time: it is a commit, and a file beside it.
const ROUND_SECS: u64 = 60;

/// Marks generations of the file. It is activated only when something wakes it: [`Wake::Mark`].
pub struct Marker {
    store: Store,
    mark: Arc<dyn Mark>,
    clock: Arc<dyn Clock>,
}

impl Marker {
    /// A marker of a file that is the newest.
    pub fn new(store: Store, mark: Arc<dyn Mark>, clock: Arc<dyn Clock>) -> Self {
        Self { store, mark, clock }
    }

    /// Begins a generation and marks it, and says until when it rests, woken or not.
    pub async fn activate(&self) -> Timestamp {
        if let Err(why) = renew(&self.store, self.mark.as_ref()).await {
            error!("an older copy of the file could not be told from this one: {why}");
            self.store.signals().wake(Wake::Mark);
        }
        self.clock.now().plus_secs(ROUND_SECS)
    }
}
