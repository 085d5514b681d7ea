//! What the tills hold, as the best chain and the mempool show it now.

use std::collections::{BTreeMap, BTreeSet};

use bdk_wallet::chain::CanonicalizationParams;
use bdk_wallet::{KeychainKind, LocalOutput};
use bitcoin::{OutPoint, Txid};

use super::till::{Till, confirmations, height_of};
use super::tills::Tills;
use crate::domain::money::Sat;
use crate::domain::till::{Coin, TillAddress, TillId};

/// A coinbase output can be spent after this many blocks.
const COINBASE_MATURITY: u32 = 100;

/// Where a transaction of ours stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TxStanding {
    /// In a block of the best chain.
    Confirmed {
        /// Blocks on top, its own included.
        confirmations: u32,
    },
    /// In the node's mempool.
    Mempool,
    /// Neither, as far as was seen since this start. It may still be out.
    Unseen,
}

/// What a till holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TillBalance {
    /// Unspent, in a block.
    pub confirmed: Sat,
    /// Unspent, not in a block.
    pub unconfirmed: Sat,
    /// Free to be spent now: not locked, mature, and confirmed or change of our own.
    pub spendable: Sat,
}

impl Tills {
    /// The whole picture of some addresses of a till: every output that pays them, spent since or not; what was
    /// displaced, evicted or reorganised away is not there. Each wanted address has an entry, be it empty.
    pub fn pictures(&self, till: TillId, wanted: &[u32]) -> BTreeMap<u32, Vec<Coin>> {
        let mut pictures: BTreeMap<u32, Vec<Coin>> =
            wanted.iter().map(|index| (*index, Vec::new())).collect();
        let Some(till) = self.accounts.get(&till) else {
            return pictures;
        };
        let tip = self.tip_height();
        let indexes: BTreeSet<u32> = wanted.iter().copied().collect();
        let graph = till.wallet.tx_graph();
        for (index, output) in till.received(move |index| indexes.contains(&index)) {
            // What we spent of it counts on for bdk, but it is gone.
            if !output.chain_position.is_confirmed() && till.is_dropped(output.outpoint.txid) {
                continue;
            }
            let replaceable = graph
                .get_tx(output.outpoint.txid)
                .is_some_and(|tx| tx.is_explicitly_rbf());
            pictures.entry(index).or_default().push(Coin {
                outpoint: output.outpoint,
                amount: output.txout.value.into(),
                confirmations: height_of(&output.chain_position)
                    .map_or(0, |height| confirmations(height, tip)),
                replaceable,
            });
        }
        for coins in pictures.values_mut() {
            coins.sort_by_key(|coin| coin.outpoint);
        }
        pictures
    }

    /// One output that pays a till, if the best chain or the mempool holds it, spent since or not.
    pub fn coin(&self, till: TillId, outpoint: OutPoint) -> Option<Coin> {
        let till = self.accounts.get(&till)?;
        let wanted = BTreeSet::from([outpoint]);
        till.coins(&wanted, self.tip_height()).into_iter().next()
    }

    /// Change addresses that were paid by others: their whole pictures, as far as others made them.
    pub fn gifts(&self) -> Vec<(TillAddress, Vec<Coin>)> {
        let tip = self.tip_height();
        let mut places = Vec::new();
        for till in (self.accounts.values()).filter(|till| !till.gifts.is_empty()) {
            let mut by_index: BTreeMap<u32, Vec<Coin>> = BTreeMap::new();
            let coins = till.coins(&till.gifts, tip);
            for outpoint in &till.gifts {
                let index = till.wallet.spk_index().txout(*outpoint);
                if let Some(((_, index), _)) = index {
                    let coin = coins.iter().find(|coin| coin.outpoint == *outpoint);
                    by_index.entry(index).or_default().extend(coin);
                }
            }
            let named = by_index.into_iter();
            places.extend(named.map(|(index, coins)| (till.change_address(index), coins)));
        }
        places
    }

    /// Where a transaction stands that a till made.
    pub fn standing(&self, till: TillId, txid: Txid) -> TxStanding {
        let height = self.accounts.get(&till).and_then(|till| till.height(txid));
        match height {
            Some(height) => TxStanding::Confirmed {
                confirmations: confirmations(height, self.tip_height()),
            },
            None if self.mempool.contains(&txid) => TxStanding::Mempool,
            None => TxStanding::Unseen,
        }
    }

    /// What a till holds; nothing if there is no such till.
    pub fn balance(&self, till: TillId) -> TillBalance {
        let mut balance = TillBalance::default();
        let Some(till) = self.accounts.get(&till) else {
            return balance;
        };
        let unfit = till.unfit(self.tip_height(), &BTreeSet::new());
        for output in till.wallet.list_unspent() {
            let amount = Sat::from(output.txout.value);
            let sum = if output.chain_position.is_confirmed() {
                &mut balance.confirmed
            } else {
                &mut balance.unconfirmed
            };
            *sum = sum.plus(amount);
            let locked = till.wallet.is_outpoint_locked(output.outpoint);
            if !locked && !unfit.contains(&output.outpoint) {
                balance.spendable = balance.spendable.plus(amount);
            }
        }
        balance
    }

    /// Every transaction the best chain and the mempool hold that spends a coin of this till. One that no attempt of
    /// ours explains was made by someone else who has the seed, or before a backup that was restored (P9).
    pub fn spends(&self, till: TillId) -> BTreeSet<Txid> {
        let Some(till) = self.accounts.get(&till) else {
            return BTreeSet::new();
        };
        (till.wallet.transactions())
            .filter(|tx| till.is_ours(&tx.tx_node.tx))
            .map(|tx| tx.tx_node.txid)
            .collect()
    }

    /// Whether one of these coins is free to be spent now.
    pub fn any_free(&self, till: TillId, coins: &[OutPoint], unsure: &BTreeSet<Txid>) -> bool {
        let Some(till) = self.accounts.get(&till) else {
            return false;
        };
        let unfit = till.unfit(self.tip_height(), unsure);
        coins.iter().any(|coin| {
            !unfit.contains(coin)
                && !till.wallet.is_outpoint_locked(*coin)
                && till
                    .wallet
                    .get_utxo(*coin)
                    .is_some_and(|coin| !coin.is_spent)
        })
    }

    /// Sums what is free to be spent, less what spending each coin costs at a fee rate: what a transaction can pay,
    /// beside its own fixed size and its outputs'.
    pub fn free(&self, till: TillId, fee_rate_sat_per_kvb: u64, unsure: &BTreeSet<Txid>) -> Sat {
        let Some(till) = self.accounts.get(&till) else {
            return Sat::ZERO;
        };
        let cost = till
            .addresses()
            .input_vbytes()
            .saturating_mul(fee_rate_sat_per_kvb)
            .div_ceil(1_000);
        let unfit = till.unfit(self.tip_height(), unsure);
        (till.wallet.list_unspent())
            .filter(|coin| !till.wallet.is_outpoint_locked(coin.outpoint))
            .filter(|coin| !unfit.contains(&coin.outpoint))
            .map(|coin| Sat(coin.txout.value.to_sat().saturating_sub(cost)))
            .sum()
    }

    /// What a transaction takes from a till, fee included, and whether the best chain or the mempool holds it. Change
    /// is deducted; what comes back to an address that was handed out is received like any other payment.
    pub fn outflow(&self, till: TillId, txid: Txid) -> Option<(Sat, bool)> {
        let till = self.accounts.get(&till)?;
        let tx = till.wallet.tx_graph().get_tx(txid)?;
        let (sent, _) = till.wallet.sent_and_received(&tx);
        let change: Sat = (tx.output.iter())
            .filter(|output| {
                let owner = till.index_of(&output.script_pubkey);
                owner.is_some_and(|(keychain, _)| keychain == KeychainKind::Internal)
            })
            .map(|output| Sat::from(output.value))
            .sum();
        let counts = till.wallet.get_tx(txid).is_some();
        Some((Sat(sent.to_sat().saturating_sub(change.0)), counts))
    }

    /// Payments to us that are neither in a block nor known to have been dropped. A follower that starts, or that
    /// saw a reorganisation, looks whether the mempool still has them; also one that another displaces for now,
    /// since it would be back if that one went. What we made ourselves is not among them: its bytes are ours to
    /// send again.
    pub fn pending(&self) -> BTreeSet<Txid> {
        let mut pending = BTreeSet::new();
        for till in self.accounts.values() {
            for node in till.wallet.tx_graph().full_txs() {
                let settled = till.height(node.txid).is_some() || till.is_dropped(node.txid);
                if !settled && !till.is_ours(&node.tx) {
                    pending.insert(node.txid);
                }
            }
        }
        pending
    }
}

impl Till {
    /// Those of some outputs that the best chain and the mempool hold, spent or not.
    fn coins(&self, wanted: &BTreeSet<OutPoint>, tip: u32) -> Vec<Coin> {
        let chain = self.wallet.local_chain();
        let graph = self.wallet.tx_graph();
        let found = graph.filter_chain_txouts(
            chain,
            chain.tip().block_id(),
            CanonicalizationParams::default(),
            wanted.iter().map(|outpoint| ((), *outpoint)),
        );
        found
            .map(|((), output)| Coin {
                outpoint: output.outpoint,
                amount: output.txout.value.into(),
                confirmations: height_of(&output.chain_position)
                    .map_or(0, |height| confirmations(height, tip)),
                replaceable: graph
                    .get_tx(output.outpoint.txid)
                    .is_some_and(|tx| tx.is_explicitly_rbf()),
            })
            .collect()
    }

    /// The height of a transaction's block in the best chain.
    pub(super) fn height(&self, txid: Txid) -> Option<u32> {
        let node = self.wallet.tx_graph().get_tx_node(txid)?;
        let chain = self.wallet.local_chain();
        node.anchors
            .iter()
            .map(|anchor| anchor.block_id)
            .find(|block| {
                chain
                    .get(block.height)
                    .is_some_and(|known| known.hash() == block.hash)
            })
            .map(|block| block.height)
    }

    /// Whether the mempool has lost a transaction, and has not shown it again since.
    pub(super) fn is_dropped(&self, txid: Txid) -> bool {
        let graph = self.wallet.tx_graph();
        let seen = graph.get_tx_node(txid).and_then(|node| node.last_seen);
        graph
            .get_last_evicted(txid)
            .is_some_and(|dropped| seen.is_none_or(|seen| seen <= dropped))
    }

    /// Whether a transaction spends a coin of this till: then we made it, or somebody who has its keys.
    pub(super) fn is_ours(&self, tx: &bitcoin::Transaction) -> bool {
        let index = self.wallet.spk_index();
        (tx.input.iter()).any(|input| index.txout(input.previous_output).is_some())
    }

    /// Unspent outputs that must not be spent yet: unconfirmed ones that others made, or that hang on such or on
    /// what is `unsure`, and coinbase outputs that are not mature.
    pub(super) fn unfit(&self, tip: u32, unsure: &BTreeSet<Txid>) -> BTreeSet<OutPoint> {
        let mut solid: BTreeMap<Txid, bool> = unsure.iter().map(|txid| (*txid, false)).collect();
        for tx in self.wallet.transactions() {
            if tx.chain_position.is_confirmed() {
                solid.insert(tx.tx_node.txid, true);
            }
        }
        self.wallet
            .list_unspent()
            .filter(|output| {
                self.is_immature(output, tip) || !self.is_solid(output.outpoint.txid, &mut solid)
            })
            .map(|output| output.outpoint)
            .collect()
    }

    /// Confirmed, or made by us of nothing but solid coins.
    fn is_solid(&self, txid: Txid, known: &mut BTreeMap<Txid, bool>) -> bool {
        if let Some(solid) = known.get(&txid) {
            return *solid;
        }
        let index = self.wallet.spk_index();
        let solid = self.wallet.tx_graph().get_tx(txid).is_some_and(|tx| {
            tx.input.iter().all(|input| {
                let from = input.previous_output;
                index.txout(from).is_some() && self.is_solid(from.txid, known)
            })
        });
        known.insert(txid, solid);
        solid
    }

    fn is_immature(&self, output: &LocalOutput, tip: u32) -> bool {
        let graph = self.wallet.tx_graph();
        graph
            .get_tx(output.outpoint.txid)
            .is_some_and(|tx| tx.is_coinbase())
            && height_of(&output.chain_position)
                .is_none_or(|height| confirmations(height, tip) < COINBASE_MATURITY)
    }
}
