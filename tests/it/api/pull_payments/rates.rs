//! Budgets in other units than bitcoin.

use super::*;

#[tokio::test]
async fn a_budget_in_fiat_or_hours_is_paid_in_bitcoin_at_approval() {
    let client = Client::new().await;
    let world = &client.world;
    let pull = client.pull(json!({"amount": 100, "currency": "usd"})).await;
    let path = format!("/api/v1/pull-payments/{pull}");
    let seen = client.get(&path).await.ok();
    assert_eq!(
        (
            &seen["currency"],
            &seen["lnurlUri"],
            &seen["remainingAmount"]
        ),
        (&json!("USD"), &json!(null), &json!("100"))
    );
    let lnurl = client.get(&format!("{path}/lnurl")).await;
    assert_eq!(lnurl.refusal(), (400, "lnurl-not-supported".to_owned()));
    let wish = json!({"destination": ADDRESS, "payoutMethodId": "BTC-CHAIN", "amount": "40.5"});
    let claimed = client.claim(&pull, &wish).await.ok();
    let expected = [
        ("originalCurrency", json!("USD")),
        ("originalAmount", json!("40.5")),
        ("payoutCurrency", json!("BTC")),
        ("payoutAmount", json!(null)),
        ("state", json!("AwaitingApproval")),
    ];
    for (name, value) in expected {
        assert_eq!(claimed[name], value, "{name}");
    }
    let one = format!("/api/v1/payouts/{}", text(&claimed["id"]));
    let rows = [
        (json!({}), 400, "rate-unavailable"),
        (json!({"rateRule": "hello("}), 422, "RateRule"),
    ];
    client.check_refusals("POST", &one, &rows).await;
    world
        .rates
        .set("USD".parse().expect("known"), 81_000.into());
    let approved = client.post(&one, json!({"rateRule": null})).await.ok();
    assert_eq!(
        (&approved["state"], &approved["payoutAmount"]),
        (&json!("AwaitingPayment"), &json!("0.0005"))
    );
    let seen = client.get(&path).await.ok();
    assert_eq!(
        (&seen["claimedAmount"], &seen["remainingAmount"]),
        (&json!("40.5"), &json!("59.5"))
    );
    let over = json!({"destination": crate::claims::api::address(1), "payoutMethodId": "BTC-CHAIN", "amount": "59.51"});
    assert_eq!(
        client.claim(&pull, &over).await.refusal(),
        (400, "overdraft".to_owned())
    );

    // Hours have no price but what the approver says.
    let hours = client.pull(json!({"amount": 8, "currency": "hours"})).await;
    let (bolt11, _) = world.customer.invoice(&crate::support::Wish {
        amount: None,
        expiry_secs: 40 * 86_400,
        ..world.wish(1)
    });
    let wish = json!({"destination": bolt11, "payoutMethodId": "BTC-LN"});
    let claimed = client.claim(&hours, &wish).await.ok();
    assert_eq!(claimed["originalAmount"], "8");
    let one = format!("/api/v1/payouts/{}", text(&claimed["id"]));
    let refused = client.post(&one, json!({})).await;
    assert_eq!(refused.refusal(), (400, "rate-unavailable".to_owned()));
    let approved = client.post(&one, json!({"rateRule": "2500"})).await.ok();
    assert_eq!(approved["payoutAmount"], "0.0032");
    world.check().await;
}

#[tokio::test]
async fn what_comes_to_too_little_at_approval_is_cancelled() {
    let client = Client::new().await;
    let pull = client.pull(json!({"amount": 100, "currency": "USD"})).await;
    let wish = json!({"destination": ADDRESS, "payoutMethodId": "BTC-CHAIN", "amount": "0.01"});
    let claimed = client.claim(&pull, &wish).await.ok();
    let one = format!("/api/v1/payouts/{}", text(&claimed["id"]));
    let refused = client.post(&one, json!({"rateRule": "81000"})).await;
    assert_eq!(refused.refusal(), (400, "amount-too-low".to_owned()));
    assert_eq!(client.get(&one).await.ok()["state"], "Cancelled");
    let budget = client
        .get(&format!("/api/v1/pull-payments/{pull}"))
        .await
        .ok();
    assert_eq!(budget["claimedAmount"], "0");
    client.world.check().await;
}

/// D22: a link that is not in bitcoin has an LNURL if it promises its rate.
#[tokio::test]
async fn a_link_in_dollars_has_an_lnurl_if_it_promises_its_rate() {
    let client = Client::new().await;
    let world = &client.world;
    world
        .rates
        .set("USD".parse().expect("known"), 50_000.into());
    let pulls = client.shop("/pull-payments");
    let with = |secs: Value| json!({"amount": 10, "currency": "USD", "autoApproveClaims": true, "rateLockSeconds": secs});
    let rows = [9, 3_601, -1].map(|secs| (with(json!(secs)), 422, "RateLockSeconds"));
    client.check_refusals("POST", &pulls, &rows).await;
    for (secs, locked) in [(json!(null), false), (json!(60), true)] {
        let made = client.post(&pulls, with(secs.clone())).await.ok();
        let path = format!("/api/v1/pull-payments/{}", text(&made["id"]));
        let seen = client.get(&path).await.ok();
        assert_eq!(seen["rateLockSeconds"], secs);
        assert_eq!(seen["lnurlUri"].is_string(), locked);
        let lnurl = client.get(&format!("{path}/lnurl")).await;
        if locked {
            assert_eq!(lnurl.ok()["lnurlUri"], seen["lnurlUri"]);
        } else {
            assert_eq!(lnurl.refusal(), (400, "lnurl-not-supported".to_owned()));
        }
        let rows = [(json!({"rateLockSeconds": 30}), 422, "RateLockSeconds")];
        client.check_refusals("PATCH", &path, &rows).await;
    }
}
