//! What ldk-node does as it comes, with its `SQLite` store: two nodes with a channel, for comparison.

use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bitcoin::Network;
use bitcoin::hashes::Hash;
use ldk_node::lightning::ln::channelmanager::PaymentId;
use ldk_node::lightning::ln::msgs::SocketAddress;
use ldk_node::{Builder, Event, Node, NodeError};
use lightning_invoice::{Bolt11Invoice, Bolt11InvoiceDescription, Description};
use tempfile::TempDir;
use tollway::domain::money::Sat;

use crate::house::{free_port, rpc_port};
use crate::queue::{Queue, SENDERS, SLOT_WAIT};
use crate::sandbox::{Sandbox, target, until};

/// Size of the channel over which payments are measured.
pub const CHANNEL_SATS: Sat = Sat(10_000_000);

/// A payer and a payee.
pub struct Pair {
    payer: Arc<Node>,
    payee: Arc<Node>,
    _folders: [TempDir; 2],
}

impl Pair {
    /// Starts both on the sandbox's chain and opens the channel.
    pub fn open(sandbox: &Sandbox) -> Self {
        let folders = [(); 2].map(|()| tempfile::tempdir_in(target()).expect("a folder"));
        let address = format!("127.0.0.1:{}", free_port());
        let payee = start(sandbox, &folders[0], 1, Some(&address));
        let payer = start(sandbox, &folders[1], 2, None);
        for node in [&payer, &payee] {
            let address = node.onchain_payment().new_address().expect("an address");
            sandbox.fund(&address.to_string(), "0.5");
            until("coins for a channel", || {
                node.list_balances().spendable_onchain_balance_sats > CHANNEL_SATS.0
            });
        }
        let address = SocketAddress::from_str(&address).expect("an address");
        payer
            .open_channel(payee.node_id(), address, CHANNEL_SATS.0, None, None)
            .expect("a channel");
        sandbox.confirm_mempool();
        until("the channel is usable", || {
            [&payer, &payee].iter().all(|node| {
                let channels = node.list_channels();
                channels.iter().any(|channel| channel.is_usable)
            })
        });
        Self {
            payer,
            payee,
            _folders: folders,
        }
    }

    /// The payee's `receive()` in a loop on so many threads, for this long: invoices per second.
    pub fn receive_rate(&self, threads: usize, at_most: Duration) -> f64 {
        let begin = Instant::now();
        let made: usize = std::thread::scope(|scope| {
            let loops: Vec<_> = (0..threads)
                .map(|_| {
                    scope.spawn(|| {
                        let mut made = 0;
                        while begin.elapsed() < at_most {
                            self.invoice();
                            made += 1;
                        }
                        made
                    })
                })
                .collect();
            loops
                .into_iter()
                .map(|one| one.join().expect("a thread that receives"))
                .sum()
        });
        f64::from(u32::try_from(made).expect("not billions")) / begin.elapsed().as_secs_f64()
    }

    /// Pays so many fresh invoices over the channel; the time until the payee has handled the last.
    pub fn pay(&self, count: usize) -> Duration {
        let queue = Queue::new((0..count).map(|_| {
            let invoice = self.invoice();
            (invoice.payment_hash().to_byte_array(), invoice)
        }));
        let begin = Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..SENDERS {
                scope.spawn(|| {
                    while let Some(invoice) = queue.next() {
                        while let Err(why) = self.payer.bolt11_payment().send(&invoice, None) {
                            assert_eq!(why, NodeError::PaymentSendingFailed);
                            std::thread::sleep(SLOT_WAIT);
                        }
                    }
                });
            }
            scope.spawn(|| {
                each_event(&self.payer, count, |event| match event {
                    Event::PaymentSuccessful { payment_hash, .. } => {
                        queue.arrived(payment_hash.0);
                        true
                    }
                    Event::PaymentFailed { payment_hash, .. } => {
                        let hash = payment_hash.expect("a BOLT 11 payment has one").0;
                        // Its record may still read Pending, which would make another try a duplicate.
                        let id = PaymentId(hash);
                        self.payer.remove_payment(&id).expect("it is forgotten");
                        queue.failed(hash);
                        false
                    }
                    _ => false,
                });
            });
            let payee = scope.spawn(|| {
                each_event(&self.payee, count, |event| {
                    matches!(event, Event::PaymentReceived { .. })
                });
                begin.elapsed()
            });
            payee.join().expect("the payee's events")
        })
    }

    /// Stops both.
    pub fn close(self) {
        for node in [self.payer, self.payee] {
            node.stop().expect("it stops");
        }
    }

    fn invoice(&self) -> Bolt11Invoice {
        let text = Description::new("Bench".to_owned()).expect("short");
        self.payee
            .bolt11_payment()
            .receive(1_000_000, &Bolt11InvoiceDescription::Direct(text), 900)
            .expect("an invoice")
    }
}

/// Handles events until `counts` has said so of this many.
fn each_event(node: &Node, count: usize, counts: impl Fn(&Event) -> bool) {
    let mut seen = 0;
    while seen < count {
        let event = node.wait_next_event();
        node.event_handled().expect("an acknowledged event");
        seen += usize::from(counts(&event));
    }
}

fn start(sandbox: &Sandbox, folder: &TempDir, seed: u8, listen: Option<&str>) -> Arc<Node> {
    let mut builder = Builder::new();
    builder
        .set_network(Network::Regtest)
        .set_storage_dir_path(folder.path().to_string_lossy().into_owned())
        .set_entropy_seed_bytes([seed; 64])
        // Its default writes a log file at debug level: it is spared that.
        .set_log_facade_logger()
        .set_gossip_source_p2p()
        .set_chain_source_bitcoind_rpc(
            sandbox.get("BITCOIND_RPC_HOST").to_owned(),
            rpc_port(sandbox),
            sandbox.get("BITCOIND_RPC_USER").to_owned(),
            sandbox.get("BITCOIND_RPC_PASSWORD").to_owned(),
        );
    if let Some(address) = listen {
        let address = SocketAddress::from_str(address).expect("an address");
        builder
            .set_listening_addresses(vec![address])
            .expect("one address")
            .set_node_alias("stock".to_owned())
            .expect("a short name");
    }
    let node = builder.build().expect("a stock node");
    node.start().expect("it starts");
    Arc::new(node)
}
