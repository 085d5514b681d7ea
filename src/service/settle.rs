//! What became of payouts: every change of one goes through [`commit`], which keeps budgets in step.

use tracing::{error, warn};

use crate::domain::fact::{Fact, Step};
use crate::domain::ids::{PaymentHash, Preimage, StoreId};
use crate::domain::money::Msat;
use crate::domain::payout::{Payout, Plan, Proof, Stage};
use crate::domain::time::Timestamp;
use crate::ports::lightning::PaymentRecord;
#[cfg(debug_assertions)]
use crate::sabotage::{Bug, is_planted};
use crate::store::{self, Rows, Tx};

/// Puts a payout after a step, moves its budget along, and tells.
pub fn commit(tx: &mut Tx<'_>, before: &Payout, step: Step<Payout>, now: Timestamp) -> Payout {
    let Step { after, facts } = step;
    if after == *before && facts.is_empty() {
        return after;
    }
    for fact in &facts {
        if let Fact::PayoutPaidTwice { payout, .. } = fact {
            error!(payout.id = %payout, "P5 payout {payout} was paid twice");
        }
    }
    move_budget(tx, before, &after);
    store::ledger::hold(tx, before, &after);
    store::payout::put(tx, &after);
    tx.announce(after.store, facts, now);
    after
}

/// Reserved becomes spent when it is completed, and free when it is cancelled (P8).
fn move_budget(tx: &mut Tx<'_>, before: &Payout, after: &Payout) {
    let Some(mut pull_payment) = after
        .pull_payment()
        .and_then(|id| store::pull_payment::get(tx, after.store, id))
    else {
        return;
    };
    let (budget, debit) = (pull_payment.budget, after.debit());
    #[cfg(debug_assertions)]
    if is_planted(Bug::FreeBudgetOnFailure)
        && (&before.stage, &after.stage) == (&Stage::InProgress, &Stage::AwaitingPayment)
    {
        pull_payment.budget = budget.give_back(debit);
        store::pull_payment::put(tx, &pull_payment);
        return;
    }
    pull_payment.budget = match (before.is_open(), &after.stage) {
        (true, Stage::Completed { .. }) => budget.spend(debit),
        (true, Stage::Cancelled { .. }) => budget.give_back(debit),
        // It was paid after all: what was given back is spent.
        (false, Stage::Completed { .. }) if matches!(before.stage, Stage::Cancelled { .. }) => {
            crate::domain::pull_payment::Budget {
                spent: budget.spent.plus(debit),
                ..budget
            }
        }
        (
            _,
            Stage::AwaitingApproval
            | Stage::AwaitingPayment
            | Stage::InProgress
            | Stage::Completed { .. }
            | Stage::Cancelled { .. },
        ) => return,
    };
    store::pull_payment::put(tx, &pull_payment);
}

/// The payout that owns a payment hash.
pub fn payout_of(rows: &dyn Rows, hash: PaymentHash) -> Option<Payout> {
    let owner = store::payout::hash_owner(rows, hash)?;
    store::payout::get(rows, owner.store, owner.payout)
}

/// A Lightning payment of ours, as the node tells of it.
#[derive(Clone, Copy, Debug)]
pub struct Arrived {
    /// Which payment.
    pub hash: PaymentHash,
    /// Proof, if the node has it.
    pub preimage: Option<Preimage>,
    /// What arrived, if the node knows; needed only for what belongs to no payout.
    pub amount: Option<Msat>,
    /// Spent on routing, if the node knows.
    pub fee: Option<Msat>,
}

impl From<&PaymentRecord> for Arrived {
    fn from(record: &PaymentRecord) -> Self {
        Self {
            hash: record.hash,
            preimage: record.preimage,
            amount: record.amount,
            fee: record.fee,
        }
    }
}

/// A Lightning payment of ours arrived (P5). What belongs to no payout is told once (P10).
pub fn lightning_succeeded(tx: &mut Tx<'_>, arrived: Arrived, now: Timestamp) {
    let Arrived {
        hash,
        preimage,
        amount,
        fee,
    } = arrived;
    let found = payout_of(tx, hash);
    let attempt = found.as_ref().and_then(|payout| payout.attempt_for(&hash));
    let (Some(payout), Some(attempt)) = (found, attempt) else {
        let told = store::journal::of_object(tx, StoreId::HOUSE, hash.as_bytes());
        if !(told.iter()).any(|entry| matches!(entry.fact, Fact::ForeignPaymentArrived { .. })) {
            warn!(payment.hash = %hash, "a payment of no payout arrived: {hash}");
            let fact = Fact::ForeignPaymentArrived { hash, amount, fee };
            tx.announce(StoreId::HOUSE, vec![fact], now);
        }
        return;
    };
    let proof = Proof::Lightning { hash, preimage };
    let step = payout
        .clone()
        .succeeded(attempt, proof, fee.unwrap_or_default(), now);
    commit(tx, &payout, step, now);
}

/// A Lightning payment of ours has definitely ended. Before reconcile is over this is doubt for any attempt but the
/// first, since the event carries no attempt number: the attempt is then compared with the node. So it is for one that
/// was handed over again, since the event may be that of the try before.
pub fn lightning_failed(
    tx: &mut Tx<'_>,
    hash: PaymentHash,
    why: &str,
    reconciled: bool,
    chance: u64,
    now: Timestamp,
) {
    let Some(payout) = payout_of(tx, hash) else {
        let what = format!("a payment of no payout failed: {hash}: {why}");
        tx.announce(StoreId::HOUSE, vec![Fact::NodeNote { what }], now);
        return;
    };
    let Some(live) = payout.live_attempt() else {
        return;
    };
    if !matches!(&live.plan, Plan::Lightning { hash: planned, .. } if *planned == hash) {
        return;
    }
    let again = store::journal::of_object(tx, payout.store, hash.as_bytes())
        .iter()
        .any(|entry| entry.fact == Fact::PaymentRecordForgotten { hash });
    let step = if !again && (live.number == 1 || reconciled) {
        payout.clone().attempt_failed(why, chance, now)
    } else {
        payout.clone().doubted(why, chance, now)
    };
    commit(tx, &payout, step, now);
}

/// What a sighting of the chain means for payouts: batches settle or come undone, unknown spends hold a till.
pub fn observe_batches(tx: &mut Tx<'_>, now: Timestamp) {
    super::batches::observe(tx, now);
}
