//! What is told (Greenfield 5.5).

use serde_json::json;
use tollway::domain::invoice::Mark;
use tollway::domain::money::{Msat, Sat};
use tollway::domain::webhook::sign;
use tollway::service::webhook::body as render;

use super::{SHOP, body, messages, types, webhook};
use crate::samples;
use crate::support::World;

#[tokio::test]
async fn a_lightning_payment_is_told_in_four_steps_the_settled_payment_first() {
    let world = World::new().await;
    let endpoint = webhook(&world, SHOP).await;
    let invoice = world.invoice(1_000).await;
    let hash = invoice.lightning[0].hash;
    world.receive(hash, Msat(1_001_000)).await;
    world.carry().await;
    let parcels = world.courier.take(SHOP);
    let expected = [
        "InvoiceCreated",
        "InvoicePaymentSettled",
        "InvoiceReceivedPayment",
        "InvoiceProcessing",
        "InvoiceSettled",
    ];
    assert_eq!(types(&parcels), expected);
    for parcel in &parcels {
        assert_eq!(parcel.signature, sign(&endpoint.secret, &parcel.body));
        let text = String::from_utf8(parcel.body.clone()).expect("UTF-8");
        assert!(text.starts_with("{\n  \"deliveryId\": \""), "{text}");
        let body = body(parcel);
        assert_eq!(body["deliveryId"], body["originalDeliveryId"]);
        assert_eq!(body["webhookId"], endpoint.id.to_string());
        assert_eq!(body["isRedelivery"], false);
        assert_eq!(body["storeId"], world.shop.to_string());
        assert_eq!(body["invoiceId"], invoice.id.to_string());
        assert!(body["timestamp"].is_u64() && body["metadata"].is_object());
        assert_eq!(body["currency"], "SATS");
        assert_eq!(body["amount"], "1000");
    }
    let created = body(&parcels[0]);
    assert_eq!(created["status"], "New");
    assert_eq!(created["paidAmount"], "0");
    let paid = body(&parcels[2]);
    assert_eq!(paid["paymentMethodId"], "BTC-LN");
    assert_eq!(paid["paymentMethod"], "BTC-LN");
    assert_eq!(paid["afterExpiration"], false);
    assert_eq!(paid["payment"]["id"], hash.to_string());
    assert_eq!(paid["payment"]["status"], "Settled");
    assert_eq!(paid["payment"]["value"], "0.00001001");
    assert_eq!(body(&parcels[3])["overPaid"], true);
    assert_eq!(body(&parcels[3])["status"], "Processing");
    let settled = body(&parcels[4]);
    assert_eq!(
        [
            &settled["status"],
            &settled["additionalStatus"],
            &settled["paidAmount"]
        ],
        [&json!("Settled"), &json!("PaidOver"), &json!("1001")]
    );
    assert_eq!(settled["manuallyMarked"], false);
}

#[tokio::test]
async fn a_payment_on_the_chain_settles_with_its_confirmations() {
    let world = World::new().await;
    webhook(&world, SHOP).await;
    let invoice = world.invoice(5_000).await;
    let place = invoice.onchain.clone().expect("an address");
    world.chain.pay(&place.script, Sat(5_000));
    world.look().await;
    world.carry().await;
    let seen = [
        "InvoiceCreated",
        "InvoiceReceivedPayment",
        "InvoiceProcessing",
    ];
    let parcels = world.courier.take(SHOP);
    assert_eq!(types(&parcels), seen);
    let paid = body(&parcels[1]);
    assert_eq!(paid["paymentMethodId"], "BTC-CHAIN");
    assert_eq!(paid["payment"]["destination"], place.address);
    assert_eq!(paid["payment"]["status"], "Processing");
    world.mine(1).await;
    world.carry().await;
    let parcels = world.courier.take(SHOP);
    assert_eq!(types(&parcels), ["InvoicePaymentSettled", "InvoiceSettled"]);
}

#[tokio::test]
async fn an_expiry_with_part_of_the_money_is_two_events_of_one_fact() {
    let world = World::new().await;
    let endpoint = webhook(&world, SHOP).await;
    let invoice = world.invoice(5_000).await;
    let place = invoice.onchain.clone().expect("an address");
    world.chain.pay(&place.script, Sat(1_000));
    world.look().await;
    world.clock.advance_secs(901);
    world.turn().await;
    world.carry().await;
    let parcels = world.courier.take(SHOP);
    assert_eq!(
        types(&parcels)[2..],
        ["InvoiceExpired", "InvoiceExpiredPaidPartial"]
    );
    let (expired, partial) = (body(&parcels[2]), body(&parcels[3]));
    assert_eq!(expired["partiallyPaid"], true);
    assert_eq!(expired["additionalStatus"], "PaidPartial");
    assert_eq!(partial.get("partiallyPaid"), None);
    assert_eq!(expired["sequence"], partial["sequence"]);
    assert_ne!(expired["deliveryId"], partial["deliveryId"]);
    let marked = world
        .gateway
        .mark_invoice(world.shop, invoice.id, Mark::Settled);
    marked.await.expect("marked");
    world.carry().await;
    let settled = body(&world.courier.take(SHOP)[0]);
    assert_eq!(settled["manuallyMarked"], true);
    assert_eq!(settled["additionalStatus"], "Marked");
    assert_eq!(messages(&world, endpoint.id).await.len(), 5);
}

#[tokio::test]
async fn a_payout_is_told_from_claim_to_end() {
    use tollway::domain::payout::FeeWish;
    use tollway::domain::receipt::Rail;
    use tollway::service::approval::Approval;
    use tollway::service::payout::StorePayout;
    let world = World::new().await;
    webhook(&world, SHOP).await;
    let (bolt11, _) = world.customer_invoice(700);
    let wish = StorePayout {
        pull_payment: None,
        destination: bolt11.clone(),
        rail: Rail::Lightning,
        amount: None,
        approved: false,
        fees: FeeWish::default(),
        metadata: r#"{"source":"test"}"#.to_owned(),
    };
    let payout = world.gateway.create_payout(world.shop, wish).await;
    let payout = payout.expect("a payout");
    let approved = world
        .gateway
        .approve_payout(world.shop, payout.id, Approval::of(0))
        .await;
    approved.expect("approved");
    let why = "a change of mind";
    let cancelled = world
        .gateway
        .cancel_payout(world.shop, payout.id, why)
        .await;
    cancelled.expect("cancelled");
    world.carry().await;
    let parcels = world.courier.take(SHOP);
    let expected = ["PayoutCreated", "PayoutApproved", "PayoutUpdated"];
    assert_eq!(types(&parcels), expected);
    let states = ["AwaitingApproval", "AwaitingPayment", "Cancelled"];
    for (parcel, state) in parcels.iter().zip(states) {
        let body = body(parcel);
        assert_eq!(body["payoutId"], payout.id.to_string());
        assert_eq!(body["pullPaymentId"], json!(null));
        assert_eq!(body["payoutState"], state);
        assert_eq!(body["destination"], bolt11);
        assert_eq!(body["payoutMethodId"], "BTC-LN");
        assert_eq!(body["metadata"], json!({ "source": "test" }));
    }
    assert_eq!(body(&parcels[0])["payoutAmount"], json!(null));
    assert_eq!(body(&parcels[1])["payoutAmount"], "0.000007");
    assert_eq!(body(&parcels[2])["failureReason"], why);
}

/// The bytes of a message follow from its record, and are shown long after they were sent: whoever changes them has to
/// keep the old form for old records.
#[test]
fn the_bytes_of_a_message_do_not_change() {
    let deliveries = samples::deliveries();
    let texts: Vec<String> = deliveries[..2]
        .iter()
        .map(|(_, delivery)| render(delivery).expect("it is kept"))
        .map(|bytes| String::from_utf8(bytes).expect("UTF-8"))
        .collect();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/webhooks/bodies.txt");
    let text = texts.join("\n---\n") + "\n";
    if std::env::var("TOLLWAY_GOLDEN").is_ok_and(|wish| wish == "add")
        && !std::path::Path::new(path).exists()
    {
        std::fs::write(path, &text).expect("writes");
    }
    assert_eq!(text, std::fs::read_to_string(path).expect("golden bytes"));
    for (label, delivery) in &deliveries[2..] {
        assert_eq!(render(delivery), None, "{label} is not kept");
    }
}
