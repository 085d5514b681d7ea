//! Stores and what they offer.

use rust_decimal::Decimal;
use serde_json::json;
use tollway::domain::money::Currency;

use super::{Client, text};

#[tokio::test]
async fn a_new_store_has_greenfield_s_defaults_and_gives_everything_back() {
    let client = Client::new().await;
    let made = client
        .post("/api/v1/stores", json!({"name": "Café"}))
        .await
        .ok();
    let expected = [
        ("name", json!("Café")),
        ("defaultCurrency", json!("USD")),
        ("invoiceExpiration", json!(900)),
        ("monitoringExpiration", json!(86_400)),
        ("displayExpirationTimer", json!(300)),
        ("refundBOLT11Expiration", json!(30)),
        ("speedPolicy", json!("MediumSpeed")),
        ("paymentTolerance", json!(0)),
        ("networkFeeMode", json!("MultiplePaymentsOnly")),
        ("showRecommendedFee", json!(true)),
        ("website", json!(null)),
        ("archived", json!(false)),
        (
            "receipt",
            json!({"enabled": true, "showQR": true, "showPayments": true}),
        ),
    ];
    for (name, value) in expected {
        assert_eq!(made[name], value, "{name}");
    }
    let path = format!("/api/v1/stores/{}", text(&made["id"]));
    assert_eq!(client.get(&path).await.ok(), made);

    // A whole object comes back as it went.
    let same = client.call("PUT", &path, &made).await.ok();
    assert_eq!(same, made);

    // A part changes only itself; null keeps.
    let part = json!({
        "website": "https://cafe.example", "speedPolicy": "HighSpeed", "name": null,
        "invoiceExpiration": "00:10:30", "paymentTolerance": "2.5",
        "defaultPaymentMethod": "BTC-LightningNetwork", "brandColor": "#00AAff",
    });
    let after = client.call("PUT", &path, &part).await.ok();
    assert_eq!(after["name"], "Café");
    assert_eq!(after["website"], "https://cafe.example");
    assert_eq!(after["speedPolicy"], "HighSpeed");
    assert_eq!(after["invoiceExpiration"], 600, "cut to minutes");
    assert_eq!(after["paymentTolerance"].to_string(), "2.5");
    assert_eq!(after["defaultPaymentMethod"], "BTC-LN");
    assert_eq!(after["showStoreHeader"], true);

    let none = &json!(null);
    client.call("DELETE", &path, none).await.ok();
    assert_eq!(client.get(&path).await.ok()["archived"], true);
    let listed = client.get("/api/v1/stores").await.ok();
    assert_eq!(listed.as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn settings_that_can_t_be_are_refused_together() {
    let client = Client::new().await;
    let rows = [
        (json!({}), 422, "Name"),
        (json!({"name": " "}), 422, "Name"),
        (json!({"name": "x".repeat(51)}), 422, "Name"),
        (
            json!({
                "name": "x", "defaultCurrency": "DOGE", "invoiceExpiration": 59,
                "monitoringExpiration": 599, "speedPolicy": "Warp", "paymentTolerance": 101,
                "website": "cafe.example", "brandColor": "red", "networkFeeMode": "Sometimes",
                "payJoinEnabled": 3, "paymentMethodCriteria": [{}],
            }),
            422,
            "DefaultCurrency InvoiceExpiration MonitoringExpiration SpeedPolicy PaymentTolerance \
             Website BrandColor NetworkFeeMode PayJoinEnabled PaymentMethodCriteria[0]",
        ),
    ];
    client.check_refusals("POST", "/api/v1/stores", &rows).await;
}

#[tokio::test]
async fn methods_and_rates() {
    let client = Client::new().await;
    let methods = client.get(&client.shop("/payment-methods")).await.ok();
    assert_eq!(methods[0]["paymentMethodId"], "BTC-CHAIN");
    assert_eq!(methods[1]["paymentMethodId"], "BTC-LN");
    assert!(methods[1].get("config").is_none());
    let path = client.shop("/payment-methods/btc-lightninglike?includeConfig=True");
    let method = client.get(&path).await.ok();
    assert_eq!(method["config"]["connectionString"], "Internal Node");
    let unknown = client.get(&client.shop("/payment-methods/DOGE")).await;
    assert_eq!(
        unknown.refusal(),
        (404, "paymentmethod-not-found".to_owned())
    );

    client.world.rates.set(Currency::USD, Decimal::from(50_000));
    let path = client.shop(
        "/rates?currencyPair=BTC_USD&currencyPair=SATS_USD&currencyPair=BTC_EUR&currencyPair=x",
    );
    let rates = client.get(&path).await.ok();
    assert_eq!(
        rates[0],
        json!({"currencyPair": "BTC_USD", "rate": "50000", "errors": []})
    );
    assert_eq!(rates[1]["rate"], "0.0005");
    assert_eq!(rates[2]["errors"], json!(["ERR_RATE_UNAVAILABLE"]));
    assert_eq!(rates[3]["errors"], json!(["ERR_INVALID_CURRENCY_PAIR"]));
}

#[tokio::test]
async fn two_changes_at_once_both_stay() {
    let client = Client::new().await;
    let shop = client.shop("");
    let rates = client.shop("/rates/configuration");
    let rows = [
        (
            (&shop, json!({"website": "https://one.example"}), "website"),
            (&shop, json!({"htmlTitle": "Two"}), "htmlTitle"),
        ),
        (
            (
                &shop,
                json!({"payoutMaxFeePercent": 2}),
                "payoutMaxFeePercent",
            ),
            (
                &shop,
                json!({"payoutMaxFeeFloor": "77"}),
                "payoutMaxFeeFloor",
            ),
        ),
        (
            (&rates, json!({"spread": 3}), "spread"),
            (&shop, json!({"defaultCurrency": "EUR"}), "defaultCurrency"),
        ),
        (
            (&shop, json!({"name": "Other"}), "name"),
            (&rates, json!({"spread": 4}), "spread"),
        ),
    ];
    for (one, other) in rows {
        // Both have looked at the store before either has its turn.
        let store = &client.world.gateway.store;
        let (release, wait) = std::sync::mpsc::channel::<()>();
        store.enqueue("wait", move |_| wait.recv().is_err(), |_| ());
        while store.queue_len() > 0 {
            tokio::task::yield_now().await;
        }
        let both_wait = async {
            while store.queue_len() < 2 {
                tokio::task::yield_now().await;
            }
            release.send(()).expect("the writer waits");
        };
        let (first, second, ()) = tokio::join!(
            client.call("PUT", one.0, &one.1),
            client.call("PUT", other.0, &other.1),
            both_wait
        );
        first.ok();
        second.ok();
        for (path, body, member) in [one, other] {
            let now = client.get(path).await.ok();
            assert_eq!(now[member], body[member], "{member}");
        }
    }
}
