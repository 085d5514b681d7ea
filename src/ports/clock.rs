//! The time of day, and waiting for one.

use async_trait::async_trait;

use crate::domain::time::Timestamp;

/// Wall time. The only way anything in the gateway learns it.
#[async_trait]
pub trait Clock: Send + Sync {
    /// Now. May jump both ways, as wall clocks do.
    fn now(&self) -> Timestamp;

    /// Returns once `now()` is at least `at`.
    async fn sleep_until(&self, at: Timestamp);
}
