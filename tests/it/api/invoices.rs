//! Invoices.

mod methods;

use rust_decimal::Decimal;
use serde_json::{Value, json};
use tollway::config::Limits;
use tollway::domain::money::{Currency, Msat, Sat};

use super::{Client, text};

async fn priced() -> Client {
    let client = Client::new().await;
    client
        .world
        .rates
        .set(Currency::USD, Decimal::from(100_000));
    client
}

#[tokio::test]
async fn an_invoice_shows_what_is_in_force_and_how_to_pay_it() {
    let client = priced().await;
    let metadata = r#"{"orderId":17,"itemDesc":"Tea","posData":{"b":1.10,"a":1234567890.12345678901234567890},"é":"\""}"#;
    let body = format!(
        r#"{{"amount":"10.000","currency":"usd","metadata":{metadata},"unknown":1,
        "checkout":{{"expirationMinutes":30,"monitoringMinutes":"01:30:00","redirectURL":"https://a.example/{{OrderId}}"}},
        "receipt":{{"enabled":false}},"additionalSearchTerms":["table seven"]}}"#
    );
    let key = client.authorization.as_deref();
    let path = client.shop("/invoices");
    let made = client.call_as(key, "POST", &path, &body).await.ok();
    let id = text(&made["id"]);
    let expected = [
        ("storeId", json!(client.world.shop.to_string())),
        ("amount", json!("10.00")),
        ("paidAmount", json!("0")),
        ("currency", json!("USD")),
        ("type", json!("Standard")),
        (
            "checkoutLink",
            json!(format!("http://127.0.0.1:8080/i/{id}")),
        ),
        ("status", json!("New")),
        ("additionalStatus", json!("None")),
        (
            "availableStatusesForManualMarking",
            json!(["Settled", "Invalid"]),
        ),
        ("archived", json!(false)),
        ("lightningMissingReason", json!(null)),
        (
            "receipt",
            json!({"enabled": false, "showQR": true, "showPayments": true}),
        ),
    ];
    for (name, value) in expected {
        assert_eq!(made[name], value, "{name}");
    }
    assert_eq!(
        made["metadata"].to_string(),
        metadata,
        "given back unchanged"
    );
    let checkout = &made["checkout"];
    assert_eq!(checkout["speedPolicy"], "MediumSpeed");
    assert_eq!(checkout["expirationMinutes"], 30);
    assert_eq!(checkout["monitoringMinutes"], 90);
    assert_eq!(checkout["redirectURL"], "https://a.example/{OrderId}");
    assert_eq!(checkout["paymentMethods"], json!(["BTC-CHAIN", "BTC-LN"]));
    let seconds = |name: &str| made[name].as_u64().expect("seconds");
    assert_eq!(seconds("expirationTime"), seconds("createdTime") + 1_800);
    assert_eq!(
        seconds("monitoringExpiration"),
        seconds("expirationTime") + 5_400
    );

    let methods = client
        .get(&format!("/api/v1/invoices/{id}/payment-methods"))
        .await
        .ok();
    let (chain, lightning) = (&methods[0], &methods[1]);
    assert_eq!(chain["paymentMethodId"], "BTC-CHAIN");
    assert_eq!(chain["paymentMethod"], "BTC-CHAIN");
    assert_eq!(lightning["paymentMethodId"], "BTC-LN");
    for method in [chain, lightning] {
        assert_eq!(method["rate"], "100000");
        assert_eq!(method["amount"], "0.0001");
        assert_eq!(method["due"], "0.0001");
        assert_eq!(method["totalPaid"], "0");
        assert_eq!(method["payments"], json!([]));
    }
    let (address, bolt11) = (text(&chain["destination"]), text(&lightning["destination"]));
    assert_eq!(
        chain["paymentLink"],
        format!("bitcoin:{address}?amount=0.0001")
    );
    assert_eq!(lightning["paymentLink"], format!("lightning:{bolt11}"));
    assert_eq!(
        chain["unifiedPaymentLink"],
        format!("bitcoin:{address}?amount=0.0001&lightning={bolt11}")
    );
}

#[tokio::test]
async fn payments_show_in_the_method_they_came_by() {
    let client = priced().await;
    let invoice = client.world.invoice(100_000).await;
    let hash = invoice.lightning[0].hash;
    client.world.receive(hash, Sat(100_001).to_msat()).await;
    let path = client.shop(&format!(
        "/invoices/{}?includePaymentMethods=true",
        invoice.id
    ));
    let seen = client.get(&path).await.ok();
    assert_eq!(seen["status"], "Settled");
    assert_eq!(seen["additionalStatus"], "PaidOver");
    assert_eq!(seen["paidAmount"], "100001");
    assert_eq!(seen["availableStatusesForManualMarking"], json!([]));
    let lightning = &seen["paymentMethods"][1];
    assert_eq!(lightning["due"], "-0.00000001");
    assert_eq!(lightning["paymentMethodPaid"], "0.00100001");
    assert_eq!(lightning["payments"][0]["id"], hash.to_string());
    assert_eq!(lightning["payments"][0]["status"], "Settled");
    assert_eq!(
        lightning["paymentLink"],
        Value::Null,
        "nothing more is asked for"
    );
    assert_eq!(seen["paymentMethods"][0]["paymentMethodPaid"], "0");
    assert!(!seen.to_string().contains("preimage"));
}

#[tokio::test]
async fn bad_invoices_are_refused_with_every_reason() {
    let client = priced().await;
    let rows = [
        (json!({"amount": -1}), 422, "Amount"),
        (json!({"amount": "0.001", "currency": "USD"}), 422, "Amount"),
        (json!({"amount": "abc"}), 422, "Amount"),
        (json!({"amount": 1e30, "currency": "BTC"}), 422, "Amount"),
        (
            json!({"amount": 21_000_001, "currency": "BTC"}),
            422,
            "Amount",
        ),
        (json!({"amount": 1, "currency": "DOGE"}), 422, "Currency"),
        (json!({"amount": 1, "currency": "EUR"}), 400, "rate-failure"),
        (json!({"amount": 1, "metadata": "x"}), 422, "Metadata"),
        (json!({"amount": 1, "checkout": []}), 422, "Checkout"),
        (
            json!({"amount": 1, "checkout": {"expirationMinutes": "00:00:29"}}),
            422,
            "Checkout.Expiration",
        ),
        (
            json!({"amount": "x", "currency": "??", "checkout": {
                "paymentTolerance": 100.5, "paymentMethods": ["BTC", "DOGE", "BTC-LNURL"],
                "speedPolicy": "Fast", "redirectURL": "javascript:alert(1)", "defaultLanguage": "?"}}),
            422,
            "Amount Checkout.PaymentMethods[1] Checkout.PaymentMethods[2] Currency Checkout.SpeedPolicy \
             Checkout.PaymentTolerance Checkout.RedirectURL Checkout.DefaultLanguage",
        ),
        (
            json!({"amount": 1, "currency": "SATS", "checkout": {"paymentMethods": ["BTC"]}}),
            400,
            "generic-error",
        ),
    ];
    let path = client.shop("/invoices");
    client.check_refusals("POST", &path, &rows).await;
    assert_eq!(client.get(&path).await.ok(), json!([]));
}

#[tokio::test]
async fn the_merchant_reads_why_there_is_no_lightning_half() {
    let client = priced().await;
    client.world.lightning.set_receivable(Msat(5_000));
    let body = json!({"amount": 50_000, "currency": "SATS"});
    let made = client.post(&client.shop("/invoices"), body).await.ok();
    assert!(text(&made["lightningMissingReason"]).contains("no channel"));
    let path = format!("/api/v1/invoices/{}/payment-methods", text(&made["id"]));
    let methods = client.get(&path).await.ok();
    assert_eq!(methods.as_array().map(Vec::len), Some(1));
    let link = format!("bitcoin:{}?amount=0.0005", text(&methods[0]["destination"]));
    assert_eq!(methods[0]["unifiedPaymentLink"], link);
}

#[tokio::test]
async fn special_prices() {
    let client = priced().await;
    let path = client.shop("/invoices");
    let top_up = client
        .call_as(client.authorization.as_deref(), "POST", &path, "")
        .await
        .ok();
    assert_eq!(
        (&top_up["type"], &top_up["amount"]),
        (&json!("TopUp"), &json!("0"))
    );
    assert_eq!(top_up["currency"], "USD");
    let free = client.post(&path, json!({"amount": 0})).await.ok();
    assert_eq!(free["status"], "Settled");
}

#[tokio::test]
async fn lists_are_filtered_and_cut() {
    let client = priced().await;
    let path = client.shop("/invoices");
    let mut ids = Vec::new();
    for order in ["a", "b", "b"] {
        let body = json!({"amount": 5, "metadata": {"orderId": order, "buyerName": format!("Ann {order}")}});
        ids.push(text(&client.post(&path, body).await.ok()["id"]));
        client.world.clock.advance_secs(10);
    }
    let begin = crate::support::world::BEGIN;
    client
        .post(
            &format!("{path}/{}/status", ids[0]),
            json!({"status": "invalid"}),
        )
        .await
        .ok();
    let none = &Value::Null;
    client
        .call("DELETE", &format!("{path}/{}", ids[1]), none)
        .await
        .ok();
    let rows = [
        (String::new(), vec![2, 0]),
        ("includeArchived=True".to_owned(), vec![2, 1, 0]),
        ("orderId=b&orderId=a".to_owned(), vec![2, 0]),
        ("orderId=c".to_owned(), vec![]),
        ("status=Invalid".to_owned(), vec![0]),
        ("status=New&status=Settled".to_owned(), vec![2]),
        ("textSearch=ANN%20B".to_owned(), vec![2]),
        (format!("textSearch={}", ids[0]), vec![0]),
        ("includeArchived=true&skip=1&take=1".to_owned(), vec![1]),
        ("take=0".to_owned(), vec![]),
        (format!("startDate={}", begin + 15), vec![2]),
        (
            format!("includeArchived=true&endDate={}", begin + 3),
            vec![0],
        ),
    ];
    for (query, expected) in rows {
        let listed = client.get(&format!("{path}?{query}")).await.ok();
        let listed: Vec<_> = listed
            .as_array()
            .expect("a list")
            .iter()
            .map(|one| text(&one["id"]))
            .collect();
        let expected: Vec<_> = expected
            .into_iter()
            .map(|place: usize| ids[place].clone())
            .collect();
        assert_eq!(listed, expected, "{query}");
    }
    let bad = [
        ("startDate=9&endDate=8", "startDate endDate"),
        ("startDate=yesterday", "startDate"),
        ("endDate=-1", "endDate"),
        ("skip=x", "skip"),
        ("status=Paid", "status"),
        ("includeArchived=perhaps", "includeArchived"),
    ];
    for (query, paths) in bad {
        let answer = client.get(&format!("{path}?{query}")).await;
        assert_eq!(answer.refusal(), (422, paths.to_owned()), "{query}");
    }
}

#[tokio::test]
async fn a_person_s_word_and_other_changes() {
    let client = priced().await;
    let id = client.world.invoice(1_000).await.id;
    let path = format!("/api/v1/invoices/{id}");
    let none = &Value::Null;
    let changed = json!({"metadata": {"orderId": "new", "n": 1}});
    let after = client.call("PUT", &path, &changed).await.ok();
    assert_eq!(after["metadata"], changed["metadata"]);
    let listed = client.get(&client.shop("/invoices?orderId=new")).await.ok();
    assert_eq!(listed.as_array().map(Vec::len), Some(1));
    let kept = client.call("PUT", &path, &json!({})).await.ok();
    assert_eq!(kept["metadata"], changed["metadata"]);

    let status = format!("{path}/status");
    let rows = [
        (json!({}), 422, "Status"),
        (json!({"status": "Expired"}), 422, "Status"),
    ];
    client.check_refusals("POST", &status, &rows).await;
    let marked = client
        .post(&status, json!({"status": "Settled"}))
        .await
        .ok();
    assert_eq!(
        (&marked["status"], &marked["additionalStatus"]),
        (&json!("Settled"), &json!("Marked"))
    );
    let again = client.post(&status, json!({"status": "Settled"})).await;
    assert_eq!(again.refusal(), (422, "Status".to_owned()));

    let unarchive = format!("{path}/unarchive");
    let early = client.post(&unarchive, json!(null)).await;
    assert_eq!(early.refusal(), (400, "already-unarchived".to_owned()));
    client.call("DELETE", &path, none).await.ok();
    assert_eq!(client.get(&path).await.ok()["archived"], true);
    assert_eq!(
        client.post(&unarchive, json!(null)).await.ok()["archived"],
        false
    );
}

#[tokio::test]
async fn strangers_make_invoices_only_where_they_may_and_not_without_end() {
    let limits = Limits {
        stranger_actions_per_minute: 2,
        ..Limits::default()
    };
    let client = Client::limited(limits).await;
    let path = client.shop("/invoices");
    let body = r#"{"amount":1000,"currency":"SATS"}"#;
    let closed = client.call_as(None, "POST", &path, body).await;
    assert_eq!(closed.status, 401);
    let open = json!({"anyoneCanCreateInvoice": true});
    client.call("PUT", &client.shop(""), &open).await.ok();
    for expected in [200, 200, 429] {
        let answer = client.call_as(None, "POST", &path, body).await;
        assert_eq!(answer.status.as_u16(), expected);
    }
    // The owner is not counted.
    let owner = client.authorization.as_deref();
    assert_eq!(client.call_as(owner, "POST", &path, body).await.status, 200);
}
