//! `Idempotency-Key` (D31) at what leaves this server: transactions, channels, invoices of the node, a person's word.

use bitcoin::Transaction;
use bitcoin::consensus::deserialize;
use serde_json::{Value, json};
use tollway::domain::ids::PaymentHash;
use tollway::domain::money::{Msat, Sat};
use tollway::ports::lightning::{Channel, NodeError};

use super::wallet::{funded, to, wallet};
use super::{Answer, Client, text};
use crate::payouts::review::in_review;

const THEIRS: &str = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";
const NODE: &str = "/api/v1/server/lightning/BTC";

/// A success that was answered before.
#[track_caller]
fn replayed(answer: Answer) -> Value {
    assert_eq!(answer.headers["idempotency-replayed"], "true", "{answer:?}");
    answer.ok()
}

/// What a wallet shows of a transaction depends on the time; which one it is does not.
fn same(first: &Value, again: &Value) -> bool {
    match first.get("transactionHash") {
        Some(txid) => again["transactionHash"] == *txid,
        None => first == again,
    }
}

#[tokio::test]
async fn a_transaction_is_made_once_however_it_was_asked_for() {
    let rows = [
        ("sent", json!({}), 1, 1),
        ("kept back", json!({"proceedWithBroadcast": false}), 1, 0),
        ("not signed", json!({"signWithSeed": false}), 0, 0),
    ];
    for (name, more, payouts, broadcasts) in rows {
        let (mut client, _) = funded(&[100_000, 100_000, 100_000]).await;
        let path = wallet(&client, "/transactions");
        let mut body = to(THEIRS, "0.0003");
        for (member, value) in more.as_object().expect("members") {
            body[member] = value.clone();
        }
        let first = client.mine(name, &path, &body).await.ok();
        assert_eq!(replayed(client.mine(name, &path, &body).await), first);
        let other = to(THEIRS, "0.0004");
        let refused = client.mine(name, &path, &other).await;
        let expected = (409, "idempotency-key-reused".to_owned());
        assert_eq!(refused.refusal(), expected, "{name}");
        client = client.restarted();
        client.world.turn().await;
        client.world.open_gate().await;
        let again = replayed(client.mine(name, &path, &body).await);
        assert_eq!(again, first, "{name}, after a restart");
        client.lose_answers().await;
        if payouts > 0 {
            let again = replayed(client.mine(name, &path, &body).await);
            assert!(same(&first, &again), "{name}: {first} {again}");
        }
        client.world.turn().await;
        assert_eq!(client.world.payouts().await.len(), payouts, "{name}");
        let out = client.world.chain.broadcasts();
        let different: std::collections::BTreeSet<_> =
            out.iter().map(Transaction::compute_txid).collect();
        assert_eq!(different.len(), broadcasts, "{name}");
        client.world.check().await;
    }
}

#[tokio::test]
async fn of_transactions_at_once_one_is_made() {
    let (client, _) = funded(&[100_000, 100_000, 100_000]).await;
    let path = wallet(&client, "/transactions");
    let body = to(THEIRS, "0.0003");
    let asked = (0..8).map(|_| client.mine("a", &path, &body));
    for answer in futures::future::join_all(asked).await {
        if !answer.status.is_success() {
            assert_eq!(answer.refusal(), (503, "not-available".to_owned()));
        }
    }
    client.world.turn().await;
    assert_eq!(client.world.payouts().await.len(), 1);
    assert_eq!(client.world.chain.broadcasts().len(), 1);
}

#[tokio::test]
async fn a_transaction_that_can_t_be_made_is_tried_anew() {
    let (client, _) = funded(&[20_000]).await;
    let path = wallet(&client, "/transactions");
    let body = to(THEIRS, "0.0003");
    for _ in 0..2 {
        let refused = client.mine("a", &path, &body).await;
        assert_eq!(refused.refusal(), (400, "generic-error".to_owned()));
        assert_eq!(client.remembered().await, []);
    }
    let invoice = client.world.invoice(100_000).await;
    let script = invoice.onchain.expect("an address").script;
    client.world.chain.pay(&script, Sat(100_000));
    client.world.mine(1).await;
    client.mine("a", &path, &body).await.ok();
    assert_eq!(client.world.payouts().await.len(), 1);
}

#[tokio::test]
async fn a_signed_transaction_is_told_again_to_who_may_sign_only() {
    let (client, _) = funded(&[100_000]).await;
    let path = wallet(&client, "/transactions");
    let mut body = to(THEIRS, "0.0003");
    body["proceedWithBroadcast"] = json!(false);
    let first = client.mine("a", &path, &body).await.ok();
    let creator = client.key(&["btcpay.store.cancreatetransactions"]).await;
    let refused = client.named("a", Some(&creator), &path, &body).await;
    assert_eq!(
        refused.body["missingPermission"],
        "btcpay.store.cansigntransactions"
    );
    let signer = client
        .key(&[
            "btcpay.store.cancreatetransactions",
            "btcpay.store.cansigntransactions",
        ])
        .await;
    let again = client.named("a", Some(&signer), &path, &body).await;
    assert_eq!(replayed(again), first);
}

#[tokio::test]
async fn a_transaction_is_broadcast_once() {
    let (client, _) = funded(&[100_000]).await;
    let path = wallet(&client, "/transactions");
    let mut body = to(THEIRS, "0.0003");
    body["proceedWithBroadcast"] = json!(false);
    let kept = client.post(&path, body).await.ok();
    let tx: Transaction =
        deserialize(&hex::decode(text(&kept)).expect("hex")).expect("a transaction");
    let path = format!("{path}/broadcast");
    let body = json!({"transaction": kept});
    let first = client.mine("b", &path, &body).await.ok();
    assert_eq!(replayed(client.mine("b", &path, &body).await), first);
    client.lose_answers().await;
    let again = client.mine("b", &path, &body).await.ok();
    assert!(same(&first, &again), "{first} {again}");
    client.world.turn().await;
    assert_eq!(client.world.chain.broadcasts(), [tx]);
    assert_eq!(client.world.payouts().await.len(), 1);
}

#[tokio::test]
async fn a_fee_is_raised_once() {
    let (client, _) = funded(&[100_000]).await;
    let body = json!({
        "destination": THEIRS, "payoutMethodId": "BTC-CHAIN", "amount": "0.0005", "approved": true,
    });
    let made = client.post(&client.shop("/payouts"), body).await.ok();
    let path = client.shop(&format!("/payouts/{}", text(&made["id"])));
    let retry = format!("{path}/retry");
    let first = client.mine("now", &retry, &Value::Null).await.ok();
    client.world.turn().await;
    let again = client.mine("now", &retry, &Value::Null).await;
    assert_eq!(replayed(again), first);
    let bump = format!("{path}/bump");
    client.world.chain.set_fee_rate(20_000);
    let first = client.mine("higher", &bump, &json!({})).await.ok();
    client.world.turn().await;
    client.world.chain.set_fee_rate(60_000);
    for lost in [false, true] {
        if lost {
            client.lose_answers().await;
        }
        let again = replayed(client.mine("higher", &bump, &json!({})).await);
        assert_eq!(again["id"], first["id"]);
        client.world.turn().await;
    }
    assert_eq!(client.world.chain.broadcasts().len(), 2);
}

#[tokio::test]
async fn a_channel_is_opened_once() {
    let mut client = Client::new().await;
    let peer = client.world.customer.node_id();
    let path = format!("{NODE}/channels");
    let wish =
        json!({"nodeURI": format!("{peer}@127.0.0.1:1"), "channelAmount": "100000", "feeRate": 1});
    for refusal in [
        NodeError::Unreachable("nobody is there".to_owned()),
        NodeError::CannotAfford("too little".to_owned()),
        NodeError::Refused("no".to_owned()),
    ] {
        client.world.lightning.fail_peers(Some(refusal));
        assert_eq!(client.mine("a", &path, &wish).await.status, 400);
        assert_eq!(client.remembered().await, [], "nothing has happened");
    }
    client.world.lightning.fail_peers(None);
    client.mine("a", &path, &wish).await.ok();
    replayed(client.mine("a", &path, &wish).await);
    client = client.restarted();
    replayed(client.mine("a", &path, &wish).await);
    assert_eq!(client.world.lightning.opened().len(), 1);
    // The answer is lost, and the channel came: one more of this kind than there were.
    let channel = |capacity| Channel {
        peer,
        funding: None,
        capacity,
        outbound: Msat(0),
        inbound: Msat(0),
        is_public: false,
        is_ready: false,
        is_usable: false,
    };
    client
        .world
        .lightning
        .set_channels(vec![channel(Sat(70_000)), channel(Sat(100_000))]);
    client.lose_answers().await;
    replayed(client.mine("a", &path, &wish).await);
    assert_eq!(client.world.lightning.opened().len(), 1);
    // It did not come: it is asked for again.
    client
        .world
        .lightning
        .set_channels(vec![channel(Sat(70_000))]);
    client.lose_answers().await;
    client.mine("a", &path, &wish).await.ok();
    assert_eq!(client.world.lightning.opened().len(), 2);
    let mut other = wish.clone();
    other["channelAmount"] = json!("200000");
    let refused = client.mine("a", &path, &other).await;
    assert_eq!(
        refused.refusal(),
        (409, "idempotency-key-reused".to_owned())
    );
    // Of several at once one is opened.
    let asked = (0..4).map(|_| client.mine("b", &path, &wish));
    for answer in futures::future::join_all(asked).await {
        assert!(
            answer.status.is_success() || answer.status == 503,
            "{answer:?}"
        );
    }
    assert_eq!(client.world.lightning.opened().len(), 3);
}

#[tokio::test]
async fn an_invoice_of_the_node_is_made_once() {
    let client = Client::new().await;
    let server = format!("{NODE}/invoices");
    for path in [server, client.shop("/lightning/BTC/invoices")] {
        let before = client.world.lightning.issued().len();
        let body = json!({"amount": "5000", "description": "tea", "expiry": 600});
        let first = client.mine("a", &path, &body).await.ok();
        for lost in [false, true] {
            if lost {
                client.lose_answers().await;
            }
            assert_eq!(replayed(client.mine("a", &path, &body).await), first);
        }
        assert_eq!(client.world.lightning.issued().len(), before + 1, "{path}");
    }
}

#[tokio::test]
async fn a_word_is_taken_once() {
    let client = Client::new().await;
    let (id, _) = in_review(&client.world).await;
    let path = client.shop(&format!("/payouts/{id}/review"));
    let lost = json!({"verdict": "DidNotArrive", "evenIfUnderWay": true});
    let first = client.mine("a", &path, &lost).await.ok();
    for answer_lost in [false, true] {
        if answer_lost {
            client.lose_answers().await;
        }
        let again = replayed(client.mine("a", &path, &lost).await);
        assert_eq!(again, first);
    }
}

#[tokio::test]
async fn a_stray_is_given_away_once() {
    let client = Client::new().await;
    let hash = PaymentHash([9; 32]);
    client.world.receive(hash, Msat(1_000_000)).await;
    let invoice = client.world.invoice(1_000).await.id.to_string();
    let path = format!("/api/v1/server/strays/{hash}/assign");
    let body = json!({"invoiceId": invoice});
    let first = client.mine("a", &path, &body).await.ok();
    for lost in [false, true] {
        if lost {
            client.lose_answers().await;
        }
        assert_eq!(replayed(client.mine("a", &path, &body).await), first);
    }
}

/// `docs/GREENFIELD.md` says of every `POST` whether it can be named, and what is named.
#[test]
fn the_page_tells_which_operations_can_be_named() {
    let page = include_str!("../../../docs/GREENFIELD.md");
    let (_, after) = page
        .split_once("## Asking again")
        .expect("a section about it");
    let section = after.split("\n## ").next().expect("its text");
    let told: std::collections::BTreeSet<&str> = section
        .lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .filter_map(|line| line.split('`').next())
        .collect();
    let document = tollway::api::document::document();
    let mut takes = std::collections::BTreeSet::new();
    for methods in document["paths"].as_object().expect("paths").values() {
        let Some(post) = methods.get("post") else {
            continue;
        };
        let named = post["parameters"]
            .as_array()
            .is_some_and(|all| all.iter().any(|one| one["name"] == "Idempotency-Key"));
        if named {
            let id = text(&post["operationId"]);
            takes.insert(id.trim_end_matches("InStore").to_owned());
        }
    }
    let takes: std::collections::BTreeSet<&str> = takes.iter().map(String::as_str).collect();
    assert_eq!(told, takes);
}
