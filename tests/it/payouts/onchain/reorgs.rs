//! Blocks that go away, and what takes their place.

use bitcoin::Transaction;
use tollway::domain::fact::Fact;
use tollway::domain::money::{Msat, Sat};
use tollway::domain::payout::{Stage, Standing};
use tollway::domain::receipt::Rail;

use tollway::service::settle;

use super::{
    THEIRS, assert_paid_by, coin, facts, funded, owed, settled, spends, standing, sum, to_be_paid,
};
use crate::support::World;

#[tokio::test]
async fn a_reorganisation_sends_the_same_bytes_again_and_the_promise_stays_kept() {
    let world = funded().await;
    let id = to_be_paid(&world, THEIRS, Rail::Onchain, 30_000).await;
    world.turn().await;
    world.chain.mine(1);
    world.turn().await;
    let sent = world.chain.broadcasts();
    assert_paid_by(&world, id, &sent[0]).await;
    world.chain.reorg(1);
    world.chain.evict(sent[0].compute_txid());
    world.turn().await;
    world.clock.advance_secs(31);
    world.turn().await;
    let again = world.chain.broadcasts();
    assert!(again.len() > 1, "it is sent again");
    assert!(again.iter().all(|tx| tx == &sent[0]));
    world.chain.mine(1);
    world.turn().await;
    assert_paid_by(&world, id, &sent[0]).await;
    assert_eq!(standing(&world, id).await, [Standing::Settled]);
}

#[tokio::test]
async fn what_a_reorganisation_took_out_is_shown_until_it_is_back() {
    let world = funded().await;
    let id = to_be_paid(&world, THEIRS, Rail::Onchain, 30_000).await;
    world.turn().await;
    world.chain.mine(1);
    world.turn().await;
    let before = settled(&world, id).await;
    world.chain.reorg(1);
    world.turn().await;
    let gone = world.see_payout(id).await;
    assert!(gone.unconfirmed_since.is_some());
    assert_eq!(settled(&world, id).await, before, "the promise stays kept");
    world.chain.mine(1);
    world.turn().await;
    assert!(world.see_payout(id).await.unconfirmed_since.is_none());
    let told = facts(&world, id).await;
    let tail = [
        Fact::PayoutUnconfirmed { payout: id },
        Fact::PayoutReconfirmed { payout: id },
    ];
    assert_eq!(told[told.len() - 2..], tail);
}

#[tokio::test]
async fn another_version_that_confirms_after_a_reorganisation_corrects_proof_and_fee() {
    // In one row the follower sees the chain without either version first.
    for seen_between in [true, false] {
        let world = funded().await;
        let id = to_be_paid(&world, THEIRS, Rail::Onchain, 30_000).await;
        world.turn().await;
        let bumped = world.gateway.bump_fee(world.shop, id, Some(9_000)).await;
        bumped.expect("it waits for a block");
        world.turn().await;
        let [first, second] = &world.chain.broadcasts()[..] else {
            panic!("two versions");
        };
        world.chain.mine_only(std::slice::from_ref(second));
        world.turn().await;
        assert_paid_by(&world, id, second).await;
        world.chain.reorg(1);
        if seen_between {
            world.turn().await;
        }
        world.chain.mine_only(std::slice::from_ref(first));
        world.turn().await;
        assert_paid_by(&world, id, first).await;
        let fee = |tx: &Transaction| Sat(100_000 - sum(tx)).to_msat();
        let told = facts(&world, id).await;
        let corrected = Fact::PayoutProofCorrected {
            payout: id,
            fee_before: fee(second),
            fee_after: fee(first),
        };
        assert!(told.contains(&corrected), "{told:?}");
        assert_eq!(settled(&world, id).await.1, fee(first));
        assert!(world.see_payout(id).await.unconfirmed_since.is_none());
    }
}

/// Somebody else's transaction over the coins of ours.
fn rival(world: &World, ours: &Transaction) -> Transaction {
    let stranger = bitcoin::ScriptBuf::new_op_return([7; 4]);
    let mut rival = world.chain.payment(&stranger, Sat(90_000), true);
    rival.input[0].previous_output = spends(ours)[0];
    rival
}

#[tokio::test]
async fn a_double_spend_in_a_block_stands_for_review_and_is_not_paid_again() {
    for completed in [false, true] {
        let world = funded().await;
        let id = to_be_paid(&world, THEIRS, Rail::Onchain, 30_000).await;
        world.turn().await;
        let ours = world.chain.broadcasts()[0].clone();
        if completed {
            world.chain.mine(1);
            world.turn().await;
            world.chain.reorg(1);
        }
        let rival = rival(&world, &ours);
        world.chain.mine_only(std::slice::from_ref(&rival));
        world.turn().await;
        let payout = world.see_payout(id).await;
        let txid = rival.compute_txid().to_string();
        match &payout.attempts[0].standing {
            Standing::InReview { why } if !completed => assert!(why.contains(&txid), "{why}"),
            Standing::Settled if completed => {
                assert!(payout.unconfirmed_since.is_some());
                assert!(payout.waiting_for.expect("a reason").contains(&txid));
            }
            other => panic!("{other:?}"),
        }
        let sent = world.chain.broadcasts().len();
        world.clock.advance_secs(31);
        world.turn().await;
        assert_eq!(world.chain.broadcasts().len(), sent, "it can't confirm");
        // The chain turns again, and ours is in it after all.
        world.chain.reorg(1);
        world.chain.mine_only(std::slice::from_ref(&ours));
        world.turn().await;
        assert_paid_by(&world, id, &ours).await;
        let payout = world.see_payout(id).await;
        assert!(matches!(payout.stage, Stage::Completed { fee, .. } if fee > Msat(0)));
        assert_eq!((payout.unconfirmed_since, payout.waiting_for), (None, None));
    }
}

#[tokio::test]
async fn what_is_left_of_an_outspent_transaction_is_free_once_the_other_is_buried() {
    outspent_and_buried(false).await;
}

#[tokio::test]
async fn it_stays_locked_where_the_books_say_that_it_paid() {
    outspent_and_buried(true).await;
}

async fn outspent_and_buried(completed: bool) {
    let world = World::new().await;
    coin(&world, 50_000).await;
    coin(&world, 40_000).await;
    let id = owed(&world, 1, 80_000).await;
    world.turn().await;
    let ours = world.chain.broadcasts()[0].clone();
    assert_eq!(ours.input.len(), 2);
    if completed {
        world.chain.mine(1);
        world.turn().await;
        world.chain.reorg(1);
    }
    let rival = rival(&world, &ours);
    world.chain.mine_only(std::slice::from_ref(&rival));
    world.turn().await;
    world.release_till().await;
    world.mine(98).await;
    let next = owed(&world, 2, 20_000).await;
    world.clock.advance_secs(6);
    world.turn().await;
    assert_eq!(standing(&world, next).await, [], "its coins are locked");
    world.mine(1).await;
    world.clock.advance_secs(11);
    world.turn().await;
    if completed {
        assert_eq!(standing(&world, next).await, []);
        assert!(world.see_payout(id).await.unconfirmed_since.is_some());
    } else {
        assert_eq!(standing(&world, next).await, [Standing::Sent]);
        let later = world.chain.broadcasts().pop().expect("sent");
        assert_eq!(spends(&later), spends(&ours)[1..]);
        assert!(world.see_payout(id).await.in_review(), "a person decides");
    }
    world.check().await;
}

#[tokio::test]
async fn an_attempt_that_is_looked_at_again_stands_for_review_again() {
    let world = funded().await;
    let id = to_be_paid(&world, THEIRS, Rail::Onchain, 30_000).await;
    world.turn().await;
    let ours = world.chain.broadcasts()[0].clone();
    world.chain.mine_only(&[rival(&world, &ours)]);
    world.turn().await;
    world
        .job(move |tx| {
            let mut payout = tollway::store::payout::find(tx, id).expect("it exists");
            payout.attempts[0].standing = Standing::Recorded;
            tollway::store::payout::put(tx, &payout);
        })
        .await;
    assert!(!world.see_payout(id).await.in_review());
    world.mine(1).await;
    assert!(world.see_payout(id).await.in_review());
}

#[tokio::test]
async fn p5_two_transactions_that_both_confirm_are_one_alarm_and_the_first_proof_stays() {
    let world = World::new().await;
    coin(&world, 50_000).await;
    coin(&world, 50_000).await;
    let id = owed(&world, 1, 30_000).await;
    world.turn().await;
    let first = world.chain.broadcasts()[0].clone();
    let rival = rival(&world, &first);
    world.chain.mine_only(std::slice::from_ref(&rival));
    world.turn().await;
    world.release_till().await;
    let now = world.clock_now();
    world
        .job(move |tx| {
            let payout = tollway::store::payout::find(tx, id).expect("it exists");
            let step = payout.clone().attempt_failed("It did not arrive.", 0, now);
            settle::commit(tx, &payout, step, now);
        })
        .await;
    world.clock.advance_secs(6);
    world.turn().await;
    // What outspent the first one says nothing about the second.
    world.chain.mine_empty(1);
    world.turn().await;
    assert_eq!(world.see_payout(id).await.stage, Stage::InProgress);
    assert!(!world.see_payout(id).await.in_review());
    let second = world.chain.broadcasts()[1].clone();
    world.mine(1).await;
    assert_paid_by(&world, id, &second).await;
    // The chain turns, and both are in it.
    world.chain.reorg(3);
    world.chain.evict(rival.compute_txid());
    world.chain.mine_only(&[first, second.clone()]);
    world.turn().await;
    world.mine(3).await;
    assert_paid_by(&world, id, &second).await;
    let told = facts(&world, id).await;
    let alarms = told
        .iter()
        .filter(|fact| matches!(fact, Fact::PayoutPaidTwice { .. }));
    assert_eq!(alarms.count(), 1);
    let corrected = |fact: &Fact| matches!(fact, Fact::PayoutProofCorrected { .. });
    assert!(!told.iter().any(corrected), "{told:?}");
}

#[tokio::test]
async fn what_a_person_has_given_up_is_not_sent_again() {
    let world = funded().await;
    let id = to_be_paid(&world, THEIRS, Rail::Onchain, 30_000).await;
    world.turn().await;
    let ours = world.chain.broadcasts()[0].clone();
    world.chain.mine_only(&[rival(&world, &ours)]);
    world.turn().await;
    let now = world.clock_now();
    world
        .job(move |tx| {
            let payout = tollway::store::payout::find(tx, id).expect("it exists");
            let step = payout.clone().attempt_failed("It did not arrive.", 0, now);
            settle::commit(tx, &payout, step, now);
        })
        .await;
    // The chain turns, and what outspent it is gone: it could confirm now.
    world.chain.reorg(1);
    let rival = world.chain.mempool_now()[0].compute_txid();
    world.chain.evict(rival);
    world.clock.advance_secs(31);
    world.turn().await;
    assert_eq!(
        world.chain.broadcasts().len(),
        1,
        "it may be paid otherwise by now"
    );
}
