//! P8 only cancelling gives a budget back, P11 the books balance.

use bitcoin::ScriptBuf;
use tollway::domain::destination::Destination;
use tollway::domain::ids::PaymentHash;
use tollway::domain::ledger::{Account, Signed};
use tollway::domain::money::Sat;
use tollway::domain::payout::Stage;
use tollway::store;

use super::money_out::{is_undone, is_unheard};
use super::{Seen, Versions};
use crate::house::Outside;
use crate::network::Flight;
use crate::notes::Notes;

/// After every commit. That budgets say what their payouts say is in the store's own check.
pub fn check(seen: &Seen<'_>, outside: &Outside, broken: &mut Vec<String>) {
    // A node that lies about a failure makes a cancelled payout arrive, which may pass the limit (P5).
    let lied = (outside.network).with(|network| !network.lied_about.is_empty());
    for one in &seen.pull_payments {
        if !lied && one.budget.used() > one.budget.limit {
            let (id, used, limit) = (one.id, one.budget.used(), one.budget.limit);
            broken.push(format!("P8 pull payment {id} gave {used} of {limit}"));
        }
    }
    let kept = store::ledger::balances(seen.rows);
    let replayed = store::ledger::replay(seen.rows).balances;
    if kept != replayed {
        broken.push(format!("P11 the balances {kept:?} are not {replayed:?}"));
    }
    let sum = kept.values().copied().sum::<Signed>();
    if sum != Signed::ZERO {
        broken.push(format!("P11 the balances sum to {sum}"));
    }
}

/// Once healed, the books say what node and tills really hold.
pub fn check_healed(
    seen: &Seen<'_>,
    outside: &Outside,
    notes: &Notes,
    versions: &Versions,
    broken: &mut Vec<String>,
) {
    let unheard: Vec<PaymentHash> = (seen.payouts.iter())
        .filter(|payout| is_unheard(payout, outside))
        .filter_map(|payout| match &payout.destination {
            Destination::Bolt11(invoice) => Some(invoice.hash),
            Destination::Address(_) => None,
        })
        .collect();
    let held = outside.network.with(|network| {
        let received: Signed = network
            .received
            .values()
            .map(|one| Signed::from(*one))
            .sum();
        let arrived = network.outgoing.values();
        let sent: Signed = arrived
            .filter(|one| one.flight == Flight::Arrived && !unheard.contains(&one.hash))
            .map(|one| Signed::from(one.amount.plus(one.fee)))
            .sum();
        received - sent
    });
    let node = store::ledger::balance(seen.rows, Account::Node);
    if node != held {
        broken.push(format!("P11 the node holds {held}, the books say {node}"));
    }
    let till = store::ledger::balance(seen.rows, Account::Till(notes.shop));
    let held = in_till(seen, outside, notes, versions);
    if till != held {
        broken.push(format!("P11 the till holds {held}, the books say {till}"));
    }
    let inside = store::ledger::balance(seen.rows, Account::Inside);
    if inside != Signed::ZERO {
        broken.push(format!("P11 {inside} is left inside"));
    }
}

/// What came to the till's addresses by the best chain, less what its transactions there gave away.
fn in_till(seen: &Seen<'_>, outside: &Outside, notes: &Notes, versions: &Versions) -> Signed {
    let mut held = Signed::ZERO;
    let places = seen.invoices.iter().filter_map(|one| one.onchain.as_ref());
    let mut scripts: Vec<ScriptBuf> = places.map(|place| place.script.clone()).collect();
    scripts.extend(outside.chain.change(notes));
    scripts.sort();
    scripts.dedup();
    for script in &scripts {
        for (outpoint, amount) in outside.chain.paid_to(script) {
            // What comes back as change is not counted below as given away.
            if outside.chain.fee_of(outpoint.txid).is_none() {
                held += Signed::from(amount.to_msat());
            }
        }
    }
    let stolen = notes.stolen.iter();
    for txid in stolen.filter(|txid| outside.chain.holds(**txid)) {
        let tx = outside.chain.transaction(*txid).expect("it was sent");
        let gone: u64 = tx.output.iter().map(|output| output.value.to_sat()).sum();
        let fee = outside.chain.fee_of(*txid).unwrap_or_default();
        held += -Signed::from(Sat(gone + fee).to_msat());
    }
    let mut sent: Vec<_> = versions.values().flatten().collect();
    sent.sort();
    sent.dedup();
    for txid in sent.into_iter().filter(|txid| outside.chain.holds(**txid)) {
        let Some(tx) = outside.chain.transaction(*txid) else {
            continue;
        };
        let to_others = tx
            .output
            .iter()
            .filter(|output| notes.addresses.contains_key(&output.script_pubkey));
        let given: u64 = to_others.map(|output| output.value.to_sat()).sum();
        let fee = outside.chain.fee_of(*txid).unwrap_or_default();
        held += -Signed::from(Sat(given + fee).to_msat());
    }
    // What was paid once, and undone for good, still counts as paid.
    for payout in &seen.payouts {
        if let Stage::Completed { fee, .. } = payout.stage
            && is_undone(payout, outside, versions)
        {
            held += -Signed::from(payout.output().to_msat().plus(fee));
        }
    }
    held
}
