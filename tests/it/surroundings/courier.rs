//! The courier over real HTTP.

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::post;
use tollway::adapters::courier::HttpCourier;
use tollway::domain::webhook::Outcome;
use tollway::ports::courier::{Courier, Parcel, Reach};

fn parcel(url: String, reach: Reach) -> Parcel {
    Parcel {
        url,
        reach,
        body: b"{\"a\":1}".to_vec(),
        signature: "sha256=00".to_owned(),
    }
}

/// Says whether everything about the request is as Greenfield 5.5 has it.
async fn judge(headers: HeaderMap, body: Bytes) -> StatusCode {
    let is = |name: &str, value: &str| headers.get(name).is_some_and(|found| found == value);
    let agent = headers
        .get(header::USER_AGENT)
        .and_then(|agent| agent.to_str().ok());
    let right = is("content-type", "application/json")
        && is("btcpay-sig", "sha256=00")
        && agent
            .is_some_and(|agent| agent.starts_with("BTCPayServer/") && agent.contains(" Tollway/"))
        && body == "{\"a\":1}";
    if right {
        StatusCode::NO_CONTENT
    } else {
        StatusCode::IM_A_TEAPOT
    }
}

#[tokio::test]
async fn a_message_is_posted_once_and_led_nowhere_else() {
    let moved = || async {
        (
            StatusCode::TEMPORARY_REDIRECT,
            [(header::LOCATION, "/judge")],
        )
    };
    let router = Router::new()
        .route("/judge", post(judge))
        .route("/moved", post(moved))
        .route("/busy", post(|| async { StatusCode::TOO_MANY_REQUESTS }))
        .route("/long", post(|| async { "x".repeat(1_000_000) }));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let port = listener.local_addr().expect("its address").port();
    let mut server = tokio::task::JoinSet::new();
    server.spawn(async move { axum::serve(listener, router).await });
    let courier = HttpCourier::default();
    // (path, what comes of it)
    let rows = [
        ("judge", 204),
        ("moved", 307),
        ("busy", 429),
        ("long", 200),
        ("nowhere", 404),
    ];
    for (path, code) in rows {
        let url = format!("http://127.0.0.1:{port}/{path}");
        let outcome = courier.deliver(parcel(url.clone(), Reach::Anywhere)).await;
        assert_eq!(outcome, Outcome::Answered(code), "{path}");
        let outcome = courier.deliver(parcel(url, Reach::Public)).await;
        assert!(matches!(outcome, Outcome::NotSent(_)), "{outcome:?}");
    }
    let by_name = parcel(format!("http://localhost:{port}/judge"), Reach::Anywhere);
    assert_eq!(courier.deliver(by_name).await, Outcome::Answered(204));
    drop(server);
}

#[tokio::test]
async fn without_an_answer_it_says_why_and_not_where() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let port = listener.local_addr().expect("its address").port();
    drop(listener);
    let url = format!("http://user:secret@127.0.0.1:{port}/hook?key=secret");
    let outcome = HttpCourier::default()
        .deliver(parcel(url, Reach::Anywhere))
        .await;
    let Outcome::NoAnswer(why) = outcome else {
        panic!("{outcome:?}")
    };
    assert!(!why.is_empty() && !why.contains("secret"), "{why}");
    let nobody = parcel("http://nobody.invalid/".to_owned(), Reach::Public);
    let outcome = HttpCourier::default().deliver(nobody).await;
    assert!(matches!(outcome, Outcome::NoAnswer(_)), "{outcome:?}");
}
