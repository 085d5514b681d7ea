//! Many clients at once, each reading and now and then making an invoice: how long an answer of each route takes.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::Deserialize;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::client::{Connection, Shop};
use crate::report::{Report, per_second};
use crate::sandbox::Sandbox;

/// Clients, each with a connection of its own and always one request under way.
const CLIENTS: usize = 200;

const LASTS: Duration = Duration::from_secs(60);

/// Not counted, so that connections, caches and threads are warm.
const WARM_UP: Duration = Duration::from_secs(3);

/// What 99 of 100 reads have to be answered within.
const READ_MILLIS_MAX: f64 = 50.0;

/// What a client asks for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Route {
    Create,
    Invoice,
    PaymentMethods,
    Invoices,
    Store,
    Balances,
    ServerInfo,
}

/// What each client asks for in turn, from a place of its own in this list: one call in five makes an invoice.
const ROUND: [Route; 15] = [
    Route::Create,
    Route::Invoice,
    Route::PaymentMethods,
    Route::Invoice,
    Route::Store,
    Route::Create,
    Route::Invoice,
    Route::PaymentMethods,
    Route::Invoices,
    Route::Balances,
    Route::Create,
    Route::Invoice,
    Route::PaymentMethods,
    Route::Invoice,
    Route::ServerInfo,
];

impl Route {
    fn name(self) -> &'static str {
        match self {
            Self::Create => "POST stores/{id}/invoices",
            Self::Invoice => "GET invoices/{id}",
            Self::PaymentMethods => "GET invoices/{id}/payment-methods",
            Self::Invoices => "GET stores/{id}/invoices?take=20",
            Self::Store => "GET stores/{id}",
            Self::Balances => "GET stores/{id}/balances",
            Self::ServerInfo => "GET server/info",
        }
    }

    fn request(self, shop: &Shop, invoice: &str) -> Vec<u8> {
        let store = &shop.store;
        let get = |path: String| shop.request("GET", &path, "");
        match self {
            Self::Create => shop.request(
                "POST",
                &format!("stores/{store}/invoices"),
                r#"{"amount":"21000","currency":"SATS","metadata":{"orderId":"load"}}"#,
            ),
            Self::Invoice => get(format!("invoices/{invoice}")),
            Self::PaymentMethods => get(format!("invoices/{invoice}/payment-methods")),
            Self::Invoices => get(format!("stores/{store}/invoices?take=20")),
            Self::Store => get(format!("stores/{store}")),
            Self::Balances => get(format!("stores/{store}/balances")),
            Self::ServerInfo => get("server/info".to_owned()),
        }
    }
}

/// How long each answer took.
type Latencies = BTreeMap<Route, Vec<Duration>>;

#[derive(Deserialize)]
struct Created {
    id: String,
}

/// Runs the part. A request that is not answered with 200 ends the run.
pub fn run(runtime: &Runtime, sandbox: &Sandbox, report: &mut Report) {
    let shop = Shop::of(sandbox);
    runtime.block_on(load(&shop, WARM_UP));
    let begin = Instant::now();
    let all = runtime.block_on(load(&shop, LASTS));
    let took = begin.elapsed().as_secs_f64();
    let count: usize = all.values().map(Vec::len).sum();
    report.add(
        format!("calls of {CLIENTS} clients at once, all answered"),
        count.to_string(),
        per_second(f64::from(u32::try_from(count).expect("not billions")) / took),
    );
    for (route, mut latencies) in all {
        latencies.sort_unstable();
        let [half, most] = [50, 99].map(|percent| percentile(&latencies, percent));
        let what = format!("{}, {} times", route.name(), latencies.len());
        let figure = format!("p50 {half:.1} ms, p99 {most:.1} ms");
        match route {
            Route::Create => report.add(what, figure, "durable before it is answered"),
            Route::Invoice
            | Route::PaymentMethods
            | Route::Invoices
            | Route::Store
            | Route::Balances
            | Route::ServerInfo => {
                report.expect(what, figure, "p99 under 50 ms", most < READ_MILLIS_MAX);
            }
        }
    }
}

async fn load(shop: &Shop, lasts: Duration) -> Latencies {
    let begin = Instant::now();
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        clients.spawn(client(shop.clone(), number, begin + lasts));
    }
    let mut all = Latencies::new();
    while let Some(latencies) = clients.join_next().await {
        for (route, of_route) in latencies.expect("a client without an error") {
            all.entry(route).or_default().extend(of_route);
        }
    }
    all
}

/// One client: it makes an invoice, and reads the newest of its own.
async fn client(shop: Shop, number: usize, end: Instant) -> Latencies {
    let mut latencies = Latencies::new();
    let mut connection = Connection::open(&shop.address).await.expect("a connection");
    let mut newest = String::new();
    let first = std::iter::once(Route::Create);
    for route in first.chain(ROUND.into_iter().cycle().skip(number % ROUND.len())) {
        if Instant::now() >= end {
            break;
        }
        let request = route.request(&shop, &newest);
        let asked = Instant::now();
        let body = connection
            .call(&request)
            .await
            .unwrap_or_else(|e| panic!("{}: {e}", route.name()));
        latencies.entry(route).or_default().push(asked.elapsed());
        if route == Route::Create {
            let created: Created = serde_json::from_slice(body).expect("an invoice with an id");
            newest = created.id;
        }
    }
    latencies
}

/// In milliseconds, of sorted latencies.
fn percentile(sorted: &[Duration], percent: usize) -> f64 {
    let at = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted
        .get(at)
        .map_or(0.0, |latency| latency.as_secs_f64() * 1_000.0)
}
