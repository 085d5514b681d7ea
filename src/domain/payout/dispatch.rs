//! What became of handing an attempt over.

use super::{Payout, Stage, Standing};
use crate::domain::fact::{Fact, Step};
use crate::domain::time::Timestamp;

/// The first wait after a refused send; doubled with each attempt.
const BACKOFF_MILLIS: u64 = 1_000;

/// The first wait after a doubtful answer; doubled with each one.
const DOUBT_MILLIS: u64 = 10_000;

/// The longest wait between attempts, or between looks at a doubtful one.
const BACKOFF_MILLIS_MAX: u64 = 300_000;

impl Payout {
    /// The node or the network took this attempt.
    pub fn sent(mut self, number: u32) -> Step<Self> {
        let payout = self.id;
        match self.live_attempt_mut() {
            Some(attempt) if attempt.number == number && attempt.standing == Standing::Recorded => {
                attempt.standing = Standing::Sent;
                self.waiting_for = None;
                self.next_attempt_at = None;
                self.doubts = None;
                let attempt = number;
                Step::telling(self, Fact::PayoutAttemptSent { payout, attempt })
            }
            // An event was faster than the answer.
            Some(_) | None => Step::quiet(self),
        }
    }

    /// The live attempt is definitely over (P6): the payout waits for the next, its budget stays reserved (P8).
    /// `chance` spreads the waits of payouts that failed together.
    pub fn attempt_failed(mut self, why: &str, chance: u64, now: Timestamp) -> Step<Self> {
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
        let wait = backoff_millis(BACKOFF_MILLIS, number, chance);
        self.next_attempt_at = Some(Timestamp(now.0.saturating_add(wait)));
        self.doubts = None;
        Step::telling(
            self,
            Fact::PayoutAttemptFailed {
                payout,
                attempt: number,
                why: why.to_owned(),
            },
        )
    }

    /// Nobody can say what became of the live attempt (P6): it keeps the budget, and is compared with the node after a
    /// while, again and again. One that stands for review stays there.
    pub fn doubted(mut self, why: &str, chance: u64, now: Timestamp) -> Step<Self> {
        let doubts = self.doubts.unwrap_or(0).saturating_add(1);
        let Some(attempt) = self.live_attempt_mut() else {
            return Step::quiet(self);
        };
        match attempt.standing {
            Standing::Recorded | Standing::Sent => attempt.standing = Standing::Recorded,
            Standing::InReview { .. } | Standing::Settled | Standing::Failed { .. } => {
                return Step::quiet(self);
            }
        }
        self.doubts = Some(doubts);
        let wait = backoff_millis(DOUBT_MILLIS, doubts, chance);
        self.wait(why.to_owned(), Timestamp(now.0.saturating_add(wait)))
    }

    /// Nobody knows what became of the live attempt: it keeps the budget and waits for a person (P6).
    pub fn review(mut self, why: &str) -> Step<Self> {
        let payout = self.id;
        match self.live_attempt_mut() {
            Some(attempt) if !matches!(attempt.standing, Standing::InReview { .. }) => {
                attempt.standing = Standing::InReview {
                    why: why.to_owned(),
                };
                self.waiting_for = None;
                self.next_attempt_at = None;
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

/// `first` doubled for each time after the first, up to the longest; the upper half of it is left to chance.
fn backoff_millis(first: u64, times: u32, chance: u64) -> u64 {
    let doubled = first.saturating_mul(1 << times.saturating_sub(1).min(16));
    let wait = doubled.min(BACKOFF_MILLIS_MAX);
    let sure = wait.div_ceil(2).max(BACKOFF_MILLIS.min(wait));
    sure + chance % (wait - sure + 1)
}
