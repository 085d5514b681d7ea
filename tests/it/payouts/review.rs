//! A person's word where nobody knows what became of a payment.

use tollway::domain::access::User;
use tollway::domain::fact::Fact;
use tollway::domain::ids::{PaymentHash, PayoutId, Preimage, UserId};
use tollway::domain::money::{Msat, Sat};
use tollway::domain::payout::{NotInReview, Payout, Stage, Standing, Verdict};
use tollway::domain::receipt::Rail;
use tollway::ports::lightning::{Direction, PaymentRecord, RecordStatus};
use tollway::service::payout::PayoutRefusal;
use tollway::service::review::{Judge, ReviewRefusal, Word};
use tollway::service::settle;
use tollway::store;

use super::{arrives, standing, to_be_paid};
use crate::support::World;

/// A payout that has left and stands for review.
pub async fn in_review(world: &World) -> (PayoutId, PaymentHash) {
    let (pr, hash) = world.customer_invoice(5_000);
    let id = to_be_paid(world, &pr, Rail::Lightning, 5_000).await;
    world.run_payouts().await;
    let now = world.clock_now();
    world
        .job(move |tx| {
            let payout = store::payout::find(tx, id).expect("it exists");
            let step = payout.clone().review("nobody knows");
            settle::commit(tx, &payout, step, now);
        })
        .await;
    (id, hash)
}

/// Gives the store to somebody who does not run the server.
pub async fn given_to_a_guest(world: &World) -> UserId {
    let user = User {
        id: UserId([7; 16]),
        email: "guest@example.com".to_owned(),
        name: None,
        password_hash: String::new(),
        is_admin: false,
        created: world.clock_now(),
        has_had_key: false,
        image_url: None,
        invitation: None,
    };
    let (id, shop) = (user.id, world.shop);
    let give = move |tx: &mut store::Tx<'_>| {
        let mut given = store::settings::get(tx, shop).expect("it exists");
        given.owner = id;
        given.members = tollway::domain::store::Members::default();
        given.draws_on_node = false;
        store::settings::put(tx, &given);
        store::access::put_user(tx, &user);
    };
    world.job(give).await;
    id
}

async fn say(world: &World, id: PayoutId, word: Word) -> Result<Payout, PayoutRefusal> {
    let shop = world.shop;
    let judge = Judge {
        user: world.user,
        runs_server: false,
    };
    world
        .gateway
        .review_payout(shop, id, judge, word, "asked the receiver")
        .await
}

const LOST: Word = Word::DidNotArrive {
    against_doubt: false,
};

#[tokio::test]
async fn a_payout_in_review_takes_no_place_and_is_shown() {
    let world = World::new().await;
    let (id, _) = in_review(&world).await;
    let alerts = world.gateway.payout_alerts(world.shop).await;
    assert_eq!(alerts.in_review, [id]);
    let (pr, hash) = world.customer_invoice(1_000);
    to_be_paid(&world, &pr, Rail::Lightning, 1_000).await;
    world.run_payouts().await;
    assert!(world.lightning.departed().contains(&hash));
    world.check().await;
}

#[tokio::test]
async fn looking_again_runs_the_same_steps_now() {
    let world = World::new().await;
    let (id, hash) = in_review(&world).await;
    say(&world, id, Word::LookAgain).await.expect("taken");
    world.run_payouts().await;
    // The node has it: it is on its way again, and nothing was sent twice.
    assert_eq!(standing(&world, id).await, [Standing::Sent]);
    assert_eq!(world.lightning.departed(), [hash]);
    let again = say(&world, id, Word::LookAgain).await;
    let refused = ReviewRefusal::NotInReview(NotInReview);
    assert_eq!(again, Err(PayoutRefusal::Review(refused)));
    arrives(&world, hash).await;
    assert!(matches!(
        world.see_payout(id).await.stage,
        Stage::Completed { .. }
    ));
}

#[tokio::test]
async fn it_arrived_with_the_right_preimage_or_none() {
    for shown in [true, false] {
        let world = World::new().await;
        let (id, hash) = in_review(&world).await;
        let wrong = say(&world, id, Word::Arrived(Some(Preimage([1; 32])))).await;
        let refused = ReviewRefusal::WrongPreimage;
        assert_eq!(wrong, Err(PayoutRefusal::Review(refused)));
        let preimage = world.customer.preimage(hash).filter(|_| shown);
        say(&world, id, Word::Arrived(preimage))
            .await
            .expect("taken");
        assert!(matches!(
            world.see_payout(id).await.stage,
            Stage::Completed {
                fee: Msat::ZERO,
                ..
            }
        ));
        // The network tells later what it cost.
        arrives(&world, hash).await;
        let payout = world.see_payout(id).await;
        match payout.stage {
            Stage::Completed { fee, .. } => assert_eq!(fee, Sat(3).to_msat()),
            other => panic!("{other:?}"),
        }
        assert_eq!(payout.paid_twice, None);
        world.check().await;
    }
}

#[tokio::test]
async fn it_did_not_arrive_is_refused_while_it_may() {
    let world = World::new().await;
    let (id, hash) = in_review(&world).await;
    let early = say(&world, id, LOST).await;
    let refused = PayoutRefusal::Review(ReviewRefusal::MayStillArrive);
    assert_eq!(early, Err(refused.clone()));
    let done = PaymentRecord {
        hash,
        direction: Direction::Outbound,
        status: RecordStatus::Succeeded,
        amount: None,
        fee: None,
        preimage: None,
        updated: world.clock_now(),
    };
    let pending = PaymentRecord {
        status: RecordStatus::Pending,
        ..done.clone()
    };
    world.lightning.put_record(done);
    let against_doubt = Word::DidNotArrive {
        against_doubt: true,
    };
    for word in [LOST, against_doubt] {
        let known = say(&world, id, word).await;
        let refused = ReviewRefusal::Arrived;
        assert_eq!(known, Err(PayoutRefusal::Review(refused)));
    }
    world.lightning.put_record(pending);
    world.mine(1_153).await;
    world.lightning.set_closing_channels(true);
    assert_eq!(say(&world, id, LOST).await, Err(refused));
    world.lightning.set_closing_channels(false);
    say(&world, id, LOST).await.expect("nothing is under way");
    // Nobody sends it again by itself, and it may be cancelled.
    world.run_payouts().await;
    let held = world.see_payout(id).await;
    assert_eq!(held.stage, Stage::AwaitingPayment);
    assert_eq!(held.attempts.len(), 1);
    let shop = world.shop;
    let cancelled = world.gateway.cancel_payout(shop, id, "given up").await;
    cancelled.expect("nothing of it can succeed");
    world.check().await;
}

#[tokio::test]
async fn paying_again_against_doubt_treats_a_refusal_as_doubt() {
    let world = World::new().await;
    let (id, hash) = in_review(&world).await;
    let word = Word::DidNotArrive {
        against_doubt: true,
    };
    say(&world, id, word).await.expect("taken");
    world
        .gateway
        .pay_payout(world.shop, id)
        .await
        .expect("waits");
    world.lightning.forget_departed();
    world.lightning.decline_pay("no route was found");
    world.run_payouts().await;
    let last = standing(&world, id).await;
    assert_eq!(last.last(), Some(&Standing::Recorded), "P6 {last:?}");
    let by = world.user;
    let told = world
        .gateway
        .store
        .read(move |rows| {
            let owner = store::payout::store_of(rows, id).expect("it exists");
            store::journal::of_object(rows, owner, id.as_bytes())
        })
        .await;
    let reviewed = Fact::PayoutReviewed {
        payout: id,
        attempt: 1,
        by,
        verdict: Verdict::DidNotArriveAgainstDoubt,
        why: "asked the receiver".to_owned(),
    };
    assert!(told.iter().any(|entry| entry.fact == reviewed), "{told:?}");
    arrives(&world, hash).await;
    assert!(matches!(
        world.see_payout(id).await.stage,
        Stage::Completed { .. }
    ));
    world.check().await;
}

#[tokio::test]
async fn a_payout_in_review_on_the_chain_has_the_same_choices() {
    let world = World::new().await;
    let funded = world.invoice(100_000).await.onchain.expect("an address");
    world.chain.pay(&funded.script, Sat(100_000));
    world.mine(6).await;
    let to = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";
    let id = to_be_paid(&world, to, Rail::Onchain, 20_000).await;
    world.run_payouts().await;
    let now = world.clock_now();
    let doubt = move |tx: &mut store::Tx<'_>| {
        let payout = store::payout::find(tx, id).expect("it exists");
        let step = payout.clone().review("an input was spent elsewhere");
        settle::commit(tx, &payout, step, now);
    };
    world.job(doubt).await;
    let refused = PayoutRefusal::Review(ReviewRefusal::MayStillArrive);
    assert_eq!(say(&world, id, LOST).await, Err(refused));
    say(&world, id, Word::Arrived(None)).await.expect("taken");
    let done = world.see_payout(id).await;
    assert!(matches!(done.stage, Stage::Completed { .. }), "{done:?}");
    world.check().await;
}
