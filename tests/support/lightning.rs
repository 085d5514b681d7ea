//! A Lightning node in memory: its invoices are real, its network is what the test says.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bitcoin::secp256k1::{PublicKey, SecretKey};
use tokio::sync::Notify;
use tollway::domain::ids::{PaymentHash, Preimage};
use tollway::domain::money::{Msat, Sat};
use tollway::ports::clock::Clock;
use tollway::ports::entropy::random;
use tollway::ports::lightning::{
    Channel, Direction, Dispatch, IssuedInvoice, Lightning, NodeBalances, NodeError, NodeEvent,
    NodeIdentity, NodeState, PayIntent, PaymentRecord, ReceiveRequest, RecordStatus,
};
use tollway::store::{Rows, Store};

use super::bolt11::{hash_of, public_key, sign};
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
    peers_connected: bool,
    channels: Vec<Channel>,
    balances: NodeBalances,
    addresses: Vec<String>,
    connected: Vec<(PublicKey, String)>,
    opened: Vec<(PublicKey, String, Sat)>,
    issued: Vec<(ReceiveRequest, IssuedInvoice)>,
    receive_fails: Option<NodeError>,
    pays: Vec<PayIntent>,
    answers: VecDeque<Dispatch>,
    records: BTreeMap<PaymentHash, PaymentRecord>,
    events: VecDeque<NodeEvent>,
    handled: usize,
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
                peers_connected: true,
                channels: Vec::new(),
                balances: NodeBalances::default(),
                // Nobody's keys; the first of BIP 173's examples for regtest-like programs.
                addresses: vec!["bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080".to_owned()],
                connected: Vec::new(),
                opened: Vec::new(),
                issued: Vec::new(),
                receive_fails: None,
                pays: Vec::new(),
                answers: VecDeque::new(),
                records: BTreeMap::new(),
                events: VecDeque::new(),
                handled: 0,
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

    /// Makes no invoice any more, for this reason.
    pub fn fail_receive(&self, why: Option<NodeError>) {
        locked(&self.inner).receive_fails = why;
    }

    /// What the next `pay` answers; each is used once, then payments are taken again.
    pub fn answer_pay(&self, answer: Dispatch) {
        locked(&self.inner).answers.push_back(answer);
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
        if let Some(record) = locked(&self.inner).records.get_mut(&hash) {
            record.status = RecordStatus::Succeeded;
            record.amount = Some(amount);
        }
        self.emit(NodeEvent::PaymentReceived { hash, amount });
    }

    /// A payment of ours arrives.
    pub fn succeeds(&self, hash: PaymentHash, preimage: Preimage, fee: Msat) {
        if let Some(record) = locked(&self.inner).records.get_mut(&hash) {
            record.status = RecordStatus::Succeeded;
            record.fee = Some(fee);
            record.preimage = Some(preimage);
        }
        self.emit(NodeEvent::PaymentSuccessful {
            hash,
            preimage: Some(preimage),
            fee: Some(fee),
        });
    }

    /// A payment of ours ends without arriving.
    pub fn fails(&self, hash: PaymentHash, why: &str) {
        if let Some(record) = locked(&self.inner).records.get_mut(&hash) {
            record.status = RecordStatus::Failed;
        }
        self.emit(NodeEvent::PaymentFailed {
            hash: Some(hash),
            why: why.to_owned(),
        });
    }

    /// Puts or replaces a record.
    pub fn put_record(&self, record: PaymentRecord) {
        locked(&self.inner).records.insert(record.hash, record);
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

/// A call to the node may wait for the writer, so the writer must not call it.
fn check_thread() {
    let thread = std::thread::current();
    assert_ne!(thread.name(), Some("writer"), "a job called the node");
}

#[async_trait]
impl Lightning for FakeLightning {
    fn state(&self) -> NodeState {
        locked(&self.inner).state.clone()
    }

    fn node_id(&self) -> PublicKey {
        public_key(&self.secret)
    }

    fn receivable(&self) -> Msat {
        let inner = locked(&self.inner);
        match inner.state {
            NodeState::Ready => inner.receivable,
            NodeState::WaitingForChain(_) | NodeState::Syncing | NodeState::Stopped => Msat::ZERO,
        }
    }

    fn sendable(&self) -> Msat {
        let inner = locked(&self.inner);
        match inner.state {
            NodeState::Ready => inner.sendable,
            NodeState::WaitingForChain(_) | NodeState::Syncing | NodeState::Stopped => Msat::ZERO,
        }
    }

    async fn receive(&self, request: ReceiveRequest) -> Result<IssuedInvoice, NodeError> {
        check_thread();
        let mut inner = locked(&self.inner);
        if let Some(why) = &inner.receive_fails {
            return Err(why.clone());
        }
        let preimage = Preimage(random(&self.entropy));
        let wish = Wish {
            amount: request.amount,
            expiry_secs: request.expiry_secs.into(),
            description: request.description.clone(),
            ..Wish::of(Msat::ZERO, self.clock.now())
        };
        let issued = IssuedInvoice {
            bolt11: sign(&wish, preimage, &self.secret),
            hash: hash_of(preimage),
            preimage,
        };
        let record = PaymentRecord {
            hash: issued.hash,
            direction: Direction::Inbound,
            status: RecordStatus::Pending,
            amount: request.amount,
            fee: None,
            preimage: Some(preimage),
            updated: self.clock.now(),
        };
        inner.records.insert(issued.hash, record);
        inner.issued.push((request, issued.clone()));
        Ok(issued)
    }

    async fn pay(&self, intent: &PayIntent) -> Dispatch {
        check_thread();
        let mut inner = locked(&self.inner);
        if let Some(store) = &inner.intents {
            check_intent(&store.snapshot(), intent);
        }
        inner.pays.push(intent.clone());
        let answer = inner.answers.pop_front().unwrap_or(Dispatch::Taken);
        if answer == Dispatch::Taken {
            let record = PaymentRecord {
                hash: intent.hash,
                direction: Direction::Outbound,
                status: RecordStatus::Pending,
                amount: Some(intent.amount),
                fee: None,
                preimage: None,
                updated: self.clock.now(),
            };
            inner.records.insert(intent.hash, record);
        }
        answer
    }

    async fn next_event(&self) -> NodeEvent {
        loop {
            let queued = self.queued.notified();
            if let Some(head) = locked(&self.inner).events.front() {
                return head.clone();
            }
            queued.await;
        }
    }

    async fn event_handled(&self) {
        check_thread();
        let mut inner = locked(&self.inner);
        inner
            .events
            .pop_front()
            .expect("there is an event to acknowledge");
        inner.handled += 1;
    }

    async fn payments(&self) -> Vec<PaymentRecord> {
        locked(&self.inner).records.values().cloned().collect()
    }

    async fn payment(&self, hash: PaymentHash) -> Option<PaymentRecord> {
        locked(&self.inner).records.get(&hash).cloned()
    }

    async fn forget_payment(&self, hash: PaymentHash) -> Result<(), NodeError> {
        locked(&self.inner).records.remove(&hash);
        Ok(())
    }

    async fn identity(&self) -> Result<NodeIdentity, NodeError> {
        Ok(NodeIdentity {
            node_id: self.node_id(),
            alias: "fake".to_owned(),
            listening: vec!["127.0.0.1:9735".to_owned()],
            height: 0,
            peers: locked(&self.inner).connected.len(),
        })
    }

    async fn balances(&self) -> Result<NodeBalances, NodeError> {
        Ok(locked(&self.inner).balances)
    }

    async fn channels(&self) -> Result<Vec<Channel>, NodeError> {
        Ok(locked(&self.inner).channels.clone())
    }

    async fn peers_connected(&self) -> bool {
        locked(&self.inner).peers_connected
    }

    async fn new_address(&self) -> Result<String, NodeError> {
        let inner = locked(&self.inner);
        Ok(inner.addresses[0].clone())
    }

    async fn connect(&self, peer: PublicKey, address: &str) -> Result<(), NodeError> {
        let mut inner = locked(&self.inner);
        inner.connected.push((peer, address.to_owned()));
        Ok(())
    }

    async fn open_channel(
        &self,
        peer: PublicKey,
        address: &str,
        amount: Sat,
    ) -> Result<(), NodeError> {
        let mut inner = locked(&self.inner);
        inner.opened.push((peer, address.to_owned(), amount));
        Ok(())
    }
}

/// P2 intent before act: the last commit holds a live attempt for exactly this.
fn check_intent(rows: &dyn Rows, intent: &PayIntent) {
    use tollway::domain::payout::Plan;
    let payout = tollway::service::settle::payout_of(rows, intent.hash);
    let planned = payout.as_ref().and_then(|payout| payout.live_attempt());
    assert!(
        planned.is_some_and(|attempt| matches!(
            &attempt.plan,
            Plan::Lightning { hash, amount, fee_max, .. }
                if *hash == intent.hash && *amount == intent.amount && *fee_max == intent.fee_max
        )),
        "P2 {} was handed over without a committed attempt",
        intent.hash
    );
}
