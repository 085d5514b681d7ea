//! On-chain payouts: stored before they are sent, sent again as they were stored, settled by the chain alone.

mod batches;
mod bumps;
mod holds;
mod reorgs;

use bitcoin::hashes::Hash;
use bitcoin::{Address, Network, OutPoint, ScriptBuf, Transaction, WPubkeyHash};
use tollway::domain::fact::Fact;
use tollway::domain::ids::PayoutId;
use tollway::domain::money::{Msat, Sat};
use tollway::domain::payout::{Proof, Stage, Standing};
use tollway::domain::receipt::Rail;
use tollway::domain::time::Timestamp;

use super::{killed, standing, to_be_paid};
use crate::support::World;
use crate::support::chain::OnBroadcast;

/// Somebody's address.
const THEIRS: &str = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";

/// A world whose till has a confirmed coin.
async fn funded() -> World {
    let world = World::new().await;
    coin(&world, 100_000).await;
    world
}

/// Somebody pays the till: a confirmed coin.
async fn coin(world: &World, sat: u64) -> OutPoint {
    let invoice = world.invoice(sat).await;
    let script = invoice.onchain.expect("an address").script;
    let paid = world.chain.pay(&script, Sat(sat));
    world.mine(1).await;
    OutPoint::new(paid.compute_txid(), 0)
}

/// One of many addresses of somebody.
fn somebody(number: u8) -> String {
    let script = ScriptBuf::new_p2wpkh(&WPubkeyHash::from_byte_array([number; 20]));
    let address = Address::from_script(&script, Network::Regtest);
    address.expect("an address").to_string()
}

/// A payout to one of them that is to be sent.
async fn owed(world: &World, number: u8, sat: u64) -> PayoutId {
    // Each is asked for at a time of its own.
    let now = world.clock_now();
    world.clock.set(Timestamp(now.0 + 1));
    to_be_paid(world, &somebody(number), Rail::Onchain, sat).await
}

async fn waiting_for(world: &World, id: PayoutId) -> String {
    let payout = world.see_payout(id).await;
    assert_eq!(payout.stage, Stage::AwaitingPayment);
    payout.waiting_for.expect("a reason")
}

async fn facts(world: &World, id: PayoutId) -> Vec<Fact> {
    let shop = world.shop;
    let entries = world
        .gateway
        .store
        .read(move |rows| tollway::store::journal::of_object(rows, shop, id.as_bytes()))
        .await;
    entries.into_iter().map(|entry| entry.fact).collect()
}

/// Proof and fee of a completed payout.
async fn settled(world: &World, id: PayoutId) -> (OutPoint, Msat) {
    match world.see_payout(id).await.stage {
        Stage::Completed {
            proof: Proof::Onchain { txid, vout },
            fee,
            ..
        } => (OutPoint::new(txid, vout), fee),
        other => panic!("{other:?}"),
    }
}

fn spends(tx: &Transaction) -> Vec<OutPoint> {
    tx.input.iter().map(|input| input.previous_output).collect()
}

fn sum(tx: &Transaction) -> u64 {
    tx.output.iter().map(|output| output.value.to_sat()).sum()
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
    assert_eq!(Sat::from(paid.value), payout.output());
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
