//! The tills in memory: addresses, pictures through a payment's whole life, and spending.

use std::collections::HashSet;
use std::sync::Arc;

use bitcoin::hashes::Hash;
use bitcoin::transaction::Version;
use bitcoin::{
    Amount, BlockHash, Network, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Txid,
    Witness, absolute,
};

use super::*;
use crate::domain::ids::StoreId;
use crate::domain::money::Sat;
use crate::domain::till::{CantSpend, TillAddress, TillId};
use crate::domain::time::Timestamp;
use crate::ports::chain::BlockRef;

const WORDS: &str = "abandon abandon abandon abandon abandon abandon abandon abandon abandon \
                     abandon abandon about";
const TILL: TillId = TillId {
    store: StoreId([7; 32]),
    generation: 0,
};

fn keychain() -> Keychain {
    Keychain::from_mnemonic(WORDS, Network::Regtest).expect("valid words")
}

fn record(id: TillId, account: u32) -> TillRecord {
    let (external, internal) = keychain().descriptors(account);
    TillRecord {
        id,
        account,
        kind: TillKind::Hot,
        external,
        internal,
        network: Network::Regtest,
        birthday: block(100, 0),
        resting: false,
    }
}

fn block(height: u32, fork: u8) -> BlockRef {
    let mut hash = [fork; 32];
    hash[..4].copy_from_slice(&height.to_be_bytes());
    BlockRef {
        height,
        hash: BlockHash::from_byte_array(hash),
    }
}

/// Somebody's payment; `coin` tells the coins it spends apart.
fn payment(coin: u8, to: &ScriptBuf, sats: u64) -> Arc<Transaction> {
    Arc::new(Transaction {
        version: Version::TWO,
        lock_time: absolute::LockTime::ZERO,
        input: vec![TxIn {
            previous_output: OutPoint::new(Txid::from_byte_array([coin; 32]), 0),
            script_sig: ScriptBuf::new(),
            sequence: Sequence::ENABLE_RBF_NO_LOCKTIME,
            witness: Witness::new(),
        }],
        output: vec![TxOut {
            value: Amount::from_sat(sats),
            script_pubkey: to.clone(),
        }],
    })
}

fn seen(tx: &Arc<Transaction>, secs: u64) -> Sighting {
    Sighting {
        seen: vec![(tx.clone(), secs)],
        ..Sighting::default()
    }
}

fn evicted(tx: &Transaction, secs: u64) -> Sighting {
    Sighting {
        evicted: vec![(tx.compute_txid(), secs)],
        ..Sighting::default()
    }
}

/// Blocks `from + 1 ..= to` of a fork on top of `from`, with transactions in the first of them.
fn mined(from: BlockRef, to: u32, fork: u8, txs: &[&Arc<Transaction>]) -> Sighting {
    let mut blocks = vec![from];
    blocks.extend((from.height + 1..=to).map(|height| block(height, fork)));
    let anchored = txs
        .iter()
        .map(|tx| Anchored {
            tx: (*tx).clone(),
            block: blocks[1],
            time_secs: 1_000,
        })
        .collect();
    Sighting {
        blocks,
        anchored,
        ..Sighting::default()
    }
}

struct World {
    tills: Tills,
    rows: Vec<(Vec<u8>, Vec<u8>)>,
}

impl World {
    fn new() -> Self {
        let mut tills = Tills::default();
        tills.open(record(TILL, 1)).expect("opens");
        let mut world = Self {
            tills,
            rows: Vec::new(),
        };
        world.commit();
        world
    }

    fn commit(&mut self) {
        assert!(self.tills.has_staged());
        for (key, value) in self.tills.take_staged() {
            if key == tills::TRAIL_KEY {
                self.rows.retain(|(other, _)| *other != key);
            }
            assert!(
                self.rows.iter().all(|(other, _)| *other != key),
                "rows are appended"
            );
            self.rows.push((key, value));
        }
        assert!(!self.tills.has_staged());
    }

    fn restart(&mut self) {
        if self.tills.has_staged() {
            self.commit();
        }
        let (trail, changes): (Vec<_>, Vec<_>) =
            (self.rows.iter().cloned()).partition(|(key, _)| key == tills::TRAIL_KEY);
        let mut fresh = Tills::default();
        fresh.restore_trail(&trail[0].1).expect("its own row");
        let changes: Vec<_> = changes.into_iter().map(|(_, value)| value).collect();
        fresh
            .restore(record(TILL, 1), &changes)
            .expect("its own rows");
        self.tills = fresh;
    }

    fn reveal(&mut self) -> TillAddress {
        self.tills.reveal(TILL).expect("the till is there")
    }

    /// Amount and confirmations of each coin on an address, now and after a restart alike.
    fn coins(&mut self, index: u32) -> Vec<(u64, u32)> {
        let look = |tills: &Tills| {
            let pictures = tills.pictures(TILL, &[index]);
            (pictures[&index].iter())
                .map(|coin| (coin.amount.0, coin.confirmations))
                .collect::<Vec<_>>()
        };
        let now = look(&self.tills);
        self.restart();
        assert_eq!(look(&self.tills), now, "a restart shows the same picture");
        now
    }

    /// A till with confirmed coins of these amounts, one per address.
    fn funded(amounts: &[u64]) -> Self {
        let mut world = Self::new();
        let txs: Vec<_> = (1..)
            .zip(amounts)
            .map(|(coin, sats)| payment(coin, &world.reveal().script, *sats))
            .collect();
        let txs: Vec<_> = txs.iter().collect();
        world.tills.apply(&mined(block(100, 0), 101, 0, &txs));
        world.commit();
        world
    }

    fn build(&mut self, amounts: &[u64], seed: u8) -> Result<SignedSpend, CantSpend> {
        self.tills.build(&keychain(), &request(amounts, seed))
    }
}

fn foreign(number: u8) -> ScriptBuf {
    ScriptBuf::new_p2wpkh(&bitcoin::WPubkeyHash::from_byte_array([number; 20]))
}

fn request(amounts: &[u64], seed: u8) -> SpendRequest {
    SpendRequest {
        till: TILL,
        recipients: (200..)
            .zip(amounts)
            .map(|(number, sats)| (foreign(number), Sat(*sats)))
            .collect(),
        fee_rate_sat_per_kvb: 2_000,
        seed: [seed; 32],
        now: Timestamp::from_secs(5_000),
    }
}

#[test]
fn every_index_is_handed_out_once_across_restarts() {
    let mut world = World::new();
    let mut scripts = HashSet::new();
    for turn in 0..6 {
        let address = world.reveal();
        assert_eq!(address.index, turn);
        assert!(scripts.insert(address.script.clone()), "P12");
        assert_eq!(
            world.tills.owner_of(&address.script),
            Some((TILL, turn, false))
        );
        assert!(address.address.starts_with("bcrt1q"));
        if turn % 2 == 1 {
            world.restart();
        }
    }
    assert_eq!(world.tills.owner_of(&foreign(1)), None);
    assert_eq!(world.tills.hot(TILL.store), Some(TILL));
    assert_eq!(world.tills.hot(StoreId([8; 32])), None);
}

#[test]
fn a_reveal_is_a_small_row() {
    let mut world = World::new();
    world.reveal();
    let rows = world.tills.take_staged();
    assert_eq!(rows.len(), 1);
    assert_eq!(hex::encode(&rows[0].1), "01a10000", "version, external: 0");
}

#[test]
fn the_newest_generation_is_the_hot_one_and_accounts_stay_apart() {
    let mut world = World::new();
    let next = TillId {
        generation: 1,
        ..TILL
    };
    world.tills.open(record(next, 2)).expect("opens");
    assert_eq!(world.tills.hot(TILL.store), Some(next));
    let old = world.reveal();
    let new = world.tills.reveal(next).expect("open");
    assert_ne!(old.script, new.script);
    assert_eq!(world.tills.owner_of(&new.script), Some((next, 0, false)));
    assert_eq!(world.tills.records().len(), 2);
    assert!(
        world.tills.open(record(next, 3)).is_err(),
        "an id is taken once"
    );
}

#[test]
fn a_payment_through_mempool_block_reorganisation_and_eviction() {
    let mut world = World::new();
    let address = world.reveal();
    let other = world.reveal();
    let tx = payment(1, &address.script, 50_000);
    assert_eq!(world.tills.apply(&seen(&tx, 10)), [(TILL, 0)]);
    assert_eq!(world.coins(0), [(50_000, 0)]);
    assert_eq!(world.coins(other.index), []);
    assert_eq!(world.tills.pending().len(), 1);

    assert_eq!(
        world.tills.apply(&mined(block(100, 0), 101, 0, &[&tx])),
        [(TILL, 0)]
    );
    assert_eq!(world.coins(0), [(50_000, 1)]);
    assert_eq!(
        world.tills.apply(&mined(block(101, 0), 105, 0, &[])),
        [(TILL, 0)],
        "young"
    );
    assert_eq!(world.coins(0), [(50_000, 5)]);
    assert_eq!(world.tills.pending().len(), 0);

    // The new branch is shorter at first, and the payment isn't in it.
    assert_eq!(
        world.tills.apply(&mined(block(100, 0), 102, 1, &[])),
        [(TILL, 0)]
    );
    assert_eq!(
        world.coins(0),
        [(50_000, 0)],
        "until it is known to be gone it may come back"
    );
    assert_eq!(world.tills.pending().len(), 1);
    assert_eq!(world.tills.apply(&evicted(&tx, 20)), [(TILL, 0)]);
    assert_eq!(world.coins(0), []);
    assert_eq!(world.tills.tip(), Some(block(102, 1)));

    // Seen again, by a clock that went back.
    world.tills.apply(&seen(&tx, 15));
    assert_eq!(world.coins(0), [(50_000, 0)]);
    world.tills.apply(&mined(block(102, 1), 103, 1, &[&tx]));
    assert_eq!(world.coins(0), [(50_000, 1)]);
}

#[test]
fn a_reorganisation_above_the_new_tip_takes_the_confirmation() {
    let mut world = World::new();
    let address = world.reveal();
    world.tills.apply(&mined(block(100, 0), 104, 0, &[]));
    let tx = payment(1, &address.script, 50_000);
    world.tills.apply(&mined(block(104, 0), 105, 0, &[&tx]));
    // Blocks 104 and 105 are replaced by another 104 alone.
    assert_eq!(
        world.tills.apply(&mined(block(103, 0), 104, 1, &[])),
        [(TILL, 0)]
    );
    assert_eq!(world.coins(0), [(50_000, 0)]);
    world.tills.apply(&mined(block(104, 1), 105, 1, &[&tx]));
    assert_eq!(world.coins(0), [(50_000, 1)]);
}

#[test]
fn a_replacement_takes_the_place_of_what_it_replaces() {
    let mut world = World::new();
    let (first, second) = (world.reveal(), world.reveal());
    let tx = payment(1, &first.script, 50_000);
    let bumped = payment(1, &second.script, 49_000);
    world.tills.apply(&seen(&tx, 10));
    let both = Sighting {
        seen: vec![(bumped, 10)],
        evicted: vec![(tx.compute_txid(), 10)],
        ..Sighting::default()
    };
    assert_eq!(world.tills.apply(&both), [(TILL, 0), (TILL, 1)]);
    assert_eq!(world.coins(0), []);
    assert_eq!(world.coins(1), [(49_000, 0)]);
}

#[test]
fn coins_grow_old_after_a_hundred_confirmations() {
    let mut world = World::funded(&[50_000]);
    assert_eq!(
        world.tills.apply(&mined(block(101, 0), 199, 0, &[])),
        [(TILL, 0)]
    );
    world.restart();
    assert_eq!(
        world.tills.apply(&mined(block(199, 0), 200, 0, &[])),
        [(TILL, 0)]
    );
    assert_eq!(world.coins(0), [(50_000, 100)]);
    assert_eq!(world.tills.apply(&mined(block(200, 0), 201, 0, &[])), []);
    assert_eq!(world.coins(0), [(50_000, 101)]);
}

#[test]
fn blocks_without_news_write_the_trail_only() {
    let mut world = World::funded(&[50_000]);
    world.tills.apply(&mined(block(101, 0), 102, 0, &[]));
    let rows = world.tills.take_staged();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].0, tills::TRAIL_KEY);
    world.tills.apply(&Sighting::default());
    assert!(!world.tills.has_staged());
}

#[test]
fn strangers_transactions_are_not_kept() {
    let mut world = World::new();
    world.reveal();
    let tx = payment(1, &foreign(9), 50_000);
    assert_eq!(world.tills.apply(&seen(&tx, 10)), []);
    assert_eq!(world.tills.apply(&evicted(&tx, 11)), []);
    assert!(!world.tills.has_staged() || world.tills.take_staged().len() == 1);
}

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

#[test]
fn the_watch_list_lets_ours_through_and_nothing_else() {
    let mut world = World::new();
    assert!(WatchList::default().is_empty());
    let watch = world.tills.watch();
    assert!(!watch.is_empty());
    let address = world.reveal();
    let paid = payment(1, &address.script, 50_000);
    let spends = |outpoint: OutPoint| {
        let mut tx = (*payment(2, &foreign(1), 1)).clone();
        tx.input[0].previous_output = outpoint;
        Arc::new(tx)
    };
    let child = spends(OutPoint::new(paid.compute_txid(), 0));
    let stranger = payment(3, &foreign(2), 50_000);
    let batch = [child.clone(), stranger, paid.clone()];
    assert_eq!(watch.select(&batch), [&child, &paid]);
    assert!(
        watch.select(&[child.clone()]).is_empty(),
        "its parent is not known yet"
    );
    world.tills.apply(&seen(&paid, 10));
    assert_eq!(watch.select(&[child.clone()]), [&child]);
    world.restart();
    assert_eq!(world.tills.watch().select(&[child.clone()]), [&child]);
}
