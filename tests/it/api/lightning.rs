//! The node's own operations, and the server's.

use bitcoin::secp256k1::PublicKey;
use serde_json::{Value, json};
use tollway::domain::ids::PaymentHash;
use tollway::domain::money::{Msat, Sat};
use tollway::ports::lightning::{Channel, NodeBalances, NodeError, NodeState};

use super::{Client, text};

const NODE: &str = "/api/v1/server/lightning/BTC";

#[tokio::test]
async fn the_node_says_who_it_is_and_what_it_holds() {
    let client = Client::new().await;
    let peer: PublicKey = client.world.customer.node_id();
    let channel = |is_ready: bool, is_usable: bool| Channel {
        peer,
        funding: Some(format!("{}:0", "ab".repeat(32))),
        capacity: Sat(1_000_000),
        outbound: Msat(600_000_000),
        inbound: Msat(300_000_000),
        is_public: false,
        is_ready,
        is_usable,
    };
    let lightning = &client.world.lightning;
    lightning.set_channels(vec![
        channel(true, true),
        channel(true, false),
        channel(false, false),
    ]);
    lightning.set_balances(NodeBalances {
        onchain_spendable: Sat(70),
        onchain_total: Sat(100),
        onchain_reserved: Sat(25),
        lightning: Sat(0),
        sweeping: Sat(3),
    });
    let info = client.get(&format!("{NODE}/info")).await.ok();
    assert!(text(&info["nodeURIs"][0]).ends_with("@127.0.0.1:9735"));
    let counts = [
        "activeChannelsCount",
        "inactiveChannelsCount",
        "pendingChannelsCount",
    ];
    assert_eq!(
        counts.map(|name| info[name].clone()),
        [json!(1), json!(1), json!(1)]
    );
    let balance = client.get(&format!("{NODE}/balance")).await.ok();
    assert_eq!(
        balance,
        json!({
            "onchain": {"confirmed": "70", "unconfirmed": "5", "reserved": "25"},
            "offchain": {"opening": "600000000", "local": "1200000000", "remote": "600000000", "closing": "3000"},
        })
    );
    let channels = client
        .get(&client.shop("/lightning/BTC/channels"))
        .await
        .ok();
    assert_eq!(channels[0]["remoteNode"], peer.to_string());
    assert_eq!(channels[0]["capacity"], "1000000000");
    let address = client
        .post(&format!("{NODE}/address"), json!(null))
        .await
        .ok();
    assert!(text(&address).starts_with("bcrt1"));

    let uri = format!("{peer}@127.0.0.1:1");
    client
        .post(&format!("{NODE}/connect"), json!({"nodeURI": uri}))
        .await
        .ok();
    let wish = json!({"nodeURI": uri, "channelAmount": "100000", "feeRate": 1.5});
    client.post(&format!("{NODE}/channels"), wish).await.ok();
    assert_eq!(
        lightning.opened(),
        [(peer, "127.0.0.1:1".to_owned(), Sat(100_000))]
    );
    let rows = [
        (json!({}), 422, "NodeURI ChannelAmount"),
        (
            json!({"nodeURI": uri, "channelAmount": -1}),
            422,
            "ChannelAmount",
        ),
        (
            json!({"nodeURI": "nobody@nowhere", "channelAmount": 1}),
            422,
            "NodeURI",
        ),
    ];
    client
        .check_refusals("POST", &format!("{NODE}/channels"), &rows)
        .await;
    let unknown = client.get("/api/v1/server/lightning/DOGE/info").await;
    assert_eq!(unknown.refusal(), (404, "unknown-cryptocode".to_owned()));
}

#[tokio::test]
async fn an_invoice_over_more_than_the_node_can_reckon_with_is_refused() {
    let client = Client::new().await;
    let path = format!("{NODE}/invoices");
    for amount in ["2099999999999999999", "100000000000000001"] {
        let refused = client.post(&path, json!({"amount": amount})).await;
        assert_eq!(refused.refusal(), (400, "invoice-error".to_owned()));
    }
    let most = json!({"amount": "100000000000000000"});
    client.post(&path, most).await.ok();
}

#[tokio::test]
async fn an_invoice_keeps_its_preimage_until_it_is_paid() {
    let client = Client::new().await;
    let path = format!("{NODE}/invoices");
    let wish = json!({"amount": "21000", "description": "tea", "expiry": 600});
    let made = client.post(&path, wish).await.ok();
    let id = text(&made["id"]);
    assert_eq!(
        (&made["status"], &made["amount"]),
        (&json!("Unpaid"), &json!("21000"))
    );
    assert_eq!(made["paymentHash"], made["id"]);
    assert_eq!(made["preimage"], Value::Null);
    let hash: PaymentHash = id.parse().expect("a hash");
    client.world.receive(hash, Msat(21_000)).await;
    let paid = client.get(&format!("{path}/{id}")).await.ok();
    assert_eq!(
        (&paid["status"], &paid["amountReceived"]),
        (&json!("Paid"), &json!("21000"))
    );
    assert_eq!(text(&paid["preimage"]).len(), 64);

    let open = client.post(&path, json!({"expiry": "00:01:00"})).await.ok();
    assert_eq!(open["amount"], "0");
    let pending = client.get(&format!("{path}?pendingOnly=true")).await.ok();
    assert_eq!(pending, json!([open]));
    client.world.clock.advance_secs(60);
    let over = client
        .get(&format!("{path}/{}", text(&open["id"])))
        .await
        .ok();
    assert_eq!(over["status"], "Expired");
    assert_eq!(
        client.get(&format!("{path}?offsetIndex=1")).await.ok(),
        json!([paid])
    );

    // The store's books are its own.
    assert_eq!(
        client
            .get(&client.shop("/lightning/BTC/invoices"))
            .await
            .ok(),
        json!([])
    );
    let other = client
        .get(&client.shop(&format!("/lightning/BTC/invoices/{id}")))
        .await;
    assert_eq!(other.refusal(), (404, "invoice-not-found".to_owned()));
    let rows = [
        (json!({"amount": -1}), 422, "Amount"),
        (json!({"amount": "1.5"}), 422, "Amount"),
        (json!({"amount": "9999999999999999999"}), 422, "Amount"),
        (
            json!({"amount": 1, "expiry": 0, "description": "x".repeat(640)}),
            422,
            "Description Expiry",
        ),
    ];
    client.check_refusals("POST", &path, &rows).await;
}

#[tokio::test]
async fn paying_the_same_invoice_many_times_at_once_is_one_payment() {
    let client = Client::new().await;
    let path = format!("{NODE}/invoices/pay");
    let (bolt11, hash) = client.world.customer_invoice(1_000);
    let wish = json!({"BOLT11": bolt11, "sendTimeout": 0});
    let all = (0..20).map(|_| client.post(&path, wish.clone()));
    for answer in futures::future::join_all(all).await {
        assert_eq!(
            (answer.status.as_u16(), &answer.body["id"]),
            (202, &json!(hash.to_string()))
        );
    }
    let made = format!("{NODE}/payments?includePending=true");
    assert_eq!(
        client.get(&made).await.ok().as_array().map(Vec::len),
        Some(1)
    );
}

#[tokio::test]
async fn paying_is_pending_then_complete_and_never_twice() {
    let client = Client::new().await;
    let path = format!("{NODE}/invoices/pay");
    let (bolt11, hash) = client.world.customer_invoice(1_000);
    let wish =
        json!({"BOLT11": bolt11, "sendTimeout": 0, "maxFeePercent": "5", "maxFeeFlat": "20"});
    let pending = client.post(&path, wish.clone()).await;
    assert_eq!(pending.status, 202);
    assert_eq!(pending.body["status"], "Pending");
    client.world.run_payouts().await;
    assert_eq!(
        client.world.lightning.pays()[0].fee_max,
        Msat(20_000),
        "both caps hold"
    );
    let preimage = client.world.customer.preimage(hash).expect("its own");
    client.world.lightning.succeeds(hash, preimage, Msat(7));
    client.world.take_events().await;
    let complete = client.post(&path, wish).await;
    assert_eq!(complete.status, 200);
    let expected = json!({
        "id": hash.to_string(), "paymentHash": hash.to_string(), "status": "Complete", "BOLT11": bolt11,
        "preimage": preimage.reveal(), "createdAt": complete.body["createdAt"],
        "totalAmount": "1000007", "feeAmount": "7",
    });
    assert_eq!(complete.body, expected);
    let one = client.get(&format!("{NODE}/payments/{hash}")).await.ok();
    assert_eq!(one, expected);
    assert_eq!(
        client.get(&format!("{NODE}/payments")).await.ok(),
        json!([expected])
    );
    assert_eq!(client.world.lightning.departed(), [hash]);
    assert_eq!(client.get(&client.shop("/payouts")).await.ok(), json!([]));
    let unknown = client
        .get(&format!("{NODE}/payments/{}", "00".repeat(32)))
        .await;
    assert_eq!(unknown.refusal(), (404, "payment-not-found".to_owned()));
}

#[tokio::test]
async fn what_can_t_be_paid_is_refused() {
    let client = Client::new().await;
    let path = format!("{NODE}/invoices/pay");
    let own = client.world.invoice(1_000).await.lightning[0].clone();
    client.world.receive(own.hash, Sat(1_000).to_msat()).await;
    let (small, _) = client.world.customer_invoice(1_000);
    let rows = [
        (json!({}), 422, "BOLT11"),
        (json!({"BOLT11": "lnbc1"}), 422, "BOLT11"),
        (json!({"BOLT11": own.bolt11}), 422, "BOLT11"),
        (json!({"BOLT11": small, "amount": "999000"}), 422, "Amount"),
        (
            json!({"BOLT11": small, "amount": -1, "maxFeePercent": 101, "sendTimeout": -1}),
            422,
            "Amount MaxFeePercent SendTimeout",
        ),
    ];
    client.check_refusals("POST", &path, &rows).await;
    assert_eq!(client.world.lightning.pays(), []);
}

#[tokio::test]
async fn a_node_that_is_not_there_is_told() {
    let client = Client::new().await;
    let lightning = &client.world.lightning;
    lightning.set_state(NodeState::WaitingForChain("no answer".to_owned()));
    lightning.fail_receive(Some(NodeError::Unavailable("no answer".to_owned())));
    let (bolt11, _) = client.world.customer_invoice(1_000);
    for (path, body) in [
        ("invoices", json!({"amount": 1000})),
        ("invoices/pay", json!({"BOLT11": bolt11})),
    ] {
        let answer = client.post(&format!("{NODE}/{path}"), body).await;
        assert_eq!(
            answer.refusal(),
            (503, "lightning-node-unavailable".to_owned())
        );
    }
    assert_eq!(
        client.get("/api/v1/health").await.ok(),
        json!({"synchronized": false})
    );
    lightning.set_state(NodeState::Ready);
    let health = client.call_as(None, "GET", "/api/v1/health", "").await.ok();
    assert_eq!(health, json!({"synchronized": true}));
}

#[tokio::test]
async fn the_server_says_what_it_is() {
    let client = Client::new().await;
    let info = client.get("/api/v1/server/info").await.ok();
    assert_eq!(info["version"], "2.4.1");
    assert!(text(&info["implementation"]).starts_with("Tollway/"));
    assert_eq!(info["fullySynched"], true);
    assert_eq!(info["syncStatus"][0]["chainHeight"], 10);
    let anonymous = client.call_as(None, "GET", "/api/v1/server/info", "").await;
    assert_eq!(anonymous.status, 401);
    let all = client
        .call_as(None, "GET", "/misc/permissions", "")
        .await
        .ok();
    assert_eq!(all[0]["name"], "unrestricted");
}
