//! What a till is from its first day: written once, in `Table::Tills`.

use bitcoin::Network;
use minicbor::{Decode, Encode};

use super::bytes;
use crate::domain::till::{AddressKind, TillId};
use crate::ports::chain::BlockRef;

/// Who can spend from a till.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum TillKind {
    /// We can: its keys are an account of our seed.
    #[n(0)]
    Hot,
    /// Its owner can, with keys that we have never seen.
    #[n(1)]
    WatchOnly,
    /// We can, and its owner too: its keys come from words of its own, which our seed gives again (BIP85).
    #[n(2)]
    Generated(#[n(0)] Generated),
}

impl TillKind {
    /// Whether we can sign for it.
    pub const fn can_sign(self) -> bool {
        match self {
            Self::Hot | Self::Generated(_) => true,
            Self::WatchOnly => false,
        }
    }
}

/// Which words, and which account of them. The number of the BIP85 child is the record's `account`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Generated {
    /// How many words: 12, 15, 18, 21 or 24.
    #[n(0)]
    pub words: u8,
    /// Which addresses; decides the purpose of the key path (BIP 44).
    #[n(1)]
    pub addresses: AddressKind,
    /// Which account of these words.
    #[n(2)]
    pub number: u32,
}

/// A till's fixed data.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct TillRecord {
    /// Which till.
    #[n(0)]
    pub id: TillId,
    /// BIP84 account of the seed, or number of its BIP85 child; from one counter, never used twice, never 0. 0 for
    /// keys that are not ours.
    #[n(1)]
    pub account: u32,
    /// Who can spend.
    #[n(2)]
    pub kind: TillKind,
    /// Descriptor of the addresses handed out, public keys only, with key origin.
    #[n(3)]
    pub external: String,
    /// Descriptor of change addresses.
    #[n(4)]
    pub internal: String,
    /// Which chain.
    #[cbor(n(5), with = "bytes::network")]
    pub network: Network,
    /// The best block when the till was opened: none of its addresses was known to anyone before.
    #[cbor(n(6), with = "bytes::block_ref")]
    pub birthday: BlockRef,
    /// Put to rest: neither loaded nor watched any more.
    #[n(7)]
    pub resting: bool,
}

#[cfg(test)]
mod tests {
    use bitcoin::BlockHash;
    use bitcoin::hashes::Hash;

    use super::*;
    use crate::domain::ids::StoreId;

    #[test]
    fn a_record_survives_and_its_bytes_never_change() {
        let record = TillRecord {
            id: TillId {
                store: StoreId([1; 32]),
                generation: 2,
            },
            account: 3,
            kind: TillKind::Hot,
            external: "e".to_owned(),
            internal: "i".to_owned(),
            network: Network::Regtest,
            birthday: BlockRef {
                height: 4,
                hash: BlockHash::from_byte_array([5; 32]),
            },
            resting: false,
        };
        let bytes = minicbor::to_vec(&record).expect("in memory");
        let (one, five) = ("01".repeat(32), "05".repeat(32));
        let golden = format!(
            "a800825820{one}020103028200800361650461690567726567746573740682045820{five}07f4"
        );
        assert_eq!(hex::encode(&bytes), golden);
        assert_eq!(
            minicbor::decode::<TillRecord>(&bytes).expect("its own"),
            record
        );
    }
}
