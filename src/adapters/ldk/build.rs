//! From our settings to a node: nothing is left to ldk-node's defaults that would write or reveal something.

use std::net::TcpListener;
use std::str::FromStr;
use std::sync::Arc;

use bitcoin::Network;
use bitcoin::bip32::{self, ChildNumber, Xpriv};
use bitcoin::secp256k1::{PublicKey, Secp256k1};
use ldk_node::config::Config;
use ldk_node::lightning::ln::msgs::SocketAddress;
use ldk_node::{BuildError, Builder, Node};
use tokio::runtime::Handle;

use super::log::Tracing;
use super::{LaunchError, LdkConfig};
use crate::adapters::kv::LdkStore;

/// BOLT 7: a node's alias has 32 bytes.
const ALIAS_BYTES_MAX: usize = 32;

/// What can be said about the settings without trying them.
pub(super) fn check(config: &LdkConfig) -> Result<(), LaunchError> {
    for address in &config.listen {
        SocketAddress::from_str(address)
            .map_err(|e| LaunchError::Config(format!("'{address}' is no address: {e}")))?;
    }
    let Some(alias) = &config.alias else {
        return Ok(());
    };
    if alias.trim().len() > ALIAS_BYTES_MAX {
        let why = format!("the alias is longer than {ALIAS_BYTES_MAX} bytes");
        return Err(LaunchError::Config(why));
    }
    if config.listen.is_empty() {
        let why = "a public node has an alias and an address to listen on".to_owned();
        return Err(LaunchError::Config(why));
    }
    Ok(())
}

/// Whether the node will be able to listen: asked first, since a node that fails at it has started half-way.
pub(super) fn check_ports(config: &LdkConfig) -> Result<(), String> {
    for address in &config.listen {
        TcpListener::bind(address).map_err(|e| format!("can't listen on {address}: {e}"))?;
    }
    Ok(())
}

/// The node's key as ldk-node derives it: the seed's master key is the seed of LDK's `KeysManager`, whose first
/// hardened child is the node's.
pub(super) fn node_id(network: Network, seed: &[u8; 64]) -> Result<PublicKey, bip32::Error> {
    let secp = Secp256k1::new();
    let ldk_seed = Xpriv::new_master(network, seed)?.private_key.secret_bytes();
    let node = Xpriv::new_master(Network::Testnet, &ldk_seed)?
        .derive_priv(&secp, &[ChildNumber::Hardened { index: 0 }])?;
    Ok(node.private_key.public_key(&secp))
}

/// Builds the node; reads all of LDK's state and asks bitcoind for its tip.
pub(super) fn build(config: &LdkConfig, kv: LdkStore, runtime: Handle) -> Result<Node, BuildError> {
    let mut builder = Builder::from_config(Config {
        storage_dir_path: config.storage_dir.to_string_lossy().into_owned(),
        network: config.network,
        ..Config::default()
    });
    builder
        .set_runtime(runtime)
        .set_custom_logger(Arc::new(Tracing {
            is_regtest: config.network == Network::Regtest,
        }))
        .set_entropy_seed_bytes(config.seed)
        .set_gossip_source_p2p()
        .set_chain_source_bitcoind_rpc(
            config.rpc_host.clone(),
            config.rpc_port,
            config.rpc_user.clone(),
            config.rpc_password.clone(),
        );
    if !config.listen.is_empty() {
        let addresses: Result<Vec<_>, _> = config
            .listen
            .iter()
            .map(|address| SocketAddress::from_str(address))
            .collect();
        let addresses = addresses.map_err(|_| BuildError::InvalidListeningAddresses)?;
        builder.set_listening_addresses(addresses)?;
    }
    if let Some(alias) = &config.alias {
        builder.set_node_alias(alias.clone())?;
    }
    builder.build_with_store(Arc::new(kv))
}

#[cfg(test)]
mod tests {
    use ldk_node::lightning::sign::{KeysManager, NodeSigner, Recipient};

    use super::*;

    #[test]
    fn the_node_id_is_the_one_that_ldk_derives() {
        let seed = [42; 64];
        for network in [Network::Bitcoin, Network::Regtest] {
            let master = Xpriv::new_master(network, &seed).unwrap();
            let keys = KeysManager::new(&master.private_key.secret_bytes(), 1, 2, true);
            assert_eq!(
                node_id(network, &seed).unwrap(),
                keys.get_node_id(Recipient::Node).unwrap()
            );
        }
    }
}
