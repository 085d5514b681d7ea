//! When the shop dies, and what was under way at that moment.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::random::Random;
use super::stage::start_again;
use super::traffic::{Traffic, hash_of};
use crate::sandbox::{Sandbox, say};

/// How the shop is brought to die in a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// By itself, at the fault point that this variable names.
    Fault(&'static str),
    /// After payouts are on their way to a customer who is held still.
    OutboundHeld,
    /// Milliseconds after a payout is on its way.
    OutboundQuick,
    /// While it is held still and customers pay it.
    InboundHeld,
    /// Milliseconds after a customer has begun to pay.
    InboundQuick,
    /// At any moment.
    Random,
    /// Before it has compared what it left open with what its node knows.
    Starting,
    /// At any moment, and the customer with it.
    WithCustomer,
    /// At any moment, just after bitcoind, whose mempool is lost.
    AfterBitcoind,
}

/// Ten rounds, then again. The first three show the most.
const ROUNDS: [Way; 8] = [
    Way::OutboundHeld,
    Way::Fault("TOLLWAY_FAULT=event-unacknowledged"),
    Way::Fault("TOLLWAY_FAULT=transaction-stored"),
    Way::OutboundQuick,
    Way::InboundHeld,
    Way::AfterBitcoind,
    Way::OutboundHeld,
    Way::WithCustomer,
];

/// The last two of ten take turns.
const LAST_BUT_ONE: [Way; 3] = [Way::Starting, Way::InboundQuick, Way::Random];
const LAST: [Way; 3] = [
    Way::Fault("TOLLWAY_FAULT=payout-intended"),
    Way::Fault("TOLLWAY_FAULT=payout-unmarked"),
    Way::Fault("TOLLWAY_FAULT=event-unhandled"),
];

/// How long the next kill may wait for a fault point to be hit, or for payments to flow again.
const WAIT: Duration = Duration::from_secs(25);

/// How often the log is looked at where milliseconds count.
const LOOK: Duration = Duration::from_millis(5);

impl Way {
    /// Of this round.
    pub fn of(round: usize) -> Self {
        let (tens, place) = (round / 10, round % 10);
        match place {
            8 => LAST_BUT_ONE[tens % LAST_BUT_ONE.len()],
            9 => LAST[tens % LAST.len()],
            place => ROUNDS[place],
        }
    }

    /// What the shop is started with in order to die so.
    pub fn arguments(self) -> Vec<&'static str> {
        match self {
            Self::Fault(variable) => vec!["--env", variable],
            Self::OutboundHeld
            | Self::OutboundQuick
            | Self::InboundHeld
            | Self::InboundQuick
            | Self::Random
            | Self::Starting
            | Self::WithCustomer
            | Self::AfterBitcoind => Vec::new(),
        }
    }
}

/// Kills the shop in this way. Who died besides it lives again after that.
pub async fn kill(
    way: Way,
    sandbox: &mut Sandbox,
    traffic: &Traffic,
    random: &mut Random,
    tally: &mut Tally,
) {
    match way {
        Way::Fault(_) => {
            // Something that reaches each of the points.
            let _ = traffic.earn_onchain(random).await;
            if !dies_within(sandbox, WAIT).await {
                say("  the fault point was not reached");
            }
        }
        Way::OutboundHeld | Way::OutboundQuick => outbound(way, sandbox, traffic, random).await,
        Way::InboundHeld | Way::InboundQuick => inbound(way, sandbox, traffic, random).await,
        Way::Random => sleep(random.millis(0, 3_000)).await,
        Way::Starting => sleep(random.millis(0, 1_500)).await,
        Way::WithCustomer => {
            sleep(random.millis(0, 2_000)).await;
            sandbox.customer.kill();
            sleep(random.millis(0, 50)).await;
        }
        Way::AfterBitcoind => {
            sleep(random.millis(0, 1_000)).await;
            sandbox.restart("bitcoind", &["--kill"]);
            sleep(random.millis(0, 1_000)).await;
        }
    }
    sandbox.shop.kill();
    sandbox.shop.dead().await;
    if way == Way::WithCustomer {
        sandbox.customer.dead().await;
        tally.died += start_again(sandbox, "customer");
    }
}

async fn outbound(way: Way, sandbox: &Sandbox, traffic: &Traffic, random: &mut Random) {
    let mut invoices = Vec::new();
    for _ in 0..3 {
        let sats = random.between(1_000, 20_000);
        if let Ok((bolt11, hash)) = traffic.bolt11(sats).await {
            invoices.push((bolt11, hash, sats));
        }
    }
    let held = (way == Way::OutboundHeld).then(|| sandbox.customer.held());
    let mut first = None;
    for (bolt11, hash, sats) in invoices {
        let id = traffic.payout(bolt11, Some(hash), sats).await.ok();
        first = first.or(id);
    }
    let Some(first) = first else { return };
    let words = format!("payout {first} is on its way");
    let begin = Instant::now();
    while !sandbox.shop_log().contains(&words) && begin.elapsed() < WAIT {
        sleep(LOOK).await;
    }
    sleep(match way {
        Way::OutboundHeld => random.millis(0, 300),
        _ => random.millis(0, 30),
    })
    .await;
    sandbox.shop.kill();
    sandbox.shop.dead().await;
    drop(held);
}

async fn inbound(way: Way, sandbox: &Sandbox, traffic: &Traffic, random: &mut Random) {
    let mut invoices = Vec::new();
    for _ in 0..3 {
        let sats = random.between(1_000, 20_000);
        if let Ok((mut bill, Some(bolt11))) = traffic.bill(sats, super::book::Term::Long).await {
            bill.hash = Some(hash_of(&bolt11));
            traffic.book.bill(bill);
            invoices.push(bolt11);
        }
    }
    let held = (way == Way::InboundHeld).then(|| sandbox.shop.held());
    for bolt11 in invoices {
        let _ = traffic.hand_over(&bolt11, None).await;
    }
    sleep(random.millis(0, 150)).await;
    sandbox.shop.kill();
    sandbox.shop.dead().await;
    drop(held);
}

async fn dies_within(sandbox: &Sandbox, time: Duration) -> bool {
    let begin = Instant::now();
    while begin.elapsed() < time {
        if sandbox.shop.is_dead() {
            return true;
        }
        sleep(Duration::from_millis(50)).await;
    }
    false
}

/// Kills, by what was under way.
#[derive(Default)]
pub struct Tally {
    pub kills: usize,
    pub outbound: usize,
    pub inbound: usize,
    pub outbound_htlcs: usize,
    pub inbound_htlcs: usize,
    /// By fault point.
    pub faults: BTreeMap<String, usize>,
    /// While it was starting, by a panic of LDK's.
    pub died: usize,
    pub starting: usize,
    pub with_customer: usize,
    pub after_bitcoind: usize,
}

impl Tally {
    /// For the report.
    pub fn lines(&self) -> Vec<(String, usize)> {
        let fault = |point: &str| self.faults.get(point).copied().unwrap_or_default();
        let lines = [
            ("kills", self.kills),
            ("kills with an outbound HTLC in flight", self.outbound),
            ("kills with an inbound HTLC in flight", self.inbound),
            (
                "kills before an event was committed",
                fault("event-unhandled"),
            ),
            (
                "kills between commit and acknowledgement",
                fault("event-unacknowledged"),
            ),
            ("kills between intent and sending", fault("payout-intended")),
            (
                "kills between sending and its mark",
                fault("payout-unmarked"),
            ),
            (
                "kills between store and broadcast",
                fault("transaction-stored"),
            ),
            ("kills while it was starting", self.starting),
            ("kills together with the customer", self.with_customer),
            ("kills just after one of bitcoind", self.after_bitcoind),
            ("starts that a panic of LDK ended", self.died),
            ("outbound HTLCs in flight at kills", self.outbound_htlcs),
            ("inbound HTLCs in flight at kills", self.inbound_htlcs),
        ];
        lines.map(|(what, count)| (what.to_owned(), count)).to_vec()
    }

    /// Looks at what is left of a shop that has just died, while it is dead. Who receives can't have seen more of a
    /// payment than its node says now.
    pub async fn count(&mut self, way: Way, log: &str, traffic: &Traffic) {
        self.kills += 1;
        match way {
            Way::WithCustomer => self.with_customer += 1,
            Way::AfterBitcoind => self.after_bitcoind += 1,
            Way::Fault(_)
            | Way::OutboundHeld
            | Way::OutboundQuick
            | Way::InboundHeld
            | Way::InboundQuick
            | Way::Random => {}
            Way::Starting => self.starting += 1,
        }
        let mut life = log.lines().rev().take(200);
        if let (Way::Fault(variable), true) = (way, life.any(is_fault)) {
            let point = variable.trim_start_matches("TOLLWAY_FAULT=");
            *self.faults.entry(point.to_owned()).or_default() += 1;
        }
        let out = outbound_in_flight(log, traffic).await;
        let into = inbound_in_flight(traffic).await;
        self.outbound += usize::from(out > 0);
        self.inbound += usize::from(into > 0);
        self.outbound_htlcs += out;
        self.inbound_htlcs += into;
        say(&format!("  in flight when it died: {out} out, {into} in"));
    }
}

fn is_fault(line: &str) -> bool {
    line.contains("fault point ") && !line.contains("will end")
}

/// Payouts that the node has taken, that have not failed since, and of which the customer has not seen the money.
async fn outbound_in_flight(log: &str, traffic: &Traffic) -> usize {
    let Ok(invoices) = traffic
        .customer
        .try_get("server/lightning/BTC/invoices")
        .await
    else {
        return 0;
    };
    let unpaid: BTreeSet<&str> = invoices
        .as_array()
        .into_iter()
        .flatten()
        .filter(|invoice| invoice["status"] == "Unpaid")
        .filter_map(|invoice| invoice["id"].as_str())
        .collect();
    let orders = traffic.book.orders();
    let taken = orders.iter().filter(|order| {
        let Some((id, hash)) = order.id.as_ref().zip(order.hash.as_ref()) else {
            return false;
        };
        unpaid.contains(hash.as_str())
            && log.contains(&format!("payout {id} is on its way"))
            && !log.contains(&format!("payment {hash} failed"))
    });
    taken.count()
}

/// Payments that the customer has begun and of which it has heard nothing since.
async fn inbound_in_flight(traffic: &Traffic) -> usize {
    let path = "server/lightning/BTC/payments?includePending=true";
    let Ok(payments) = traffic.customer.try_get(path).await else {
        return 0;
    };
    let begun: BTreeSet<String> = traffic
        .book
        .bills()
        .into_iter()
        .filter_map(|bill| bill.hash)
        .collect();
    let payments = payments.as_array().into_iter().flatten();
    let pending = payments.filter(|payment| {
        payment["status"] == "Pending"
            && payment["id"]
                .as_str()
                .is_some_and(|hash| begun.contains(hash))
    });
    pending.count()
}
