//! P8 only cancelling gives a budget back.

use super::Seen;
use crate::house::Outside;

/// After every commit. That budgets say what their payouts say is in the store's own check.
pub fn check(seen: &Seen<'_>, outside: &Outside, broken: &mut Vec<String>) {
    // A node that lies about a failure makes a cancelled payout arrive, which may pass the limit (P5).
    let lied = outside.network.with(|network| !network.lied_about.is_empty());
    for one in &seen.pull_payments {
        if !lied && one.budget.used() > one.budget.limit {
            let (id, used, limit) = (one.id, one.budget.used(), one.budget.limit);
            broken.push(format!("P8 pull payment {id} gave {used} of {limit}"));
        }
    }
}
