//! Services: verbs that need more than one floor. Thin: read and decide, one call into the domain, write.

pub mod access;
pub mod activation;
pub mod approval;
pub mod batches;
pub mod books;
pub mod claim;
pub mod deposits;
pub mod destination;
pub mod follower_state;
pub mod histogram;
pub mod inside;
pub mod intake;
pub mod invoice;
pub mod invoice_details;
pub mod mark;
pub mod members;
pub mod node;
pub mod payment_link;
pub mod payment_method;
pub mod payout;
mod processor;
pub mod pull_payment;
pub mod quote;
pub mod rates;
pub mod review;
pub mod settle;
pub mod store;
pub mod stray;
pub mod wallet;
pub mod webhook;
pub mod withdraw;

use std::sync::Arc;

use bitcoin::Network;

use crate::config::Limits;
use crate::domain::time::Timestamp;
use crate::ports::chain::Chain;
use crate::ports::clock::Clock;
use crate::ports::courier::Courier;
use crate::ports::entropy::{Entropy, random};
use crate::ports::lightning::{Lightning, NodeState};
use crate::store::{Store, WriteError};
use crate::wallet::Keychain;
use follower_state::FollowerState;
use rates::RateBoard;

/// Everything a verb may need. One per process; pages, API, LNURL and keepers share it.
pub struct Gateway {
    /// The one file.
    pub store: Store,
    /// The node.
    pub lightning: Arc<dyn Lightning>,
    /// The chain.
    pub chain: Arc<dyn Chain>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Prices, as the sources last told them.
    pub rates: Arc<RateBoard>,
    /// Who carries messages to webhooks.
    pub courier: Arc<dyn Courier>,
    /// Webhooks of everybody may be in the server's own network, not only those of the server's owner (D38).
    pub private_webhooks: bool,
    /// The keys of the hot tills.
    pub keychain: Arc<Keychain>,
    /// How far the chain follower is.
    pub follower: Arc<FollowerState>,
    /// Which chain.
    pub network: Network,
    /// Where strangers reach us: scheme, host and port, no path, no trailing slash.
    pub base_url: String,
    /// Caps.
    pub limits: Limits,
    /// What the first user has to bring where the base URL is not loopback (D45).
    pub setup_token: Option<String>,
}

impl Gateway {
    /// Now.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Fresh random bytes.
    pub fn random<const N: usize>(&self) -> [u8; N] {
        random(self.entropy.as_ref())
    }

    /// Why nothing may be sent on either rail, nor any address be shown: the file may have forgotten what it paid and
    /// which addresses it gave out.
    pub fn held(&self) -> Option<String> {
        match self.lightning.state() {
            NodeState::Held(why) => Some(why),
            NodeState::WaitingForChain(_)
            | NodeState::Syncing
            | NodeState::Ready
            | NodeState::Stopped => None,
        }
    }

    /// Money may move: the node is ready and the wallets have caught up.
    pub fn is_synchronized(&self) -> bool {
        self.lightning.state() == NodeState::Ready && self.follower.is_synced()
    }
}

/// A verb was not done for reasons of the house, not of the request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    /// Too many writes wait: try again soon.
    #[error("The server is busy. Try again in a moment.")]
    Busy,
    /// Something failed inside; it is in the log.
    #[error("The server failed.")]
    Failed,
    /// The node or the chain is not ready.
    #[error("{0}")]
    NotReady(String),
}

impl From<WriteError> for Unavailable {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Busy => Self::Busy,
            WriteError::Failed => Self::Failed,
        }
    }
}
