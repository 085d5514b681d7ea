//! Accounts and keys.

use axum::body::Body;
use axum::http::Request;
use base64::Engine;
use serde_json::json;
use tollway::store;

use super::{Client, text};

const NEW: &str =
    r#"{"email":"first@example.com","password":"correct horse","isAdministrator":true}"#;

/// A client of a server that nobody runs yet.
async fn unfounded() -> Client {
    let mut client = Client::new().await;
    let user = client.world.user;
    client
        .world
        .job(move |tx| {
            let mut user = store::access::user(tx, user).expect("it exists");
            user.is_admin = false;
            store::access::put_user(tx, &user);
        })
        .await;
    client.authorization = None;
    client
}

#[tokio::test]
async fn the_first_account_runs_the_server_and_makes_its_key_with_its_password() {
    let client = unfounded().await;
    let made = client.call_as(None, "POST", "/api/v1/users", NEW).await;
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(made.body["roles"], json!(["ServerAdmin"]));

    // Now only an administrator makes accounts.
    let again = client.call_as(None, "POST", "/api/v1/users", NEW).await;
    assert_eq!(again.status, 401);

    let plain = base64::engine::general_purpose::STANDARD.encode("First@Example.com:correct horse");
    let basic = format!("Basic {plain}");
    let body = r#"{"label":"till","permissions":["unrestricted"]}"#;
    let key = client
        .call_as(Some(&basic), "POST", "/api/v1/api-keys", body)
        .await
        .ok();
    let secret = text(&key["apiKey"]);
    assert_eq!(secret.len(), 40);
    assert_eq!(key["label"], "till");

    // From its first key on, the password alone does nothing (D45).
    let late = client
        .call_as(Some(&basic), "GET", "/api/v1/users/me", "")
        .await;
    assert_eq!(late.status, 401);

    let token = format!("token {secret}");
    let current = "/api/v1/api-keys/current";
    assert_eq!(
        client.call_as(Some(&token), "GET", current, "").await.ok(),
        key
    );
    client
        .call_as(Some(&token), "DELETE", current, "")
        .await
        .ok();
    assert_eq!(
        client
            .call_as(Some(&token), "GET", current, "")
            .await
            .status,
        401
    );
}

#[tokio::test]
async fn behind_a_proxy_nobody_founds_a_server_without_its_token() {
    let client = unfounded().await;
    for header in ["Forwarded", "X-Forwarded-For", "X-Real-IP"] {
        let request = Request::post("/api/v1/users")
            .header(header, "203.0.113.7")
            .body(Body::from(NEW))
            .expect("a request");
        assert_eq!(client.send(request).await.status, 401, "{header}");
    }
}

#[tokio::test]
async fn accounts_that_can_t_be_are_refused_with_every_reason() {
    let client = Client::new().await;
    let rows = [
        (json!({}), 422, "Email Password"),
        (
            json!({"email": "a@b", "password": "short"}),
            422,
            "Password",
        ),
        (
            json!({"email": "nobody", "password": "long enough"}),
            422,
            "Email",
        ),
        (
            json!({"email": "owner@EXAMPLE.com", "password": "long enough"}),
            422,
            "Email",
        ),
        (
            json!({"email": "a@b", "password": "long enough", "isAdministrator": "maybe"}),
            422,
            "IsAdministrator",
        ),
    ];
    client.check_refusals("POST", "/api/v1/users", &rows).await;
}

#[tokio::test]
async fn keys_hold_known_permissions_and_are_removed_by_their_owner() {
    let client = Client::new().await;
    let path = "/api/v1/api-keys";
    let bad = json!({"permissions": ["unrestricted", "btcpay.store.nothing", 7]});
    client
        .check_refusals("POST", path, &[(bad, 422, "Permissions[2] Permissions[1]")])
        .await;

    let scoped = format!("btcpay.store.canviewinvoices:{}", client.world.shop);
    let made = client
        .post(path, json!({"permissions": [scoped]}))
        .await
        .ok();
    assert_eq!(made["permissions"], json!([scoped]));
    let removal = format!("{path}/{}", text(&made["apiKey"]));
    let none = &json!(null);
    client.call("DELETE", &removal, none).await.ok();
    let again = client.call("DELETE", &removal, none).await;
    assert_eq!(again.refusal(), (400, "apikey-not-found".to_owned()));
}
