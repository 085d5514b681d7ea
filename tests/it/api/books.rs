//! The books over the API.

use serde_json::json;
use tollway::domain::ledger::{Account, Signed};
use tollway::domain::money::Msat;
use tollway::store;

use super::Client;

const AUDIT: &str = "/api/v1/server/audit";

#[tokio::test]
async fn an_audit_is_for_who_runs_the_server_and_shows_both_sides() {
    let client = Client::new().await;
    let world = &client.world;
    let invoice = world.invoice(1_000).await;
    let hash = invoice.lightning[0].hash;
    world.receive(hash, Msat(1_000_001)).await;
    let key = client.key(&["btcpay.store.canmodifystoresettings"]).await;
    let refused = client.call_as(Some(&key), "GET", AUDIT, "").await;
    assert_eq!(refused.status, 403);
    assert_eq!(client.call_as(None, "GET", AUDIT, "").await.status, 401);

    // The fake node holds nothing: this is the one difference, and it stays for all the patience there is.
    let found = world.clock.hurry(client.get(AUDIT)).await.ok();
    assert_eq!(found["holds"], false);
    let wrong: Vec<_> = (found["identities"].as_array().expect("lines").iter())
        .filter(|line| line["holds"] == false)
        .collect();
    let line = json!({
        "name": "node: books, LDK", "rule": "equal",
        "leftMsat": "1000001", "rightMsat": "0", "holds": false,
    });
    assert_eq!(wrong, [&line]);
}

#[tokio::test]
async fn a_store_sees_its_balance_on_each_rail() {
    let client = Client::new().await;
    let world = &client.world;
    let invoice = world.invoice(1_000).await;
    world
        .receive(invoice.lightning[0].hash, Msat(1_000_001))
        .await;
    let path = client.shop("/balances");
    let seen = client.get(&path).await.ok();
    let expected = json!([
        {"paymentMethodId": "BTC-LN", "balanceMsat": "1000001", "spendableMsat": null},
        {"paymentMethodId": "BTC-CHAIN", "balanceMsat": "0", "spendableMsat": null},
    ]);
    assert_eq!(seen, expected);
    assert_eq!(client.call_as(None, "GET", &path, "").await.status, 401);
    let node = |rows: &store::Snapshot| store::ledger::balance(rows, Account::Node);
    assert_eq!(world.gateway.store.glance(node), Signed(1_000_001));
}
