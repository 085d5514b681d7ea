//! One till: a bdk wallet with public descriptors, and what it needs beside.
//!
//! Its own chain holds only blocks with transactions of its own, so a block without any costs it nothing.
//! Depth is counted from the tip of the common trail.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use bdk_wallet::chain::{
    BlockId, CanonicalizationParams, ChainPosition, CheckPoint, ConfirmationBlockTime,
    DescriptorExt, FullTxOut, Indexer, Merge, TxUpdate,
};
use bdk_wallet::{AddressInfo, ChangeSet, KeychainKind, Update, Wallet};
use bitcoin::hashes::Hash;
use bitcoin::{BlockHash, OutPoint, Script, ScriptBuf, Transaction, Txid};

use super::change::{self, Chains};
use super::descriptor;
use super::import;
use super::record::TillRecord;
use super::sighting::Sighting;
use super::watch::WatchList;
use crate::domain::till::{AddressKind, TillAddress};

/// An address is shown again with each block until its coins are this deep.
const YOUNG_CONFIRMATIONS: u32 = 100;

pub(super) struct Till {
    pub(super) record: TillRecord,
    pub(super) wallet: Wallet,
    chains: Chains,
    next_change: u64,
    /// Addresses with coins in young blocks, and the height of the newest such block.
    young: BTreeMap<u32, u32>,
    /// Outputs on change addresses that others made, as far as known.
    pub(super) gifts: BTreeSet<OutPoint>,
    /// How many scripts of each chain the watch list has.
    watched: BTreeMap<KeychainKind, u32>,
    /// Change addresses far ahead, by index, as far as they were looked at.
    far: RefCell<Vec<ScriptBuf>>,
}

/// How many change addresses after the next one count as the till's own. Coins on those that it does not watch yet
/// would be found in it one day, after the books have let them go (P11).
const FAR_AHEAD: u32 = 225;

impl Till {
    pub(super) fn create(record: TillRecord, watch: &WatchList) -> Result<Self, String> {
        let failed = |why: String| format!("till {}: {why}", record.id);
        let external = descriptor::parse(&record.external).map_err(failed)?;
        let internal = descriptor::parse(&record.internal).map_err(failed)?;
        let wallet = Wallet::create(external, internal)
            .network(record.network)
            .use_spk_cache(true)
            .create_wallet_no_persist()
            .map_err(|e| failed(e.to_string()))?;
        let mut till = Self::around(record, wallet, 0);
        till.watch_more(watch, std::iter::empty());
        Ok(till)
    }

    pub(super) fn restore(
        record: TillRecord,
        change_sets: &[Vec<u8>],
        tip: u32,
        watch: &WatchList,
    ) -> Result<Self, String> {
        let failed = |why: String| format!("till {}: {why}", record.id);
        let external = descriptor::parse(&record.external).map_err(failed)?;
        let internal = descriptor::parse(&record.internal).map_err(failed)?;
        let chains = Chains::from([
            (KeychainKind::External, external.descriptor_id()),
            (KeychainKind::Internal, internal.descriptor_id()),
        ]);
        let mut merged = ChangeSet {
            descriptor: Some(external),
            change_descriptor: Some(internal),
            network: Some(record.network),
            ..ChangeSet::default()
        };
        for change_set in change_sets {
            merged.merge(change::decode(change_set, &chains).map_err(failed)?);
        }
        let wallet = Wallet::load()
            .use_spk_cache(true)
            .load_wallet_no_persist(merged)
            .map_err(|e| failed(e.to_string()))?
            .ok_or_else(|| failed("it has no change sets".to_owned()))?;
        let rows = u64::try_from(change_sets.len()).unwrap_or(u64::MAX);
        let mut till = Self::around(record, wallet, rows);
        till.find_young(tip);
        till.find_gifts();
        let outpoints: Vec<_> = till.outpoints().collect();
        till.watch_more(watch, outpoints.into_iter());
        Ok(till)
    }

    fn around(record: TillRecord, wallet: Wallet, next_change: u64) -> Self {
        let chains = wallet
            .keychains()
            .map(|(keychain, descriptor)| (keychain, descriptor.descriptor_id()))
            .collect();
        Self {
            record,
            wallet,
            chains,
            next_change,
            young: BTreeMap::new(),
            gifts: BTreeSet::new(),
            watched: BTreeMap::new(),
            far: RefCell::new(Vec::new()),
        }
    }

    /// Which kind of addresses it has.
    pub(super) fn addresses(&self) -> AddressKind {
        import::addresses_of(&self.record.external)
    }

    /// What changed since the last call, as a row.
    pub(super) fn take_change(&mut self) -> Option<(Vec<u8>, Vec<u8>)> {
        let change = self.wallet.take_staged()?;
        let mut key = self.record.id.to_key().to_vec();
        key.extend_from_slice(&self.next_change.to_be_bytes());
        self.next_change += 1;
        Some((key, change::encode(&change, &self.chains)))
    }

    pub(super) fn reveal(&mut self, watch: &WatchList) -> TillAddress {
        let revealed = self.wallet.reveal_next_address(KeychainKind::External);
        self.watch_more(watch, std::iter::empty());
        self.place(&revealed)
    }

    pub(super) fn address(&self, index: u32) -> TillAddress {
        self.place(&self.wallet.peek_address(KeychainKind::External, index))
    }

    pub(super) fn change_address(&self, index: u32) -> TillAddress {
        self.place(&self.wallet.peek_address(KeychainKind::Internal, index))
    }

    /// Whether a script is a change address, be it one that comes much later.
    pub(super) fn will_own(&self, script: &Script) -> bool {
        let next = self.wallet.next_derivation_index(KeychainKind::Internal);
        let mut far = self.far.borrow_mut();
        for index in far.len().. {
            match u32::try_from(index) {
                Ok(index) if index < next.saturating_add(FAR_AHEAD) => {
                    let address = self.wallet.peek_address(KeychainKind::Internal, index);
                    far.push(address.script_pubkey());
                }
                Ok(_) | Err(_) => break,
            }
        }
        far.iter().any(|known| known.as_script() == script)
    }

    fn place(&self, info: &AddressInfo) -> TillAddress {
        TillAddress {
            till: self.record.id,
            index: info.index,
            script: info.address.script_pubkey(),
            address: info.address.to_string(),
        }
    }

    pub(super) fn index_of(&self, script: &Script) -> Option<(KeychainKind, u32)> {
        self.wallet.derivation_of_spk(script.to_owned())
    }

    /// Takes what is its own of a sighting, which `replaces` blocks seen before or not. Answers with the external addresses whose picture may have changed.
    pub(super) fn apply(
        &mut self,
        sighting: &Sighting,
        replaces: bool,
        tip: u32,
        watch: &WatchList,
    ) -> BTreeSet<u32> {
        let mine = self.relevant(sighting);
        let forked = self.first_fork(sighting, replaces);
        let mut touched = BTreeSet::new();
        if !mine.is_empty() || forked.is_some() {
            touched.extend(self.take_in(sighting, &mine, forked));
            let made = self.outpoints_of(&mine);
            self.watch_more(watch, made.into_iter());
        }
        if forked.is_some() {
            touched.extend(self.outpoints_external().map(|(index, _)| index));
            self.find_young(tip);
        }
        if !sighting.blocks.is_empty() {
            touched.extend(self.young.keys());
            self.young
                .retain(|_, height| confirmations(*height, tip) < YOUNG_CONFIRMATIONS);
        }
        touched
    }

    /// Transactions of the sighting that pay or spend from this till, or that it knows.
    fn relevant(&self, sighting: &Sighting) -> HashSet<Txid> {
        let arrived = || {
            let anchored = sighting.anchored.iter().map(|anchored| &anchored.tx);
            anchored.chain(sighting.seen.iter().map(|(tx, _)| tx))
        };
        let mut mine = HashSet::new();
        // An output made in this very sighting may be spent in it too.
        let mut made = HashSet::new();
        for tx in arrived() {
            if self.wallet.spk_index().is_tx_relevant(tx) {
                let txid = tx.compute_txid();
                let outputs = (0..).zip(&tx.output);
                let ours =
                    outputs.filter(|(_, output)| self.index_of(&output.script_pubkey).is_some());
                made.extend(ours.map(|(vout, _)| OutPoint::new(txid, vout)));
                mine.insert(txid);
            }
        }
        let spends =
            |tx: &Transaction| (tx.input.iter()).any(|input| made.contains(&input.previous_output));
        mine.extend(
            arrived()
                .filter(|tx| spends(tx))
                .map(|tx| tx.compute_txid()),
        );
        let known = |txid: &Txid| self.wallet.tx_graph().get_tx(*txid).is_some();
        mine.extend(
            (sighting.evicted.iter())
                .map(|(txid, _)| *txid)
                .filter(known),
        );
        mine
    }

    /// Transactions that came with the sighting and spend coins of this till.
    pub(super) fn spends_in(&self, sighting: &Sighting) -> impl Iterator<Item = Txid> {
        let anchored = sighting.anchored.iter().map(|anchored| &anchored.tx);
        let seen = sighting.seen.iter().map(|(tx, _)| tx);
        anchored
            .chain(seen)
            .filter(|tx| self.is_ours(tx))
            .map(|tx| tx.compute_txid())
    }

    /// The lowest block of this till's chain that is no longer of the best chain, as what took its place.
    fn first_fork(&self, sighting: &Sighting, replaces: bool) -> Option<BlockId> {
        let base = sighting.blocks.first()?.height;
        let mut fork = None;
        for known in self.wallet.checkpoints() {
            let height = known.height();
            if height <= base {
                break;
            }
            let at = usize::try_from(height - base).ok();
            let now = at.and_then(|at| sighting.blocks.get(at));
            let hash = match now {
                Some(now) if now.hash == known.hash() => continue,
                Some(now) => now.hash,
                // The new branch is not that high yet: no block has this hash, the next one there replaces it.
                None if replaces => BlockHash::all_zeros(),
                None => continue,
            };
            fork = Some(BlockId { height, hash });
        }
        fork
    }

    /// Updates the wallet. Answers with the external addresses of the transactions and of what they displace.
    fn take_in(
        &mut self,
        sighting: &Sighting,
        mine: &HashSet<Txid>,
        forked: Option<BlockId>,
    ) -> BTreeSet<u32> {
        let graph = self.wallet.tx_graph();
        let mut chain: CheckPoint = self.wallet.latest_checkpoint();
        if let Some(block) = forked {
            chain = chain.insert(block);
        }
        let mut update = TxUpdate::default();
        let mut heights = BTreeMap::new();
        for anchored in &sighting.anchored {
            let txid = anchored.tx.compute_txid();
            if mine.contains(&txid) {
                let block_id = BlockId {
                    height: anchored.block.height,
                    hash: anchored.block.hash,
                };
                chain = chain.insert(block_id);
                update.txs.push(anchored.tx.clone());
                let anchor = ConfirmationBlockTime {
                    block_id,
                    confirmation_time: anchored.time_secs,
                };
                update.anchors.insert((anchor, txid));
                heights.insert(txid, block_id.height);
            }
        }
        for (tx, secs) in &sighting.seen {
            let txid = tx.compute_txid();
            if mine.contains(&txid) {
                // Wall time may step back; the later sight must win nevertheless.
                let evicted = graph.get_last_evicted(txid);
                let secs = evicted.map_or(*secs, |evicted| (*secs).max(evicted.saturating_add(1)));
                update.txs.push(tx.clone());
                update.seen_ats.insert((txid, secs));
            }
        }
        for (txid, secs) in &sighting.evicted {
            if let Some(node) = graph.get_tx_node(*txid) {
                let secs = node.last_seen.map_or(*secs, |seen| (*secs).max(seen));
                update.evicted_ats.insert((*txid, secs));
            }
        }

        let displaced: Vec<Arc<Transaction>> = update
            .txs
            .iter()
            .flat_map(|tx| graph.direct_conflicts(tx))
            .filter_map(|(_, txid)| graph.get_tx(txid))
            .collect();
        let evicted: Vec<Arc<Transaction>> = update
            .evicted_ats
            .iter()
            .filter_map(|(txid, _)| graph.get_tx(*txid))
            .collect();
        let arrived = update.txs.clone();
        self.wallet
            .apply_update(Update {
                chain: Some(chain),
                tx_update: update,
                ..Update::default()
            })
            .unwrap_or_else(|e| panic!("its own chain with blocks inserted connects: {e}"));

        for tx in &arrived {
            self.find_gifts_in(tx);
        }
        let mut touched = BTreeSet::new();
        for tx in arrived.iter().chain(&displaced).chain(&evicted) {
            let height = heights.get(&tx.compute_txid());
            for index in self.external_indexes(tx) {
                touched.insert(index);
                if let Some(height) = height {
                    let newest = self.young.entry(index).or_insert(*height);
                    *newest = (*newest).max(*height);
                }
            }
        }
        touched
    }

    fn external_indexes(&self, tx: &Transaction) -> Vec<u32> {
        (tx.output.iter())
            .filter_map(|output| self.index_of(&output.script_pubkey))
            .filter(|(keychain, _)| *keychain == KeychainKind::External)
            .map(|(_, index)| index)
            .collect()
    }

    /// Every output on an external address that the best chain and the mempool hold, spent or not, if its address
    /// is wanted. One pass over all transactions of the till.
    pub(super) fn received<'a>(
        &'a self,
        wanted: impl Fn(u32) -> bool + 'a,
    ) -> impl Iterator<Item = (u32, FullTxOut<ConfirmationBlockTime>)> {
        let chain = self.wallet.local_chain();
        self.wallet.tx_graph().filter_chain_txouts(
            chain,
            chain.tip().block_id(),
            CanonicalizationParams::default(),
            self.outpoints_external()
                .filter(move |(index, _)| wanted(*index)),
        )
    }

    /// Remembers the addresses whose coins are not deep yet.
    fn find_young(&mut self, tip: u32) {
        let mut young = BTreeMap::new();
        for (index, coin) in self.received(|_| true) {
            if let Some(height) = height_of(&coin.chain_position)
                && confirmations(height, tip) < YOUNG_CONFIRMATIONS
            {
                let newest = young.entry(index).or_insert(height);
                *newest = height.max(*newest);
            }
        }
        self.young = young;
    }

    fn find_gifts(&mut self) {
        let txs: Vec<_> = (self.wallet.transactions())
            .map(|tx| tx.tx_node.tx.clone())
            .collect();
        for tx in txs {
            self.find_gifts_in(&tx);
        }
    }

    /// Outputs of a transaction on change addresses, if somebody else made it.
    fn find_gifts_in(&mut self, tx: &Transaction) {
        if self.is_ours(tx) {
            return;
        }
        let txid = tx.compute_txid();
        for (vout, output) in (0..).zip(&tx.output) {
            if let Some((KeychainKind::Internal, _)) = self.index_of(&output.script_pubkey) {
                self.gifts.insert(OutPoint::new(txid, vout));
            }
        }
    }

    /// All outputs that ever paid this till.
    fn outpoints(&self) -> impl Iterator<Item = OutPoint> {
        (self.wallet.spk_index().outpoints().iter()).map(|(_, outpoint)| *outpoint)
    }

    fn outpoints_external(&self) -> impl Iterator<Item = (u32, OutPoint)> {
        self.wallet
            .spk_index()
            .keychain_outpoints(KeychainKind::External)
    }

    fn outpoints_of(&self, txids: &HashSet<Txid>) -> Vec<OutPoint> {
        let index = self.wallet.spk_index();
        txids
            .iter()
            .flat_map(|txid| index.txouts_in_tx(*txid))
            .map(|(_, (outpoint, _))| outpoint)
            .collect()
    }

    /// Lets the watch list know of scripts derived since, and of these outputs.
    pub(super) fn watch_more(
        &mut self,
        watch: &WatchList,
        outpoints: impl Iterator<Item = OutPoint>,
    ) {
        let scripts = self.wallet.spk_index().inner().all_spks();
        for keychain in [KeychainKind::External, KeychainKind::Internal] {
            let from = self.watched.entry(keychain).or_default();
            let fresh = || scripts.range((keychain, *from)..=(keychain, u32::MAX));
            watch.add(
                fresh().map(|(_, script)| script.as_script()),
                std::iter::empty(),
            );
            let last = fresh().next_back().map(|((_, index), _)| *index);
            *from = last.map_or(*from, |last| last.saturating_add(1));
        }
        watch.add(std::iter::empty(), outpoints);
    }
}

/// The height of the block a transaction stands in.
pub(super) fn height_of(position: &ChainPosition<ConfirmationBlockTime>) -> Option<u32> {
    match position {
        ChainPosition::Confirmed { anchor, .. } => Some(anchor.block_id.height),
        ChainPosition::Unconfirmed { .. } => None,
    }
}

/// Blocks on top of a height, its own included.
pub(super) fn confirmations(height: u32, tip: u32) -> u32 {
    tip.saturating_sub(height).saturating_add(1)
}
