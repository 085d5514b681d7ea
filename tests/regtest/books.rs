//! The books against real nodes and a real chain: payments in parts of a satoshi, channels that open and close, and an
//! audit after each, while the shop runs.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use ldk_node::bitcoin::secp256k1::PublicKey;
use ldk_node::config::Config;
use ldk_node::lightning::ln::msgs::SocketAddress;
use ldk_node::lightning_invoice::{Bolt11Invoice, Bolt11InvoiceDescription, Description};
use ldk_node::{Builder, Node, UserChannelId};
use serde_json::json;
use tempfile::TempDir;

use crate::bitcoind::free_port;
use crate::gateway::{CHAIN, CHANNELS, LN, text};
use crate::sandbox::{Sandbox, sandbox, say, until};

/// A peer of another kind: it closes channels, which the gateway's API does not.
struct Peer {
    node: Arc<Node>,
    address: String,
    _folder: TempDir,
}

impl Peer {
    fn start(sandbox: &Sandbox) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let address = format!("127.0.0.1:{}", free_port());
        let mut builder = Builder::from_config(Config::default());
        let rpc = sandbox.rpc_access();
        builder
            .set_network(bitcoin::Network::Regtest)
            .set_chain_source_bitcoind_rpc(rpc.host, rpc.port, rpc.user, rpc.password)
            .set_storage_dir_path(folder.path().display().to_string())
            .set_entropy_seed_bytes([0x5a; 64])
            .set_listening_addresses(vec![address.parse::<SocketAddress>().unwrap()])
            .unwrap();
        let node = Arc::new(builder.build_with_fs_store().unwrap());
        node.start().unwrap();
        Self {
            node,
            address,
            _folder: folder,
        }
    }

    fn uri(&self) -> String {
        format!("{}@{}", self.node.node_id(), self.address)
    }

    /// The channel with a node, once both can use it.
    async fn channel(&self, sandbox: &Sandbox, with: PublicKey) -> UserChannelId {
        until("usable", || async {
            self.mine_heard(sandbox, 1).await;
            self.drain();
            let channels = self.node.list_channels();
            let one = channels
                .iter()
                .find(|one| one.counterparty_node_id == with && one.is_usable);
            one.map(|one| one.user_channel_id)
                .ok_or_else(|| format!("{channels:?}"))
        })
        .await
    }

    /// Mines this many blocks and waits until everybody has heard of them.
    async fn mine_heard(&self, sandbox: &Sandbox, blocks: u32) {
        sandbox.mine_heard(blocks).await;
        let tip = sandbox.rpc("getblockcount", &[]);
        until("at the tip", || async {
            let height = self.node.status().current_best_block.height;
            if tip == json!(height) {
                Ok(())
            } else {
                Err(format!("at {height} of {tip}"))
            }
        })
        .await;
    }

    /// Nobody listens to its events.
    fn drain(&self) {
        while self.node.next_event().is_some() {
            self.node.event_handled().unwrap();
        }
    }

    fn invoice(&self, msat: u64) -> String {
        let description = Description::new("tea".to_owned()).unwrap();
        let description = Bolt11InvoiceDescription::Direct(description);
        let made = self.node.bolt11_payment();
        let made = made.receive(msat, &description, 3_600).unwrap();
        made.to_string()
    }

    fn pay(&self, bolt11: &str) {
        let invoice: Bolt11Invoice = bolt11.parse().unwrap();
        let id = self.node.bolt11_payment().send(&invoice, None).unwrap();
        assert!(self.node.payment(&id).is_some());
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.node.stop();
    }
}

/// Audits the shop from outside, while it runs.
fn audit(sandbox: &Sandbox, when: &str) {
    let config = sandbox.shop_config();
    let (held, said) = run_audit(&config);
    say(&format!("audit {when}:\n{said}"));
    assert!(held, "the books differ {when}:\n{said}");
    assert!(said.contains("node: books, LDK"), "{said}");
}

/// Whether the books hold, and everything that the command prints.
pub fn run_audit(config: &Path) -> (bool, String) {
    let done = Command::new(env!("CARGO_BIN_EXE_tollway"))
        .args(["audit", "--config"])
        .arg(config)
        .output()
        .unwrap();
    let said = [done.stdout, done.stderr].concat();
    (
        done.status.success(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn the_books_balance_whatever_happens_to_payments_and_channels() {
    let Some(sandbox) = sandbox().await else {
        return;
    };
    let (shop, customer) = (&sandbox.shop, &sandbox.customer);
    audit(&sandbox, "at first");

    // Both rails, both ways, in parts of a satoshi where there are such.
    let invoice = shop.invoice(21_003).await;
    customer.pay(&invoice.bolt11().await).await;
    let (bolt11, _) = shop.bolt11(1_234_567).await;
    customer.pay(&bolt11).await;
    let (bolt11, _) = customer.bolt11(777_333).await;
    shop.pay(&bolt11).await;
    let invoice = shop.invoice(80_000).await;
    sandbox.send(&invoice.address().await, "0.0008");
    invoice.is("Processing").await;
    let address = sandbox.rpc("getnewaddress", &[]);
    sandbox.mine(1);
    invoice.is("Settled").await;
    let out = shop.payout(address.as_str().unwrap(), CHAIN, 30_000).await;
    let (bolt11, _) = customer.bolt11(5_000_000).await;
    let over_lightning = shop.payout(&bolt11, LN, 5_000).await;
    shop.payout_is(&out, "InProgress").await;
    audit(&sandbox, "with a transaction under way");
    sandbox.mine(1);
    shop.payout_is(&out, "Completed").await;
    shop.payout_is(&over_lightning, "Completed").await;
    audit(&sandbox, "after payments");

    let peer = Peer::start(&sandbox);
    let info = shop.get("server/lightning/BTC/info").await;
    let uri = text(&json!({"uri": info["nodeURIs"][0]}), "uri");
    let shop_id: PublicKey = uri.split('@').next().unwrap().parse().unwrap();
    let funding = peer.node.onchain_payment().new_address().unwrap();
    sandbox.send(&funding.to_string(), "0.01");
    peer.mine_heard(&sandbox, 1).await;
    let open = json!({"nodeURI": peer.uri(), "channelAmount": "1000000", "feeRate": 1});

    for forced in [false, true] {
        shop.post(CHANNELS, open.clone()).await;
        let channel = peer.channel(&sandbox, shop_id).await;
        audit(&sandbox, "with another channel");
        shop.pay(&peer.invoice(90_000_777)).await;
        let (bolt11, hash) = shop.bolt11(20_000_333).await;
        peer.pay(&bolt11);
        let path = format!("server/lightning/BTC/invoices/{hash}");
        shop.until("paid", &path, |one| one["status"] == "Paid")
            .await;
        audit(&sandbox, "after payments through it");
        if forced {
            let why = Some("a test".to_owned());
            peer.node
                .force_close_channel(&channel, shop_id, why)
                .unwrap();
        } else {
            peer.node.close_channel(&channel, shop_id).unwrap();
        }
        let peer_id = peer.node.node_id().to_string();
        shop.until("closed", CHANNELS, |channels| {
            let mut channels = channels.as_array().unwrap().iter();
            channels.all(|one| one["remoteNode"] != peer_id.as_str())
        })
        .await;
        audit(&sandbox, "with a closing that no block has");
        peer.mine_heard(&sandbox, 1).await;
        audit(&sandbox, "with a closing in a block");
        peer.mine_heard(&sandbox, 6).await;
        audit(&sandbox, "when the closing is deep");
        peer.mine_heard(&sandbox, 1).await;
        audit(&sandbox, "when it is swept");
    }
}
