//! `Idempotency-Key` (D31): what is asked twice is done once.

use std::sync::Arc;

use axum::http::StatusCode;
use serde_json::{Value, json};
use tollway::config::Limits;
use tollway::http::{AppState, Caps};
use tollway::store::once::Done;
use tollway::store::{Order, Rows, Table, codec};

use super::{Answer, Client, text};

const ADDRESS: &str = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";

impl Client {
    /// A request under a name.
    pub(super) async fn named(
        &self,
        name: &str,
        who: Option<&str>,
        path: &str,
        body: &Value,
    ) -> Answer {
        let headers = [("idempotency-key", name)];
        self.call_with(who, "POST", path, &body.to_string(), &headers)
            .await
    }

    pub(super) async fn mine(&self, name: &str, path: &str, body: &Value) -> Answer {
        self.named(name, self.authorization.as_deref(), path, body)
            .await
    }

    /// What is remembered of requests.
    pub(super) async fn remembered(&self) -> Vec<Done> {
        let look = |rows: &tollway::store::Snapshot| {
            let mut all = Vec::new();
            rows.scan(Table::Once, &[], Order::Ascending, &mut |_, row| {
                all.push(codec::decode(row));
                std::ops::ControlFlow::Continue(())
            });
            all
        };
        self.world.gateway.store.read(look).await
    }

    /// The same after the process has ended and started again.
    pub(super) fn restarted(self) -> Self {
        let Self {
            world,
            router,
            authorization,
        } = self;
        // The file's lock goes with its last handle.
        drop(router);
        let world = world.restart();
        let state = AppState {
            gateway: world.gateway.clone(),
            caps: Arc::new(Caps::new(&Limits::default())),
        };
        Self {
            world,
            router: tollway::api::router(state),
            authorization,
        }
    }

    /// The answers are lost, as by a crash between an act and its answer.
    pub(super) async fn lose_answers(&self) {
        let forget = |tx: &mut tollway::store::Tx<'_>| {
            let mut rows = Vec::new();
            tx.scan(Table::Once, &[], Order::Ascending, &mut |name, row| {
                rows.push((name.to_vec(), codec::decode::<Done>(row)));
                std::ops::ControlFlow::Continue(())
            });
            for (name, done) in rows {
                let lost = Done {
                    answer: None,
                    ..done
                };
                tx.put(Table::Once, &name, &codec::encode(&lost));
            }
        };
        self.world.job(forget).await;
    }
}

#[tokio::test]
async fn a_repeated_request_gets_the_first_answer_and_does_nothing() {
    let client = Client::new().await;
    let path = client.shop("/invoices");
    let body = json!({"amount": 1_000, "currency": "SATS"});
    let first = client.mine("a", &path, &body).await;
    assert!(!first.headers.contains_key("idempotency-replayed"));
    let first = first.ok();
    client
        .post(
            &format!("{path}/{}/status", text(&first["id"])),
            json!({"status": "Invalid"}),
        )
        .await
        .ok();
    let again = client.mine("a", &path, &body).await;
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert_eq!(again.headers["content-type"], "application/json");
    assert_eq!(again.ok(), first, "as it was answered, not as it is by now");
    let other = client
        .mine("a", &path, &json!({"amount": 2_000, "currency": "SATS"}))
        .await;
    assert_eq!(other.refusal(), (409, "idempotency-key-reused".to_owned()));
    let listed = client.get(&path).await.ok();
    assert_eq!(listed.as_array().map(Vec::len), Some(1));
    client.mine("b", &path, &body).await.ok();
    client.post(&path, body.clone()).await.ok();
    let listed = client.get(&path).await.ok();
    assert_eq!(listed.as_array().map(Vec::len), Some(3));
}

#[tokio::test]
async fn every_operation_that_moves_money_can_be_repeated_and_survives_a_lost_answer() {
    let client = Client::new().await;
    let pulls = client.shop("/pull-payments");
    let pull = json!({"amount": "0.01", "currency": "BTC"});
    let pull = text(&client.mine("pull", &pulls, &pull).await.ok()["id"]);
    let claims = format!("/api/v1/pull-payments/{pull}/payouts");
    let claim = json!({"destination": ADDRESS, "payoutMethodId": "BTC-CHAIN", "amount": "0.001"});
    let claimed = client.named("claim", None, &claims, &claim).await.ok();
    let one = format!("/api/v1/payouts/{}", text(&claimed["id"]));
    let payouts = client.shop("/payouts");
    let own = json!({"destination": crate::claims::api::address(1), "payoutMethodId": "BTC-CHAIN", "amount": "0.002"});
    let invoice = client.world.invoice(1_000).await;
    let status = client.shop(&format!("/invoices/{}/status", invoice.id));
    let me = client.authorization.as_deref();
    let rows = [
        (
            "pull",
            me,
            pulls.clone(),
            json!({"amount": "0.01", "currency": "BTC"}),
        ),
        ("claim", None, claims.clone(), claim.clone()),
        ("payout", me, payouts.clone(), own),
        ("approve", me, one.clone(), json!({})),
        (
            "mark",
            me,
            format!("{one}/mark"),
            json!({"state": "InProgress"}),
        ),
        ("paid", me, format!("{one}/mark-paid"), Value::Null),
        ("status", me, status, json!({"status": "Settled"})),
    ];
    for (name, who, path, body) in &rows {
        let first = client.named(name, *who, path, body).await;
        assert!(first.status.is_success(), "{name}: {first:?}");
        for lost in [false, true] {
            if lost {
                client.lose_answers().await;
            }
            let again = client.named(name, *who, path, body).await;
            assert_eq!(again.headers["idempotency-replayed"], "true", "{name}");
            if !lost {
                assert_eq!(again.body, first.body, "{name}");
            }
            assert_eq!(
                (again.status, &again.body["id"]),
                (first.status, &first.body["id"]),
                "{name}, lost: {lost}"
            );
        }
    }
    assert_eq!(
        client.get(&pulls).await.ok().as_array().map(Vec::len),
        Some(1)
    );
    assert_eq!(
        client.get(&payouts).await.ok().as_array().map(Vec::len),
        Some(2)
    );
    client.world.check().await;
}

#[tokio::test]
async fn a_payment_is_sent_once_however_often_it_is_asked_for() {
    let client = Client::new().await;
    let (bolt11, hash) = client.world.customer_invoice(5_000);
    let path = "/api/v1/server/lightning/BTC/invoices/pay";
    let body = json!({"BOLT11": bolt11, "sendTimeout": 0});
    for lost in [false, false, true] {
        if lost {
            client.lose_answers().await;
        }
        assert_eq!(
            client.mine("p", path, &body).await.status,
            StatusCode::ACCEPTED
        );
        client.world.run_payouts().await;
    }
    assert_eq!(client.world.lightning.departed(), [hash]);
}

#[tokio::test]
async fn names_belong_to_who_uses_them_and_where() {
    let client = Client::new().await;
    let path = client.shop("/invoices");
    let body = json!({"amount": 1_000, "currency": "SATS"});
    let first = client.mine("a", &path, &body).await.ok();
    // Another key of the same owner gets the answer as well, but not without the right.
    let creator = client.key(&["btcpay.store.cancreateinvoice"]).await;
    let again = client.named("a", Some(&creator), &path, &body).await;
    assert_eq!(again.ok(), first);
    let other = client.key(&["btcpay.store.canviewinvoices"]).await;
    let refused = client.named("a", Some(&other), &path, &body).await;
    assert_eq!(refused.refusal(), (403, "missing-permission".to_owned()));
    let bad = client.named("a", Some("token nobody"), &path, &body).await;
    assert_eq!(bad.status, 401);
    // A stranger has names of their own.
    client
        .call(
            "PUT",
            &client.shop(""),
            &json!({"anyoneCanCreateInvoice": true}),
        )
        .await
        .ok();
    let strangers = client.named("a", None, &path, &body).await.ok();
    assert_ne!(strangers["id"], first["id"]);
    // The same name on another path is another.
    let pull = json!({"amount": 1_000, "currency": "SATS"});
    client
        .mine("a", &client.shop("/pull-payments"), &pull)
        .await
        .ok();
    for bad in ["", &"x".repeat(256)] {
        let answer = client.mine(bad, &path, &body).await;
        assert_eq!(
            answer.refusal(),
            (400, "generic-error".to_owned()),
            "{bad:.3}"
        );
    }
}

#[tokio::test]
async fn what_changed_nothing_is_tried_anew_and_names_are_forgotten_in_time() {
    let client = Client::new().await;
    let path = client.shop("/invoices");
    let priced = json!({"amount": 5, "currency": "USD"});
    let refused = client.mine("a", &path, &priced).await;
    assert_eq!(refused.refusal(), (400, "rate-failure".to_owned()));
    assert_eq!(client.remembered().await, []);
    client
        .world
        .rates
        .set("USD".parse().expect("known"), 81_000.into());
    let first = client.mine("a", &path, &priced).await.ok();
    assert_eq!(client.remembered().await.len(), 1);

    client.world.clock.advance_secs(24 * 3_600);
    assert_eq!(
        client.mine("a", &path, &priced).await.ok(),
        first,
        "after a day"
    );
    client.world.clock.advance_secs(25 * 3_600);
    let later = client.mine("a", &path, &priced).await.ok();
    assert_ne!(later["id"], first["id"]);
    client.world.clock.advance_secs(49 * 3_600);
    client.mine("b", &path, &priced).await.ok();
    assert_eq!(client.remembered().await.len(), 1, "the old one is gone");
}

#[tokio::test]
async fn of_two_at_once_only_one_acts() {
    let client = Client::new().await;
    let path = client.shop("/payouts");
    let body = json!({"destination": ADDRESS, "payoutMethodId": "BTC-CHAIN", "amount": "0.002"});
    let asked = (0..8).map(|_| client.mine("a", &path, &body));
    let answers = futures::future::join_all(asked).await;
    let made: std::collections::BTreeSet<String> = answers
        .iter()
        .filter(|answer| answer.status.is_success())
        .map(|answer| text(&answer.body["id"]))
        .collect();
    assert_eq!(made.len(), 1);
    for answer in &answers {
        if !answer.status.is_success() {
            assert_eq!(answer.refusal(), (503, "not-available".to_owned()));
            assert_eq!(answer.headers["retry-after"], "1");
        }
    }
    assert_eq!(
        client.get(&path).await.ok().as_array().map(Vec::len),
        Some(1)
    );
}

#[tokio::test]
async fn a_name_in_one_store_is_another_in_the_next() {
    let client = Client::new().await;
    let other = client.post("/api/v1/stores", json!({"name": "Two"})).await;
    let other = text(&other.ok()["id"]);
    let body = json!({"amount": "5000", "description": "tea", "expiry": 600});
    for (nth, place) in [
        client.shop("/lightning/BTC/invoices"),
        format!("/api/v1/stores/{other}/lightning/BTC/invoices"),
        "/api/v1/server/lightning/BTC/invoices".to_owned(),
    ]
    .iter()
    .enumerate()
    {
        client.mine("a", place, &body).await.ok();
        let made = client.world.lightning.issued().len();
        assert_eq!(made, nth + 1, "{place}");
    }
}
