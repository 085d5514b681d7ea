//! Blocks that go away, and what takes their place.

use bitcoin::Transaction;
use tollway::domain::fact::Fact;
use tollway::domain::money::{Msat, Sat};
use tollway::domain::payout::{Stage, Standing};
use tollway::domain::receipt::Rail;

use super::{THEIRS, assert_paid_by, facts, funded, settled, spends, standing, sum, to_be_paid};
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
