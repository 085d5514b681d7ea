//! All tills in memory. They live with the store's writer: an address reveal, the row that needs it and the
//! change set share one commit.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use bdk_wallet::KeychainKind;
use bitcoin::{Script, Txid};

use super::record::{TillKind, TillRecord};
use super::sighting::Sighting;
use super::till::Till;
use super::trail::Trail;
use super::watch::WatchList;
use crate::domain::ids::StoreId;
use crate::domain::till::{TillAddress, TillId};
use crate::ports::chain::BlockRef;

/// Key of the trail's row among the change sets: shorter than any till's.
pub const TRAIL_KEY: &[u8] = b"trail";

/// All tills, one bdk wallet each.
#[derive(Default)]
pub struct Tills {
    pub(super) accounts: BTreeMap<TillId, Till>,
    resting: BTreeMap<TillId, TillRecord>,
    pub(super) staged: BTreeSet<TillId>,
    trail: Trail,
    trail_staged: bool,
    /// Our transactions that the node's mempool holds, as far as was seen since this start.
    pub(super) mempool: HashSet<Txid>,
    /// Transactions seen since the last call of [`Tills::take_spends`] that spend coins of a till.
    spends: BTreeSet<(TillId, Txid)>,
    pub(super) watch: Arc<WatchList>,
}

impl Tills {
    /// Opens a new till and stages its first change set. The error is the wallet's: nothing was changed.
    pub fn open(&mut self, record: TillRecord) -> Result<(), String> {
        let id = record.id;
        if self.accounts.contains_key(&id) || self.resting.contains_key(&id) {
            return Err(format!("till {id} exists"));
        }
        let birthday = record.birthday;
        self.accounts.insert(id, Till::create(record, &self.watch)?);
        self.staged.insert(id);
        if self.trail.tip().is_none() {
            self.trail = Trail::starting_at(birthday);
            self.trail_staged = true;
        }
        Ok(())
    }

    /// Takes a till back from its record and its change sets, in their order. The trail comes first.
    pub fn restore(&mut self, record: TillRecord, change_sets: &[Vec<u8>]) -> Result<(), String> {
        let id = record.id;
        if record.resting {
            self.resting.insert(id, record);
        } else {
            let till = Till::restore(record, change_sets, self.tip_height(), &self.watch)?;
            self.accounts.insert(id, till);
        }
        Ok(())
    }

    /// Takes the trail back from its row, before any till.
    pub fn restore_trail(&mut self, row: &[u8]) -> Result<(), String> {
        self.trail = Trail::decode(row)?;
        Ok(())
    }

    /// Whether a change waits to be written.
    pub fn has_staged(&self) -> bool {
        self.trail_staged || !self.staged.is_empty()
    }

    /// The rows that hold what changed since the last call: till and sequence → change set, and the trail.
    pub fn take_staged(&mut self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut rows = Vec::new();
        for id in std::mem::take(&mut self.staged) {
            rows.extend(self.accounts.get_mut(&id).and_then(Till::take_change));
        }
        if std::mem::take(&mut self.trail_staged) {
            rows.push((TRAIL_KEY.to_vec(), self.trail.encode()));
        }
        rows
    }

    /// The newest till of a store that stands on our seed: the one a store has that chose none.
    pub fn hot(&self, store: StoreId) -> Option<TillId> {
        let first = TillId {
            store,
            generation: 0,
        };
        let last = TillId {
            store,
            generation: u32::MAX,
        };
        self.accounts
            .range(first..=last)
            .rev()
            .find(|(_, till)| match till.record.kind {
                TillKind::Hot => true,
                TillKind::WatchOnly | TillKind::Generated(_) => false,
            })
            .map(|(id, _)| *id)
    }

    /// What a till is; `None` if there is no such till, or if it is at rest.
    pub fn record(&self, till: TillId) -> Option<&TillRecord> {
        self.accounts.get(&till).map(|till| &till.record)
    }

    /// The till that has the addresses of this descriptor, be it at rest.
    pub fn with_descriptor(&self, external: &str) -> Option<TillId> {
        let first = |text: &str| {
            let parsed = super::descriptor::parse(text).ok()?;
            let first = parsed.at_derivation_index(0).ok()?;
            Some(first.script_pubkey())
        };
        let script = first(external)?;
        let active = self.owner_of(&script).map(|(till, _, _)| till);
        active.or_else(|| {
            (self.resting.values())
                .find(|record| first(&record.external).as_ref() == Some(&script))
                .map(|record| record.id)
        })
    }

    /// The records of all tills, those at rest too, ordered by id.
    pub fn records(&self) -> Vec<&TillRecord> {
        let mut records: Vec<_> = (self.accounts.values().map(|till| &till.record))
            .chain(self.resting.values())
            .collect();
        records.sort_by_key(|record| record.id);
        records
    }

    /// How many tills a store has, old ones included.
    pub fn count_of(&self, store: StoreId) -> usize {
        let all = self.accounts.keys();
        all.filter(|till| till.store == store).count()
    }

    /// Hands out the next address of a till; each index once for ever (P12). `None` if there is no such till.
    pub fn reveal(&mut self, till: TillId) -> Option<TillAddress> {
        let address = self.accounts.get_mut(&till)?.reveal(&self.watch);
        self.staged.insert(till);
        Some(address)
    }

    /// An address of a till, handed out or not. `None` if there is no such till.
    pub fn address(&self, till: TillId, index: u32) -> Option<TillAddress> {
        self.accounts.get(&till).map(|till| till.address(index))
    }

    /// Whose address a script is: till, index, and whether it is on the chain for change.
    pub fn owner_of(&self, script: &Script) -> Option<(TillId, u32, bool)> {
        if !self.watch.may_own(script) {
            return None;
        }
        self.accounts.iter().find_map(|(id, till)| {
            let (keychain, index) = till.index_of(script)?;
            Some((*id, index, keychain == KeychainKind::Internal))
        })
    }

    /// Whether a payment of a store to this script would be one to itself: to an address of any till, or to one that the
    /// store's own will use for change.
    pub fn pays_itself(&self, store: StoreId, script: &Script) -> bool {
        let mut own = self.accounts.iter().filter(|(id, _)| id.store == store);
        self.owner_of(script).is_some() || own.any(|(_, till)| till.will_own(script))
    }

    /// Takes a sighting in. Answers with the external addresses to be shown their picture again, each once, in
    /// order: those of transactions that came, went or were displaced, and, if a block moved, those whose coins
    /// have fewer than 100 confirmations.
    pub fn apply(&mut self, sighting: &Sighting) -> Vec<(TillId, u32)> {
        let replaces = match (sighting.blocks.first(), self.trail.tip()) {
            (Some(base), Some(tip)) => base.height < tip.height,
            _ => false,
        };
        if !sighting.blocks.is_empty() {
            self.trail.follow(&sighting.blocks);
            self.trail_staged = true;
        }
        for anchored in &sighting.anchored {
            self.mempool.remove(&anchored.tx.compute_txid());
        }
        for (txid, _) in &sighting.evicted {
            self.mempool.remove(txid);
        }
        let mut touched = Vec::new();
        let tip = self.tip_height();
        for (id, till) in &mut self.accounts {
            let addresses = till.apply(sighting, replaces, tip, &self.watch);
            if till.wallet.staged().is_some() {
                self.staged.insert(*id);
            }
            touched.extend(addresses.into_iter().map(|index| (*id, index)));
            let spends = till.spends_in(sighting);
            self.spends.extend(spends.map(|txid| (*id, txid)));
            for (tx, _) in &sighting.seen {
                let txid = tx.compute_txid();
                if till.wallet.tx_graph().get_tx(txid).is_some() {
                    self.mempool.insert(txid);
                }
            }
        }
        touched
    }

    /// Transactions that spend coins of a till, in blocks or the mempool, as far as sightings brought them since the
    /// last call.
    pub fn take_spends(&mut self) -> BTreeSet<(TillId, Txid)> {
        std::mem::take(&mut self.spends)
    }

    /// The last block that all tills have seen.
    pub fn tip(&self) -> Option<BlockRef> {
        self.trail.tip()
    }

    /// The blocks the tills have seen.
    pub const fn trail(&self) -> &Trail {
        &self.trail
    }

    /// What is to be watched for.
    pub fn watch(&self) -> Arc<WatchList> {
        self.watch.clone()
    }

    pub(super) fn tip_height(&self) -> u32 {
        self.trail.tip().map_or(0, |tip| tip.height)
    }
}
