//! Whether an automatic sender can work, told as it is now (Greenfield D15). Nothing is stored, and nothing is logged:
//! what waits says why itself.

use super::Gateway;
use super::books::allowance;
use crate::domain::ids::StoreId;
use crate::domain::money::Msat;
use crate::domain::receipt::Rail;
use crate::ports::lightning::NodeState;
use crate::store;

impl Gateway {
    /// Why a store's automatic sender can send nothing now, if it can't.
    pub async fn sender_trouble(&self, shop: StoreId, rail: Rail) -> Option<String> {
        if let Some(why) = self.held() {
            return Some(why);
        }
        match rail {
            Rail::Onchain => self.onchain_trouble(shop).await,
            Rail::Lightning => self.lightning_trouble(shop).await,
        }
    }

    async fn onchain_trouble(&self, shop: StoreId) -> Option<String> {
        let (can_sign, held) = self
            .store
            .read(move |rows| {
                let can_sign = store::till::can_sign(rows, shop);
                (can_sign, store::hold::is_held(rows, shop))
            })
            .await;
        let why = match can_sign {
            None => "The store has no on-chain wallet.",
            Some(_) if held => {
                "The wallet is held for review: coins of it were spent that this server knows nothing of."
            }
            Some(false) => {
                "This server has no keys of the wallet: transactions wait for their owner's signature."
            }
            Some(true) if !self.follower.is_reachable() => "The chain source does not answer.",
            Some(true) if !self.follower.has_seen_mempool() => {
                "The chain has not been seen up to its tip yet."
            }
            Some(true) => return None,
        };
        Some(why.to_owned())
    }

    async fn lightning_trouble(&self, shop: StoreId) -> Option<String> {
        let why = match self.lightning.state() {
            NodeState::Held(why) => return Some(why),
            NodeState::WaitingForChain(_) => "The Lightning node waits for its chain source.",
            NodeState::Syncing => "The Lightning node has not caught up with the chain yet.",
            NodeState::Stopped => "The Lightning node is stopped.",
            NodeState::Ready => {
                let allowed = self.store.read(move |rows| allowance::of(rows, shop)).await;
                if allowed != Some(Msat::ZERO) {
                    return None;
                }
                "The store may not spend from the node, and its own Lightning balance is empty."
            }
        };
        Some(why.to_owned())
    }
}
