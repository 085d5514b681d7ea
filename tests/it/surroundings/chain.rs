//! A bitcoind that is gone, on another chain, or has thrown blocks away.

use bitcoin::hashes::Hash;
use bitcoin::{Address, Network, ScriptBuf, WPubkeyHash};
use tollway::domain::ids::PayoutId;
use tollway::domain::invoice::Status;
use tollway::domain::money::Sat;
use tollway::domain::payout::Stage;
use tollway::domain::receipt::Rail;

use crate::payouts::to_be_paid;
use crate::support::World;

const ADDRESS: &str = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";

/// A store with coins and a payout that waits to be sent.
async fn with_payout() -> (World, PayoutId) {
    let world = World::new().await;
    let fund = world.invoice(100_000).await.onchain.expect("an address");
    world.chain.pay(&fund.script, Sat(100_000));
    world.mine(1).await;
    let id = to_be_paid(&world, ADDRESS, Rail::Onchain, 10_000).await;
    (world, id)
}

#[tokio::test]
async fn an_hour_without_bitcoind_loses_nothing() {
    let (world, payout) = with_payout().await;
    let seen = world.invoice(20_000).await;
    let to = seen.onchain.clone().expect("an address").script;
    world.chain.pay(&to, Sat(20_000));
    world.turn().await;
    let sent = world.see_payout(payout).await;
    assert_eq!(sent.stage, Stage::InProgress);
    let during = world.invoice(30_000).await;
    let late = world.invoice(40_000).await;

    world.chain.set_silent(true);
    for minute in 0..60 {
        if minute == 5 {
            let to = during.onchain.clone().expect("an address").script;
            world.chain.pay(&to, Sat(30_000));
        }
        world.turn().await;
        world.clock.advance_secs(60);
    }
    assert!(world.gateway.follower.error().is_some(), "it is shown");
    // Lightning goes on.
    world
        .receive(late.lightning[0].hash, Sat(40_000).to_msat())
        .await;
    assert_eq!(world.see_invoice(seen.id).await.status, Status::Processing);
    let other = ScriptBuf::new_p2wpkh(&WPubkeyHash::from_byte_array([0x55; 20]));
    let other = Address::from_script(&other, Network::Regtest).expect("an address");
    let waiting = to_be_paid(&world, &other.to_string(), Rail::Onchain, 5_000).await;
    world.turn().await;
    assert_eq!(
        world.see_payout(waiting).await.stage,
        Stage::AwaitingPayment
    );

    let world = world.restart();
    world.turn().await;
    world.chain.set_silent(false);
    world.chain.mine(3);
    world.open_gate().await;
    world.turn().await;
    assert_eq!(world.gateway.follower.error(), None);
    assert_eq!(world.see_invoice(seen.id).await.status, Status::Settled);
    let paid = world.see_invoice(during.id).await;
    assert_eq!(paid.paid(), Sat(30_000).to_msat());
    assert_eq!(
        world.see_invoice(late.id).await.paid(),
        Sat(40_000).to_msat()
    );
    world.mine(1).await;
    world.turn().await;
    for id in [payout, waiting] {
        let done = world.see_payout(id).await.stage;
        assert!(matches!(done, Stage::Completed { .. }), "{done:?}");
    }
    world.check().await;
}

#[tokio::test]
async fn another_chain_is_told_apart_and_changes_nothing() {
    let (world, payout) = with_payout().await;
    world.run_payouts().await;
    world.mine(200).await;
    world.turn().await;
    let paid = world.invoice(20_000).await;
    let to = paid.onchain.clone().expect("an address").script;
    world.chain.pay(&to, Sat(20_000));
    world.mine(6).await;
    assert_eq!(world.see_invoice(paid.id).await.status, Status::Settled);
    let facts = tollway::store::journal::last_sequence(&world.gateway.store.snapshot());

    // (blocks of the other chain: fewer, as many, more)
    for height in [10, 216, 300] {
        let ours = world.chain.swap(height);
        world.turn().await;
        let why = world.gateway.follower.error().expect("it is shown");
        assert!(why.contains("another chain"), "{why}");
        world.chain.swap_back(ours);
        world.turn().await;
        assert_eq!(world.gateway.follower.error(), None);
    }
    assert_eq!(world.see_invoice(paid.id).await.status, Status::Settled);
    let done = world.see_payout(payout).await.stage;
    assert!(matches!(done, Stage::Completed { .. }), "{done:?}");
    let after = tollway::store::journal::last_sequence(&world.gateway.store.snapshot());
    assert_eq!(after, facts);
}

#[tokio::test]
async fn pruned_blocks_are_named_and_waited_for() {
    let world = World::new().await;
    let invoice = world.invoice(20_000).await;
    let to = invoice.onchain.clone().expect("an address").script;
    world.chain.pay(&to, Sat(20_000));
    let world = world.restart();
    world.chain.mine(1);
    let from = world.chain.height();
    world.chain.mine(300);
    world.chain.set_pruned_to(from + 50);
    for _ in 0..3 {
        world.turn().await;
        world.clock.advance_secs(1);
    }
    let why = world.gateway.follower.error().expect("it is shown");
    assert!(why.contains("pruned"), "{why}");
    assert_eq!(world.see_invoice(invoice.id).await.status, Status::New);
    world.chain.set_pruned_to(0);
    world.turn().await;
    assert_eq!(world.gateway.follower.error(), None);
    assert_eq!(world.see_invoice(invoice.id).await.status, Status::Settled);
}
