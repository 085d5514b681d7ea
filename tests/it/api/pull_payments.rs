//! Pull payments: the owner's side and the public one.

mod rates;

use serde_json::{Value, json};
use tollway::config::Limits;
use tollway::domain::ids::Preimage;
use tollway::domain::money::Msat;

use super::{Answer, Client, text};

const ADDRESS: &str = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";

impl Client {
    async fn pull(&self, body: Value) -> String {
        let made = self.post(&self.shop("/pull-payments"), body).await.ok();
        text(&made["id"])
    }

    async fn claim(&self, pull: &str, body: &Value) -> Answer {
        let path = format!("/api/v1/pull-payments/{pull}/payouts");
        self.call_as(None, "POST", &path, &body.to_string()).await
    }
}

#[tokio::test]
async fn a_pull_payment_shows_its_budget_and_its_links() {
    let client = Client::new().await;
    let path = client.shop("/pull-payments");
    let body = json!({
        "name": "Wages", "description": "For May", "amount": "0.00100", "currency": "btc",
        "paymentMethods": ["BTC-LightningNetwork", "btc_ln"], "BOLT11Expiration": "7.00:00:00",
        "startsAt": 1_700_000_000, "expiresAt": 1_900_000_000, "period": null,
    });
    let made = client.post(&path, body).await.ok();
    let id = text(&made["id"]);
    let expected = [
        ("name", json!("Wages")),
        ("description", json!("For May")),
        ("currency", json!("BTC")),
        ("amount", json!("0.00100")),
        ("BOLT11Expiration", json!(7)),
        ("autoApproveClaims", json!(false)),
        ("startsAt", json!(1_700_000_000)),
        ("expiresAt", json!(1_900_000_000)),
        ("archived", json!(false)),
        (
            "viewLink",
            json!(format!("http://127.0.0.1:8080/pull-payments/{id}")),
        ),
        ("payoutMethods", json!(["BTC-LN"])),
        ("claimedAmount", json!("0")),
        ("remainingAmount", json!("0.001")),
        (
            "lnurlUri",
            json!(format!(
                "lnurlw://127.0.0.1:8080/BTC/UILNURL/withdraw/pp/{id}"
            )),
        ),
        ("period", json!(null)),
    ];
    for (name, value) in expected {
        assert_eq!(made[name], value, "{name}");
    }
    assert!(text(&made["lnurlBech32"]).starts_with("lightning:LNURL1"));

    let public = format!("/api/v1/pull-payments/{id}");
    assert_eq!(client.call_as(None, "GET", &public, "").await.ok(), made);
    let lnurl = client
        .call_as(None, "GET", &format!("{public}/lnurl"), "")
        .await
        .ok();
    assert_eq!(lnurl["lnurlBech32"], made["lnurlBech32"]);
    assert_eq!(client.get(&path).await.ok(), json!([made]));

    let none = &Value::Null;
    for _ in 0..2 {
        client.call("DELETE", &public, none).await.ok();
    }
    assert_eq!(client.get(&path).await.ok(), json!([]));
    let archived = client
        .get(&format!("{path}?includeArchived=true"))
        .await
        .ok();
    assert_eq!(archived[0]["archived"], true);
    assert_eq!(
        client.call_as(None, "GET", &public, "").await.ok()["archived"],
        true
    );
}

#[tokio::test]
async fn bad_pull_payments_are_refused_with_every_reason() {
    let client = Client::new().await;
    let rows = [
        (json!({}), 422, "Amount Currency"),
        (json!({"amount": 0, "currency": "BTC"}), 422, "Amount"),
        (json!({"amount": "0.5", "currency": "SATS"}), 422, "Amount"),
        (json!({"amount": 1e20, "currency": "BTC"}), 422, "Amount"),
        (
            json!({"amount": 1, "currency": "SATS", "period": "P1M", "pin": "1", "maxClaimAmount": 0, "maxClaimCount": 0}),
            422,
            "Period Pin MaxClaimAmount MaxClaimCount",
        ),
        (
            json!({
                "name": "x".repeat(51), "amount": -1, "currency": "$", "payoutMethods": [],
                "startsAt": 200, "expiresAt": 100, "BOLT11Expiration": -1, "autoApproveClaims": "yes",
            }),
            422,
            "Name Amount Currency ExpiresAt PayoutMethods BOLT11Expiration AutoApproveClaims",
        ),
        (
            json!({"amount": 1, "currency": "SATS", "BOLT11Expiration": -1, "expiresAt": "soon"}),
            422,
            "ExpiresAt BOLT11Expiration",
        ),
    ];
    client
        .check_refusals("POST", &client.shop("/pull-payments"), &rows)
        .await;
    let limited = client
        .key(&["btcpay.store.cancreatenonapprovedpullpayments"])
        .await;
    let body = r#"{"amount":1,"currency":"SATS","autoApproveClaims":true}"#;
    let path = client.shop("/pull-payments");
    let answer = client.call_as(Some(&limited), "POST", &path, body).await;
    assert_eq!(
        answer.body["missingPermission"],
        "btcpay.store.cancreatepullpayments"
    );
}

#[tokio::test]
async fn a_claim_is_reserved_paid_and_proved() {
    let client = Client::new().await;
    let pull = client
        .pull(json!({"amount": 50_000, "currency": "SATS", "autoApproveClaims": true, "BOLT11Expiration": 0}))
        .await;
    let path = client.shop("/payout-processors/LightningAutomatedTransferSenderFactory");
    let instant = json!({"processNewPayoutsInstantly": true});
    client.call("PUT", &path, &instant).await.ok();
    let (bolt11, hash) = client.world.customer_invoice(20_000);
    let wish = json!({"destination": bolt11, "paymentMethod": "BTC-LightningNetwork"});
    let claimed = client.claim(&pull, &wish).await.ok();
    assert_eq!(claimed["state"], "AwaitingPayment");
    assert_eq!(claimed["originalAmount"], "20000");
    assert_eq!(claimed["amount"], "20000");
    assert_eq!(claimed["payoutAmount"], "0.0002");
    assert_eq!(claimed["pullPaymentId"], pull);
    assert_eq!(claimed["metadata"], json!({}));

    let again = client.claim(&pull, &wish).await;
    assert_eq!(again.refusal(), (400, "duplicate-destination".to_owned()));

    client.world.run_payouts().await;
    let public = format!(
        "/api/v1/pull-payments/{pull}/payouts/{}",
        text(&claimed["id"])
    );
    let seen = client.call_as(None, "GET", &public, "").await.ok();
    assert_eq!(seen["state"], "InProgress");
    assert_eq!(seen["paymentProof"]["preimage"], Value::Null);
    let preimage = client.world.customer.preimage(hash).expect("its own");
    client.world.lightning.succeeds(hash, preimage, Msat(1_500));
    client.world.take_events().await;
    let seen = client.call_as(None, "GET", &public, "").await.ok();
    assert_eq!(seen["state"], "Completed");
    assert_eq!(seen["feeAmount"], "0.000000015");
    assert_eq!(
        seen["paymentProof"],
        json!({"proofType": "PayoutLightningBlob", "paymentHash": hash.to_string(), "preimage": Preimage::reveal(&preimage)})
    );
    let budget = client
        .get(&format!("/api/v1/pull-payments/{pull}"))
        .await
        .ok();
    assert_eq!(
        (&budget["claimedAmount"], &budget["remainingAmount"]),
        (&json!("20000"), &json!("30000"))
    );

    client
        .call(
            "PUT",
            &client.shop(""),
            &json!({"redactPublicPayouts": true}),
        )
        .await
        .ok();
    let hidden = client.call_as(None, "GET", &public, "").await.ok();
    assert_eq!(
        (&hidden["destination"], &hidden["paymentProof"]),
        (&json!(""), &json!(null))
    );
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one table of rows")]
async fn claims_are_refused_in_greenfield_s_order() {
    let client = Client::new().await;
    let pull = client
        .pull(json!({"amount": 10_000, "currency": "SATS"}))
        .await;
    let lightning_only = client
        .pull(json!({"amount": 10_000, "currency": "SATS", "payoutMethods": ["BTC-LN"]}))
        .await;
    let later = client
        .pull(json!({"amount": 1, "currency": "SATS", "startsAt": 1_900_000_000}))
        .await;
    let over = client
        .pull(json!({"amount": 1, "currency": "SATS", "expiresAt": 1}))
        .await;
    let chain = |amount: Value| json!({"destination": ADDRESS, "payoutMethodId": "BTC-CHAIN", "amount": amount});
    let (short, _) = client.world.customer_invoice(1_000);
    let own = client.world.invoice(1_000).await.lightning[0]
        .bolt11
        .clone();
    let rows = [
        (&pull, json!({}), 422, "PayoutMethodId Destination"),
        (
            &pull,
            json!({"destination": ADDRESS, "payoutMethodId": "DOGE"}),
            422,
            "PayoutMethodId",
        ),
        (
            &"unknown".to_owned(),
            chain(json!(1)),
            404,
            "pullpayment-not-found",
        ),
        // The method comes before the pull payment, the destination after it.
        (
            &"unknown".to_owned(),
            json!({"payoutMethodId": "DOGE"}),
            422,
            "PayoutMethodId Destination",
        ),
        (
            &"unknown".to_owned(),
            json!({"payoutMethodId": "BTC-LN", "amount": "lots"}),
            404,
            "pullpayment-not-found",
        ),
        // What is not positive is looked at last (D17).
        (&over, chain(json!(0)), 400, "expired"),
        (
            &pull,
            json!({"destination": "hello", "payoutMethodId": "BTC-LN"}),
            422,
            "Destination",
        ),
        (
            &pull,
            json!({"destination": "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "payoutMethodId": "BTC"}),
            422,
            "Destination",
        ),
        (
            &pull,
            json!({"destination": short, "payoutMethodId": "BTC-LN"}),
            422,
            "Destination",
        ),
        (
            &pull,
            json!({"destination": own, "payoutMethodId": "BTC-LN"}),
            422,
            "Destination",
        ),
        (
            &pull,
            json!({"destination": "bitcoin:bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080?amount=1", "payoutMethodId": "BTC-CHAIN", "amount": 5}),
            422,
            "Amount",
        ),
        (&later, chain(json!(1)), 400, "not-started"),
        (&over, chain(json!(1)), 400, "expired"),
        (
            &lightning_only,
            chain(json!(1_000)),
            400,
            "payment-method-not-supported",
        ),
        (&pull, chain(json!(10_001)), 400, "overdraft"),
        (&pull, chain(json!(0)), 400, "amount-too-low"),
        (&pull, chain(json!(-5)), 400, "amount-too-low"),
        (&pull, chain(json!("lots")), 422, "Amount"),
    ];
    for (pull, body, status, words) in rows {
        let answer = client.claim(pull, &body).await;
        assert_eq!(
            answer.refusal(),
            (status, words.to_owned()),
            "{body} → {answer:?}"
        );
    }
    let none = &Value::Null;
    let path = format!("/api/v1/pull-payments/{pull}");
    let claimed = client.claim(&pull, &chain(Value::Null)).await.ok();
    assert_eq!(
        (&claimed["state"], &claimed["payoutAmount"]),
        (&json!("AwaitingApproval"), &json!(null))
    );
    assert_eq!(claimed["originalAmount"], "10000", "all that is left");
    client.call("DELETE", &path, none).await.ok();
    let late = client.claim(&pull, &chain(json!(1_000))).await;
    assert_eq!(late.refusal(), (400, "archived".to_owned()));
    assert_eq!(client.get(&format!("{path}/payouts")).await.ok(), json!([]));
    let one = client
        .get(&format!("{path}/payouts/{}", text(&claimed["id"])))
        .await;
    assert_eq!(one.refusal(), (404, "payout-not-found".to_owned()));
    let kept = client
        .get(&client.shop("/payouts?includeCancelled=true"))
        .await
        .ok();
    assert_eq!(kept[0]["state"], "Cancelled", "the owner still sees it");
}

#[tokio::test]
async fn terms_are_changed_and_one_claim_has_limits() {
    let client = Client::new().await;
    let pull = client
        .pull(json!({"amount": 10_000, "currency": "SATS", "maxClaimAmount": "4000", "maxClaimCount": 2}))
        .await;
    let path = format!("/api/v1/pull-payments/{pull}");
    let seen = client.get(&path).await.ok();
    assert_eq!(
        (&seen["maxClaimAmount"], &seen["maxClaimCount"]),
        (&json!("4000"), &json!(2))
    );
    let to = |number: u8, amount: Value| {
        let destination = crate::claims::api::address(number);
        json!({"destination": destination, "payoutMethodId": "BTC-CHAIN", "amount": amount})
    };
    let over = client.claim(&pull, &to(1, json!(4_001))).await;
    assert_eq!(over.refusal(), (400, "overdraft".to_owned()));
    let all = client.claim(&pull, &to(1, Value::Null)).await.ok();
    assert_eq!(all["originalAmount"], "4000", "all that one claim may take");
    client.claim(&pull, &to(2, json!(1_000))).await.ok();
    let third = client.claim(&pull, &to(3, json!(1_000))).await;
    assert_eq!(third.refusal(), (400, "overdraft".to_owned()));
    // A cancelled claim gives its place back.
    let first = format!("/api/v1/payouts/{}", text(&all["id"]));
    client.call("DELETE", &first, &Value::Null).await.ok();
    client.claim(&pull, &to(3, json!(1_000))).await.ok();

    let rows = [
        (json!({"amount": 1_999}), 422, "Amount"),
        (json!({"amount": "0"}), 422, "Amount"),
        (
            json!({"amount": "1999.5", "name": "x".repeat(51)}),
            422,
            "Name",
        ),
        (json!({"expiresAt": 1}), 422, "ExpiresAt"),
        (json!({"maxClaimAmount": "0.5"}), 422, "MaxClaimAmount"),
        (
            json!({"period": 5, "autoApproveClaims": "perhaps"}),
            422,
            "Period AutoApproveClaims",
        ),
    ];
    let before = client.get(&path).await.ok();
    client.check_refusals("PATCH", &path, &rows).await;
    assert_eq!(client.get(&path).await.ok(), before);
    let change =
        json!({"name": "Wages", "amount": "3000", "autoApproveClaims": true, "maxClaimCount": 9});
    let changed = client.call("PATCH", &path, &change).await.ok();
    let expected = [
        ("name", json!("Wages")),
        ("amount", json!("3000")),
        ("remainingAmount", json!("1000")),
        ("autoApproveClaims", json!(true)),
        ("maxClaimAmount", json!("4000")),
        ("maxClaimCount", json!(9)),
    ];
    for (name, value) in expected {
        assert_eq!(changed[name], value, "{name}");
    }
    assert_eq!(
        client.call("PATCH", &path, &Value::Null).await.ok(),
        changed,
        "nothing is named"
    );
    let limited = client.key(&["btcpay.store.canmanagepullpayments"]).await;
    let body = r#"{"autoApproveClaims":true}"#;
    let answer = client.call_as(Some(&limited), "PATCH", &path, body).await;
    assert_eq!(answer.status, 200, "managing holds making");
}

#[tokio::test]
async fn strangers_claim_a_few_times_a_minute_only() {
    let limits = Limits {
        stranger_actions_per_minute: 1,
        ..Limits::default()
    };
    let client = Client::limited(limits).await;
    let pull = client
        .pull(json!({"amount": 10_000, "currency": "SATS"}))
        .await;
    let wish = json!({"destination": ADDRESS, "payoutMethodId": "BTC-CHAIN", "amount": 1_000});
    client.claim(&pull, &wish).await.ok();
    let second = client.claim(&pull, &wish).await;
    assert_eq!(second.status, 429);
    assert_eq!(second.headers["retry-after"], "60");
}

#[tokio::test]
async fn without_lightning_there_is_no_lnurl() {
    let client = Client::new().await;
    let pull = client
        .pull(json!({"amount": 1, "currency": "SATS", "payoutMethods": ["BTC-CHAIN"]}))
        .await;
    let path = format!("/api/v1/pull-payments/{pull}");
    assert_eq!(client.get(&path).await.ok()["lnurlUri"], Value::Null);
    let answer = client.get(&format!("{path}/lnurl")).await;
    assert_eq!(answer.refusal(), (400, "lnurl-not-supported".to_owned()));
    let unknown = client.get("/api/v1/pull-payments/unknown/lnurl").await;
    assert_eq!(unknown.refusal(), (404, "pullpayment-not-found".to_owned()));
}
