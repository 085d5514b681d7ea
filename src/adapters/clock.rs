//! The operating system's clock.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;

use crate::domain::time::Timestamp;
use crate::ports::clock::Clock;

/// The machine's wall clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the clock"
    )]
    fn now(&self) -> Timestamp {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    async fn sleep_until(&self, at: Timestamp) {
        loop {
            let left = at.millis_since(self.now());
            if left == 0 {
                return;
            }
            // Looked at again every minute: the wall clock may be set meanwhile.
            tokio::time::sleep(Duration::from_millis(left.min(60_000))).await;
        }
    }
}
