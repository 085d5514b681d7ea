//! What the payers paid and the receivers received, against what the shop says. Each difference is a line.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::book::{Bill, Order, Term};
use super::stage::{Before, strays};
use super::traffic::Traffic;
use crate::gateway::{LN, text, units};

/// More transactions than any drill makes.
const ALL: u64 = 1_000_000;

/// What was compared.
pub struct Report {
    /// Payments that payers made, by rail.
    pub paid_lightning: usize,
    pub paid_onchain: usize,
    /// Payouts that receivers received, by rail.
    pub earned_lightning: usize,
    pub earned_onchain: usize,
    /// Payouts that nobody has received, and of which the shop says nothing else.
    pub in_doubt: usize,
    pub differences: Vec<String>,
}

/// What the outside world knows: the customer's node and bitcoind's wallet.
struct World {
    /// By payment hash: status and msat.
    payments: BTreeMap<String, (String, i64)>,
    /// By address: transactions that are in a block, and sats.
    sent: BTreeMap<String, Vec<(String, u64)>>,
    /// By payment hash.
    invoices: BTreeMap<String, Value>,
    /// By address: sats, and in how many transactions.
    received: BTreeMap<String, (u64, Vec<String>)>,
}

/// Compares everything. Nothing may be under way any more.
pub async fn compare(traffic: &Traffic, before: &Before, doubts: &BTreeSet<String>) -> Report {
    let world = World::look(traffic).await;
    let mut report = Report {
        paid_lightning: 0,
        paid_onchain: 0,
        earned_lightning: 0,
        earned_onchain: 0,
        in_doubt: 0,
        differences: Vec::new(),
    };
    for bill in traffic.book.bills() {
        report.bill(traffic, &world, &bill).await;
    }
    let ours = strays(&traffic.shop, "S/strays").await;
    let others = strays(&traffic.shop, "server/strays").await;
    for stray in ours.iter().chain(others.difference(&before.strays)) {
        report.differs(format!(
            "P10 {stray} is a stray, and every payment was for an invoice"
        ));
    }
    report.orders(traffic, &world, before, doubts).await;
    report
}

impl World {
    async fn look(traffic: &Traffic) -> Self {
        let customer = &traffic.customer;
        let payments = customer
            .get("server/lightning/BTC/payments?includePending=true")
            .await;
        let payments = list(&payments).map(|one| {
            let msat = units(one, "totalAmount", 0) - units(one, "feeAmount", 0);
            (text(one, "id"), (text(one, "status"), msat))
        });
        let invoices = customer.get("server/lightning/BTC/invoices").await;
        let invoices = list(&invoices).map(|one| (text(one, "id"), one.clone()));
        let mut sent: BTreeMap<String, Vec<(String, u64)>> = BTreeMap::new();
        let rpc = |method: &str, arguments: &[Value]| traffic.rpc(method, arguments).unwrap();
        let all = rpc("listtransactions", &[json!("*"), json!(ALL)]);
        for one in list(&all).filter(|one| one["category"] == "send") {
            if one["confirmations"].as_i64().unwrap() > 0 {
                let entry = sent.entry(text(one, "address")).or_default();
                entry.push((text(one, "txid"), sats(&one["amount"])));
            }
        }
        let all = rpc("listreceivedbyaddress", &[json!(1)]);
        let received = list(&all).map(|one| {
            let txids = list(&one["txids"]).map(|txid| txid.as_str().unwrap().to_owned());
            (
                text(one, "address"),
                (sats(&one["amount"]), txids.collect()),
            )
        });
        Self {
            payments: payments.collect(),
            invoices: invoices.collect(),
            received: received.collect(),
            sent,
        }
    }
}

impl Report {
    fn differs(&mut self, what: String) {
        self.differences.push(what);
    }

    /// What was paid stands on the invoice, each payment once, and its state says so.
    async fn bill(&mut self, traffic: &Traffic, world: &World, bill: &Bill) {
        let path = format!("S/invoices/{}", bill.id);
        let Ok(invoice) = traffic.shop.try_get(&path).await else {
            return self.differs(format!("P12 invoice {} is gone", bill.id));
        };
        let mut paid: Vec<(String, u64)> = Vec::new();
        if let Some(hash) = &bill.hash
            && let Some((status, msat)) = world.payments.get(hash)
        {
            match status.as_str() {
                "Complete" => {
                    self.paid_lightning += 1;
                    paid.push((hash.clone(), msat.unsigned_abs() / 1_000));
                }
                "Failed" => {}
                other => self.differs(format!("payment {hash} is {other} for ever")),
            }
        }
        let onchain = world.sent.get(&bill.address).cloned().unwrap_or_default();
        self.paid_onchain += onchain.len();
        paid.extend(onchain);
        paid.sort();

        let halves = traffic.shop.get(&format!("{path}/payment-methods")).await;
        let mut said: Vec<(String, u64)> = list(&halves)
            .flat_map(|half| list(&half["payments"]))
            .map(|payment| {
                let id = text(payment, "id");
                let txid = id.split_once(':').map_or(id.as_str(), |(txid, _)| txid);
                (txid.to_owned(), units(payment, "value", 8).unsigned_abs())
            })
            .collect();
        said.sort();
        if paid != said {
            self.differs(format!(
                "P10 invoice {}: paid {paid:?}, the shop says {said:?}",
                bill.id
            ));
        }
        let sum: u64 = paid.iter().map(|(_, sats)| sats).sum();
        if units(&invoice, "paidAmount", 0).unsigned_abs() != sum {
            self.differs(format!(
                "P10 invoice {}: {sum} sats paid, but {invoice}",
                bill.id
            ));
        }
        let state = (
            invoice["status"].as_str(),
            invoice["additionalStatus"].as_str(),
        );
        let expected = expected_state(bill, sum);
        if state != (Some(expected.0), Some(expected.1)) {
            self.differs(format!(
                "invoice {}: {expected:?} expected, but {state:?}",
                bill.id
            ));
        }
    }

    /// Completed means received, exactly once; and nothing was received that is not Completed.
    async fn orders(
        &mut self,
        traffic: &Traffic,
        world: &World,
        before: &Before,
        doubts: &BTreeSet<String>,
    ) {
        let payouts = traffic.shop.get("S/payouts?includeCancelled=true").await;
        let mut by_destination: BTreeMap<String, Vec<&Value>> = BTreeMap::new();
        for payout in list(&payouts) {
            by_destination
                .entry(text(payout, "destination"))
                .or_default()
                .push(payout);
        }
        let orders = traffic.book.orders();
        let mut claimed = 0;
        for order in &orders {
            let found = by_destination
                .remove(&order.destination)
                .unwrap_or_default();
            if order.is_claim {
                let alive = found.iter().filter(|payout| payout["state"] != "Cancelled");
                claimed += alive
                    .map(|payout| units(payout, "payoutAmount", 8))
                    .sum::<i64>();
            }
            self.order(world, order, &found, doubts);
        }
        for destination in by_destination.into_keys() {
            self.differs(format!("nobody has asked for the payout to {destination}"));
        }
        let link = traffic
            .shop
            .get(&format!("pull-payments/{}", traffic.link.id))
            .await;
        if units(&link, "claimedAmount", 8) != claimed {
            self.differs(format!(
                "P8 the link counts {} as claimed, its claims sum to {claimed}",
                link["claimedAmount"]
            ));
        }
        let hashes: BTreeSet<&String> = orders
            .iter()
            .filter_map(|order| order.hash.as_ref())
            .collect();
        for (hash, invoice) in &world.invoices {
            if invoice["status"] == "Paid" && !before.paid.contains(hash) && !hashes.contains(hash)
            {
                self.differs(format!(
                    "the customer has received {hash}, which nobody ordered"
                ));
            }
        }
    }

    fn order(&mut self, world: &World, order: &Order, found: &[&Value], doubts: &BTreeSet<String>) {
        let destination = &order.destination;
        let (sats, times, proof) = received(world, order);
        let payout = match found {
            [] => {
                if let Some(id) = &order.id {
                    self.differs(format!("P12 payout {id} is gone"));
                }
                if times > 0 {
                    self.differs(format!(
                        "{sats} sats came to {destination}, and the shop knows no payout"
                    ));
                }
                return;
            }
            [payout] => payout,
            many => return self.differs(format!("P3 {} payouts to {destination}", many.len())),
        };
        let id = text(payout, "id");
        if order.id.as_ref().is_some_and(|answered| *answered != id) {
            self.differs(format!("P12 payout {id} was answered as {:?}", order.id));
        }
        match (text(payout, "state").as_str(), times) {
            ("Completed", 1) => {
                if payout["payoutMethodId"] == LN {
                    self.earned_lightning += 1;
                } else {
                    self.earned_onchain += 1;
                }
                let member = if order.hash.is_some() {
                    "preimage"
                } else {
                    "id"
                };
                if sats != order.sats || payout["paymentProof"][member] != proof {
                    self.differs(format!(
                        "P5 {sats} sats came to {destination} with {proof}, but {payout}"
                    ));
                }
            }
            ("Cancelled", 0) => {}
            ("InProgress", 0) if doubts.contains(&id) => self.in_doubt += 1,
            (state, times) => self.differs(format!(
                "payout {id} of {} sats is {state} ({}), and was received {times} times",
                order.sats, payout["failureReason"]
            )),
        }
    }
}

/// How much came to the order's destination, how many times, and what proves it.
fn received(world: &World, order: &Order) -> (u64, usize, Value) {
    if let Some(hash) = &order.hash {
        let invoice = world
            .invoices
            .get(hash)
            .filter(|one| one["status"] == "Paid");
        return invoice.map_or((0, 0, Value::Null), |invoice| {
            let msat = units(invoice, "amountReceived", 0).unsigned_abs();
            // A sum of thousandths would never be as many sats as were ordered.
            let sats = if msat.is_multiple_of(1_000) {
                msat / 1_000
            } else {
                msat
            };
            (sats, 1, invoice["preimage"].clone())
        });
    }
    let found = world.received.get(&order.destination);
    found.map_or((0, 0, Value::Null), |(sats, txids)| {
        (*sats, txids.len(), json!(txids.first()))
    })
}

fn expected_state(bill: &Bill, paid: u64) -> (&'static str, &'static str) {
    use std::cmp::Ordering::{Equal, Greater, Less};
    match (bill.term, paid, paid.cmp(&bill.sats)) {
        (Term::Long, 0, _) => ("New", "None"),
        (Term::Long, _, Less) => ("New", "PaidPartial"),
        (Term::Long, _, Equal) => ("Settled", "None"),
        (Term::Long, _, Greater) => ("Settled", "PaidOver"),
        (Term::Short, 0, _) => ("Expired", "None"),
        (Term::Short, _, Less) => ("Expired", "PaidPartial"),
        (Term::Short, _, Equal | Greater) => ("Expired", "PaidLate"),
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// Of an amount that bitcoind says in BTC; what was sent has a sign.
fn sats(btc: &Value) -> u64 {
    let btc = btc.as_f64().unwrap().abs();
    bitcoin::Amount::from_btc(btc).unwrap().to_sat()
}
