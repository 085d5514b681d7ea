//! A look at bitcoind before the node may touch it.
//!
//! ldk-node takes the chain it is given, and on its first start a tip it can't read for the genesis block: both are
//! asked here first.

use std::time::Duration;

use bdk_bitcoind_rpc::bitcoincore_rpc::jsonrpc::simple_http::SimpleHttpTransport;
use bdk_bitcoind_rpc::bitcoincore_rpc::{Client, RpcApi, jsonrpc};
use bitcoin::Network;
use serde_json::Value;

use super::LdkConfig;

/// bitcoind answers this in milliseconds, except while it connects a block.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Headers may be this far ahead of blocks while bitcoind is fine.
const BEHIND_MAX: u64 = 2;

/// The height of bitcoind's best block, or in words why the chain can't be used.
pub(super) fn tip(config: &LdkConfig) -> Result<u32, String> {
    let client = client(config)?;
    let info: Value = client
        .call("getblockchaininfo", &[])
        .map_err(|e| format!("bitcoind does not answer: {e}"))?;
    judge(config.network, &info)
}

fn client(config: &LdkConfig) -> Result<Client, String> {
    let host = &config.rpc_host;
    let host = if host.contains(':') && !host.starts_with('[') {
        format!("[{host}]")
    } else {
        host.clone()
    };
    let url = format!("http://{host}:{}", config.rpc_port);
    let transport = SimpleHttpTransport::builder()
        .url(&url)
        .map_err(|e| format!("bitcoind's address {url} can't be used: {e}"))?
        .timeout(TIMEOUT)
        .auth(&config.rpc_user, Some(&config.rpc_password))
        .build();
    Ok(Client::from_jsonrpc(jsonrpc::Client::with_transport(
        transport,
    )))
}

fn judge(network: Network, info: &Value) -> Result<u32, String> {
    let chain = info["chain"].as_str().unwrap_or_default();
    if Network::from_core_arg(chain) != Ok(network) {
        return Err(format!(
            "bitcoind is on the chain '{chain}', not on '{}'",
            network.to_core_arg()
        ));
    }
    let (Some(blocks), Some(headers)) = (info["blocks"].as_u64(), info["headers"].as_u64()) else {
        return Err("bitcoind's answer has no height".to_owned());
    };
    // On regtest an old tip means only that nobody has mined lately.
    let downloading =
        network != Network::Regtest && info["initialblockdownload"].as_bool().unwrap_or(true);
    if downloading || blocks.saturating_add(BEHIND_MAX) < headers {
        return Err(format!(
            "bitcoind is catching up with the chain: block {blocks} of {headers}"
        ));
    }
    u32::try_from(blocks).map_err(|_| "bitcoind's height is absurd".to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn info(chain: &str, blocks: u64, headers: u64, downloading: bool) -> Value {
        json!({
            "chain": chain,
            "blocks": blocks,
            "headers": headers,
            "initialblockdownload": downloading,
        })
    }

    #[test]
    fn only_the_right_chain_at_its_tip_will_do() {
        for (network, info, expected) in [
            (Network::Regtest, info("regtest", 101, 101, true), Some(101)),
            (
                Network::Bitcoin,
                info("main", 900_000, 900_001, false),
                Some(900_000),
            ),
            (
                Network::Bitcoin,
                info("main", 900_000, 900_003, false),
                None,
            ),
            (Network::Bitcoin, info("main", 900_000, 900_000, true), None),
            (
                Network::Bitcoin,
                info("test", 900_000, 900_000, false),
                None,
            ),
            (Network::Signet, info("regtest", 1, 1, false), None),
            (Network::Regtest, json!({"chain": "regtest"}), None),
            (Network::Regtest, json!(null), None),
        ] {
            assert_eq!(judge(network, &info).ok(), expected, "{info}");
        }
    }
}
