//! The chain and its mempool, outside of the gateway: they outlive its crashes, and know what was really paid.

mod port;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use bitcoin::block::{Header, Version};
use bitcoin::hashes::Hash;
use bitcoin::{
    Amount, Block, BlockHash, CompactTarget, Network, OutPoint, ScriptBuf, Sequence, Transaction,
    TxIn, TxMerkleNode, TxOut, Txid, Witness, absolute, transaction,
};
use tollway::domain::money::Sat;
use tollway::store::Store;

use crate::dice::Dice;
use crate::log::Log;
use crate::notes::Notes;

/// A chain that the world drives.
pub struct Chain {
    inner: Mutex<Inner>,
    dice: Arc<Dice>,
    log: Arc<Log>,
}

/// What outlives everything.
#[derive(Clone)]
pub struct Blocks {
    best: Vec<Mined>,
    /// Everything anybody ever sent.
    known: BTreeMap<Txid, Arc<Transaction>>,
    /// Oldest first, so parents come before children.
    mempool: Vec<Txid>,
    /// In a block once, of whatever branch.
    ever_mined: BTreeSet<Txid>,
    /// Tells blocks of different branches and coins of strangers apart.
    counter: u32,
}

#[derive(Clone)]
struct Mined {
    block: Arc<Block>,
    hash: BlockHash,
    txids: Vec<Txid>,
}

struct Inner {
    blocks: Blocks,
    silent: bool,
    fee_rate: u64,
    /// Faults are over: every broadcast is answered as it should be.
    calm: bool,
    /// Where a transaction has to be committed before it may be sent (P2).
    store: Option<Store>,
}

impl Default for Blocks {
    fn default() -> Self {
        let genesis = bitcoin::constants::genesis_block(Network::Regtest);
        let mut blocks = Self {
            best: Vec::new(),
            known: BTreeMap::new(),
            mempool: Vec::new(),
            ever_mined: BTreeSet::new(),
            counter: 0,
        };
        blocks.best.push(Mined {
            hash: genesis.block_hash(),
            block: Arc::new(genesis),
            txids: Vec::new(),
        });
        blocks
    }
}

impl Blocks {
    fn append(&mut self, txids: Vec<Txid>) {
        let below = self.best.last().expect("genesis");
        self.counter += 1;
        let header = Header {
            version: Version::TWO,
            prev_blockhash: below.hash,
            merkle_root: TxMerkleNode::all_zeros(),
            time: below.block.header.time + 600,
            bits: CompactTarget::from_consensus(0),
            nonce: self.counter,
        };
        let txdata = (txids.iter())
            .map(|txid| self.known[txid].as_ref().clone())
            .collect();
        self.mempool.retain(|txid| !txids.contains(txid));
        self.ever_mined.extend(&txids);
        self.best.push(Mined {
            hash: header.block_hash(),
            block: Arc::new(Block { header, txdata }),
            txids,
        });
    }

    fn in_a_block(&self, txid: Txid) -> bool {
        self.best.iter().any(|mined| mined.txids.contains(&txid))
    }

    /// Transactions of the best chain, oldest first.
    fn confirmed(&self) -> impl Iterator<Item = (Txid, &Arc<Transaction>)> {
        let txids = self.best.iter().flat_map(|mined| &mined.txids);
        txids.map(|txid| (*txid, &self.known[txid]))
    }

    fn spender_in_a_block(&self, coin: OutPoint) -> Option<Txid> {
        self.confirmed()
            .find(|(_, tx)| spends(tx, coin))
            .map(|(txid, _)| txid)
    }

    /// Why a transaction can't be in the mempool, but for what else is there.
    fn unfit(&self, txid: Txid) -> Option<&'static str> {
        let tx = &self.known[&txid];
        for input in &tx.input {
            let coin = input.previous_output;
            if self
                .spender_in_a_block(coin)
                .is_some_and(|other| other != txid)
            {
                return Some("bad-txns-inputs-missingorspent");
            }
            let parent_known = self.known.contains_key(&coin.txid);
            let parent_there = self.mempool.contains(&coin.txid) || self.in_a_block(coin.txid);
            if parent_known && !parent_there {
                return Some("bad-txns-inputs-missingorspent");
            }
        }
        None
    }

    /// What it costs; `None` if it spends coins of strangers.
    fn fee(&self, tx: &Transaction) -> Option<u64> {
        let mut brought = 0;
        for input in &tx.input {
            let coin = input.previous_output;
            let parent = self.known.get(&coin.txid)?;
            let vout = usize::try_from(coin.vout).expect("small");
            brought += parent.output[vout].value.to_sat();
        }
        let paid: u64 = tx.output.iter().map(|output| output.value.to_sat()).sum();
        Some(brought.saturating_sub(paid))
    }

    /// Into the mempool, in the place of what spends the same coins; refused if that pays more.
    fn admit(&mut self, txid: Txid) -> Result<(), &'static str> {
        if self.mempool.contains(&txid) {
            return Ok(());
        }
        if let Some(why) = self.unfit(txid) {
            return Err(why);
        }
        let tx = self.known[&txid].clone();
        let rivals: Vec<Txid> = (self.mempool.iter().copied())
            .filter(|other| {
                let coins = tx.input.iter().map(|input| input.previous_output);
                coins
                    .into_iter()
                    .any(|coin| spends(&self.known[other], coin))
            })
            .collect();
        let fee = self.fee(&tx);
        if rivals
            .iter()
            .any(|other| fee.is_some() && self.fee(&self.known[other]) >= fee)
        {
            return Err("insufficient fee, rejecting replacement");
        }
        for rival in rivals {
            self.drop_from_mempool(rival);
        }
        self.mempool.push(txid);
        Ok(())
    }

    /// Removes a transaction and what hangs on it.
    fn drop_from_mempool(&mut self, txid: Txid) {
        self.mempool.retain(|other| *other != txid);
        let children: Vec<Txid> = (self.mempool.iter().copied())
            .filter(|other| {
                let inputs = &self.known[other].input;
                inputs
                    .iter()
                    .any(|input| input.previous_output.txid == txid)
            })
            .collect();
        for child in children {
            self.drop_from_mempool(child);
        }
    }

    fn note(&mut self, tx: &Transaction) -> Txid {
        let txid = tx.compute_txid();
        self.known
            .entry(txid)
            .or_insert_with(|| Arc::new(tx.clone()));
        txid
    }

    /// Those whose parents are in a block, or before them among these.
    fn with_parents(&self, wanted: impl Iterator<Item = Txid>) -> Vec<Txid> {
        let mut taken: Vec<Txid> = Vec::new();
        for txid in wanted {
            let fits = self.known[&txid].input.iter().all(|input| {
                let parent = input.previous_output.txid;
                !self.known.contains_key(&parent)
                    || taken.contains(&parent)
                    || self.in_a_block(parent)
            });
            let rival = self.known[&txid].input.iter().any(|input| {
                let coin = input.previous_output;
                taken.iter().any(|other| spends(&self.known[other], coin))
                    || self.spender_in_a_block(coin).is_some()
            });
            if fits && !rival {
                taken.push(txid);
            }
        }
        taken
    }
}

fn spends(tx: &Transaction, coin: OutPoint) -> bool {
    tx.input.iter().any(|input| input.previous_output == coin)
}

impl Chain {
    /// A chain that begins with these blocks.
    pub fn new(blocks: Blocks, dice: Arc<Dice>, log: Arc<Log>) -> Self {
        let inner = Inner {
            blocks,
            silent: false,
            fee_rate: 2_000,
            calm: false,
            store: None,
        };
        Self {
            inner: Mutex::new(inner),
            dice,
            log,
        }
    }

    fn with<R>(&self, look: impl FnOnce(&mut Inner) -> R) -> R {
        look(&mut self.inner.lock().expect("no panic inside"))
    }

    /// Where every transaction that is sent has to be committed.
    pub fn expect_commits_in(&self, store: Option<Store>) {
        self.with(|chain| chain.store = store);
    }

    /// A copy of the blocks.
    pub fn blocks(&self) -> Blocks {
        self.with(|chain| chain.blocks.clone())
    }

    /// A stranger's transaction that pays a script, from a coin of its own, or from one that another spends too.
    pub fn payment(
        &self,
        to: &ScriptBuf,
        amount: Sat,
        replaceable: bool,
        instead_of: Option<Txid>,
    ) -> Transaction {
        self.with(|chain| {
            chain.blocks.counter += 1;
            let mut coin = [0xc0; 32];
            coin[..4].copy_from_slice(&chain.blocks.counter.to_be_bytes());
            let own = OutPoint::new(Txid::from_byte_array(coin), 0);
            let displaced = instead_of.and_then(|txid| chain.blocks.known.get(&txid));
            Transaction {
                version: transaction::Version::TWO,
                lock_time: absolute::LockTime::ZERO,
                input: vec![TxIn {
                    previous_output: displaced.map_or(own, |tx| tx.input[0].previous_output),
                    script_sig: ScriptBuf::new(),
                    sequence: if replaceable {
                        Sequence::ENABLE_RBF_NO_LOCKTIME
                    } else {
                        Sequence::MAX
                    },
                    witness: Witness::new(),
                }],
                output: vec![TxOut {
                    value: Amount::from_sat(amount.0),
                    script_pubkey: to.clone(),
                }],
            }
        })
    }

    /// Sends a stranger's transaction. What spends the same coins makes way.
    pub fn send(&self, tx: &Transaction) -> bool {
        self.with(|chain| {
            let txid = chain.blocks.note(tx);
            chain.blocks.admit(txid).is_ok()
        })
    }

    /// Mines so many blocks; each transaction of the mempool has a chance of one in so many to be left out.
    pub fn mine(&self, count: u64, left_out: u64) {
        self.with(|chain| {
            for _ in 0..count {
                let wanted: Vec<Txid> = (chain.blocks.mempool.iter().copied())
                    .filter(|_| left_out == 0 || !self.dice.once_in(left_out))
                    .collect();
                let txids = chain.blocks.with_parents(wanted.into_iter());
                chain.blocks.append(txids);
                let rest = std::mem::take(&mut chain.blocks.mempool);
                for txid in rest {
                    // What a block has made impossible leaves.
                    let _ = chain.blocks.admit(txid);
                }
            }
        });
    }

    /// Replaces the last blocks by one more. Of what was in them some is mined again, some waits again, and of the
    /// strangers' some is gone for good. Says what is gone.
    pub fn reorganise(&self, depth: u64) -> Vec<Txid> {
        self.with(|chain| {
            let mut undone = Vec::new();
            for _ in 0..depth {
                if chain.blocks.best.len() > 1 {
                    let mined = chain.blocks.best.pop().expect("genesis stays");
                    undone.splice(0..0, mined.txids);
                }
            }
            let mut gone = Vec::new();
            let mut again = Vec::new();
            let mut back = Vec::new();
            for txid in undone {
                let by_stranger = chain.blocks.fee(&chain.blocks.known[&txid]).is_none();
                match self.dice.below(4) {
                    0 if by_stranger => gone.push(txid),
                    0 | 1 => again.push(txid),
                    _ => back.push(txid),
                }
            }
            let again = chain.blocks.with_parents(again.into_iter());
            chain.blocks.append(again);
            for _ in 0..depth {
                chain.blocks.append(Vec::new());
            }
            let waited = std::mem::take(&mut chain.blocks.mempool);
            for txid in back.into_iter().chain(waited) {
                let _ = chain.blocks.admit(txid);
            }
            gone
        })
    }

    /// Drops a transaction from the mempool.
    pub fn evict(&self, txid: Txid) {
        self.with(|chain| chain.blocks.drop_from_mempool(txid));
    }

    /// What the mempool holds, and whether a stranger made it.
    pub fn mempool_now(&self) -> Vec<(Txid, bool)> {
        self.with(|chain| {
            let blocks = &chain.blocks;
            (blocks.mempool.iter())
                .map(|txid| (*txid, blocks.fee(&blocks.known[txid]).is_none()))
                .collect()
        })
    }

    /// A transaction that was sent.
    pub fn transaction(&self, txid: Txid) -> Option<Arc<Transaction>> {
        self.with(|chain| chain.blocks.known.get(&txid).cloned())
    }

    /// The height of the tip.
    pub fn height(&self) -> u64 {
        self.with(|chain| u64::try_from(chain.blocks.best.len()).expect("small") - 1)
    }

    /// Whether some block, of whatever branch, ever held it.
    pub fn was_mined(&self, txid: Txid) -> bool {
        self.with(|chain| chain.blocks.ever_mined.contains(&txid))
    }

    /// Outputs of the best chain that pay a script.
    pub fn paid_to(&self, script: &ScriptBuf) -> Vec<(OutPoint, Sat)> {
        self.with(|chain| {
            let mut found = Vec::new();
            for (txid, tx) in chain.blocks.confirmed() {
                for (vout, output) in (0..).zip(&tx.output) {
                    if output.script_pubkey == *script {
                        found.push((OutPoint::new(txid, vout), output.value.into()));
                    }
                }
            }
            found
        })
    }

    /// Addresses that transactions of the shop gave change to.
    pub fn change(&self, notes: &Notes) -> Vec<ScriptBuf> {
        self.with(|chain| {
            let mut scripts = Vec::new();
            for (txid, tx) in &chain.blocks.known {
                if chain.blocks.fee(tx).is_some() && !notes.stolen.contains(txid) {
                    let outputs = tx.output.iter().map(|output| &output.script_pubkey);
                    let change = outputs.filter(|script| !notes.addresses.contains_key(*script));
                    scripts.extend(change.cloned());
                }
            }
            scripts.sort();
            scripts.dedup();
            scripts
        })
    }

    /// Whether an output pays a script.
    pub fn pays(&self, outpoint: OutPoint, script: &ScriptBuf) -> bool {
        self.with(|chain| {
            let vout = usize::try_from(outpoint.vout).expect("small");
            let output =
                (chain.blocks.known.get(&outpoint.txid)).and_then(|tx| tx.output.get(vout));
            output.is_some_and(|output| output.script_pubkey == *script)
        })
    }

    /// Outputs of the best chain that pay a script, and that nothing anybody sent has spent.
    pub fn unspent_of(&self, script: &ScriptBuf) -> Vec<(OutPoint, Sat)> {
        let mut coins = self.paid_to(script);
        self.with(|chain| {
            coins.retain(|(coin, _)| !chain.blocks.known.values().any(|tx| spends(tx, *coin)));
        });
        coins
    }

    /// A transaction that spends this coin, by whoever has the keys.
    pub fn spend(&self, coin: OutPoint, amount: Sat) -> Transaction {
        let elsewhere = ScriptBuf::new_op_return([7; 4]);
        let mut tx = self.payment(&elsewhere, amount, true, None);
        tx.input[0].previous_output = coin;
        tx
    }

    /// Whether the best chain holds a transaction.
    pub fn holds(&self, txid: Txid) -> bool {
        self.with(|chain| chain.blocks.in_a_block(txid))
    }

    /// Whether a transaction could be in the next block.
    pub fn is_possible(&self, txid: Txid) -> bool {
        self.with(|chain| {
            chain.blocks.known.contains_key(&txid) && chain.blocks.unfit(txid).is_none()
        })
    }

    /// What a transaction of ours costs, in satoshi.
    pub fn fee_of(&self, txid: Txid) -> Option<u64> {
        self.with(|chain| chain.blocks.fee(chain.blocks.known.get(&txid)?))
    }

    /// No call is answered while silent.
    pub fn set_silent(&self, silent: bool) {
        self.with(|chain| chain.silent = silent);
    }

    /// Whether it is.
    pub fn is_silent(&self) -> bool {
        self.with(|chain| chain.silent)
    }

    /// Sat per 1,000 virtual bytes, whatever the target.
    pub fn set_fee_rate(&self, sat_per_kvb: u64) {
        self.with(|chain| chain.fee_rate = sat_per_kvb);
    }

    /// From now on everything works.
    pub fn calm_down(&self) {
        self.with(|chain| {
            chain.calm = true;
            chain.silent = false;
            chain.fee_rate = 2_000;
        });
    }
}
