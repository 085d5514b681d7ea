//! Who is told, and for how long it is known.

use tollway::domain::ids::DeliveryId;
use tollway::domain::webhook::{Events, KEEP_BODY_SECS, KEEP_ROW_SECS, Outcome, Standing};
use tollway::service::webhook::{WebhookRefusal, Wish};

use super::{OTHER, SHOP, messages, types, webhook, wish};
use crate::support::World;

#[tokio::test]
async fn an_endpoint_gets_what_it_wants_and_a_disabled_one_nothing() {
    let world = World::new().await;
    let some = Wish {
        events: Events {
            everything: false,
            specific: vec!["invoiceinvalid".to_owned(), "PayoutCreated".to_owned()],
        },
        ..wish(SHOP)
    };
    let off = Wish {
        enabled: false,
        ..wish(OTHER)
    };
    for wish in [some, off] {
        let made = world.gateway.create_webhook(world.shop, wish).await;
        made.expect("a webhook");
    }
    let invoice = world.invoice(1_000).await;
    let mark = tollway::domain::invoice::Mark::Invalid;
    let marked = world
        .gateway
        .mark_invoice(world.shop, invoice.id, mark)
        .await;
    marked.expect("marked");
    world.carry().await;
    assert_eq!(types(&world.courier.take(SHOP)), ["InvoiceInvalid"]);
    assert!(world.courier.take(OTHER).is_empty());
}

#[tokio::test]
async fn settings_are_read_afresh_before_each_try() {
    let world = World::new().await;
    let endpoint = webhook(&world, SHOP).await;
    world.courier.always(SHOP, Outcome::Answered(500));
    world.invoice(1_000).await;
    world.carry().await;
    // The URL moves: the next try goes there.
    let moved = world
        .gateway
        .update_webhook(world.shop, endpoint.id, wish(OTHER));
    assert_eq!(moved.await.expect("moved").secret, endpoint.secret);
    world.courier.then(OTHER, [Outcome::Answered(500)]);
    world.clock.advance_secs(10);
    world.carry().await;
    assert_eq!(world.courier.take(SHOP).len(), 1);
    assert_eq!(world.courier.take(OTHER).len(), 1);
    let off = Wish {
        enabled: false,
        ..wish(OTHER)
    };
    let changed = world.gateway.update_webhook(world.shop, endpoint.id, off);
    changed.await.expect("changed");
    world.clock.advance_secs(60);
    world.carry().await;
    assert!(world.courier.take(OTHER).is_empty());
    let all = messages(&world, endpoint.id).await;
    let last = all.last().expect("three");
    assert!(
        matches!(&last.standing, Standing::GivenUp { outcome: Outcome::NotSent(why), .. } if why.contains("disabled")),
        "{last:?}"
    );
    world.check().await;
}

#[tokio::test]
async fn a_deleted_endpoint_leaves_nothing_that_is_due() {
    let world = World::new().await;
    let endpoint = webhook(&world, SHOP).await;
    world.invoice(1_000).await;
    let deleted = world.gateway.delete_webhook(world.shop, endpoint.id).await;
    deleted.expect("deleted");
    world.carry().await;
    assert!(world.courier.take(SHOP).is_empty());
    world.check().await;
    let again = world.gateway.delete_webhook(world.shop, endpoint.id).await;
    assert_eq!(again, Err(WebhookRefusal::Unknown));
}

#[tokio::test]
async fn only_the_servers_owner_points_into_the_servers_network() {
    let world = World::new().await;
    for url in [
        "http://127.0.0.1:3000/",
        "http://[fe80::1]/",
        "http://localhost/x",
    ] {
        let refused = world.gateway.create_webhook(world.shop, wish(url)).await;
        assert!(matches!(refused, Err(WebhookRefusal::Url(_))), "{url}");
        let trusted = Wish {
            by_operator: true,
            ..wish(url)
        };
        let made = world.gateway.create_webhook(world.shop, trusted).await;
        let made = made.expect("the owner may");
        // Somebody else may change the rest of it, but not where it leads.
        let rest = world.gateway.update_webhook(world.shop, made.id, wish(url));
        assert!(rest.await.expect("changed").trusted);
        let elsewhere = wish("http://10.0.0.1/");
        let refused = world.gateway.update_webhook(world.shop, made.id, elsewhere);
        assert!(matches!(refused.await, Err(WebhookRefusal::Url(_))));
        let public = world
            .gateway
            .update_webhook(world.shop, made.id, wish(SHOP));
        assert!(!public.await.expect("changed").trusted);
    }
}

#[tokio::test]
async fn what_was_told_is_kept_for_sixty_days_and_that_it_was_told_for_longer() {
    let world = World::new().await;
    let endpoint = webhook(&world, SHOP).await;
    world.invoice(1_000).await;
    world.carry().await;
    let id = messages(&world, endpoint.id).await[0].id;
    let redeliver = || world.gateway.redeliver(world.shop, endpoint.id, id);
    let new = redeliver().await.expect("it is kept");
    world.carry().await;
    assert_eq!(world.courier.take(SHOP).len(), 2);
    let unknown = DeliveryId([9; 16]);
    let refused = world.gateway.redeliver(world.shop, endpoint.id, unknown);
    assert_eq!(refused.await, Err(WebhookRefusal::UnknownDelivery));
    world.clock.advance_secs(KEEP_BODY_SECS - 1);
    world.carry().await;
    let kept = messages(&world, endpoint.id).await;
    assert!(kept.iter().all(|one| one.event.is_some()));
    world.clock.advance_secs(2);
    world.carry().await;
    assert_eq!(redeliver().await, Err(WebhookRefusal::Pruned));
    let known = messages(&world, endpoint.id).await;
    assert_eq!(known.len(), 2, "{new} is known as well");
    world.clock.advance_secs(KEEP_ROW_SECS - KEEP_BODY_SECS);
    world.carry().await;
    assert!(messages(&world, endpoint.id).await.is_empty());
    let ages = world
        .gateway
        .store
        .read(|rows| tollway::store::webhook::next_prune(rows));
    assert_eq!(ages.await, None, "nothing is left behind");
}
