//! The thread that brings the node up, keeps watch, and takes it down.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use ldk_node::{Node, NodeError as LdkError};
use tokio::runtime::Runtime;
use tracing::{error, warn};

use super::build;
use super::chain;
use super::shared::{Live, Shared};
use crate::adapters::kv::LdkStore;
use crate::ports::lightning::NodeState;

/// How often bitcoind and the node are looked at.
const LOOK: Duration = Duration::from_secs(1);
/// The same right after the start, when it takes some tenths of a second to catch up.
const FIRST_LOOKS: u32 = 100;
const FIRST_LOOK: Duration = Duration::from_millis(50);
/// Between attempts to start a node that refused to, twice as long each time. A failed attempt leaves memory behind.
const RETRY: Duration = Duration::from_secs(10);
const RETRY_MAX: Duration = Duration::from_secs(300);
/// The node's workers block while they wait for the store, so there are more than cores in a small machine.
const WORKERS: usize = 4;
/// Blocks the node may be apart from bitcoind and still be ready: it looks every two seconds. Ahead of it is no better
/// than behind: bitcoind may have lost a part of its chain.
const APART_MAX: u32 = 2;
/// Looks at bitcoind that may fail in a row before the node stops being ready: it is slow while it connects a block.
const MISSES_MAX: u32 = 3;
/// For calls that were made before the stop: a node that has stopped answers them at once.
const CALLS_END: Duration = Duration::from_secs(5);
/// For tasks that are left when the node has stopped: sockets, timers.
const RUNTIME_END: Duration = Duration::from_secs(5);

/// Starts the supervisor.
pub(super) fn spawn(shared: Arc<Shared>, kv: LdkStore) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new()
        .name("ldk-supervisor".to_owned())
        .spawn(move || supervise(&shared, &kv))
}

/// Starts one that keeps its hands off: no node is built.
pub(super) fn spawn_idle(shared: Arc<Shared>) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new()
        .name("ldk-supervisor".to_owned())
        .spawn(move || {
            while !shared.pause(RETRY_MAX) {}
            end_calls(&shared);
            shared.set_state(NodeState::Stopped);
        })
}

fn supervise(shared: &Shared, kv: &LdkStore) {
    if let Some(mut running) = bring_up(shared, kv) {
        let mut looks = 0;
        loop {
            running.look(shared);
            let whole = shared.state() == NodeState::Ready && running.all_usable();
            let catching_up = looks < FIRST_LOOKS && !whole;
            if shared.pause(if catching_up { FIRST_LOOK } else { LOOK }) {
                break;
            }
            looks = FIRST_LOOKS.min(looks + 1);
        }
        running.take_down(shared);
    } else {
        end_calls(shared);
    }
    kv.release();
    shared.set_state(NodeState::Stopped);
}

fn end_calls(shared: &Shared) {
    shared.calls.close();
    shared.calls.join(CALLS_END);
}

/// Waits for the chain, then for a node that starts. `None` if asked to stop before that.
fn bring_up(shared: &Shared, kv: &LdkStore) -> Option<Running> {
    let mut retry = RETRY;
    loop {
        let look = chain::tip(&shared.config)
            .and_then(|tip| build::check_ports(&shared.config).map(|()| tip));
        let (why, pause) = match look {
            Ok(tip) => match Running::start(shared, kv, tip) {
                Ok(running) => return Some(running),
                Err(why) => {
                    let pause = retry;
                    retry = (retry * 2).min(RETRY_MAX);
                    (why, pause)
                }
            },
            Err(why) => (why, LOOK),
        };
        shared.set_state(NodeState::WaitingForChain(why));
        if shared.pause(pause) {
            return None;
        }
    }
}

/// A node that has been started.
struct Running {
    live: Live,
    /// One per attempt: a node that failed half-way leaves tasks behind, and they end with it.
    runtime: Runtime,
    started_secs: u64,
    synced_before: Option<u64>,
    synced: bool,
    misses: u32,
    /// Peers that went away are being called, at most once at a time.
    calling: Arc<AtomicBool>,
}

impl Running {
    fn start(shared: &Shared, kv: &LdkStore, tip: u32) -> Result<Self, String> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(WORKERS)
            .thread_name("ldk-runtime")
            .enable_all()
            .build()
            .map_err(|e| format!("no threads for the Lightning node: {e}"))?;
        match start_on(&runtime, shared, kv, tip) {
            Ok((live, started_secs, synced_before)) => {
                shared.set_state(NodeState::Syncing);
                shared.set_height(live.node.status().current_best_block.height);
                shared.set_live(Some(live.clone()));
                Ok(Self {
                    live,
                    runtime,
                    started_secs,
                    synced_before,
                    synced: false,
                    misses: 0,
                    calling: Arc::default(),
                })
            }
            Err(why) => {
                warn!("the Lightning node did not start: {why}");
                runtime.shutdown_timeout(RUNTIME_END);
                Err(why)
            }
        }
    }

    /// Brings state and numbers up to date.
    fn look(&mut self, shared: &Shared) {
        let status = self.live.node.status();
        let height = status.current_best_block.height;
        shared.set_height(height);
        shared.refresh_liquidity(&self.live.node);
        self.call_peers(shared);
        // Whole seconds: a restart within one second can't be told from no sync, so that second counts.
        self.synced |= status
            .latest_lightning_wallet_sync_timestamp
            .is_some_and(|at| {
                at >= self.started_secs
                    && (Some(at) != self.synced_before || at == self.started_secs)
            });
        let state = match chain::tip(&shared.config) {
            Ok(tip) => {
                self.misses = 0;
                if self.synced && height.abs_diff(tip) <= APART_MAX {
                    NodeState::Ready
                } else {
                    NodeState::Syncing
                }
            }
            Err(why) => {
                self.misses += 1;
                if self.misses < MISSES_MAX {
                    return;
                }
                NodeState::WaitingForChain(why)
            }
        };
        shared.set_state(state);
    }

    /// Every channel that could be used has its peer connected.
    fn all_usable(&self) -> bool {
        let channels = self.live.node.list_channels();
        let mut ready = channels.iter().filter(|channel| channel.is_channel_ready);
        ready.all(|channel| channel.is_usable)
    }

    /// Calls remembered peers that are not connected. The node does so itself once a minute: too late for a payment
    /// that waits since a restart.
    fn call_peers(&self, shared: &Shared) {
        if self.calling.swap(true, Ordering::AcqRel) {
            return;
        }
        let mut away = self.live.node.list_peers();
        away.retain(|peer| peer.is_persisted && !peer.is_connected);
        let (node, calling) = (self.live.node.clone(), self.calling.clone());
        let call = move || {
            for peer in away {
                // Nobody answers: it is tried again at the next look.
                let _ = node.connect(peer.node_id, peer.address, false);
            }
            calling.store(false, Ordering::Release);
        };
        if !shared.calls.push(Box::new(call)) {
            self.calling.store(false, Ordering::Release);
        }
    }

    /// Calls end first, then the node, then its runtime. LDK's last writes are durable when this returns.
    fn take_down(self, shared: &Shared) {
        let Self { live, runtime, .. } = self;
        shared.set_state(NodeState::WaitingForChain("stopping".to_owned()));
        shared.set_live(None);
        shared.calls.close();
        if let Err(error) = live.node.stop() {
            error!("the Lightning node did not stop as it should: {error}");
        }
        shared.calls.join(CALLS_END);
        drop(live);
        runtime.shutdown_timeout(RUNTIME_END);
    }
}

fn start_on(
    runtime: &Runtime,
    shared: &Shared,
    kv: &LdkStore,
    tip: u32,
) -> Result<(Live, u64, Option<u64>), String> {
    let first = kv.is_unused();
    let node = build::build(&shared.config, kv.clone(), runtime.handle().clone())
        .map_err(|e| format!("the Lightning node can't be built: {e}"))?;
    assert_eq!(
        node.node_id(),
        shared.node_id,
        "the node id follows from the seed"
    );
    let status = node.status();
    if first && tip > 0 && status.current_best_block.height == 0 {
        // It could not read the tip and begins at the genesis block: nothing has used this state yet.
        drop(node);
        kv.forget_all();
        return Err("bitcoind did not tell its best block".to_owned());
    }
    let started_secs = start_with_fees(shared, &node)?;
    let live = Live {
        node: Arc::new(node),
        runtime: runtime.handle().clone(),
    };
    Ok((
        live,
        started_secs,
        status.latest_lightning_wallet_sync_timestamp,
    ))
}

/// Starts it as soon as fee rates are known: on mainnet they are asked before anything else, and a young bitcoind has
/// none. Answers when it was started, in seconds of the clock.
fn start_with_fees(shared: &Shared, node: &Node) -> Result<u64, String> {
    loop {
        let started_secs = shared.clock.now().secs();
        let error = match node.start() {
            Ok(()) => return Ok(started_secs),
            Err(error) => error,
        };
        let why = format!("the Lightning node can't start: {error}");
        match error {
            LdkError::FeerateEstimationUpdateFailed | LdkError::FeerateEstimationUpdateTimeout => {
                shared.set_state(NodeState::WaitingForChain(why.clone()));
                if shared.pause(RETRY) {
                    return Err(why);
                }
            }
            _ => return Err(why),
        }
    }
}
