//! Bugs that the simulator plants, one at a time, to see that its oracle finds them. Debug builds only.
//!
//! A bug is planted for the thread that asks: the simulator's gateway never leaves its thread.

use std::cell::Cell;

/// A bug, as others have had it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// The writer answers before it commits.
    AcknowledgeBeforeCommit,
    /// A doubtful answer to a payment counts as a refusal.
    TimeoutIsFailure,
    /// A payment is handed over before its attempt is committed.
    SendBeforeIntent,
    /// A failed attempt gives its payout's budget back.
    FreeBudgetOnFailure,
    /// Money that came in is not remembered by its key.
    ForgetDedupeKey,
    /// A stored transaction is built anew instead of being sent again.
    RebuildInsteadOfRebroadcast,
    /// A doubtful attempt gets another beside it.
    SecondAttemptWhileDoubtful,
    /// A Lightning payment of an invoice that is over is dropped.
    LoseLatePayment,
    /// One line of an entry in the books is left out.
    SkipPosting,
    /// A payout on the chain is completed by what the mempool says.
    CompleteUnconfirmed,
    /// A webhook is not told of some facts.
    DropDelivery,
}

impl Bug {
    /// Every one.
    pub const ALL: [Self; 11] = [
        Self::AcknowledgeBeforeCommit,
        Self::TimeoutIsFailure,
        Self::SendBeforeIntent,
        Self::FreeBudgetOnFailure,
        Self::ForgetDedupeKey,
        Self::RebuildInsteadOfRebroadcast,
        Self::SecondAttemptWhileDoubtful,
        Self::LoseLatePayment,
        Self::SkipPosting,
        Self::CompleteUnconfirmed,
        Self::DropDelivery,
    ];

    /// In words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AcknowledgeBeforeCommit => "acknowledge before commit",
            Self::TimeoutIsFailure => "treat a timeout as failure",
            Self::SendBeforeIntent => "send before the intent is committed",
            Self::FreeBudgetOnFailure => "free the budget on failure",
            Self::ForgetDedupeKey => "forget the dedupe key",
            Self::RebuildInsteadOfRebroadcast => "rebuild instead of rebroadcast",
            Self::SecondAttemptWhileDoubtful => "accept a second attempt while one is doubtful",
            Self::LoseLatePayment => "lose a late payment",
            Self::SkipPosting => "skip one posting",
            Self::CompleteUnconfirmed => "complete an on-chain payout without a confirmation",
            Self::DropDelivery => "drop a delivery",
        }
    }
}

thread_local! {
    static PLANTED: Cell<Option<Bug>> = const { Cell::new(None) };
}

/// Plants a bug on this thread in the place of the one that was there, or none.
pub fn plant(bug: Option<Bug>) {
    PLANTED.set(bug);
}

/// Whether this bug is planted here.
pub fn is_planted(bug: Bug) -> bool {
    PLANTED.get() == Some(bug)
}
