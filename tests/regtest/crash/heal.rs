//! Letting everything that was begun come to its end.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::time::sleep;

use super::book::Term;
use super::traffic::Traffic;
use crate::channels;
use crate::gateway::text;
use crate::sandbox::{Sandbox, say};

/// How long it may take: a payment on a closed channel may need two hundred blocks.
const HEALING: Duration = Duration::from_secs(240);

/// After so long without an end, blocks come faster.
const HURRY: Duration = Duration::from_secs(15);

/// A payment of which LDK knows nothing any more stands for review after ten minutes, and is made again after a person
/// has looked.
const REVIEW: Duration = Duration::from_secs(720);

/// How long a short drill lets such payments be.
const DOUBT: Duration = Duration::from_secs(60);

/// Between two looks.
const LOOK: Duration = Duration::from_millis(700);

/// With blocks that come fast: time for payments between them.
const BREATH: Duration = Duration::from_millis(1_500);

/// What may still change.
#[derive(Default)]
struct Open {
    /// Payouts that were handed over before the last kill, of which nobody has heard since: their ids.
    doubts: BTreeSet<String>,
    /// Everything else, in words.
    others: Vec<String>,
}

/// Lets everything come to its end, as far as it does in time. Answers the payouts that are left in doubt; a patient
/// drill leaves none, because it waits until they stand for review and looks again.
pub async fn heal(sandbox: &Sandbox, traffic: &Traffic, is_patient: bool) -> BTreeSet<String> {
    let begin = Instant::now();
    let open = loop {
        let open = Open::look(sandbox, traffic).await;
        let time = begin.elapsed();
        let only_doubts = open.others.is_empty();
        if only_doubts && (open.doubts.is_empty() || (!is_patient && time > DOUBT)) {
            break open;
        }
        let until = if only_doubts {
            HEALING + REVIEW
        } else {
            HEALING
        };
        if time > until {
            say(&format!("not finished in time: {:?}", open.others));
            break open;
        }
        sandbox.reconnect().await;
        if time > HEALING {
            look_again(traffic, &open.doubts).await;
            sandbox.mine(1);
            sleep(5 * LOOK).await;
        } else if time > HURRY {
            if channels::usable(&traffic.shop).await == 0 {
                channels::open(&traffic.shop, &traffic.customer).await;
            }
            sandbox.mine_heard(6).await;
            sleep(BREATH).await;
        } else {
            sandbox.mine(1);
            sleep(LOOK).await;
        }
    };
    // The last payments are in blocks, and everybody has heard of them.
    sandbox.mine_heard(2).await;
    say(&format!(
        "the end came after {} s",
        begin.elapsed().as_secs()
    ));
    open.doubts
}

/// What a person does with payouts that stand for review. Those that don't yet are refused.
async fn look_again(traffic: &Traffic, doubts: &BTreeSet<String>) {
    for id in doubts {
        let request = json!({"verdict": "LookAgain", "comment": "the drill"});
        let _ = traffic
            .shop
            .try_post(&format!("S/payouts/{id}/review"), &request)
            .await;
    }
}

impl Open {
    async fn look(sandbox: &Sandbox, traffic: &Traffic) -> Self {
        let mut open = Self::default();
        let log = sandbox.shop_log();
        let payouts = traffic.shop.get("S/payouts").await;
        for payout in payouts.as_array().into_iter().flatten() {
            let (id, state) = (text(payout, "id"), text(payout, "state"));
            let is_old = !log.contains(&format!("payout {id} "));
            if state == "InProgress" && payout["payoutMethodId"] == crate::gateway::LN && is_old {
                open.doubts.insert(id);
            } else if state != "Completed" {
                open.others
                    .push(format!("payout {id}, {state}: {}", payout["failureReason"]));
            }
        }
        let bills = traffic.book.bills();
        let hashes: BTreeSet<&String> =
            bills.iter().filter_map(|bill| bill.hash.as_ref()).collect();
        let path = "server/lightning/BTC/payments?includePending=true";
        let payments = traffic.customer.get(path).await;
        for payment in payments.as_array().into_iter().flatten() {
            let id = text(payment, "id");
            if payment["status"] == "Pending" && hashes.contains(&id) {
                open.others.push(format!("payment {id}"));
            }
        }
        let shorts: BTreeSet<&String> = bills
            .iter()
            .filter(|bill| bill.term == Term::Short)
            .map(|bill| &bill.id)
            .collect();
        let invoices = traffic.shop.get("S/invoices").await;
        for invoice in invoices.as_array().into_iter().flatten() {
            let (id, status) = (text(invoice, "id"), text(invoice, "status"));
            if status == "Processing" || (status == "New" && shorts.contains(&id)) {
                open.others.push(format!("invoice {id}, {status}"));
            }
        }
        open
    }
}
