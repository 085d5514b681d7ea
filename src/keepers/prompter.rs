//! The prompter: invoices that were paid in part want another BOLT11 over the rest, and those made while the node could
//! make none want their first.

use std::sync::Arc;

use tracing::debug;

use crate::domain::ids::{InvoiceId, StoreId};
use crate::domain::money::Msat;
use crate::domain::time::Timestamp;
use crate::ports::lightning::NodeState;
use crate::service::Gateway;
use crate::store;

/// Invoices in one round.
const BATCH: usize = 64;

/// Invoices looked through for them: most may ask for more than the channels can take.
const LOOK_MAX: usize = 2_048;

/// When to try again for those that could not have one.
const RETRY_SECS: u64 = 10;

/// The same while the node is not ready: it says so from memory.
const NODE_SECS: u64 = 1;

/// When to look without being woken.
const ROUND_SECS: u64 = 60;

/// Renews the Lightning half of invoices.
pub struct Prompter {
    gateway: Arc<Gateway>,
}

impl Prompter {
    /// A prompter that has not looked yet.
    pub const fn new(gateway: Arc<Gateway>) -> Self {
        Self { gateway }
    }

    /// Makes every BOLT11 that is wanted, and says when to look again.
    pub async fn activate(&self) -> Timestamp {
        let mut again = ROUND_SECS;
        match self.gateway.lightning.state() {
            NodeState::Ready => {
                let (wanting, all) = self.wanting().await;
                if !all {
                    again = RETRY_SECS;
                }
                for (shop, id) in wanting {
                    if let Err(why) = self.gateway.renew_prompt(shop, id).await {
                        debug!(invoice.id = %id, "invoice {id} has no new BOLT11 yet: {why}");
                        again = RETRY_SECS;
                    }
                }
            }
            NodeState::WaitingForChain(_)
            | NodeState::Syncing
            | NodeState::Held(_)
            | NodeState::Stopped => again = NODE_SECS,
        }
        self.gateway.now().plus_secs(again)
    }

    /// Invoices that some channel could be paid for over now, and whether that is all that want a BOLT11.
    async fn wanting(&self) -> (Vec<(StoreId, InvoiceId)>, bool) {
        let receivable = self.gateway.lightning.receivable();
        let fits = move |amount: Option<Msat>| amount.unwrap_or(Msat(1)) <= receivable;
        self.gateway
            .store
            .read(move |rows| {
                let mut wanting = store::invoice::wanting_prompts(rows, LOOK_MAX);
                let found = wanting.len();
                wanting.retain(|(shop, id)| {
                    store::invoice::get(rows, *shop, *id)
                        .is_some_and(|invoice| fits(invoice.prompt_amount()))
                });
                wanting.truncate(BATCH);
                let all = wanting.len() == found;
                (wanting, all)
            })
            .await
    }
}
