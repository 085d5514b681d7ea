//! The shop dies at the worst places and comes back: within a minute every invoice is settled and every payout paid,
//! each exactly once. What the customer sent and received is compared with what the shop says.
//!
//! A kill may make LDK close a channel (its monitor is ahead of the manager). That costs fees, not payments: it is
//! counted, said, and another channel is opened. What was in flight on it ends on the chain: a payment that the shop's
//! manager had not heard of runs into its time-out there and is the customer's again, and both say so.
//! `TOLLWAY_FAULT_ROUNDS` says how often each place is tried: 2 if not set.

use std::collections::BTreeSet;
use std::env;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::time::sleep;

use crate::gateway::{CHAIN, Gateway, LN, text, units};
use crate::sandbox::{PATIENCE, Sandbox, sandbox, say};

/// While all channels are open blocks are rare: none is to run into a time-out.
const BLOCK_EVERY: Duration = Duration::from_secs(4);

/// What is in flight on a channel that was closed waits for blocks: for its time-out and what follows it.
const BLOCKS_AFTER_CLOSE: u32 = 10;

/// How long that may take.
const CLOSE_PATIENCE: Duration = Duration::from_secs(240);

/// How often each.
fn rounds() -> u64 {
    let asked = env::var("TOLLWAY_FAULT_ROUNDS").ok();
    asked.map_or(2, |rounds| rounds.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn claimed_by_ldk_event_not_handled() {
    incoming(&Crash::At("event-unhandled")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn committed_by_us_not_acknowledged() {
    incoming(&Crash::At("event-unacknowledged")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn incoming_htlc_in_flight() {
    incoming(&Crash::InFlight).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn payout_intent_committed_not_sent() {
    outgoing(&Crash::At("payout-intended")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn payout_sent_not_marked() {
    outgoing(&Crash::At("payout-unmarked")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn outgoing_htlc_in_flight() {
    outgoing(&Crash::InFlight).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn payout_arrived_event_not_handled() {
    outgoing(&Crash::At("event-unhandled")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn payout_arrived_event_not_acknowledged() {
    outgoing(&Crash::At("event-unacknowledged")).await;
}

/// Where the shop dies.
enum Crash {
    /// At a fault point, by itself.
    At(&'static str),
    /// By SIGKILL from outside, while a payment is neither here nor there.
    InFlight,
}

/// The customer pays an invoice and the shop dies over it.
async fn incoming(crash: &Crash) {
    let Some(mut sandbox) = sandbox().await else {
        return;
    };
    let mut closed = 0;
    for round in 0..rounds() {
        let before = arm(&mut sandbox, crash).await;
        let sats = 20_000 + round;
        let invoice = sandbox.shop.invoice(sats).await;
        let (id, bolt11) = (invoice.id.clone(), invoice.bolt11().await);
        let hash = match crash {
            Crash::At(_) => {
                let hash = sandbox.customer.begin_to_pay(&bolt11).await;
                sandbox.shop.dead().await;
                hash
            }
            Crash::InFlight => {
                // Even rounds: the shop has heard nothing of it yet. Odd ones: it is in the middle of it.
                let held = (round % 2 == 0).then(|| sandbox.shop.held());
                let hash = sandbox.customer.begin_to_pay(&bolt11).await;
                sandbox.restart_shop(&["--kill"]);
                drop(held);
                hash
            }
        };
        recover(&mut sandbox, crash);

        let path = format!("S/invoices/{id}");
        let payment = format!("server/lightning/BTC/payments/{hash}");
        let settled = in_time(&sandbox, &before, async || {
            let invoice = sandbox.shop.get(&path).await;
            if invoice["status"] == "Settled" {
                return Ok(Some(invoice));
            }
            let sent = sandbox.customer.get(&payment).await;
            if sent["status"] == "Failed" {
                Ok(None)
            } else {
                Err(invoice)
            }
        })
        .await;
        let Some(settled) = settled else {
            assert!(matches!(crash, Crash::InFlight), "LDK had claimed it");
            let gone = mend(&mut sandbox, before).await;
            assert!(gone > 0, "it came back, and no channel was closed");
            let invoice = sandbox.shop.get(&path).await;
            assert_eq!(units(&invoice, "paidAmount", 0), 0, "{invoice}");
            closed += gone;
            continue;
        };
        assert_eq!(settled["additionalStatus"], "None", "{settled}");
        assert_eq!(units(&settled, "paidAmount", 0).unsigned_abs(), sats);
        let halves = sandbox.shop.get(&format!("{path}/payment-methods")).await;
        let payments: Vec<&Value> = halves
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|half| half["payments"].as_array().unwrap())
            .collect();
        assert_eq!(payments.len(), 1, "{halves}");
        assert_eq!(payments[0]["id"], hash);
        let sent = becomes(&sandbox, &before, &sandbox.customer, &payment, |payment| {
            payment["status"] == "Complete"
        })
        .await;
        assert_eq!(units(&sent, "totalAmount", 0).unsigned_abs(), sats * 1_000);
        closed += mend(&mut sandbox, before).await;
    }
    tell(&sandbox, closed);
}

/// The shop pays an invoice of the customer and dies over it.
async fn outgoing(crash: &Crash) {
    let Some(mut sandbox) = sandbox().await else {
        return;
    };
    let mut closed = 0;
    let others = unpaid(&sandbox).await;
    for round in 0..rounds() {
        let before = arm(&mut sandbox, crash).await;
        let sats = 30_000 + round;
        let (bolt11, hash) = sandbox.customer.bolt11(sats * 1_000).await;
        let id = match crash {
            Crash::At(_) => {
                let id = sandbox.shop.payout(&bolt11, LN, sats).await;
                sandbox.shop.dead().await;
                id
            }
            Crash::InFlight => {
                let held = sandbox.customer.held();
                let id = sandbox.shop.payout(&bolt11, LN, sats).await;
                sandbox
                    .shop_says(&format!("payout {id} is on its way"))
                    .await;
                sandbox.restart_shop(&["--kill"]);
                drop(held);
                sandbox.reconnect().await;
                id
            }
        };
        recover(&mut sandbox, crash);
        // If LDK closed the very channel that the payout needs, there is no way to pay before there is another.
        sandbox.shop_says("the Lightning node is ready").await;
        closed += mend(&mut sandbox, before.clone()).await;
        let standing = channels(&sandbox.shop).await;

        let path = format!("S/payouts/{id}");
        let paid = becomes(&sandbox, &before, &sandbox.shop, &path, |payout| {
            payout["state"] == "Completed"
        })
        .await;
        assert_eq!(paid["paymentProof"]["paymentHash"], hash, "{paid}");
        let path = format!("server/lightning/BTC/invoices/{hash}");
        let received = becomes(&sandbox, &before, &sandbox.customer, &path, |invoice| {
            invoice["status"] == "Paid"
        })
        .await;
        assert_eq!(received["preimage"], paid["paymentProof"]["preimage"]);
        assert_eq!(
            units(&received, "amountReceived", 0).unsigned_abs(),
            sats * 1_000
        );
        closed += mend(&mut sandbox, standing).await;
    }
    assert_eq!(unpaid(&sandbox).await, others, "the sums moved together");
    tell(&sandbox, closed);
}

#[tokio::test(flavor = "multi_thread")]
async fn transaction_stored_not_broadcast() {
    let Some(mut sandbox) = sandbox().await else {
        return;
    };
    let crash = Crash::At("transaction-stored");
    let mut closed = 0;
    for round in 0..rounds() {
        let before = arm(&mut sandbox, &crash).await;
        let sats = 60_000 + round;
        let address = sandbox.rpc("getnewaddress", &[]);
        let id = sandbox
            .shop
            .payout(address.as_str().unwrap(), CHAIN, sats)
            .await;
        sandbox.shop.dead().await;
        assert_eq!(sandbox.received(&address), (0, vec![]), "seen too early");
        recover(&mut sandbox, &crash);

        let path = format!("S/payouts/{id}");
        let paid = becomes(&sandbox, &before, &sandbox.shop, &path, |payout| {
            payout["state"] == "Completed"
        })
        .await;
        let txid = text(&paid["paymentProof"], "id");
        assert_eq!(sandbox.received(&address), (sats, vec![txid]));
        closed += mend(&mut sandbox, before).await;
    }
    tell(&sandbox, closed);
}

/// Gets the shop ready to die; returns the channels there are.
async fn arm(sandbox: &mut Sandbox, crash: &Crash) -> BTreeSet<String> {
    if let Crash::At(point) = crash {
        sandbox.restart_shop(&["--env", &format!("TOLLWAY_FAULT={point}")]);
        // What LDK tells again at the start is not meant.
        sandbox
            .shop_says("open payments have been compared with the node")
            .await;
    }
    sandbox.well_connected().await;
    channels(&sandbox.shop).await
}

/// Starts the dead shop as usual.
fn recover(sandbox: &mut Sandbox, crash: &Crash) {
    match crash {
        Crash::At(_) => sandbox.restart_shop(&[]),
        Crash::InFlight => {}
    }
}

/// Looks at one thing until it is so.
async fn becomes(
    sandbox: &Sandbox,
    before: &BTreeSet<String>,
    gateway: &Gateway,
    path: &str,
    is_so: impl Fn(&Value) -> bool,
) -> Value {
    in_time(sandbox, before, async || {
        let seen = gateway.get(path).await;
        if is_so(&seen) { Ok(seen) } else { Err(seen) }
    })
    .await
}

/// Looks until there is an answer, at most for a minute, and mines now and then. If a channel of `before` was closed,
/// blocks come fast, and there is more time.
async fn in_time<T>(
    sandbox: &Sandbox,
    before: &BTreeSet<String>,
    look: impl AsyncFn() -> Result<T, Value>,
) -> T {
    let begin = Instant::now();
    let mut mined = begin;
    loop {
        let seen = match look().await {
            Ok(answer) => return answer,
            Err(seen) => seen,
        };
        let open = channels(&sandbox.shop).await;
        if before.is_subset(&open) {
            assert!(begin.elapsed() < PATIENCE, "after a minute still {seen}");
            if mined.elapsed() >= BLOCK_EVERY {
                sandbox.mine(1);
                sandbox.reconnect().await;
                mined = Instant::now();
            }
        } else {
            assert!(begin.elapsed() < CLOSE_PATIENCE, "still {seen}");
            sandbox.mine_heard(BLOCKS_AFTER_CLOSE).await;
            sandbox.reconnect().await;
        }
        sleep(Duration::from_millis(50)).await;
    }
}

async fn channels(gateway: &Gateway) -> BTreeSet<String> {
    let channels = gateway.channels().await;
    let points = channels.iter();
    points
        .map(|channel| text(channel, "channelPoint"))
        .collect()
}

/// Counts the channels that are gone, and opens others.
async fn mend(sandbox: &mut Sandbox, before: BTreeSet<String>) -> usize {
    let after = channels(&sandbox.shop).await;
    let gone = before.difference(&after).count();
    sandbox.channels_closed += gone;
    if gone > 0 {
        // What closed it is confirmed first.
        sandbox.mine_heard(6).await;
        sandbox.well_connected().await;
    }
    gone
}

/// Over all time: what the customer received beyond what the shop's stores say they paid out over Lightning. It came by
/// other ways, in other tests.
async fn unpaid(sandbox: &Sandbox) -> i64 {
    let mut paid = 0;
    for store in sandbox.shop.get("stores").await.as_array().unwrap() {
        let payouts = format!("stores/{}/payouts", text(store, "id"));
        let payouts = sandbox.shop.get(&payouts).await;
        paid += payouts
            .as_array()
            .unwrap()
            .iter()
            .filter(|payout| payout["state"] == "Completed" && payout["payoutMethodId"] == LN)
            .map(|payout| units(payout, "payoutAmount", 11))
            .sum::<i64>();
    }
    let invoices = sandbox.customer.get("server/lightning/BTC/invoices").await;
    let received: i64 = invoices
        .as_array()
        .unwrap()
        .iter()
        .filter(|invoice| invoice["status"] == "Paid")
        .map(|invoice| units(invoice, "amountReceived", 0))
        .sum();
    received - paid
}

fn tell(sandbox: &Sandbox, closed: usize) {
    say(&format!(
        "channels closed by these crashes: {closed}, in this run so far: {}",
        sandbox.channels_closed
    ));
}
