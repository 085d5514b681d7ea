//! Facts: what happened, told once, in order. The journal is append-only; pages, feeds and webhooks read it.

mod about;

use bitcoin::{OutPoint, Txid};
use minicbor::{Decode, Encode};

use super::access::Role;
use super::cbor;
use super::ids::{BatchId, InvoiceId, PaymentHash, PayoutId, PullPaymentId, StoreId, UserId};
use super::money::Msat;
use super::payout::Verdict;
use super::receipt::{Rail, ReceiptKey, Way};
use super::time::Timestamp;

/// An entry of the journal: the sequence is monotone over the whole file, the time is wall time as it was.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Entry {
    /// Place in the one history, from 1.
    #[n(0)]
    pub sequence: u64,
    /// When it was committed.
    #[n(1)]
    pub at: Timestamp,
    /// Whose.
    #[n(2)]
    pub store: StoreId,
    /// What happened.
    #[n(3)]
    pub fact: Fact,
}

/// Something that happened, by what it is about. Amounts are in millisatoshi. A number is given once and stays.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Fact {
    // --- Stores and their people
    /// A store was opened.
    #[n(0)]
    StoreCreated,
    /// Somebody came to the store, or has another role in it.
    #[n(70)]
    MemberSet {
        /// Who.
        #[n(0)]
        user: UserId,
        /// As what.
        #[n(1)]
        role: Role,
        /// Who said so.
        #[n(2)]
        by: UserId,
    },
    /// Somebody does not belong to the store any more.
    #[n(71)]
    MemberRemoved {
        /// Who.
        #[n(0)]
        user: UserId,
        /// Who said so.
        #[n(1)]
        by: UserId,
    },

    // --- Invoices
    /// An invoice was made.
    #[n(1)]
    InvoiceCreated {
        /// Which.
        #[n(0)]
        invoice: InvoiceId,
    },
    /// Money for an invoice was seen.
    #[n(2)]
    InvoiceReceivedPayment {
        /// Which.
        #[n(0)]
        invoice: InvoiceId,
        /// What came.
        #[n(1)]
        receipt: ReceiptKey,
        /// How much.
        #[n(2)]
        amount: Msat,
        /// The invoice was Expired or Invalid by then.
        #[n(3)]
        after_expiration: bool,
    },
    /// That money can't go away again, by the invoice's speed policy.
    #[n(3)]
    InvoicePaymentSettled {
        /// Which.
        #[n(0)]
        invoice: InvoiceId,
        /// What came.
        #[n(1)]
        receipt: ReceiptKey,
        /// How much.
        #[n(2)]
        amount: Msat,
        /// The invoice was Expired or Invalid by then.
        #[n(3)]
        after_expiration: bool,
    },
    /// A payment was replaced, double-spent or reorganised away.
    #[n(4)]
    InvoicePaymentLost {
        /// Which.
        #[n(0)]
        invoice: InvoiceId,
        /// What went.
        #[n(1)]
        receipt: ReceiptKey,
        /// How much.
        #[n(2)]
        amount: Msat,
    },
    /// Covered, not settled yet.
    #[n(5)]
    InvoiceProcessing {
        /// Which.
        #[n(0)]
        invoice: InvoiceId,
        /// More came than was due.
        #[n(1)]
        over_paid: bool,
    },
    /// Paid.
    #[n(6)]
    InvoiceSettled {
        /// Which.
        #[n(0)]
        invoice: InvoiceId,
        /// By a person's word.
        #[n(1)]
        manually_marked: bool,
        /// More came than was due.
        #[n(2)]
        over_paid: bool,
    },
    /// Fell back to New or Processing.
    #[n(7)]
    InvoiceReopened {
        /// Which.
        #[n(0)]
        invoice: InvoiceId,
    },
    /// Its time ran out.
    #[n(8)]
    InvoiceExpired {
        /// Which.
        #[n(0)]
        invoice: InvoiceId,
        /// Part had been paid.
        #[n(1)]
        partially_paid: bool,
    },
    /// Covered after it had expired.
    #[n(9)]
    InvoicePaidAfterExpiration {
        /// Which.
        #[n(0)]
        invoice: InvoiceId,
    },
    /// Given up.
    #[n(10)]
    InvoiceInvalid {
        /// Which.
        #[n(0)]
        invoice: InvoiceId,
        /// By a person's word.
        #[n(1)]
        manually_marked: bool,
    },
    /// Another BOLT11 is shown, over the rest; or the first, which could not be made before.
    #[n(11)]
    InvoicePromptRenewed {
        /// Which.
        #[n(0)]
        invoice: InvoiceId,
        /// Hash of the new one.
        #[n(1)]
        hash: PaymentHash,
        /// The rest it asks for.
        #[n(2)]
        amount: Msat,
    },
    /// A payment method that had been left for later is offered now.
    #[n(85)]
    InvoiceMethodActivated {
        /// Which.
        #[n(0)]
        invoice: InvoiceId,
        /// Which rail.
        #[n(1)]
        rail: Rail,
    },
    /// An invoice made through the Lightning API was paid.
    #[n(13)]
    ApiInvoicePaid {
        /// Which.
        #[n(0)]
        hash: PaymentHash,
        /// How much.
        #[n(1)]
        amount: Msat,
    },
    /// An invoice made through the Lightning API was paid by a payout of this server, in the books alone.
    #[n(37)]
    ApiInvoicePaidInside {
        /// Which.
        #[n(0)]
        hash: PaymentHash,
        /// By which payout.
        #[n(1)]
        payout: PayoutId,
        /// How much.
        #[n(2)]
        amount: Msat,
    },

    // --- Money that fits no invoice
    /// Money came that fits no invoice.
    #[n(12)]
    StrayReceived {
        /// What came.
        #[n(0)]
        receipt: ReceiptKey,
        /// How much.
        #[n(1)]
        amount: Msat,
    },
    /// Money on the chain that fits no invoice was replaced, double-spent or reorganised away.
    #[n(44)]
    StrayLost {
        /// What went.
        #[n(0)]
        receipt: ReceiptKey,
        /// How much.
        #[n(1)]
        amount: Msat,
    },
    /// The same is there again.
    #[n(45)]
    StrayReturned {
        /// What came.
        #[n(0)]
        receipt: ReceiptKey,
        /// How much.
        #[n(1)]
        amount: Msat,
    },
    /// A person said which invoice a stray is meant for. It is no stray any more; the invoice's own facts follow.
    #[n(56)]
    StrayAssigned {
        /// What had come.
        #[n(0)]
        receipt: ReceiptKey,
        /// How much.
        #[n(1)]
        amount: Msat,
        /// Which invoice has it now.
        #[n(2)]
        invoice: InvoiceId,
        /// Who said so.
        #[n(3)]
        by: UserId,
    },

    // --- Pull payments
    /// A pull payment was made.
    #[n(14)]
    PullPaymentCreated {
        /// Which.
        #[n(0)]
        pull_payment: PullPaymentId,
    },
    /// A pull payment's terms were changed.
    #[n(84)]
    PullPaymentChanged {
        /// Which.
        #[n(0)]
        pull_payment: PullPaymentId,
    },
    /// A pull payment was closed.
    #[n(15)]
    PullPaymentArchived {
        /// Which.
        #[n(0)]
        pull_payment: PullPaymentId,
    },

    // --- Payouts
    /// A payout was asked for.
    #[n(16)]
    PayoutCreated {
        /// Which.
        #[n(0)]
        payout: PayoutId,
        /// What it is to bring.
        #[n(1)]
        amount: Msat,
    },
    /// It may be paid.
    #[n(17)]
    PayoutApproved {
        /// Which.
        #[n(0)]
        payout: PayoutId,
    },
    /// A person has taken the approval back.
    #[n(83)]
    PayoutApprovalWithdrawn {
        /// Which.
        #[n(0)]
        payout: PayoutId,
    },
    /// An attempt is recorded; nothing has left yet (P2).
    #[n(18)]
    PayoutAttemptRecorded {
        /// Which.
        #[n(0)]
        payout: PayoutId,
        /// Which attempt, from 1.
        #[n(1)]
        attempt: u32,
    },
    /// The attempt was handed to the node or the network.
    #[n(19)]
    PayoutAttemptSent {
        /// Which.
        #[n(0)]
        payout: PayoutId,
        /// Which attempt, from 1.
        #[n(1)]
        attempt: u32,
    },
    /// The attempt is over, without success.
    #[n(20)]
    PayoutAttemptFailed {
        /// Which.
        #[n(0)]
        payout: PayoutId,
        /// Which attempt, from 1.
        #[n(1)]
        attempt: u32,
        /// Why, in words.
        #[n(2)]
        why: String,
    },
    /// The money arrived.
    #[n(21)]
    PayoutCompleted {
        /// Which.
        #[n(0)]
        payout: PayoutId,
        /// What arrived.
        #[n(1)]
        amount: Msat,
        /// What it cost beside.
        #[n(2)]
        fee: Msat,
        /// How it went; facts from before there were books don't say.
        #[n(3)]
        way: Option<Way>,
    },
    /// It will not be paid.
    #[n(22)]
    PayoutCancelled {
        /// Which.
        #[n(0)]
        payout: PayoutId,
        /// Why, in words.
        #[n(1)]
        why: String,
    },
    /// Nobody knows whether it arrived: a person has to look.
    #[n(23)]
    PayoutInReview {
        /// Which.
        #[n(0)]
        payout: PayoutId,
        /// Why, in words.
        #[n(1)]
        why: String,
    },
    /// A person has looked at an attempt that stood for review.
    #[n(38)]
    PayoutReviewed {
        /// Which.
        #[n(0)]
        payout: PayoutId,
        /// Which attempt, from 1.
        #[n(1)]
        attempt: u32,
        /// Who.
        #[n(2)]
        by: UserId,
        /// What they say.
        #[n(3)]
        verdict: Verdict,
        /// Their words.
        #[n(4)]
        why: String,
    },
    /// Two attempts succeeded: an alarm, never an overwrite (P5).
    #[n(24)]
    PayoutPaidTwice {
        /// Which.
        #[n(0)]
        payout: PayoutId,
        /// Which attempt succeeded as the second.
        #[n(1)]
        attempt: u32,
        /// What arrived by it. Absent only in facts of the first format.
        #[n(2)]
        amount: Option<Msat>,
        /// What it cost beside.
        #[n(3)]
        fee: Option<Msat>,
        /// How it went.
        #[n(4)]
        way: Option<Way>,
    },
    /// A person has seen that a payout was paid twice.
    #[n(39)]
    PayoutPaidTwiceSeen {
        /// Which.
        #[n(0)]
        payout: PayoutId,
        /// Who.
        #[n(1)]
        by: UserId,
    },
    /// A payout that was completed by a person's word did arrive: what it cost is known now.
    #[n(41)]
    PayoutProofFound {
        /// Which.
        #[n(0)]
        payout: PayoutId,
        /// What it was thought to have cost.
        #[n(1)]
        fee_before: Msat,
        /// What it cost.
        #[n(2)]
        fee: Msat,
        /// How it went.
        #[n(3)]
        way: Way,
    },
    /// A person pays it by other means.
    #[n(80)]
    PayoutInHand {
        /// Which.
        #[n(0)]
        payout: PayoutId,
    },
    /// A person says that it was paid by other means: no money of this house moved.
    #[n(81)]
    PayoutPaidByHand {
        /// Which.
        #[n(0)]
        payout: PayoutId,
        /// What the receiver has got.
        #[n(1)]
        amount: Msat,
    },
    /// A person has put it back: it waits to be paid again.
    #[n(82)]
    PayoutPutBack {
        /// Which.
        #[n(0)]
        payout: PayoutId,
    },
    /// A signed transaction left the best chain and is sent again as it was stored.
    #[n(26)]
    PayoutUnconfirmed {
        /// Which.
        #[n(0)]
        payout: PayoutId,
    },
    /// The transaction that left the best chain is in it again.
    #[n(29)]
    PayoutReconfirmed {
        /// Which.
        #[n(0)]
        payout: PayoutId,
    },
    /// Its transaction was replaced by one with a higher fee.
    #[n(28)]
    PayoutFeeRaised {
        /// Which.
        #[n(0)]
        payout: PayoutId,
        /// Its share of the fee before.
        #[n(1)]
        fee_before: Msat,
        /// Its share of the fee of the version that is sent now.
        #[n(2)]
        fee_after: Msat,
    },
    /// After a reorganisation another version of its transaction confirmed than the one it was completed with.
    #[n(30)]
    PayoutProofCorrected {
        /// Which.
        #[n(0)]
        payout: PayoutId,
        /// The fee that was told when it was completed.
        #[n(1)]
        fee_before: Msat,
        /// The fee it has really borne.
        #[n(2)]
        fee_after: Msat,
    },

    // --- Tills
    /// A transaction that nobody here made spends coins of the store's wallet (P9). On-chain payouts are held.
    #[n(31)]
    UnknownSpend {
        /// Which.
        #[cbor(n(0), with = "cbor::txid")]
        txid: Txid,
        /// What left the wallet, fee included.
        #[n(1)]
        amount: Msat,
    },
    /// That transaction is gone again: replaced, or no longer in a block or the mempool.
    #[n(32)]
    UnknownSpendGone {
        /// Which.
        #[cbor(n(0), with = "cbor::txid")]
        txid: Txid,
        /// What is back in the wallet.
        #[n(1)]
        amount: Msat,
    },
    /// A person has looked: on-chain payouts go on.
    #[n(33)]
    TillReleased,
    /// The owner of a watch-only wallet has spent from it, elsewhere.
    #[n(90)]
    OwnerSpent {
        /// By which transaction.
        #[cbor(n(0), with = "cbor::txid")]
        txid: Txid,
        /// What left the wallet, fee included.
        #[n(1)]
        amount: Msat,
    },
    /// That transaction is in no block and in no mempool any more.
    #[n(91)]
    OwnerSpentGone {
        /// Which.
        #[cbor(n(0), with = "cbor::txid")]
        txid: Txid,
        /// What is back.
        #[n(1)]
        amount: Msat,
    },
    /// A transaction waits for its owner's signature.
    #[n(92)]
    DraftMade {
        /// Which.
        #[n(0)]
        draft: BatchId,
        /// What it pays in all.
        #[n(1)]
        amount: Msat,
    },
    /// It does not wait any more.
    #[n(93)]
    DraftClosed {
        /// Which.
        #[n(0)]
        draft: BatchId,
        /// It was signed; otherwise it was given up, or cannot confirm any more.
        #[n(1)]
        signed: bool,
    },

    // --- The node
    /// The node's record of a payment was removed so that the same invoice could be handed over again.
    #[n(25)]
    PaymentRecordForgotten {
        /// Which payment.
        #[n(0)]
        hash: PaymentHash,
    },
    /// The node paid something over Lightning that belongs to no payout. Told once a hash.
    #[n(40)]
    ForeignPaymentArrived {
        /// Which payment.
        #[n(0)]
        hash: PaymentHash,
        /// What arrived, if the node knows.
        #[n(1)]
        amount: Option<Msat>,
        /// What it cost beside, if the node knows.
        #[n(2)]
        fee: Option<Msat>,
    },
    /// The node told something that is no payment of ours.
    #[n(27)]
    NodeNote {
        /// One line for the operator.
        #[n(0)]
        what: String,
    },
    /// The operator paid an address of the node's own wallet, as our own look at the chain shows.
    #[n(46)]
    NodeFunded {
        /// Which output.
        #[cbor(n(0), with = "cbor::outpoint")]
        outpoint: OutPoint,
        /// How much.
        #[n(1)]
        amount: Msat,
    },
    /// That payment was replaced, double-spent or reorganised away.
    #[n(47)]
    NodeFundingLost {
        /// Which output.
        #[cbor(n(0), with = "cbor::outpoint")]
        outpoint: OutPoint,
        /// How much.
        #[n(1)]
        amount: Msat,
    },
    /// Channels were opened or closed, and the node holds less than the books said: fees, anchors, dust.
    #[n(48)]
    NodeCost {
        /// Which channels, in words.
        #[n(0)]
        what: String,
        /// How much less.
        #[n(1)]
        amount: Msat,
    },
    /// Channels were opened or closed, and the node holds more: what a peer gave, or a cost that was less in the end.
    #[n(49)]
    NodeGain {
        /// Which channels, in words.
        #[n(0)]
        what: String,
        /// How much more.
        #[n(1)]
        amount: Msat,
    },
    /// The node forwarded a payment of others.
    #[n(50)]
    NodeForwarded {
        /// What it earned by it.
        #[n(0)]
        fee: Msat,
    },
}

/// What a verb of the domain comes to: the new value, and what to tell the world.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Step<T> {
    /// The value after the verb.
    pub after: T,
    /// What happened, in order.
    pub facts: Vec<Fact>,
}

impl<T> Step<T> {
    /// A step that tells nothing.
    pub const fn quiet(after: T) -> Self {
        Self {
            after,
            facts: Vec::new(),
        }
    }

    /// A step that tells one fact.
    pub fn telling(after: T, fact: Fact) -> Self {
        Self {
            after,
            facts: vec![fact],
        }
    }
}
