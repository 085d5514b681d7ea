//! What strangers and oversized requests meet: HEAD, OPTIONS, odd credentials, caps.

use axum::body::Body;
use axum::http::Request;
use base64::Engine;
use serde_json::json;
use tollway::config::Limits;
use tollway::http::{AppState, Caps};
use tower::ServiceExt;

use super::Client;

#[tokio::test]
async fn credentials_are_read_in_any_usual_form() {
    let client = Client::new().await;
    let key = client.authorization.clone().expect("a key");
    let secret = key.strip_prefix("token ").expect("a token");
    let path = client.shop("");
    for form in [
        format!("token {secret}"),
        format!("Token   {secret}  "),
        format!("TOKEN\t{secret}"),
        format!("bearer {secret}"),
        format!("Bearer {secret}"),
    ] {
        let answer = client.call_as(Some(&form), "GET", &path, "").await;
        assert_eq!(answer.status, 200, "{form}");
    }
    for form in [
        secret.to_owned(),
        format!("token{secret}"),
        format!("token {secret}0"),
        format!("token {}", &secret[1..]),
        format!("token {secret} {secret}"),
        format!("ApiKey {secret}"),
        "token".to_owned(),
        format!("token {}", "0".repeat(10_000)),
        "Basic".to_owned(),
        "Basic 0".to_owned(),
    ] {
        let answer = client.call_as(Some(&form), "GET", &path, "").await;
        assert_eq!(
            answer.refusal(),
            (401, "unauthenticated".to_owned()),
            "{form:.60}"
        );
    }
    // An empty header says nothing: whoever comes is a stranger.
    let health = client.call_as(Some(" "), "GET", "/api/v1/health", "").await;
    assert_eq!(health.status, 200);
    let nobody = client.call_as(Some(""), "GET", &path, "").await;
    assert_eq!(nobody.status, 401);
}

#[tokio::test]
async fn a_password_may_hold_colons_and_come_without_padding() {
    let client = Client::new().await;
    let body = json!({"email": "me@example.com", "password": "long:enough"});
    client.post("/api/v1/users", body).await.ok();
    let padded = base64::engine::general_purpose::STANDARD.encode("me@example.com:long:enough");
    for form in [padded.clone(), padded.trim_end_matches('=').to_owned()] {
        let basic = format!("Basic {form}");
        let me = client
            .call_as(Some(&basic), "GET", "/api/v1/users/me", "")
            .await;
        assert_eq!(me.ok()["email"], "me@example.com", "{form}");
    }
    // A key of its own is what it takes for these two.
    let basic = format!("Basic {padded}");
    for method in ["GET", "DELETE"] {
        let path = "/api/v1/api-keys/current";
        let answer = client.call_as(Some(&basic), method, path, "").await;
        assert_eq!(answer.refusal(), (401, "unauthenticated".to_owned()));
    }
}

#[tokio::test]
async fn head_is_get_without_a_body_and_needs_the_same_right() {
    let client = Client::new().await;
    let path = client.shop("/invoices");
    let key = client.authorization.as_deref();
    let whole = client.call_as(key, "GET", &path, "").await;
    let head = client.call_as(key, "HEAD", &path, "").await;
    assert_eq!(head.status, 200);
    assert_eq!(
        head.headers["content-length"],
        whole.headers["content-length"]
    );
    assert_eq!(head.body, json!(null));
    assert_eq!(client.call_as(None, "HEAD", &path, "").await.status, 401);
    let nothing = client.key(&[]).await;
    let refused = client.call_as(Some(&nothing), "HEAD", &path, "").await;
    assert_eq!(refused.status, 403);
}

#[tokio::test]
async fn every_answer_may_be_read_from_any_origin() {
    let client = Client::new().await;
    for (method, path, status) in [
        ("GET", "/api/v1/health", 200),
        ("GET", "/api/v1/stores", 401),
        ("GET", "/api/v1/nothing", 404),
        ("POST", "/api/v1/health", 405),
        ("GET", "/misc/permissions", 200),
        ("GET", "/Misc/Lang/", 200),
        ("GET", "/misc/nothing", 404),
        ("OPTIONS", "/api/v1/stores", 200),
        ("OPTIONS", "/api/v1/nothing", 200),
        ("OPTIONS", "/misc/lang", 200),
    ] {
        let answer = client.call_as(None, method, path, "").await;
        assert_eq!(answer.status.as_u16(), status, "{method} {path}");
        let origin = answer.headers.get("access-control-allow-origin");
        assert_eq!(
            origin.map(axum::http::HeaderValue::as_bytes),
            Some(&b"*"[..]),
            "{path}"
        );
    }
    let languages = client.call_as(None, "GET", "/misc/lang", "").await.ok();
    assert_eq!(
        languages,
        json!([{"code": "en", "currentLanguage": "English"}])
    );
}

#[tokio::test]
async fn strangers_and_bad_keys_are_counted_and_good_ones_are_not() {
    let limits = Limits {
        stranger_requests_per_minute: 3,
        ..Limits::default()
    };
    let client = Client::limited(limits).await;
    let bad = Some("token 0000000000000000000000000000000000000000");
    let mut seen = Vec::new();
    for key in [None, bad, None, None, bad] {
        let path = client.shop("");
        let answer = client.call_as(key, "GET", &path, "").await;
        seen.push(answer.status.as_u16());
        let waits = answer.headers.contains_key("retry-after");
        assert_eq!(waits, answer.status == 429);
    }
    assert_eq!(seen, [401, 401, 401, 429, 429]);
    for _ in 0..10 {
        assert_eq!(client.get(&client.shop("")).await.status, 200);
    }
}

#[tokio::test]
async fn addresses_and_headers_beyond_any_use_are_refused() {
    let client = Client::new().await;
    let state = AppState {
        gateway: client.world.gateway.clone(),
        caps: std::sync::Arc::new(Caps::new(&Limits::default())),
    };
    let router = tollway::app::router(state);
    let long = "x".repeat(20_000);
    let rows = [
        (format!("/api/v1/health?x={long}"), "", 414),
        (format!("/i/{long}"), "", 414),
        ("/api/v1/health".to_owned(), long.as_str(), 200),
        ("/login".to_owned(), &long.repeat(2), 431),
        ("/api/v1/health".to_owned(), &long.repeat(2), 431),
    ];
    for (path, header, status) in rows {
        let request = Request::get(&path).header("x-long", header);
        let request = request.body(Body::empty()).expect("a request");
        let answer = router.clone().oneshot(request).await.expect("an answer");
        assert_eq!(answer.status().as_u16(), status, "{path:.30}");
    }
}
