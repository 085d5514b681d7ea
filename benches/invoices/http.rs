//! Durable unified invoices per second through the API, and all of them read back after a SIGKILL.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use serde::Deserialize;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::client::{Connection, Shop};
use crate::report::{Report, per_second};
use crate::sandbox::{Sandbox, script};

/// What is expected at 64 connections.
const EXPECTED_PER_SECOND: f64 = 2_000.0;

/// Answers that are not counted, so that connections, caches and threads are warm.
const WARM_UP: Duration = Duration::from_secs(1);

/// Runs the part. Answers with the rate at 64 connections.
pub fn run(runtime: &Runtime, sandbox: &mut Sandbox, report: &mut Report) -> f64 {
    let shop = Shop::of(sandbox);
    let mut issued = Vec::new();
    let mut best = 0.0;
    runtime.block_on(load(&shop, 16, WARM_UP));
    for (connections, seconds) in [(1, 4), (16, 6), (64, 8)] {
        let load = runtime.block_on(load(&shop, connections, Duration::from_secs(seconds)));
        assert_eq!(load.broken, 0, "every request is answered");
        best = load.rate();
        let what = format!("unified invoices over HTTP, connections: {connections}");
        if connections == 64 {
            report.expect(
                what,
                per_second(best),
                "2,000/s or more",
                best >= EXPECTED_PER_SECOND,
            );
        } else {
            report.add(what, per_second(best), "");
        }
        report.add(
            format!("… half of them answered within, connections: {connections}"),
            format!("{:.1} ms", load.percentile(50)),
            format!("99 % within {:.1} ms", load.percentile(99)),
        );
        issued.extend(load.ids);
    }
    issued.extend(kill_under_load(runtime, &shop, sandbox));
    let shop = Shop::of(sandbox);
    let (count, took) = runtime.block_on(read_back(&shop, issued));
    report.add(
        "read back after a SIGKILL under load",
        format!("{count} of {count}"),
        format!(
            "each with both halves of its own; {} reads",
            per_second(f64::from(count) / took.as_secs_f64())
        ),
    );
    best
}

/// What some connections got done.
#[derive(Default)]
struct Load {
    ids: Vec<String>,
    latencies: Vec<Duration>,
    broken: u32,
    took: Duration,
}

impl Load {
    fn rate(&self) -> f64 {
        f64::from(u32::try_from(self.ids.len()).expect("not billions")) / self.took.as_secs_f64()
    }

    fn percentile(&self, percent: usize) -> f64 {
        let mut sorted = self.latencies.clone();
        sorted.sort_unstable();
        let at = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
        sorted
            .get(at)
            .map_or(0.0, |latency| latency.as_secs_f64() * 1_000.0)
    }
}

#[derive(Deserialize)]
struct Created {
    id: String,
}

/// Asks for one invoice after another on every connection.
async fn load(shop: &Shop, connections: usize, at_most: Duration) -> Load {
    let request = shop.request(
        "POST",
        &format!("stores/{}/invoices", shop.store),
        r#"{"amount":"21000","currency":"SATS","metadata":{"orderId":"bench"}}"#,
    );
    let begin = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..connections {
        let (address, request) = (shop.address.clone(), request.clone());
        tasks.spawn(async move {
            let mut load = Load::default();
            let Ok(mut connection) = Connection::open(&address).await else {
                load.broken = 1;
                return load;
            };
            while begin.elapsed() < at_most {
                let asked = Instant::now();
                let Ok(body) = connection.call(&request).await else {
                    load.broken = 1;
                    break;
                };
                let created: Created = serde_json::from_slice(body).expect("an invoice with an id");
                load.ids.push(created.id);
                load.latencies.push(asked.elapsed());
            }
            load
        });
    }
    let mut all = Load::default();
    while let Some(load) = tasks.join_next().await {
        let load = load.expect("a connection's task");
        all.ids.extend(load.ids);
        all.latencies.extend(load.latencies);
        all.broken += load.broken;
    }
    all.took = begin.elapsed();
    all
}

/// SIGKILL while 64 connections ask. Answers with what had been answered.
fn kill_under_load(runtime: &Runtime, shop: &Shop, sandbox: &mut Sandbox) -> Vec<String> {
    let dir = sandbox.dir().to_owned();
    let killer = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_secs(2));
        script("restart-shop", &dir, &["--kill"]);
    });
    let load = runtime.block_on(load(shop, 64, Duration::from_secs(60)));
    killer.join().expect("the shop is restarted");
    sandbox.reload();
    assert_eq!(load.broken, 64, "the kill ends every connection");
    load.ids
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Method {
    payment_method_id: String,
    destination: Option<String>,
}

/// Asks for every invoice's ways to pay: each has an address and a BOLT11 that no other has.
async fn read_back(shop: &Shop, ids: Vec<String>) -> (u32, Duration) {
    const CONNECTIONS: usize = 16;
    let begin = Instant::now();
    let mut tasks = JoinSet::new();
    for part in ids.chunks(ids.len().div_ceil(CONNECTIONS).max(1)) {
        let (shop, part) = (shop.clone(), part.to_vec());
        tasks.spawn(async move {
            let mut connection = Connection::open(&shop.address).await.expect("it answers");
            let mut halves = Vec::with_capacity(part.len());
            for id in part {
                let path = format!("stores/{}/invoices/{id}/payment-methods", shop.store);
                let body = connection.call(&shop.request("GET", &path, "")).await;
                let body = body.unwrap_or_else(|e| panic!("invoice {id} is lost: {e}"));
                let methods: Vec<Method> = serde_json::from_slice(body).expect("payment methods");
                let half = |name: &str| {
                    let method = methods.iter().find(|one| one.payment_method_id == name);
                    method
                        .and_then(|one| one.destination.clone())
                        .unwrap_or_else(|| panic!("invoice {id} has no {name}"))
                };
                halves.push((half("BTC-CHAIN"), half("BTC-LN")));
            }
            halves
        });
    }
    let (mut addresses, mut bolt11s) = (HashSet::new(), HashSet::new());
    while let Some(halves) = tasks.join_next().await {
        for (address, bolt11) in halves.expect("a reader's task") {
            assert!(address.starts_with("bcrt1"), "{address}");
            assert!(bolt11.starts_with("lnbcrt210u"), "{bolt11}");
            assert!(addresses.insert(address), "an address is shared");
            assert!(bolt11s.insert(bolt11), "a BOLT11 is shared");
        }
    }
    assert_eq!(addresses.len(), ids.len(), "an id is given twice");
    (
        u32::try_from(ids.len()).expect("not billions"),
        begin.elapsed(),
    )
}
