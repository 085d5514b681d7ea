//! A bitcoind over JSON-RPC. Only calls that every version and a pruned or wallet-less node answers.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bdk_bitcoind_rpc::bitcoincore_rpc::jsonrpc::{self, simple_http::SimpleHttpTransport};
use bdk_bitcoind_rpc::bitcoincore_rpc::{Client, Error, RpcApi};
use bitcoin::{Block, BlockHash, Network, Transaction, Txid};
use serde::Deserialize;

use crate::ports::chain::{BlockRef, Broadcast, Chain, ChainUnavailable};

/// A call without an answer for this long has failed. A block over a slow disk takes seconds.
const TIMEOUT: Duration = Duration::from_secs(30);

/// bitcoind's error codes (`rpc/protocol.h`).
const RPC_MISC_ERROR: i32 = -1;
const RPC_INVALID_ADDRESS_OR_KEY: i32 = -5;
const RPC_INVALID_PARAMETER: i32 = -8;
const RPC_VERIFY_ALREADY_IN_CHAIN: i32 = -27;

/// What sendrawtransaction says of a transaction that the mempool has, by version.
const ALREADY_IN_MEMPOOL: [&str; 2] = ["txn-already-in-mempool", "txn-already-known"];

/// regtest has no traffic to estimate from: one satoshi per virtual byte.
const REGTEST_SAT_PER_KVB: u64 = 1_000;

/// A bitcoind. Connects with the first call, and again after a failed one, so its name may resolve later.
pub struct BitcoindChain {
    peer: Arc<Peer>,
}

struct Peer {
    url: String,
    user: String,
    password: String,
    network: Network,
    client: Mutex<Option<Arc<Client>>>,
}

#[derive(Deserialize)]
struct ChainInfo {
    chain: String,
    blocks: u32,
    bestblockhash: BlockHash,
}

impl BitcoindChain {
    /// A bitcoind's RPC server. It must be on `network`: another one is answered like a silent one.
    pub fn new(host: &str, port: u16, user: &str, password: &str, network: Network) -> Self {
        Self {
            peer: Arc::new(Peer {
                url: format!("http://{host}:{port}"),
                user: user.to_owned(),
                password: password.to_owned(),
                network,
                client: Mutex::new(None),
            }),
        }
    }

    /// One call, on a thread that may block.
    async fn ask<R: Send + 'static>(
        &self,
        call: impl FnOnce(&Client) -> Result<R, Error> + Send + 'static,
    ) -> Result<R, Error> {
        let peer = self.peer.clone();
        let asked = tokio::task::spawn_blocking(move || {
            let answer = peer.client().and_then(|client| call(&client));
            if let Err(error) = &answer
                && rpc_code(error).is_none()
            {
                peer.forget();
            }
            answer
        });
        match asked.await {
            Ok(answer) => answer,
            Err(failed) => Err(Error::ReturnedError(failed.to_string())),
        }
    }
}

impl Peer {
    fn client(&self) -> Result<Arc<Client>, Error> {
        let mut client = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = client.as_ref() {
            return Ok(client.clone());
        }
        let transport = SimpleHttpTransport::builder()
            .timeout(TIMEOUT)
            .url(&self.url)
            .map_err(|e| Error::JsonRpc(e.into()))?
            .auth(&self.user, Some(&self.password))
            .build();
        let fresh = Arc::new(Client::from_jsonrpc(jsonrpc::Client::with_transport(
            transport,
        )));
        *client = Some(fresh.clone());
        Ok(fresh)
    }

    fn forget(&self) {
        *self.client.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

#[async_trait]
impl Chain for BitcoindChain {
    async fn tip(&self) -> Result<BlockRef, ChainUnavailable> {
        let info: ChainInfo = self
            .ask(|client| client.call("getblockchaininfo", &[]))
            .await
            .map_err(|e| unavailable(&e))?;
        let expected = self.peer.network.to_core_arg();
        if info.chain != expected {
            return Err(ChainUnavailable(format!(
                "it is on chain {}, {expected} is configured",
                info.chain
            )));
        }
        Ok(BlockRef {
            height: info.blocks,
            hash: info.bestblockhash,
        })
    }

    async fn block_hash(&self, height: u32) -> Result<Option<BlockHash>, ChainUnavailable> {
        let asked = self.ask(move |client| client.get_block_hash(height.into()));
        none_if(asked.await, RPC_INVALID_PARAMETER)
    }

    async fn block(&self, hash: BlockHash) -> Result<Arc<Block>, ChainUnavailable> {
        let asked = self.ask(move |client| client.get_block(&hash)).await;
        asked.map(Arc::new).map_err(|e| match rpc_error(&e) {
            Some((RPC_MISC_ERROR, why)) if why.contains("pruned") => ChainUnavailable(format!(
                "it has pruned block {hash}, which the wallets have not seen yet. They need a bitcoind that still has it: \
                 one without prune, or with a larger one"
            )),
            _ => unavailable(&e),
        })
    }

    async fn mempool(&self) -> Result<Vec<Txid>, ChainUnavailable> {
        self.ask(RpcApi::get_raw_mempool)
            .await
            .map_err(|e| unavailable(&e))
    }

    async fn mempool_transaction(
        &self,
        txid: Txid,
    ) -> Result<Option<Arc<Transaction>>, ChainUnavailable> {
        let asked = self.ask(move |client| client.get_raw_transaction(&txid, None));
        Ok(none_if(asked.await, RPC_INVALID_ADDRESS_OR_KEY)?.map(Arc::new))
    }

    async fn broadcast(&self, tx: &Transaction) -> Broadcast {
        let tx = tx.clone();
        let sent = self.ask(move |client| client.send_raw_transaction(&tx));
        match sent.await {
            Ok(_) => Broadcast::Accepted,
            Err(error) => match rpc_error(&error) {
                Some((RPC_VERIFY_ALREADY_IN_CHAIN, _)) => Broadcast::Accepted,
                Some((_, why)) if ALREADY_IN_MEMPOOL.iter().any(|known| why.contains(known)) => {
                    Broadcast::Accepted
                }
                Some((code, why)) => Broadcast::Refused(format!("{why} ({code})")),
                None => Broadcast::Doubtful(error.to_string()),
            },
        }
    }

    async fn fee_rate(&self, target_blocks: u16) -> Result<u64, ChainUnavailable> {
        let estimate = self
            .ask(move |client| client.estimate_smart_fee(target_blocks, None))
            .await
            .map_err(|e| unavailable(&e))?;
        match (estimate.fee_rate, self.peer.network) {
            (Some(per_kvb), _) => Ok(per_kvb.to_sat()),
            (None, Network::Regtest) => Ok(REGTEST_SAT_PER_KVB),
            (None, _) => Err(ChainUnavailable("it has no fee estimate yet".to_owned())),
        }
    }
}

/// What bitcoind itself answered with, as opposed to trouble on the way.
fn rpc_error(error: &Error) -> Option<(i32, &str)> {
    match error {
        Error::JsonRpc(jsonrpc::Error::Rpc(refused)) => Some((refused.code, &refused.message)),
        _ => None,
    }
}

fn rpc_code(error: &Error) -> Option<i32> {
    rpc_error(error).map(|(code, _)| code)
}

fn none_if<T>(answer: Result<T, Error>, code: i32) -> Result<Option<T>, ChainUnavailable> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(error) if rpc_code(&error) == Some(code) => Ok(None),
        Err(error) => Err(unavailable(&error)),
    }
}

fn unavailable(error: &Error) -> ChainUnavailable {
    ChainUnavailable(error.to_string())
}

#[cfg(test)]
mod tests;
