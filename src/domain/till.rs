//! A till is an on-chain account of a store: (store, generation). Rows that point at an address name both.

use std::fmt;

use bitcoin::{Amount, OutPoint, ScriptBuf};
use minicbor::{Decode, Encode};

use super::cbor;
use super::ids::StoreId;
use super::money::Sat;

/// Which till: each store's accounts are numbered from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct TillId {
    /// Whose.
    #[n(0)]
    pub store: StoreId,
    /// Its number among the store's tills.
    #[n(1)]
    pub generation: u32,
}

impl TillId {
    /// As it stands in keys: store, generation.
    pub fn to_key(self) -> [u8; 36] {
        let mut key = [0; 36];
        key[..32].copy_from_slice(self.store.as_bytes());
        key[32..].copy_from_slice(&self.generation.to_be_bytes());
        key
    }

    /// From the first 36 bytes of a key.
    pub fn from_key(key: &[u8]) -> Option<Self> {
        Some(Self {
            store: StoreId::from_slice(key.get(..32)?)?,
            generation: u32::from_be_bytes(key.get(32..36)?.try_into().ok()?),
        })
    }
}

impl fmt::Display for TillId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.store, self.generation)
    }
}

/// Which kind of addresses a till has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum AddressKind {
    /// Native `SegWit`, P2WPKH (BIP84).
    #[n(0)]
    Segwit,
    /// `SegWit` inside P2SH (BIP49).
    #[n(1)]
    Wrapped,
    /// Taproot with a single key (BIP86).
    #[n(2)]
    Taproot,
}

impl AddressKind {
    /// The purpose of its key path: `m / purpose' / coin' / account'`.
    pub const fn purpose(self) -> u32 {
        match self {
            Self::Segwit => 84,
            Self::Wrapped => 49,
            Self::Taproot => 86,
        }
    }

    /// What one of its coins weighs as a signed input, in virtual bytes, rounded up.
    pub const fn input_vbytes(self) -> u64 {
        match self {
            Self::Segwit => 68,
            Self::Wrapped => 91,
            Self::Taproot => 58,
        }
    }
}

/// An address handed out: till and index on its external chain (`…/0/index`).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct TillAddress {
    /// Which till.
    #[n(0)]
    pub till: TillId,
    /// Which address of it.
    #[n(1)]
    pub index: u32,
    /// What a payer's output must carry.
    #[cbor(n(2), with = "cbor::script")]
    pub script: ScriptBuf,
    /// The address as text.
    #[n(3)]
    pub address: String,
}

/// One output that pays an address of a till, as the best chain and the mempool show it now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coin {
    /// Which output.
    pub outpoint: OutPoint,
    /// How much.
    pub amount: Sat,
    /// Blocks on top of it, its own included; 0 in the mempool.
    pub confirmations: u32,
    /// Its transaction says that it may be replaced (BIP 125).
    pub replaceable: bool,
}

impl From<Amount> for Sat {
    fn from(amount: Amount) -> Self {
        Self(amount.to_sat())
    }
}

/// A transaction to be signed can't be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CantSpend {
    /// The till's free coins don't cover amount and fee.
    #[error("the wallet has {available} to spend, {needed} are needed with the fee")]
    NotEnough {
        /// Free to spend now.
        available: Sat,
        /// Amounts and fee.
        needed: Sat,
    },
    /// The amount is below what the network relays.
    #[error("the amount is below the dust limit")]
    Dust,
    /// No till of this store can sign.
    #[error("this store has no wallet that can sign")]
    NoWallet,
    /// A coin that was asked for can't be spent now.
    #[error("the coin {0} is not one that this wallet can spend now")]
    Coin(OutPoint),
    /// Anything else the wallet says.
    #[error("the wallet can't build the transaction: {0}")]
    Other(String),
}
