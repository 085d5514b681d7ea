//! What became of handing an attempt over.

use super::{Payout, Stage, Standing};
use crate::domain::fact::{Fact, Step};
use crate::domain::time::Timestamp;

/// The first wait after a refused send; doubled with each attempt.
const BACKOFF_MILLIS: u64 = 1_000;

/// The longest wait between attempts.
const BACKOFF_MILLIS_MAX: u64 = 300_000;

impl Payout {
    /// The node or the network took the live attempt.
    pub fn sent(mut self) -> Step<Self> {
        let payout = self.id;
        match self.live_attempt_mut() {
            Some(attempt) if attempt.standing == Standing::Recorded => {
                attempt.standing = Standing::Sent;
                let attempt = attempt.number;
                Step::telling(self, Fact::PayoutAttemptSent { payout, attempt })
            }
            // An event was faster than the answer.
            Some(_) | None => Step::quiet(self),
        }
    }

    /// The live attempt is definitely over (P6): the payout waits for the next, its budget stays reserved (P8).
    pub fn attempt_failed(mut self, why: &str, now: Timestamp) -> Step<Self> {
        let payout = self.id;
        let Some(attempt) = self.live_attempt_mut() else {
            return Step::quiet(self);
        };
        attempt.standing = Standing::Failed {
            why: why.to_owned(),
        };
        let number = attempt.number;
        self.stage = Stage::AwaitingPayment;
        self.waiting_for = Some(why.to_owned());
        self.next_attempt_at = Some(Timestamp(now.0.saturating_add(backoff_millis(number))));
        Step::telling(
            self,
            Fact::PayoutAttemptFailed {
                payout,
                attempt: number,
                why: why.to_owned(),
            },
        )
    }

    /// Nobody knows what became of the live attempt: it keeps the budget and waits for a person (P6).
    pub fn review(mut self, why: &str) -> Step<Self> {
        let payout = self.id;
        match self.live_attempt_mut() {
            Some(attempt) if !matches!(attempt.standing, Standing::InReview { .. }) => {
                attempt.standing = Standing::InReview {
                    why: why.to_owned(),
                };
                Step::telling(
                    self,
                    Fact::PayoutInReview {
                        payout,
                        why: why.to_owned(),
                    },
                )
            }
            Some(_) | None => Step::quiet(self),
        }
    }
}

fn backoff_millis(attempt: u32) -> u64 {
    let doubled = BACKOFF_MILLIS.saturating_mul(1 << attempt.saturating_sub(1).min(16));
    doubled.min(BACKOFF_MILLIS_MAX)
}
