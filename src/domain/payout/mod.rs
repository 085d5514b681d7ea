//! A payout is a promise to send money to someone outside. Every outgoing satoshi is an attempt of one.
//!
//! ```text
//! AwaitingApproval ─approve─► AwaitingPayment ─plan─► InProgress ─success─► Completed
//!        │                        │      ▲                │
//!        └──────cancel────────────┘      └─definite fail──┘
//!                  ▼
//!              Cancelled
//! ```
//! A person may take an approved payout in hand, to pay it by other means: it is `InProgress` without an attempt, and no
//! keeper touches it until that person says that it is paid, or puts it back (D11).
//!
//! An amount that is not in bitcoin gets its worth when it is approved; until then `amount` is zero.
//!
//! P1 one live attempt: at most one attempt is not `Failed`.
//! P2 intent before act: an attempt is committed as `Recorded`, with its hash or txid, before anything is called.
//! P5 success wins: a success settles the payout from any standing; a second one is an alarm.
//! P6 doubt is not failure: only a definite refusal or a terminal event fails an attempt.
//! P8 cancel only what can't still succeed; only `Cancelled` gives the budget back.

mod approve;
mod attempt;
pub mod batch;
mod cancel;
mod chain;
mod dispatch;
pub mod draft;
mod fees;
mod hand;
mod inside;
mod outcome;
mod review;

use bitcoin::Txid;
use minicbor::{Decode, Encode};

pub use approve::CantApprove;
pub use attempt::{Attempt, LONGEST_DOUBT_BLOCKS, Plan, Standing};
pub use cancel::CantCancel;
pub use fees::{FeeCap, FeeWish};
pub use hand::{HandMark, InHand, NotByHand};
pub use inside::Payable;
pub use review::{NotInReview, Verdict};

use super::cbor;
use super::destination::Destination;
use super::ids::{BatchId, PaymentHash, PayoutId, Preimage, PullPaymentId, StoreId};
use super::invoice::{FixedRate, MoneyRecord};
use super::money::{Money, Msat, Parts, Sat};
use super::receipt::{Rail, Way};
use super::time::Timestamp;

/// A promise to pay.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Payout {
    /// Its id.
    #[n(0)]
    pub id: PayoutId,
    /// Whose money.
    #[n(1)]
    pub store: StoreId,
    /// What it was promised for.
    #[n(2)]
    pub origin: Origin,
    /// When it was asked for.
    #[n(3)]
    pub created: Timestamp,
    /// Rises when destination, amount or terms change before approval (D9).
    #[n(4)]
    pub revision: u32,
    /// Where to.
    #[n(5)]
    pub destination: Destination,
    /// How much, as it was asked for.
    #[n(6)]
    pub asked: MoneyRecord,
    /// What arrives.
    #[n(7)]
    pub amount: Msat,
    /// The most to spend on routing, or on the transaction.
    #[n(8)]
    pub fee_max: Msat,
    /// How far it is.
    #[n(9)]
    pub stage: Stage,
    /// Every try, oldest first.
    #[n(10)]
    pub attempts: Vec<Attempt>,
    /// Pays by itself once approved: an auto-approved withdraw link (D25), or a person pressed Pay.
    #[n(11)]
    pub pay_now: bool,
    /// Why it waits, in words (D13).
    #[n(12)]
    pub waiting_for: Option<String>,
    /// Not before.
    #[n(13)]
    pub next_attempt_at: Option<Timestamp>,
    /// A JSON object, given back unchanged.
    #[n(14)]
    pub metadata: String,
    /// How often in a row nobody could say what became of the live attempt.
    #[n(15)]
    pub doubts: Option<u32>,
    /// A person said that an attempt did not arrive: since then only a person's Pay sends it again.
    #[n(16)]
    pub held_since: Option<Timestamp>,
    /// The newest attempt that a person's word decided. If it was called lost, a refusal by the node proves nothing
    /// any more; if it was called arrived, its own event still tells what it cost.
    #[n(17)]
    pub judged: Option<u32>,
    /// It was paid twice, and nobody has said yet that they have seen it.
    #[n(18)]
    pub paid_twice: Option<Timestamp>,
    /// Paid by a transaction that a reorganisation took out of the chain, since then: it is sent again as it was.
    #[n(20)]
    pub unconfirmed_since: Option<Timestamp>,
    /// A person pays it by other means.
    #[n(21)]
    pub in_hand: Option<InHand>,
    /// What it was approved at, in units of the asked currency per BTC; `None` for bitcoin, and before approval.
    #[n(22)]
    pub rate: Option<FixedRate>,
    /// What was wished for its fees.
    #[n(23)]
    pub fees: Option<FeeWish>,
    /// What the destination itself asks for, where that can't be compared with what was asked for before it has a rate
    /// (D18).
    #[n(24)]
    pub named: Option<Msat>,
    /// A transaction that pays it waits for its owner's signature.
    #[n(25)]
    pub drafted: Option<BatchId>,
    /// Transactions that were given out to be signed and given up: what is planned next shares a coin with each (P4).
    #[n(26)]
    pub given_up: Option<Vec<BatchId>>,
    /// The rate that whoever asked for it was promised (D22), in units of the asked currency per BTC: it is approved at
    /// this one, unless the approver names another.
    #[n(27)]
    pub quoted: Option<FixedRate>,
}

/// What a payout was promised for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Origin {
    /// A claim on a pull payment.
    #[n(0)]
    PullPayment(#[n(0)] PullPaymentId),
    /// An LNURL-withdraw on a pull payment.
    #[n(1)]
    Withdraw(#[n(0)] PullPaymentId),
    /// The store's own payout.
    #[n(2)]
    Store,
    /// `invoices/pay` of the Lightning API.
    #[n(3)]
    LightningApi,
    /// A payment by hand from the store's on-chain wallet.
    #[n(4)]
    WalletSend,
}

/// How far a payout is (Greenfield `PayoutState`).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Stage {
    /// Nobody has said yes.
    #[n(0)]
    AwaitingApproval,
    /// It may be sent.
    #[n(1)]
    AwaitingPayment,
    /// An attempt is alive.
    #[n(2)]
    InProgress,
    /// The money arrived.
    #[n(3)]
    Completed {
        /// Proof of it.
        #[n(0)]
        proof: Proof,
        /// What it cost beside.
        #[n(1)]
        fee: Msat,
        /// When it was known.
        #[n(2)]
        at: Timestamp,
    },
    /// It will not be paid.
    #[n(4)]
    Cancelled {
        /// Why, in words.
        #[n(0)]
        why: String,
    },
}

/// Proof that a payout was paid.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Proof {
    /// The payee gave up the preimage.
    #[n(0)]
    Lightning {
        /// Which payment.
        #[n(0)]
        hash: PaymentHash,
        /// The preimage, if the node has it.
        #[n(1)]
        preimage: Option<Preimage>,
    },
    /// The chain has the transaction.
    #[n(1)]
    Onchain {
        /// Which transaction.
        #[cbor(n(0), with = "cbor::txid")]
        txid: Txid,
        /// Which output of it.
        #[n(1)]
        vout: u32,
    },
    /// A person's word, with what they gave for it: a JSON object.
    #[n(2)]
    Given(#[n(0)] Option<String>),
}

impl Proof {
    /// How the money that it proves went; `None` if it was no money of ours.
    pub const fn way(&self) -> Option<Way> {
        match self {
            Self::Lightning { .. } => Some(Way::Lightning),
            Self::Onchain { .. } => Some(Way::Onchain),
            Self::Given(_) => None,
        }
    }
}

impl Payout {
    /// What somebody asks for: nobody has said yes, nothing is under way, no fee is allowed yet.
    pub fn asked(
        id: PayoutId,
        store: StoreId,
        origin: Origin,
        destination: Destination,
        asked: Money,
        amount: Msat,
        created: Timestamp,
    ) -> Self {
        Self {
            id,
            store,
            origin,
            created,
            revision: 0,
            destination,
            asked: asked.into(),
            amount,
            fee_max: Msat::ZERO,
            stage: Stage::AwaitingApproval,
            attempts: Vec::new(),
            pay_now: false,
            waiting_for: None,
            next_attempt_at: None,
            metadata: "{}".to_owned(),
            doubts: None,
            held_since: None,
            judged: None,
            paid_twice: None,
            unconfirmed_since: None,
            in_hand: None,
            rate: None,
            fees: None,
            named: None,
            drafted: None,
            given_up: None,
            quoted: None,
        }
    }

    /// Which rail it goes over.
    pub const fn rail(&self) -> Rail {
        self.destination.rail()
    }

    /// The pull payment it draws on.
    pub const fn pull_payment(&self) -> Option<PullPaymentId> {
        match self.origin {
            Origin::PullPayment(id) | Origin::Withdraw(id) => Some(id),
            Origin::Store | Origin::LightningApi | Origin::WalletSend => None,
        }
    }

    /// What it takes of a budget, in the budget's own currency.
    pub fn debit(&self) -> Parts {
        if self.asked.currency.is_bitcoin() {
            self.output().into()
        } else {
            Parts::of(self.asked.amount, self.asked.currency).unwrap_or(Parts(u64::MAX))
        }
    }

    /// What an output on the chain carries: whole satoshi, rounded up.
    pub const fn output(&self) -> Sat {
        self.amount.to_sat_ceil()
    }

    /// What really reaches the receiver: the chain knows whole satoshi only.
    pub const fn delivered(&self) -> Msat {
        match self.rail() {
            Rail::Lightning => self.amount,
            Rail::Onchain => self.output().to_msat(),
        }
    }

    /// The attempt that may still succeed, if there is one.
    pub fn live_attempt(&self) -> Option<&Attempt> {
        self.attempts
            .iter()
            .find(|attempt| attempt.standing.is_live())
    }

    /// No attempt was ended by a person's word: a refusal by the node says that nothing is under way.
    pub const fn is_unjudged(&self) -> bool {
        self.judged.is_none()
    }

    pub(super) fn live_attempt_mut(&mut self) -> Option<&mut Attempt> {
        self.attempts
            .iter_mut()
            .find(|attempt| attempt.standing.is_live())
    }

    /// Its attempt stands for review by a person.
    pub fn in_review(&self) -> bool {
        self.review_reason().is_some()
    }

    /// Why its attempt stands for review, in words.
    pub fn review_reason(&self) -> Option<&str> {
        self.attempts
            .iter()
            .find_map(|attempt| match &attempt.standing {
                Standing::InReview { why } => Some(why.as_str()),
                Standing::Recorded
                | Standing::Sent
                | Standing::Settled
                | Standing::Failed { .. } => None,
            })
    }

    /// Still wants something done.
    pub const fn is_open(&self) -> bool {
        match self.stage {
            Stage::AwaitingApproval | Stage::AwaitingPayment | Stage::InProgress => true,
            Stage::Completed { .. } | Stage::Cancelled { .. } => false,
        }
    }

    /// Holds between all its parts; asserted where it is stored.
    pub fn is_consistent(&self) -> bool {
        let live = self
            .attempts
            .iter()
            .filter(|attempt| attempt.standing.is_live())
            .count();
        let settled = self
            .attempts
            .iter()
            .any(|attempt| matches!(attempt.standing, Standing::Settled));
        let stage_fits = match self.stage {
            Stage::AwaitingApproval | Stage::AwaitingPayment | Stage::Cancelled { .. } => {
                live == 0 && !settled
            }
            Stage::InProgress => {
                let expected = usize::from(self.in_hand.is_none());
                live == expected && !settled
            }
            Stage::Completed {
                proof: Proof::Given(_),
                ..
            } => true,
            Stage::Completed { .. } => settled,
        };
        let hand_fits = self.in_hand.is_none() || self.stage == Stage::InProgress;
        let draft_fits = self.drafted.is_none() || self.stage == Stage::AwaitingPayment;
        // P1 one live attempt.
        live <= 1 && stage_fits && hand_fits && draft_fits
    }
}

#[cfg(test)]
mod tests;
