//! The tills in memory: addresses, and pictures through a payment's whole life.

mod bumping;
mod spending;

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
        unsure: std::collections::BTreeSet::new(),
        seed: [seed; 32],
        now: Timestamp::from_secs(5_000),
        wishes: Wishes::default(),
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
    // The first holds all scripts that are derived ahead.
    world.tills.take_staged();
    world.reveal();
    let rows = world.tills.take_staged();
    assert_eq!(rows.len(), 1);
    let row = hex::encode(&rows[0].1);
    assert_eq!(
        &row[..20],
        "01a200010b8182181a56",
        "version, external: 1, one script: 26"
    );
    assert_eq!(rows[0].1.len(), 32);
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
        watch.select(std::slice::from_ref(&child)).is_empty(),
        "its parent is not known yet"
    );
    let mut found = Found::default();
    let (first, second) = ([paid.clone()], [child.clone()]);
    assert_eq!(watch.select_after(&mut found, &first), [&paid]);
    assert_eq!(
        watch.select_after(&mut found, &second),
        [&child],
        "a later block of the same step spends it"
    );
    world.tills.apply(&seen(&paid, 10));
    assert_eq!(watch.select(std::slice::from_ref(&child)), [&child]);
    world.restart();
    assert_eq!(
        world.tills.watch().select(std::slice::from_ref(&child)),
        [&child]
    );
}
