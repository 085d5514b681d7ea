//! One try to pay: what is planned, and how it stands.

use minicbor::{Decode, Encode};

use super::{Payout, Stage};
use crate::domain::fact::{Fact, Step};
use crate::domain::ids::{BatchId, PaymentHash};
use crate::domain::money::Msat;
use crate::domain::receipt::Way;
use crate::domain::time::Timestamp;

/// One try to pay.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Attempt {
    /// From 1.
    #[n(0)]
    pub number: u32,
    /// When it was recorded.
    #[n(1)]
    pub at: Timestamp,
    /// What is done.
    #[n(2)]
    pub plan: Plan,
    /// How it stands.
    #[n(3)]
    pub standing: Standing,
}

/// What an attempt does. Committed before it is done (P2).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Plan {
    /// Pay an invoice.
    #[n(0)]
    Lightning {
        /// Its hash.
        #[n(0)]
        hash: PaymentHash,
        /// Its text.
        #[n(1)]
        bolt11: String,
        /// What to send.
        #[n(2)]
        amount: Msat,
        /// The most to spend on routing.
        #[n(3)]
        fee_max: Msat,
        /// The best height when it was recorded: bounds how long a doubt can last.
        #[n(4)]
        height: u32,
    },
    /// An output of a signed transaction of ours.
    #[n(1)]
    Onchain {
        /// Which transaction, with all its versions.
        #[n(0)]
        batch: BatchId,
        /// Which of the payments in it.
        #[n(1)]
        place: u32,
    },
    /// Settle with an invoice of this server, in the books alone (P7).
    #[n(2)]
    Inside {
        /// The invoice's hash.
        #[n(0)]
        hash: PaymentHash,
    },
}

impl Plan {
    /// How the money goes.
    pub const fn way(&self) -> Way {
        match self {
            Self::Lightning { .. } => Way::Lightning,
            Self::Onchain { .. } => Way::Onchain,
            Self::Inside { .. } => Way::Inside,
        }
    }
}

/// How an attempt stands.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Standing {
    /// Committed; nobody knows whether it was handed over.
    #[n(0)]
    Recorded,
    /// The node or the network has it.
    #[n(1)]
    Sent,
    /// It arrived.
    #[n(2)]
    Settled,
    /// It is over and can't arrive any more.
    #[n(3)]
    Failed {
        /// Why, in words.
        #[n(0)]
        why: String,
    },
    /// Nobody knows: a person has to look.
    #[n(4)]
    InReview {
        /// Why, in words.
        #[n(0)]
        why: String,
    },
}

impl Standing {
    /// It may still succeed.
    pub const fn is_live(&self) -> bool {
        match self {
            Self::Recorded | Self::Sent | Self::InReview { .. } => true,
            Self::Settled | Self::Failed { .. } => false,
        }
    }
}

/// So many blocks after an attempt was recorded no HTLC of it can be under way any more: the longest route that is
/// asked for, and what a channel may take to resolve on the chain.
pub const LONGEST_DOUBT_BLOCKS: u32 = 1_008 + 144;

/// Attempts kept with their payout, the newest: retries never end by themselves, but a row must not grow for ever.
const ATTEMPTS_KEPT: usize = 10;

/// The payout is not waiting to be paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the payout is not waiting to be paid")]
pub struct NotWaiting;

impl Payout {
    /// Records an attempt, before anything is called (P2). Only where none can still succeed (P1).
    pub fn plan(mut self, plan: Plan, now: Timestamp) -> Result<Step<Self>, NotWaiting> {
        if self.stage != Stage::AwaitingPayment || self.live_attempt().is_some() {
            return Err(NotWaiting);
        }
        // What waits for a signature is paid by that transaction or, once it is given up, by another.
        let is_drafted = |draft| matches!(&plan, Plan::Onchain { batch, .. } if *batch == draft);
        if self.drafted.is_some_and(|draft| !is_drafted(draft)) {
            return Err(NotWaiting);
        }
        self.drafted = None;
        let number = self
            .attempts
            .last()
            .map_or(1, |last| last.number.saturating_add(1));
        // None of them can succeed any more, and the journal remembers them all.
        if self.attempts.len() >= ATTEMPTS_KEPT {
            self.attempts.remove(0);
        }
        self.attempts.push(Attempt {
            number,
            at: now,
            plan,
            standing: Standing::Recorded,
        });
        self.stage = Stage::InProgress;
        self.waiting_for = None;
        self.next_attempt_at = None;
        self.doubts = None;
        let payout = self.id;
        Ok(Step::telling(
            self,
            Fact::PayoutAttemptRecorded {
                payout,
                attempt: number,
            },
        ))
    }

    /// Says why it waits, and until when.
    pub fn wait(mut self, why: String, until: Timestamp) -> Step<Self> {
        self.waiting_for = Some(why);
        self.next_attempt_at = Some(until);
        Step::quiet(self)
    }
}
