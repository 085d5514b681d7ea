//! The Lightning node: invoices in, payments out, events.
//!
//! A call here may block for a store write, so it is never made from a job of the writer.

use std::fmt;

use async_trait::async_trait;
use bitcoin::Txid;
use bitcoin::secp256k1::PublicKey;

use crate::domain::ids::{PaymentHash, Preimage};
use crate::domain::money::{Msat, Sat};
use crate::domain::time::Timestamp;

/// Where the node stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeState {
    /// The chain source does not answer, or is not the chain it should be: why, in words.
    WaitingForChain(String),
    /// Started, not yet caught up with the chain.
    Syncing,
    /// Caught up: payments may go out, invoices may have a Lightning half.
    Ready,
    /// Not built, because running it could lose money: what happened and what to do, in words. Nothing is sent on
    /// either rail until a person has seen to it.
    Held(String),
    /// Stopped on purpose.
    Stopped,
}

/// The node refuses or cannot do what was asked, with its reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NodeError {
    /// Not started, not synced or stopped.
    #[error("the Lightning node is not ready: {0}")]
    Unavailable(String),
    /// Its own wallet holds too little that can be spent now.
    #[error("{0}")]
    CannotAfford(String),
    /// The peer can't be reached.
    #[error("{0}")]
    Unreachable(String),
    /// The node's own reason.
    #[error("{0}")]
    Refused(String),
}

/// What an invoice says it is for (BOLT 11 `d` or `h`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InvoiceDescription {
    /// The text itself, at most 639 bytes of UTF-8.
    Text(String),
    /// The sha256 of a text that the payer knows from elsewhere (LUD-06).
    Hash([u8; 32]),
}

/// A request to be paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiveRequest {
    /// The least to accept; `None` leaves it to the payer.
    pub amount: Option<Msat>,
    /// What it is for.
    pub description: InvoiceDescription,
    /// Seconds until the payer should not try any more.
    pub expiry_secs: u32,
}

/// The most that an invoice may ask for: a million bitcoin. LDK multiplies amounts by 110 and does not look whether that
/// overflows.
pub const RECEIVE_MAX: Msat = Msat(100_000_000_000_000_000);

impl ReceiveRequest {
    /// Whether a node can be asked this at all.
    pub fn check(&self) -> Result<(), NodeError> {
        if self.amount.is_some_and(|amount| amount > RECEIVE_MAX) {
            let why = "no invoice asks for more than a million bitcoin";
            return Err(NodeError::Refused(why.to_owned()));
        }
        Ok(())
    }
}

/// An invoice the node has made. Durable only with the caller's own next commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuedInvoice {
    /// The BOLT 11 text, lower case.
    pub bolt11: String,
    /// Its payment hash.
    pub hash: PaymentHash,
    /// Proof of payment once it is paid; a secret until then.
    pub preimage: Preimage,
}

/// A payment to make, committed before it is handed over (P2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayIntent {
    /// The invoice to pay, as text.
    pub bolt11: String,
    /// Its payment hash.
    pub hash: PaymentHash,
    /// What to send, in full: at least the invoice's own amount.
    pub amount: Msat,
    /// The most to spend on routing.
    pub fee_max: Msat,
}

/// What the node said when it was handed a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dispatch {
    /// It has it; the outcome comes as an event.
    Taken,
    /// Nothing left this node, and nothing will.
    Declined {
        /// The node's reason.
        why: String,
        /// The same may succeed later.
        try_later: bool,
    },
    /// It may be under way: wait for an event (P6).
    Doubtful(String),
}

/// Something that happened at the node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeEvent {
    /// Money came in and is ours.
    PaymentReceived {
        /// Which invoice.
        hash: PaymentHash,
        /// How much, at least what the invoice asked for.
        amount: Msat,
    },
    /// A payment of ours arrived.
    PaymentSuccessful {
        /// Which payment.
        hash: PaymentHash,
        /// Proof, if the node has it.
        preimage: Option<Preimage>,
        /// Spent on routing.
        fee: Option<Msat>,
    },
    /// A payment of ours has ended without arriving. Final for this attempt.
    PaymentFailed {
        /// Which payment; absent if it failed before it had one.
        hash: Option<PaymentHash>,
        /// The node's reason, in words.
        why: String,
    },
    /// A channel was closed.
    ChannelClosed {
        /// Which.
        channel: ChannelKey,
        /// Both sides agreed: what is ours is paid straight to the node's own wallet.
        cooperative: bool,
        /// One line for the operator.
        what: String,
    },
    /// A payment of others went through this node.
    Forwarded {
        /// What was earned by it, if it is known.
        fee: Option<Msat>,
        /// One line for the operator.
        what: String,
    },
    /// Channels and whatever is not about a payment of ours: shown, not acted on.
    Other {
        /// One line for the operator.
        what: String,
    },
}

/// Direction of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To us.
    Inbound,
    /// From us.
    Outbound,
}

/// How far the node's record says a payment is. Trust the event, not the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordStatus {
    /// Unpaid or under way.
    Pending,
    /// Done.
    Succeeded,
    /// Ended without success.
    Failed,
}

/// The node's own record of a Lightning payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentRecord {
    /// Which payment.
    pub hash: PaymentHash,
    /// To us or from us.
    pub direction: Direction,
    /// How far it is.
    pub status: RecordStatus,
    /// How much.
    pub amount: Option<Msat>,
    /// Routing fee, outbound only.
    pub fee: Option<Msat>,
    /// Known for inbound ones from the start, for outbound ones after success.
    pub preimage: Option<Preimage>,
    /// When it last changed.
    pub updated: Timestamp,
}

/// A channel with a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    /// The other side.
    pub peer: PublicKey,
    /// Funding outpoint `txid:vout`, once there is one.
    pub funding: Option<String>,
    /// Size.
    pub capacity: Sat,
    /// What we could send through it now.
    pub outbound: Msat,
    /// What we could receive through it now.
    pub inbound: Msat,
    /// Announced to the network.
    pub is_public: bool,
    /// Confirmed deep enough and the handshake is done.
    pub is_ready: bool,
    /// Ready, and the peer is connected.
    pub is_usable: bool,
}

/// What the node holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodeBalances {
    /// On-chain, spendable now.
    pub onchain_spendable: Sat,
    /// On-chain in all, unconfirmed and reserved included.
    pub onchain_total: Sat,
    /// Kept back to be able to close anchor channels.
    pub onchain_reserved: Sat,
    /// Claimable from all channels, were they closed now.
    pub lightning: Sat,
    /// On its way back to the chain from closed channels.
    pub sweeping: Sat,
}

/// A channel, as the node calls it: its id, 32 bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelKey(pub [u8; 32]);

impl fmt::Display for ChannelKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ChannelKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What is ours at the node, to the millisatoshi, piece by piece. Between two messages to a peer the pieces may not
/// fit each other for a moment: read again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holdings {
    /// Its own wallet, unconfirmed coins included.
    pub wallet: Sat,
    /// Channels that are open, or about to be.
    pub channels: Vec<OpenChannel>,
    /// What is to come back from closed channels.
    pub closing: Vec<ClosingChannel>,
    /// Outputs of closed channels that are sent on to its own wallet.
    pub sweeps: Vec<Sweep>,
}

/// Our side of an open channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenChannel {
    /// Which.
    pub channel: ChannelKey,
    /// Its size.
    pub capacity: Sat,
    /// What is ours, with what is on its way out and not there yet, and what has come in and is claimed. The value of
    /// anchors is nobody's.
    pub ours: Msat,
    /// We opened it.
    pub outbound: bool,
    /// Deep enough and the handshake is done.
    pub ready: bool,
}

/// A closed channel whose money is not in our hands yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClosingChannel {
    /// Which.
    pub channel: ChannelKey,
    /// What is ours of it, fees that are still to be paid included.
    pub amount: Sat,
    /// The chain shows that it was closed by agreement: the node's wallet has it already.
    pub in_wallet: bool,
}

/// An output that is sent on to the node's own wallet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sweep {
    /// Of which channel, if that is known.
    pub channel: Option<ChannelKey>,
    /// What it holds before the fee.
    pub amount: Sat,
    /// How far it is.
    pub standing: SweepStanding,
}

/// How far a [`Sweep`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SweepStanding {
    /// No transaction yet.
    Waiting,
    /// This transaction was handed to the network. The node's wallet has its output if the mempool has it.
    Broadcast(Txid),
    /// In a block, and in the node's wallet.
    Confirmed,
}

/// Who the node is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeIdentity {
    /// Its public key.
    pub node_id: PublicKey,
    /// Its name in the network.
    pub alias: String,
    /// `host:port` where peers may call.
    pub listening: Vec<String>,
    /// The height it has synced to.
    pub height: u32,
    /// Connected peers.
    pub peers: usize,
}

/// The node behind this port.
#[async_trait]
pub trait Lightning: Send + Sync {
    /// Where it stands; answered from memory.
    fn state(&self) -> NodeState;

    /// Its public key, known from the seed even before it has started.
    fn node_id(&self) -> PublicKey;

    /// The most that one ready channel, or several together, can receive now; answered from memory of
    /// the last look, at most a second old. Zero when not [`NodeState::Ready`].
    fn receivable(&self) -> Msat;

    /// The most it could send now, answered like [`Lightning::receivable`].
    fn sendable(&self) -> Msat;

    /// How many channels are ready with their peer connected, answered like [`Lightning::receivable`].
    fn usable_channels(&self) -> usize;

    /// Makes an invoice; refuses what does not pass [`ReceiveRequest::check`]. Nothing is promised to anyone before the caller has committed it.
    async fn receive(&self, request: ReceiveRequest) -> Result<IssuedInvoice, NodeError>;

    /// Hands over a payment whose intent is committed (P2).
    async fn pay(&self, intent: &PayIntent) -> Dispatch;

    /// The oldest event not yet handled; the same again until [`Lightning::event_handled`].
    async fn next_event(&self) -> NodeEvent;

    /// Acknowledges the head of the queue, once, after our commit. Fail-stop inside.
    async fn event_handled(&self);

    /// All Lightning records of the node.
    async fn payments(&self) -> Vec<PaymentRecord>;

    /// One record.
    async fn payment(&self, hash: PaymentHash) -> Option<PaymentRecord>;

    /// Removes a record: one of a payment of ours so that the same invoice may be handed over again (reconcile only), or
    /// that of a dead invoice. Refused for a payment of ours that has arrived.
    async fn forget_payment(&self, hash: PaymentHash) -> Result<(), NodeError>;

    /// Who it is.
    async fn identity(&self) -> Result<NodeIdentity, NodeError>;

    /// What it holds.
    async fn balances(&self) -> Result<NodeBalances, NodeError>;

    /// What it holds, exactly.
    async fn holdings(&self) -> Result<Holdings, NodeError>;

    /// Its channels.
    async fn channels(&self) -> Result<Vec<Channel>, NodeError>;

    /// Whether all peers with a channel are connected.
    async fn peers_connected(&self) -> bool;

    /// Whether a channel that was closed still has something to be resolved on the chain. True if nobody can say.
    async fn has_closing_channels(&self) -> bool;

    /// A fresh address of its own wallet, for funding channels.
    async fn new_address(&self) -> Result<String, NodeError>;

    /// Connects to `pubkey@host:port` and remembers the peer.
    async fn connect(&self, peer: PublicKey, address: &str) -> Result<(), NodeError>;

    /// Opens a private channel from the node's own wallet.
    async fn open_channel(
        &self,
        peer: PublicKey,
        address: &str,
        amount: Sat,
    ) -> Result<(), NodeError>;
}
