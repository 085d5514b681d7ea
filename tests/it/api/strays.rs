//! Payments that fit no invoice.

use serde_json::{Value, json};
use tollway::domain::ids::PaymentHash;
use tollway::domain::money::{Msat, Sat};

use super::{Client, text};

#[tokio::test]
async fn what_came_to_nobody_is_shown_to_who_runs_the_server_and_assigned_once() {
    let client = Client::new().await;
    let hash = PaymentHash([9; 32]);
    client.world.receive(hash, Msat(1_000_500)).await;
    let list = client.get("/api/v1/server/strays").await.ok();
    let expected = json!([{
        "id": hash.to_string(),
        "paymentMethodId": "BTC-LN",
        "value": "0.000010005",
        "receivedDate": client.world.clock_now().secs(),
        "reason": "a Lightning payment for no invoice of this server",
        "destination": null,
        "lost": false,
        "invoiceId": null,
    }]);
    assert_eq!(list, expected);
    assert_eq!(client.get(&client.shop("/strays")).await.ok(), json!([]));

    let invoice = client.world.invoice(1_000).await.id.to_string();
    let path = format!("/api/v1/Server/Strays/{hash}/Assign");
    let refused = [
        (json!({}), 404, "invoice-not-found"),
        (json!({"invoiceId": "x"}), 404, "invoice-not-found"),
        (
            json!({"invoiceId": "UYwQnbxoqNL9eZDGHRKnrW"}),
            404,
            "invoice-not-found",
        ),
    ];
    client.check_refusals("POST", &path, &refused).await;
    let body = json!({ "invoiceId": invoice });
    for (payment, status, code) in [
        ("nothing", 404, "stray-not-found"),
        (
            &PaymentHash([8; 32]).to_string() as &str,
            404,
            "stray-not-found",
        ),
    ] {
        let path = format!("/api/v1/server/strays/{payment}/assign");
        let rows = [(body.clone(), status, code)];
        client.check_refusals("POST", &path, &rows).await;
    }
    let paid = client.post(&path, body.clone()).await.ok();
    assert_eq!(
        (paid["status"].as_str(), paid["id"].as_str()),
        (Some("Settled"), Some(invoice.as_str()))
    );
    client
        .check_refusals("POST", &path, &[(body, 400, "already-assigned")])
        .await;
    let list = client.get("/api/v1/server/strays").await.ok();
    assert_eq!(text(&list[0]["invoiceId"]), invoice);
}

#[tokio::test]
async fn a_stores_stray_needs_the_stores_rights() {
    let client = Client::new().await;
    let shop = client.world.shop;
    let place = client
        .world
        .job(move |tx| {
            let till = tx.tills().hot(shop).expect("a till");
            tx.tills_mut().reveal(till).expect("an address")
        })
        .await;
    let tx = client.world.chain.pay(&place.script, Sat(7_000));
    client.world.mine(1).await;
    let viewer = client.key(&["btcpay.store.canviewinvoices"]).await;
    let path = client.shop("/strays");
    let list = client.call_as(Some(&viewer), "GET", &path, "").await.ok();
    let id = format!("{}:0", tx.compute_txid());
    assert_eq!(text(&list[0]["id"]), id);
    assert_eq!(text(&list[0]["destination"]), place.address);
    let body = json!({ "invoiceId": client.world.invoice(7_000).await.id.to_string() });
    let assign = client.shop(&format!("/strays/{id}/assign"));
    let refused = [
        (Some(viewer.as_str()), assign.as_str(), 403),
        (None, &assign, 401),
        (Some(&viewer), "/api/v1/server/strays", 403),
    ];
    for (who, path, status) in refused {
        let method = if path == assign { "POST" } else { "GET" };
        let answer = client.call_as(who, method, path, &body.to_string()).await;
        assert_eq!(answer.status.as_u16(), status, "{path}");
    }
    let paid = client.post(&assign, body).await.ok();
    assert_eq!(paid["status"], Value::from("Settled"));
}
