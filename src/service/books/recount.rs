//! Counting again what the file keeps.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use super::{Identity, Rule, allowance};
use crate::domain::ids::StoreId;
use crate::domain::ledger::{Account, Movement, Signed};
use crate::domain::money::{Msat, Parts};
use crate::domain::payout::batch::{Batch, Version};
use crate::domain::payout::{Payout, Plan, Proof, Stage, Standing};
use crate::domain::receipt::{Rail, Receipt};
use crate::store::ledger::Replay;
use crate::store::receipt::Stray;
use crate::store::{self, Order, Rows, Table, Tx};

/// What stands in the rows of one moment.
pub(super) fn rows(rows: &dyn Rows) -> Vec<Identity> {
    let kept = store::ledger::balances(rows);
    let replay = store::ledger::replay(rows);
    let mut found = vec![
        Identity::equal(
            "all postings: sum, nothing",
            kept.values().copied().sum(),
            Signed::ZERO,
        ),
        Identity::equal(
            "inside: balance, nothing",
            kept.get(&Account::Inside).copied().unwrap_or_default(),
            Signed::ZERO,
        ),
    ];
    let accounts: BTreeSet<Account> = (kept.keys().chain(replay.balances.keys()))
        .copied()
        .collect();
    found.extend(accounts.into_iter().map(|account| {
        let of = |side: &BTreeMap<Account, Signed>| side.get(&account).copied();
        Identity::equal(
            format!("{account}: balance, facts"),
            of(&kept).unwrap_or_default(),
            of(&replay.balances).unwrap_or_default(),
        )
    }));
    found.extend(receipts(rows, &replay));
    found.extend(payouts(rows, &replay));
    found.push(Identity {
        name: "guests' Lightning claims, at most what the node holds".to_owned(),
        left: allowance::guests_claims(rows),
        right: store::ledger::balance(rows, Account::Node),
        rule: Rule::AtMost,
    });
    found
}

type Sums = BTreeMap<(StoreId, Rail), Signed>;

/// Lines for a sum that was counted in rows, against what the facts of one kind did to the claims.
fn compare(
    name: &str,
    counted: &Sums,
    replay: &Replay,
    movement: Movement,
    sign: i128,
    fees: bool,
) -> Vec<Identity> {
    let mut posted: BTreeMap<String, Signed> = BTreeMap::new();
    let mut rows: BTreeMap<String, Signed> = BTreeMap::new();
    for ((moved, account), amount) in &replay.moved {
        let claim = match account {
            Account::Store(store, rail) => Account::claim(*store, *rail),
            Account::Fees(store, rail) if fees => Account::claim(*store, *rail),
            Account::Operator => Account::Operator,
            Account::Fees(..)
            | Account::Till(_)
            | Account::Node
            | Account::NodeCosts
            | Account::Inside => continue,
        };
        if *moved == movement {
            let amount = Signed(amount.0.saturating_mul(sign));
            *posted.entry(claim.to_string()).or_default() += amount;
        }
    }
    for ((store, rail), amount) in counted {
        let claim = Account::claim(*store, *rail).to_string();
        *rows.entry(claim).or_default() += *amount;
    }
    let claims: BTreeSet<&String> = posted.keys().chain(rows.keys()).collect();
    claims
        .into_iter()
        .map(|claim| {
            Identity::equal(
                format!("{claim}: facts of {name}, rows"),
                posted.get(claim).copied().unwrap_or_default(),
                rows.get(claim).copied().unwrap_or_default(),
            )
        })
        .collect()
}

/// Money in: invoices, API invoices and strays.
fn receipts(rows: &dyn Rows, replay: &Replay) -> Vec<Identity> {
    let mut counted = Sums::new();
    let mut count = |store: StoreId, rail: Rail, amount: Msat| {
        *counted.entry((store, rail)).or_default() += amount.into();
    };
    each(
        rows,
        Table::Invoices,
        |invoice: crate::domain::invoice::Invoice| {
            for receipt in invoice.receipts.iter().filter(|one| Receipt::counts(one)) {
                count(invoice.store, receipt.key.rail(), receipt.amount);
            }
        },
    );
    let stores = || {
        let shops = store::settings::all(rows);
        shops
            .into_iter()
            .map(|shop| shop.id)
            .chain([StoreId::HOUSE])
    };
    for shop in stores() {
        for invoice in store::node::api_invoices(rows, shop) {
            if let Some(paid) = invoice.paid {
                count(shop, Rail::Lightning, paid.amount);
            }
        }
        let strays = store::receipt::strays(rows, shop).into_iter();
        for stray in strays.filter(Stray::waits) {
            count(shop, stray.key.rail(), stray.amount);
        }
    }
    compare("receipts", &counted, replay, Movement::Receipt, -1, false)
}

/// Money out, and what is kept along with payouts.
fn payouts(rows: &dyn Rows, replay: &Replay) -> Vec<Identity> {
    let mut counted = Sums::new();
    let mut held: BTreeMap<StoreId, Msat> = BTreeMap::new();
    let (mut reserved, mut spent) = (Signed::ZERO, Signed::ZERO);
    each(rows, Table::Payouts, |payout: Payout| {
        if let Some(sent) = sent_by(&payout) {
            *counted.entry((payout.store, payout.rail())).or_default() += sent.into();
        }
        let holds = store::ledger::holds(&payout);
        if holds > Msat::ZERO {
            let sum = held.entry(payout.store).or_default();
            *sum = sum.plus(holds);
        }
        if payout.pull_payment().is_some() {
            let debit = of_budget(payout.debit());
            match payout.stage {
                Stage::AwaitingApproval | Stage::AwaitingPayment | Stage::InProgress => {
                    reserved += debit;
                }
                Stage::Completed { .. } => spent += debit,
                Stage::Cancelled { .. } => {}
            }
        }
    });
    let (mut kept_reserved, mut kept_spent) = (Signed::ZERO, Signed::ZERO);
    each(
        rows,
        Table::PullPayments,
        |one: crate::domain::pull_payment::PullPayment| {
            kept_reserved += of_budget(one.budget.reserved);
            kept_spent += of_budget(one.budget.spent);
        },
    );
    let mut found = compare("payouts", &counted, replay, Movement::Payout, 1, true);
    found.push(Identity::equal(
        "budgets: reserved, payouts",
        kept_reserved,
        reserved,
    ));
    found.push(Identity::equal(
        "budgets: spent, payouts",
        kept_spent,
        spent,
    ));
    let kept_held = store::ledger::all_held(rows);
    found.push(Identity::equal(
        "held for live Lightning attempts: kept, payouts",
        kept_held.values().map(|held| Signed::from(*held)).sum(),
        held.values().map(|held| Signed::from(*held)).sum(),
    ));
    found
}

/// Parts of a budget, of bitcoin in millisatoshi: they are only compared.
fn of_budget(parts: Parts) -> Signed {
    Signed(i128::from(parts.0).saturating_mul(1_000))
}

/// What a completed payout took, its fee included.
fn sent_by(payout: &Payout) -> Option<Msat> {
    match &payout.stage {
        Stage::Completed {
            proof: Proof::Onchain { .. },
            fee,
            ..
        } => Some(payout.output().to_msat().plus(*fee)),
        Stage::Completed {
            proof: Proof::Lightning { .. },
            fee,
            ..
        } => Some(payout.amount.plus(*fee)),
        // Paid by other means than ours.
        Stage::Completed {
            proof: Proof::Given(_),
            ..
        }
        | Stage::AwaitingApproval
        | Stage::AwaitingPayment
        | Stage::InProgress
        | Stage::Cancelled { .. } => None,
    }
}

/// Each store's tills: the books against the wallets, with what is on its way between the two.
pub(super) fn tills(tx: &Tx<'_>) -> Vec<Identity> {
    let mut counted: BTreeMap<StoreId, Signed> = (tx.tills().stores().into_iter())
        .map(|store| (store, tx.tills().total(store).to_msat().into()))
        .collect();
    for account in store::ledger::balances(tx).into_keys() {
        if let Account::Till(store) = account {
            counted.entry(store).or_default();
        }
    }
    for batch in store::payout::open_batches(tx) {
        *counted.entry(batch.store).or_default() += ahead(tx, &batch);
    }
    counted
        .into_iter()
        .map(|(store, held)| {
            let account = Account::Till(store);
            let booked = store::ledger::balance(tx, account);
            Identity::equal(format!("{account}: books, wallet"), booked, held)
        })
        .collect()
}

/// How far the wallet is ahead of the books: it counts a transaction out from the moment it is signed until it is
/// evicted, the books count a payout from its completion.
fn ahead(tx: &Tx<'_>, batch: &Batch) -> Signed {
    let seen = (batch.versions.iter()).find_map(|version| {
        let (sat, counts) = tx.tills().outflow(batch.till, version.txid)?;
        counts.then_some((version, sat))
    });
    let out = seen.map_or(Signed::ZERO, |(_, sat)| sat.to_msat().into());
    let version = seen.map_or_else(|| batch.newest(), |(version, _)| version);
    let booked: Signed = (0_u32..)
        .zip(&batch.payouts)
        .filter_map(|(place, id)| {
            let payout = store::payout::get(tx, batch.store, *id)?;
            booked_for(&payout, batch, version, place)
        })
        .map(Signed::from)
        .sum();
    out - booked
}

/// What the books have counted out for one payment of a batch.
fn booked_for(payout: &Payout, batch: &Batch, version: &Version, place: u32) -> Option<Msat> {
    if was_paid_by(payout, batch) {
        return sent_by(payout);
    }
    // Paid by another transaction or payment before, and by this one too: that was told and posted (P5).
    let twice = payout.attempts.iter().any(|attempt| {
        attempt.standing == Standing::Settled
            && matches!(&attempt.plan, Plan::Onchain { batch: planned, place: there }
                if *planned == batch.id && *there == place)
    });
    twice.then(|| (payout.output().to_msat()).plus(batch.share(version, place)))
}

fn was_paid_by(payout: &Payout, batch: &Batch) -> bool {
    match &payout.stage {
        Stage::Completed {
            proof: Proof::Onchain { txid, .. },
            ..
        } => batch.versions.iter().any(|version| version.txid == *txid),
        Stage::Completed {
            proof: Proof::Lightning { .. } | Proof::Given(_),
            ..
        }
        | Stage::AwaitingApproval
        | Stage::AwaitingPayment
        | Stage::InProgress
        | Stage::Cancelled { .. } => false,
    }
}

fn each<T: for<'b> minicbor::Decode<'b, ()>>(
    rows: &dyn Rows,
    table: Table,
    mut look: impl FnMut(T),
) {
    rows.scan(table, &[], Order::Ascending, &mut |_, row| {
        look(store::codec::decode(row));
        ControlFlow::Continue(())
    });
}
