//! Connecting wallets, changing them and going back.

use super::*;

#[tokio::test]
async fn the_wallet_before_stays_watched_and_comes_back() {
    let client = Client::new().await;
    let before = client.world.invoice(50_000).await;
    let signer = Signer::new(1, Kind::Segwit);
    let path = client.shop("/payment-methods/BTC-CHAIN");
    let own = client.get(&format!("{path}?includeConfig=true")).await.ok();
    let after = connect(&client, &signer).await;
    assert_eq!(after["config"]["derivationScheme"], signer.scheme);
    assert_eq!(after["config"]["accountKeyPath"], signer.key_path);
    let script = before.onchain.clone().expect("an address").script;
    client.world.chain.pay(&script, Sat(50_000));
    client.world.mine(6).await;
    let invoice = client.world.see_invoice(before.id).await;
    assert_eq!(invoice.status, tollway::domain::invoice::Status::Settled);
    client.world.check().await;
    // The same wallet again goes on where it was.
    let one = client
        .world
        .invoice(50_000)
        .await
        .onchain
        .expect("an address");
    assert_eq!(one.address, signer.address(0));
    let back = json!({ "config": own["config"] });
    client.call("PUT", &path, &back).await.ok();
    let two = client
        .world
        .invoice(50_000)
        .await
        .onchain
        .expect("an address");
    assert_eq!((two.till.generation, two.index), (0, 1));
    connect(&client, &signer).await;
    let three = client
        .world
        .invoice(50_000)
        .await
        .onchain
        .expect("an address");
    assert_eq!(three.address, signer.address(1));
    // P12 across a restart too.
    let Client { world, router, .. } = client;
    drop(router);
    let world = world.restart();
    world.open_gate().await;
    let four = world.invoice(50_000).await.onchain.expect("an address");
    assert_eq!(four.address, signer.address(2));
    world.check().await;
}

#[tokio::test]
async fn methods_are_switched_off_and_taken_away() {
    let client = Client::new().await;
    let list = client.shop("/payment-methods");
    let chain = client.shop("/payment-methods/btc_onchain");
    let node = client.shop("/payment-methods/BTC-LN");
    let off = client
        .call("PUT", &chain, &json!({"enabled": false}))
        .await
        .ok();
    assert_eq!(
        (&off["paymentMethodId"], &off["enabled"]),
        (&json!("BTC-CHAIN"), &json!(false))
    );
    assert!(client.world.invoice(50_000).await.onchain.is_none());
    let enabled = client.get(&format!("{list}?onlyEnabled=true")).await.ok();
    assert_eq!(enabled.as_array().map(Vec::len), Some(1));
    let viewer = client.key(&["btcpay.store.canviewstoresettings"]).await;
    let seen = client
        .call_as(
            Some(&viewer),
            "GET",
            &format!("{list}?includeConfig=true"),
            "",
        )
        .await
        .ok();
    assert_eq!(seen[0]["config"], Value::Null);
    let shown = client.get(&format!("{list}?includeConfig=true")).await.ok();
    assert_eq!(shown[1]["config"]["connectionString"], "Internal Node");
    assert!(text(&shown[0]["config"]["derivationScheme"]).starts_with("tpub"));

    client.call("DELETE", &chain, &Value::Null).await.ok();
    let gone = client.get(&chain).await;
    assert_eq!(gone.refusal(), (404, "paymentmethod-not-found".to_owned()));
    let bare = client.get(&wallet(&client, "")).await;
    assert_eq!(
        bare.refusal(),
        (404, "paymentmethod-not-configured".to_owned())
    );
    let rows = [(json!({"enabled": true}), 422, "Config")];
    client.check_refusals("PUT", &chain, &rows).await;
    client.call("DELETE", &node, &Value::Null).await.ok();
    assert_eq!(client.get(&list).await.ok(), json!([]));
    let nothing = client
        .post(&client.shop("/invoices"), json!({"amount": 1}))
        .await;
    assert_eq!(nothing.status, 400);
    let rows = [
        (
            json!({"config": "type=lnd-rest;server=https://example.com"}),
            422,
            "Config",
        ),
        (json!({"config": {"connectionString": "x"}}), 422, "Config"),
        (json!({}), 422, "Config"),
    ];
    client.check_refusals("PUT", &node, &rows).await;
    let back = client
        .call("PUT", &node, &json!({"config": "Internal Node"}))
        .await
        .ok();
    assert_eq!(back["enabled"], true);
    let unknown = client.get(&client.shop("/payment-methods/BTC-LNURL")).await;
    assert_eq!(
        unknown.refusal(),
        (404, "paymentmethod-not-found".to_owned())
    );
}

#[tokio::test]
async fn what_cannot_be_watched_is_refused_and_changes_nothing() {
    let client = Client::new().await;
    let signer = Signer::new(1, Kind::Segwit);
    let path = client.shop("/payment-methods/BTC-CHAIN");
    let before = client.get(&format!("{path}?includeConfig=true")).await.ok();
    let long = "x".repeat(300);
    let rows = [
        (json!({"config": ""}), 200, ""),
        (json!({"config": "tea"}), 422, "Config"),
        (json!({"config": 7}), 422, "Config"),
        (json!({"config": {}}), 422, "Config.DerivationScheme"),
        (
            json!({"config": {"derivationScheme": "tea"}}),
            422,
            "Config",
        ),
        (
            json!({"config": {"derivationScheme": signer.scheme, "accountKeyPath": "x"}}),
            422,
            "Config",
        ),
        (
            json!({"config": {"derivationScheme": signer.scheme, "label": long}}),
            422,
            "Label",
        ),
        (
            json!({"config": "tprv8ZgxMBicQKsPe5YMU9gHen4Ez3ApihUfykaqUorj9t6FDqy3nP6eoXiAo2ssvpAjoLroQxHqr3R5nE3a5dU3DHTjTgJDd7zrbniJr6nrCzd"}),
            422,
            "Config",
        ),
        (
            json!({"config": signer.descriptor.replace("wpkh", "pkh")}),
            422,
            "Config",
        ),
        (json!({"enabled": 7}), 422, "Enabled"),
    ];
    for (body, status, words) in &rows {
        let answer = client.call("PUT", &path, body).await;
        if *status == 200 {
            answer.ok();
        } else {
            assert_eq!(answer.refusal(), (*status, (*words).to_owned()), "{body}");
        }
    }
    let after = client.get(&format!("{path}?includeConfig=true")).await.ok();
    assert_eq!(after, before);

    // P12 no two stores share addresses.
    connect(&client, &signer).await;
    let other = client
        .post("/api/v1/stores", json!({"name": "Other"}))
        .await
        .ok();
    let theirs = format!(
        "/api/v1/stores/{}/payment-methods/BTC-CHAIN",
        text(&other["id"])
    );
    let rows = [
        (json!({"config": signer.descriptor}), 422, "Config"),
        (json!({"config": signer.scheme}), 422, "Config"),
        (json!({"config": before["config"]}), 422, "Config"),
    ];
    client.check_refusals("PUT", &theirs, &rows).await;
}

#[tokio::test]
async fn a_store_has_so_many_wallets_in_its_life() {
    let client = Client::new().await;
    let path = client.shop("/payment-methods/BTC-CHAIN");
    let mut number = 0;
    let refused = loop {
        number += 1;
        let body = json!({ "config": Signer::new(number, Kind::Segwit).descriptor });
        let answer = client.call("PUT", &path, &body).await;
        if !answer.status.is_success() {
            break answer;
        }
        assert!(number < 100, "without end");
    };
    assert_eq!(
        (refused.status.as_u16(), &refused.body[0]["path"]),
        (422, &json!("Config"))
    );
    // One that it had comes back.
    connect(&client, &Signer::new(1, Kind::Segwit)).await;
}

#[tokio::test]
async fn the_older_paths_take_and_show_the_wallet_at_top_level() {
    let client = Client::new().await;
    let signer = Signer::new(1, Kind::Taproot);
    let path = client.shop("/payment-methods/OnChain/btc");
    let body = json!({
        "enabled": true, "derivationScheme": signer.scheme, "label": "Cold", "accountKeyPath": signer.key_path,
    });
    client.call("PUT", &path, &body).await.ok();
    let shown = client.get(&path).await.ok();
    assert_eq!(shown["derivationScheme"], signer.scheme);
    assert_eq!(shown["label"], "Cold");
    assert_eq!(shown["accountKeyPath"], signer.key_path);
    let preview = client.get(&format!("{path}/preview?count=2")).await.ok();
    assert_eq!(
        preview["addresses"][1],
        json!({"keyPath": "0/1", "address": signer.address(1)})
    );
    let overview = client.get(&format!("{path}/wallet")).await.ok();
    assert_eq!(overview["balance"], "0.00000000");
}

#[tokio::test]
async fn a_method_left_for_later_is_made_of_what_the_store_has_by_then() {
    let client = Client::new().await;
    let body =
        json!({"amount": 5_000, "currency": "SATS", "checkout": {"lazyPaymentMethods": true}});
    let lazy = async || {
        let made = client.post(&client.shop("/invoices"), body.clone()).await;
        format!("/api/v1/invoices/{}", text(&made.ok()["id"]))
    };
    let activate = async |invoice: &str, method: &str| {
        let path = format!("{invoice}/payment-methods/{method}/activate");
        client.post(&path, Value::Null).await
    };
    let own = lazy().await;
    let later = lazy().await;
    activate(&own, "BTC-CHAIN").await.ok();
    // Now the store's wallet is somebody's, and then somebody else's.
    for number in [1, 2] {
        let signer = Signer::new(number, Kind::Segwit);
        connect(&client, &signer).await;
        let invoice = lazy().await;
        activate(&invoice, "BTC-CHAIN").await.ok();
        let methods = client.get(&format!("{invoice}/payment-methods")).await.ok();
        assert_eq!(methods[0]["destination"], signer.address(0), "{number}");
        let id = text(&client.get(&invoice).await.ok()["id"]);
        let seen = client.world.see_invoice(id.parse().expect("an id")).await;
        client
            .world
            .chain
            .pay(&seen.onchain.expect("an address").script, Sat(5_000));
        client.world.mine(1).await;
        assert_eq!(client.get(&invoice).await.ok()["status"], "Settled");
    }
    // And then it has none, and no Lightning either.
    for method in ["BTC-CHAIN", "BTC-LN"] {
        let path = client.shop(&format!("/payment-methods/{method}"));
        client.call("DELETE", &path, &Value::Null).await.ok();
        let refused = activate(&later, method).await;
        let expected = (400, "invalid-payment-method".to_owned());
        assert_eq!(refused.refusal(), expected, "{method}");
    }
    client.world.check().await;
}
