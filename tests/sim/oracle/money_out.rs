//! P1 one live attempt, P3 one hash one payout, P4 shared input, P5 success wins, P6 doubt is not failure,
//! P8 cancel only what can't still succeed. (P2 is checked by node and chain, when they are called.)

use std::collections::{BTreeMap, BTreeSet};

use bitcoin::{Transaction, Txid};
use tollway::domain::destination::Destination;
use tollway::domain::payout::{Payout, Plan, Proof, Stage, Standing};
use tollway::domain::receipt::Rail;

use super::{Seen, Versions};
use crate::house::Outside;
use crate::notes::Notes;

/// After every commit.
pub fn check(
    seen: &Seen<'_>,
    outside: &Outside,
    notes: &Notes,
    versions: &Versions,
    broken: &mut Vec<String>,
) {
    let mut hashes = BTreeMap::new();
    for payout in &seen.payouts {
        let id = payout.id;
        let live = (payout.attempts.iter()).filter(|attempt| attempt.standing.is_live());
        if live.count() > 1 || !payout.is_consistent() {
            broken.push(format!("P1 payout {id} has two live attempts"));
        }
        if let Destination::Bolt11(invoice) = &payout.destination {
            if let Some(other) = hashes.insert(invoice.hash, id) {
                broken.push(format!("P3 payouts {other} and {id} share a hash"));
            }
            check_lightning(payout, invoice.hash, outside, broken);
        }
        if let Destination::Address(address) = &payout.destination {
            check_onchain(payout, &address.script, versions, outside, broken);
        }
    }
    for batch in &seen.batches {
        if !batch.is_consistent() {
            broken.push(format!("P4 batch {:?} shares no input", batch.id));
        }
    }
    check_promises(seen, notes, broken);
}

/// Attempts that were given up as failed.
fn failures(payout: &Payout) -> u32 {
    payout
        .attempts
        .last()
        .map_or(0, |last| match last.standing {
            Standing::Failed { .. } => last.number,
            Standing::Recorded | Standing::Sent | Standing::Settled | Standing::InReview { .. } => {
                last.number - 1
            }
        })
}

fn check_lightning(
    payout: &Payout,
    hash: tollway::domain::ids::PaymentHash,
    outside: &Outside,
    broken: &mut Vec<String>,
) {
    let id = payout.id;
    outside.network.with(|network| {
        let inside = is_inside(payout);
        let refusals = network.refusals.get(&hash).copied().unwrap_or_default();
        // A node that has lied once about a payment lets later refusals of it look final.
        let lied = network.lied_about.contains(&hash);
        if !inside && !lied && failures(payout) > refusals {
            broken.push(format!(
                "P6 payout {id} has {} failed attempts, and was refused {refusals} times",
                failures(payout)
            ));
        }
        let arrived = network.arrivals(hash) > 0;
        match &payout.stage {
            Stage::Completed { .. } if !arrived && !inside => {
                broken.push(format!("P5 payout {id} is completed and nothing arrived"));
            }
            Stage::Cancelled { .. } if !lied && (arrived || network.flies(hash)) => {
                broken.push(format!(
                    "P8 payout {id} is cancelled and its payment is out"
                ));
            }
            Stage::AwaitingApproval | Stage::AwaitingPayment
                if !lied && (arrived || network.flies(hash)) =>
            {
                broken.push(format!("P6 payout {id} waits and its payment is out"));
            }
            Stage::AwaitingApproval
            | Stage::AwaitingPayment
            | Stage::InProgress
            | Stage::Completed { .. }
            | Stage::Cancelled { .. } => {}
        }
        let acknowledged = network.acknowledged.contains(&hash);
        if acknowledged && arrived && !matches!(payout.stage, Stage::Completed { .. }) {
            broken.push(format!(
                "P10 payout {id} arrived, that is acknowledged, and it is not completed"
            ));
        }
    });
}

fn check_onchain(
    payout: &Payout,
    script: &bitcoin::ScriptBuf,
    versions: &Versions,
    outside: &Outside,
    broken: &mut Vec<String>,
) {
    let id = payout.id;
    let stored = versions.get(&id).cloned().unwrap_or_default();
    let sent: Vec<_> = (stored.into_iter())
        .filter_map(|txid| Some((txid, outside.chain.transaction(txid)?)))
        .collect();
    let confirmed = sent.iter().filter(|(txid, _)| outside.chain.holds(*txid));
    if confirmed.count() > 1 {
        broken.push(format!("P4 payout {id} was paid twice"));
    }
    for (place, (txid, tx)) in sent.iter().enumerate() {
        for (other, rival) in &sent[place + 1..] {
            if !share_an_input(tx, rival) {
                broken.push(format!("P4 {txid} and {other} pay {id} and share no input"));
            }
        }
    }
    match &payout.stage {
        Stage::Completed { proof, .. } => check_proof(payout, script, proof, outside, broken),
        Stage::Cancelled { .. } | Stage::AwaitingApproval | Stage::AwaitingPayment => {
            if !sent.is_empty() {
                broken.push(format!("P8 payout {id} is not under way and was sent"));
            }
        }
        Stage::InProgress => {
            if !versions.contains_key(&id) {
                broken.push(format!("P2 payout {id} is under way and in no batch"));
            }
        }
    }
}

fn check_proof(
    payout: &Payout,
    script: &bitcoin::ScriptBuf,
    proof: &Proof,
    outside: &Outside,
    broken: &mut Vec<String>,
) {
    let id = payout.id;
    let Proof::Onchain { txid, vout } = proof else {
        broken.push(format!("P5 payout {id} has a proof of another rail"));
        return;
    };
    if !outside.chain.was_mined(*txid) {
        broken.push(format!(
            "P5 payout {id} is completed and {txid} in no block"
        ));
    }
    let output = outside.chain.transaction(*txid).and_then(|tx| {
        let vout = usize::try_from(*vout).expect("small");
        tx.output.get(vout).cloned()
    });
    let pays = output.is_some_and(|output| {
        output.script_pubkey == *script && output.value.to_sat() == payout.debit().0
    });
    if !pays {
        broken.push(format!("P5 {txid}:{vout} does not pay payout {id}"));
    }
}

fn share_an_input(one: &Transaction, other: &Transaction) -> bool {
    one.input.iter().any(|input| {
        let coin = input.previous_output;
        other
            .input
            .iter()
            .any(|rival| rival.previous_output == coin)
    })
}

/// What was answered holds.
fn check_promises(seen: &Seen<'_>, notes: &Notes, broken: &mut Vec<String>) {
    let by_id: BTreeMap<_, _> = seen.payouts.iter().map(|one| (one.id, one)).collect();
    for (id, answered) in &notes.payouts {
        match by_id.get(id) {
            None => broken.push(format!("P12 payout {id} was answered and is gone")),
            Some(kept) if kept.destination != answered.destination => {
                broken.push(format!("P12 payout {id} is not what was answered"));
            }
            Some(_) => {}
        }
    }
    for id in &notes.approved {
        if (by_id.get(id)).is_none_or(|payout| payout.stage == Stage::AwaitingApproval) {
            broken.push(format!("P12 payout {id} was approved and is not"));
        }
    }
    for id in &notes.cancelled {
        let over = by_id.get(id).is_some_and(|payout| !payout.is_open());
        if !over {
            broken.push(format!("P12 payout {id} was cancelled and is not"));
        }
    }
    for hash in &notes.withdrawn {
        let made = seen.payouts.iter().any(|payout| {
            matches!(&payout.destination, Destination::Bolt11(invoice) if invoice.hash == *hash)
        });
        if !made {
            broken.push(format!(
                "P12 a withdrawal of {hash} was accepted and is gone"
            ));
        }
    }
    for one in &notes.pull_payments {
        if !seen.pull_payments.iter().any(|kept| kept.id == *one.0) {
            broken.push(format!(
                "P12 pull payment {} was answered and is gone",
                one.0
            ));
        }
    }
}

/// Once healed, whatever could finish has finished.
pub fn check_healed(
    seen: &Seen<'_>,
    outside: &Outside,
    versions: &Versions,
    broken: &mut Vec<String>,
) {
    for payout in &seen.payouts {
        let id = payout.id;
        let (end, fine) = ending(payout, seen);
        outside.log.count(&format!("ended: {end}"));
        if !fine {
            broken.push(format!("payout {id} does not end: {payout:?}"));
        }
        let completed = matches!(payout.stage, Stage::Completed { .. });
        let arrived = match &payout.destination {
            Destination::Bolt11(_) if is_inside(payout) => true,
            Destination::Bolt11(invoice) => outside
                .network
                .with(|network| network.arrivals(invoice.hash) > 0),
            Destination::Address(_) => versions
                .get(&id)
                .is_some_and(|stored| stored.iter().any(|txid| outside.chain.holds(*txid))),
        };
        // Its coins were taken back by whoever had paid them, after a block had held it.
        if arrived && is_unheard(payout, outside) {
            outside.log.count("ended: in review, and it had arrived");
        } else if completed && !arrived && is_undone(payout, outside, versions) {
            outside
                .log
                .count("ended: completed, and undone for good by a reorganisation");
        } else if arrived != completed {
            broken.push(format!(
                "P5 payout {id} arrived: {arrived}, completed: {completed}: {payout:?}"
            ));
        }
    }
}

/// Whether a payout paid an invoice of this house: nothing left it.
pub fn is_inside(payout: &Payout) -> bool {
    let mut settled = payout.attempts.iter();
    settled.any(|one| one.standing == Standing::Settled && matches!(one.plan, Plan::Inside { .. }))
}

/// Whether a payment arrived and the node has lost all that said so: then a person has to look.
pub fn is_unheard(payout: &Payout, outside: &Outside) -> bool {
    let Destination::Bolt11(invoice) = &payout.destination else {
        return false;
    };
    let unheard = (outside.network).with(|network| network.unheard.contains(&invoice.hash));
    unheard && (payout.in_review() || is_held(payout))
}

/// Whether a payout waits, with that reason, until no part of a doubtful payment can be under way: its invoice ran out,
/// and the node knows nothing of it. That takes more blocks than a run has.
fn is_held(payout: &Payout) -> bool {
    let recorded = (payout.live_attempt()).is_some_and(|live| live.standing == Standing::Recorded);
    let reason = payout.waiting_for.as_deref().unwrap_or_default();
    recorded && reason.starts_with("The invoice has expired")
}

/// Whether no transaction of a payout can be in a block any more, unless a stranger's comes back.
pub fn is_undone(payout: &Payout, outside: &Outside, versions: &Versions) -> bool {
    let possible = |stored: &BTreeSet<Txid>| {
        (stored.iter()).any(|txid| outside.chain.holds(*txid) || outside.chain.is_possible(*txid))
    };
    payout.rail() == Rail::Onchain && !versions.get(&payout.id).is_some_and(possible)
}

/// How a payout has ended, and whether it may.
fn ending(payout: &Payout, seen: &Seen<'_>) -> (&'static str, bool) {
    let sender = tollway::store::payout::processor(seen.rows, payout.store, payout.rail());
    let sends = payout.pay_now || sender.is_some();
    match (&payout.stage, payout.rail()) {
        (Stage::Completed { .. }, Rail::Lightning) if is_inside(payout) => {
            ("completed inside the house", true)
        }
        (Stage::Completed { .. }, Rail::Lightning) => ("completed over Lightning", true),
        (Stage::Completed { .. }, Rail::Onchain) => ("completed on the chain", true),
        (Stage::Cancelled { .. }, _) => ("cancelled", true),
        (Stage::AwaitingApproval, _) => ("waits for approval", true),
        (Stage::AwaitingPayment, _) if !sends => ("waits for somebody to press Pay", true),
        (Stage::AwaitingPayment, Rail::Onchain) if payout.waiting_for.is_some() => {
            ("waits for coins or lower fees", true)
        }
        (Stage::AwaitingPayment, _) => ("waits for nothing", false),
        (Stage::InProgress, _) if payout.in_review() => ("in review", true),
        // A coin it spends was taken back by whoever had paid it: it can only confirm if that comes back.
        (Stage::InProgress, Rail::Onchain) if payout.waiting_for.is_some() => {
            ("waits for the network to take its transaction", true)
        }
        (Stage::InProgress, Rail::Lightning) if is_held(payout) => {
            ("held until nothing of it can be under way", true)
        }
        (Stage::InProgress, _) => ("never heard of again", false),
    }
}
