//! A draft is a transaction that somebody else has to sign: the wallet is watch-only. Nothing can leave before it comes
//! back signed; then it becomes a batch of the same id, in the commit that records its attempts (P2).
//!
//! ```text
//! made ─► given out ─signed, brought back or seen on the chain─► batch
//!             └─given up: a later transaction for the same payouts spends one of its coins (P4)
//! ```

use bitcoin::{ScriptBuf, Txid};
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};

use super::batch::Input;
use super::{Payout, Stage};
use crate::domain::cbor;
use crate::domain::fact::Step;
use crate::domain::ids::{BatchId, PayoutId, StoreId};
use crate::domain::money::Sat;
use crate::domain::till::TillId;
use crate::domain::time::Timestamp;

/// A transaction that waits for its owner's signature.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Draft {
    /// Its id; the batch that comes of it has the same.
    #[n(0)]
    pub id: BatchId,
    /// Whose.
    #[n(1)]
    pub store: StoreId,
    /// Which till's coins.
    #[n(2)]
    pub till: TillId,
    /// When it was made.
    #[n(3)]
    pub created: Timestamp,
    /// What to sign (BIP 174).
    #[n(4)]
    pub psbt: ByteVec,
    /// What it spends; locked as long as it is open.
    #[n(5)]
    pub inputs: Vec<Input>,
    /// Whom it pays.
    #[n(6)]
    pub payments: Vec<Payment>,
    /// What it costs.
    #[n(7)]
    pub fee: Sat,
    /// How it ended; `None` while it waits.
    #[n(8)]
    pub end: Option<End>,
}

/// One payment of a draft.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Payment {
    /// Where to.
    #[cbor(n(0), with = "cbor::script")]
    pub script: ScriptBuf,
    /// How much.
    #[n(1)]
    pub amount: Sat,
    /// Which payout it is; a wallet send becomes one when it is signed.
    #[n(2)]
    pub payout: Option<PayoutId>,
}

/// How a draft ended.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum End {
    /// It came back signed, or was seen on the chain.
    #[n(0)]
    Signed(#[n(0)] Timestamp),
    /// A person gave it up. It may have been signed all the same.
    #[n(1)]
    GivenUp(#[n(0)] Timestamp),
    /// Another transaction in a block has spent one of its coins.
    #[n(2)]
    Outspent {
        /// When that was deep enough.
        #[n(0)]
        at: Timestamp,
        /// Which transaction.
        #[cbor(n(1), with = "cbor::txid")]
        by: Txid,
    },
}

/// The payout is not waiting to be paid, or waits for a signature already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the payout is not waiting to be paid")]
pub struct CantDraft;

impl Payout {
    /// A transaction that pays it waits for a signature. Nothing else is planned for it meanwhile.
    pub fn draft(mut self, draft: BatchId) -> Result<Step<Self>, CantDraft> {
        let waits = self.stage == Stage::AwaitingPayment && self.live_attempt().is_none();
        if !waits || self.drafted.is_some() {
            return Err(CantDraft);
        }
        self.drafted = Some(draft);
        self.waiting_for =
            Some("The transaction that pays it waits for its owner's signature.".to_owned());
        self.next_attempt_at = None;
        Ok(Step::quiet(self))
    }

    /// Its draft has ended without a signature that we know of. It may have been signed nevertheless: whatever is
    /// planned next shares a coin with it (P4).
    pub fn draft_given_up(mut self, draft: BatchId) -> Step<Self> {
        if self.drafted == Some(draft) {
            self.drafted = None;
            self.waiting_for = None;
            self.next_attempt_at = None;
            self.given_up.get_or_insert_default().push(draft);
        }
        Step::quiet(self)
    }

    /// A transaction that pays it was signed and sent by its owner without our knowing, after it was over or while
    /// something else pays it. Counts as failed until a block holds it: then it settles the payout, or is an alarm
    /// (P5).
    pub fn found(mut self, plan: super::Plan, now: Timestamp) -> Step<Self> {
        let number = self
            .attempts
            .last()
            .map_or(1, |last| last.number.saturating_add(1));
        self.attempts.push(super::Attempt {
            number,
            at: now,
            plan,
            standing: super::Standing::Failed {
                why: "Its owner has signed and sent it elsewhere; no block holds it yet."
                    .to_owned(),
            },
        });
        Step::quiet(self)
    }
}
