//! P9 unknown spends stop the till: a spend of a hot till's coins that no version of a batch explains.

use std::collections::BTreeSet;

use bitcoin::Txid;
use tracing::error;

use crate::domain::fact::Fact;
use crate::domain::ids::StoreId;
use crate::domain::receipt::Rail;
use crate::domain::time::Timestamp;
use crate::service::{Gateway, Unavailable, settle};
use crate::store::hold::UnknownSpend;
use crate::store::{self, Tx};
use crate::wallet::TxStanding;

impl Gateway {
    /// A person has looked at these spends, which were not made here: if none is left that nobody has looked at, the
    /// store's on-chain payouts go on. Says whether they are still held.
    pub async fn release_till(
        &self,
        shop: StoreId,
        seen: BTreeSet<Txid>,
    ) -> Result<bool, Unavailable> {
        let now = self.now();
        let released = self.store.write("till-release", move |tx| {
            let (looked_at, left): (Vec<_>, Vec<_>) = store::hold::spends(tx, shop)
                .into_iter()
                .filter(UnknownSpend::holds)
                .partition(|spend| seen.contains(&spend.txid));
            for spend in &looked_at {
                let released = UnknownSpend {
                    released_at: Some(now),
                    ..*spend
                };
                store::hold::put(tx, shop, &released);
            }
            // P9 what came after the look still holds.
            let is_held = !left.is_empty();
            if !is_held && !looked_at.is_empty() {
                look_again(tx, shop, now);
                tx.announce(shop, vec![Fact::TillReleased], now);
            }
            is_held
        });
        Ok(released.await?)
    }
}

/// What waited for the release waits no longer.
fn look_again(tx: &mut Tx<'_>, shop: StoreId, now: Timestamp) {
    for open in store::payout::open(tx) {
        let Some(payout) = store::payout::get(tx, open.store, open.payout) else {
            continue;
        };
        let waits = payout.live_attempt().is_none() && payout.next_attempt_at.is_some();
        if open.store == shop && payout.rail() == Rail::Onchain && waits {
            let step = payout.clone().wait_no_longer();
            settle::commit(tx, &payout, step, now);
        }
    }
    tx.wake(store::Wake::OnchainPayouts);
}

/// Looks at the spends that came with a sighting, and at those that were unknown before.
pub(super) fn observe_spends(tx: &mut Tx<'_>, now: Timestamp) {
    for (till, txid) in tx.tills_mut().take_spends() {
        let ours = store::payout::batch_of_tx(tx, txid).is_some();
        if ours || store::hold::get(tx, till.store, txid).is_some() {
            continue;
        }
        let Some((left, _)) = tx.tills().outflow(till, txid) else {
            continue;
        };
        let amount = left.to_msat();
        error!(
            store.id = %till.store, tx.id = %txid,
            "P9 transaction {txid} took {left} from till {till} and was not made here: on-chain payouts are held"
        );
        let spend = UnknownSpend {
            txid,
            till,
            amount,
            seen_at: now,
            counts: true,
            released_at: None,
        };
        store::hold::put(tx, till.store, &spend);
        tx.announce(till.store, vec![Fact::UnknownSpend { txid, amount }], now);
    }
    for (shop, spend) in store::hold::all(tx) {
        let txid = spend.txid;
        let counts = match tx.tills().standing(spend.till, txid) {
            TxStanding::Confirmed { .. } => true,
            TxStanding::Mempool | TxStanding::Unseen => {
                let seen = tx.tills().outflow(spend.till, txid);
                seen.is_some_and(|(_, counts)| counts)
            }
        };
        if counts == spend.counts {
            continue;
        }
        let amount = spend.amount;
        let fact = if counts {
            Fact::UnknownSpend { txid, amount }
        } else {
            Fact::UnknownSpendGone { txid, amount }
        };
        store::hold::put(tx, shop, &UnknownSpend { counts, ..spend });
        tx.announce(shop, vec![fact], now);
    }
}
