//! What has come to a till and gone from it, and what lies there, as its owner wants to see it.

use bdk_wallet::chain::ChainPosition;
use bdk_wallet::descriptor::ExtendedDescriptor;
use bdk_wallet::{KeychainKind, Wallet};
use bitcoin::{Network, OutPoint, Txid};

use super::descriptor;
use super::import::Imported;
use super::till::confirmations;
use super::tills::Tills;
use crate::domain::money::Sat;
use crate::domain::till::TillId;
use crate::domain::time::Timestamp;
use crate::ports::chain::BlockRef;

/// A transaction that the best chain or the mempool holds and that moved coins of a till.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Which.
    pub txid: Txid,
    /// What it brought.
    pub received: Sat,
    /// What it took, its change not deducted.
    pub sent: Sat,
    /// When: its block's time, or when it was first seen.
    pub at: Timestamp,
    /// Its block.
    pub block: Option<BlockRef>,
    /// Blocks on top, its own included; 0 in the mempool.
    pub confirmations: u32,
}

/// A coin that lies in a till.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unspent {
    /// Which output.
    pub outpoint: OutPoint,
    /// How much.
    pub amount: Sat,
    /// At which address.
    pub address: String,
    /// Where that is in the wallet: `0/7`, change `1/7`.
    pub key_path: String,
    /// When it came.
    pub at: Timestamp,
    /// Blocks on top, its own included; 0 in the mempool.
    pub confirmations: u32,
    /// Set aside for a transaction that is not sent or not signed yet.
    pub locked: bool,
}

/// An address that a wallet has, handed out or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Previewed {
    /// Where it is in the wallet: `0/7`.
    pub key_path: String,
    /// The address.
    pub address: String,
}

impl Tills {
    /// Everything that moved coins of a till, newest first; what no block holds comes before.
    pub fn history(&self, till: TillId) -> Vec<Moved> {
        let Some(till) = self.accounts.get(&till) else {
            return Vec::new();
        };
        let tip = self.tip_height();
        let mut moved: Vec<Moved> = (till.wallet.transactions())
            .filter(|tx| tx.chain_position.is_confirmed() || !till.is_dropped(tx.tx_node.txid))
            .map(|tx| {
                let (sent, received) = till.wallet.sent_and_received(&tx.tx_node.tx);
                let (block, at) = place(&tx.chain_position, tx.tx_node.first_seen);
                Moved {
                    txid: tx.tx_node.txid,
                    received: received.into(),
                    sent: sent.into(),
                    at,
                    confirmations: block.map_or(0, |block| confirmations(block.height, tip)),
                    block,
                }
            })
            .collect();
        moved.sort_by_key(|one| {
            let height = one.block.map_or(u32::MAX, |block| block.height);
            (std::cmp::Reverse((height, one.at)), one.txid)
        });
        moved
    }

    /// The coins that lie in a till, the newest first.
    pub fn unspent(&self, till: TillId) -> Vec<Unspent> {
        let Some(till) = self.accounts.get(&till) else {
            return Vec::new();
        };
        let tip = self.tip_height();
        let graph = till.wallet.tx_graph();
        let mut coins: Vec<Unspent> = (till.wallet.list_unspent())
            .map(|coin| {
                let first_seen = graph
                    .get_tx_node(coin.outpoint.txid)
                    .and_then(|node| node.first_seen);
                let (block, at) = place(&coin.chain_position, first_seen);
                let shown = till
                    .wallet
                    .peek_address(coin.keychain, coin.derivation_index);
                Unspent {
                    outpoint: coin.outpoint,
                    amount: coin.txout.value.into(),
                    address: shown.address.to_string(),
                    key_path: key_path(coin.keychain, coin.derivation_index),
                    at,
                    confirmations: block.map_or(0, |block| confirmations(block.height, tip)),
                    locked: till.wallet.is_outpoint_locked(coin.outpoint),
                }
            })
            .collect();
        coins.sort_by_key(|coin| {
            (
                coin.confirmations,
                std::cmp::Reverse(coin.at),
                coin.outpoint,
            )
        });
        coins
    }

    /// Whether an address of a till was never paid, as far as is known.
    pub fn is_unpaid(&self, till: TillId, index: u32) -> bool {
        let Some(till) = self.accounts.get(&till) else {
            return false;
        };
        let outpoints = till.wallet.spk_index().outpoints();
        let mut paid = outpoints.range(
            ((KeychainKind::External, index), OutPoint::null())
                ..(
                    (KeychainKind::External, index.saturating_add(1)),
                    OutPoint::null(),
                ),
        );
        paid.next().is_none()
    }

    /// Addresses of a till, beginning at an index. Nothing is handed out by this.
    pub fn preview(&self, till: TillId, offset: u32, count: u32) -> Vec<Previewed> {
        let Some(till) = self.accounts.get(&till) else {
            return Vec::new();
        };
        previewed(&till.wallet, offset, count)
    }

    /// Whether a coin of a till is set aside for a transaction.
    pub fn is_locked(&self, till: TillId, coin: OutPoint) -> bool {
        let till = self.accounts.get(&till);
        till.is_some_and(|till| till.wallet.is_outpoint_locked(coin))
    }
}

/// The first addresses of a wallet that is no till of ours.
pub fn preview_of(
    wallet: &Imported,
    network: Network,
    offset: u32,
    count: u32,
) -> Result<Vec<Previewed>, String> {
    let parse = |text: &str| -> Result<ExtendedDescriptor, String> { descriptor::parse(text) };
    let wallet = Wallet::create(parse(&wallet.external)?, parse(&wallet.internal)?)
        .network(network)
        .create_wallet_no_persist()
        .map_err(|e| e.to_string())?;
    Ok(previewed(&wallet, offset, count))
}

fn previewed(wallet: &Wallet, offset: u32, count: u32) -> Vec<Previewed> {
    (offset..offset.saturating_add(count))
        // The numbers of keys end here (BIP32).
        .take_while(|index| *index < 0x8000_0000)
        .map(|index| Previewed {
            key_path: key_path(KeychainKind::External, index),
            address: wallet
                .peek_address(KeychainKind::External, index)
                .address
                .to_string(),
        })
        .collect()
}

fn key_path(keychain: KeychainKind, index: u32) -> String {
    match keychain {
        KeychainKind::External => format!("0/{index}"),
        KeychainKind::Internal => format!("1/{index}"),
    }
}

fn place(
    position: &ChainPosition<bdk_wallet::chain::ConfirmationBlockTime>,
    first_seen: Option<u64>,
) -> (Option<BlockRef>, Timestamp) {
    match position {
        ChainPosition::Confirmed { anchor, .. } => {
            let block = BlockRef {
                height: anchor.block_id.height,
                hash: anchor.block_id.hash,
            };
            (Some(block), Timestamp::from_secs(anchor.confirmation_time))
        }
        ChainPosition::Unconfirmed { .. } => {
            (None, Timestamp::from_secs(first_seen.unwrap_or_default()))
        }
    }
}
