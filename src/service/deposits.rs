//! Payments to the node's own wallet. Our own look at the chain counts them, so that the books don't take LDK's word for
//! what the operator put in.

use std::collections::{BTreeMap, BTreeSet};

use bitcoin::{OutPoint, Transaction, Txid};

use crate::domain::fact::Fact;
use crate::domain::ids::StoreId;
use crate::domain::money::Sat;
use crate::domain::time::Timestamp;
use crate::store::deposit::Deposit;
use crate::store::{self, Tx};
use crate::wallet::Sighting;

/// Takes in what a sighting says about payments to addresses of the node that we gave out.
pub fn observe(tx: &mut Tx<'_>, sighting: &Sighting, now: Timestamp) {
    let mut facts = Vec::new();
    unconfirm(tx, sighting);
    for anchored in &sighting.anchored {
        arrive(tx, &anchored.tx, Some(anchored.block.height), &mut facts);
    }
    for (seen, _) in &sighting.seen {
        arrive(tx, seen, None, &mut facts);
    }
    let arrived: BTreeSet<Txid> = (sighting.anchored.iter())
        .map(|anchored| anchored.tx.compute_txid())
        .collect();
    for (txid, _) in &sighting.evicted {
        if !arrived.contains(txid) {
            leave(tx, *txid, &mut facts);
        }
    }
    tx.announce(StoreId::HOUSE, facts, now);
}

/// Whatever stood above the base of a reorganisation stands nowhere for now; the follower looks for it in the mempool.
fn unconfirm(tx: &mut Tx<'_>, sighting: &Sighting) {
    let Some(base) = sighting.blocks.first() else {
        return;
    };
    if tx.tills().tip().is_none_or(|tip| tip.height <= base.height) {
        return;
    }
    for (outpoint, deposit) in store::deposit::all(tx) {
        if deposit.height.is_some_and(|height| height > base.height) {
            let pending = Deposit {
                height: None,
                ..deposit
            };
            store::deposit::put(tx, outpoint, &pending);
        }
    }
}

fn arrive(tx: &mut Tx<'_>, seen: &Transaction, height: Option<u32>, facts: &mut Vec<Fact>) {
    let ours: BTreeMap<u32, Sat> = (0..)
        .zip(&seen.output)
        .filter(|(_, output)| store::node::is_own_address(tx, &output.script_pubkey))
        .map(|(vout, output)| (vout, Sat::from(output.value)))
        .collect();
    if ours.is_empty() {
        return;
    }
    let txid = seen.compute_txid();
    for (vout, amount) in ours {
        let outpoint = OutPoint::new(txid, vout);
        let before = store::deposit::get(tx, outpoint);
        let after = Deposit {
            amount,
            height: height.or(before.and_then(|before| before.height)),
            lost: false,
        };
        if before == Some(after) {
            continue;
        }
        store::deposit::put(tx, outpoint, &after);
        if before.is_none_or(|before| before.lost) {
            let amount = amount.to_msat();
            facts.push(Fact::NodeFunded { outpoint, amount });
        }
    }
}

fn leave(tx: &mut Tx<'_>, txid: Txid, facts: &mut Vec<Fact>) {
    for (outpoint, deposit) in store::deposit::of_tx(tx, txid) {
        if deposit.lost || deposit.height.is_some() {
            continue;
        }
        let lost = Deposit {
            lost: true,
            ..deposit
        };
        store::deposit::put(tx, outpoint, &lost);
        let amount = deposit.amount.to_msat();
        facts.push(Fact::NodeFundingLost { outpoint, amount });
    }
}
