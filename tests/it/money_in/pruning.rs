//! Records of the node: dead ones go, and nothing that is still needed.

use tollway::domain::ids::PaymentHash;
use tollway::domain::invoice::{Additional, Status};
use tollway::domain::money::{Msat, Sat};
use tollway::domain::time::Timestamp;
use tollway::ports::lightning::{
    Direction, InvoiceDescription, Lightning, NodeState, PaymentRecord, RecordStatus,
};

use crate::support::World;

/// Expiry of an ordinary invoice, two hours of LDK, a day.
const DEAD_SECS: u64 = 900 + 26 * 3_600;

async fn records(world: &World) -> Vec<PaymentHash> {
    let records = world.lightning.payments().await;
    records.iter().map(|record| record.hash).collect()
}

#[tokio::test]
async fn a_record_goes_a_day_after_nobody_can_pay_it_any_more() {
    let world = World::new().await;
    let unpaid = world.invoice(1_000).await.lightning[0].hash;
    let paid = world.invoice(1_000).await.lightning[0].hash;
    world.receive(paid, Sat(1_000).to_msat()).await;
    let text = InvoiceDescription::Text("api".to_owned());
    let made = world
        .gateway
        .create_api_invoice(world.shop, Some(Msat(9)), text, 900);
    let api = made.await.expect("made").hash;
    world.clock.advance_secs(DEAD_SECS - 1);
    world.prune().await;
    assert_eq!(records(&world).await.len(), 3);
    world.clock.advance_secs(1);
    world.prune().await;
    assert_eq!(records(&world).await, []);

    // What comes nevertheless is taken in, for the invoice it was meant for.
    let world = world.restart();
    world.open_gate().await;
    world.turn().await;
    for hash in [unpaid, api, paid] {
        world.receive(hash, Sat(1_000).to_msat()).await;
    }
    let store = &world.gateway.store;
    let strays =
        tollway::store::receipt::strays(&store.snapshot(), tollway::domain::ids::StoreId::HOUSE);
    assert_eq!(strays, []);
    for (hash, expected) in [
        (unpaid, (Status::Expired, Additional::PaidLate)),
        // Told again, it changes nothing.
        (paid, (Status::Settled, Additional::None)),
    ] {
        let owner = tollway::store::invoice::hash_owner(&store.snapshot(), hash);
        let Some(tollway::store::invoice::HashOwner::Invoice { invoice, .. }) = owner else {
            panic!("{hash} has no invoice");
        };
        let invoice = world.see_invoice(invoice).await;
        assert_eq!((invoice.status, invoice.additional()), expected);
        assert_eq!(invoice.paid(), Sat(1_000).to_msat());
        // Proof of payment does not go with the record.
        assert_eq!(invoice.lightning[0].hash, hash);
    }
    world.check().await;
}

#[tokio::test]
async fn p10_a_payment_that_nobody_took_in_keeps_its_record_and_our_own_payments_too() {
    let world = World::new().await;
    let dropped = world.invoice(1_000).await;
    let hash = dropped.lightning[0].hash;
    world.lightning.receives(hash, Sat(1_000).to_msat());
    world.lightning.drop_events();
    let outbound = world.invoice(1_000).await.lightning[0].hash;
    world.lightning.put_record(PaymentRecord {
        hash: outbound,
        direction: Direction::Outbound,
        status: RecordStatus::Succeeded,
        amount: Some(Msat(1)),
        fee: None,
        preimage: None,
        updated: Timestamp(0),
    });
    world.clock.advance_secs(DEAD_SECS);
    world.prune().await;
    let mut kept = vec![hash, outbound];
    kept.sort_unstable();
    assert_eq!(records(&world).await, kept);
    let world = world.restart();
    world.open_gate().await;
    assert_eq!(
        world.see_invoice(dropped.id).await.paid(),
        Sat(1_000).to_msat()
    );
    world.prune().await;
    assert_eq!(records(&world).await, [outbound]);
}

#[tokio::test]
async fn a_round_is_bounded_and_waits_for_the_node() {
    let world = World::new().await;
    for _ in 0..300 {
        world.invoice(1_000).await;
    }
    world.clock.advance_secs(DEAD_SECS);
    world.lightning.set_state(NodeState::Syncing);
    world.prune().await;
    assert_eq!(records(&world).await.len(), 300);
    world.lightning.set_state(NodeState::Ready);
    let next = world.prune().await;
    assert_eq!(records(&world).await.len(), 300 - 256);
    assert_eq!(next, world.clock_now().plus_secs(1));
    world.prune().await;
    assert_eq!(records(&world).await, []);
}
