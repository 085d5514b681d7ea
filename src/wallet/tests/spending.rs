//! Spending from a till.

use std::collections::HashSet;
use std::sync::Arc;

use bitcoin::Network;

use super::{TILL, World, block, evicted, mined, payment, request, seen};
use crate::domain::money::Sat;
use crate::domain::till::CantSpend;
use crate::domain::time::Timestamp;
use crate::wallet::{Keychain, TxStanding, keychain};

#[test]
fn what_was_received_stays_received_when_it_is_spent() {
    let mut world = World::funded(&[100_000]);
    world.build(&[30_000], 1).expect("enough");
    assert_eq!(world.coins(0), [(100_000, 1)]);
}

#[test]
fn a_spend_pays_everyone_once_and_says_where() {
    let mut world = World::funded(&[100_000, 200_000]);
    let spend = world.build(&[60_000, 70_000, 60_000], 1).expect("enough");
    let request = request(&[60_000, 70_000, 60_000], 1);
    for ((script, amount), vout) in request.recipients.iter().zip(&spend.vouts) {
        let output = &spend.tx.output[usize::try_from(*vout).expect("small")];
        assert_eq!(
            (&output.script_pubkey, output.value.to_sat()),
            (script, amount.0)
        );
    }
    assert_eq!(spend.vouts.iter().collect::<HashSet<_>>().len(), 3);
    let paid: u64 = spend
        .tx
        .output
        .iter()
        .map(|output| output.value.to_sat())
        .sum();
    assert_eq!(paid + spend.fee.0, 300_000);
    let least = spend.tx.weight().to_wu().div_ceil(2);
    assert!(
        (least..least + 10).contains(&spend.fee.0),
        "2 sat per vbyte: {} for {least}",
        spend.fee
    );
    assert!(spend.tx.is_explicitly_rbf());
    assert!(spend.tx.input.iter().all(|input| input.witness.len() == 2));
    let txid = spend.tx.compute_txid();
    assert_eq!(world.tills.standing(TILL, txid), TxStanding::Unseen);
    assert_eq!(world.tills.pending().len(), 0, "never sent is not gone");
    assert_eq!(
        world.tills.spends(TILL).into_iter().collect::<Vec<_>>(),
        [txid]
    );
    let tx = Arc::new(spend.tx);
    world.tills.apply(&seen(&tx, 6_000));
    assert_eq!(world.tills.standing(TILL, txid), TxStanding::Mempool);
    world.tills.apply(&mined(block(101, 0), 103, 0, &[&tx]));
    let confirmed = TxStanding::Confirmed { confirmations: 2 };
    assert_eq!(world.tills.standing(TILL, txid), confirmed);
    world.restart();
    assert_eq!(world.tills.standing(TILL, txid), confirmed);
    assert_eq!(
        world.tills.balance(TILL).confirmed,
        Sat(300_000 - 190_000 - spend.fee.0)
    );
}

#[test]
fn no_two_spends_share_an_input_even_after_restart_and_eviction() {
    let mut world = World::funded(&[100_000, 100_000, 100_000]);
    let mut spent = HashSet::new();
    for seed in 1..=3 {
        // Change is too small to pay the next one.
        let spend = world.build(&[98_000], seed).expect("enough");
        for input in &spend.inputs {
            assert!(spent.insert(*input), "P4: {input} is spent twice");
        }
        if seed == 1 {
            let tx = Arc::new(spend.tx);
            world.tills.apply(&seen(&tx, 6_000));
            world.tills.apply(&evicted(&tx, 6_001));
        }
        world.restart();
    }
    assert!(matches!(
        world.build(&[98_000], 4),
        Err(CantSpend::NotEnough { .. })
    ));
}

#[test]
fn the_same_seed_builds_the_same_transaction() {
    let amounts = [100_000, 80_000, 70_000, 60_000];
    let build = |seed| {
        let mut world = World::funded(&amounts);
        world
            .build(&[90_000, 10_000, 20_000], seed)
            .expect("enough")
            .tx
    };
    assert_eq!(build(1), build(1));
}

#[test]
fn own_change_is_spent_unconfirmed_and_a_strangers_coin_is_not() {
    let mut world = World::funded(&[100_000]);
    let address = world.reveal();
    world
        .tills
        .apply(&seen(&payment(9, &address.script, 500_000), 10));
    let before = world.tills.balance(TILL);
    assert_eq!(
        (before.unconfirmed, before.spendable),
        (Sat(500_000), Sat(100_000))
    );
    assert!(matches!(
        world.build(&[150_000], 1),
        Err(CantSpend::NotEnough {
            available: Sat(100_000),
            ..
        })
    ));
    let first = world.build(&[20_000], 1).expect("enough");
    let second = world.build(&[20_000], 2).expect("the change is ours");
    assert_eq!(second.inputs.len(), 1);
    assert_eq!(second.inputs[0].txid, first.tx.compute_txid());
    let left = 100_000 - 40_000 - first.fee.0 - second.fee.0;
    assert_eq!(world.tills.balance(TILL).spendable, Sat(left));
}

#[test]
fn refusals_change_nothing() {
    let mut world = World::funded(&[10_000]);
    let before = world.tills.balance(TILL);
    assert_eq!(world.build(&[293], 1), Err(CantSpend::Dust));
    assert!(matches!(
        world.build(&[10_000], 1),
        Err(CantSpend::NotEnough { .. })
    ));
    assert!(matches!(
        world.build(&[u64::MAX, 1_000], 1),
        Err(CantSpend::NotEnough { .. })
    ));
    assert!(matches!(world.build(&[], 1), Err(CantSpend::Other(_))));
    let other_seed = Keychain::from_mnemonic(&keychain::new_mnemonic([1; 16]), Network::Regtest);
    let other_seed = other_seed.expect("valid");
    let refused = world.tills.build(&other_seed, &request(&[1_000], 1));
    assert_eq!(refused, Err(CantSpend::NoWallet));
    assert_eq!(world.tills.balance(TILL), before);
    assert!(!world.tills.has_staged());
}

#[test]
fn a_released_spend_frees_its_coins() {
    let mut world = World::funded(&[100_000]);
    let spend = world.build(&[50_000], 1).expect("enough");
    let now = Timestamp::from_secs(5_000);
    world
        .tills
        .release(TILL, spend.tx.compute_txid(), &spend.inputs, now);
    assert_eq!(world.tills.balance(TILL).spendable, Sat(100_000));
    world.restart();
    assert_eq!(
        world.build(&[50_000], 2).expect("enough").inputs,
        spend.inputs
    );
}
