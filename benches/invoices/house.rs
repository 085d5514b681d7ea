//! A gateway and a node that pays it, both in this process, over files that are metered.

use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bitcoin::Network;
use rust_decimal::Decimal;
use tempfile::TempDir;
use tokio::sync::Semaphore;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinSet;
use tollway::adapters::clock::SystemClock;
use tollway::adapters::ldk::{LdkConfig, LdkNode, launch};
use tollway::app::App;
use tollway::config::{Bitcoind, Config, Http, Limits, Node, Rates, Webhooks};
use tollway::domain::fact::Fact;
use tollway::domain::ids::StoreId;
use tollway::domain::invoice::Invoice;
use tollway::domain::money::{Currency, Msat};
use tollway::domain::store::Settings;
use tollway::ports::lightning::{Dispatch, Lightning, NodeEvent, NodeState, PayIntent};
use tollway::service::access::NewUser;
use tollway::service::invoice::NewInvoice;
use tollway::store::{Store, writer};

use crate::disk::{Meter, MeteredFile};
use crate::queue::{Queue, SENDERS, SLOT_WAIT};
use crate::sandbox::{Sandbox, target};
use crate::stock::CHANNEL_SATS;

/// Longer than anything here takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// The gateway, and a payer with a channel to it.
pub struct House {
    app: App,
    shop: StoreId,
    /// Of the gateway's file.
    pub meter: Arc<Meter>,
    payer: Arc<LdkNode>,
    payer_store: Store,
    payer_writer: std::thread::JoinHandle<()>,
    folders: [TempDir; 2],
}

impl House {
    /// Starts both and opens the channel.
    pub async fn open(sandbox: &Sandbox) -> Self {
        let folders = [(); 2].map(|()| tempfile::tempdir_in(target()).expect("a folder"));
        let meter = Arc::new(Meter::default());
        let node_address = format!("127.0.0.1:{}", free_port());
        let config = config(folders[0].path(), &node_address, sandbox);
        let app = App::start_with(&config, |path| {
            Store::open_backend(MeteredFile::open(path, meter.clone()))
        })
        .await
        .expect("the gateway starts");

        let (payer_store, payer_writer) =
            Store::open(&folders[1].path().join("payer.redb")).expect("a new file");
        let payer_writer = writer::spawn(payer_writer).expect("a thread");
        let payer = launch(
            payer_config(folders[1].path(), sandbox),
            payer_store.clone(),
            Arc::new(SystemClock),
        )
        .expect("the payer starts");

        let gateway = app.gateway();
        until("the gateway is ready", || gateway.is_synchronized()).await;
        until("the payer is ready", || payer.state() == NodeState::Ready).await;
        let owner = NewUser {
            email: "owner@example.org".to_owned(),
            name: None,
            image_url: None,
            password: Some("correct horse".to_owned()),
            is_admin: true,
        };
        let owner = gateway.create_user(owner, true, false).await;
        let settings = Settings::default();
        let shop = gateway
            .create_store(
                &owner.expect("the first account").0,
                "Bench".to_owned(),
                settings,
                "{}".to_owned(),
            )
            .await
            .expect("a store");

        for node in [&gateway.lightning, &(payer.clone() as Arc<dyn Lightning>)] {
            sandbox.fund(&node.new_address().await.expect("an address"), "0.5");
        }
        let peer = gateway.lightning.node_id();
        let mut opened = payer.open_channel(peer, &node_address, CHANNEL_SATS).await;
        let deadline = Instant::now() + PATIENCE;
        while opened.is_err() && Instant::now() < deadline {
            // Its wallet has not seen its coins yet.
            tokio::time::sleep(Duration::from_millis(200)).await;
            opened = payer.open_channel(peer, &node_address, CHANNEL_SATS).await;
        }
        opened.expect("a channel");
        tokio::task::block_in_place(|| sandbox.confirm_mempool());
        until("the channel is usable", || {
            gateway.lightning.receivable() > Msat(0) && payer.sendable() > Msat(0)
        })
        .await;
        Self {
            app,
            shop: shop.id,
            meter,
            payer,
            payer_store,
            payer_writer,
            folders,
        }
    }

    /// Makes invoices with so many at once. Each has both halves.
    pub async fn invoices(&self, count: usize, at_once: usize) -> Vec<Invoice> {
        let left = Arc::new(Semaphore::new(count));
        let mut makers = JoinSet::new();
        for _ in 0..at_once {
            let (gateway, left, shop) = (self.app.gateway().clone(), left.clone(), self.shop);
            makers.spawn(async move {
                let mut made = Vec::new();
                while let Ok(permit) = left.try_acquire() {
                    permit.forget();
                    let new = NewInvoice {
                        amount: Some(Decimal::ONE_THOUSAND),
                        currency: Some(Currency::SATS),
                        ..NewInvoice::default()
                    };
                    let invoice = gateway.create_invoice(shop, new).await.expect("an invoice");
                    assert!(invoice.onchain.is_some() && !invoice.lightning.is_empty());
                    made.push(invoice);
                }
                made
            });
        }
        let mut all = Vec::with_capacity(count);
        while let Some(made) = makers.join_next().await {
            all.extend(made.expect("a maker"));
        }
        all
    }

    /// The payer pays these, so many in flight; answers when the gateway has settled them all, with the time.
    pub async fn pay(&self, invoices: Vec<Invoice>) -> Duration {
        let count = invoices.len();
        let mut facts = self.app.gateway().store.signals().live();
        let begin = Instant::now();
        let mut work = JoinSet::new();
        let queue = Arc::new(Queue::new(
            (invoices.into_iter()).map(|invoice| (invoice.lightning[0].hash.0, invoice)),
        ));
        for _ in 0..SENDERS {
            let (payer, queue) = (self.payer.clone(), queue.clone());
            work.spawn(async move {
                while let Some(invoice) = tokio::task::block_in_place(|| queue.next()) {
                    send(&payer, &invoice).await;
                }
            });
        }
        let payer = self.payer.clone();
        work.spawn(async move {
            let mut arrived = 0;
            while arrived < count {
                let event = payer.next_event().await;
                payer.event_handled().await;
                match event {
                    NodeEvent::PaymentSuccessful { hash, .. } => {
                        arrived += 1;
                        queue.arrived(hash.0);
                    }
                    NodeEvent::PaymentFailed { hash, .. } => {
                        let hash = hash.expect("a BOLT 11 payment has one");
                        // Its record may still read Pending, which would make another try a duplicate.
                        payer.forget_payment(hash).await.expect("it is forgotten");
                        queue.failed(hash.0);
                    }
                    NodeEvent::PaymentReceived { .. }
                    | NodeEvent::ChannelClosed { .. }
                    | NodeEvent::Forwarded { .. }
                    | NodeEvent::Other { .. } => {}
                }
            }
        });
        let mut settled = 0;
        while settled < count {
            match facts.recv().await {
                Ok(entry) => {
                    settled += usize::from(matches!(entry.fact, Fact::InvoiceSettled { .. }));
                }
                Err(RecvError::Lagged(_)) => panic!("the bench reads too slowly"),
                Err(RecvError::Closed) => panic!("the gateway has stopped"),
            }
        }
        let took = begin.elapsed();
        while let Some(done) = work.join_next().await {
            done.expect("a payer's task");
        }
        took
    }

    /// Stops both.
    pub async fn close(self) {
        self.app.run_until(std::future::ready(())).await;
        self.payer.stop().await;
        drop(self.payer);
        self.payer_store.close();
        self.payer_writer.join().expect("the payer's writer");
        drop(self.folders);
    }
}

/// Hands a payment over, again while the channel has no slot for it.
async fn send(payer: &LdkNode, invoice: &Invoice) {
    let prompt = &invoice.lightning[0];
    let intent = PayIntent {
        bolt11: prompt.bolt11.clone(),
        hash: prompt.hash,
        amount: invoice.due.to_msat(),
        fee_max: Msat(10_000),
    };
    loop {
        match payer.pay(&intent).await {
            Dispatch::Taken => return,
            Dispatch::Declined {
                try_later: true, ..
            } => tokio::time::sleep(SLOT_WAIT).await,
            other => panic!("not sent: {other:?}"),
        }
    }
}

fn config(folder: &Path, node_address: &str, sandbox: &Sandbox) -> Config {
    let http = format!("127.0.0.1:{}", free_port());
    Config {
        data_dir: folder.to_owned(),
        network: Network::Regtest,
        i_know_there_are_no_backups_yet: false,
        http: Http {
            listen: http.parse().expect("an address"),
            base_url: format!("http://{http}"),
            trusted_proxies: Vec::new(),
        },
        bitcoind: Bitcoind {
            host: sandbox.get("BITCOIND_RPC_HOST").to_owned(),
            port: rpc_port(sandbox),
            user: sandbox.get("BITCOIND_RPC_USER").to_owned(),
            password: sandbox.get("BITCOIND_RPC_PASSWORD").to_owned(),
            poll_millis: 1_000,
        },
        node: Node {
            listen: Some(node_address.to_owned()),
            alias: Some("bench".to_owned()),
        },
        rates: Rates::default(),
        limits: Limits::default(),
        webhooks: Webhooks::default(),
    }
}

fn payer_config(folder: &Path, sandbox: &Sandbox) -> LdkConfig {
    LdkConfig {
        network: Network::Regtest,
        storage_dir: folder.join("ldk"),
        seed: [7; 64],
        rpc_host: sandbox.get("BITCOIND_RPC_HOST").to_owned(),
        rpc_port: rpc_port(sandbox),
        rpc_user: sandbox.get("BITCOIND_RPC_USER").to_owned(),
        rpc_password: sandbox.get("BITCOIND_RPC_PASSWORD").to_owned(),
        listen: Vec::new(),
        alias: None,
    }
}

/// Port of bitcoind's RPC.
pub fn rpc_port(sandbox: &Sandbox) -> u16 {
    sandbox.get("BITCOIND_RPC_PORT").parse().expect("a port")
}

/// A port that nobody listens on at the moment.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address").port()
}

async fn until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
