//! The follower against a chain in memory and a real store.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::thread::JoinHandle;

use async_trait::async_trait;
use bitcoin::block::{Header, Version};
use bitcoin::hashes::Hash;
use bitcoin::{
    Amount, Block, BlockHash, CompactTarget, Network, OutPoint, ScriptBuf, Sequence, TxIn,
    TxMerkleNode, TxOut, Witness, absolute, transaction,
};

use super::*;
use crate::domain::ids::StoreId;
use crate::domain::money::Sat;
use crate::domain::till::TillAddress;
use crate::ports::chain::Broadcast;
use crate::store::{till, writer};
use crate::wallet::{Keychain, SpendRequest, TillKind, TillRecord, TxStanding};

const WORDS: &str = "abandon abandon abandon abandon abandon abandon abandon abandon abandon \
                     abandon abandon about";
const TILL: TillId = TillId {
    store: StoreId([7; 32]),
    generation: 0,
};

#[derive(Default)]
struct FakeChain {
    best: Mutex<Vec<Arc<Block>>>,
    mempool: Mutex<BTreeMap<Txid, Arc<Transaction>>>,
    silent: Mutex<bool>,
    fetched: AtomicU64,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no test panics with it")
}

impl FakeChain {
    fn new() -> Arc<Self> {
        let chain = Arc::new(Self::default());
        let genesis = bitcoin::constants::genesis_block(Network::Regtest);
        locked(&chain.best).push(Arc::new(genesis));
        chain
    }

    /// Mines blocks of a fork, the transactions into the first of them.
    fn mine(&self, count: u32, fork: u32, txs: &[&Arc<Transaction>]) {
        let mut best = locked(&self.best);
        let mut txdata: Vec<Transaction> = txs.iter().map(|tx| (***tx).clone()).collect();
        for tx in txs {
            locked(&self.mempool).remove(&tx.compute_txid());
        }
        for _ in 0..count {
            let header = Header {
                version: Version::TWO,
                prev_blockhash: best.last().expect("genesis").block_hash(),
                merkle_root: TxMerkleNode::all_zeros(),
                time: 1_700_000_000,
                bits: CompactTarget::from_consensus(0),
                nonce: fork,
            };
            best.push(Arc::new(Block {
                header,
                txdata: std::mem::take(&mut txdata),
            }));
        }
    }

    fn undo(&self, count: usize) {
        let mut best = locked(&self.best);
        let left = best.len() - count;
        best.truncate(left);
    }

    fn send(&self, tx: &Arc<Transaction>) {
        locked(&self.mempool).insert(tx.compute_txid(), tx.clone());
    }

    fn drop_tx(&self, tx: &Transaction) {
        locked(&self.mempool).remove(&tx.compute_txid());
    }

    fn answer(&self) -> Result<(), ChainUnavailable> {
        if *locked(&self.silent) {
            return Err(ChainUnavailable("silent".to_owned()));
        }
        Ok(())
    }
}

#[async_trait]
impl Chain for FakeChain {
    async fn tip(&self) -> Result<BlockRef, ChainUnavailable> {
        self.answer()?;
        let best = locked(&self.best);
        Ok(BlockRef {
            height: u32::try_from(best.len()).expect("small") - 1,
            hash: best.last().expect("genesis").block_hash(),
        })
    }

    async fn block_hash(&self, height: u32) -> Result<Option<BlockHash>, ChainUnavailable> {
        let best = locked(&self.best);
        let block = best.get(usize::try_from(height).expect("small"));
        Ok(block.map(|block| block.block_hash()))
    }

    async fn block(&self, hash: BlockHash) -> Result<Arc<Block>, ChainUnavailable> {
        self.fetched.fetch_add(1, Ordering::SeqCst);
        let best = locked(&self.best);
        let block = best.iter().find(|block| block.block_hash() == hash);
        block
            .cloned()
            .ok_or_else(|| ChainUnavailable("no such block".to_owned()))
    }

    async fn mempool(&self) -> Result<Vec<Txid>, ChainUnavailable> {
        Ok(locked(&self.mempool).keys().copied().collect())
    }

    async fn mempool_transaction(
        &self,
        txid: Txid,
    ) -> Result<Option<Arc<Transaction>>, ChainUnavailable> {
        self.fetched.fetch_add(1, Ordering::SeqCst);
        Ok(locked(&self.mempool).get(&txid).cloned())
    }

    async fn broadcast(&self, tx: &Transaction) -> Broadcast {
        self.send(&Arc::new(tx.clone()));
        Broadcast::Accepted
    }

    async fn fee_rate(&self, _: u16) -> Result<u64, ChainUnavailable> {
        Ok(1_000)
    }
}

/// Each look at it is a second later.
struct Ticking(AtomicU64);

#[async_trait]
impl Clock for Ticking {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(self.0.fetch_add(1, Ordering::SeqCst))
    }

    async fn sleep_until(&self, at: Timestamp) {
        self.0.fetch_max(at.secs(), Ordering::SeqCst);
    }
}

struct World {
    dir: tempfile::TempDir,
    chain: Arc<FakeChain>,
    store: Store,
    thread: Option<JoinHandle<()>>,
    follower: ChainFollower,
    /// What was observed since the last look.
    touched: Arc<Mutex<Vec<u32>>>,
}

impl World {
    fn new() -> Self {
        let chain = FakeChain::new();
        chain.mine(10, 0, &[]);
        let dir = tempfile::tempdir().expect("a directory");
        Self::start(dir, chain)
    }

    fn start(dir: tempfile::TempDir, chain: Arc<FakeChain>) -> Self {
        let (store, writer) = Store::open(&dir.path().join("tollway.redb")).expect("opens");
        let thread = Some(writer::spawn(writer).expect("a thread"));
        let touched: Arc<Mutex<Vec<u32>>> = Arc::default();
        let observed = touched.clone();
        let follower = ChainFollower::new(
            store.clone(),
            chain.clone(),
            Arc::new(Ticking(AtomicU64::new(1_700_000_000))),
            store.watch(),
            Arc::new(move |_, addresses, _| {
                locked(&observed).extend(addresses.iter().map(|(_, index)| *index));
            }),
            Duration::from_secs(1),
        );
        Self {
            dir,
            chain,
            store,
            thread,
            follower,
            touched,
        }
    }

    /// Ends the process and starts it again on the same file, with the same chain.
    fn restart(mut self) -> Self {
        self.store.close();
        self.thread
            .take()
            .expect("runs")
            .join()
            .expect("ends in order");
        let Self {
            dir,
            chain,
            store,
            follower,
            ..
        } = self;
        drop((store, follower));
        Self::start(dir, chain)
    }

    /// One activation; the addresses it showed.
    async fn look(&mut self) -> Vec<u32> {
        self.follower.activate().await;
        std::mem::take(&mut *locked(&self.touched))
    }

    async fn with<R: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Tx<'_>) -> R + Send + 'static,
    ) -> R {
        self.store.insist("test", job).await.expect("runs")
    }

    async fn open_till(&mut self) -> TillAddress {
        self.look().await;
        let keychain = Keychain::from_mnemonic(WORDS, Network::Regtest).expect("valid");
        let (external, internal) = keychain.descriptors(1);
        let record = TillRecord {
            id: TILL,
            account: 1,
            kind: TillKind::Hot,
            external,
            internal,
            network: Network::Regtest,
            birthday: self.follower.state().known_tip().expect("seen"),
            resting: false,
        };
        self.with(|tx| till::add(tx, record).expect("new")).await;
        self.reveal().await
    }

    async fn reveal(&self) -> TillAddress {
        self.with(|tx| tx.tills_mut().reveal(TILL).expect("open"))
            .await
    }

    async fn coins(&self, index: u32) -> Vec<(u64, u32)> {
        self.with(move |tx| {
            let pictures = tx.tills().pictures(TILL, &[index]);
            (pictures[&index].iter())
                .map(|coin| (coin.amount.0, coin.confirmations))
                .collect()
        })
        .await
    }
}

fn payment(coin: u8, to: &ScriptBuf) -> Arc<Transaction> {
    Arc::new(Transaction {
        version: transaction::Version::TWO,
        lock_time: absolute::LockTime::ZERO,
        input: vec![TxIn {
            previous_output: OutPoint::new(Txid::from_byte_array([coin; 32]), 0),
            script_sig: ScriptBuf::new(),
            sequence: Sequence::ENABLE_RBF_NO_LOCKTIME,
            witness: Witness::new(),
        }],
        output: vec![TxOut {
            value: Amount::from_sat(50_000),
            script_pubkey: to.clone(),
        }],
    })
}

fn foreign() -> ScriptBuf {
    ScriptBuf::new_p2wpkh(&bitcoin::WPubkeyHash::from_byte_array([9; 20]))
}

#[tokio::test]
async fn without_a_till_only_the_tip_is_followed() {
    let mut world = World::new();
    world.chain.send(&payment(1, &foreign()));
    world.look().await;
    let state = world.follower.state();
    assert_eq!(state.known_tip().map(|tip| tip.height), Some(10));
    assert!(state.is_synced());
    assert_eq!(world.chain.fetched.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_payment_is_seen_confirmed_and_grows() {
    let mut world = World::new();
    let address = world.open_till().await;
    let stranger = payment(2, &foreign());
    let tx = payment(1, &address.script);
    world.chain.send(&tx);
    world.chain.send(&stranger);
    assert_eq!(world.look().await, [0]);
    assert_eq!(world.coins(0).await, [(50_000, 0)]);
    let fetched = world.chain.fetched.load(Ordering::SeqCst);
    assert!(world.look().await.is_empty(), "nothing new");
    assert_eq!(
        world.chain.fetched.load(Ordering::SeqCst),
        fetched,
        "each is read once"
    );

    world.chain.mine(1, 0, &[&tx, &stranger]);
    assert_eq!(world.look().await, [0]);
    assert_eq!(world.coins(0).await, [(50_000, 1)]);
    world.chain.mine(70, 0, &[]);
    assert_eq!(world.look().await, [0, 0], "two steps");
    assert_eq!(world.coins(0).await, [(50_000, 71)]);
    assert!(world.follower.state().is_synced());
}

#[tokio::test]
async fn a_payment_that_leaves_the_mempool_is_gone_and_may_come_back() {
    let mut world = World::new();
    let address = world.open_till().await;
    let tx = payment(1, &address.script);
    world.chain.send(&tx);
    world.look().await;
    world.chain.drop_tx(&tx);
    assert_eq!(world.look().await, [0]);
    assert_eq!(world.coins(0).await, []);
    world.chain.send(&tx);
    assert_eq!(world.look().await, [0]);
    assert_eq!(world.coins(0).await, [(50_000, 0)]);
}

#[tokio::test]
async fn a_replacement_is_one_change() {
    let mut world = World::new();
    let address = world.open_till().await;
    let tx = payment(1, &address.script);
    let mut bumped = (*tx).clone();
    bumped.output[0].value = Amount::from_sat(49_000);
    world.chain.send(&tx);
    world.look().await;
    world.chain.drop_tx(&tx);
    world.chain.send(&Arc::new(bumped));
    assert_eq!(world.look().await, [0], "shown once");
    assert_eq!(world.coins(0).await, [(49_000, 0)]);
}

#[tokio::test]
async fn a_reorganisation_sends_a_payment_back_and_a_double_spend_ends_it() {
    let mut world = World::new();
    let address = world.open_till().await;
    let tx = payment(1, &address.script);
    world.chain.mine(3, 0, &[&tx]);
    world.look().await;
    assert_eq!(world.coins(0).await, [(50_000, 3)]);

    world.chain.undo(3);
    world.chain.send(&tx);
    world.chain.mine(4, 1, &[]);
    world.look().await;
    assert_eq!(world.coins(0).await, [(50_000, 0)]);

    // Another branch, in which its coins went elsewhere: the mempool can't hold it any more.
    world.chain.undo(2);
    world.chain.drop_tx(&tx);
    world.chain.mine(3, 2, &[&payment(1, &foreign())]);
    assert_eq!(world.look().await, [0]);
    assert_eq!(world.coins(0).await, []);
}

#[tokio::test]
async fn a_confirmed_payment_that_a_reorganisation_drops_for_good_is_gone() {
    let mut world = World::new();
    let address = world.open_till().await;
    let tx = payment(1, &address.script);
    world.chain.mine(1, 0, &[&tx]);
    world.look().await;
    world.chain.undo(1);
    world.chain.mine(2, 1, &[&payment(1, &foreign())]);
    world.look().await;
    assert_eq!(world.coins(0).await, []);
}

#[tokio::test]
async fn a_reorganisation_below_the_first_block_known_is_survived() {
    let mut world = World::new();
    let address = world.open_till().await;
    world.chain.undo(5);
    let tx = payment(1, &address.script);
    world.chain.mine(6, 1, &[&tx]);
    assert_eq!(world.look().await, [0]);
    assert_eq!(world.coins(0).await, [(50_000, 6)]);
    assert!(world.follower.state().is_synced());
}

#[tokio::test]
async fn a_restart_finds_what_happened_meanwhile() {
    let mut world = World::new();
    let first = world.open_till().await;
    let second = world.reveal().await;
    let third = world.reveal().await;
    let (stays, leaves) = (payment(1, &first.script), payment(2, &second.script));
    world.chain.send(&stays);
    world.chain.send(&leaves);
    world.look().await;
    world.chain.mine(1, 0, &[]);
    world.look().await;

    let mut world = world.restart();
    world.chain.drop_tx(&leaves);
    world.chain.undo(1);
    let mined = payment(3, &third.script);
    world.chain.mine(2, 1, &[&mined]);
    let mut shown = world.look().await;
    shown.sort_unstable();
    shown.dedup();
    assert_eq!(shown, [0, 1, 2]);
    assert_eq!(world.coins(0).await, [(50_000, 0)]);
    assert_eq!(world.coins(1).await, []);
    assert_eq!(world.coins(2).await, [(50_000, 2)]);
    let again = world.reveal().await;
    assert_eq!(again.index, 3, "P12");
}

#[tokio::test]
async fn a_spend_never_sent_is_not_evicted() {
    let mut world = World::new();
    let address = world.open_till().await;
    world.chain.mine(1, 0, &[&payment(1, &address.script)]);
    world.look().await;
    let spend = world
        .with(|tx| {
            let keychain = Keychain::from_mnemonic(WORDS, Network::Regtest).expect("valid");
            let request = SpendRequest {
                till: TILL,
                recipients: vec![(foreign(), Sat(10_000))],
                fee_rate_sat_per_kvb: 1_000,
                unsure: std::collections::BTreeSet::new(),
                seed: [1; 32],
                now: Timestamp::from_secs(1_700_000_000),
                wishes: crate::wallet::Wishes::default(),
            };
            tx.tills_mut().build(&keychain, &request).expect("enough")
        })
        .await;
    let left = Sat(40_000 - spend.fee.0);
    let txid = spend.tx.compute_txid();
    let check = async |world: &World, standing: TxStanding| {
        let (now, balance) = world
            .with(move |tx| (tx.tills().standing(TILL, txid), tx.tills().balance(TILL)))
            .await;
        assert_eq!(now, standing);
        assert_eq!(balance.spendable, left);
    };
    world.look().await;
    check(&world, TxStanding::Unseen).await;
    let mut world = world.restart();
    world.look().await;
    check(&world, TxStanding::Unseen).await;

    assert_eq!(world.chain.broadcast(&spend.tx).await, Broadcast::Accepted);
    world.look().await;
    check(&world, TxStanding::Mempool).await;
    world.chain.mine(2, 0, &[&Arc::new(spend.tx.clone())]);
    world.look().await;
    check(&world, TxStanding::Confirmed { confirmations: 2 }).await;
}

#[tokio::test]
async fn silence_is_a_state_and_passes() {
    let mut world = World::new();
    let address = world.open_till().await;
    *locked(&world.chain.silent) = true;
    world.look().await;
    let state = world.follower.state();
    assert!(!state.is_reachable() && !state.is_synced());
    assert!(state.error().is_some());
    world.chain.mine(1, 0, &[&payment(1, &address.script)]);
    *locked(&world.chain.silent) = false;
    assert_eq!(world.look().await, [0]);
    assert!(state.is_reachable() && state.is_synced());
    assert_eq!(state.error(), None);
}
