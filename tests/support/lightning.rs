//! A Lightning node in memory: its invoices are real, its network is what the test says.

mod port;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};

use bitcoin::secp256k1::{PublicKey, SecretKey};
use tokio::sync::Notify;
use tollway::domain::ids::{PaymentHash, Preimage};
use tollway::domain::money::{Msat, Sat};
use tollway::ports::entropy::random;
use tollway::ports::lightning::{
    Channel, Dispatch, Holdings, IssuedInvoice, NodeBalances, NodeError, NodeEvent, NodeState,
    PayIntent, PaymentRecord, ReceiveRequest, RecordStatus,
};
use tollway::store::Store;

use super::bolt11::{hash_of, sign};
use super::{FakeClock, FakeEntropy, Wish, locked};

/// A node that a test drives.
pub struct FakeLightning {
    secret: SecretKey,
    entropy: FakeEntropy,
    clock: Arc<FakeClock>,
    queued: Notify,
    inner: Mutex<Inner>,
}

struct Inner {
    state: NodeState,
    receivable: Msat,
    sendable: Msat,
    usable_channels: usize,
    closing_channels: bool,
    peers_connected: bool,
    channels: Vec<Channel>,
    balances: NodeBalances,
    /// What it holds, and what payments in and out have changed in it since.
    holdings: Holdings,
    moved_msat: i128,
    holdings_fail: Option<NodeError>,
    addresses: Vec<String>,
    connected: Vec<(PublicKey, String)>,
    opened: Vec<(PublicKey, String, Sat)>,
    issued: Vec<(ReceiveRequest, IssuedInvoice)>,
    receive_fails: Option<NodeError>,
    peers_fail: Option<NodeError>,
    pays: Vec<PayIntent>,
    answers: VecDeque<(Dispatch, bool)>,
    /// Payments that have left, once each time: what the network carries, whatever the answer was.
    departed: Vec<PaymentHash>,
    /// Under way or arrived: another try of the same hash is a duplicate.
    on_the_way: BTreeSet<PaymentHash>,
    records: BTreeMap<PaymentHash, PaymentRecord>,
    events: VecDeque<NodeEvent>,
    handled: usize,
    acks_to_lose: usize,
    /// Where an intent has to be committed before it may be handed over (P2).
    intents: Option<Store>,
}

impl FakeLightning {
    /// The node of a seed: ready, with 1 BTC each way.
    pub fn seeded(seed: u64, clock: Arc<FakeClock>) -> Self {
        let entropy = FakeEntropy::seeded(seed);
        let secret = SecretKey::from_slice(&random::<32>(&entropy)).expect("a key");
        Self {
            secret,
            entropy,
            clock,
            queued: Notify::new(),
            inner: Mutex::new(Inner {
                state: NodeState::Ready,
                receivable: Sat(100_000_000).to_msat(),
                sendable: Sat(100_000_000).to_msat(),
                usable_channels: 1,
                closing_channels: false,
                peers_connected: true,
                channels: Vec::new(),
                balances: NodeBalances::default(),
                holdings: Holdings::default(),
                moved_msat: 0,
                holdings_fail: None,
                // Nobody's keys; the first of BIP 173's examples for regtest-like programs.
                addresses: vec!["bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080".to_owned()],
                connected: Vec::new(),
                opened: Vec::new(),
                issued: Vec::new(),
                receive_fails: None,
                peers_fail: None,
                pays: Vec::new(),
                answers: VecDeque::new(),
                departed: Vec::new(),
                on_the_way: BTreeSet::new(),
                records: BTreeMap::new(),
                events: VecDeque::new(),
                handled: 0,
                acks_to_lose: 0,
                intents: None,
            }),
        }
    }

    /// From now on every payment handed over has to have an attempt in this store (P2).
    pub fn expect_intents_in(&self, store: Store) {
        locked(&self.inner).intents = Some(store);
    }

    /// Lets go of that store, so that its file can be closed.
    pub fn forget_intents(&self) {
        locked(&self.inner).intents = None;
    }

    /// Sets where the node stands.
    pub fn set_state(&self, state: NodeState) {
        locked(&self.inner).state = state;
    }

    /// Sets what it can receive.
    pub fn set_receivable(&self, amount: Msat) {
        locked(&self.inner).receivable = amount;
    }

    /// Sets what it can send.
    pub fn set_sendable(&self, amount: Msat) {
        locked(&self.inner).sendable = amount;
    }

    /// Sets how many channels it can use.
    pub fn set_usable_channels(&self, channels: usize) {
        locked(&self.inner).usable_channels = channels;
    }

    /// Sets whether a closed channel has still to be resolved.
    pub fn set_closing_channels(&self, closing: bool) {
        locked(&self.inner).closing_channels = closing;
    }

    /// Sets whether its peers are there.
    pub fn set_peers_connected(&self, connected: bool) {
        locked(&self.inner).peers_connected = connected;
    }

    /// Sets its channels.
    pub fn set_channels(&self, channels: Vec<Channel>) {
        locked(&self.inner).channels = channels;
    }

    /// Sets what it holds.
    pub fn set_balances(&self, balances: NodeBalances) {
        locked(&self.inner).balances = balances;
    }

    /// Sets what it holds. Payments change the first of its channels from there.
    pub fn set_holdings(&self, holdings: Holdings) {
        let mut inner = locked(&self.inner);
        inner.holdings = holdings;
        inner.moved_msat = 0;
    }

    /// Doesn't say what it holds any more, for this reason.
    pub fn fail_holdings(&self, why: Option<NodeError>) {
        locked(&self.inner).holdings_fail = why;
    }

    /// Makes no invoice any more, for this reason.
    pub fn fail_receive(&self, why: Option<NodeError>) {
        locked(&self.inner).receive_fails = why;
    }

    /// Connecting and opening channels fail like this from now on.
    pub fn fail_peers(&self, why: Option<NodeError>) {
        locked(&self.inner).peers_fail = why;
    }

    /// The next `pay` is refused; each is used once, then payments are taken again.
    pub fn decline_pay(&self, why: &str) {
        let declined = Dispatch::Declined {
            why: why.to_owned(),
            try_later: true,
        };
        locked(&self.inner).answers.push_back((declined, false));
    }

    /// The answer of the next `pay` is doubtful, and the payment has left or it has not.
    pub fn doubt_pay(&self, departs: bool) {
        let doubtful = Dispatch::Doubtful("the answer was lost".to_owned());
        locked(&self.inner).answers.push_back((doubtful, departs));
    }

    /// Every payment that left this node, once each time, whatever the answer was.
    pub fn departed(&self) -> Vec<PaymentHash> {
        locked(&self.inner).departed.clone()
    }

    /// Every payment handed over, in order.
    pub fn pays(&self) -> Vec<PayIntent> {
        locked(&self.inner).pays.clone()
    }

    /// Every invoice made, in order.
    pub fn issued(&self) -> Vec<(ReceiveRequest, IssuedInvoice)> {
        locked(&self.inner).issued.clone()
    }

    /// Channels asked for, and peers called.
    pub fn opened(&self) -> Vec<(PublicKey, String, Sat)> {
        locked(&self.inner).opened.clone()
    }

    /// Peers called.
    pub fn connected(&self) -> Vec<(PublicKey, String)> {
        locked(&self.inner).connected.clone()
    }

    /// Queues an event.
    pub fn emit(&self, event: NodeEvent) {
        locked(&self.inner).events.push_back(event);
        self.queued.notify_one();
    }

    /// Somebody pays a hash of ours: the record changes, and the event is queued.
    pub fn receives(&self, hash: PaymentHash, amount: Msat) {
        let mut inner = locked(&self.inner);
        inner.moved_msat += i128::from(amount.0);
        if let Some(record) = inner.records.get_mut(&hash) {
            record.status = RecordStatus::Succeeded;
            record.amount = Some(amount);
        }
        drop(inner);
        self.emit(NodeEvent::PaymentReceived { hash, amount });
    }

    /// A payment of ours arrives.
    pub fn succeeds(&self, hash: PaymentHash, preimage: Preimage, fee: Msat) {
        let mut inner = locked(&self.inner);
        let mut left = fee;
        if let Some(record) = inner.records.get_mut(&hash) {
            record.status = RecordStatus::Succeeded;
            record.fee = Some(fee);
            record.preimage = Some(preimage);
            left = left.plus(record.amount.unwrap_or_default());
        }
        inner.moved_msat -= i128::from(left.0);
        drop(inner);
        self.emit(NodeEvent::PaymentSuccessful {
            hash,
            preimage: Some(preimage),
            fee: Some(fee),
        });
    }

    /// A payment of ours ends without arriving.
    pub fn fails(&self, hash: PaymentHash, why: &str) {
        let mut inner = locked(&self.inner);
        inner.on_the_way.remove(&hash);
        if let Some(record) = inner.records.get_mut(&hash) {
            record.status = RecordStatus::Failed;
        }
        drop(inner);
        self.emit(NodeEvent::PaymentFailed {
            hash: Some(hash),
            why: why.to_owned(),
        });
    }

    /// Puts or replaces a record.
    pub fn put_record(&self, record: PaymentRecord) {
        locked(&self.inner).records.insert(record.hash, record);
    }

    /// The next acknowledgement is lost, as in a kill before it: the event comes again.
    pub fn lose_next_ack(&self) {
        locked(&self.inner).acks_to_lose += 1;
    }

    /// The node forgets what is under way, and its records: what a crash at the wrong moment leaves.
    pub fn forget_departed(&self) {
        let mut inner = locked(&self.inner);
        inner.on_the_way.clear();
        inner.records.clear();
    }

    /// Loses the whole queue: a node that was killed at the wrong moment.
    pub fn drop_events(&self) {
        locked(&self.inner).events.clear();
    }

    /// Events not acknowledged yet.
    pub fn waiting_events(&self) -> usize {
        locked(&self.inner).events.len()
    }

    /// Events acknowledged so far.
    pub fn handled(&self) -> usize {
        locked(&self.inner).handled
    }

    /// An invoice of this node that nobody asked for.
    pub fn sign_own(&self, wish: &Wish) -> (String, PaymentHash) {
        let preimage = Preimage(random(&self.entropy));
        (sign(wish, preimage, &self.secret), hash_of(preimage))
    }
}
