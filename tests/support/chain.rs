//! A chain and a mempool in memory.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bitcoin::block::{Header, Version};
use bitcoin::hashes::Hash;
use bitcoin::{
    Amount, Block, BlockHash, CompactTarget, Network, OutPoint, ScriptBuf, Sequence, Transaction,
    TxIn, TxMerkleNode, TxOut, Txid, Witness, absolute, transaction,
};
use tollway::domain::money::Sat;
use tollway::ports::chain::{BlockRef, Broadcast, Chain, ChainUnavailable};

use super::locked;

/// What the next broadcasts come to.
#[derive(Clone, Debug)]
pub enum OnBroadcast {
    /// It is refused, with this reason.
    Refuse(String),
    /// No answer; `arrives` says whether the transaction is out nevertheless.
    Doubt {
        /// The mempool has it.
        arrives: bool,
    },
}

/// A chain that a test drives.
pub struct FakeChain(Mutex<Inner>);

struct Inner {
    best: Vec<Arc<Block>>,
    mempool: BTreeMap<Txid, Arc<Transaction>>,
    /// Tells blocks of different branches and coins of strangers apart.
    counter: u32,
    silent: bool,
    /// Blocks up to this height are thrown away.
    pruned_to: u32,
    fee_rate: u64,
    script: VecDeque<OnBroadcast>,
    broadcasts: Vec<Transaction>,
}

impl Inner {
    fn append(&mut self, txdata: Vec<Transaction>) {
        let below = self.best.last().expect("genesis");
        self.counter += 1;
        let header = Header {
            version: Version::TWO,
            prev_blockhash: below.block_hash(),
            merkle_root: TxMerkleNode::all_zeros(),
            time: below.header.time + 600,
            bits: CompactTarget::from_consensus(0),
            nonce: self.counter,
        };
        self.best.push(Arc::new(Block { header, txdata }));
    }

    /// Into the mempool; whatever spends the same coins makes way.
    fn admit(&mut self, tx: &Transaction) {
        self.mempool.retain(|_, other| !conflict(other, tx));
        self.mempool.insert(tx.compute_txid(), Arc::new(tx.clone()));
    }

    fn in_a_block(&self, txid: Txid) -> bool {
        (self.best.iter()).any(|block| block.txdata.iter().any(|tx| tx.compute_txid() == txid))
    }
}

fn conflict(one: &Transaction, other: &Transaction) -> bool {
    one.input.iter().any(|input| {
        let coin = input.previous_output;
        other
            .input
            .iter()
            .any(|spent| spent.previous_output == coin)
    })
}

impl Default for FakeChain {
    fn default() -> Self {
        Self(Mutex::new(Inner {
            best: vec![Arc::new(bitcoin::constants::genesis_block(
                Network::Regtest,
            ))],
            mempool: BTreeMap::new(),
            counter: 0,
            silent: false,
            pruned_to: 0,
            fee_rate: 2_000,
            script: VecDeque::new(),
            broadcasts: Vec::new(),
        }))
    }
}

impl FakeChain {
    /// A stranger's transaction that pays a script, not yet sent anywhere. Each spends a coin of its own.
    pub fn payment(&self, to: &ScriptBuf, amount: Sat, replaceable: bool) -> Transaction {
        let mut chain = locked(&self.0);
        chain.counter += 1;
        let mut coin = [0xc0; 32];
        coin[..4].copy_from_slice(&chain.counter.to_be_bytes());
        Transaction {
            version: transaction::Version::TWO,
            lock_time: absolute::LockTime::ZERO,
            input: vec![TxIn {
                previous_output: OutPoint::new(Txid::from_byte_array(coin), 0),
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
    }

    /// Puts a transaction into the mempool; what spends the same coins is replaced.
    pub fn send(&self, tx: &Transaction) {
        locked(&self.0).admit(tx);
    }

    /// A stranger pays a script: made and sent.
    pub fn pay(&self, to: &ScriptBuf, amount: Sat) -> Transaction {
        let tx = self.payment(to, amount, false);
        self.send(&tx);
        tx
    }

    /// Drops a transaction from the mempool.
    pub fn evict(&self, txid: Txid) {
        locked(&self.0)
            .mempool
            .remove(&txid)
            .expect("it is in the mempool");
    }

    /// Mines so many blocks, the whole mempool into the first.
    pub fn mine(&self, count: u32) {
        let mut chain = locked(&self.0);
        for _ in 0..count {
            let txs = std::mem::take(&mut chain.mempool);
            let txdata = txs.into_values().map(|tx| (*tx).clone()).collect();
            chain.append(txdata);
        }
    }

    /// Mines so many blocks with nothing in them.
    pub fn mine_empty(&self, count: u32) {
        let mut chain = locked(&self.0);
        for _ in 0..count {
            chain.append(Vec::new());
        }
    }

    /// Mines one block with just these; what spends their coins leaves the mempool.
    pub fn mine_only(&self, txs: &[Transaction]) {
        let mut chain = locked(&self.0);
        for tx in txs {
            chain.mempool.retain(|_, other| !conflict(other, tx));
        }
        chain.append(txs.to_vec());
    }

    /// Replaces the last `depth` blocks by one more empty ones. What was in them is in the mempool again.
    pub fn reorg(&self, depth: u32) {
        let mut chain = locked(&self.0);
        for _ in 0..depth {
            let undone = chain.best.pop().expect("not below genesis");
            for tx in &undone.txdata {
                chain.admit(tx);
            }
        }
        for _ in 0..=depth {
            chain.append(Vec::new());
        }
    }

    /// The height of the tip.
    pub fn height(&self) -> u32 {
        u32::try_from(locked(&self.0).best.len()).expect("small") - 1
    }

    /// What the mempool holds.
    pub fn mempool_now(&self) -> Vec<Transaction> {
        let chain = locked(&self.0);
        chain.mempool.values().map(|tx| (**tx).clone()).collect()
    }

    /// No call is answered while silent.
    pub fn set_silent(&self, silent: bool) {
        locked(&self.0).silent = silent;
    }

    /// Blocks up to this height can't be had any more.
    pub fn set_pruned_to(&self, height: u32) {
        locked(&self.0).pruned_to = height;
    }

    /// Another chain of this height from the genesis block on takes the place of the best one, which is given back.
    pub fn swap(&self, height: u32) -> Vec<Arc<Block>> {
        let mut chain = locked(&self.0);
        let genesis = chain.best[0].clone();
        let ours = std::mem::replace(&mut chain.best, vec![genesis]);
        for _ in 0..height {
            chain.append(Vec::new());
        }
        ours
    }

    /// The chain that was the best one is it again.
    pub fn swap_back(&self, blocks: Vec<Arc<Block>>) {
        locked(&self.0).best = blocks;
    }

    /// Sat per 1,000 virtual bytes, whatever the target.
    pub fn set_fee_rate(&self, sat_per_kvb: u64) {
        locked(&self.0).fee_rate = sat_per_kvb;
    }

    /// What the next broadcast comes to; each is used once, then broadcasts are accepted again.
    pub fn on_broadcast(&self, outcome: OnBroadcast) {
        locked(&self.0).script.push_back(outcome);
    }

    /// Everything ever handed over, in order.
    pub fn broadcasts(&self) -> Vec<Transaction> {
        locked(&self.0).broadcasts.clone()
    }

    fn answering<T>(&self, look: impl FnOnce(&Inner) -> T) -> Result<T, ChainUnavailable> {
        let chain = locked(&self.0);
        if chain.silent {
            return Err(ChainUnavailable("silent".to_owned()));
        }
        Ok(look(&chain))
    }
}

#[async_trait]
impl Chain for FakeChain {
    async fn tip(&self) -> Result<BlockRef, ChainUnavailable> {
        self.answering(|chain| BlockRef {
            height: u32::try_from(chain.best.len()).expect("small") - 1,
            hash: chain.best.last().expect("genesis").block_hash(),
        })
    }

    async fn block_hash(&self, height: u32) -> Result<Option<BlockHash>, ChainUnavailable> {
        let at = usize::try_from(height).expect("small");
        self.answering(|chain| chain.best.get(at).map(|block| block.block_hash()))
    }

    async fn block(&self, hash: BlockHash) -> Result<Arc<Block>, ChainUnavailable> {
        let (found, pruned) = self.answering(|chain| {
            let mut blocks = (0..).zip(&chain.best);
            let found = blocks.find(|(_, block)| block.block_hash() == hash);
            let pruned = found.is_some_and(|(height, _)| height <= chain.pruned_to);
            (
                found.map(|(_, block)| block.clone()),
                pruned && chain.pruned_to > 0,
            )
        })?;
        if pruned {
            return Err(ChainUnavailable("it has pruned that block".to_owned()));
        }
        found.ok_or_else(|| ChainUnavailable("no such block".to_owned()))
    }

    async fn mempool(&self) -> Result<Vec<Txid>, ChainUnavailable> {
        self.answering(|chain| chain.mempool.keys().copied().collect())
    }

    async fn mempool_transaction(
        &self,
        txid: Txid,
    ) -> Result<Option<Arc<Transaction>>, ChainUnavailable> {
        self.answering(|chain| chain.mempool.get(&txid).cloned())
    }

    async fn broadcast(&self, tx: &Transaction) -> Broadcast {
        let mut chain = locked(&self.0);
        chain.broadcasts.push(tx.clone());
        if chain.silent {
            return Broadcast::Doubtful("silent".to_owned());
        }
        match chain.script.pop_front() {
            None if chain.in_a_block(tx.compute_txid()) => Broadcast::Accepted,
            None => {
                chain.admit(tx);
                Broadcast::Accepted
            }
            Some(OnBroadcast::Refuse(why)) => Broadcast::Refused(why),
            Some(OnBroadcast::Doubt { arrives }) => {
                if arrives {
                    chain.admit(tx);
                }
                Broadcast::Doubtful("the answer was lost".to_owned())
            }
        }
    }

    async fn fee_rate(&self, _: u16) -> Result<u64, ChainUnavailable> {
        self.answering(|chain| chain.fee_rate)
    }
}
