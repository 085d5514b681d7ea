//! The crash drill: money flows over both rails and in both directions, the shop is killed again and again, bitcoind
//! and the customer sometimes, and in the end everybody's books are compared.
//!
//! `TOLLWAY_CRASH_ROUNDS` says how often (3 if not set), `TOLLWAY_CRASH_SEED` repeats a run's choices.

mod book;
mod compare;
mod heal;
mod kills;
mod random;
mod stage;
mod traffic;

use std::env;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::time::sleep;

use self::compare::{Report, compare};
use self::heal::heal;
use self::kills::{Tally, Way, kill};
use self::random::Random;
use self::stage::{Before, Closings, open, start};
use self::traffic::Traffic;
use crate::books::run_audit;
use crate::sandbox::{PATIENCE, Sandbox, sandbox, say};

/// How long payments may take to flow again after a start.
const FLOWING: Duration = Duration::from_secs(25);

/// A drill of so many rounds waits for what takes ten minutes, if there is such a thing.
const PATIENT: u64 = 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn killed_again_and_again_nothing_is_lost_or_paid_twice() {
    let Some(mut sandbox) = sandbox().await else {
        return;
    };
    let number = |name: &str| env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let rounds = number("TOLLWAY_CRASH_ROUNDS").unwrap_or(3);
    let seed = number("TOLLWAY_CRASH_SEED").unwrap_or_else(|| {
        let now = std::time::UNIX_EPOCH.elapsed().unwrap();
        u64::from(now.subsec_nanos())
    });
    say(&format!("crash drill: {rounds} rounds, seed {seed}"));
    sandbox.well_connected().await;
    let begin = Instant::now();
    let before = Before::of(&sandbox).await;
    let traffic = open(&sandbox, seed).await;
    let workers = start(&traffic);

    let mut tally = Tally::default();
    let mut random = Random::new(seed, 0);
    for round in 0..rounds {
        let way = Way::of(usize::try_from(round).unwrap());
        let secs = begin.elapsed().as_secs();
        say(&format!("round {} after {secs} s: {way:?}", round + 1));
        // Dead since the round before, or stopped in order before the first.
        begin_round(way, &mut sandbox, &traffic, &mut tally.died).await;
        if way != Way::Starting {
            sleep(random.millis(1_000, 5_000)).await;
        }
        kill(way, &mut sandbox, &traffic, &mut random, &mut tally).await;
        tally.count(way, &sandbox.shop_log(), &traffic).await;
    }
    tally.died += stage::start_again(&mut sandbox, "shop");
    traffic.stop();
    futures::future::join_all(workers).await;
    let doubts = heal(&sandbox, &traffic, rounds >= PATIENT).await;
    let mut report = compare(&traffic, &before, &doubts).await;
    report.differences.extend(audit(&sandbox).await);
    tell(
        rounds,
        begin,
        &tally,
        &report,
        &before.closings_since(&sandbox),
    );
    assert!(report.differences.is_empty(), "see the lines above");
}

/// Starts the shop, and lets it come to its work again.
async fn begin_round(way: Way, sandbox: &mut Sandbox, traffic: &Traffic, died: &mut usize) {
    traffic.payers_wait.store(true, Ordering::Release);
    let arguments: Vec<&str> = way.arguments();
    if arguments.is_empty() {
        *died += stage::start_again(sandbox, "shop");
    } else {
        // At a fault point it may die before it is ready.
        let _ = sandbox.try_restart("shop", &arguments);
    }
    sandbox.reconnect().await;
    if way == Way::Starting {
        traffic.payers_wait.store(false, Ordering::Release);
        return;
    }
    compared(sandbox).await;
    traffic.payers_wait.store(false, Ordering::Release);
    if arguments.is_empty() && !flows(sandbox).await {
        say("  payments do not flow in both directions");
    }
}

/// Waits until the shop has heard what its node had to tell, or is dead.
async fn compared(sandbox: &Sandbox) {
    let begin = Instant::now();
    while begin.elapsed() < FLOWING && !sandbox.shop.is_dead() {
        if sandbox
            .shop_log()
            .contains("have been compared with the node")
        {
            return;
        }
        sleep(Duration::from_millis(50)).await;
    }
}

/// Waits until the shop has been paid and has paid over Lightning since it started.
async fn flows(sandbox: &Sandbox) -> bool {
    let begin = Instant::now();
    while begin.elapsed() < FLOWING {
        let log = sandbox.shop_log();
        let heard = |end: &str| {
            log.lines()
                .any(|line| line.contains("payment ") && line.contains(end))
        };
        if heard(" received") && heard(" arrived") {
            return true;
        }
        sleep(Duration::from_millis(50)).await;
    }
    false
}

/// What `tollway audit` finds to differ, and the whole of what it says for whoever reads. What channels cost is booked
/// a moment after it is known.
async fn audit(sandbox: &Sandbox) -> Vec<String> {
    let begin = Instant::now();
    loop {
        let (held, said) = run_audit(&sandbox.shop_config());
        if held || begin.elapsed() > PATIENCE {
            say(said.trim_end());
            let differing = said.lines().filter(|line| line.ends_with("DIFFERS"));
            let mut differences: Vec<String> =
                differing.map(|line| format!("P11 {line}")).collect();
            if !held && differences.is_empty() {
                differences.push("P11 the audit fails".to_owned());
            }
            return differences;
        }
        sandbox.mine_heard(1).await;
    }
}

fn tell(rounds: u64, begin: Instant, tally: &Tally, report: &Report, closings: &Closings) {
    let secs = begin.elapsed().as_secs();
    say(&format!("{rounds} rounds in {secs} s"));
    for (what, count) in tally.lines() {
        say(&format!("{what}: {count}"));
    }
    let lines = [
        ("payments over Lightning", report.paid_lightning),
        ("payments on-chain", report.paid_onchain),
        ("payouts over Lightning", report.earned_lightning),
        ("payouts on-chain", report.earned_onchain),
        ("payments", report.paid_lightning + report.paid_onchain),
        ("payouts", report.earned_lightning + report.earned_onchain),
        (
            "channels closed for an outdated manager of the shop",
            closings.shop,
        ),
        (
            "channels closed for an outdated manager of the customer",
            closings.customer,
        ),
    ];
    for (what, count) in lines {
        say(&format!("{what}: {count}"));
    }
    for difference in &report.differences {
        say(difference);
    }
    say(&format!("{} differences", report.differences.len()));
}
