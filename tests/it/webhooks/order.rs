//! When messages go: endpoints by themselves, objects in order, tries by the curve, from disk.

use tollway::domain::money::Msat;
use tollway::domain::webhook::{Outcome, RETRY_SECS, Standing};

use super::{OTHER, SHOP, body, messages, types, webhook};
use crate::support::World;

#[tokio::test]
async fn what_fails_is_sent_again_with_ids_of_its_own_until_it_is_given_up() {
    let world = World::new().await;
    let endpoint = webhook(&world, SHOP).await;
    world.courier.always(SHOP, Outcome::Answered(503));
    world.invoice(1_000).await;
    world.carry().await;
    let mut sent: Vec<_> = world.courier.take(SHOP).iter().map(body).collect();
    for wait in RETRY_SECS {
        world.clock.advance_secs(wait - 1);
        world.carry().await;
        assert!(world.courier.take(SHOP).is_empty(), "not before its time");
        world.clock.advance_secs(1);
        world.carry().await;
        sent.extend(world.courier.take(SHOP).iter().map(body));
    }
    assert_eq!(sent.len(), 9);
    world.clock.advance_secs(86_400);
    world.carry().await;
    assert!(world.courier.take(SHOP).is_empty());
    let all = messages(&world, endpoint.id).await;
    assert_eq!(all.len(), 9);
    assert!(matches!(all[8].standing, Standing::GivenUp { .. }));
    let first = all[0].id.to_string();
    for (repeat, message) in sent[1..].iter().zip(&all[1..]) {
        assert_eq!(repeat["deliveryId"], message.id.to_string());
        assert_eq!(repeat["originalDeliveryId"], first);
        assert_eq!(repeat["isRedelivery"], true);
    }
    world.check().await;
}

#[tokio::test]
async fn an_endpoint_that_hangs_or_fails_delays_no_other() {
    let world = World::new().await;
    webhook(&world, SHOP).await;
    let other = webhook(&world, OTHER).await;
    world.courier.hang(SHOP);
    let mut expected = Vec::new();
    for _ in 0..30 {
        expected.push(world.invoice(1_000).await.id.to_string());
        world.carry().await;
    }
    let mut told: Vec<_> = world.courier.take(OTHER).iter().map(body).collect();
    told.sort_by_key(|body| body["sequence"].as_u64());
    let ids: Vec<_> = told.iter().map(|body| &body["invoiceId"]).collect();
    assert_eq!(ids, expected.iter().collect::<Vec<_>>());
    let delivered = messages(&world, other.id).await;
    assert!(delivered.iter().all(|one| !one.is_open()));
    assert!(world.courier.hanging() <= 8, "one endpoint has its places");
}

#[tokio::test]
async fn messages_about_an_object_go_in_order_and_overtake_after_two_tries() {
    let world = World::new().await;
    webhook(&world, SHOP).await;
    let invoice = world.invoice(1_000).await;
    world
        .courier
        .always(SHOP, Outcome::NoAnswer("down".to_owned()));
    world.carry().await;
    world
        .receive(invoice.lightning[0].hash, Msat(1_000_000))
        .await;
    let another = world.invoice(2_000).await;
    world.carry().await;
    // The other invoice does not wait.
    let parcels = world.courier.take(SHOP);
    assert_eq!(types(&parcels), ["InvoiceCreated", "InvoiceCreated"]);
    assert_eq!(body(&parcels[1])["invoiceId"], another.id.to_string());
    // Back before the second try: everything goes in order.
    let mine = |world: &World| -> Vec<String> {
        let parcels = world.courier.take(SHOP);
        let about = |one: &&_| body(one)["invoiceId"] == invoice.id.to_string();
        types(&parcels.iter().filter(about).cloned().collect::<Vec<_>>())
    };
    world.clock.advance_secs(10);
    world.carry().await;
    assert_eq!(mine(&world), ["InvoiceCreated"]);
    world.clock.advance_secs(60);
    world.carry().await;
    assert_eq!(mine(&world), ["InvoiceCreated"], "the third try goes first");
    world.courier.always(SHOP, Outcome::Answered(200));
    world.clock.advance_secs(2);
    world.carry().await;
    let rest = [
        "InvoicePaymentSettled",
        "InvoiceReceivedPayment",
        "InvoiceProcessing",
        "InvoiceSettled",
    ];
    assert_eq!(mine(&world), rest, "72 seconds after the first try");
    world.clock.advance_secs(600);
    world.carry().await;
    assert_eq!(
        mine(&world),
        ["InvoiceCreated"],
        "the overtaken one comes later"
    );
    world.check().await;
}

#[tokio::test]
async fn an_endpoint_that_is_back_gets_everything_in_order() {
    let world = World::new().await;
    webhook(&world, SHOP).await;
    world.courier.then(SHOP, [Outcome::Answered(500)]);
    let invoice = world.invoice(1_000).await;
    world
        .receive(invoice.lightning[0].hash, Msat(1_000_000))
        .await;
    world.carry().await;
    assert_eq!(types(&world.courier.take(SHOP)), ["InvoiceCreated"]);
    world.clock.advance_secs(10);
    world.carry().await;
    let all = types(&world.courier.take(SHOP));
    assert_eq!(all.len(), 5);
    assert_eq!(
        (all[0].as_str(), all[4].as_str()),
        ("InvoiceCreated", "InvoiceSettled")
    );
}

#[tokio::test]
async fn a_restart_loses_nothing_and_sends_what_was_under_way_again() {
    let world = World::new().await;
    let endpoint = webhook(&world, SHOP).await;
    world.courier.hang(SHOP);
    let invoice = world.invoice(1_000).await;
    world
        .receive(invoice.lightning[0].hash, Msat(1_000_000))
        .await;
    world.carry().await;
    let before = body(&world.courier.take(SHOP)[0]);
    let world = world.restart();
    world.courier.speak(SHOP);
    world.carry().await;
    let parcels = world.courier.take(SHOP);
    assert_eq!(types(&parcels).len(), 5);
    assert_eq!(body(&parcels[0]), before, "the same message, byte for byte");
    let all = messages(&world, endpoint.id).await;
    assert!(
        all.iter()
            .all(|one| matches!(one.standing, Standing::Delivered { .. }))
    );
}

#[tokio::test]
async fn a_clock_that_is_set_back_makes_no_message_wait_for_it() {
    let world = World::new().await;
    webhook(&world, SHOP).await;
    world.courier.then(SHOP, [Outcome::Answered(500)]);
    world.invoice(1_000).await;
    world.carry().await;
    world.courier.take(SHOP);
    let now = world.clock_now();
    world
        .clock
        .set(tollway::domain::time::Timestamp(now.0 - 86_400_000));
    world.carry().await;
    assert_eq!(world.courier.take(SHOP).len(), 1);
}
