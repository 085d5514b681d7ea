//! The Lightning adapter with real nodes: two in one process, each over a store of its own.

use std::env;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use bitcoin::Network;
use tempfile::TempDir;
use tokio::time::{Instant, sleep, timeout};
use tollway::adapters::clock::SystemClock;
use tollway::adapters::ldk::{LdkConfig, LdkNode, launch};
use tollway::domain::ids::PaymentHash;
use tollway::domain::money::{Msat, Sat};
use tollway::ports::lightning::{
    Direction, Dispatch, InvoiceDescription, IssuedInvoice, Lightning, NodeEvent, NodeState,
    PayIntent, ReceiveRequest, RecordStatus,
};
use tollway::store::{Store, writer};

use crate::bitcoind::{self, Bitcoind, free_port};

/// Longer than anything here takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// A node over a store of its own.
struct House {
    node: Arc<LdkNode>,
    store: Store,
    writer: JoinHandle<()>,
    address: String,
}

/// What survives a restart.
#[derive(Clone)]
struct Plot {
    folder: PathBuf,
    seed: u8,
    port: u16,
    network: Network,
    rpc_port: u16,
}

impl Plot {
    fn new(folder: &TempDir, seed: u8, bitcoind: &Bitcoind) -> Self {
        Self {
            folder: folder.path().to_path_buf(),
            seed,
            port: free_port(),
            network: Network::Regtest,
            rpc_port: bitcoind.rpc_port,
        }
    }

    fn open(&self) -> House {
        let (store, writer) = Store::open(&self.folder.join("tollway.redb")).unwrap();
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
}

impl House {
    async fn close(self) {
        self.node.stop().await;
        assert_eq!(self.node.state(), NodeState::Stopped);
        drop(self.node);
        self.store.close();
        self.writer.join().unwrap();
    }

    async fn ready(&self) {
        until("ready", || async { self.node.state() == NodeState::Ready }).await;
    }

    async fn funded(&self, bitcoind: &Bitcoind) {
        let address = self.node.new_address().await.unwrap();
        bitcoind.send(&address, "0.1");
        bitcoind.mine(1);
        until("funded", || async {
            self.node.balances().await.unwrap().onchain_spendable > Sat(9_000_000)
        })
        .await;
    }

    async fn invoice(&self, amount: Option<Msat>) -> IssuedInvoice {
        let request = ReceiveRequest {
            amount,
            description: InvoiceDescription::Text("tea".to_owned()),
            expiry_secs: 600,
        };
        self.node.receive(request).await.unwrap()
    }

    /// The next event about a payment; what is about channels is acknowledged on the way.
    async fn payment_event(&self) -> NodeEvent {
        loop {
            let event = timeout(PATIENCE, self.node.next_event()).await.unwrap();
            self.node.event_handled().await;
            if !matches!(event, NodeEvent::Other { .. }) {
                return event;
            }
        }
    }

    /// Pays and waits for both ends to say so.
    async fn pays(&self, payee: &Self, issued: &IssuedInvoice, amount: Msat) {
        let taken = self.node.pay(&intent(issued, amount)).await;
        assert_eq!(taken, Dispatch::Taken);
        let received = NodeEvent::PaymentReceived {
            hash: issued.hash,
            amount,
        };
        assert_eq!(payee.payment_event().await, received);
        let arrived = NodeEvent::PaymentSuccessful {
            hash: issued.hash,
            preimage: Some(issued.preimage),
            fee: Some(Msat::ZERO),
        };
        assert_eq!(self.payment_event().await, arrived);
    }
}

fn intent(issued: &IssuedInvoice, amount: Msat) -> PayIntent {
    PayIntent {
        bolt11: issued.bolt11.clone(),
        hash: issued.hash,
        amount,
        fee_max: Msat(10_000),
    }
}

/// Looks until it is so. There is no event to wait for in these cases.
async fn until<F: Future<Output = bool>>(what: &str, mut is_so: impl FnMut() -> F) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so().await {
        assert!(Instant::now() < deadline, "not {what} in time");
        sleep(Duration::from_millis(50)).await;
    }
}

/// A usable channel from `payer` to `payee`.
async fn connect(bitcoind: &Bitcoind, payer: &House, payee: &House) {
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

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_pay_each_other_and_come_back() {
    let Some(bitcoind) = Bitcoind::start() else {
        return;
    };
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let plots = [
        Plot::new(&folders[0], 1, &bitcoind),
        Plot::new(&folders[1], 2, &bitcoind),
    ];
    let [payer, payee] = plots.each_ref().map(Plot::open);
    assert_eq!(payer.node.sendable(), Msat::ZERO);
    payer.ready().await;
    payee.ready().await;
    assert_eq!(
        payer.node.ldk_height().map(u64::from),
        Some(bitcoind.height())
    );

    let too_poor = payer
        .node
        .open_channel(payee.node.node_id(), &payee.address, Sat(1_000_000));
    assert!(
        too_poor
            .await
            .unwrap_err()
            .to_string()
            .contains("too little")
    );
    payer.funded(&bitcoind).await;
    payee.funded(&bitcoind).await;
    connect(&bitcoind, &payer, &payee).await;
    assert!(payer.node.peers_connected().await);
    let identity = payer.node.identity().await.unwrap();
    assert_eq!((identity.alias.as_str(), identity.peers), ("node 1", 1));

    // An invoice is paid once; the same again is doubt, never a second payment.
    let amount = Msat(250_000_000);
    let tea = payee.invoice(Some(amount)).await;
    payer.pays(&payee, &tea, amount).await;
    let again = payer.node.pay(&intent(&tea, amount)).await;
    assert!(matches!(again, Dispatch::Doubtful(_)), "{again:?}");
    let sent = payer.node.payment(tea.hash).await.unwrap();
    assert_eq!(
        (sent.direction, sent.status, sent.preimage),
        (
            Direction::Outbound,
            RecordStatus::Succeeded,
            Some(tea.preimage)
        )
    );
    let received = payee.node.payments().await;
    assert_eq!(received.len(), 1, "on-chain records are not shown");
    assert_eq!(
        (received[0].direction, received[0].status),
        (Direction::Inbound, RecordStatus::Succeeded)
    );

    // No amount in it, or less than what is sent: the intent says how much.
    let any = payee.invoice(None).await;
    payer.pays(&payee, &any, Msat(1_234)).await;
    let tip = payee.invoice(Some(Msat(2_000))).await;
    payer.pays(&payee, &tip, Msat(2_500)).await;

    // What the node must never be asked.
    let dear = payee.invoice(Some(Msat(5_000_000))).await;
    for (wrong, try_later) in [
        (
            PayIntent {
                hash: PaymentHash([9; 32]),
                ..intent(&dear, Msat(5_000_000))
            },
            false,
        ),
        (intent(&dear, Msat(4_999_999)), false),
        (intent(&dear, Msat(2_000_000_000)), true),
    ] {
        match payer.node.pay(&wrong).await {
            Dispatch::Declined {
                try_later: later, ..
            } => assert_eq!(later, try_later),
            other => panic!("{other:?}"),
        }
    }

    // The other way, and with a hash for a description.
    let back = payer
        .node
        .receive(ReceiveRequest {
            amount: Some(Msat(50_000)),
            description: InvoiceDescription::Hash([7; 32]),
            expiry_secs: 600,
        })
        .await
        .unwrap();
    payee.pays(&payer, &back, Msat(50_000)).await;

    // A clean stop and a new start: the same node, the same channel, the same records.
    let id = payer.node.node_id();
    payer.close().await;
    let payer = plots[0].open();
    assert_eq!(payer.node.node_id(), id);
    payer.ready().await;
    until("connected again", || async {
        payer.node.sendable() > Msat::ZERO
    })
    .await;
    let known = payer.node.payment(tea.hash).await.unwrap();
    assert_eq!(known.status, RecordStatus::Succeeded);
    let again = payer.node.pay(&intent(&tea, amount)).await;
    assert!(matches!(again, Dispatch::Doubtful(_)), "{again:?}");
    let more = payee.invoice(Some(Msat(3_000))).await;
    payer.pays(&payee, &more, Msat(3_000)).await;

    payer.close().await;
    payee.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_waits_for_the_right_chain() {
    let Some(mut bitcoind) = Bitcoind::start() else {
        return;
    };
    let waits = |house: &House| matches!(house.node.state(), NodeState::WaitingForChain(_));

    let folder = tempfile::tempdir().unwrap();
    let wrong = Plot {
        network: Network::Signet,
        ..Plot::new(&folder, 3, &bitcoind)
    };
    let house = wrong.open();
    until("told so", || async {
        house.node.state()
            == NodeState::WaitingForChain(
                "bitcoind is on the chain 'regtest', not on 'signet'".to_owned(),
            )
    })
    .await;
    let refused = house.node.new_address().await.unwrap_err();
    assert!(refused.to_string().contains("'signet'"), "{refused}");
    house.close().await;

    // bitcoind goes away and comes back; nothing is paid or promised meanwhile.
    let folder = tempfile::tempdir().unwrap();
    let house = Plot::new(&folder, 3, &bitcoind).open();
    house.ready().await;
    bitcoind.kill();
    until("waiting", || async { waits(&house) }).await;
    bitcoind.restart();
    bitcoind.mine(1);
    house.ready().await;
    until("at the new block", || async {
        house.node.ldk_height().map(u64::from) == Some(bitcoind.height())
    })
    .await;
    house.close().await;
}

const CHILD_FOLDER: &str = "TOLLWAY_TEST_CHILD_FOLDER";

/// Runs in a process of its own, as the payer of [`a_killed_node_comes_back`]: pays one invoice after another from a
/// file, and is killed while it does.
#[tokio::test(flavor = "multi_thread")]
async fn killed_child() {
    let Some(folder) = env::var_os(CHILD_FOLDER).map(PathBuf::from) else {
        return;
    };
    let payer = read_plot(&folder).open();
    payer.ready().await;
    until("connected", || async { payer.node.sendable() > Msat::ZERO }).await;
    for bolt11 in std::fs::read_to_string(folder.join("invoices"))
        .unwrap()
        .lines()
    {
        let invoice: lightning_invoice::Bolt11Invoice = bolt11.parse().unwrap();
        let hash: &[u8; 32] = invoice.payment_hash().as_ref();
        let intent = PayIntent {
            bolt11: bolt11.to_owned(),
            hash: PaymentHash(*hash),
            amount: Msat(1_000),
            fee_max: Msat(1_000),
        };
        assert_eq!(payer.node.pay(&intent).await, Dispatch::Taken);
        payer.payment_event().await;
    }
    std::future::pending::<()>().await;
}

fn write_plot(plot: &Plot) {
    let line = format!("{} {} {}", plot.seed, plot.port, plot.rpc_port);
    std::fs::write(plot.folder.join("plot"), line).unwrap();
}

fn read_plot(folder: &Path) -> Plot {
    let line = std::fs::read_to_string(folder.join("plot")).unwrap();
    let numbers: Vec<u16> = line.split(' ').map(|word| word.parse().unwrap()).collect();
    Plot {
        folder: folder.to_path_buf(),
        seed: u8::try_from(numbers[0]).unwrap(),
        port: numbers[1],
        network: Network::Regtest,
        rpc_port: numbers[2],
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_node_comes_back() {
    let Some(bitcoind) = Bitcoind::start() else {
        return;
    };
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let plots = [
        Plot::new(&folders[0], 1, &bitcoind),
        Plot::new(&folders[1], 2, &bitcoind),
    ];
    let [payer, payee] = plots.each_ref().map(Plot::open);
    payer.ready().await;
    payee.ready().await;
    payer.funded(&bitcoind).await;
    payee.funded(&bitcoind).await;
    connect(&bitcoind, &payer, &payee).await;
    payer.close().await;

    let mut invoices = String::new();
    for _ in 0..100 {
        invoices.push_str(&payee.invoice(Some(Msat(1_000))).await.bolt11);
        invoices.push('\n');
    }
    std::fs::write(plots[0].folder.join("invoices"), invoices).unwrap();
    write_plot(&plots[0]);
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["ldk::killed_child", "--exact", "--nocapture"])
        .env(CHILD_FOLDER, &plots[0].folder)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    for _ in 0..10 {
        let event = payee.payment_event().await;
        assert!(
            matches!(event, NodeEvent::PaymentReceived { .. }),
            "{event:?}"
        );
    }
    // In the middle of its next payment.
    child.kill().unwrap();
    child.wait().unwrap();

    let payer = plots[0].open();
    payer.ready().await;
    let paid = payer.node.payments().await;
    let succeeded = paid
        .iter()
        .filter(|payment| payment.status == RecordStatus::Succeeded)
        .count();
    // Each payment ends before the next begins, and outbound records are waited for.
    assert!(succeeded >= 9, "{succeeded} of {}", paid.len());
    assert!(paid.len() <= succeeded + 1);
    // A kill may close the channel by force (its monitor may be ahead of the manager), but never loses a balance.
    let channels = payer.node.channels().await.unwrap();
    println!("channels after the kill: {}", channels.len());
    let balances = payer.node.balances().await.unwrap();
    assert!(balances.lightning > Sat(900_000), "{balances:?}");

    payer.close().await;
    payee.close().await;
}
