//! The prompter: invoices that were paid in part want another BOLT11 over the rest.

use std::sync::Arc;

use tracing::debug;

use crate::domain::time::Timestamp;
use crate::service::Gateway;
use crate::store;

/// Invoices in one round.
const BATCH: usize = 64;

/// When to try again for those that could not have one.
const RETRY_SECS: u64 = 10;

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
        let wanting = self
            .gateway
            .store
            .read(|rows| store::invoice::wanting_prompts(rows, BATCH))
            .await;
        let mut again = ROUND_SECS;
        for (shop, id) in wanting {
            if let Err(why) = self.gateway.renew_prompt(shop, id).await {
                debug!(invoice.id = %id, "invoice {id} has no new BOLT11 yet: {why}");
                again = RETRY_SECS;
            }
        }
        self.gateway.now().plus_secs(again)
    }
}
