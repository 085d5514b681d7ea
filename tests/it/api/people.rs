//! The people of a store: roles, and what they come to.

use serde_json::{Value, json};
use tollway::domain::access::Role;
use tollway::domain::money::Sat;

use super::{Client, text};

const NONE: &Value = &Value::Null;

#[tokio::test]
async fn people_come_change_and_go() {
    let client = Client::new().await;
    let (other, key) = client.account("two@example.com").await;
    let users = client.shop("/users");

    let added = json!({"id": "Two@Example.com", "storeRole": "guest"});
    client.post(&users, added.clone()).await.ok();
    let again = client.post(&users, added).await;
    assert_eq!(
        again.refusal(),
        (409, "duplicate-store-user-role".to_owned())
    );
    let listed = client.get(&users).await.ok();
    assert_eq!(listed[0]["email"], "owner@example.com");
    assert_eq!(listed[0]["storeRole"], "Owner");
    assert_eq!(listed[1]["id"], other.to_string());
    assert_eq!(listed[1]["userId"], other.to_string());
    assert_eq!(listed[1]["storeRole"], "Guest");
    assert_eq!(listed[1]["role"], "Guest");
    assert_eq!(listed[1]["invitationUrl"], Value::Null);

    // A guest sells, and sees neither settings nor people.
    let as_other = |method: &'static str, path: String| {
        let (client, key) = (&client, &key);
        async move { client.call_as(Some(key), method, &path, "").await }
    };
    let shown = as_other("GET", client.shop("/invoices")).await;
    assert_eq!(shown.status, 200);
    let hidden = as_other("GET", users.clone()).await;
    assert_eq!(hidden.status, 403);

    let one = format!("{users}/{other}");
    client
        .call("PUT", &one, &json!({"role": "Manager"}))
        .await
        .ok();
    assert_eq!(as_other("GET", users.clone()).await.status, 200);
    assert_eq!(as_other("DELETE", users.clone()).await.status, 405);
    assert_eq!(as_other("DELETE", one.clone()).await.status, 403);

    client.call("DELETE", &one, NONE).await.ok();
    let gone = client.call("DELETE", &one, NONE).await;
    assert_eq!(gone.refusal(), (404, "user-not-found".to_owned()));
    assert_eq!(as_other("GET", client.shop("/invoices")).await.status, 403);
    client.world.check().await;
}

#[tokio::test]
async fn what_people_can_t_be_is_refused() {
    let client = Client::new().await;
    client.account("two@example.com").await;
    let users = client.shop("/users");
    let rows = [
        (json!({}), 422, "Id StoreRole"),
        (json!({"id": "two@example.com"}), 422, "StoreRole"),
        (
            json!({"id": "two@example.com", "storeRole": "Admin"}),
            422,
            "StoreRole",
        ),
        (json!({"id": ["x"], "storeRole": 7}), 422, "Id StoreRole"),
        (
            json!({"id": "nobody@example.com", "storeRole": "Guest"}),
            404,
            "user-not-found",
        ),
        (
            json!({"id": "00000000-0000-0000-0000-000000000000", "storeRole": "Guest"}),
            404,
            "user-not-found",
        ),
    ];
    client.check_refusals("POST", &users, &rows).await;
    let rows = [
        (json!({}), 422, "StoreRole"),
        (json!({"storeRole": "Guest"}), 404, "user-not-found"),
    ];
    let stranger = format!("{users}/two@example.com");
    client.check_refusals("PUT", &stranger, &rows).await;
    assert_eq!(
        client.get(&users).await.ok().as_array().map(Vec::len),
        Some(1)
    );
}

#[tokio::test]
async fn an_owner_stays_in_every_store() {
    let client = Client::new().await;
    let own = format!("{}/{}", client.shop("/users"), client.world.user);
    let orphaned = (409, "store-user-role-orphaned".to_owned());
    let removed = client.call("DELETE", &own, NONE).await;
    assert_eq!(removed.refusal(), orphaned);
    let lowered = json!({"storeRole": "Guest"});
    let lowered = client.call("PUT", &own, &lowered).await;
    assert_eq!(lowered.refusal(), orphaned);
}

#[tokio::test]
async fn the_last_administrator_leaves_a_store_only_before_it_had_money_on_the_node() {
    for paid in [false, true] {
        let client = Client::new().await;
        let (other, key) = client.account("two@example.com").await;
        let added = json!({"id": other.to_string(), "storeRole": "Owner"});
        client.post(&client.shop("/users"), added).await.ok();
        if paid {
            let invoice = client.world.invoice(1_000).await;
            let hash = invoice.lightning.first().expect("a prompt").hash;
            client.world.receive(hash, Sat(1_000).to_msat()).await;
        }
        let own = format!("{}/{}", client.shop("/users"), client.world.user);
        let left = client.call("DELETE", &own, NONE).await;
        // D52: what the store draws on is an administrator's.
        assert_eq!(left.status.as_u16(), if paid { 409 } else { 200 });
        let shop = client.world.shop;
        let store = &client.world.gateway.store;
        let row = store.glance(|rows| tollway::store::settings::get(rows, shop));
        assert_eq!(row.expect("it exists").draws_on_node, paid);
        let balance = client.shop("/lightning/BTC/channels");
        let answer = client.call_as(Some(&key), "GET", &balance, "").await;
        assert_eq!(answer.status.as_u16(), if paid { 200 } else { 403 });
        client.world.check().await;
    }
}

#[tokio::test]
async fn with_another_owner_left_only_the_caller_goes() {
    let client = Client::new().await;
    let (other, key) = client.account("two@example.com").await;
    let added = json!({"id": other.to_string(), "storeRole": "Owner"});
    client.post(&client.shop("/users"), added).await.ok();
    let path = client.shop("");
    let gone = client.call_as(Some(&key), "DELETE", &path, "").await;
    assert_eq!(gone.status, 200);
    let after = client.call_as(Some(&key), "GET", &path, "").await;
    assert_eq!(after.status, 403);
    assert_eq!(client.get(&path).await.ok()["archived"], false);
    client.call("DELETE", &path, NONE).await.ok();
    assert_eq!(client.get(&path).await.ok()["archived"], true);
}

#[tokio::test]
async fn roles_are_told_with_their_permissions() {
    let client = Client::new().await;
    let roles = client.get(&client.shop("/roles")).await.ok();
    let of_server = client.get("/api/v1/server/roles").await.ok();
    assert_eq!(roles, of_server);
    let names: Vec<_> = Role::ALL.iter().map(|role| json!(role.name())).collect();
    for (place, name) in names.iter().enumerate() {
        assert_eq!(roles[place]["id"], *name);
        assert_eq!(roles[place]["role"], *name);
        assert_eq!(roles[place]["isServerRole"], true);
    }
    assert_eq!(
        roles[0]["permissions"],
        json!(["btcpay.store.canmodifystoresettings"])
    );
    let guest = roles[3]["permissions"].as_array().expect("a list");
    assert!(guest.contains(&json!("btcpay.store.canmodifyinvoices")));
}

#[tokio::test]
async fn a_key_never_does_more_than_its_owner_s_role() {
    let client = Client::new().await;
    let (other, _) = client.account("two@example.com").await;
    let added = json!({"id": other.to_string(), "storeRole": "Employee"});
    client.post(&client.shop("/users"), added).await.ok();
    let shop = client.world.shop;
    let rows = [
        // What the key says, what the role says, and both together.
        ("unrestricted".to_owned(), "/payouts", 200),
        ("unrestricted".to_owned(), "/users", 403),
        (
            format!("btcpay.store.canmodifystoresettings:{shop}"),
            "/users",
            403,
        ),
        (
            format!("btcpay.store.canviewinvoices:{shop}"),
            "/invoices",
            200,
        ),
        (
            format!("btcpay.store.canviewinvoices:{shop}"),
            "/payouts",
            403,
        ),
        (
            "btcpay.server.canmodifyserversettings".to_owned(),
            "/strays",
            403,
        ),
    ];
    for (grant, path, status) in rows {
        let key = client.key_of(other, &[&grant]).await;
        let answer = client
            .call_as(Some(&key), "GET", &client.shop(path), "")
            .await;
        assert_eq!(answer.status.as_u16(), status, "{grant} {path}");
    }
    let key = client.key_of(other, &["unrestricted"]).await;
    for path in ["/server/roles", "/server/lightning/BTC/balance"] {
        let path = format!("/api/v1{path}");
        let answer = client.call_as(Some(&key), "GET", &path, "").await;
        assert_eq!(answer.status, 403, "{path}");
    }
}

#[tokio::test]
async fn a_guest_makes_so_many_stores_and_no_more() {
    let client = Client::new().await;
    let (_, key) = client.account("two@example.com").await;
    let path = "/api/v1/stores";
    let most = usize::try_from(client.world.gateway.limits.stores_per_account).expect("few");
    for place in 0..=most {
        let status = if place < most { 200 } else { 403 };
        let body = r#"{"name":"x"}"#;
        let answer = client.call_as(Some(&key), "POST", path, body).await;
        assert_eq!(answer.status.as_u16(), status);
        if status == 403 {
            assert_eq!(answer.refusal().1, "store-limit-reached");
        }
    }
    // An archived one has its wallet still.
    let listed = client.call_as(Some(&key), "GET", path, "").await.ok();
    let one = format!("{path}/{}", text(&listed[0]["id"]));
    client.call_as(Some(&key), "DELETE", &one, "").await.ok();
    let again = client
        .call_as(Some(&key), "POST", path, r#"{"name":"x"}"#)
        .await;
    assert_eq!(again.status, 403);
    // Who runs the server makes as many as they like.
    for _ in 0..=most {
        client.post(path, json!({"name": "x"})).await.ok();
    }
}
