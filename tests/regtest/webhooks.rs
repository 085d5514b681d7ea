//! Webhooks over real HTTP: an endpoint that never works delays the one beside it by nothing, and a shop that is killed in
//! the middle loses no event and keeps the order of each invoice. `TOLLWAY_WEBHOOKS` says how many invoices: 40 if not set,
//! `regtest/drill` takes 400.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use futures::StreamExt;
use serde_json::{Value, json};
use tokio::time::sleep;
use tollway::domain::webhook::{Secret, sign};

use crate::gateway::{Gateway, text};
use crate::sandbox::{sandbox, say, until};

/// Requests of the merchant at once.
const AT_ONCE: usize = 8;

/// The endpoint that works has an event so soon, at half of them.
const MEDIAN_MAX: Duration = Duration::from_secs(1);

/// What came to an endpoint.
#[derive(Clone)]
struct Came {
    at: Instant,
    headers: HeaderMap,
    bytes: Bytes,
    body: Value,
}

#[derive(Clone, Default)]
struct Inbox(Arc<Mutex<Vec<Came>>>);

impl Inbox {
    fn all(&self) -> Vec<Came> {
        self.0.lock().unwrap().clone()
    }
}

async fn take(State(inbox): State<Inbox>, headers: HeaderMap, bytes: Bytes) -> StatusCode {
    keep(&inbox, headers, bytes);
    StatusCode::OK
}

/// The first message is left without an answer.
async fn refuse(State(inbox): State<Inbox>, headers: HeaderMap, bytes: Bytes) -> StatusCode {
    if keep(&inbox, headers, bytes) == 1 {
        std::future::pending::<()>().await;
    }
    StatusCode::INTERNAL_SERVER_ERROR
}

fn keep(inbox: &Inbox, headers: HeaderMap, bytes: Bytes) -> usize {
    let mut all = inbox.0.lock().unwrap();
    all.push(Came {
        at: Instant::now(),
        headers,
        body: serde_json::from_slice(&bytes).unwrap(),
        bytes,
    });
    all.len()
}

/// A webhook of the shop: its id and its secret.
async fn webhook(shop: &Gateway, url: String) -> (String, Secret) {
    let made = shop.post("S/webhooks", json!({ "url": url })).await;
    (text(&made, "id"), Secret::chosen(text(&made, "secret")))
}

/// An invoice that is made and marked twice; what was answered, and when, by kind of event.
async fn trade(shop: Gateway) -> Option<(String, Vec<(&'static str, Instant)>)> {
    let order = json!({"amount": "1000", "currency": "SATS", "metadata": {"orderId": "drill"}});
    let made = shop.try_post("S/invoices", &order).await.ok()?;
    let id = text(&made, "id");
    let mut told = vec![("InvoiceCreated", Instant::now())];
    for (status, kind) in [("Settled", "InvoiceSettled"), ("Invalid", "InvoiceInvalid")] {
        let path = format!("S/invoices/{id}/status");
        let marked = shop.try_post(&path, &json!({ "status": status })).await;
        if marked.is_err() {
            break;
        }
        told.push((kind, Instant::now()));
    }
    Some((id, told))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_endpoint_delays_no_other_and_a_kill_loses_nothing() {
    let Some(mut sandbox) = sandbox().await else {
        return;
    };
    let count = env::var("TOLLWAY_WEBHOOKS").map_or(40, |count| count.parse().unwrap());
    let (good, bad) = (Inbox::default(), Inbox::default());
    let router = Router::new()
        .route("/good", post(take).with_state(good.clone()))
        .route("/bad", post(refuse).with_state(bad.clone()));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = format!("http://{}", listener.local_addr().unwrap());
    let mut server = tokio::task::JoinSet::new();
    server.spawn(async move { axum::serve(listener, router).await });
    let (bad_id, _) = webhook(&sandbox.shop, format!("{host}/bad")).await;
    let (good_id, secret) = webhook(&sandbox.shop, format!("{host}/good")).await;

    let before = last_sequence(&sandbox.shop, 0).await;

    let mut answered = Vec::new();
    let half: usize = count / 2;
    for (part, trades) in [half, count - half].into_iter().enumerate() {
        let shop = sandbox.shop.clone();
        let work = futures::stream::iter(0..trades)
            .map(|_| trade(shop.clone()))
            .buffer_unordered(AT_ONCE);
        let done: Vec<_> = work.collect().await;
        answered.extend(done.into_iter().flatten());
        if part == 0 {
            // The kill comes while more is asked for and told.
            let shop = sandbox.shop.clone();
            let mut more = tokio::task::JoinSet::new();
            for _ in 0..AT_ONCE {
                more.spawn(trade(shop.clone()));
            }
            sleep(Duration::from_millis(30)).await;
            sandbox.shop.kill();
            sandbox.shop.dead().await;
            answered.extend(more.join_all().await.into_iter().flatten());
            sandbox.restart_shop(&[]);
        }
    }

    // All that the journal tells has come, and in order.
    let shop = &sandbox.shop;
    let events = feed(shop, before).await;
    let came = until("everything told", || async {
        let came = good.all();
        let known: BTreeSet<_> = came.iter().map(|one| key(&one.body)).collect();
        let missing = events.iter().filter(|event| !known.contains(&key(event)));
        match missing.count() {
            0 => Ok(came),
            missing => Err(format!("{missing} of {} are missing", events.len())),
        }
    })
    .await;
    check_messages(&came, &secret);
    let latencies = latencies(&answered, &came);
    let median = latencies[latencies.len() / 2];
    let (refused, again) = until("refused again", || async {
        let refused = bad.all();
        let again = refused
            .iter()
            .filter(|one| one.body["isRedelivery"] == true);
        match again.count() {
            0 => Err(format!("{} tries", refused.len())),
            again => Ok((refused.len(), again)),
        }
    })
    .await;
    say(&format!(
        "{} events of {} invoices, each told to an endpoint that works: half of them within {} ms of the answer, all but \
         one of a hundred within {} ms; {} messages came twice; beside it {} tries at an endpoint that never works, {again} \
         of them again; one SIGKILL in between",
        events.len(),
        answered.len(),
        median.as_millis(),
        latencies[latencies.len() * 99 / 100].as_millis(),
        came.len() - events.len(),
        refused,
    ));
    assert!(median < MEDIAN_MAX, "{median:?}");
    let path = format!("S/webhooks/{bad_id}/deliveries");
    let tries = shop.until("refused", &path, |list| list[0]["id"].is_string());
    let failed = |one: &Value| one["status"] != "HttpSuccess" && one["nextAttemptAt"].is_u64();
    assert!(tries.await.as_array().unwrap().iter().all(failed));
    for id in [bad_id, good_id] {
        shop.delete(&format!("S/webhooks/{id}")).await;
    }
}

/// What tells an event from all others.
fn key(body: &Value) -> (u64, String) {
    (body["sequence"].as_u64().unwrap(), text(body, "type"))
}

async fn last_sequence(shop: &Gateway, from: u64) -> u64 {
    let mut last = from;
    loop {
        let page = shop.get(&format!("S/events?after={last}&take=1000")).await;
        let next = page["lastSequence"].as_u64().unwrap();
        if next == last {
            return last;
        }
        last = next;
    }
}

async fn feed(shop: &Gateway, from: u64) -> Vec<Value> {
    let (mut events, mut last) = (Vec::new(), from);
    loop {
        let page = shop.get(&format!("S/events?after={last}")).await;
        let next = page["lastSequence"].as_u64().unwrap();
        if next == last {
            return events;
        }
        last = next;
        events.extend(page["events"].as_array().unwrap().iter().cloned());
    }
}

/// Each is signed, the same message has the same bytes, and those of an invoice come in their order.
fn check_messages(came: &[Came], secret: &Secret) {
    let mut bytes: BTreeMap<String, &Bytes> = BTreeMap::new();
    let mut last: BTreeMap<String, u64> = BTreeMap::new();
    for one in came {
        let header = |name: &str| one.headers[name].to_str().unwrap().to_owned();
        assert_eq!(header("btcpay-sig"), sign(secret, &one.bytes));
        assert_eq!(header("content-type"), "application/json");
        assert!(header("user-agent").starts_with("BTCPayServer/"));
        let first = *bytes
            .entry(text(&one.body, "deliveryId"))
            .or_insert(&one.bytes);
        assert_eq!(first, &one.bytes, "the same message is the same");
        let sequence = one.body["sequence"].as_u64().unwrap();
        let newest = last.entry(text(&one.body, "invoiceId")).or_default();
        // What came before the kill may come again after it.
        assert!(sequence >= *newest, "P10 {} is out of order", one.body);
        *newest = sequence;
    }
}

/// How long after its answer each event had come, the quickest first.
fn latencies(answered: &[(String, Vec<(&'static str, Instant)>)], came: &[Came]) -> Vec<Duration> {
    let mut first: BTreeMap<(String, String), Instant> = BTreeMap::new();
    for one in came {
        let key = (text(&one.body, "invoiceId"), text(&one.body, "type"));
        first.entry(key).or_insert(one.at);
    }
    let mut all = Vec::new();
    for (invoice, told) in answered {
        for (kind, at) in told {
            let key = (invoice.clone(), (*kind).to_owned());
            let arrived = first.get(&key);
            let arrived = arrived.unwrap_or_else(|| panic!("P10 {kind} of {invoice} is lost"));
            all.push(arrived.saturating_duration_since(*at));
        }
    }
    all.sort_unstable();
    all
}
