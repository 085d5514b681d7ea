//! Webhooks and the feed over the API (Greenfield 3.11).

use axum::body::Body;
use axum::http::{Request, StatusCode};
use futures::StreamExt;
use serde_json::{Value, json};
use tollway::domain::ids::{DeliveryId, WebhookId};
use tollway::domain::money::Msat;
use tollway::domain::webhook::{KEEP_BODY_SECS, Outcome};
use tower::ServiceExt;

use super::{Client, text};

const URL: &str = "https://shop.example/hook";

async fn webhook(client: &Client) -> (String, String) {
    let path = client.shop("/webhooks");
    let made = client.post(&path, json!({ "url": URL })).await.ok();
    (text(&made["id"]), text(&made["secret"]))
}

#[tokio::test]
async fn a_webhook_is_made_changed_and_removed_and_shows_its_secret_once() {
    let client = Client::new().await;
    let (id, secret) = webhook(&client).await;
    assert_eq!(secret.len(), bs58_len(&secret), "base58 of 16 bytes");
    let (flat, nested) = (
        format!("/api/v1/webhooks/{id}"),
        client.shop(&format!("/webhooks/{id}")),
    );
    let expected = json!({
        "id": id,
        "enabled": true,
        "automaticRedelivery": true,
        "url": URL,
        "authorizedEvents": { "everything": true, "specificEvents": [] },
    });
    for path in [&flat, &nested] {
        assert_eq!(client.get(path).await.ok(), expected);
    }
    let list = client.get(&client.shop("/webhooks")).await.ok();
    assert_eq!(list, json!([expected]));
    let change = json!({
        "url": "https://shop.example/other",
        "enabled": false,
        "automaticRedelivery": false,
        "authorizedEvents": { "everything": false, "specificEvents": ["InvoiceSettled", "Unheard"] },
        "secret": null,
    });
    let after = client.call("PUT", &nested, &change).await.ok();
    assert_eq!(after["url"], change["url"]);
    assert_eq!(after["enabled"], false);
    assert_eq!(after["authorizedEvents"], change["authorizedEvents"]);
    assert_eq!(after.get("secret"), None);
    let (shop, hook) = (client.world.shop, id.parse::<WebhookId>().expect("an id"));
    let stored = client.world.gateway.webhook(shop, hook).await;
    assert_eq!(stored.expect("it is there").secret.reveal(), secret);
    let chosen = json!({ "url": URL, "secret": "chosen" });
    client.call("PUT", &flat, &chosen).await.ok();
    let stored = client.world.gateway.webhook(shop, hook).await;
    assert_eq!(stored.expect("it is there").secret.reveal(), "chosen");
    assert_eq!(
        client.call("DELETE", &flat, &Value::Null).await.ok(),
        Value::Null
    );
    let refused = client.get(&nested).await.refusal();
    assert_eq!(refused, (404, "webhook-not-found".to_owned()));
    assert_eq!(client.get(&flat).await.status.as_u16(), 403);
}

fn bs58_len(text: &str) -> usize {
    let id: WebhookId = text.parse().expect("16 bytes in base58");
    id.to_string().len()
}

#[tokio::test]
async fn bad_webhooks_are_refused_by_their_member() {
    let client = Client::new().await;
    let long = format!("https://shop.example/{}", "x".repeat(3_000));
    let rows = [
        (json!({}), 422, "Url"),
        (json!({ "url": null }), 422, "Url"),
        (json!({ "url": "" }), 422, "Url"),
        (json!({ "url": "shop.example" }), 422, "Url"),
        (json!({ "url": "ftp://shop.example" }), 422, "Url"),
        (json!({ "url": "javascript:alert(1)" }), 422, "Url"),
        (json!({ "url": long }), 422, "Url"),
        (json!({ "url": { "a": 1 } }), 422, "Url"),
        (json!({ "url": URL, "enabled": 7 }), 422, "Enabled"),
        (
            json!({ "url": "x", "automaticRedelivery": [], "secret": {} }),
            422,
            "Secret AutomaticRedelivery",
        ),
        (
            json!({ "url": URL, "authorizedEvents": "x" }),
            422,
            "AuthorizedEvents",
        ),
        (
            json!({ "url": URL, "authorizedEvents": { "specificEvents": [1] } }),
            422,
            "AuthorizedEvents.SpecificEvents[0]",
        ),
        (
            json!({ "url": URL, "authorizedEvents": { "specificEvents": ["x".repeat(200)] } }),
            422,
            "AuthorizedEvents.SpecificEvents",
        ),
        (
            json!({ "url": URL, "secret": "x".repeat(2_000) }),
            422,
            "Secret",
        ),
    ];
    let path = client.shop("/webhooks");
    client.check_refusals("POST", &path, &rows).await;
    assert_eq!(client.get(&path).await.ok(), json!([]));
    let (id, _) = webhook(&client).await;
    let path = format!("/api/v1/webhooks/{id}");
    client.check_refusals("PUT", &path, &rows).await;
    assert_eq!(client.get(&path).await.ok()["url"], URL);
}

#[tokio::test]
async fn webhooks_take_their_own_right() {
    let client = Client::new().await;
    let (id, _) = webhook(&client).await;
    let viewer = client.key(&["btcpay.store.canviewstoresettings"]).await;
    let keeper = client
        .key(&["btcpay.store.webhooks.canmodifywebhooks"])
        .await;
    let unknown = WebhookId([9; 16]);
    let rows = [
        (Some(&viewer), client.shop("/webhooks"), 403),
        (Some(&viewer), format!("/api/v1/webhooks/{id}"), 403),
        (
            Some(&viewer),
            format!("/api/v1/webhooks/{id}/deliveries"),
            403,
        ),
        (None, client.shop("/webhooks"), 401),
        (None, client.shop("/events"), 401),
        (Some(&keeper), client.shop("/webhooks"), 200),
        (
            Some(&keeper),
            format!("/api/v1/webhooks/{id}/deliveries"),
            200,
        ),
        (Some(&keeper), format!("/api/v1/webhooks/{unknown}"), 403),
        (
            Some(&keeper),
            client.shop(&format!("/webhooks/{unknown}")),
            404,
        ),
        (Some(&keeper), client.shop("/webhooks/nonsense"), 404),
        (Some(&keeper), client.shop("/events"), 403),
        (Some(&viewer), client.shop("/events"), 200),
    ];
    for (who, path, status) in rows {
        let answer = client
            .call_as(who.map(String::as_str), "GET", &path, "")
            .await;
        assert_eq!(answer.status.as_u16(), status, "{path}");
    }
}

#[tokio::test]
async fn deliveries_are_listed_shown_and_sent_again() {
    let client = Client::new().await;
    let (id, _) = webhook(&client).await;
    let world = &client.world;
    world.courier.then(URL, [Outcome::Answered(500)]);
    let invoice = world.invoice(1_000).await;
    world.carry().await;
    let sent = world.courier.take(URL);
    let path = format!("/api/v1/webhooks/{id}/deliveries");
    let list = client.get(&path).await.ok();
    assert_eq!(list.as_array().map(Vec::len), Some(1), "{list}");
    assert_eq!(list[0]["status"], "HttpError");
    assert_eq!(list[0]["httpCode"], 500);
    assert_eq!(list[0]["attempt"], 1);
    assert!(list[0]["nextAttemptAt"].is_u64());
    let first = text(&list[0]["id"]);
    assert_eq!(client.get(&format!("{path}/{first}")).await.ok(), list[0]);
    let body = client.get(&format!("{path}/{first}/request")).await.ok();
    assert_eq!(
        serde_json::to_vec_pretty(&body).expect("JSON"),
        sent[0].body
    );
    assert_eq!(body["invoiceId"], invoice.id.to_string());
    let redeliver = format!("{path}/{first}/redeliver");
    let new = text(&client.post(&redeliver, Value::Null).await.ok());
    world.carry().await;
    let again: Value = serde_json::from_slice(&world.courier.take(URL)[0].body).expect("JSON");
    assert_eq!(again["deliveryId"], new);
    assert_eq!(again["originalDeliveryId"], first);
    assert_eq!(again["isRedelivery"], true);
    let list = client.get(&format!("{path}?count=1")).await.ok();
    assert_eq!(list.as_array().map(Vec::len), Some(1));
    assert_eq!(
        (text(&list[0]["id"]), &list[0]["status"]),
        (new, &json!("HttpSuccess"))
    );
    let unknown = DeliveryId([9; 16]);
    for (method, rest) in [("GET", ""), ("GET", "/request"), ("POST", "/redeliver")] {
        for id in [unknown.to_string(), "nonsense".to_owned()] {
            let path = format!("{path}/{id}{rest}");
            let answer = client.call(method, &path, &Value::Null).await;
            let refused = (404, "webhookdelivery-not-found".to_owned());
            assert_eq!(answer.refusal(), refused);
        }
    }
    world.clock.advance_secs(KEEP_BODY_SECS + 3_600);
    world.carry().await;
    for (method, rest) in [("GET", "/request"), ("POST", "/redeliver")] {
        let path = format!("{path}/{first}{rest}");
        let answer = client.call(method, &path, &Value::Null).await;
        let refused = (409, "webhookdelivery-pruned".to_owned());
        assert_eq!(answer.refusal(), refused);
    }
}

#[tokio::test]
async fn the_feed_tells_what_webhooks_are_told_with_stable_numbers() {
    let client = Client::new().await;
    webhook(&client).await;
    let world = &client.world;
    let invoice = world.invoice(1_000).await;
    world
        .receive(invoice.lightning[0].hash, Msat(1_000_000))
        .await;
    world.carry().await;
    let sent = world.courier.take(URL);
    let page = client.get(&client.shop("/events")).await.ok();
    let events = page["events"].as_array().expect("events").clone();
    assert_eq!(events.len(), sent.len());
    for (event, parcel) in events.iter().zip(&sent) {
        let body: Value = serde_json::from_slice(&parcel.body).expect("JSON");
        for member in [
            "sequence",
            "type",
            "timestamp",
            "storeId",
            "invoiceId",
            "payment",
        ] {
            assert_eq!(event.get(member), body.get(member), "{member}");
        }
        assert_eq!(event.get("deliveryId"), None);
    }
    // Page by page it is the same.
    let (mut after, mut pages) = (0, Vec::new());
    loop {
        let path = client.shop(&format!("/events?after={after}&take=2"));
        let page = client.get(&path).await.ok();
        let part = page["events"].as_array().expect("events").clone();
        after = page["lastSequence"].as_u64().expect("a number");
        if part.is_empty() {
            break;
        }
        pages.extend(part);
    }
    assert_eq!(pages, events);
    for bad in ["after=x", "after=-1", "take=0", "take=x", "wait=x"] {
        let answer = client.get(&client.shop(&format!("/events?{bad}"))).await;
        assert_eq!(answer.status.as_u16(), 422, "{bad}");
    }
    // Nothing yet: wait for it.
    let path = client.shop(&format!("/events?after={after}&wait=30"));
    let (page, made) = tokio::join!(client.get(&path), async {
        tokio::task::yield_now().await;
        world.invoice(2_000).await
    });
    let page = page.ok();
    assert_eq!(page["events"][0]["invoiceId"], made.id.to_string());
    let last = page["lastSequence"].as_u64().expect("a number");
    let path = client.shop(&format!("/events?after={last}"));
    let page = client.get(&path).await.ok();
    assert_eq!(page, json!({ "events": [], "lastSequence": last }));
}

#[tokio::test]
async fn the_feed_can_be_listened_to_and_goes_on_where_it_broke_off() {
    let client = Client::new().await;
    let first = client.world.invoice(1_000).await;
    let listen = |last: Option<&str>| {
        let mut request = Request::builder()
            .uri(client.shop("/events"))
            .header("Accept", "text/event-stream")
            .header(
                "Authorization",
                client.authorization.as_deref().expect("a key"),
            );
        if let Some(last) = last {
            request = request.header("Last-Event-ID", last);
        }
        let request = request.body(Body::empty()).expect("a request");
        client.router.clone().oneshot(request)
    };
    let response = listen(None).await.expect("an answer");
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut stream = response.into_body().into_data_stream();
    let mut next = async || {
        let piece = stream.next().await.expect("goes on").expect("bytes");
        String::from_utf8(piece.to_vec()).expect("UTF-8")
    };
    let told = next().await;
    assert!(told.contains("event: InvoiceCreated\n"), "{told}");
    assert!(told.contains(&first.id.to_string()), "{told}");
    let second = client.world.invoice(2_000).await;
    assert!(next().await.contains(&second.id.to_string()));
    let id = told.lines().find_map(|line| line.strip_prefix("id: "));
    let response = listen(id).await.expect("an answer");
    let mut stream = response.into_body().into_data_stream();
    let piece = stream.next().await.expect("goes on").expect("bytes");
    let told = String::from_utf8(piece.to_vec()).expect("UTF-8");
    assert!(told.contains(&second.id.to_string()), "{told}");
    client.world.gateway.store.signals().end_live();
    assert!(
        stream.next().await.is_none(),
        "it ends when the process stops"
    );
}

#[tokio::test]
async fn a_stream_ends_with_the_right_to_listen_and_there_are_only_so_many() {
    let client = Client::new().await;
    let label =
        json!({"label": "a listener", "permissions": ["btcpay.store.canviewstoresettings"]});
    let key = text(&client.post("/api/v1/api-keys", label).await.ok()["apiKey"]);
    let listen = || {
        let request = Request::builder()
            .uri(client.shop("/events"))
            .header("Accept", "text/event-stream")
            .header("Authorization", format!("token {key}"))
            .body(Body::empty())
            .expect("a request");
        client.router.clone().oneshot(request)
    };
    let response = listen().await.expect("an answer");
    let mut stream = response.into_body().into_data_stream();
    let mut open = Vec::new();
    let refused = loop {
        let response = listen().await.expect("an answer");
        if response.status() != StatusCode::OK {
            break response;
        }
        open.push(response);
        assert!(open.len() < 1_000, "without end");
    };
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.headers()["retry-after"], "10");
    open.pop();
    let response = listen().await.expect("an answer");
    assert_eq!(response.status(), StatusCode::OK, "a place is free again");

    client.world.invoice(1_000).await;
    assert!(stream.next().await.is_some(), "it may listen");
    let path = format!("/api/v1/api-keys/{key}");
    client.call("DELETE", &path, &Value::Null).await.ok();
    client.world.invoice(2_000).await;
    assert!(stream.next().await.is_none(), "the key is gone");
}
