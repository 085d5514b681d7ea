//! What issuing and receiving costs, beside a stock ldk-node in the same run, as one table.
//!
//! `cargo bench --bench invoices [-- PART…]`, parts being `http`, `load`, `start`, `disk`, `payments` and `stock`; all of them
//! without arguments. It needs a bitcoind as `regtest/up` does, and builds the release binary.

mod client;
mod disk;
mod house;
mod http;
mod load;
mod queue;
mod report;
mod sandbox;
mod start;
mod stock;

use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

use house::House;
use queue::IN_FLIGHT;
use report::{Report, per_second};
use sandbox::Sandbox;
use start::Load;
use stock::Pair;

/// A rented disk: what is added to every sync.
const SLOW_SYNC_MILLIS: u64 = 2;

/// Invoices made in this process, for each speed of the disk.
const INVOICES: usize = 6_000;

/// Payments over one channel, for each pair of nodes.
const PAYMENTS: usize = 600;

fn main() {
    // cargo says --bench to a bench.
    let parts: Vec<String> = std::env::args()
        .skip(1)
        .filter(|arg| arg != "--bench")
        .collect();
    let wants = |part: &str| parts.is_empty() || parts.iter().any(|wanted| wanted == part);
    let runtime = Runtime::new().expect("a runtime");
    let mut report = Report::default();
    let mut sandbox = Sandbox::up();

    if wants("start") {
        start::run(&runtime, &mut sandbox, &mut report, Load::Idle);
    }
    let mut ours = None;
    if wants("http") {
        ours = Some(http::run(&runtime, &mut sandbox, &mut report));
        if wants("start") {
            start::run(&runtime, &mut sandbox, &mut report, Load::OpenInvoices);
        }
    }
    if wants("load") {
        load::run(&runtime, &sandbox, &mut report);
    }
    if wants("stock") || wants("payments") {
        let pair = Pair::open(&sandbox);
        if wants("stock") {
            stock_invoices(&pair, ours, &mut report);
        }
        if wants("payments") {
            let rate = rate(PAYMENTS, pair.pay(PAYMENTS));
            report.add(payments("two stock nodes"), per_second(rate), "");
        }
        pair.close();
    }
    if wants("disk") || wants("payments") {
        let house = runtime.block_on(House::open(&sandbox));
        if wants("disk") {
            invoices(&runtime, &house, &mut report);
        }
        if wants("payments") {
            payments_to_us(&runtime, &house, &mut report);
        }
        runtime.block_on(house.close());
    }
    println!("\n{}", report.table());
}

fn stock_invoices(pair: &Pair, ours: Option<f64>, report: &mut Report) {
    let [alone, together] = [1, 16].map(|threads| {
        let rate = pair.receive_rate(threads, Duration::from_secs(4));
        report.add(
            format!("stock ldk-node (SQLite) receive(), threads: {threads}"),
            per_second(rate),
            "no address, no HTTP",
        );
        rate
    });
    if let Some(ours) = ours {
        let times = ours / alone;
        report.expect(
            "ours at 64 connections, in stock loops",
            format!("{times:.1} times"),
            &format!("2 times or more ({:.1} times 16 of them)", ours / together),
            times >= 2.0,
        );
    }
}

/// Without HTTP: what the disk is asked for, and what a slow one costs.
fn invoices(runtime: &Runtime, house: &House, report: &mut Report) {
    runtime.block_on(house.invoices(INVOICES / 10, 64));
    for millis in [0, SLOW_SYNC_MILLIS] {
        house.meter.slow_down(millis);
        let (syncs, begin) = (house.meter.syncs(), Instant::now());
        let made = runtime.block_on(house.invoices(INVOICES, 64)).len();
        let took = begin.elapsed();
        report.add(
            format!(
                "unified invoices in process, 64 at once{}",
                slowness(millis)
            ),
            per_second(rate(made, took)),
            per_each(house.meter.syncs() - syncs, made, took),
        );
    }
    house.meter.slow_down(0);
}

fn payments_to_us(runtime: &Runtime, house: &House, report: &mut Report) {
    for millis in [0, SLOW_SYNC_MILLIS] {
        let due = runtime.block_on(house.invoices(PAYMENTS, 64));
        house.meter.slow_down(millis);
        let syncs = house.meter.syncs();
        let took = runtime.block_on(house.pay(due));
        report.add(
            payments(&format!("us, invoices settled{}", slowness(millis))),
            per_second(rate(PAYMENTS, took)),
            per_each(house.meter.syncs() - syncs, PAYMENTS, took),
        );
    }
    house.meter.slow_down(0);
}

fn payments(to: &str) -> String {
    format!("payments over one channel, {IN_FLIGHT} in flight, {to}")
}

fn slowness(millis: u64) -> String {
    match millis {
        0 => String::new(),
        millis => format!(", {millis} ms added to every sync"),
    }
}

fn rate(count: usize, took: Duration) -> f64 {
    float(count) / took.as_secs_f64()
}

fn per_each(syncs: u64, count: usize, took: Duration) -> String {
    let syncs = float(usize::try_from(syncs).expect("not so many"));
    format!(
        "{:.3} fsyncs each, {:.0} fsyncs/s",
        syncs / float(count),
        syncs / took.as_secs_f64()
    )
}

fn float(count: usize) -> f64 {
    f64::from(u32::try_from(count).expect("not billions"))
}
