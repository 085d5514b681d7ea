//! P9 unknown spends stop the till.

use std::collections::BTreeSet;

use bitcoin::{OutPoint, Transaction};
use tollway::domain::fact::Fact;
use tollway::domain::money::Sat;
use tollway::domain::payout::Standing;
use tollway::store;
use tollway::store::hold::UnknownSpend;

use super::{World, coin, funded, killed, owed, standing, waiting_for};

/// Somebody else's transaction over a coin of the till.
fn theft(world: &World, coin: OutPoint, sat: u64) -> Transaction {
    let stranger = bitcoin::ScriptBuf::new_op_return([7; 4]);
    let mut theft = world.chain.payment(&stranger, Sat(sat), true);
    theft.input[0].previous_output = coin;
    theft
}

async fn unknown(world: &World) -> Vec<UnknownSpend> {
    let shop = world.shop;
    let seen = move |rows: &store::Snapshot| store::hold::spends(rows, shop);
    world.gateway.store.read(seen).await
}

/// What was told of the till.
async fn told(world: &World) -> Vec<Fact> {
    let shop = world.shop;
    let entries = world
        .gateway
        .store
        .read(move |rows| store::journal::after(rows, shop, 0, 1_000))
        .await;
    let facts = entries.into_iter().map(|entry| entry.fact);
    facts
        .filter(|fact| {
            matches!(
                fact,
                Fact::UnknownSpend { .. } | Fact::UnknownSpendGone { .. } | Fact::TillReleased
            )
        })
        .collect()
}

#[tokio::test]
async fn p9_a_spend_that_was_not_made_here_holds_payouts_until_a_person_has_looked() {
    for mined in [false, true] {
        let world = World::new().await;
        let stolen = coin(&world, 50_000).await;
        coin(&world, 70_000).await;
        let theft = theft(&world, stolen, 49_000);
        if mined {
            world.chain.mine_only(std::slice::from_ref(&theft));
        } else {
            world.chain.send(&theft);
        }
        world.look().await;
        let id = owed(&world, 1, 20_000).await;
        world.turn().await;
        let why = waiting_for(&world, id).await;
        assert!(why.contains("held for review"), "{why}");
        let world = killed(world).await;
        world.chain.mine(1);
        world.turn().await;
        assert!(world.chain.broadcasts().is_empty());
        let (txid, amount) = (theft.compute_txid(), Sat(50_000).to_msat());
        let spent = Fact::UnknownSpend { txid, amount };
        assert_eq!(told(&world).await, std::slice::from_ref(&spent), "once");
        assert_eq!(unknown(&world).await.len(), 1);

        world.release_till().await;
        world.turn().await;
        assert_eq!(standing(&world, id).await, [Standing::Sent]);
        assert_eq!(told(&world).await, [spent, Fact::TillReleased]);
        // It is known by now: another block doesn't hold them again.
        world.mine(1).await;
        let late = owed(&world, 2, 20_000).await;
        world.clock.advance_secs(6);
        world.turn().await;
        assert_eq!(standing(&world, late).await, [Standing::Sent]);
    }
}

#[tokio::test]
async fn what_is_sent_and_replaced_here_holds_nothing() {
    let world = funded().await;
    let id = owed(&world, 1, 20_000).await;
    world.turn().await;
    let bumped = world.gateway.bump_fee(world.shop, id, Some(9_000)).await;
    bumped.expect("it waits for a block");
    world.turn().await;
    let world = killed(world).await;
    world.mine(1).await;
    world.chain.reorg(1);
    world.turn().await;
    world.mine(1).await;
    assert_eq!(unknown(&world).await, []);
    assert_eq!(told(&world).await, []);
}

#[tokio::test]
async fn a_spend_that_is_gone_again_is_told_and_still_holds() {
    let world = World::new().await;
    let stolen = coin(&world, 50_000).await;
    let theft = theft(&world, stolen, 49_000);
    let (txid, amount) = (theft.compute_txid(), Sat(50_000).to_msat());
    world.chain.send(&theft);
    world.look().await;
    world.chain.evict(txid);
    world.look().await;
    let gone = [
        Fact::UnknownSpend { txid, amount },
        Fact::UnknownSpendGone { txid, amount },
    ];
    assert_eq!(told(&world).await, gone);
    let id = owed(&world, 1, 20_000).await;
    world.turn().await;
    waiting_for(&world, id).await;
    // And back.
    world.chain.send(&theft);
    world.look().await;
    assert_eq!(told(&world).await.len(), 3);
    world.mine(1).await;
    assert_eq!(told(&world).await.len(), 3);
}

#[tokio::test]
async fn p9_a_spend_that_came_after_the_look_still_holds() {
    let world = World::new().await;
    let first = coin(&world, 50_000).await;
    let second = coin(&world, 60_000).await;
    coin(&world, 70_000).await;
    let first = theft(&world, first, 49_000);
    world.chain.send(&first);
    world.look().await;
    let id = owed(&world, 1, 20_000).await;
    world.turn().await;
    waiting_for(&world, id).await;
    let seen = BTreeSet::from([first.compute_txid()]);
    // While a person looks at the first one, another comes.
    let second = theft(&world, second, 59_000);
    world.chain.send(&second);
    world.look().await;
    let gateway = world.gateway.clone();
    let held = gateway.release_till(world.shop, seen.clone()).await;
    assert!(held.expect("done"), "P9 nobody has looked at the second");
    world.clock.advance_secs(11);
    world.turn().await;
    assert_eq!(standing(&world, id).await, []);
    assert!(!told(&world).await.contains(&Fact::TillReleased));
    let holds: Vec<_> = unknown(&world).await;
    let holds = holds.iter().filter(|spend| spend.holds());
    let holds: Vec<_> = holds.map(|spend| spend.txid).collect();
    assert_eq!(holds, [second.compute_txid()]);
    // Saying it again changes nothing; looking at the second one does.
    let held = gateway.release_till(world.shop, seen).await;
    assert!(held.expect("done"));
    let seen = BTreeSet::from([second.compute_txid()]);
    let held = gateway.release_till(world.shop, seen).await;
    assert!(!held.expect("done"));
    world.turn().await;
    assert_eq!(standing(&world, id).await, [Standing::Sent]);
    assert_eq!(told(&world).await.pop(), Some(Fact::TillReleased));
}
