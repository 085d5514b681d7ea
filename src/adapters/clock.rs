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
        let wait = Duration::from_millis(at.millis_since(self.now()));
        let began = tokio::time::Instant::now();
        loop {
            let left = Duration::from_millis(at.millis_since(self.now()));
            match nap(left, wait.saturating_sub(began.elapsed())) {
                Some(nap) => tokio::time::sleep(nap).await,
                None => return,
            }
        }
    }
}

/// How long to sleep before the wall clock is looked at again: it may be set meanwhile. `left` is what it says is left,
/// `of_wait` what is left of the wait as it was when it began: a clock that was set back makes nobody oversleep.
fn nap(left: Duration, of_wait: Duration) -> Option<Duration> {
    let nap = left.min(of_wait).min(LOOK_AGAIN);
    (!nap.is_zero()).then_some(nap)
}

/// The wall clock is looked at so often by who sleeps.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sleep_follows_the_wall_clock_forward_and_not_back() {
        let secs = Duration::from_secs;
        let year = secs(365 * 86_400);
        for (left, of_wait, expected) in [
            (secs(10), secs(10), Some(secs(10))),
            (secs(600), secs(600), Some(secs(60))),
            // The clock was set on: it is time, or soon.
            (secs(0), secs(600), None),
            (secs(5), secs(600), Some(secs(5))),
            // It was set back by a year.
            (year, secs(10), Some(secs(10))),
            (year, secs(0), None),
        ] {
            assert_eq!(nap(left, of_wait), expected, "{left:?} {of_wait:?}");
        }
    }
}
