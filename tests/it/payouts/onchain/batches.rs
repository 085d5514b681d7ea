//! Many payouts in one transaction.

use std::collections::HashSet;

use tollway::domain::money::{Msat, Sat};
use tollway::domain::payout::{Payout, Stage, Standing};
use tollway::domain::receipt::Rail;
use tollway::domain::store::Processor;
use tollway::service::payout::StorePayout;
use tollway::store;

use super::{
    World, assert_paid_by, coin, facts, funded, killed, owed, settled, somebody, spends, standing,
    sum, waiting_for,
};
use tollway::domain::fact::Fact;
use tollway::domain::ids::PayoutId;

async fn change(world: &World, id: PayoutId, how: impl FnOnce(&mut Payout) + Send + 'static) {
    world
        .job(move |tx| {
            let mut payout = store::payout::find(tx, id).expect("it exists");
            how(&mut payout);
            store::payout::put(tx, &payout);
        })
        .await;
}

#[tokio::test]
async fn many_payouts_share_one_transaction_and_its_fee_to_the_millisatoshi() {
    let world = World::new().await;
    coin(&world, 1_000_000).await;
    let mut ids = Vec::new();
    for number in 1..=21 {
        ids.push(owed(&world, number, 10_000 + u64::from(number)).await);
    }
    world.turn().await;
    let sent = world.chain.broadcasts();
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].output.len(), 22, "and change");
    world.chain.mine(1);
    world.turn().await;
    let (mut outputs, mut fees) = (HashSet::new(), Msat(0));
    for id in &ids {
        assert_paid_by(&world, *id, &sent[0]).await;
        let (output, fee) = settled(&world, *id).await;
        assert!(outputs.insert(output), "each has an output of its own");
        fees = fees.plus(fee);
    }
    assert_eq!(fees, Sat(1_000_000 - sum(&sent[0])).to_msat());
}

#[tokio::test]
async fn what_the_coins_cover_goes_out_oldest_first_and_the_others_wait() {
    let world = funded().await;
    let first = owed(&world, 1, 40_000).await;
    let too_large = owed(&world, 2, 80_000).await;
    let small = owed(&world, 3, 30_000).await;
    world.turn().await;
    let sent = world.chain.broadcasts();
    assert_eq!(sent.len(), 1);
    for id in [first, small] {
        assert_eq!(standing(&world, id).await, [Standing::Sent]);
    }
    let why = waiting_for(&world, too_large).await;
    assert!(why.contains("needed with the fee"), "{why}");
    assert_eq!(
        standing(&world, too_large).await,
        [],
        "waiting is no attempt"
    );
    coin(&world, 100_000).await;
    world.clock.advance_secs(11);
    world.turn().await;
    assert_eq!(standing(&world, too_large).await, [Standing::Sent]);
    world.check().await;
}

#[tokio::test]
async fn a_cap_that_is_too_small_holds_up_nobody_else() {
    let world = funded().await;
    let small = owed(&world, 1, 20_000).await;
    let other = owed(&world, 2, 20_000).await;
    change(&world, small, |payout| payout.fee_max = Msat(50_000)).await;
    world.chain.set_fee_rate(10_000);
    world.turn().await;
    let why = waiting_for(&world, small).await;
    assert!(why.contains("more than the 50 sat"), "{why}");
    assert_eq!(standing(&world, other).await, [Standing::Sent]);
    // Fees fall below the cap.
    world.chain.set_fee_rate(300);
    world.clock.advance_secs(300);
    world.turn().await;
    assert_eq!(standing(&world, small).await, [Standing::Sent]);
}

#[tokio::test]
async fn an_absurd_fee_rate_builds_nothing() {
    let world = funded().await;
    let id = owed(&world, 1, 20_000).await;
    world.chain.set_fee_rate(10_000_001);
    world.turn().await;
    assert!(world.chain.broadcasts().is_empty());
    waiting_for(&world, id).await;
}

#[tokio::test]
async fn payouts_approved_one_by_one_share_a_few_transactions() {
    let world = World::new().await;
    coin(&world, 1_000_000).await;
    let mut ids = Vec::new();
    for number in 1..=9 {
        ids.push(owed(&world, number, 10_000).await);
        world.run_payouts().await;
    }
    assert_eq!(world.chain.broadcasts().len(), 1, "the others gather");
    let next = world.run_payouts().await;
    assert!(
        next.millis_since(world.clock_now()) <= 5_000,
        "it comes back for them"
    );
    world.clock.advance_secs(5);
    world.run_payouts().await;
    assert_eq!(world.chain.broadcasts().len(), 2);
    for id in ids {
        assert_eq!(standing(&world, id).await, [Standing::Sent]);
    }
}

#[tokio::test]
async fn a_transaction_has_at_most_a_hundred_payments() {
    let world = World::new().await;
    coin(&world, 10_000_000).await;
    let mut ids = Vec::new();
    for number in 1..=205 {
        ids.push(owed(&world, number, 10_000).await);
    }
    world.turn().await;
    let sizes: Vec<_> = (world.chain.broadcasts().iter())
        .map(|tx| tx.output.len() - 1)
        .collect();
    assert_eq!(sizes, [100, 100, 5]);
    world.chain.mine(1);
    world.turn().await;
    for id in ids {
        let stage = world.see_payout(id).await.stage;
        assert!(matches!(stage, Stage::Completed { .. }), "{stage:?}");
    }
    world.check().await;
}

#[tokio::test]
async fn less_than_a_satoshi_is_rounded_up_and_told_as_it_was_sent() {
    let world = funded().await;
    let id = owed(&world, 1, 20_000).await;
    change(&world, id, |payout| payout.amount = Msat(19_999_001)).await;
    world.turn().await;
    world.chain.mine(1);
    world.turn().await;
    assert_paid_by(&world, id, &world.chain.broadcasts()[0]).await;
    let told = facts(&world, id).await;
    let arrived = told.iter().find_map(|fact| match fact {
        Fact::PayoutCompleted { amount, .. } => Some(*amount),
        _ => None,
    });
    assert_eq!(arrived, Some(Msat(20_000_000)));
}

#[tokio::test]
async fn inputs_stay_locked_over_an_eviction_and_a_restart() {
    let world = World::new().await;
    let coins = [coin(&world, 60_000).await, coin(&world, 60_000).await];
    let first = owed(&world, 1, 50_000).await;
    world.turn().await;
    let sent = world.chain.broadcasts()[0].clone();
    world
        .chain
        .on_broadcast(crate::support::chain::OnBroadcast::Refuse(
            "mempool full".to_owned(),
        ));
    world.chain.evict(sent.compute_txid());
    world.turn().await;
    let world = killed(world).await;
    owed(&world, 2, 50_000).await;
    let third = owed(&world, 3, 50_000).await;
    world.clock.advance_secs(6);
    world.turn().await;
    let other = (world.chain.broadcasts().into_iter())
        .find(|tx| tx.compute_txid() != sent.compute_txid())
        .expect("the second is sent");
    let mut spent = [spends(&sent), spends(&other)].concat();
    spent.sort_unstable();
    let mut expected = coins.to_vec();
    expected.sort_unstable();
    assert_eq!(spent, expected, "P4 each coin once");
    waiting_for(&world, third).await;
    assert_eq!(standing(&world, first).await, [Standing::Sent]);
}

#[tokio::test]
async fn a_sender_waits_for_its_threshold_unless_a_person_presses_pay() {
    let world = funded().await;
    let sender = Processor {
        fees: None,
        rail: Rail::Onchain,
        interval_secs: 60,
        instant: true,
        fee_block_target: 1,
        threshold: Sat(50_000).to_btc(),
        since: world.clock_now(),
    };
    let set = world
        .gateway
        .set_processor(world.shop, Rail::Onchain, Some(sender));
    set.await.expect("set");
    let approved = async |number: u8, sat: u64| {
        let new = StorePayout {
            pull_payment: None,
            destination: somebody(number),
            rail: Rail::Onchain,
            amount: Some(Sat(sat).to_btc()),
            approved: true,
            fees: tollway::domain::payout::FeeWish::default(),
            metadata: "{}".to_owned(),
        };
        let made = world.gateway.create_payout(world.shop, new).await;
        made.expect("a payout").id
    };
    let first = approved(1, 20_000).await;
    let second = approved(2, 29_999).await;
    world.turn().await;
    assert!(world.chain.broadcasts().is_empty());
    let third = approved(3, 1_000).await;
    world.turn().await;
    for id in [first, second, third] {
        assert_eq!(standing(&world, id).await, [Standing::Sent]);
    }
    let small = approved(4, 5_000).await;
    world.clock.advance_secs(6);
    world.turn().await;
    assert_eq!(standing(&world, small).await, []);
    let pressed = world.gateway.pay_payout(world.shop, small).await;
    pressed.expect("it waits");
    world.turn().await;
    assert_eq!(standing(&world, small).await, [Standing::Sent]);
}

#[tokio::test]
async fn a_batch_that_is_settled_is_left_alone_until_its_block_goes_away() {
    let world = funded().await;
    let id = owed(&world, 1, 20_000).await;
    world.turn().await;
    world.mine(1).await;
    let sent = world.chain.broadcasts();
    assert_paid_by(&world, id, &sent[0]).await;
    // A mark that settling would take away: no block after it reads the payout again.
    let mark = Some(world.clock_now());
    change(&world, id, move |payout| payout.unconfirmed_since = mark).await;
    world.mine(3).await;
    assert_eq!(world.see_payout(id).await.unconfirmed_since, mark);
    world.chain.reorg(4);
    world.turn().await;
    world.mine(1).await;
    assert_eq!(world.see_payout(id).await.unconfirmed_since, None);
    assert_paid_by(&world, id, &sent[0]).await;
}
