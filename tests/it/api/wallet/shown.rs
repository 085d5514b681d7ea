//! What a wallet shows and keeps, and how it begins.

use super::*;

#[tokio::test]
async fn an_address_is_shown_until_it_is_paid() {
    let (client, _) = funded(&[]).await;
    let path = wallet(&client, "/address");
    let nothing = client.call("DELETE", &path, &Value::Null).await;
    assert_eq!(nothing.refusal(), (400, "no-reserved-address".to_owned()));
    let shown = client.get(&path).await.ok();
    assert_eq!(shown["keyPath"], "0/0");
    assert_eq!(
        shown["paymentLink"],
        format!("bitcoin:{}", text(&shown["address"]))
    );
    assert_eq!(client.get(&path).await.ok(), shown);
    // P12 an invoice never gets it.
    let invoice = client
        .world
        .invoice(5_000)
        .await
        .onchain
        .expect("an address");
    assert_ne!(invoice.address, text(&shown["address"]));
    let other = client.get(&format!("{path}?forceGenerate=true")).await.ok();
    assert_ne!(other["address"], shown["address"]);
    client.call("DELETE", &path, &Value::Null).await.ok();
    let third = client.get(&path).await.ok();
    assert_ne!(third["address"], other["address"]);
    let script = tollway::domain::destination::Destination::address(
        &text(&third["address"]),
        bitcoin::Network::Regtest,
    )
    .expect("an address")
    .script;
    client.world.chain.pay(&script, Sat(7_000));
    client.world.look().await;
    let fourth = client.get(&path).await.ok();
    assert_ne!(fourth["address"], third["address"]);
    let overview = client.get(&wallet(&client, "")).await.ok();
    assert_eq!(overview["unconfirmedBalance"], "0.00007000");
    client.world.check().await;
}

#[tokio::test]
async fn what_is_noted_stays_and_is_linked() {
    let (client, coins) = funded(&[100_000]).await;
    let txid = coins[0].txid.to_string();
    let path = wallet(&client, &format!("/transactions/{txid}"));
    let body = json!({"comment": "rent", "labels": ["home", "2026"]});
    let noted = client.call("PATCH", &path, &body).await.ok();
    assert_eq!(noted["comment"], "rent");
    assert_eq!(
        noted["labels"],
        json!([{"type": "raw", "text": "2026"}, {"type": "raw", "text": "home"}])
    );
    let coin = client.get(&wallet(&client, "/utxos")).await.ok();
    assert_eq!(
        (&coin[0]["comment"], &coin[0]["outpoint"]),
        (&json!("rent"), &json!(coins[0].to_string()))
    );
    let found = client
        .get(&wallet(&client, "/transactions?labelFilter=home"))
        .await
        .ok();
    assert_eq!(found, json!([noted]));
    let none = client
        .get(&wallet(&client, "/transactions?labelFilter=away"))
        .await
        .ok();
    assert_eq!(none, json!([]));
    let unknown = wallet(&client, &format!("/transactions/{}", "07".repeat(32)));
    for method in ["GET", "PATCH"] {
        let refused = client
            .call(method, &unknown, &json!({"comment": "x"}))
            .await;
        assert_eq!(refused.refusal(), (404, "transaction-not-found".to_owned()));
    }

    let objects = wallet(&client, "/objects");
    let label = client.get(&format!("{objects}/label/home")).await.ok();
    assert_eq!(label["links"][0]["id"], txid);
    assert_eq!(label["links"][0]["objectData"], json!({"comment": "rent"}));
    let put = json!({"type": "label", "id": "home", "data": {"color": "#fff"}});
    let put = client.post(&objects, put).await.ok();
    assert_eq!(put["data"]["color"], "#fff");
    let link = json!({"type": "invoice", "id": "x", "data": {"a": 1}});
    client
        .post(&format!("{objects}/label/home/links"), link)
        .await
        .ok();
    let label = client.get(&format!("{objects}/label/home")).await.ok();
    assert_eq!(label["links"].as_array().map(Vec::len), Some(2));
    assert_eq!(
        label["links"][0],
        json!({"type": "invoice", "id": "x", "linkData": {"a": 1}, "objectData": null})
    );
    let unlink = format!("{objects}/label/home/links/invoice/x");
    client.call("DELETE", &unlink, &Value::Null).await.ok();
    let refused = client.call("DELETE", &unlink, &Value::Null).await;
    assert_eq!(
        refused.refusal(),
        (404, "wallet-object-not-found".to_owned())
    );
    let labels = client
        .get(&format!(
            "{objects}?type=label&ids=home&includeNeighbourData=false"
        ))
        .await
        .ok();
    assert_eq!(labels.as_array().map(Vec::len), Some(1));
    assert_eq!(labels[0]["links"][0]["objectData"], Value::Null);
    client
        .call("DELETE", &format!("{objects}/label/home"), &Value::Null)
        .await
        .ok();
    let noted = client.get(&path).await.ok();
    assert_eq!(noted["labels"], json!([{"type": "raw", "text": "2026"}]));
    let rows = [
        (json!({}), 422, "Type Id"),
        (json!({"type": "a", "id": "x\u{0}y"}), 422, "Id"),
        (json!({"type": "a", "id": "b", "data": 7}), 422, "Data"),
        (
            json!({"type": "a", "id": "b", "data": {"a": "x".repeat(11_000)}}),
            422,
            "Data",
        ),
    ];
    client.check_refusals("POST", &objects, &rows).await;
}

#[tokio::test]
async fn figures_are_shown() {
    let (client, _) = funded(&[100_000]).await;
    for (query, kind) in [
        ("", "Week"),
        ("?type=month", "Month"),
        ("?type=Year", "Year"),
    ] {
        let shown = client
            .get(&wallet(&client, &format!("/histogram{query}")))
            .await
            .ok();
        assert_eq!(
            (&shown["type"], &shown["balance"]),
            (&json!(kind), &json!("0.00100000"))
        );
        let series = shown["series"].as_array().expect("a list");
        assert_eq!(
            (series.len(), shown["labels"].as_array().map(Vec::len)),
            (30, Some(30))
        );
        assert_eq!(series[29], "0.00100000");
    }
    client.world.chain.set_fee_rate(12_345);
    let rate = client
        .get(&wallet(&client, "/feerate?blockTarget=3"))
        .await
        .ok();
    assert_eq!(rate.to_string(), r#"{"feeRate":12.345}"#);
    for (query, path) in [
        ("/feerate?blockTarget=0", "blockTarget"),
        ("/histogram?type=x", "type"),
        ("/transactions?statusFilter=x", "statusFilter"),
        ("/preview?count=5000", "count"),
    ] {
        let refused = client.get(&wallet(&client, query)).await;
        assert_eq!(refused.refusal(), (422, path.to_owned()));
    }
}

#[tokio::test]
async fn a_wallet_is_made_of_new_or_given_words() {
    let client = Client::new().await;
    let path = wallet(&client, "/generate");
    let words = "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about";
    let rows = [
        (json!({"existingMnemonic": "tea"}), 422, "ExistingMnemonic"),
        (
            json!({"existingMnemonic": words, "savePrivateKeys": true}),
            422,
            "SavePrivateKeys",
        ),
        (
            json!({"passphrase": "x", "savePrivateKeys": true}),
            422,
            "SavePrivateKeys",
        ),
        (json!({"wordList": "Japanese"}), 422, "WordList"),
        (json!({"wordCount": 13}), 422, "WordCount"),
        (json!({"wordCount": 9}), 422, "WordCount"),
        (
            json!({"scriptPubKeyType": "Legacy"}),
            422,
            "ScriptPubKeyType",
        ),
        (json!({"scriptPubKeyType": "x"}), 422, "ScriptPubKeyType"),
        (json!({"accountNumber": -1}), 422, "AccountNumber"),
    ];
    client.check_refusals("POST", &path, &rows).await;
    // The example of BIP84 on a test network.
    let given = client
        .post(&path, json!({"existingMnemonic": words, "label": "Paper"}))
        .await
        .ok();
    assert_eq!(given["mnemonic"], words);
    assert_eq!(given["config"]["accountKeyPath"], "73c5da0a/84'/1'/0'");
    let address = client
        .world
        .invoice(5_000)
        .await
        .onchain
        .expect("an address")
        .address;
    assert_eq!(address, "bcrt1q6rz28mcfaxtmd6v789l9rrlrusdprr9pz3cppk");
    let again = client.post(&path, json!({})).await;
    assert_eq!(again.refusal(), (400, "already-configured".to_owned()));
    let method = client.shop("/payment-methods/BTC-CHAIN");
    client.call("DELETE", &method, &Value::Null).await.ok();

    // Of new words, with keys: it pays by itself.
    let made = client
        .post(
            &path,
            json!({"savePrivateKeys": true, "wordCount": 24, "scriptPubKeyType": "TaprootBIP86"}),
        )
        .await
        .ok();
    assert_eq!(text(&made["mnemonic"]).split(' ').count(), 24);
    let shown = client
        .get(&format!("{method}?includeConfig=true"))
        .await
        .ok();
    assert_eq!(shown["config"], made["config"]);
    assert!(!shown.to_string().contains(&text(&made["mnemonic"])));
    let invoice = client
        .world
        .invoice(100_000)
        .await
        .onchain
        .expect("an address");
    assert!(invoice.address.starts_with("bcrt1p"));
    client.world.chain.pay(&invoice.script, Sat(100_000));
    client.world.mine(1).await;
    client.world.turn().await;
    client
        .post(&wallet(&client, "/transactions"), to(THEIRS, "0.0003"))
        .await
        .ok();
    client.world.turn().await;
    assert_eq!(client.world.chain.broadcasts().len(), 1);
    client.world.mine(1).await;
    client.world.check().await;
    let preview = json!({"config": made["config"]});
    let shown = client
        .post(
            &format!("{}?offset=1&count=1", wallet(&client, "/preview")),
            preview,
        )
        .await
        .ok();
    assert_eq!(shown["addresses"].as_array().map(Vec::len), Some(1));
    let refused = client.post(&wallet(&client, "/preview"), json!({})).await;
    assert_eq!(refused.refusal(), (422, "Config".to_owned()));
}
