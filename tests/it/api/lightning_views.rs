//! The node as a store sees it (D52), how a balance went, and the names of what the node refuses.

use serde_json::{Value, json};
use tollway::domain::ids::PaymentHash;
use tollway::domain::money::{Msat, Sat};
use tollway::ports::lightning::{NodeBalances, NodeError, NodeState};
use tollway::store;

use super::{Client, text};

const NODE: &str = "/api/v1/server/lightning/BTC";

impl Client {
    /// The store may spend what is its own, and nothing else.
    async fn be_a_guest(&self) {
        let shop = self.world.shop;
        self.world
            .job(move |tx| {
                let mut row = store::settings::get(tx, shop).expect("the shop");
                row.draws_on_node = false;
                store::settings::put(tx, &row);
            })
            .await;
    }

    /// Somebody pays the store so much over Lightning.
    async fn earn(&self, sat: u64) -> PaymentHash {
        let invoice = self.world.invoice(sat).await;
        let hash = invoice.lightning[0].hash;
        self.world.receive(hash, Sat(sat).to_msat()).await;
        hash
    }

    fn lightning(&self, rest: &str) -> String {
        self.shop(&format!("/lightning/btc/{rest}"))
    }
}

#[tokio::test]
async fn a_guest_s_store_sees_its_own_ledger_and_not_the_node() {
    let client = Client::new().await;
    client.be_a_guest().await;
    client.world.lightning.set_receivable(Msat(70_000_000));
    client.earn(5_000).await;
    let info = client.get(&client.lightning("info")).await.ok();
    assert!(text(&info["nodeURIs"][0]).contains('@'));
    for hidden in [
        "peersCount",
        "activeChannelsCount",
        "inactiveChannelsCount",
        "pendingChannelsCount",
    ] {
        assert_eq!(info.get(hidden), Some(&Value::Null), "{hidden}");
    }
    let balance = client.get(&client.lightning("balance")).await.ok();
    assert_eq!(
        balance,
        json!({
            "onchain": null,
            "offchain": {"opening": "0", "local": "5000000", "remote": "70000000", "closing": "0"},
        })
    );
    let uri = format!("{}@127.0.0.1:1", client.world.customer.node_id());
    for (method, path, body) in [
        ("GET", "channels", Value::Null),
        (
            "POST",
            "channels",
            json!({"nodeURI": uri, "channelAmount": "100000", "feeRate": 1}),
        ),
        ("POST", "connect", json!({"nodeURI": uri})),
        ("POST", "address", Value::Null),
    ] {
        let answer = client.call(method, &client.lightning(path), &body).await;
        assert_eq!(
            answer.refusal(),
            (403, "missing-permission".to_owned()),
            "{method} {path}"
        );
        assert_eq!(
            answer.body["missingPermission"],
            "btcpay.server.canuseinternallightningnode"
        );
    }
    assert_eq!(client.world.lightning.opened(), []);
    assert_eq!(client.world.lightning.connected(), []);
}

#[tokio::test]
async fn a_guest_s_store_pays_from_what_it_has_and_no_further() {
    let client = Client::new().await;
    client.be_a_guest().await;
    let path = client.lightning("invoices/pay");
    let (bolt11, hash) = client.world.customer_invoice(1_000);
    let wish = json!({"BOLT11": bolt11, "sendTimeout": 0, "maxFeeFlat": "10"});
    let poor = client.post(&path, wish.clone()).await;
    assert_eq!(poor.refusal(), (400, "generic-error".to_owned()));
    assert_eq!(
        client
            .get(&client.lightning("payments?includePending=true"))
            .await
            .ok(),
        json!([])
    );
    client.earn(1_009).await;
    let poor = client.post(&path, wish.clone()).await;
    assert_eq!(
        poor.refusal(),
        (400, "generic-error".to_owned()),
        "the fee counts"
    );
    client.earn(1).await;
    assert_eq!(client.post(&path, wish.clone()).await.status, 202);
    client.world.run_payouts().await;
    assert_eq!(client.world.lightning.departed(), [hash]);
    // What is under way is spent already.
    let (second, _) = client.world.customer_invoice(1);
    let more = json!({"BOLT11": second, "sendTimeout": 0, "maxFeeFlat": "0"});
    assert_eq!(client.post(&path, more).await.refusal().0, 400);
    let balance = client.get(&client.lightning("balance")).await.ok();
    assert_eq!(balance["offchain"]["local"], "0");
    let preimage = client.world.customer.preimage(hash).expect("its own");
    client.world.lightning.succeeds(hash, preimage, Msat(4_000));
    client.world.take_events().await;
    let paid = client
        .get(&client.lightning(&format!("payments/{hash}")))
        .await
        .ok();
    assert_eq!(
        (&paid["status"], &paid["feeAmount"]),
        (&json!("Complete"), &json!("4000"))
    );
    let balance = client.get(&client.lightning("balance")).await.ok();
    assert_eq!(balance["offchain"]["local"], "6000");
    client.world.check().await;
}

#[tokio::test]
async fn two_payments_at_once_share_what_there_is() {
    let client = Client::new().await;
    client.be_a_guest().await;
    client.earn(1_010).await;
    let path = client.lightning("invoices/pay");
    let mut hashes = Vec::new();
    for _ in 0..2 {
        let (bolt11, hash) = client.world.customer_invoice(1_000);
        let wish = json!({"BOLT11": bolt11, "sendTimeout": 0, "maxFeeFlat": "10"});
        assert_eq!(client.post(&path, wish).await.status, 202);
        hashes.push((bolt11, hash));
    }
    client.world.run_payouts().await;
    assert_eq!(client.world.lightning.departed().len(), 1);
    // Whoever waits for the other one is told that there is nothing left, and nothing leaves later.
    let gone = client.world.lightning.departed()[0];
    let (bolt11, _) = hashes
        .iter()
        .find(|(_, hash)| *hash != gone)
        .expect("the other");
    let wish = json!({"BOLT11": bolt11, "sendTimeout": 0});
    let refused = client.post(&path, wish).await;
    assert_eq!(refused.refusal(), (400, "generic-error".to_owned()));
    client.earn(50_000).await;
    client.world.clock.advance_secs(3_600);
    client.world.run_payouts().await;
    assert_eq!(client.world.lightning.departed(), [gone]);
}

#[tokio::test]
async fn a_bolt11_that_a_shop_invoice_shows_is_found_by_its_hash() {
    let client = Client::new().await;
    let hash = client.earn(1_000).await;
    let shown = client
        .get(&client.lightning(&format!("invoices/{hash}")))
        .await
        .ok();
    assert_eq!(
        (&shown["id"], &shown["status"], &shown["amountReceived"]),
        (&json!(hash.to_string()), &json!("Paid"), &json!("1000000"))
    );
    assert_eq!(text(&shown["preimage"]).len(), 64);
    let upper = hash.to_string().to_uppercase();
    assert_eq!(
        client
            .get(&client.lightning(&format!("invoices/{upper}")))
            .await
            .ok(),
        shown
    );
    assert_eq!(
        client.get(&format!("{NODE}/invoices/{hash}")).await.ok(),
        shown
    );
    let open = client.world.invoice(2_000).await.lightning[0].hash;
    let open = client
        .get(&client.lightning(&format!("invoices/{open}")))
        .await
        .ok();
    assert_eq!(
        (&open["status"], &open["preimage"]),
        (&json!("Unpaid"), &Value::Null)
    );
    // Another store's is not there.
    let other = client
        .post("/api/v1/stores", json!({"name": "Other"}))
        .await
        .ok();
    let path = format!(
        "/api/v1/stores/{}/lightning/BTC/invoices/{hash}",
        text(&other["id"])
    );
    assert_eq!(
        client.get(&path).await.refusal(),
        (404, "invoice-not-found".to_owned())
    );
    for bad in ["00", "nonsense", &"0".repeat(64)] {
        let answer = client
            .get(&client.lightning(&format!("invoices/{bad}")))
            .await;
        assert_eq!(
            answer.refusal(),
            (404, "invoice-not-found".to_owned()),
            "{bad}"
        );
    }
}

#[tokio::test]
async fn a_histogram_tells_how_the_balance_went() {
    let client = Client::new().await;
    client.earn(1_000).await;
    client.world.clock.advance_secs(3 * 86_400);
    client.earn(500).await;
    for (query, name, days) in [
        ("", "Week", 7),
        ("?type=month", "Month", 30),
        ("?type=Year", "Year", 365),
    ] {
        for path in [client.lightning("histogram"), format!("{NODE}/histogram")] {
            let told = client.get(&format!("{path}{query}")).await.ok();
            assert_eq!(told["type"], name);
            assert_eq!(told["balance"], "0.000015", "{path}");
            let series = told["series"].as_array().expect("a list");
            let labels = told["labels"].as_array().expect("a list");
            assert_eq!((series.len(), labels.len()), (30, 30));
            assert_eq!((&series[0], &series[29]), (&json!("0"), &json!("0.000015")));
            let now = client.world.clock_now().secs();
            assert_eq!(labels[29], now);
            assert_eq!(labels[0], now - days * 86_400 / 30 * 29);
            let before = series
                .iter()
                .filter(|one| **one == json!("0.00001"))
                .count();
            let expected = 3 * 30 / days;
            assert!(
                before.abs_diff(usize::try_from(expected).expect("small")) <= 1,
                "{name}: {series:?}"
            );
        }
    }
    let bad = client.get(&client.lightning("histogram?type=Day")).await;
    assert_eq!(bad.refusal(), (422, "type".to_owned()));
}

#[tokio::test]
async fn what_the_node_refuses_has_a_name() {
    let client = Client::new().await;
    let uri = format!("{}@127.0.0.1:1", client.world.customer.node_id());
    let channel = json!({"nodeURI": uri, "channelAmount": "100000", "feeRate": "2.5"});
    let holds = |spendable, total| NodeBalances {
        onchain_spendable: Sat(spendable),
        onchain_total: Sat(total),
        onchain_reserved: Sat(25_000),
        lightning: Sat(0),
        sweeping: Sat(0),
    };
    let why = || "its words".to_owned();
    for (error, balances, connect, open) in [
        (
            NodeError::Unreachable(why()),
            holds(0, 0),
            "could-not-connect",
            "peer-not-connected",
        ),
        (
            NodeError::CannotAfford(why()),
            holds(0, 0),
            "cannot-afford-funding",
            "cannot-afford-funding",
        ),
        (
            NodeError::CannotAfford(why()),
            holds(50_000, 130_000),
            "cannot-afford-funding",
            "need-more-confirmations",
        ),
        (
            NodeError::CannotAfford(why()),
            holds(110_000, 130_000),
            "cannot-afford-funding",
            "cannot-afford-funding",
        ),
        (
            NodeError::Refused(why()),
            holds(0, 0),
            "could-not-connect",
            "generic-error",
        ),
    ] {
        client.world.lightning.fail_peers(Some(error.clone()));
        client.world.lightning.set_balances(balances);
        let answer = client
            .post(&format!("{NODE}/connect"), json!({"nodeURI": uri}))
            .await;
        assert_eq!(answer.refusal(), (400, connect.to_owned()), "{error}");
        let answer = client
            .post(&format!("{NODE}/channels"), channel.clone())
            .await;
        assert_eq!(answer.refusal(), (400, open.to_owned()), "{error}");
    }
    client
        .world
        .lightning
        .fail_peers(Some(NodeError::Unavailable(why())));
    let answer = client.post(&format!("{NODE}/channels"), channel).await;
    assert_eq!(
        answer.refusal(),
        (503, "lightning-node-unavailable".to_owned())
    );
}

#[tokio::test]
async fn what_can_t_be_sent_is_refused_and_what_was_paid_is_told_by_a_node_that_is_down() {
    let client = Client::new().await;
    let path = format!("{NODE}/invoices/pay");
    let (bolt11, hash) = client.world.customer_invoice(1_000);
    let wish = json!({"BOLT11": bolt11, "sendTimeout": 0});
    client.world.lightning.set_sendable(Msat(999_999));
    let dry = client.post(&path, wish.clone()).await;
    assert_eq!(dry.refusal(), (400, "generic-error".to_owned()));
    client
        .world
        .lightning
        .set_sendable(Sat(1_000_000).to_msat());
    assert_eq!(client.post(&path, wish.clone()).await.status, 202);
    client.world.run_payouts().await;
    client.world.lightning.fails(hash, "RouteNotFound");
    client.world.take_events().await;
    let none = client.post(&path, wish.clone()).await;
    assert_eq!(none.refusal(), (400, "could-not-find-route".to_owned()));

    let (bolt11, hash) = client.world.customer_invoice(2_000);
    let wish = json!({"BOLT11": bolt11, "sendTimeout": "00:00:00"});
    assert_eq!(client.post(&path, wish.clone()).await.status, 202);
    client.world.run_payouts().await;
    let preimage = client.world.customer.preimage(hash).expect("its own");
    client.world.lightning.succeeds(hash, preimage, Msat(1));
    client.world.take_events().await;
    client.world.lightning.set_state(NodeState::Syncing);
    let again = client.post(&path, wish).await;
    assert_eq!(
        (again.status.as_u16(), &again.body["status"]),
        (200, &json!("Complete"))
    );
    let (fresh, _) = client.world.customer_invoice(3_000);
    let refused = client.post(&path, json!({"BOLT11": fresh})).await;
    assert_eq!(
        refused.refusal(),
        (503, "lightning-node-unavailable".to_owned())
    );
}

#[tokio::test]
async fn a_store_without_lightning_says_so() {
    let client = Client::new().await;
    let method = client.shop("/payment-methods/BTC-LN");
    let uri = format!("{}@127.0.0.1:1", client.world.customer.node_id());
    let (bolt11, hash) = client.world.customer_invoice(1_000);
    let operations = [
        ("GET", "info".to_owned(), Value::Null),
        ("GET", "balance".to_owned(), Value::Null),
        ("GET", "histogram".to_owned(), Value::Null),
        ("POST", "connect".to_owned(), json!({"nodeURI": uri})),
        ("GET", "channels".to_owned(), Value::Null),
        (
            "POST",
            "channels".to_owned(),
            json!({"nodeURI": uri, "channelAmount": "100000", "feeRate": 1}),
        ),
        ("POST", "address".to_owned(), Value::Null),
        (
            "POST",
            "invoices".to_owned(),
            json!({"amount": "1000", "expiry": 60}),
        ),
        ("GET", "invoices".to_owned(), Value::Null),
        ("GET", format!("invoices/{hash}"), Value::Null),
        ("POST", "invoices/pay".to_owned(), json!({"BOLT11": bolt11})),
        ("GET", "payments".to_owned(), Value::Null),
        ("GET", format!("payments/{hash}"), Value::Null),
    ];
    // What is only switched off for invoices is still there.
    let off = json!({"enabled": false});
    client.call("PUT", &method, &off).await.ok();
    client.get(&client.shop("/lightning/BTC/info")).await.ok();
    client.call("DELETE", &method, &Value::Null).await.ok();
    for (verb, path, body) in operations {
        let path = format!("/lightning/BTC/{path}");
        let answer = client.call(verb, &client.shop(&path), &body).await;
        let expected = (404, "lightning-not-configured".to_owned());
        assert_eq!(answer.refusal(), expected, "{verb} {path}");
    }
    assert_eq!(client.world.lightning.issued().len(), 0);
    assert!(client.world.payouts().await.is_empty());
    let other = client.get(&client.shop("/lightning/DOGE/info")).await;
    assert_eq!(other.refusal(), (404, "unknown-cryptocode".to_owned()));
    client.get("/api/v1/server/lightning/BTC/info").await.ok();
    let own = json!({"enabled": true, "config": "Internal Node"});
    client.call("PUT", &method, &own).await.ok();
    client.get(&client.shop("/lightning/BTC/info")).await.ok();
}
