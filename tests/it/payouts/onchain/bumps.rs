//! Raising fees: another version with the same payments, which shares all inputs (P4).

use bitcoin::Transaction;
use tollway::domain::fact::Fact;
use tollway::domain::ids::PayoutId;
use tollway::domain::money::Sat;
use tollway::domain::payout::Standing;
use tollway::domain::payout::batch::CantBump;
use tollway::service::batches::bump::BumpRefusal;

use super::{World, assert_paid_by, coin, facts, funded, owed, somebody, spends, standing, sum};

async fn bump(world: &World, id: PayoutId, rate: u64) -> Result<(), CantBump> {
    match world.gateway.bump_fee(world.shop, id, Some(rate)).await {
        Ok(_) => Ok(()),
        Err(BumpRefusal::CantBump(why)) => Err(why),
        Err(other) => panic!("{other}"),
    }
}

/// The later one pays the same people, spends all of the former's coins and gives the miner more.
fn assert_replaces(former: &Transaction, later: &Transaction, paid: &[(u8, u64)]) {
    assert_ne!(former.compute_txid(), later.compute_txid());
    for coin in spends(former) {
        assert!(spends(later).contains(&coin), "P4 {coin} is missing");
    }
    for (number, sat) in paid {
        let address = somebody(*number)
            .parse::<bitcoin::Address<_>>()
            .expect("one");
        let script = address.assume_checked().script_pubkey();
        let payments: Vec<_> = (later.output.iter())
            .filter(|output| output.script_pubkey == script)
            .map(|output| output.value.to_sat())
            .collect();
        assert_eq!(payments, [*sat]);
    }
    assert!(later.is_explicitly_rbf());
}

#[tokio::test]
async fn a_fee_raised_by_hand_replaces_the_transaction_and_any_version_settles() {
    for (evicted, confirms) in [(false, 1), (true, 1), (false, 0)] {
        let world = funded().await;
        let ids = [owed(&world, 1, 20_000).await, owed(&world, 2, 30_000).await];
        world.turn().await;
        let first = world.chain.broadcasts()[0].clone();
        if evicted {
            world.chain.evict(first.compute_txid());
            world.look().await;
        }
        bump(&world, ids[1], 9_000)
            .await
            .expect("it waits for a block");
        let stored = world.see_payout(ids[0]).await;
        assert_eq!(world.chain.broadcasts().len(), 1, "P2 stored first");
        assert!(stored.live_attempt().is_some());
        world.turn().await;
        let sent = world.chain.broadcasts();
        assert_eq!(sent.len(), 2);
        assert_replaces(&first, &sent[1], &[(1, 20_000), (2, 30_000)]);
        let size = u64::try_from(sent[1].vsize()).expect("small");
        let fee = 100_000 - sum(&sent[1]);
        assert!((size * 9..size * 9 + 30).contains(&fee), "{fee} for {size}");
        // Only the newest is sent from now on.
        world.clock.advance_secs(31);
        world.turn().await;
        assert_eq!(world.chain.broadcasts()[2], sent[1]);
        world.chain.mine_only(&sent[confirms..=confirms]);
        world.turn().await;
        for id in ids {
            assert_paid_by(&world, id, &sent[confirms]).await;
            assert_eq!(standing(&world, id).await, [Standing::Settled]);
        }
        let before = Sat(100_000 - sum(&first)).to_msat().0;
        let told = facts(&world, ids[0]).await;
        let raised = told.iter().find_map(|fact| match fact {
            Fact::PayoutFeeRaised {
                fee_before,
                fee_after,
                ..
            } => Some((fee_before.0, fee_after.0)),
            _ => None,
        });
        let half = |msat: u64| msat / 2 + msat % 2;
        assert_eq!(raised, Some((half(before), half(fee * 1_000))));
    }
}

#[tokio::test]
async fn a_replacement_adds_a_confirmed_coin_where_there_is_no_change_to_take_from() {
    let world = World::new().await;
    coin(&world, 30_200).await;
    let id = owed(&world, 1, 30_000).await;
    world.chain.set_fee_rate(1_000);
    world.turn().await;
    let first = world.chain.broadcasts()[0].clone();
    assert_eq!(first.output.len(), 1, "no change");
    let none = bump(&world, id, 20_000).await;
    assert!(matches!(none, Err(CantBump::Spend(_))), "{none:?}");
    let more = coin_without_mining_ours(&world, &first).await;
    bump(&world, id, 20_000).await.expect("enough now");
    world.turn().await;
    let later = world.chain.broadcasts().pop().expect("sent");
    assert_replaces(&first, &later, &[(1, 30_000)]);
    assert!(spends(&later).contains(&more));
    assert_eq!(later.output.len(), 2, "and change");
    world.chain.mine(1);
    world.turn().await;
    assert_paid_by(&world, id, &later).await;
}

#[tokio::test]
async fn a_coin_that_only_a_replaced_version_would_have_spent_is_free_again_once_buried() {
    let world = World::new().await;
    coin(&world, 30_200).await;
    let id = owed(&world, 1, 30_000).await;
    world.chain.set_fee_rate(1_000);
    world.turn().await;
    let first = world.chain.broadcasts()[0].clone();
    let more = coin_without_mining_ours(&world, &first).await;
    bump(&world, id, 20_000).await.expect("enough now");
    world.turn().await;
    world.chain.mine_only(std::slice::from_ref(&first));
    world.turn().await;
    assert_paid_by(&world, id, &first).await;
    world.mine(98).await;
    let next = owed(&world, 2, 20_000).await;
    world.clock.advance_secs(6);
    world.turn().await;
    assert_eq!(
        standing(&world, next).await,
        [],
        "a reorganisation may need it"
    );
    world.mine(1).await;
    world.clock.advance_secs(11);
    world.turn().await;
    let later = world.chain.broadcasts().pop().expect("sent");
    assert_eq!(spends(&later), [more]);
    assert_eq!(standing(&world, next).await, [Standing::Sent]);
}

/// A block brings a coin and passes our transaction by.
async fn coin_without_mining_ours(world: &World, ours: &Transaction) -> bitcoin::OutPoint {
    let invoice = world.invoice(50_000).await;
    let script = invoice.onchain.expect("an address").script;
    let paid = world.chain.payment(&script, Sat(50_000), false);
    world.chain.mine_only(std::slice::from_ref(&paid));
    world.look().await;
    assert!(world.chain.mempool_now().contains(ours));
    bitcoin::OutPoint::new(paid.compute_txid(), 0)
}

#[tokio::test]
async fn what_can_not_be_raised_is_refused_with_the_reason() {
    let world = funded().await;
    let id = owed(&world, 1, 20_000).await;
    assert_eq!(bump(&world, id, 9_000).await, Err(CantBump::NothingToBump));
    world.turn().await;
    assert_eq!(bump(&world, id, 2_000).await, Err(CantBump::TooLow(3)));
    assert_eq!(bump(&world, id, 2_900).await, Err(CantBump::TooLow(3)));
    let costly = bump(&world, id, 200_000).await;
    assert!(
        matches!(costly, Err(CantBump::AboveCap { .. })),
        "{costly:?}"
    );
    let absurd = bump(&world, id, 10_000_001).await;
    assert!(matches!(absurd, Err(CantBump::Spend(_))), "{absurd:?}");
    // Another one spends its change.
    let child = owed(&world, 2, 20_000).await;
    world.clock.advance_secs(6);
    world.turn().await;
    assert_eq!(standing(&world, child).await, [Standing::Sent]);
    assert_eq!(bump(&world, id, 9_000).await, Err(CantBump::HasChild));
    bump(&world, child, 9_000)
        .await
        .expect("it is the last one");
    world.turn().await;
    // What a replaced one pays back is not built on: another version may confirm.
    let third = owed(&world, 3, 20_000).await;
    world.clock.advance_secs(6);
    world.turn().await;
    assert_eq!(standing(&world, third).await, []);
    world.chain.mine(1);
    world.clock.advance_secs(11);
    world.turn().await;
    assert_eq!(standing(&world, third).await, [Standing::Sent]);
    assert_eq!(bump(&world, id, 9_000).await, Err(CantBump::Confirmed));
}

#[tokio::test]
async fn the_rule_raises_what_blocks_pass_by_within_the_caps() {
    let rows = [
        ("young", 5, 9_000, None),
        ("the estimate did not rise", 6, 2_000, None),
        ("hardly more", 6, 2_400, None),
        ("stuck", 6, 9_000, Some(9)),
        ("capped", 6, 500_000, Some(70)),
    ];
    for (name, blocks, rate, expected) in rows {
        let world = funded().await;
        let id = owed(&world, 1, 20_000).await;
        world.turn().await;
        let first = world.chain.broadcasts()[0].clone();
        world.chain.mine_empty(blocks);
        world.chain.set_fee_rate(rate);
        world.turn().await;
        world.turn().await;
        let later = world.chain.broadcasts().pop().expect("sent");
        match expected {
            None => assert_eq!(later, first, "{name}"),
            Some(rate) => {
                assert_replaces(&first, &later, &[(1, 20_000)]);
                let size = u64::try_from(later.vsize()).expect("small");
                let fee = 100_000 - sum(&later);
                assert!(fee <= 10_000, "{name}: the cap holds");
                assert!((fee / size).abs_diff(rate) <= 1, "{name}: {fee} for {size}");
            }
        }
        world.chain.mine(1);
        world.turn().await;
        assert_paid_by(&world, id, &later).await;
    }
}
