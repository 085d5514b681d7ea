//! The chain follower: walks the best chain and the mempool and tells the tills what concerns them.
//!
//! It filters with the watch list before it asks the writer for anything: what is nobody's never gets there.
//! A block is a step that is committed with the place it leads to; the mempool is compared with what was there
//! before. A transaction of ours that was never seen in the mempool can't be missed there.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use bitcoin::{Transaction, Txid};
use futures::stream::{self, StreamExt, TryStreamExt};
use tracing::{info, warn};

use crate::domain::till::TillId;
use crate::domain::time::Timestamp;
use crate::ports::chain::{BlockRef, Chain, ChainUnavailable};
use crate::ports::clock::Clock;
use crate::service::deposits;
use crate::service::follower_state::FollowerState;
use crate::store::{self, Store, Tx};
use crate::wallet::{Anchored, Found, Sighting, Trail, TxStanding, WatchList};

/// Blocks in one job of the writer: a catch-up after days is cut into steps of these.
const BLOCKS_PER_STEP: u32 = 50;

/// Mempool transactions held at a time while they are looked through.
const MEMPOOL_BATCH: usize = 500;

/// Requests for mempool transactions in flight.
const MEMPOOL_REQUESTS: usize = 16;

/// If nothing of the trail is of the best chain any more, its start was reorganised away: go back this far from it.
const BELOW_START: u32 = 144;

/// Give up for this time when the chain moved away under our hands so often.
const FRUITLESS_STEPS: usize = 3;

/// How old a fee rate that is shown may be.
const FEES_SECS: u64 = 60;

/// When to try again while the chain source doesn't answer.
const RETRY_SECS: u64 = 1;

/// Shows the addresses that a sighting touched to whoever has open business with them, in the sighting's own job.
pub type Observe = Arc<dyn Fn(&mut Tx<'_>, &[(TillId, u32)], Timestamp) + Send + Sync>;

/// Follows the chain for the tills.
pub struct ChainFollower {
    store: Store,
    chain: Arc<dyn Chain>,
    clock: Arc<dyn Clock>,
    watch: Arc<WatchList>,
    observe: Observe,
    poll: Duration,
    state: Arc<FollowerState>,
    /// The blocks the tills have seen; none before there is a till.
    trail: Option<Trail>,
    /// What the mempool held at the last look, and whether it is ours.
    mempool: HashMap<Txid, bool>,
    /// Payments the tills believe unconfirmed; to be found in the mempool, or gone.
    pending: BTreeSet<Txid>,
    /// When fee rates were looked up, and for how many targets.
    fees: Option<(Timestamp, usize)>,
}

enum Stop {
    Chain(ChainUnavailable),
    StoreClosed,
}

impl From<ChainUnavailable> for Stop {
    fn from(error: ChainUnavailable) -> Self {
        Self::Chain(error)
    }
}

impl ChainFollower {
    /// A follower that has not looked yet. `poll` is how often to look.
    pub fn new(
        store: Store,
        chain: Arc<dyn Chain>,
        clock: Arc<dyn Clock>,
        watch: Arc<WatchList>,
        observe: Observe,
        poll: Duration,
    ) -> Self {
        Self {
            store,
            chain,
            clock,
            watch,
            observe,
            poll,
            state: Arc::default(),
            trail: None,
            mempool: HashMap::new(),
            pending: BTreeSet::new(),
            fees: None,
        }
    }

    /// What it knows, for pages, health, and new tills.
    pub fn state(&self) -> Arc<FollowerState> {
        self.state.clone()
    }

    /// Looks once, takes in all that is new, and says when to look again.
    pub async fn activate(&mut self) -> Timestamp {
        match self.follow().await {
            Ok(()) => {
                if let Some(before) = self.state.answered() {
                    info!("the chain source answers again, after: {before}");
                }
                self.ask_for_fees().await;
            }
            Err(Stop::Chain(error)) => {
                if self.state.failed(&error.0) {
                    warn!("{error}");
                }
                return self.clock.now().plus_secs(RETRY_SECS);
            }
            // The process ends: what wasn't committed is found again after the next start.
            Err(Stop::StoreClosed) => {}
        }
        let poll = u64::try_from(self.poll.as_millis()).unwrap_or(u64::MAX);
        Timestamp(self.clock.now().0.saturating_add(poll))
    }

    /// Fee rates are shown to payers: those that somebody asked for are looked up once a minute.
    async fn ask_for_fees(&mut self) {
        let (now, targets) = (self.clock.now(), self.state.fee_targets());
        let asked = self.fees.is_some_and(|(at, count)| {
            count == targets.len() && !now.is_past(at, FEES_SECS * 1_000)
        });
        if asked {
            return;
        }
        self.fees = Some((now, targets.len()));
        for target in targets {
            let rate = self.chain.fee_rate(target).await.ok();
            self.state.saw_fee_rate(target, rate);
        }
    }

    async fn follow(&mut self) -> Result<(), Stop> {
        if self.watch.is_empty() {
            let tip = self.chain.tip().await?;
            self.state.saw_tip(tip);
            self.state.synced_to(tip.height);
            return Ok(());
        }
        if self.trail.is_none() {
            let resume = |tx: &mut Tx<'_>| (tx.tills().trail().clone(), unsure(tx));
            let resumed = self.store.insist("chain-resume", resume).await;
            let (trail, pending) = resumed.map_err(|_| Stop::StoreClosed)?;
            self.trail = Some(trail);
            self.pending = pending;
        }
        loop {
            self.follow_blocks().await?;
            let held = self.chain.mempool().await?;
            // Whatever a block took out of the mempool is not gone: its block comes first.
            let tip = self.chain.tip().await?;
            if self.has(tip) {
                self.follow_mempool(held).await?;
                self.state.saw_mempool();
                return Ok(());
            }
        }
    }

    fn has(&self, block: BlockRef) -> bool {
        self.trail.as_ref().is_some_and(|trail| trail.has(block))
    }

    /// Steps to the tip of the best chain. A tip that is a block we passed is no news: a shorter chain with nothing
    /// else on it is not a better one.
    async fn follow_blocks(&mut self) -> Result<(), Stop> {
        for _ in 0..FRUITLESS_STEPS {
            loop {
                let tip = self.chain.tip().await?;
                self.state.saw_tip(tip);
                if self.has(tip) {
                    self.state.synced_to(tip.height);
                    return Ok(());
                }
                let base = self.agreed_base(tip).await?;
                let step = self.step(base, tip).await?;
                // Nothing read: the chain moved under our hands. See where it is now.
                if step.blocks.len() < 2 {
                    break;
                }
                self.take_step(step).await?;
            }
        }
        Err(ChainUnavailable("its chain keeps changing".to_owned()).into())
    }

    /// The newest block of the trail that is of the best chain.
    async fn agreed_base(&self, tip: BlockRef) -> Result<BlockRef, Stop> {
        let trail = self.trail.as_ref().into_iter().flat_map(Trail::downwards);
        let mut lowest = tip.height;
        for known in trail {
            lowest = known.height;
            if known.height <= tip.height
                && self.chain.block_hash(known.height).await? == Some(known.hash)
            {
                return Ok(known);
            }
        }
        let seen = self.trail.as_ref().and_then(Trail::tip);
        if seen.is_some_and(|seen| seen.height.saturating_sub(lowest) >= BELOW_START) {
            let why =
                "it is on another chain: none of the blocks that the wallets have seen is on it";
            return Err(ChainUnavailable(why.to_owned()).into());
        }
        let height = lowest.min(tip.height).saturating_sub(BELOW_START);
        let hash = self.chain.block_hash(height).await?;
        let hash = hash.ok_or_else(|| ChainUnavailable("its chain shrank".to_owned()))?;
        Ok(BlockRef { height, hash })
    }

    /// Reads blocks above the base until the tip, or as many as one step may have.
    async fn step(&self, base: BlockRef, tip: BlockRef) -> Result<Sighting, Stop> {
        let mut step = Sighting {
            blocks: vec![base],
            ..Sighting::default()
        };
        let last = tip.height.min(base.height.saturating_add(BLOCKS_PER_STEP));
        let mut below = base;
        let mut found = Found::default();
        for height in base.height.saturating_add(1)..=last {
            let Some(hash) = self.chain.block_hash(height).await? else {
                break;
            };
            let block = self.chain.block(hash).await?;
            if block.header.prev_blockhash != below.hash {
                break;
            }
            let at = BlockRef { height, hash };
            let time_secs = u64::from(block.header.time);
            let ours = self.watch.select_after(&mut found, &block.txdata);
            step.anchored.extend(ours.into_iter().map(|tx| Anchored {
                tx: Arc::new(tx.clone()),
                block: at,
                time_secs,
            }));
            step.blocks.push(at);
            below = at;
        }
        Ok(step)
    }

    async fn take_step(&mut self, step: Sighting) -> Result<(), Stop> {
        let old_tip = self.trail.as_ref().and_then(Trail::tip);
        let reorganised = step.blocks.first().copied() != old_tip;
        if let (true, Some(old)) = (reorganised, old_tip) {
            let base = step.blocks.first().map_or(0, |base| base.height);
            warn!(
                "the chain was reorganised above height {base}, block {} at {} is gone",
                old.hash, old.height
            );
        }
        let blocks = step.blocks.clone();
        let anchored: Vec<Txid> = (step.anchored.iter())
            .map(|anchored| anchored.tx.compute_txid())
            .collect();
        self.tell(step, reorganised).await?;
        for txid in anchored {
            self.mempool.remove(&txid);
            self.pending.remove(&txid);
        }
        if let Some(trail) = &mut self.trail {
            trail.follow(&blocks);
        }
        if let Some(tip) = blocks.last() {
            self.state.synced_to(tip.height);
        }
        Ok(())
    }

    /// Compares the mempool with the last look at it.
    async fn follow_mempool(&mut self, held: Vec<Txid>) -> Result<(), Stop> {
        let present: HashSet<Txid> = held.iter().copied().collect();
        let now = self.clock.now().secs();
        let ours = (self.mempool.iter()).filter(|(_, ours)| **ours);
        let gone: BTreeSet<Txid> = (ours.map(|(txid, _)| txid))
            .chain(&self.pending)
            .filter(|txid| !present.contains(*txid))
            .copied()
            .collect();
        let fresh: Vec<Txid> = (held.into_iter())
            .filter(|txid| !self.mempool.contains_key(txid))
            .collect();

        // What left goes with the first of what came: a replacement is one change, not a loss and a gain.
        let evicted = gone.into_iter().map(|txid| (txid, now)).collect();
        let (first, rest) = fresh.split_at(fresh.len().min(MEMPOOL_BATCH));
        self.look_at(first, evicted, now).await?;
        self.pending.clear();
        self.mempool.retain(|txid, _| present.contains(txid));
        for batch in rest.chunks(MEMPOOL_BATCH) {
            self.look_at(batch, Vec::new(), now).await?;
        }
        Ok(())
    }

    /// Reads transactions that are new in the mempool, and tells of ours among them and of those evicted.
    async fn look_at(
        &mut self,
        batch: &[Txid],
        evicted: Vec<(Txid, u64)>,
        now: u64,
    ) -> Result<(), Stop> {
        let found: Vec<Option<Arc<Transaction>>> = stream::iter(batch.to_vec())
            .map(|txid| self.chain.mempool_transaction(txid))
            .buffered(MEMPOOL_REQUESTS)
            .try_collect()
            .await?;
        // One that has left meanwhile is not remembered: should it come back, it is new.
        let found: Vec<Arc<Transaction>> = found.into_iter().flatten().collect();
        let seen: Vec<_> = (self.watch.select(&found).into_iter())
            .map(|tx| (tx.clone(), now))
            .collect();
        let ours: HashSet<Txid> = seen.iter().map(|(tx, _)| tx.compute_txid()).collect();
        let news = Sighting {
            seen,
            evicted,
            ..Sighting::default()
        };
        if !news.is_empty() {
            self.tell(news, false).await?;
        }
        for tx in found {
            let txid = tx.compute_txid();
            self.mempool.insert(txid, ours.contains(&txid));
        }
        Ok(())
    }

    /// One job: the tills take it in, and whoever waits for money sees the addresses it touched.
    async fn tell(&mut self, sighting: Sighting, reorganised: bool) -> Result<(), Stop> {
        let observe = self.observe.clone();
        let now = self.clock.now();
        let told = self
            .store
            .insist("chain-sighting", move |tx| {
                deposits::observe(tx, &sighting, now);
                let touched = tx.tills_mut().apply(&sighting);
                // Also without an address of ours: a payout's own transaction may be in this block.
                observe(tx, &touched, now);
                reorganised.then(|| unsure(tx))
            })
            .await;
        if let Some(pending) = told.map_err(|_| Stop::StoreClosed)? {
            self.pending.extend(pending);
        }
        Ok(())
    }
}

/// What the mempool should hold if it is still to come: payments to us and to the node, and spends of our coins that
/// were not made here (P9), whose bytes are not ours to send again.
fn unsure(tx: &Tx<'_>) -> BTreeSet<Txid> {
    let mut unsure = tx.tills().pending();
    unsure.extend(store::deposit::pending(tx));
    for (_, spend) in store::hold::all(tx) {
        match tx.tills().standing(spend.till, spend.txid) {
            TxStanding::Confirmed { .. } => {}
            TxStanding::Mempool | TxStanding::Unseen => {
                unsure.insert(spend.txid);
            }
        }
    }
    unsure
}

#[cfg(test)]
mod tests;
