//! A Lightning node over a store of its own, as tests open, fund and connect it.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use bitcoin::Network;
use tempfile::TempDir;
use tokio::time::{Instant, sleep, timeout};
use tollway::adapters::clock::SystemClock;
use tollway::adapters::ldk::{LdkConfig, LdkNode, launch};
use tollway::domain::money::{Msat, Sat};
use tollway::ports::lightning::{
    Dispatch, InvoiceDescription, IssuedInvoice, Lightning, NodeEvent, NodeState, PayIntent,
    ReceiveRequest,
};
use tollway::store::{Rows, Store, Table, Writer, writer};

use crate::bitcoind::{self, Bitcoind, free_port};

/// Longer than anything here takes on a slow machine.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// A node over a store of its own.
pub struct House {
    /// The node.
    pub node: Arc<LdkNode>,
    /// Its store.
    pub store: Store,
    writer: JoinHandle<()>,
    /// Where its peers call.
    pub address: String,
}

/// What survives a restart.
#[derive(Clone)]
pub struct Plot {
    /// Of the store and of the node's caches.
    pub folder: PathBuf,
    seed: u8,
    port: u16,
    /// The chain it expects.
    pub network: Network,
    /// Of its bitcoind.
    pub rpc_port: u16,
}

impl Plot {
    /// For a new node.
    pub fn new(folder: &TempDir, seed: u8, bitcoind: &Bitcoind) -> Self {
        Self {
            folder: folder.path().to_path_buf(),
            seed,
            port: free_port(),
            network: Network::Regtest,
            rpc_port: bitcoind.rpc_port,
        }
    }

    /// Opens the store and launches the node.
    pub fn open(&self) -> House {
        let (store, writer) = Store::open(&self.folder.join("tollway.redb")).unwrap();
        self.open_over(store, writer)
    }

    /// Launches the node over a store that is open.
    pub fn open_over(&self, store: Store, writer: Writer) -> House {
        let writer = writer::spawn(writer).unwrap();
        let address = format!("127.0.0.1:{}", self.port);
        let config = LdkConfig {
            network: self.network,
            storage_dir: self.folder.join("ldk"),
            seed: [self.seed; 64],
            rpc_host: "127.0.0.1".to_owned(),
            rpc_port: self.rpc_port,
            rpc_user: bitcoind::USER.to_owned(),
            rpc_password: bitcoind::PASSWORD.to_owned(),
            listen: vec![address.clone()],
            alias: Some(format!("node {}", self.seed)),
        };
        House {
            node: launch(config, store.clone(), Arc::new(SystemClock)).unwrap(),
            store,
            writer,
            address,
        }
    }

    /// Leaves a note for another process.
    pub fn write(&self) {
        let line = format!("{} {} {}", self.seed, self.port, self.rpc_port);
        std::fs::write(self.folder.join("plot"), line).unwrap();
    }

    /// Reads it there.
    pub fn read(folder: &Path) -> Self {
        let line = std::fs::read_to_string(folder.join("plot")).unwrap();
        let numbers: Vec<u16> = line.split(' ').map(|word| word.parse().unwrap()).collect();
        Self {
            folder: folder.to_path_buf(),
            seed: u8::try_from(numbers[0]).unwrap(),
            port: numbers[1],
            network: Network::Regtest,
            rpc_port: numbers[2],
        }
    }

    /// How many events the closed node has on disk: its queue begins with their number, in two bytes.
    pub fn queued_events(&self) -> u16 {
        let (store, _writer) = Store::open(&self.folder.join("tollway.redb")).unwrap();
        let queue = store.snapshot().get(Table::Ldk, b"\0\0events").unwrap();
        u16::from_be_bytes([queue[0], queue[1]])
    }
}

impl House {
    /// Stops the node and closes the store.
    pub async fn close(self) {
        self.node.stop().await;
        assert_eq!(self.node.state(), NodeState::Stopped);
        drop(self.node);
        self.store.close();
        self.writer.join().unwrap();
    }

    /// Waits until the node is ready.
    pub async fn ready(&self) {
        until("ready", || async { self.node.state() == NodeState::Ready }).await;
    }

    /// Gives the node coins for channels.
    pub async fn funded(&self, bitcoind: &Bitcoind) {
        let address = self.node.new_address().await.unwrap();
        bitcoind.send(&address, "0.1");
        bitcoind.mine(1);
        until("funded", || async {
            self.node.balances().await.unwrap().onchain_spendable > Sat(9_000_000)
        })
        .await;
    }

    /// An invoice of this node.
    pub async fn invoice(&self, amount: Option<Msat>) -> IssuedInvoice {
        let request = ReceiveRequest {
            amount,
            description: InvoiceDescription::Text("tea".to_owned()),
            expiry_secs: 600,
        };
        self.node.receive(request).await.unwrap()
    }

    /// The next event about a payment; what is about channels is acknowledged on the way.
    pub async fn payment_event(&self) -> NodeEvent {
        loop {
            let event = timeout(PATIENCE, self.node.next_event()).await.unwrap();
            self.node.event_handled().await;
            match event {
                NodeEvent::ChannelClosed { .. }
                | NodeEvent::Forwarded { .. }
                | NodeEvent::Other { .. } => {}
                about_a_payment @ (NodeEvent::PaymentReceived { .. }
                | NodeEvent::PaymentSuccessful { .. }
                | NodeEvent::PaymentFailed { .. }) => return about_a_payment,
            }
        }
    }

    /// The next event about this payment. After a restart LDK may tell again of an earlier one.
    async fn event_about(&self, issued: &IssuedInvoice) -> NodeEvent {
        loop {
            let event = self.payment_event().await;
            let about = match &event {
                NodeEvent::PaymentReceived { hash, .. }
                | NodeEvent::PaymentSuccessful { hash, .. } => Some(*hash),
                NodeEvent::PaymentFailed { hash, .. } => *hash,
                NodeEvent::ChannelClosed { .. }
                | NodeEvent::Forwarded { .. }
                | NodeEvent::Other { .. } => None,
            };
            if about == Some(issued.hash) {
                return event;
            }
        }
    }

    /// Pays and waits for both ends to say so.
    pub async fn pays(&self, payee: &Self, issued: &IssuedInvoice, amount: Msat) {
        let taken = self.node.pay(&intent(issued, amount)).await;
        assert_eq!(taken, Dispatch::Taken);
        let received = NodeEvent::PaymentReceived {
            hash: issued.hash,
            amount,
        };
        assert_eq!(payee.event_about(issued).await, received);
        let arrived = NodeEvent::PaymentSuccessful {
            hash: issued.hash,
            preimage: Some(issued.preimage),
            fee: Some(Msat::ZERO),
        };
        assert_eq!(self.event_about(issued).await, arrived);
    }
}

/// What a payout would hand to the node.
pub fn intent(issued: &IssuedInvoice, amount: Msat) -> PayIntent {
    PayIntent {
        bolt11: issued.bolt11.clone(),
        hash: issued.hash,
        amount,
        fee_max: Msat(10_000),
    }
}

/// Looks until it is so. There is no event to wait for in these cases.
pub async fn until<F: Future<Output = bool>>(what: &str, mut is_so: impl FnMut() -> F) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so().await {
        assert!(Instant::now() < deadline, "not {what} in time");
        sleep(Duration::from_millis(50)).await;
    }
}

/// A usable channel from `payer` to `payee`.
pub async fn connect(bitcoind: &Bitcoind, payer: &House, payee: &House) {
    let opened = payer
        .node
        .open_channel(payee.node.node_id(), &payee.address, Sat(1_000_000))
        .await;
    assert_eq!(opened, Ok(()));
    until("funding broadcast", || async { bitcoind.mempool_len() > 0 }).await;
    bitcoind.mine(6);
    until("able to pay", || async {
        payer.node.sendable() > Msat::ZERO && payee.node.state() == NodeState::Ready
    })
    .await;
    until("usable", || async {
        let channels = payee.node.channels().await.unwrap();
        channels.len() == 1 && channels[0].is_usable
    })
    .await;
}
