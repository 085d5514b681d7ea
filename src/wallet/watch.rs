//! The watch list: which scripts and outputs are ours, as hashes, for whoever filters blocks and the mempool.
//!
//! A collision only lets a foreign transaction through; the tills look exactly.

use std::borrow::Borrow;
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{PoisonError, RwLock};

use bitcoin::{OutPoint, Script, Transaction};

/// Scripts of all tills, a few ahead of those handed out, and every output that ever paid one of them.
#[derive(Debug, Default)]
pub struct WatchList(RwLock<HashSet<u64>>);

/// Outputs found in what was selected so far and not told to the tills yet: a later block may spend them.
#[derive(Debug, Default)]
pub struct Found(HashSet<u64>);

impl WatchList {
    /// Whether no till watches anything.
    pub fn is_empty(&self) -> bool {
        self.read(HashSet::is_empty)
    }

    /// Whether a script may be a till's.
    pub fn may_own(&self, script: &Script) -> bool {
        self.read(|known| known.contains(&of_script(script)))
    }

    /// Those of a block's or a batch's transactions that may be a till's, in their order: they pay one of its
    /// scripts, or spend an output that did, even one made by another of them.
    pub fn select<'a, T: Borrow<Transaction>>(&self, txs: &'a [T]) -> Vec<&'a T> {
        self.select_after(&mut Found::default(), txs)
    }

    /// The same for one of several blocks that the tills are told of together.
    pub fn select_after<'a, T: Borrow<Transaction>>(
        &self,
        Found(fresh): &mut Found,
        txs: &'a [T],
    ) -> Vec<&'a T> {
        self.read(|known| {
            let pays: Vec<bool> = txs
                .iter()
                .map(|tx| {
                    let tx: &Transaction = tx.borrow();
                    let mut txid = None;
                    for (vout, output) in (0..).zip(&tx.output) {
                        if known.contains(&of_script(&output.script_pubkey)) {
                            let txid = *txid.get_or_insert_with(|| tx.compute_txid());
                            fresh.insert(of_outpoint(&OutPoint::new(txid, vout)));
                        }
                    }
                    txid.is_some()
                })
                .collect();
            txs.iter()
                .zip(pays)
                .filter(|(tx, pays)| {
                    *pays
                        || (*tx).borrow().input.iter().any(|input| {
                            let hash = of_outpoint(&input.previous_output);
                            known.contains(&hash) || fresh.contains(&hash)
                        })
                })
                .map(|(tx, _)| tx)
                .collect()
        })
    }

    /// Watches for a script that is no till's, too.
    pub fn add_script(&self, script: &Script) {
        self.add(std::iter::once(script), std::iter::empty());
    }

    pub(super) fn add<'a>(
        &self,
        scripts: impl Iterator<Item = &'a Script>,
        outpoints: impl Iterator<Item = OutPoint>,
    ) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        known.extend(scripts.map(of_script));
        known.extend(outpoints.map(|outpoint| of_outpoint(&outpoint)));
    }

    fn read<R>(&self, look: impl FnOnce(&HashSet<u64>) -> R) -> R {
        look(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

fn of_script(script: &Script) -> u64 {
    let mut hasher = DefaultHasher::new();
    (b's', script.as_bytes()).hash(&mut hasher);
    hasher.finish()
}

fn of_outpoint(outpoint: &OutPoint) -> u64 {
    let mut hasher = DefaultHasher::new();
    (b'o', outpoint).hash(&mut hasher);
    hasher.finish()
}
