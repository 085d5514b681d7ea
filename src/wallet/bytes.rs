//! How hashes, blocks and networks stand in the wallets' records.

use bitcoin::hashes::Hash;
use bitcoin::{BlockHash, OutPoint, Txid};
use minicbor::{Decode, Encode};

use crate::ports::chain::BlockRef;

/// Thirty-two bytes of a hash.
#[derive(Clone, Copy, Debug, Encode, Decode)]
#[cbor(transparent)]
pub(super) struct Hash32(#[cbor(n(0), with = "minicbor::bytes")] [u8; 32]);

impl From<BlockHash> for Hash32 {
    fn from(hash: BlockHash) -> Self {
        Self(hash.to_byte_array())
    }
}

impl From<Hash32> for BlockHash {
    fn from(hash: Hash32) -> Self {
        Self::from_byte_array(hash.0)
    }
}

impl From<Txid> for Hash32 {
    fn from(txid: Txid) -> Self {
        Self(txid.to_byte_array())
    }
}

impl From<Hash32> for Txid {
    fn from(hash: Hash32) -> Self {
        Self::from_byte_array(hash.0)
    }
}

/// A block of the best chain.
#[derive(Clone, Copy, Debug, Encode, Decode)]
pub(super) struct Block {
    #[n(0)]
    height: u32,
    #[n(1)]
    hash: Hash32,
}

impl From<BlockRef> for Block {
    fn from(block: BlockRef) -> Self {
        Self {
            height: block.height,
            hash: block.hash.into(),
        }
    }
}

impl From<Block> for BlockRef {
    fn from(block: Block) -> Self {
        Self {
            height: block.height,
            hash: block.hash.into(),
        }
    }
}

/// An output of a transaction.
#[derive(Clone, Copy, Debug, Encode, Decode)]
pub(super) struct Output {
    #[n(0)]
    txid: Hash32,
    #[n(1)]
    vout: u32,
}

impl From<OutPoint> for Output {
    fn from(outpoint: OutPoint) -> Self {
        Self {
            txid: outpoint.txid.into(),
            vout: outpoint.vout,
        }
    }
}

impl From<Output> for OutPoint {
    fn from(output: Output) -> Self {
        Self::new(output.txid.into(), output.vout)
    }
}

/// [`BlockRef`] as a field.
pub(super) mod block_ref {
    use minicbor::decode::Error as DecodeError;
    use minicbor::encode::{Error as EncodeError, Write};
    use minicbor::{Decoder, Encoder};

    use super::{Block, BlockRef};

    pub(in crate::wallet) fn encode<C, W: Write>(
        value: &BlockRef,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        e.encode(Block::from(*value))?.ok()
    }

    pub(in crate::wallet) fn decode<C>(
        d: &mut Decoder<'_>,
        _: &mut C,
    ) -> Result<BlockRef, DecodeError> {
        d.decode::<Block>().map(BlockRef::from)
    }
}

/// [`bitcoin::Network`] by the name nodes give it.
pub(super) mod network {
    use bitcoin::Network;
    use minicbor::decode::Error as DecodeError;
    use minicbor::encode::{Error as EncodeError, Write};
    use minicbor::{Decoder, Encoder};

    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "the form minicbor's `with` calls"
    )]
    pub(in crate::wallet) fn encode<C, W: Write>(
        value: &Network,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        e.str(value.to_core_arg())?.ok()
    }

    pub(in crate::wallet) fn decode<C>(
        d: &mut Decoder<'_>,
        _: &mut C,
    ) -> Result<Network, DecodeError> {
        Network::from_core_arg(d.str()?).map_err(|_| DecodeError::message("a network"))
    }
}
