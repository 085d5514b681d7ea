//! Payouts and processors.

use serde_json::{Value, json};
use tollway::domain::money::{Msat, Sat};
use tollway::ports::lightning::NodeState;

use super::{Client, text};
use crate::support::signer::{Kind, Signer};

const ADDRESS: &str = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";

fn to_address(amount: &str) -> Value {
    json!({"destination": ADDRESS, "payoutMethodId": "BTC-CHAIN", "amount": amount})
}

#[tokio::test]
async fn a_payout_is_approved_paid_and_proved() {
    let client = Client::new().await;
    let world = &client.world;
    let invoice = world.invoice(1_000_000).await;
    let place = invoice.onchain.expect("an address");
    world.chain.pay(&place.script, Sat(1_000_000));
    world.mine(1).await;

    let path = client.shop("/payouts");
    let mut body = to_address("0.0005");
    body["metadata"] = json!({"source": "Payroll", "n": 1});
    let made = client.post(&path, body).await.ok();
    let id = text(&made["id"]);
    assert_eq!(made["state"], "AwaitingApproval");
    assert_eq!(made["revision"], 0);
    assert_eq!(made["payoutAmount"], Value::Null);
    assert_eq!(made["originalCurrency"], "BTC");
    assert_eq!(made["metadata"], json!({"source": "Payroll", "n": 1}));
    let one = client.shop(&format!("/payouts/{id}"));
    let retry = format!("/api/v1/payouts/{id}/retry");
    let early = client.post(&retry, json!(null)).await;
    assert_eq!(early.refusal(), (400, "invalid-state".to_owned()));
    let old = client.post(&one, json!({"revision": 1})).await;
    assert_eq!(old.refusal(), (400, "old-revision".to_owned()));
    let approved = client
        .post(&one, json!({"revision": 0, "rateRule": null}))
        .await
        .ok();
    assert_eq!(approved["state"], "AwaitingPayment");
    assert_eq!(approved["payoutAmount"], "0.0005");
    let twice = client.post(&one, json!({})).await;
    assert_eq!(twice.refusal(), (400, "invalid-state".to_owned()));

    // Nothing is sent by itself; then a person presses Pay.
    world.run_payouts().await;
    assert_eq!(client.get(&one).await.ok()["state"], "AwaitingPayment");
    client.post(&retry, json!(null)).await.ok();
    world.run_payouts().await;
    let sent = client.get(&one).await.ok();
    assert_eq!(sent["state"], "InProgress");
    assert_eq!(sent["attempts"], 1);
    let cancel = client.call("DELETE", &one, &Value::Null).await;
    assert_eq!(cancel.refusal(), (400, "invalid-state".to_owned()));
    world.mine(6).await;
    let paid = client.get(&one).await.ok();
    assert_eq!(paid["state"], "Completed");
    let txid = world.chain.broadcasts()[0].compute_txid().to_string();
    assert_eq!(
        paid["paymentProof"]["proofType"],
        "PayoutTransactionOnChainBlob"
    );
    assert_eq!(paid["paymentProof"]["id"], txid);
}

#[tokio::test]
async fn lists_cancelling_and_marking() {
    let client = Client::new().await;
    let path = client.shop("/payouts");
    let made = client.post(&path, to_address("0.001")).await.ok();
    let one = format!("/api/v1/payouts/{}", text(&made["id"]));
    let again = client.post(&path, to_address("0.001")).await;
    assert_eq!(again.refusal(), (400, "duplicate-destination".to_owned()));
    let mark = format!("{one}/mark");
    let rows = [
        (json!({"state": "Completed"}), 400, "invalid-state"),
        (json!({"state": "InProgress"}), 400, "invalid-state"),
        (json!({"state": "AwaitingPayment"}), 400, "invalid-state"),
        (json!({"state": "Paid"}), 422, "State"),
        (json!({}), 422, "State"),
        (json!(null), 422, "State"),
        (
            json!({"state": "Completed", "paymentProof": {"id": 1}}),
            422,
            "PaymentProof",
        ),
        (
            json!({"state": "Completed", "paymentProof": {"proofType": ""}}),
            422,
            "PaymentProof",
        ),
        (
            json!({"state": "Completed", "paymentProof": "x"}),
            422,
            "PaymentProof",
        ),
    ];
    client.check_refusals("POST", &mark, &rows).await;
    let by_hand = client.post(&format!("{one}/mark-paid"), json!(null)).await;
    assert_eq!(by_hand.refusal(), (400, "invalid-state".to_owned()));
    client.post(&mark, json!({"state": "Cancelled"})).await.ok();
    client.call("DELETE", &one, &Value::Null).await.ok();
    assert_eq!(client.get(&path).await.ok(), json!([]));
    let all = client
        .get(&format!("{path}?includeCancelled=true"))
        .await
        .ok();
    assert_eq!(all[0]["state"], "Cancelled");
    let reason = text(&all[0]["failureReason"]);
    assert_eq!(reason, "Cancelled by its owner.");
    // An address may be used again once its payout is over.
    client.post(&path, to_address("0.002")).await.ok();
}

#[tokio::test]
async fn a_person_pays_by_other_means() {
    let client = Client::new().await;
    let pull = json!({"amount": "0.01", "currency": "BTC"});
    let pull = client.post(&client.shop("/pull-payments"), pull).await.ok();
    let mut body = to_address("0.001");
    body["pullPaymentId"] = pull["id"].clone();
    body["approved"] = json!(true);
    let made = client.post(&client.shop("/payouts"), body).await.ok();
    let one = format!("/api/v1/payouts/{}", text(&made["id"]));
    let mark = format!("{one}/mark");
    let proof = json!({"proofType": "Cheque", "number": 1.10, "Nested": {"z": [1, null]}});
    // What is marked, and what is seen afterwards.
    let rows = [
        (
            json!({"state": "inprogress", "paymentProof": proof}),
            "InProgress",
            &proof,
        ),
        (json!({"state": "InProgress"}), "InProgress", &Value::Null),
        (
            json!({"state": "AwaitingPayment"}),
            "AwaitingPayment",
            &Value::Null,
        ),
        (
            json!({"state": "AwaitingApproval"}),
            "AwaitingApproval",
            &Value::Null,
        ),
    ];
    for (word, state, proof) in rows {
        let answer = client.post(&mark, word.clone()).await.ok();
        assert_eq!(answer, Value::Null, "{word}: the answer is empty");
        let seen = client.get(&one).await.ok();
        assert_eq!(
            (&seen["state"], &seen["paymentProof"]),
            (&json!(state), proof),
            "{word}"
        );
        // Nobody else pays it (D11).
        let wish = json!({"processNewPayoutsInstantly": true});
        let sender = client.shop("/payout-processors/OnChainAutomatedPayoutSenderFactory");
        if state == "InProgress" {
            client.call("PUT", &sender, &wish).await.ok();
            client.world.run_payouts().await;
            assert_eq!(client.world.chain.broadcasts(), []);
            let cancel = client.call("DELETE", &one, &Value::Null).await;
            assert_eq!(cancel.refusal(), (400, "invalid-state".to_owned()));
            client.call("DELETE", &sender, &Value::Null).await.ok();
        }
    }
    client.post(&one, json!({})).await.ok();
    client
        .post(&format!("{one}/mark-paid"), Value::Null)
        .await
        .ok();
    let paid = client.get(&one).await.ok();
    assert_eq!(
        (&paid["state"], &paid["paymentProof"]),
        (&json!("Completed"), &json!(null))
    );
    assert_eq!(paid["feeAmount"], "0");
    for state in [
        "AwaitingApproval",
        "AwaitingPayment",
        "InProgress",
        "Completed",
        "Cancelled",
    ] {
        let again = client.post(&mark, json!({"state": state})).await;
        assert_eq!(
            again.refusal(),
            (400, "invalid-state".to_owned()),
            "{state}"
        );
    }
    let budget = client
        .get(&format!("/api/v1/pull-payments/{}", text(&pull["id"])))
        .await
        .ok();
    assert_eq!(budget["claimedAmount"], "0.001");
    client.world.check().await;
}

#[tokio::test]
async fn d10_nothing_is_marked_by_hand_over_a_live_attempt() {
    let client = Client::new().await;
    let (bolt11, hash) = client.world.customer_invoice(5_000);
    let body = json!({"destination": bolt11, "payoutMethodId": "BTC-LN", "approved": true});
    let made = client.post(&client.shop("/payouts"), body).await.ok();
    let one = format!("/api/v1/payouts/{}", text(&made["id"]));
    client.post(&format!("{one}/retry"), Value::Null).await.ok();
    client.world.run_payouts().await;
    assert_eq!(client.world.lightning.departed(), [hash]);
    for state in [
        "AwaitingApproval",
        "AwaitingPayment",
        "InProgress",
        "Completed",
        "Cancelled",
    ] {
        let refused = client
            .post(&format!("{one}/mark"), json!({"state": state}))
            .await;
        assert_eq!(
            refused.refusal(),
            (400, "invalid-state".to_owned()),
            "{state}"
        );
    }
    assert_eq!(client.get(&one).await.ok()["state"], "InProgress");
}

#[tokio::test]
async fn bad_payouts_are_refused() {
    let client = Client::new().await;
    let with = |name: &str, value: Value| {
        let mut body = to_address("0.001");
        body[name] = value;
        body
    };
    let rows = [
        (json!({}), 422, "PayoutMethodId Destination"),
        (to_address("0"), 422, "Amount"),
        (to_address("0.00000001"), 400, "amount-too-low"),
        (to_address("21000001"), 422, "Amount"),
        (with("amount", Value::Null), 422, "Amount"),
        (
            with("pullPaymentId", json!("unknown")),
            404,
            "pullpayment-not-found",
        ),
        (
            json!({"pullPaymentId": "unknown", "payoutMethodId": "BTC-LN"}),
            404,
            "pullpayment-not-found",
        ),
        (with("metadata", json!("x")), 422, "Metadata"),
        (
            {
                let mut body = with("maxFeeFlat", json!(-1));
                body["maxFeePercent"] = json!(101);
                body
            },
            422,
            "MaxFeePercent MaxFeeFlat",
        ),
        (with("feePolicy", json!("ReceiverPays")), 422, "FeePolicy"),
    ];
    client
        .check_refusals("POST", &client.shop("/payouts"), &rows)
        .await;
    let limited = client
        .key(&["btcpay.store.cancreatenonapprovedpullpayments"])
        .await;
    let body = with("approved", json!(true)).to_string();
    let path = client.shop("/payouts");
    let answer = client.call_as(Some(&limited), "POST", &path, &body).await;
    assert_eq!(
        answer.body["missingPermission"],
        "btcpay.store.cancreatepullpayments"
    );
    assert_eq!(client.get(&path).await.ok(), json!([]));
}

#[tokio::test]
async fn processors_are_switched_on_and_off() {
    let client = Client::new().await;
    let kinds = client.get("/api/v1/payout-processors").await.ok();
    assert_eq!(kinds[0]["name"], "LightningAutomatedPayoutSenderFactory");
    assert_eq!(kinds[1]["payoutMethods"], json!(["BTC-CHAIN"]));
    let root = client.shop("/payout-processors");
    assert_eq!(client.get(&root).await.ok(), json!([]));
    let path = format!("{root}/OnChainAutomatedPayoutSenderFactory/BTC-CHAIN");
    assert_eq!(client.get(&path).await.ok(), json!([]));
    let rows = [
        (
            json!({"intervalSeconds": 59, "feeTargetBlock": 0, "threshold": -1}),
            422,
            "Threshold FeeBlockTarget IntervalSeconds",
        ),
        // A limit that is not kept must not look as if it were.
        (
            json!({"maxFeePercent": 1, "maxFeeFlat": "5"}),
            422,
            "MaxFeePercent MaxFeeFlat",
        ),
    ];
    client.check_refusals("PUT", &path, &rows).await;
    let wish = json!({"intervalSeconds": 600, "feeTargetBlock": 6, "threshold": "0.10", "processNewPayoutsInstantly": true});
    let set = client.call("PUT", &path, &wish).await.ok();
    let expected = r#"{"payoutMethodId":"BTC-CHAIN","paymentMethod":"BTC-CHAIN","intervalSeconds":600,"processNewPayoutsInstantly":true,"feeBlockTarget":6,"feeTargetBlock":6,"threshold":0.10,"working":true,"failureReason":null}"#;
    assert_eq!(set.to_string(), expected);
    let old_name = format!("{root}/onchainautomatedtransfersenderfactory");
    assert_eq!(client.get(&old_name).await.ok(), json!([set]));
    assert_eq!(
        client.get(&root).await.ok()[0]["name"],
        "OnChainAutomatedPayoutSenderFactory"
    );
    for wrong in ["LightningAutomatedPayoutSenderFactory/BTC-CHAIN", "Nothing"] {
        let answer = client.get(&format!("{root}/{wrong}")).await;
        assert_eq!(answer.status, 404, "{wrong}");
    }
    client.call("DELETE", &path, &Value::Null).await.ok();
    assert_eq!(client.get(&root).await.ok(), json!([]));
}

#[tokio::test]
async fn a_processor_that_is_switched_on_pays_what_waits() {
    let client = Client::new().await;
    let (bolt11, hash) = client.world.customer_invoice(5_000);
    let body = json!({"destination": bolt11, "payoutMethodId": "BTC-LN", "approved": true});
    let made = client.post(&client.shop("/payouts"), body).await.ok();
    assert_eq!(made["state"], "AwaitingPayment");
    client.world.run_payouts().await;
    assert_eq!(client.world.lightning.pays(), []);
    let path = client.shop("/payout-processors/LightningAutomatedPayoutSenderFactory/BTC-LN");
    let instant = json!({"intervalSeconds": 60, "processNewPayoutsInstantly": true});
    client.call("PUT", &path, &instant).await.ok();
    client.world.run_payouts().await;
    assert_eq!(client.world.lightning.departed(), [hash]);
}

/// D15: a sender that can't work says so, and is well again when it can.
#[tokio::test]
async fn a_processor_that_can_t_work_says_why() {
    let client = Client::new().await;
    let world = &client.world;
    let root = client.shop("/payout-processors");
    let onchain = format!("{root}/OnChainAutomatedPayoutSenderFactory");
    let lightning = format!("{root}/LightningAutomatedPayoutSenderFactory");
    let wallet = client.shop("/payment-methods/BTC-CHAIN");
    for path in [&onchain, &lightning] {
        let body = json!({"intervalSeconds": 60});
        let set = client.call("PUT", path, &body).await.ok();
        assert_eq!(set["working"], true, "{path}");
    }
    let check = async |path: &str, expected: Option<&str>| {
        let shown = client.get(path).await.ok()[0].clone();
        assert_eq!(shown["working"], expected.is_none(), "{path} {shown}");
        let why = shown["failureReason"].as_str();
        assert_eq!(why.is_some(), expected.is_some(), "{path} {shown}");
        let why = why.unwrap_or_default();
        assert!(why.contains(expected.unwrap_or_default()), "{why}");
    };
    check(&onchain, None).await;
    world.chain.set_silent(true);
    world.look().await;
    check(&onchain, Some("does not answer")).await;
    world.chain.set_silent(false);
    world.look().await;
    check(&onchain, None).await;

    for (state, why) in [
        (NodeState::Syncing, "has not caught up"),
        (NodeState::WaitingForChain("x".to_owned()), "waits"),
        (NodeState::Stopped, "stopped"),
    ] {
        world.lightning.set_state(state);
        check(&lightning, Some(why)).await;
        check(&onchain, None).await;
    }
    let held = NodeState::Held("the file is older".to_owned());
    world.lightning.set_state(held);
    check(&lightning, Some("the file is older")).await;
    check(&onchain, Some("the file is older")).await;
    world.lightning.set_state(NodeState::Ready);
    check(&lightning, None).await;

    let signer = Signer::new(1, Kind::Segwit);
    let config = json!({"config": signer.descriptor});
    client.call("PUT", &wallet, &config).await.ok();
    check(&onchain, Some("no keys")).await;
    client.call("DELETE", &wallet, &Value::Null).await.ok();
    check(&onchain, Some("no on-chain wallet")).await;

    // A store of somebody else spends what its own books hold.
    let guest = crate::payouts::review::given_to_a_guest(world).await;
    let key = client.key_of(guest, &["unrestricted"]).await;
    for earned in [false, true] {
        if earned {
            let hash = world.invoice(1_000).await.lightning[0].hash;
            world.receive(hash, Msat(1_000_000)).await;
        }
        let shown = client.call_as(Some(&key), "GET", &lightning, "").await;
        assert_eq!(shown.ok()[0]["working"], earned);
    }
}
