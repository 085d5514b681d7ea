//! The chain as the gateway sees it: every call may be interrupted, and a broadcast may lie.

use std::sync::Arc;

use async_trait::async_trait;
use bitcoin::{Block, BlockHash, Transaction, Txid};
use tollway::ports::chain::{self, BlockRef, Broadcast, ChainUnavailable};
use tollway::store;

use super::{Chain, Inner};
use crate::executor::Pause;
use crate::log::step;

impl Chain {
    async fn answering<T>(&self, look: impl FnOnce(&Inner) -> T) -> Result<T, ChainUnavailable> {
        if self.dice.once_in(4) {
            Pause::default().await;
        }
        self.with(|chain| {
            if chain.silent {
                Err(ChainUnavailable("silent".to_owned()))
            } else {
                Ok(look(chain))
            }
        })
    }

    /// P2 intent before act: the last commit names this transaction.
    fn check_commit(&self, txid: Txid) {
        let store = self.with(|chain| chain.store.clone());
        let named = store
            .is_some_and(|store| store::payout::batch_of_tx(&store.snapshot(), txid).is_some());
        if !named {
            let what = format!("P2 transaction {txid} was sent and no committed batch names it");
            self.log.violation(what);
        }
    }
}

#[async_trait]
impl chain::Chain for Chain {
    async fn tip(&self) -> Result<BlockRef, ChainUnavailable> {
        self.answering(|chain| BlockRef {
            height: u32::try_from(chain.blocks.best.len()).expect("small") - 1,
            hash: chain.blocks.best.last().expect("genesis").hash,
        })
        .await
    }

    async fn block_hash(&self, height: u32) -> Result<Option<BlockHash>, ChainUnavailable> {
        let at = usize::try_from(height).expect("small");
        self.answering(|chain| chain.blocks.best.get(at).map(|mined| mined.hash))
            .await
    }

    async fn block(&self, hash: BlockHash) -> Result<Arc<Block>, ChainUnavailable> {
        self.answering(|chain| {
            let found = chain.blocks.best.iter().find(|mined| mined.hash == hash);
            found.map(|mined| mined.block.clone())
        })
        .await?
        .ok_or_else(|| ChainUnavailable("no such block".to_owned()))
    }

    async fn mempool(&self) -> Result<Vec<Txid>, ChainUnavailable> {
        self.answering(|chain| chain.blocks.mempool.clone()).await
    }

    async fn mempool_transaction(
        &self,
        txid: Txid,
    ) -> Result<Option<Arc<Transaction>>, ChainUnavailable> {
        self.answering(|chain| {
            let there = chain.blocks.mempool.contains(&txid);
            chain.blocks.known.get(&txid).filter(|_| there).cloned()
        })
        .await
    }

    async fn broadcast(&self, tx: &Transaction) -> Broadcast {
        Pause::default().await;
        let txid = tx.compute_txid();
        self.check_commit(txid);
        let calm = self.with(|chain| chain.calm);
        let fault = if calm { 9 } else { self.dice.below(10) };
        let answer = self.with(|chain| {
            chain.blocks.note(tx);
            if chain.silent || fault == 0 {
                self.log.count("fault: a broadcast is lost");
                return Broadcast::Doubtful("no answer".to_owned());
            }
            if fault == 1 {
                self.log.count("fault: a broadcast is refused");
                return Broadcast::Refused("min relay fee not met".to_owned());
            }
            let outcome = if chain.blocks.in_a_block(txid) {
                Ok(())
            } else {
                chain.blocks.admit(txid)
            };
            match outcome {
                Ok(()) if fault == 2 => {
                    self.log.count("fault: the answer to a broadcast is lost");
                    Broadcast::Doubtful("the answer was lost".to_owned())
                }
                Ok(()) => Broadcast::Accepted,
                Err(why) => Broadcast::Refused(why.to_owned()),
            }
        });
        step!(self.log, "broadcast {txid}: {answer:?}");
        Pause::default().await;
        answer
    }

    async fn fee_rate(&self, _: u16) -> Result<u64, ChainUnavailable> {
        self.answering(|chain| chain.fee_rate).await
    }
}
