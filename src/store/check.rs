//! The store check: every row fits its neighbours. Run when the file is opened, before anything acts on it.

use std::collections::HashMap;
use std::ops::ControlFlow;

use super::codec::try_decode;
use super::rows::{Order, Rows};
use super::tables::Table;
use crate::domain::destination::Destination;
use crate::domain::ids::{BatchId, PullPaymentId, StoreId};
use crate::domain::money::Parts;
use crate::domain::payout::batch::Version;
use crate::domain::payout::{Payout, Plan, Stage};
use crate::domain::pull_payment::{Budget, PullPayment};

/// What payouts make of a pull payment's budget.
type Recount = HashMap<(StoreId, PullPaymentId), (Parts, Parts)>;

/// Recounts what is kept twice. The first contradiction is told.
pub fn check(rows: &dyn Rows) -> Result<(), String> {
    let budgets = check_payouts(rows)?;
    check_budgets(rows, &budgets)?;
    super::webhook::check(rows)
}

fn check_payouts(rows: &dyn Rows) -> Result<Recount, String> {
    let mut recount = Recount::new();
    each(rows, Table::Payouts, |row, value| {
        let payout: Payout = try_decode(value).map_err(|e| e.to_string())?;
        let id = payout.id;
        if !payout.is_consistent() {
            return Err(format!("P1 payout {id} contradicts itself"));
        }
        if payout.is_open() != rows.has(Table::PayoutsOpen, row) {
            return Err(format!("payout {id} is missing among the open ones"));
        }
        if let Some(table) = super::payout_queue::missing(rows, &payout) {
            return Err(format!("payout {id} is missing in {}", table.name()));
        }
        if let Destination::Bolt11(invoice) = &payout.destination {
            let owner = super::payout::hash_owner(rows, invoice.hash);
            if owner.is_none_or(|owner| owner.payout != id) {
                return Err(format!("P3 the hash of payout {id} is not its own"));
            }
        }
        for attempt in &payout.attempts {
            if let Plan::Onchain { batch, place } = attempt.plan
                && !is_placed(rows, &payout, batch, place)
            {
                return Err(format!("P2 the transaction of payout {id} is not stored"));
            }
        }
        if let Some(pull_payment) = payout.pull_payment() {
            let (reserved, spent) = recount.entry((payout.store, pull_payment)).or_default();
            match payout.stage {
                Stage::AwaitingApproval | Stage::AwaitingPayment | Stage::InProgress => {
                    *reserved = reserved.plus(payout.debit());
                }
                Stage::Completed { .. } => *spent = spent.plus(payout.debit()),
                Stage::Cancelled { .. } => {}
            }
        }
        Ok(())
    })?;
    Ok(recount)
}

/// Whether a batch is stored that pays the payout at this place, with all its versions.
fn is_placed(rows: &dyn Rows, payout: &Payout, batch: BatchId, place: u32) -> bool {
    let Some(batch) = super::payout::batch(rows, payout.store, batch) else {
        return false;
    };
    let place = usize::try_from(place).unwrap_or(usize::MAX);
    let found = |version: &Version| {
        let led = super::payout::batch_of_tx(rows, version.txid);
        led.is_some_and(|led| led.id == batch.id)
    };
    batch.is_consistent()
        && batch.payouts.get(place) == Some(&payout.id)
        && batch.versions.iter().all(found)
}

fn check_budgets(rows: &dyn Rows, recount: &Recount) -> Result<(), String> {
    each(rows, Table::PullPayments, |_, value| {
        let one: PullPayment = try_decode(value).map_err(|e| e.to_string())?;
        let (reserved, spent) = recount
            .get(&(one.store, one.id))
            .copied()
            .unwrap_or_default();
        let Budget {
            reserved: kept_reserved,
            spent: kept_spent,
            ..
        } = one.budget;
        if (reserved, spent) == (kept_reserved, kept_spent) {
            Ok(())
        } else {
            Err(format!(
                "P8 the budget of pull payment {} says {kept_reserved} reserved and {kept_spent} spent, its payouts say {reserved} and {spent}",
                one.id
            ))
        }
    })
}

fn each(
    rows: &dyn Rows,
    table: Table,
    mut look: impl FnMut(&[u8], &[u8]) -> Result<(), String>,
) -> Result<(), String> {
    let mut found = Ok(());
    rows.scan(table, &[], Order::Ascending, &mut |row, value| {
        found = look(row, value);
        if found.is_ok() {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    });
    found
}
