//! On-chain payouts: stored before they are sent, sent again as they were stored, settled by the chain alone.

use bitcoin::Transaction;
use tollway::domain::ids::PayoutId;
use tollway::domain::money::Sat;
use tollway::domain::payout::{Proof, Stage, Standing};
use tollway::domain::receipt::Rail;

use super::{killed, standing, to_be_paid};
use crate::support::World;
use crate::support::chain::OnBroadcast;

/// Somebody's address.
const THEIRS: &str = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";

/// A world whose till has a confirmed coin.
async fn funded() -> World {
    let world = World::new().await;
    let invoice = world.invoice(100_000).await;
    let script = invoice.onchain.expect("an address").script;
    world.chain.pay(&script, Sat(100_000));
    world.mine(1).await;
    world
}

async fn assert_paid_by(world: &World, id: PayoutId, tx: &Transaction) {
    let payout = world.see_payout(id).await;
    let Stage::Completed { ref proof, .. } = payout.stage else {
        panic!("{:?}", payout.stage);
    };
    let Proof::Onchain { txid, vout } = proof else {
        panic!("{proof:?}");
    };
    assert_eq!(*txid, tx.compute_txid());
    let paid = &tx.output[usize::try_from(*vout).expect("small")];
    assert_eq!(Sat::from(paid.value), payout.debit());
    world.check().await;
}

#[tokio::test]
async fn a_payout_is_sent_once_and_settled_by_a_block() {
    let world = funded().await;
    let id = to_be_paid(&world, THEIRS, Rail::Onchain, 30_000).await;
    world.turn().await;
    let sent = world.chain.broadcasts();
    assert_eq!(sent.len(), 1);
    assert_eq!(standing(&world, id).await, [Standing::Sent]);
    world.turn().await;
    assert_eq!(world.see_payout(id).await.stage, Stage::InProgress);
    world.chain.mine(1);
    world.turn().await;
    assert_paid_by(&world, id, &sent[0]).await;
    assert_eq!(world.chain.broadcasts().len(), 1);
}

#[tokio::test]
async fn a_kill_or_an_unsure_broadcast_sends_the_stored_bytes_and_builds_nothing_new() {
    let rows = [
        (
            "refused",
            Some(OnBroadcast::Refuse("mempool full".to_owned())),
        ),
        ("lost", Some(OnBroadcast::Doubt { arrives: false })),
        ("lost, but out", Some(OnBroadcast::Doubt { arrives: true })),
        ("out", None),
    ];
    for (name, outcome) in rows {
        for restarts in [false, true] {
            let mut world = funded().await;
            let id = to_be_paid(&world, THEIRS, Rail::Onchain, 30_000).await;
            if let Some(outcome) = outcome.clone() {
                world.chain.on_broadcast(outcome);
            }
            world.turn().await;
            if restarts {
                world = killed(world).await;
            }
            world.clock.advance_secs(31);
            world.turn().await;
            let sent = world.chain.broadcasts();
            assert!(sent.len() > 1, "{name}: it is sent until a block holds it");
            assert!(
                sent.iter().all(|tx| tx == &sent[0]),
                "{name}: P4 another transaction"
            );
            assert_eq!(standing(&world, id).await, [Standing::Sent], "{name}");
            world.chain.mine(1);
            world.turn().await;
            assert_paid_by(&world, id, &sent[0]).await;
        }
    }
}

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
async fn payouts_that_the_till_cant_cover_wait_and_say_so() {
    let world = World::new().await;
    let id = to_be_paid(&world, THEIRS, Rail::Onchain, 30_000).await;
    world.turn().await;
    let payout = world.see_payout(id).await;
    assert_eq!(payout.stage, Stage::AwaitingPayment);
    let why = payout.waiting_for.expect("a reason");
    assert!(why.contains("0 sat to spend"), "{why}");
    assert!(world.chain.broadcasts().is_empty());
    let invoice = world.invoice(100_000).await;
    world
        .chain
        .pay(&invoice.onchain.expect("an address").script, Sat(100_000));
    world.mine(1).await;
    world.clock.advance_secs(11);
    world.turn().await;
    assert_eq!(world.chain.broadcasts().len(), 1);
}

#[tokio::test]
async fn two_payouts_never_spend_the_same_coin() {
    let world = funded().await;
    let other = "bcrt1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3qzf4jry";
    to_be_paid(&world, THEIRS, Rail::Onchain, 60_000).await;
    let second = to_be_paid(&world, other, Rail::Onchain, 60_000).await;
    world.turn().await;
    let sent = world.chain.broadcasts();
    assert_eq!(sent.len(), 1, "one coin pays one of them");
    let waiting = world.payouts().await;
    let waits = waiting
        .iter()
        .filter(|one| one.stage == Stage::AwaitingPayment);
    assert_eq!(waits.count(), 1, "{second}");
    world.check().await;
}
