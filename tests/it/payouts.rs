//! Money out: intent before act, one live attempt, and a kill at every point of the way.

mod inside;
mod onchain;
mod reconcile;
pub mod review;
mod throughput;

use tollway::domain::ids::{PaymentHash, PayoutId};
use tollway::domain::money::{Parts, Sat};
use tollway::domain::payout::{FeeWish, Proof, Stage, Standing};
use tollway::domain::receipt::Rail;
use tollway::service::payout::StorePayout;
use tollway::store::payout::PayoutRef;

use crate::support::World;

/// An approved payout of the store that somebody pressed Pay for.
pub async fn to_be_paid(world: &World, destination: &str, rail: Rail, sat: u64) -> PayoutId {
    let new = StorePayout {
        pull_payment: None,
        destination: destination.to_owned(),
        rail,
        amount: Some(Sat(sat).to_btc()),
        approved: true,
        fees: FeeWish::default(),
        metadata: "{}".to_owned(),
    };
    let made = world.gateway.create_payout(world.shop, new).await;
    let id = made.expect("a payout").id;
    let pressed = world.gateway.pay_payout(world.shop, id).await;
    pressed.expect("waits to be paid").id
}

async fn standing(world: &World, id: PayoutId) -> Vec<Standing> {
    let attempts = world.see_payout(id).await.attempts;
    attempts.into_iter().map(|one| one.standing).collect()
}

/// Ends the process, starts it again, and lets it reconcile.
async fn killed(world: World) -> World {
    let world = world.restart();
    world.open_gate().await;
    world
}

async fn arrives(world: &World, hash: PaymentHash) {
    let preimage = world.customer.preimage(hash).expect("its own");
    world.lightning.succeeds(hash, preimage, Sat(3).to_msat());
    world.take_events().await;
}

async fn assert_paid_once(world: &World, id: PayoutId, hash: PaymentHash) {
    let payout = world.see_payout(id).await;
    let preimage = world.customer.preimage(hash);
    match payout.stage {
        Stage::Completed { proof, fee, .. } => {
            assert_eq!(proof, Proof::Lightning { hash, preimage });
            assert_eq!(fee, Sat(3).to_msat());
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(world.lightning.departed(), [hash]);
    world.check().await;
}

/// Where the process dies, and what the node makes of it.
#[derive(Clone, Copy, Debug)]
enum Kill {
    /// Approved, nothing planned.
    BeforeIntent,
    /// The intent is committed, the node never heard of it.
    BeforePay,
    /// The node has it, its answer was lost.
    InsidePay,
    /// The node said yes, and that is committed.
    AfterSent,
    /// It arrived; the event is taken in and not acknowledged.
    BeforeAcknowledgement,
    /// It arrived; the event was lost by the node.
    EventLost,
}

#[tokio::test]
async fn a_kill_at_any_point_pays_once() {
    use Kill::*;
    for kill in [
        BeforeIntent,
        BeforePay,
        InsidePay,
        AfterSent,
        BeforeAcknowledgement,
        EventLost,
    ] {
        let world = World::new().await;
        let (pr, hash) = world.customer_invoice(5_000);
        let id = to_be_paid(&world, &pr, Rail::Lightning, 5_000).await;
        match kill {
            BeforeIntent | AfterSent | EventLost => {}
            BeforePay => world.lightning.doubt_pay(false),
            InsidePay => world.lightning.doubt_pay(true),
            BeforeAcknowledgement => world.lightning.lose_next_ack(),
        }
        if !matches!(kill, BeforeIntent) {
            world.run_payouts().await;
            assert_eq!(
                world.see_payout(id).await.stage,
                Stage::InProgress,
                "{kill:?}"
            );
        }
        if matches!(kill, BeforeAcknowledgement) {
            let preimage = world.customer.preimage(hash).expect("its own");
            world.lightning.succeeds(hash, preimage, Sat(3).to_msat());
            world.take_events().await;
        }
        if matches!(kill, EventLost) {
            let preimage = world.customer.preimage(hash).expect("its own");
            world.lightning.succeeds(hash, preimage, Sat(3).to_msat());
            world.lightning.drop_events();
        }
        let world = killed(world).await;
        // What was doubtful rests a while before it is looked at.
        world.clock.advance_secs(11);
        world.run_payouts().await;
        world.run_payouts().await;
        if !matches!(kill, BeforeAcknowledgement | EventLost) {
            assert_eq!(standing(&world, id).await, [Standing::Sent], "{kill:?}");
            arrives(&world, hash).await;
        }
        assert_paid_once(&world, id, hash).await;
    }
}

#[tokio::test]
async fn nothing_is_sent_before_the_node_has_been_heard() {
    let world = World::new().await;
    let (pr, hash) = world.customer_invoice(5_000);
    let id = to_be_paid(&world, &pr, Rail::Lightning, 5_000).await;
    let world = world.restart();
    world.look().await;
    world.run_payouts().await;
    assert_eq!(world.lightning.departed(), []);
    assert_eq!(world.see_payout(id).await.stage, Stage::AwaitingPayment);
    world.open_gate().await;
    assert_eq!(world.lightning.departed(), [hash]);
}

#[tokio::test]
async fn p1_p6_a_definite_failure_makes_room_for_the_next_attempt_and_doubt_does_not() {
    let world = World::new().await;
    let (pr, hash) = world.customer_invoice(5_000);
    let id = to_be_paid(&world, &pr, Rail::Lightning, 5_000).await;
    world.lightning.decline_pay("no route");
    world.run_payouts().await;
    let no_route = Standing::Failed {
        why: "no route".to_owned(),
    };
    assert_eq!(standing(&world, id).await, std::slice::from_ref(&no_route));
    // Its next attempt has to wait.
    world.run_payouts().await;
    assert_eq!(standing(&world, id).await.len(), 1);
    world.clock.advance_secs(1);
    world.lightning.doubt_pay(true);
    world.run_payouts().await;
    for _ in 0..5 {
        assert_eq!(
            standing(&world, id).await,
            [no_route.clone(), Standing::Recorded]
        );
        world.clock.advance_secs(1);
        world.run_payouts().await;
    }
    world.clock.advance_secs(10);
    world.run_payouts().await;
    assert_eq!(standing(&world, id).await, [no_route, Standing::Sent]);
    arrives(&world, hash).await;
    assert_paid_once(&world, id, hash).await;
}

#[tokio::test]
async fn p5_a_success_wins_over_a_failure_and_over_a_cancellation() {
    for cancelled in [false, true] {
        let world = World::new().await;
        let link = world.pull_payment(5_000).await;
        let (pr, hash) = world.customer_invoice(5_000);
        let k1 = hex::encode(link.k1);
        let drawing = world.clock.hurry(world.gateway.withdraw(link.id, &k1, &pr));
        drawing.await.expect("accepted");
        let id = world.payouts().await[0].id;
        world.run_payouts().await;
        world.lightning.fails(hash, "no route");
        world.take_events().await;
        assert_eq!(world.see_payout(id).await.stage, Stage::AwaitingPayment);
        if cancelled {
            let done = world.gateway.cancel_payout(world.shop, id, "given up");
            done.await.expect("nothing of it is alive");
        }
        let expected = if cancelled { Parts(0) } else { Parts(5_000) };
        let budget = world.see_pull_payment(link.id).await.budget;
        assert_eq!((budget.reserved, budget.spent), (expected, Parts(0)));
        arrives(&world, hash).await;
        arrives(&world, hash).await;
        assert_paid_once(&world, id, hash).await;
        let budget = world.see_pull_payment(link.id).await.budget;
        assert_eq!((budget.reserved, budget.spent), (Parts(0), Parts(5_000)));
    }
}

#[tokio::test]
async fn turning_a_sender_on_pays_what_waits_and_off_pays_nothing() {
    use tollway::domain::store::Processor;
    let world = World::new().await;
    let shop = world.shop;
    let (pr, hash) = world.customer_invoice(5_000);
    let new = StorePayout {
        pull_payment: None,
        destination: pr,
        rail: Rail::Lightning,
        amount: None,
        approved: true,
        fees: FeeWish::default(),
        metadata: "{}".to_owned(),
    };
    let id = world
        .gateway
        .create_payout(shop, new)
        .await
        .expect("made")
        .id;
    world.run_payouts().await;
    assert_eq!(world.lightning.departed(), []);
    let sender = Processor {
        fees: None,
        rail: Rail::Lightning,
        interval_secs: 3_600,
        instant: true,
        fee_block_target: 1,
        threshold: rust_decimal::Decimal::ZERO,
        since: world.clock_now(),
    };
    let set = world
        .gateway
        .set_processor(shop, Rail::Lightning, Some(sender));
    set.await.expect("set");
    world.run_payouts().await;
    assert_eq!(world.lightning.departed(), [hash]);
    let set = world.gateway.set_processor(shop, Rail::Lightning, None);
    set.await.expect("set");
    let (pr, _) = world.customer_invoice(6_000);
    let other = StorePayout {
        pull_payment: None,
        destination: pr,
        rail: Rail::Lightning,
        amount: None,
        approved: true,
        fees: FeeWish::default(),
        metadata: "{}".to_owned(),
    };
    world
        .gateway
        .create_payout(shop, other)
        .await
        .expect("made");
    world.run_payouts().await;
    assert_eq!(world.lightning.departed(), [hash]);
    arrives(&world, hash).await;
    assert_paid_once(&world, id, hash).await;
    let open = world
        .gateway
        .store
        .read(|rows| tollway::store::payout::open(rows))
        .await;
    assert!(matches!(open[..], [PayoutRef { payout, .. }] if payout != id));
}
