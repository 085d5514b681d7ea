//! Webhooks on their pages.

use axum::http::StatusCode;
use tollway::domain::webhook::{Outcome, Standing};

use super::Visitor;

const URL: &str = "https://shop.example/hook";

#[tokio::test]
async fn a_webhook_is_made_changed_looked_at_and_deleted() {
    let owner = Visitor::owner().await;
    let list = owner.shop("/webhooks");
    assert!(owner.get(&list).await.text.contains("Nobody is told yet."));
    assert!(
        owner
            .get(&owner.shop("/webhooks/new"))
            .await
            .text
            .contains("All events")
    );
    let typed = [
        ("url", "shop.example"),
        ("enabled", "on"),
        ("event_PayoutCreated", "on"),
    ];
    let refused = owner.post(&list, &typed).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        refused.text.contains("This is not an absolute URL."),
        "{}",
        refused.text
    );
    assert!(
        refused.text.contains("value=\"shop.example\""),
        "what was typed stays"
    );
    let typed = [
        ("url", URL),
        ("enabled", "on"),
        ("automatic_redelivery", "on"),
        ("everything", "on"),
    ];
    let made = owner.post(&list, &typed).await;
    let world = &owner.world;
    let endpoint = world.gateway.webhooks(world.shop).await.remove(0);
    let secret = endpoint.secret.reveal();
    assert!(made.text.contains(secret), "{}", made.text);
    let page = format!("{list}/{}", endpoint.id);
    assert!(!owner.get(&page).await.text.contains(secret), "once");
    assert!(owner.get(&list).await.text.contains(URL));
    world.courier.then(URL, [Outcome::Answered(404)]);
    world.invoice(1_000).await;
    world.carry().await;
    let shown = owner.get(&page).await.text;
    for word in [
        "InvoiceCreated",
        "Given up",
        "HTTP status 404",
        "&#34;deliveryId&#34;",
    ] {
        assert!(shown.contains(word), "{word}: {shown}");
    }
    let told = world
        .gateway
        .deliveries(world.shop, endpoint.id, 9, |_| true)
        .await;
    world.clock.advance_secs(1);
    let again = format!("{page}/deliveries/{}/redeliver", told[0].id);
    assert_eq!(owner.post(&again, &[]).await.location(), page);
    world.carry().await;
    let told = world
        .gateway
        .deliveries(world.shop, endpoint.id, 9, |_| true)
        .await;
    assert_eq!(told.len(), 2);
    assert!(matches!(told[0].standing, Standing::Delivered { .. }));
    let typed = [("url", URL), ("event_InvoiceSettled", "on")];
    assert_eq!(
        owner.post(&page, &typed).await.location(),
        format!("{page}?saved")
    );
    let after = world.gateway.webhook(world.shop, endpoint.id).await;
    let after = after.expect("it is there");
    assert!(!after.enabled && !after.automatic_redelivery && !after.events.everything);
    assert_eq!(after.events.specific, ["InvoiceSettled"]);
    assert_eq!(after.secret, endpoint.secret);
    let delete = format!("{page}/delete");
    assert_eq!(
        owner.post_raw(&delete, &[]).await.status,
        StatusCode::FORBIDDEN
    );
    assert_eq!(owner.post(&delete, &[]).await.location(), list);
    for path in [&page, &format!("{list}/nonsense")] {
        assert_eq!(owner.get(path).await.status, StatusCode::NOT_FOUND);
    }
    assert_eq!(owner.post(&delete, &[]).await.status, StatusCode::NOT_FOUND);
}
