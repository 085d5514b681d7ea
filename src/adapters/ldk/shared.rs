//! What the port's side and the supervisor share: the live node, its state, numbers answered from memory.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use bitcoin::secp256k1::PublicKey;
use ldk_node::Node;
use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tracing::{error, info};

use super::LdkConfig;
use super::calls::{Calls, Unanswered};
use super::convert;
use crate::domain::money::Msat;
use crate::ports::clock::Clock;
use crate::ports::lightning::{NodeEvent, NodeState};

/// A started node and the runtime it lives on.
#[derive(Clone)]
pub(super) struct Live {
    pub(super) node: Arc<Node>,
    pub(super) runtime: Handle,
}

/// Shared by the port's side, the call threads and the supervisor.
pub(super) struct Shared {
    pub(super) config: LdkConfig,
    pub(super) node_id: PublicKey,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) calls: Calls,
    live: watch::Sender<Option<Live>>,
    state: watch::Sender<NodeState>,
    receivable_msat: AtomicU64,
    sendable_msat: AtomicU64,
    usable_channels: AtomicUsize,
    is_up: AtomicBool,
    height: AtomicU32,
    stopping: Mutex<bool>,
    asked_to_stop: Condvar,
}

impl Shared {
    pub(super) fn new(
        config: LdkConfig,
        node_id: PublicKey,
        clock: Arc<dyn Clock>,
    ) -> std::io::Result<Self> {
        let starting = NodeState::WaitingForChain("starting".to_owned());
        Ok(Self {
            config,
            node_id,
            clock,
            calls: Calls::start()?,
            live: watch::Sender::new(None),
            state: watch::Sender::new(starting),
            receivable_msat: AtomicU64::new(0),
            sendable_msat: AtomicU64::new(0),
            usable_channels: AtomicUsize::new(0),
            is_up: AtomicBool::new(false),
            height: AtomicU32::new(0),
            stopping: Mutex::new(false),
            asked_to_stop: Condvar::new(),
        })
    }

    pub(super) fn state(&self) -> NodeState {
        self.state.borrow().clone()
    }

    pub(super) fn set_state(&self, state: NodeState) {
        let changed = self.state.send_if_modified(|now| {
            let changed = *now != state;
            *now = state.clone();
            changed
        });
        if changed {
            match state {
                NodeState::WaitingForChain(why) => info!("the Lightning node waits: {why}"),
                NodeState::Syncing => info!("the Lightning node is syncing"),
                NodeState::Ready => info!("the Lightning node is ready"),
                NodeState::Held(why) => error!("the Lightning node is not started: {why}"),
                NodeState::Stopped => info!("the Lightning node has stopped"),
            }
        }
    }

    fn is_ready(&self) -> bool {
        self.is_up.load(Ordering::Acquire) && *self.state.borrow() == NodeState::Ready
    }

    pub(super) fn set_live(&self, live: Option<Live>) {
        self.is_up.store(live.is_some(), Ordering::Release);
        self.live.send_replace(live);
    }

    pub(super) fn set_height(&self, height: u32) {
        self.height.store(height, Ordering::Relaxed);
    }

    pub(super) fn height(&self) -> Option<u32> {
        self.is_up
            .load(Ordering::Acquire)
            .then(|| self.height.load(Ordering::Relaxed))
    }

    pub(super) fn receivable(&self) -> Msat {
        self.if_ready(&self.receivable_msat)
    }

    pub(super) fn sendable(&self) -> Msat {
        self.if_ready(&self.sendable_msat)
    }

    pub(super) fn usable_channels(&self) -> usize {
        if self.is_ready() {
            self.usable_channels.load(Ordering::Relaxed)
        } else {
            0
        }
    }

    fn if_ready(&self, msat: &AtomicU64) -> Msat {
        if self.is_ready() {
            Msat(msat.load(Ordering::Relaxed))
        } else {
            Msat::ZERO
        }
    }

    /// Looks at the channels; only on `ldk-…` threads.
    pub(super) fn refresh_liquidity(&self, node: &Node) {
        let liquidity = convert::liquidity(&node.list_channels());
        self.receivable_msat
            .store(liquidity.receivable.0, Ordering::Relaxed);
        self.sendable_msat
            .store(liquidity.sendable.0, Ordering::Relaxed);
        self.usable_channels
            .store(liquidity.channels, Ordering::Relaxed);
    }

    /// Makes a call on a call thread. It is made even if nobody waits for its answer any more.
    pub(super) async fn call<R: Send + 'static>(
        self: &Arc<Self>,
        call: impl FnOnce(&Self, &Node) -> R + Send + 'static,
    ) -> Result<R, Unanswered> {
        let live = self.live.borrow().clone();
        let Some(live) = live else {
            return Err(Unanswered::NotUp(self.why_not_up()));
        };
        let (answer, answered) = oneshot::channel();
        let this = self.clone();
        let queued = self.calls.push(Box::new(move || {
            let _ = answer.send(call(&this, &live.node));
        }));
        if !queued {
            return Err(Unanswered::NotUp(self.why_not_up()));
        }
        answered.await.map_err(|_| Unanswered::Lost)
    }

    fn why_not_up(&self) -> String {
        match self.state() {
            NodeState::WaitingForChain(why) | NodeState::Held(why) => why,
            NodeState::Syncing => "it is syncing".to_owned(),
            NodeState::Ready | NodeState::Stopped => "it is stopped".to_owned(),
        }
    }

    /// The head of the node's queue. Waits for ever once the node has stopped.
    pub(super) async fn next_event(&self, turn: &Arc<tokio::sync::Mutex<()>>) -> NodeEvent {
        let mut live = self.live.subscribe();
        let found = live
            .wait_for(Option::is_some)
            .await
            .map(|live| live.clone());
        let Ok(Some(live)) = found else {
            return std::future::pending().await;
        };
        let turn = turn.clone();
        // On the node's own runtime: only its threads may touch its locks.
        let mut waiting = AbortOnDrop(live.runtime.spawn(async move {
            let _turn = turn.lock().await;
            convert::event(live.node.next_event_async().await)
        }));
        match (&mut waiting.0).await {
            Ok(event) => event,
            Err(_) => std::future::pending().await,
        }
    }

    pub(super) fn ask_to_stop(&self) {
        let mut stopping = self.stopping.lock().unwrap_or_else(PoisonError::into_inner);
        *stopping = true;
        self.asked_to_stop.notify_all();
    }

    /// Waits this long, or less if asked to stop: then true.
    pub(super) fn pause(&self, at_most: Duration) -> bool {
        let stopping = self.stopping.lock().unwrap_or_else(PoisonError::into_inner);
        let (stopping, _) = self
            .asked_to_stop
            .wait_timeout_while(stopping, at_most, |stopping| !*stopping)
            .unwrap_or_else(PoisonError::into_inner);
        *stopping
    }

    pub(super) async fn until_stopped(&self) {
        let mut state = self.state.subscribe();
        // It can't be closed: this object owns the sender.
        let _ = state.wait_for(|state| *state == NodeState::Stopped).await;
    }
}

/// An event that nobody waits for any more is not waited for here either.
struct AbortOnDrop(JoinHandle<NodeEvent>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
