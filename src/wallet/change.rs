//! Change sets of a till as records: a version byte, then numbered fields. Rows are appended, never rewritten;
//! merged in order they are the wallet.

use std::collections::BTreeMap;
use std::sync::Arc;

use bdk_wallet::chain::{BlockId, ConfirmationBlockTime, DescriptorId, keychain_txout, tx_graph};
use bdk_wallet::{ChangeSet, KeychainKind};
use bitcoin::consensus::{deserialize, serialize};
use bitcoin::{OutPoint, ScriptBuf, Transaction, TxOut, Txid};
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};

use super::bytes::{Block, Hash32, Output};
use crate::ports::chain::BlockRef;

const VERSION: u8 = 1;

#[derive(Default, Encode, Decode)]
#[cbor(map)]
struct Stored {
    /// Highest index revealed of the external chain.
    #[n(0)]
    external: Option<u32>,
    /// The same of the internal chain.
    #[n(1)]
    internal: Option<u32>,
    /// Checkpoints added.
    #[n(2)]
    blocks: Option<Vec<Block>>,
    /// Heights of checkpoints removed.
    #[n(3)]
    removed: Option<Vec<u32>>,
    #[n(4)]
    txs: Option<Vec<ByteVec>>,
    #[n(5)]
    txouts: Option<Vec<(Output, ByteVec)>>,
    /// Transaction, block, time of the block.
    #[n(6)]
    anchors: Option<Vec<(Hash32, Block, u64)>>,
    #[n(7)]
    first_seen: Option<Vec<(Hash32, u64)>>,
    #[n(8)]
    last_seen: Option<Vec<(Hash32, u64)>>,
    #[n(9)]
    last_evicted: Option<Vec<(Hash32, u64)>>,
    /// Outputs locked (true) or unlocked (false).
    #[n(10)]
    locks: Option<Vec<(Output, bool)>>,
    /// Scripts derived of the external chain, by index: deriving them all again at each start takes seconds.
    #[n(11)]
    external_scripts: Option<Vec<(u32, ByteVec)>>,
    /// The same of the internal chain.
    #[n(12)]
    internal_scripts: Option<Vec<(u32, ByteVec)>>,
}

/// What bdk calls the two chains of a till. It derives a script to tell, so it is asked once.
pub(super) type Chains = BTreeMap<KeychainKind, DescriptorId>;

/// A change set as a record. Descriptors and network are left out: the till's record has them.
pub(super) fn encode(change: &ChangeSet, chains: &Chains) -> Vec<u8> {
    // Taken apart field by field: a field that a later bdk adds must not be lost in silence.
    let ChangeSet {
        descriptor: _,
        change_descriptor: _,
        network: _,
        local_chain,
        tx_graph,
        indexer,
        locked_outpoints,
    } = change;
    let tx_graph::ChangeSet {
        txs,
        txouts,
        anchors,
        last_seen,
        last_evicted,
        first_seen,
    } = tx_graph;
    let keychain_txout::ChangeSet {
        last_revealed,
        spk_cache,
    } = indexer;
    let revealed = |keychain| last_revealed.get(chains.get(&keychain)?).copied();
    let scripts = |keychain| {
        let derived = spk_cache.get(chains.get(&keychain)?)?;
        some(
            derived
                .iter()
                .map(|(index, script)| (*index, script.to_bytes().into())),
        )
    };
    let times = |times: &BTreeMap<Txid, u64>| {
        some(times.iter().map(|(txid, secs)| ((*txid).into(), *secs)))
    };
    let stored = Stored {
        external: revealed(KeychainKind::External),
        internal: revealed(KeychainKind::Internal),
        blocks: some(local_chain.blocks.iter().filter_map(|(height, hash)| {
            let (height, hash) = (*height, (*hash)?);
            Some(BlockRef { height, hash }.into())
        })),
        removed: some(
            (local_chain.blocks.iter())
                .filter(|(_, hash)| hash.is_none())
                .map(|(height, _)| *height),
        ),
        txs: some(txs.iter().map(|tx| serialize(tx.as_ref()).into())),
        txouts: some(
            txouts
                .iter()
                .map(|(outpoint, txout)| ((*outpoint).into(), serialize(txout).into())),
        ),
        anchors: some(anchors.iter().map(|(anchor, txid)| {
            let BlockId { height, hash } = anchor.block_id;
            let block = BlockRef { height, hash };
            ((*txid).into(), block.into(), anchor.confirmation_time)
        })),
        first_seen: times(first_seen),
        last_seen: times(last_seen),
        last_evicted: times(last_evicted),
        locks: some(
            (locked_outpoints.outpoints.iter())
                .map(|(outpoint, locked)| ((*outpoint).into(), *locked)),
        ),
        external_scripts: scripts(KeychainKind::External),
        internal_scripts: scripts(KeychainKind::Internal),
    };
    let mut record = vec![VERSION];
    minicbor::encode(&stored, &mut record).unwrap_or_else(|e| panic!("writing to memory: {e}"));
    record
}

/// The change set of a record.
pub(super) fn decode(record: &[u8], chains: &Chains) -> Result<ChangeSet, String> {
    let body = match record.split_first() {
        Some((&VERSION, body)) => body,
        Some((version, _)) => return Err(format!("change set of unknown version {version}")),
        None => return Err("empty change set".to_owned()),
    };
    let stored: Stored = minicbor::decode(body).map_err(|e| format!("change set: {e}"))?;
    let mut change = ChangeSet::default();

    for (keychain, index) in [
        (KeychainKind::External, stored.external),
        (KeychainKind::Internal, stored.internal),
    ] {
        if let (Some(id), Some(index)) = (chains.get(&keychain), index) {
            change.indexer.last_revealed.insert(*id, index);
        }
    }
    for (keychain, scripts) in [
        (KeychainKind::External, stored.external_scripts),
        (KeychainKind::Internal, stored.internal_scripts),
    ] {
        if let (Some(id), Some(scripts)) = (chains.get(&keychain), scripts) {
            let derived = scripts
                .into_iter()
                .map(|(index, bytes)| (index, ScriptBuf::from(Vec::from(bytes))));
            change.indexer.spk_cache.insert(*id, derived.collect());
        }
    }
    for block in all(stored.blocks).map(BlockRef::from) {
        let blocks = &mut change.local_chain.blocks;
        blocks.insert(block.height, Some(block.hash));
    }
    for height in all(stored.removed) {
        change.local_chain.blocks.insert(height, None);
    }
    for bytes in all(stored.txs) {
        let tx: Transaction = deserialize(&bytes).map_err(|e| format!("transaction: {e}"))?;
        change.tx_graph.txs.insert(Arc::new(tx));
    }
    for (output, bytes) in all(stored.txouts) {
        let txout: TxOut = deserialize(&bytes).map_err(|e| format!("output: {e}"))?;
        change.tx_graph.txouts.insert(output.into(), txout);
    }
    for (txid, block, confirmation_time) in all(stored.anchors) {
        let BlockRef { height, hash } = block.into();
        let anchor = ConfirmationBlockTime {
            block_id: BlockId { height, hash },
            confirmation_time,
        };
        change.tx_graph.anchors.insert((anchor, txid.into()));
    }
    change.tx_graph.first_seen = times(stored.first_seen);
    change.tx_graph.last_seen = times(stored.last_seen);
    change.tx_graph.last_evicted = times(stored.last_evicted);
    change.locked_outpoints.outpoints = all(stored.locks)
        .map(|(output, locked)| (OutPoint::from(output), locked))
        .collect();
    Ok(change)
}

fn some<T>(items: impl Iterator<Item = T>) -> Option<Vec<T>> {
    let items: Vec<T> = items.collect();
    (!items.is_empty()).then_some(items)
}

fn all<T>(items: Option<Vec<T>>) -> impl Iterator<Item = T> {
    items.into_iter().flatten()
}

fn times(rows: Option<Vec<(Hash32, u64)>>) -> BTreeMap<Txid, u64> {
    all(rows).map(|(txid, secs)| (txid.into(), secs)).collect()
}

#[cfg(test)]
mod tests {
    use bdk_wallet::chain::DescriptorExt;
    use bdk_wallet::descriptor::ExtendedDescriptor;
    use bitcoin::hashes::{Hash, sha256};
    use bitcoin::{Amount, BlockHash, Network, absolute, transaction};

    use super::*;
    use crate::wallet::Keychain;

    fn chains() -> Chains {
        let words = crate::wallet::keychain::new_mnemonic([0; 16]);
        let keychain = Keychain::from_mnemonic(&words, Network::Regtest).expect("valid");
        let (external, internal) = keychain.descriptors(1);
        let id = |text: &str| {
            let descriptor: ExtendedDescriptor = text.parse().expect("public");
            descriptor.descriptor_id()
        };
        Chains::from([
            (KeychainKind::External, id(&external)),
            (KeychainKind::Internal, id(&internal)),
        ])
    }

    /// A change set with something in every field that the first records had.
    fn full() -> ChangeSet {
        let txid = Txid::from_byte_array([1; 32]);
        let hash = BlockHash::from_byte_array([2; 32]);
        let tx = Transaction {
            version: transaction::Version::TWO,
            lock_time: absolute::LockTime::ZERO,
            input: Vec::new(),
            output: vec![TxOut {
                value: Amount::from_sat(5),
                script_pubkey: ScriptBuf::new(),
            }],
        };
        let mut change = ChangeSet::default();
        for (index, id) in (300..).zip(chains().values()) {
            change.indexer.last_revealed.insert(*id, index);
        }
        change.local_chain.blocks.insert(7, Some(hash));
        change.local_chain.blocks.insert(8, None);
        let graph = &mut change.tx_graph;
        let txout = tx.output[0].clone();
        graph.txouts.insert(OutPoint::new(txid, 1), txout);
        graph.txs.insert(Arc::new(tx));
        let anchor = ConfirmationBlockTime {
            block_id: BlockId { height: 7, hash },
            confirmation_time: 1_700_000_000,
        };
        graph.anchors.insert((anchor, txid));
        graph.first_seen.insert(txid, 10);
        graph.last_seen.insert(txid, 11);
        graph.last_evicted.insert(txid, 12);
        let locks = &mut change.locked_outpoints.outpoints;
        locks.insert(OutPoint::new(txid, 0), true);
        locks.insert(OutPoint::new(txid, 1), false);
        change
    }

    #[test]
    fn every_field_survives_and_the_bytes_never_change() {
        let record = encode(&full(), &chains());
        assert_eq!(decode(&record, &chains()), Ok(full()));
        let golden = "6c4db45b56679ef0c290a7894c5dfa27d7206702e14c83d5047f1c2ec7422347";
        assert_eq!(sha256::Hash::hash(&record).to_string(), golden);
    }

    #[test]
    fn derived_scripts_survive_and_the_bytes_never_change() {
        let mut change = full();
        for (index, id) in (325..).zip(chains().values()) {
            let script = ScriptBuf::from(vec![0, 2, 7, 7]);
            let derived = [(index, script)].into();
            let cache = &mut change.indexer.spk_cache;
            cache.insert(*id, derived);
        }
        let record = encode(&change, &chains());
        assert_eq!(decode(&record, &chains()), Ok(change));
        let golden = "5872bc46e8f204a9d26a1c5326905db8db6b2c93048fd3c0b1a70f08e7845a51";
        assert_eq!(sha256::Hash::hash(&record).to_string(), golden);
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        let record = encode(&full(), &chains());
        let cut = &record[..record.len() - 1];
        for bad in [&[][..], &[9, 0xa0], cut] {
            assert!(decode(bad, &chains()).is_err());
        }
    }
}
