//! P9 unknown spends stop the till: a spend of a hot till's coins that no version of a batch explains.

use std::collections::BTreeSet;

use bitcoin::Txid;
use tracing::{error, info};

use super::adopt;
use crate::domain::fact::Fact;

use crate::domain::ids::StoreId;
use crate::domain::money::Msat;
use crate::domain::receipt::Rail;
use crate::domain::till::TillId;
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

/// Whether a till's coins are its owner's to spend, and not ours.
fn is_owners(tx: &Tx<'_>, till: TillId) -> bool {
    let record = tx.tills().record(till);
    record.is_some_and(|record| !record.kind.can_sign())
}

fn fact_of(is_owners: bool, counts: bool, txid: Txid, amount: Msat) -> Fact {
    match (is_owners, counts) {
        (true, true) => Fact::OwnerSpent { txid, amount },
        (true, false) => Fact::OwnerSpentGone { txid, amount },
        (false, true) => Fact::UnknownSpend { txid, amount },
        (false, false) => Fact::UnknownSpendGone { txid, amount },
    }
}

/// Looks at the spends that came with a sighting, and at those that were unknown before.
pub(super) fn observe_spends(tx: &mut Tx<'_>, now: Timestamp) {
    for (till, txid) in tx.tills_mut().take_spends() {
        let ours = store::payout::batch_of_tx(tx, txid).is_some();
        if ours
            || store::hold::get(tx, till.store, txid).is_some()
            || adopt::recognise(tx, till, txid, now)
        {
            continue;
        }
        let Some((left, _)) = tx.tills().outflow(till, txid) else {
            continue;
        };
        let amount = left.to_msat();
        let is_owners = is_owners(tx, till);
        if is_owners {
            info!(
                store.id = %till.store, tx.id = %txid,
                "the owner of till {till} spent {left} by transaction {txid}"
            );
        } else {
            error!(
                store.id = %till.store, tx.id = %txid,
                "P9 transaction {txid} took {left} from till {till} and was not made here: on-chain payouts are held"
            );
        }
        let spend = UnknownSpend {
            txid,
            till,
            amount,
            seen_at: now,
            counts: true,
            // Whoever has the keys of a watch-only till may spend from it: that is shown, and holds nothing.
            released_at: is_owners.then_some(now),
        };
        store::hold::put(tx, till.store, &spend);
        tx.announce(
            till.store,
            vec![fact_of(is_owners, true, txid, amount)],
            now,
        );
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
        let fact = fact_of(is_owners(tx, spend.till), counts, txid, amount);
        store::hold::put(tx, shop, &UnknownSpend { counts, ..spend });
        tx.announce(shop, vec![fact], now);
    }
}
