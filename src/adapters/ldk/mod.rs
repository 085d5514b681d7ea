//! The Lightning node: ldk-node behind the [`Lightning`] port.
//!
//! [`launch`] returns at once. A supervising thread waits for bitcoind, builds and starts the node, keeps its state
//! fresh and stops it in the end. The node has a runtime of its own, whose workers may block while they wait for
//! the store, and is called only from threads named `ldk-…`: a panic there poisons its locks, and ends the process.

mod build;
mod calls;
mod chain;
mod convert;
mod holdings;
mod log;
mod outgoing;
mod shared;
mod supervisor;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use async_trait::async_trait;
use bitcoin::Network;
use bitcoin::secp256k1::PublicKey;
use ldk_node::lightning::ln::channelmanager::PaymentId;
use ldk_node::payment::{PaymentDirection, PaymentStatus};
use tracing::error;

use crate::adapters::kv::LdkStore;
use crate::domain::ids::PaymentHash;
use crate::domain::money::{Msat, Sat};
use crate::ports::clock::Clock;
use crate::ports::lightning::{
    Channel, Dispatch, Holdings, IssuedInvoice, Lightning, NodeBalances, NodeError, NodeEvent,
    NodeIdentity, NodeState, PayIntent, PaymentRecord, ReceiveRequest,
};
use crate::store::Store;
use calls::Unanswered;
use shared::Shared;

/// What the node is made of.
pub struct LdkConfig {
    /// The chain it lives on.
    pub network: Network,
    /// Folder of its caches; made if it is not there.
    pub storage_dir: PathBuf,
    /// BIP39 seed bytes: channel keys, node identity and its own wallet (BIP84 account 0) come from them.
    pub seed: [u8; 64],
    /// Host of bitcoind's RPC.
    pub rpc_host: String,
    /// Port of bitcoind's RPC.
    pub rpc_port: u16,
    /// User of bitcoind's RPC.
    pub rpc_user: String,
    /// Its password.
    pub rpc_password: String,
    /// `host:port` where peers may call; none is fine.
    pub listen: Vec<String>,
    /// Its name in the network, at most 32 bytes; makes it a public node and needs an address in `listen`.
    pub alias: Option<String>,
}

/// The node can't even be tried.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// A setting is wrong: which, and how.
    #[error("{0}")]
    Config(String),
    /// The operating system refuses a folder or a thread.
    #[error("the Lightning node can't be set up: {0}")]
    Io(#[from] std::io::Error),
}

/// The real Lightning node.
pub struct LdkNode {
    shared: Arc<Shared>,
    supervisor: Mutex<Option<JoinHandle<()>>>,
    /// One reader of events at a time: the node's queue wakes only the last one that asked.
    turn: Arc<tokio::sync::Mutex<()>>,
}

/// Starts the node's threads and returns; the node comes up by itself ([`LdkNode::state`]).
pub fn launch(
    config: LdkConfig,
    store: Store,
    clock: Arc<dyn Clock>,
) -> Result<Arc<LdkNode>, LaunchError> {
    build::check(&config)?;
    std::fs::create_dir_all(&config.storage_dir)?;
    let node_id = build::node_id(config.network, &config.seed)
        .map_err(|e| LaunchError::Config(format!("the seed gives no key: {e}")))?;
    let kv = LdkStore::new(store, config.storage_dir.clone());
    let shared = Arc::new(Shared::new(config, node_id, clock)?);
    let supervisor = supervisor::spawn(shared.clone(), kv)?;
    Ok(Arc::new(LdkNode {
        shared,
        supervisor: Mutex::new(Some(supervisor)),
        turn: Arc::default(),
    }))
}

/// A node that is never built, and says why: [`NodeState::Held`].
pub fn hold(
    config: LdkConfig,
    clock: Arc<dyn Clock>,
    why: String,
) -> Result<Arc<LdkNode>, LaunchError> {
    let node_id = build::node_id(config.network, &config.seed)
        .map_err(|e| LaunchError::Config(format!("the seed gives no key: {e}")))?;
    let shared = Arc::new(Shared::new(config, node_id, clock)?);
    shared.set_state(NodeState::Held(why));
    let supervisor = supervisor::spawn_idle(shared.clone())?;
    Ok(Arc::new(LdkNode {
        shared,
        supervisor: Mutex::new(Some(supervisor)),
        turn: Arc::default(),
    }))
}

impl LdkNode {
    /// Stops the node cleanly and waits for it: up to about 40 seconds. The store must still be open.
    pub async fn stop(&self) {
        self.shared.ask_to_stop();
        self.shared.until_stopped().await;
        let supervisor = self
            .supervisor
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        // Its last act was to say that it has stopped: this does not block.
        if let Some(Err(_)) = supervisor.map(JoinHandle::join) {
            error!("the Lightning node's supervisor panicked");
        }
    }

    /// The height the node has synced to; `None` until it is up.
    pub fn ldk_height(&self) -> Option<u32> {
        self.shared.height()
    }

    /// Looks at the chain at once; by itself the node does so every two seconds. Whoever mines need not wait.
    pub async fn look_at_chain(&self) -> Result<(), NodeError> {
        self.call(|shared, node| {
            node.sync_wallets().map_err(convert::refusal)?;
            shared.set_height(node.status().current_best_block.height);
            shared.refresh_liquidity(node);
            Ok(())
        })
        .await?
    }

    /// Runs one call on a call thread.
    async fn call<R: Send + 'static>(
        &self,
        call: impl FnOnce(&Shared, &ldk_node::Node) -> R + Send + 'static,
    ) -> Result<R, Unanswered> {
        self.shared.call(call).await
    }

    /// A call that the node may refuse.
    async fn ask<R: Send + 'static>(
        &self,
        call: impl FnOnce(&ldk_node::Node) -> Result<R, NodeError> + Send + 'static,
    ) -> Result<R, NodeError> {
        self.call(|_, node| call(node)).await?
    }
}

/// Whoever forgets to stop it still gets it stopped, in the background.
impl Drop for LdkNode {
    fn drop(&mut self) {
        self.shared.ask_to_stop();
    }
}

#[async_trait]
impl Lightning for LdkNode {
    fn state(&self) -> NodeState {
        self.shared.state()
    }

    fn node_id(&self) -> PublicKey {
        self.shared.node_id
    }

    fn receivable(&self) -> Msat {
        self.shared.receivable()
    }

    fn sendable(&self) -> Msat {
        self.shared.sendable()
    }

    fn usable_channels(&self) -> usize {
        self.shared.usable_channels()
    }

    async fn receive(&self, request: ReceiveRequest) -> Result<IssuedInvoice, NodeError> {
        self.ask(move |node| convert::receive(node, &request)).await
    }

    async fn pay(&self, intent: &PayIntent) -> Dispatch {
        outgoing::pay(&self.shared, intent).await
    }

    async fn next_event(&self) -> NodeEvent {
        self.shared.next_event(&self.turn).await
    }

    async fn event_handled(&self) {
        let acknowledged = self
            .call(|shared, node| {
                // Once, whatever it says: the event is gone from memory, and a retry would acknowledge the next
                // one (ldk-node #1027).
                if let Err(error) = node.event_handled() {
                    error!("an event could not be acknowledged, the process ends: {error}");
                    std::process::abort();
                }
                shared.refresh_liquidity(node);
            })
            .await;
        match acknowledged {
            // Not up any more: the event comes again after the next start.
            Ok(()) | Err(Unanswered::NotUp(_)) => {}
            Err(Unanswered::Lost) => {
                error!("nobody knows whether an event was acknowledged, the process ends");
                std::process::abort();
            }
        }
    }

    async fn payments(&self) -> Vec<PaymentRecord> {
        let records = self.call(|_, node| {
            node.list_payments_with_filter(|details| convert::is_lightning(&details.kind))
        });
        match records.await {
            Ok(records) => records.iter().filter_map(convert::record).collect(),
            Err(_) => Vec::new(),
        }
    }

    async fn payment(&self, hash: PaymentHash) -> Option<PaymentRecord> {
        let record = self.call(move |_, node| node.payment(&PaymentId(hash.0)));
        convert::record(&record.await.ok()??)
    }

    async fn forget_payment(&self, hash: PaymentHash) -> Result<(), NodeError> {
        self.ask(move |node| {
            let id = PaymentId(hash.0);
            // What has arrived since the caller looked is the lasting proof of it, and guards against a second try.
            let arrived = node.payment(&id).is_some_and(|record| {
                record.direction == PaymentDirection::Outbound
                    && record.status == PaymentStatus::Succeeded
            });
            if arrived {
                return Err(NodeError::Refused("the payment has arrived".to_owned()));
            }
            node.remove_payment(&id).map_err(convert::refusal)
        })
        .await
    }

    async fn identity(&self) -> Result<NodeIdentity, NodeError> {
        let (height, peers) = self
            .ask(|node| {
                let height = node.status().current_best_block.height;
                let peers = node.list_peers();
                Ok((
                    height,
                    peers.iter().filter(|peer| peer.is_connected).count(),
                ))
            })
            .await?;
        let config = &self.shared.config;
        Ok(NodeIdentity {
            node_id: self.shared.node_id,
            alias: config.alias.clone().unwrap_or_default(),
            listening: config.listen.clone(),
            height,
            peers,
        })
    }

    async fn balances(&self) -> Result<NodeBalances, NodeError> {
        self.ask(|node| Ok(convert::balances(&node.list_balances())))
            .await
    }

    async fn holdings(&self) -> Result<Holdings, NodeError> {
        self.ask(|node| {
            Ok(holdings::holdings(
                &node.list_channels(),
                &node.list_balances(),
            ))
        })
        .await
    }

    async fn channels(&self) -> Result<Vec<Channel>, NodeError> {
        self.ask(|node| Ok(node.list_channels().iter().map(convert::channel).collect()))
            .await
    }

    async fn peers_connected(&self) -> bool {
        self.call(|_, node| {
            let peers = node.list_peers();
            node.list_channels().iter().all(|channel| {
                peers
                    .iter()
                    .any(|peer| peer.is_connected && peer.node_id == channel.counterparty_node_id)
            })
        })
        .await
        .unwrap_or(false)
    }

    async fn has_closing_channels(&self) -> bool {
        self.call(|_, node| convert::is_closing(&node.list_balances(), &node.list_channels()))
            .await
            .unwrap_or(true)
    }

    async fn new_address(&self) -> Result<String, NodeError> {
        self.ask(|node| {
            let address = node
                .onchain_payment()
                .new_address()
                .map_err(convert::refusal)?;
            Ok(address.to_string())
        })
        .await
    }

    async fn connect(&self, peer: PublicKey, address: &str) -> Result<(), NodeError> {
        let address = convert::address(address)?;
        self.ask(move |node| node.connect(peer, address, true).map_err(convert::refusal))
            .await
    }

    async fn open_channel(
        &self,
        peer: PublicKey,
        address: &str,
        amount: Sat,
    ) -> Result<(), NodeError> {
        let address = convert::address(address)?;
        self.ask(move |node| {
            // The peer is remembered by this, too.
            node.open_channel(peer, address, amount.0, None, None)
                .map(|_| ())
                .map_err(convert::refusal)
        })
        .await
    }
}
