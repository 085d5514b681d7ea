//! Paths, methods, bodies, rights: what every operation has in common.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};
use tollway::config::Limits;
use tollway::domain::ids::UserId;

use super::{Client, text};

#[tokio::test]
async fn paths_match_in_any_case_and_with_a_slash_at_the_end() {
    let client = Client::new().await;
    let shop = client.world.shop;
    for path in [
        format!("/api/v1/stores/{shop}"),
        format!("/api/v1/stores/{shop}/"),
        format!("/API/V1/Stores/{shop}"),
        format!("/api/v1/STORES/{shop}?x=1"),
    ] {
        assert_eq!(
            client.get(&path).await.ok()["id"],
            shop.to_string(),
            "{path}"
        );
    }
    let info = "/api/v1/Server/Lightning/btc/Info";
    assert_eq!(client.get(info).await.ok()["alias"], "fake");
}

#[tokio::test]
async fn what_is_no_operation_is_json_too() {
    let client = Client::new().await;
    let rows = [
        ("GET", "/api", 404),
        ("GET", "/api/", 404),
        ("GET", "/api/v1/nothing", 404),
        ("GET", "/api/v2/stores", 404),
        ("DELETE", "/api/v1/stores", 405),
        ("PATCH", "/api/v1/users/me", 405),
        ("POST", "/api/v1/health", 405),
    ];
    for (method, path, status) in rows {
        let answer = client.call(method, path, &Value::Null).await;
        assert_eq!(
            answer.refusal(),
            (status, "generic-error".to_owned()),
            "{path}"
        );
    }
    let old = client.shop("/payment-methods/LightningNetwork/BTC");
    assert_eq!(client.get(&old).await.refusal().0, 410);
}

#[tokio::test]
async fn any_origin_may_call() {
    let client = Client::new().await;
    let preflight = Request::builder()
        .method("OPTIONS")
        .uri(client.shop("/invoices"))
        .header("Origin", "https://elsewhere.example")
        .header("Access-Control-Request-Method", "POST")
        .header(
            "Access-Control-Request-Headers",
            "authorization,content-type",
        )
        .body(Body::empty())
        .expect("a request");
    let answer = client.send(preflight).await;
    assert!(answer.status.is_success());
    assert_eq!(answer.headers["access-control-allow-origin"], "*");
    assert_eq!(
        answer.headers["access-control-allow-headers"],
        "authorization,content-type"
    );
}

#[tokio::test]
async fn bad_bodies_are_refused_and_change_nothing() {
    let client = Client::new().await;
    let path = client.shop("/invoices");
    let deep = "[".repeat(10_000);
    let key = client.authorization.as_deref();
    for body in ["{", "[]", "7", "\"x\"", "{\"amount\":}", "\u{0}", &deep] {
        let answer = client.call_as(key, "POST", &path, body).await;
        assert_eq!(answer.refusal(), (422, String::new()), "{body:.20}");
    }
    let huge = format!("{{\"x\":\"{}\"}}", "a".repeat(2_000_000));
    let answer = client.call_as(key, "POST", &path, &huge).await;
    assert_eq!(answer.refusal(), (413, "generic-error".to_owned()));
    assert_eq!(client.get(&path).await.ok(), json!([]));
}

#[tokio::test]
async fn without_a_valid_key_nothing_is_shown() {
    let client = Client::new().await;
    let path = client.shop("");
    for authorization in [
        None,
        Some("token"),
        Some("token 0000000000000000000000000000000000000000"),
        Some("Digest abc"),
        Some("Basic !!!"),
        Some("Basic b3duZXJAZXhhbXBsZS5jb206d3Jvbmc="),
    ] {
        let answer = client.call_as(authorization, "GET", &path, "").await;
        assert_eq!(answer.refusal(), (401, "unauthenticated".to_owned()));
    }
    let key = client.authorization.as_deref().expect("a key");
    let bearer = key.replace("token", "BEARER");
    assert!(
        client
            .call_as(Some(&bearer), "GET", &path, "")
            .await
            .status
            .is_success()
    );
}

#[tokio::test]
async fn passwords_are_tried_a_few_times_only() {
    let limits = Limits {
        logins_per_minute: 2,
        ..Limits::default()
    };
    let client = Client::limited(limits).await;
    let basic = Some("Basic b3duZXJAZXhhbXBsZS5jb206d3Jvbmc=");
    for expected in [401, 401, 429] {
        let answer = client.call_as(basic, "GET", "/api/v1/users/me", "").await;
        assert_eq!(answer.status.as_u16(), expected);
        assert_eq!(answer.headers.contains_key("retry-after"), expected == 429);
    }
}

#[tokio::test]
async fn a_right_on_one_store_shows_nothing_of_another() {
    let client = Client::new().await;
    let other = client
        .post("/api/v1/stores", json!({"name": "Other"}))
        .await
        .ok();
    let other = text(&other["id"]);
    let invoice = client.world.invoice(10_000).await.id;
    let scoped = client
        .key(&[&format!("btcpay.store.canmodifystoresettings:{other}")])
        .await;
    let unknown = "VVVVVVVVVVVVVVVVVVVVVV";
    let rows = [
        // Of another store, by either route, also under the name of one's own.
        (format!("/api/v1/invoices/{invoice}"), 403),
        (client.shop(&format!("/invoices/{invoice}")), 403),
        (format!("/api/v1/stores/{other}/invoices/{invoice}"), 403),
        // Unknown.
        (format!("/api/v1/invoices/{unknown}"), 403),
        (format!("/api/v1/stores/{other}/invoices/{unknown}"), 404),
        (format!("/api/v1/stores/{other}/invoices/not-an-id"), 404),
        ("/api/v1/stores/unknown".to_owned(), 403),
        (format!("/api/v1/stores/{other}"), 200),
    ];
    for (path, status) in rows {
        let answer = client.call_as(Some(&scoped), "GET", &path, "").await;
        assert_eq!(answer.status.as_u16(), status, "{path} {answer:?}");
    }
    let listed = client
        .call_as(Some(&scoped), "GET", "/api/v1/stores", "")
        .await
        .ok();
    assert_eq!(listed.as_array().map(Vec::len), Some(1));
    let made = client
        .call_as(Some(&scoped), "POST", "/api/v1/stores", r#"{"name":"x"}"#)
        .await;
    assert_eq!(made.status, 403, "only an unscoped right opens stores");
}

#[tokio::test]
async fn another_account_sees_none_of_it() {
    let client = Client::new().await;
    let invoice = client.world.invoice(10_000).await.id;
    let body = json!({"email": "two@example.com", "password": "long enough"});
    let user = client.post("/api/v1/users", body).await;
    assert_eq!(user.status, 201);
    let id: UserId = text(&user.body["id"]).parse().expect("an id");
    let grants = vec![tollway::domain::access::Grant::parse("unrestricted").expect("a permission")];
    let made = client
        .world
        .gateway
        .create_api_key(id, String::new(), grants)
        .await;
    let key = format!("token {}", made.expect("a key").0);
    for path in [
        client.shop(""),
        format!("/api/v1/invoices/{invoice}"),
        client.shop("/payouts"),
        "/api/v1/server/lightning/BTC/balance".to_owned(),
    ] {
        let answer = client.call_as(Some(&key), "GET", &path, "").await;
        assert_eq!(answer.status, 403, "{path}");
    }
    // A store of its own may make invoices on the shared node, and not run it. What it may spend is its own (D52).
    let path = "/api/v1/stores";
    let store = client
        .call_as(Some(&key), "POST", path, r#"{"name":"Two"}"#)
        .await
        .ok();
    let node = format!("/api/v1/stores/{}/lightning/BTC", text(&store["id"]));
    let body = r#"{"amount":"1000","expiry":60}"#;
    let made = client
        .call_as(Some(&key), "POST", &format!("{node}/invoices"), body)
        .await;
    assert!(made.status.is_success(), "{made:?}");
    for (operation, status) in [
        ("address", 403),
        ("channels", 403),
        ("connect", 403),
        ("invoices/pay", 422),
    ] {
        let path = format!("{node}/{operation}");
        let answer = client.call_as(Some(&key), "POST", &path, "").await;
        assert_eq!(answer.status, status, "{operation}");
    }
}
