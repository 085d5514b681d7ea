//! What the node answers, what is doubtful, and how the doubt ends.

use tollway::domain::fact::Fact;
use tollway::domain::ids::{PaymentHash, PayoutId, StoreId};
use tollway::domain::money::{Msat, Sat};
use tollway::domain::payout::Standing;
use tollway::domain::receipt::Rail;
use tollway::ports::lightning::{Direction, NodeEvent, PaymentRecord, RecordStatus};
use tollway::store;

use super::{arrives, assert_paid_once, killed, standing, to_be_paid};
use crate::support::World;

async fn one(world: &World) -> (PayoutId, PaymentHash) {
    let (pr, hash) = world.customer_invoice(5_000);
    let id = to_be_paid(world, &pr, Rail::Lightning, 5_000).await;
    (id, hash)
}

fn record(hash: PaymentHash, direction: Direction, status: RecordStatus) -> PaymentRecord {
    PaymentRecord {
        hash,
        direction,
        status,
        amount: Some(Sat(5_000).to_msat()),
        fee: Some(Msat(3_000)),
        preimage: None,
        updated: tollway::domain::time::Timestamp(0),
    }
}

async fn journal(world: &World, store: StoreId) -> Vec<Fact> {
    let all = move |rows: &store::Snapshot| store::journal::after(rows, store, 0, 10_000);
    let entries = world.gateway.store.read(all).await;
    entries.into_iter().map(|entry| entry.fact).collect()
}

/// A doubt has rested long enough.
async fn rest(world: &World) {
    world.clock.advance_secs(300);
    world.run_payouts().await;
}

#[tokio::test]
async fn doubt_ends_on_the_timer_without_a_restart() {
    for departed in [false, true] {
        let world = World::new().await;
        let (id, hash) = one(&world).await;
        world.lightning.doubt_pay(departed);
        world.run_payouts().await;
        assert_eq!(standing(&world, id).await, [Standing::Recorded]);
        rest(&world).await;
        assert_eq!(standing(&world, id).await, [Standing::Sent], "{departed}");
        arrives(&world, hash).await;
        assert_paid_once(&world, id, hash).await;
    }
}

#[tokio::test]
async fn a_refusal_after_doubt_proves_nothing() {
    let world = World::new().await;
    let (id, hash) = one(&world).await;
    world.lightning.doubt_pay(true);
    world.run_payouts().await;
    // The node knows nothing of it any more, and refuses what is handed over again.
    world.lightning.forget_departed();
    let mut waits = Vec::new();
    for _ in 0..4 {
        world.lightning.decline_pay("no route was found");
        rest(&world).await;
        assert_eq!(standing(&world, id).await, [Standing::Recorded], "P6");
        let payout = world.see_payout(id).await;
        waits.push(payout.next_attempt_at.expect("set"));
        assert!(payout.clone().cancel("no").is_err(), "P8");
    }
    // It arrives all the same.
    arrives(&world, hash).await;
    assert_paid_once(&world, id, hash).await;
}

#[tokio::test]
async fn after_the_invoice_ran_out_it_is_held_until_nothing_can_be_under_way() {
    let world = World::new().await;
    let (id, _) = one(&world).await;
    world.lightning.doubt_pay(true);
    world.run_payouts().await;
    let handed_over = world.lightning.pays().len();
    world.clock.advance_secs(7_200);
    world.run_payouts().await;
    let held = world.see_payout(id).await;
    assert_eq!(standing(&world, id).await, [Standing::Recorded]);
    let why = held.waiting_for.expect("a reason");
    assert!(why.starts_with("The invoice has expired"), "{why}");
    assert_eq!(
        world.lightning.pays().len(),
        handed_over,
        "nothing is handed over after the invoice's time"
    );
    world.mine(1_152).await;
    rest(&world).await;
    rest(&world).await;
    assert_eq!(standing(&world, id).await, [Standing::Recorded]);
    world.mine(1).await;
    world.lightning.set_closing_channels(true);
    rest(&world).await;
    rest(&world).await;
    assert_eq!(standing(&world, id).await, [Standing::Recorded]);
    world.lightning.set_closing_channels(false);
    rest(&world).await;
    rest(&world).await;
    let last = standing(&world, id).await;
    assert!(matches!(last[..], [Standing::InReview { .. }]), "{last:?}");
    world.check().await;
}

/// What the node's record says of a doubtful first attempt, and what becomes of it.
#[tokio::test]
async fn the_node_s_record_decides_where_it_can() {
    use Direction::{Inbound, Outbound};
    use RecordStatus::{Failed, Pending, Succeeded};
    // (record, forgotten before, how the attempt stands then)
    for (direction, status, forgotten, expected) in [
        (Outbound, Succeeded, false, "Settled"),
        (Outbound, Succeeded, true, "Settled"),
        (Outbound, Failed, false, "Failed"),
        (Outbound, Failed, true, "Recorded"),
        (Outbound, Pending, false, "Recorded"),
        (Inbound, Pending, false, "InReview"),
        (Inbound, Succeeded, false, "InReview"),
    ] {
        let world = World::new().await;
        let (id, hash) = one(&world).await;
        world.lightning.doubt_pay(false);
        world.run_payouts().await;
        if forgotten {
            let shop = world.shop;
            let now = world.clock_now();
            let fact = Fact::PaymentRecordForgotten { hash };
            let note = move |tx: &mut store::Tx<'_>| tx.announce(shop, vec![fact], now);
            world.job(note).await;
        }
        world.lightning.put_record(record(hash, direction, status));
        // What is handed over again is refused: that alone proves nothing.
        world.lightning.decline_pay("no route was found");
        rest(&world).await;
        let stands = match &standing(&world, id).await[..] {
            [Standing::Recorded] => "Recorded",
            [Standing::Sent] => "Sent",
            [Standing::Settled] => "Settled",
            [Standing::Failed { .. }] => "Failed",
            [Standing::InReview { .. }] => "InReview",
            other => panic!("{other:?}"),
        };
        assert_eq!(stands, expected, "{direction:?} {status:?} {forgotten}");
        world.check().await;
    }
}

#[tokio::test]
async fn a_failure_heard_before_reconcile_is_doubt_for_any_attempt_but_the_first() {
    for attempts in [1, 2] {
        let world = World::new().await;
        let (id, hash) = one(&world).await;
        if attempts == 2 {
            world.lightning.decline_pay("no route was found");
            world.run_payouts().await;
            world.clock.advance_secs(2);
        }
        world.run_payouts().await;
        assert_eq!(standing(&world, id).await.last(), Some(&Standing::Sent));
        let world = world.restart();
        world.look().await;
        world.lightning.emit(NodeEvent::PaymentFailed {
            hash: Some(hash),
            why: "told again".to_owned(),
        });
        world.take_events().await;
        let heard = standing(&world, id).await;
        if attempts == 1 {
            assert!(matches!(heard[..], [Standing::Failed { .. }]), "{heard:?}");
        } else {
            assert_eq!(heard.last(), Some(&Standing::Recorded), "{heard:?}");
            world.open_gate().await;
            rest(&world).await;
            // The node still has it.
            assert_eq!(standing(&world, id).await.last(), Some(&Standing::Sent));
            assert_eq!(world.lightning.departed(), [hash]);
            arrives(&world, hash).await;
            assert_paid_once(&world, id, hash).await;
        }
    }
}

#[tokio::test]
async fn silence_is_reviewed_only_after_a_restart_with_the_peers_there() {
    let world = World::new().await;
    let (id, hash) = one(&world).await;
    world.run_payouts().await;
    let sent = [Standing::Sent];
    // Without a restart no time is too long.
    for _ in 0..20 {
        world.clock.advance_secs(3_600);
        world.run_payouts().await;
    }
    assert_eq!(standing(&world, id).await, sent);
    let world = world.restart();
    world.lightning.set_peers_connected(false);
    world.look().await;
    world.take_events().await;
    for _ in 0..100 {
        world.clock.advance_secs(60);
        world.run_payouts().await;
    }
    assert!(world.gate.is_reconciled(), "the others are not held up");
    assert_eq!(standing(&world, id).await, sent);
    world.lightning.set_peers_connected(true);
    world.clock.advance_secs(10);
    world.run_payouts().await;
    world.clock.advance_secs(590);
    world.run_payouts().await;
    assert_eq!(standing(&world, id).await, sent);
    world.clock.advance_secs(20);
    world.run_payouts().await;
    let last = standing(&world, id).await;
    assert!(matches!(last[..], [Standing::InReview { .. }]), "{last:?}");
    let row = world.see_payout(id).await;
    assert!(row.cancel("no").is_err(), "P8");
    // P5 success wins.
    arrives(&world, hash).await;
    assert_paid_once(&world, id, hash).await;
}

#[tokio::test]
async fn what_the_queue_lost_is_heard_within_a_day() {
    let world = World::new().await;
    let (id, hash) = one(&world).await;
    world.run_payouts().await;
    let preimage = world.customer.preimage(hash).expect("its own");
    world.lightning.succeeds(hash, preimage, Sat(3).to_msat());
    world.lightning.drop_events();
    world.clock.advance_secs(80_000);
    world.run_payouts().await;
    assert_eq!(standing(&world, id).await, [Standing::Sent]);
    world.clock.advance_secs(7_000);
    world.run_payouts().await;
    assert_paid_once(&world, id, hash).await;
}

#[tokio::test]
async fn a_payment_of_no_payout_is_told_once_with_what_it_moved() {
    let world = World::new().await;
    let hash = PaymentHash([7; 32]);
    let known = record(hash, Direction::Outbound, RecordStatus::Succeeded);
    world.lightning.put_record(known);
    let event = NodeEvent::PaymentSuccessful {
        hash,
        preimage: None,
        fee: Some(Msat(3_000)),
    };
    world.lightning.emit(event.clone());
    world.lightning.emit(event);
    world.take_events().await;
    let world = killed(world).await;
    world.clock.advance_secs(90_000);
    world.run_payouts().await;
    let mut told = journal(&world, StoreId::HOUSE).await;
    told.retain(|fact| matches!(fact, Fact::ForeignPaymentArrived { .. }));
    assert_eq!(
        told,
        [Fact::ForeignPaymentArrived {
            hash,
            amount: Some(Sat(5_000).to_msat()),
            fee: Some(Msat(3_000)),
        }]
    );
}
