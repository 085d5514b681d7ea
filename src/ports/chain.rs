//! The chain as the wallets need it: blocks in order, the mempool, broadcast, fee rates.

use std::sync::Arc;

use async_trait::async_trait;
use bitcoin::{Block, BlockHash, Transaction, Txid};

/// The chain source could not answer; the call may be repeated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the chain source did not answer: {0}")]
pub struct ChainUnavailable(pub String);

/// A point of the best chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockRef {
    /// Height above the genesis block.
    pub height: u32,
    /// Hash of the header.
    pub hash: BlockHash,
}

/// What a broadcast came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Broadcast {
    /// The node has it, now or already before, in its mempool or in a block.
    Accepted,
    /// The node refuses it for now, with its reason. Rarely final: the bytes are kept.
    Refused(String),
    /// No answer: it may be out or not.
    Doubtful(String),
}

/// A source of chain data.
#[async_trait]
pub trait Chain: Send + Sync {
    /// The tip of the best chain.
    async fn tip(&self) -> Result<BlockRef, ChainUnavailable>;

    /// The hash at a height of the best chain, `None` above the tip.
    async fn block_hash(&self, height: u32) -> Result<Option<BlockHash>, ChainUnavailable>;

    /// A whole block by its hash.
    async fn block(&self, hash: BlockHash) -> Result<Arc<Block>, ChainUnavailable>;

    /// The ids of everything in the mempool.
    async fn mempool(&self) -> Result<Vec<Txid>, ChainUnavailable>;

    /// A transaction of the mempool, `None` if it has left meanwhile.
    async fn mempool_transaction(
        &self,
        txid: Txid,
    ) -> Result<Option<Arc<Transaction>>, ChainUnavailable>;

    /// Hands a signed transaction to the network.
    async fn broadcast(&self, tx: &Transaction) -> Broadcast;

    /// The fee rate to confirm within so many blocks, in sat per 1,000 virtual bytes.
    async fn fee_rate(&self, target_blocks: u16) -> Result<u64, ChainUnavailable>;
}
