//! What a store may spend over Lightning (P11): a guest's store what is its own, a store of the server's owner what the
//! node holds beyond what guests are owed.

use crate::domain::ids::StoreId;
use crate::domain::ledger::{Account, Signed};
use crate::domain::money::Msat;
use crate::domain::receipt::Rail;
use crate::store::{self, Rows};

/// There is too little for a payment. The words name no figures: strangers read them, whoever draws on a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("This store's Lightning balance doesn't cover this yet.")]
pub struct TooLittle;

/// Whether a store may set out to spend so much over Lightning now, amount and the most the fee may be; in the job that records the attempt.
pub fn check(rows: &dyn Rows, store: StoreId, needs: Msat) -> Result<(), TooLittle> {
    match of(rows, store) {
        Some(has) if has < needs => Err(TooLittle),
        Some(_) | None => Ok(()),
    }
}

/// What a store may spend over Lightning now, live attempts counted as spent; `None` if only the channels limit it.
pub fn of(rows: &dyn Rows, store: StoreId) -> Option<Msat> {
    if !store::settings::may_spend_from_node(rows, store) {
        let claim = claim(rows, store).to_msat_floor();
        return Some(claim.minus(store::ledger::held(rows, store)));
    }
    // Without guests' money in it, all the node holds is the operator's to lose.
    let owed = guests_claims(rows);
    (owed > Signed::ZERO).then(|| beyond(rows, owed))
}

/// What the node holds beyond what it owes and what the operator's stores have under way.
fn beyond(rows: &dyn Rows, owed: Signed) -> Msat {
    let held: Signed = store::ledger::all_held(rows)
        .into_iter()
        .filter(|(store, _)| store::settings::may_spend_from_node(rows, *store))
        .map(|(_, held)| Signed::from(held))
        .sum();
    (store::ledger::balance(rows, Account::Node) - owed - held).to_msat_floor()
}

/// The same for what goes from store to store without the node. What an operator's store gives to a guest's is owed
/// from then on, so the node has to hold it.
pub fn check_inside(
    rows: &dyn Rows,
    payer: StoreId,
    payee: StoreId,
    amount: Msat,
) -> Result<(), TooLittle> {
    let draws = |store| store::settings::may_spend_from_node(rows, store);
    if !draws(payer) {
        return check(rows, payer, amount);
    }
    if draws(payee) || amount <= beyond(rows, guests_claims(rows)) {
        return Ok(());
    }
    Err(TooLittle)
}

/// What a store's Lightning balance is: what came in, less what went out and its fees.
pub fn claim(rows: &dyn Rows, store: StoreId) -> Signed {
    balance(rows, store, Rail::Lightning)
}

/// What a store's balance on a rail is.
pub fn balance(rows: &dyn Rows, store: StoreId, rail: Rail) -> Signed {
    -(store::ledger::balance(rows, Account::Store(store, rail))
        + store::ledger::balance(rows, Account::Fees(store, rail)))
}

/// What the node owes to stores that may not draw on the rest of it.
pub fn guests_claims(rows: &dyn Rows) -> Signed {
    store::settings::all(rows)
        .into_iter()
        .filter(|shop| !shop.draws_on_node)
        .map(|shop| claim(rows, shop.id).max(Signed::ZERO))
        .sum()
}
