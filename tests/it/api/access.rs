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
    for header in ["Forwarded", "X-Forwarded-For", "X-Real-IP"] {
        let client = unfounded().await;
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
        (json!({}), 422, "Email"),
        (
            json!({"email": "a b@c", "password": "long enough"}),
            422,
            "Email",
        ),
        (
            json!({"email": "a@b", "name": "x".repeat(101)}),
            422,
            "Name",
        ),
        (
            json!({"email": "a@b", "imageUrl": "javascript:x"}),
            422,
            "ImageUrl",
        ),
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

#[tokio::test]
async fn strangers_ask_for_two_accounts_a_minute() {
    let client = unfounded().await;
    let taken = r#"{"email":"OWNER@example.com","password":"correct horse"}"#;
    for status in [422, 422, 429] {
        let answer = client.call_as(None, "POST", "/api/v1/users", taken).await;
        assert_eq!(answer.status.as_u16(), status, "{answer:?}");
        assert_eq!(answer.headers.contains_key("retry-after"), status == 429);
    }
    // What is not even an account doesn't count.
    let client = unfounded().await;
    for _ in 0..3 {
        let answer = client.call_as(None, "POST", "/api/v1/users", "{}").await;
        assert_eq!(answer.refusal(), (422, "Email Password".to_owned()));
    }
    let made = client.call_as(None, "POST", "/api/v1/users", NEW).await;
    assert_eq!(made.status, 201);
}

#[tokio::test]
async fn only_who_may_do_everything_makes_administrators_and_their_keys() {
    let client = Client::new().await;
    let manager = client.key(&["btcpay.server.canmanageusers"]).await;
    let path = "/api/v1/users";
    let admin = r#"{"email":"a@b","password":"long enough","isAdministrator":true}"#;
    let refused = client.call_as(Some(&manager), "POST", path, admin).await;
    assert_eq!(refused.status, 403);
    assert_eq!(refused.body["missingPermission"], "unrestricted");
    let plain = r#"{"email":"a@b","password":"long enough"}"#;
    let made = client.call_as(Some(&manager), "POST", path, plain).await;
    assert_eq!(made.ok()["roles"], json!([]));

    let keys = |who: &str| format!("{path}/{who}/api-keys");
    let body = r#"{"label":"x","permissions":["unrestricted"]}"#;
    let own = client
        .call_as(Some(&manager), "POST", &keys("owner@example.com"), body)
        .await;
    assert_eq!(own.body["missingPermission"], "unrestricted");
    let others = client
        .call_as(Some(&manager), "POST", &keys("A@B"), body)
        .await
        .ok();
    let secret = text(&others["apiKey"]);
    let token = format!("Token {secret}");
    let me = client
        .call_as(Some(&token), "GET", "/api/v1/users/me", "")
        .await;
    assert_eq!(me.ok()["email"], "a@b");
    let unknown = client
        .call_as(Some(&manager), "POST", &keys("nobody"), body)
        .await;
    assert_eq!(unknown.refusal(), (404, "user-not-found".to_owned()));

    let key = format!("{}/{secret}", keys("a@b"));
    for (status, code) in [(200, "?"), (400, "apikey-not-found")] {
        let removed = client.call_as(Some(&manager), "DELETE", &key, "").await;
        assert_eq!(removed.refusal(), (status, code.to_owned()));
    }
    let gone = client
        .call_as(Some(&token), "GET", "/api/v1/users/me", "")
        .await;
    assert_eq!(gone.status, 401);
}

#[tokio::test]
async fn who_is_invited_chooses_a_password() {
    let client = Client::new().await;
    let made = client
        .post(
            "/api/v1/users",
            json!({"email": "new@example.com", "name": "New"}),
        )
        .await
        .ok();
    let url = text(&made["invitationUrl"]);
    let mut parts = url.rsplit('/');
    let token = parts.next().expect("a token").to_owned();
    let id = parts.next().expect("an id").parse().expect("an id");
    let gateway = &client.world.gateway;
    assert!(
        gateway
            .check_password("new@example.com", String::new())
            .await
            .is_none()
    );
    let wrong = gateway
        .accept_invitation(id, "00", "long enough".to_owned())
        .await;
    assert!(wrong.is_err());
    let short = gateway
        .accept_invitation(id, &token, "short".to_owned())
        .await;
    assert!(short.is_err());
    let done = gateway
        .accept_invitation(id, &token, "long enough".to_owned())
        .await;
    assert_eq!(done.expect("accepted").invitation, None);
    let again = gateway
        .accept_invitation(id, &token, "other words".to_owned())
        .await;
    assert!(again.is_err(), "an invitation opens once");
    let signed = gateway
        .check_password("new@example.com", "long enough".to_owned())
        .await;
    assert_eq!(signed.map(|user| user.id), Some(id));
}

#[tokio::test]
async fn one_changes_one_s_own_account() {
    let client = Client::new().await;
    client.account("two@example.com").await;
    let body = json!({"email": "me@example.com", "password": "long enough"});
    let id = text(&client.post("/api/v1/users", body).await.body["id"]);
    let id = id.parse().expect("an id");
    let key = client.key_of(id, &["btcpay.user.canmodifyprofile"]).await;
    let (session, _) = client.world.gateway.sign_in(id).await.expect("a session");
    let path = "/api/v1/users/me";
    let put = |body: serde_json::Value| {
        let (client, key) = (&client, &key);
        async move {
            let text = body.to_string();
            client.call_as(Some(key), "PUT", path, &text).await
        }
    };
    let picture = "https://example.com/me.png";
    let named = put(json!({"name": " Me ", "imageUrl": picture, "email": null}))
        .await
        .ok();
    assert_eq!(named["name"], "Me");
    assert_eq!(named["imageUrl"], picture);
    assert_eq!(named["email"], "me@example.com");
    let cleared = put(json!({"name": "", "imageUrl": ""})).await.ok();
    assert_eq!(
        (&cleared["name"], &cleared["imageUrl"]),
        (&json!(null), &json!(null))
    );

    let rows = [
        (json!({"email": "nobody"}), "Email"),
        (json!({"email": "TWO@example.com"}), "Email"),
        (json!({"newPassword": "long enough"}), "CurrentPassword"),
        (
            json!({"newPassword": "short", "currentPassword": "long enough"}),
            "NewPassword",
        ),
        (
            json!({"newPassword": "another one", "currentPassword": "wrong"}),
            "CurrentPassword",
        ),
        (json!({"imageUrl": "data:x"}), "ImageUrl"),
    ];
    for (body, path) in rows {
        assert_eq!(
            put(body.clone()).await.refusal(),
            (422, path.to_owned()),
            "{body}"
        );
    }
    assert!(client.world.gateway.session(&session).await.is_some());

    let moved = put(json!({
        "email": "Moved@example.com", "currentPassword": "long enough", "newPassword": "another one",
    }));
    assert_eq!(moved.await.ok()["email"], "Moved@example.com");
    let gateway = &client.world.gateway;
    assert!(
        gateway.session(&session).await.is_none(),
        "a new password signs out"
    );
    assert!(
        gateway
            .check_password("me@example.com", "another one".to_owned())
            .await
            .is_none()
    );
    assert!(
        gateway
            .check_password("moved@example.com", "another one".to_owned())
            .await
            .is_some()
    );
    let body = json!({"email": "me@example.com", "password": "long enough"});
    assert_eq!(
        client.post("/api/v1/users", body).await.status,
        201,
        "it is free again"
    );
}

#[tokio::test]
async fn who_goes_leaves_nothing_that_nobody_owns() {
    let client = Client::new().await;
    let me = "/api/v1/users/me";
    let owner = client.authorization.as_deref();
    let alone = client.call_as(owner, "DELETE", me, "").await;
    assert_eq!(alone.refusal(), (403, "generic-error".to_owned()));

    let (other, key) = client.account("two@example.com").await;
    let made = client
        .call_as(Some(&key), "POST", "/api/v1/stores", r#"{"name":"Theirs"}"#)
        .await
        .ok();
    let store = format!("/api/v1/stores/{}", text(&made["id"]));
    let added = json!({"id": other.to_string(), "storeRole": "Guest"});
    client.post(&client.shop("/users"), added).await.ok();
    let refused = client.call_as(Some(&key), "DELETE", me, "").await;
    assert_eq!(
        refused.refusal(),
        (409, "store-user-role-orphaned".to_owned())
    );
    assert!(text(&refused.body["message"]).contains("Theirs"));

    // An archived store goes to who runs the server: its wallet may still be paid.
    client.call_as(Some(&key), "DELETE", &store, "").await.ok();
    client.call_as(Some(&key), "DELETE", me, "").await.ok();
    assert_eq!(client.call_as(Some(&key), "GET", me, "").await.status, 401);
    assert_eq!(client.get(&store).await.ok()["archived"], true);
    let people = client.get(&client.shop("/users")).await.ok();
    assert_eq!(people.as_array().map(Vec::len), Some(1));
    client.world.check().await;
}
