//! What a store offers: its terms, its payment methods, its fee rate.

use super::*;

#[tokio::test]
async fn what_is_not_said_is_the_store_s() {
    let client = priced().await;
    let settings = json!({
        "lazyPaymentMethods": false, "redirectAutomatically": true, "defaultLang": "pt-BR",
        "defaultPaymentMethod": "BTC_LightningNetwork", "receipt": {"showQR": false},
        "speedPolicy": "LowSpeed", "paymentTolerance": 2.5, "invoiceExpiration": 1200, "monitoringExpiration": 7200,
    });
    client.call("PUT", &client.shop(""), &settings).await.ok();
    let path = client.shop("/invoices");
    let made = client.post(&path, json!({"amount": 1})).await.ok();
    let expected = json!({
        "speedPolicy": "LowSpeed", "paymentMethods": ["BTC-CHAIN", "BTC-LN"], "defaultPaymentMethod": "BTC-LN",
        "lazyPaymentMethods": false, "expirationMinutes": 20, "monitoringMinutes": 120, "paymentTolerance": 2.5,
        "redirectURL": null, "redirectAutomatically": true, "defaultLanguage": "pt-BR",
    });
    assert_eq!(made["checkout"], expected);
    assert_eq!(
        made["receipt"],
        json!({"enabled": true, "showQR": false, "showPayments": true})
    );
    let body = json!({"amount": 1, "checkout": {"redirectAutomatically": "False", "defaultLanguage": "en", "defaultPaymentMethod": "BTC"}});
    let checkout = client.post(&path, body).await.ok()["checkout"].clone();
    assert_eq!(checkout["redirectAutomatically"], false);
    assert_eq!(checkout["defaultLanguage"], "en");
    assert_eq!(checkout["defaultPaymentMethod"], "BTC-CHAIN");
}

#[tokio::test]
async fn methods_left_for_later_are_made_when_somebody_asks() {
    let client = priced().await;
    let body = json!({"amount": 10, "checkout": {"lazyPaymentMethods": true}});
    let made = client
        .post(&client.shop("/invoices"), body.clone())
        .await
        .ok();
    assert_eq!(made["checkout"]["lazyPaymentMethods"], true);
    let one = format!("/api/v1/invoices/{}", text(&made["id"]));
    let methods = |answer: &Value| -> Vec<(bool, bool)> {
        let list = answer.as_array().expect("a list");
        list.iter()
            .map(|one| (one["activated"] == true, one["destination"].is_string()))
            .collect()
    };
    let path = format!("{one}/payment-methods");
    assert_eq!(methods(&client.get(&path).await.ok()), [(false, false); 2]);
    let viewer = client.key(&["btcpay.store.canviewinvoices"]).await;
    let activate = |method: &str| format!("{path}/{method}/activate");
    for _ in 0..2 {
        let answer = client
            .call_as(Some(&viewer), "POST", &activate("btc_lightningnetwork"), "")
            .await;
        assert_eq!(answer.ok(), Value::Null);
    }
    assert_eq!(
        methods(&client.get(&path).await.ok()),
        [(false, false), (true, true)]
    );
    client.post(&activate("BTC-CHAIN"), Value::Null).await.ok();
    let seen = client.get(&path).await.ok();
    assert_eq!(methods(&seen), [(true, true); 2]);
    assert!(seen[0]["unifiedPaymentLink"].is_string());
    for method in ["BTC-LNURL", "DOGE"] {
        let refused = client.post(&activate(method), Value::Null).await;
        assert_eq!(
            refused.refusal(),
            (400, "invalid-payment-method".to_owned()),
            "{method}"
        );
    }
    // Money to what was made later finds its invoice (P12).
    let id = text(&made["id"]).parse().expect("an id");
    let place = client
        .world
        .see_invoice(id)
        .await
        .onchain
        .expect("an address");
    client.world.chain.pay(&place.script, Sat(10_000));
    client.world.mine(1).await;
    assert_eq!(client.get(&one).await.ok()["status"], "Settled");

    let gone = client.post(&client.shop("/invoices"), body).await.ok();
    let one = format!("/api/v1/invoices/{}", text(&gone["id"]));
    client
        .post(&format!("{one}/status"), json!({"status": "Invalid"}))
        .await
        .ok();
    let late = client
        .post(
            &format!("{one}/payment-methods/BTC-LN/activate"),
            Value::Null,
        )
        .await;
    assert_eq!(late.refusal(), (400, "invalid-payment-method".to_owned()));
    client.world.check().await;
}

#[tokio::test]
async fn a_store_offers_methods_by_price() {
    let client = priced().await;
    let criteria = json!({"paymentMethodCriteria": [
        {"paymentMethodId": "BTC-CHAIN", "currencyCode": "USD", "amount": "50", "above": true},
        {"paymentMethodId": "BTC-LN", "currencyCode": "SATS", "amount": "100000", "above": false},
    ]});
    client.call("PUT", &client.shop(""), &criteria).await.ok();
    // 100,000 sat are 100 USD.
    for (amount, offered) in [
        (10, "BTC-LN"),
        (50, "BTC-CHAIN BTC-LN"),
        (100, "BTC-CHAIN BTC-LN"),
        (101, "BTC-CHAIN"),
    ] {
        let body = json!({"amount": amount, "currency": "USD"});
        let made = client.post(&client.shop("/invoices"), body).await.ok();
        let path = format!("/api/v1/invoices/{}/payment-methods", text(&made["id"]));
        let methods = client.get(&path).await.ok();
        let ids: Vec<_> = methods
            .as_array()
            .expect("a list")
            .iter()
            .map(|one| text(&one["paymentMethodId"]))
            .collect();
        assert_eq!(ids.join(" "), offered, "{amount}");
    }
}

#[tokio::test]
async fn public_keys_are_for_who_may_change_the_store() {
    let client = priced().await;
    let id = client.world.invoice(1_000).await.id;
    let path = format!("/api/v1/invoices/{id}/payment-methods?includeSensitive=True");
    let methods = client.get(&path).await.ok();
    let keys = text(&methods[0]["additionalData"]["accountDerivation"]);
    assert!(keys.contains("pub") && !keys.contains("prv"), "{keys}");
    let viewer = client.key(&["btcpay.store.canviewinvoices"]).await;
    let refused = client.call_as(Some(&viewer), "GET", &path, "").await;
    assert_eq!(
        refused.body["missingPermission"],
        "btcpay.store.canmodifystoresettings"
    );
    let plain = path.replace("True", "False");
    let methods = client.call_as(Some(&viewer), "GET", &plain, "").await.ok();
    assert_eq!(
        methods[0]["additionalData"]["accountDerivation"],
        Value::Null
    );
}

#[tokio::test]
async fn a_payer_is_told_a_fee_rate() {
    let client = priced().await;
    client.world.chain.set_fee_rate(7_250);
    client.world.clock.advance_secs(61);
    client.world.look().await;
    let made = client
        .post(&client.shop("/invoices"), json!({"amount": 10}))
        .await
        .ok();
    let one = format!("/api/v1/invoices/{}", text(&made["id"]));
    let told = async || {
        let path = format!("{one}/payment-methods");
        let methods = client.get(&path).await.ok();
        let with = client
            .get(&format!("{one}?includePaymentMethods=true"))
            .await;
        let rate = methods[0]["additionalData"]["recommendedFeeRate"].clone();
        let same = &with.ok()["paymentMethods"][0]["additionalData"]["recommendedFeeRate"];
        assert_eq!(*same, rate);
        rate
    };
    assert_eq!(told().await, json!("7.25"));
    // A target of the store's own is looked up once somebody asks.
    let target = json!({"recommendedFeeBlockTarget": 6});
    client.call("PUT", &client.shop(""), &target).await.ok();
    assert_eq!(told().await, json!(null));
    client.world.chain.set_fee_rate(3_000);
    client.world.look().await;
    assert_eq!(told().await, json!("3"));
    // It is a minute old at most.
    client.world.chain.set_fee_rate(9_000);
    client.world.look().await;
    assert_eq!(told().await, json!("3"));
    client.world.clock.advance_secs(61);
    client.world.look().await;
    assert_eq!(told().await, json!("9"));
    // Nobody waits for a chain source that is gone.
    client.world.chain.set_silent(true);
    client.world.clock.advance_secs(61);
    client.world.look().await;
    assert_eq!(told().await, json!("9"));
}
