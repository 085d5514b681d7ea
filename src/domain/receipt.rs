//! A receipt is money that came in, known by what the network calls it. A key counts once, for ever.

use std::fmt;
use std::str::FromStr;

use bitcoin::OutPoint;
use minicbor::{Decode, Encode};

use super::cbor;
use super::ids::{PaymentHash, PayoutId, UserId};
use super::money::Msat;
use super::time::Timestamp;

/// What the network calls the payment: insert-if-absent by this key is the one place of deduplication.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub enum ReceiptKey {
    /// A Lightning payment by its hash.
    #[n(0)]
    Lightning(#[n(0)] PaymentHash),
    /// An output of a transaction.
    #[n(1)]
    Onchain(#[cbor(n(0), with = "cbor::outpoint")] OutPoint),
    /// A payout of this server, settled in the books alone (P7).
    #[n(2)]
    Inside(#[n(0)] PayoutId),
}

impl ReceiptKey {
    /// As it stands in keys of the store.
    pub fn to_bytes(self) -> Vec<u8> {
        match self {
            Self::Lightning(hash) => [&[0][..], hash.as_bytes()].concat(),
            Self::Onchain(outpoint) => {
                [&[1][..], &bitcoin::consensus::serialize(&outpoint)].concat()
            }
            Self::Inside(payout) => [&[2][..], payout.as_bytes()].concat(),
        }
    }

    /// Which rail it came over.
    pub const fn rail(&self) -> Rail {
        match self {
            Self::Lightning(_) | Self::Inside(_) => Rail::Lightning,
            Self::Onchain(_) => Rail::Onchain,
        }
    }
}

/// Greenfield's payment id: the outpoint, the payment hash, or the payout that paid from inside.
impl fmt::Display for ReceiptKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lightning(hash) => write!(f, "{hash}"),
            Self::Onchain(outpoint) => write!(f, "{outpoint}"),
            Self::Inside(payout) => write!(f, "{payout}"),
        }
    }
}

/// The text is no payment's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("neither an outpoint nor a payment hash")]
pub struct BadReceiptKey;

/// Reads what [`fmt::Display`] writes.
impl FromStr for ReceiptKey {
    type Err = BadReceiptKey;

    fn from_str(text: &str) -> Result<Self, BadReceiptKey> {
        let hash = text.parse().map(Self::Lightning);
        hash.or_else(|_| text.parse().map(Self::Onchain))
            .map_err(|_| BadReceiptKey)
    }
}

/// A way for money to move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Rail {
    /// Lightning: `BTC-LN`.
    #[n(0)]
    Lightning,
    /// The chain: `BTC-CHAIN`.
    #[n(1)]
    Onchain,
}

/// The text is no payment or payout method we know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a known payment method")]
pub struct UnknownRail;

impl Rail {
    /// Both, Lightning first.
    pub const ALL: [Self; 2] = [Self::Lightning, Self::Onchain];

    /// Greenfield's canonical method id.
    pub const fn method_id(self) -> &'static str {
        match self {
            Self::Lightning => "BTC-LN",
            Self::Onchain => "BTC-CHAIN",
        }
    }
}

/// Reads a method id and its old aliases, in any case (Greenfield section 2).
impl FromStr for Rail {
    type Err = UnknownRail;

    fn from_str(text: &str) -> Result<Self, UnknownRail> {
        match text.to_ascii_uppercase().replace('_', "-").as_str() {
            "BTC-LN" | "BTC-LIGHTNINGNETWORK" | "BTC-LIGHTNINGLIKE" | "BTC-OFFCHAIN" => {
                Ok(Self::Lightning)
            }
            "BTC" | "BTC-CHAIN" | "BTC-ONCHAIN" | "BTC-BITCOINLIKE" | "BTC-BTCLIKE" => {
                Ok(Self::Onchain)
            }
            _ => Err(UnknownRail),
        }
    }
}

/// How a payout's money went out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Way {
    /// The node paid it.
    #[n(0)]
    #[default]
    Lightning,
    /// A till paid it.
    #[n(1)]
    Onchain,
    /// It never left: the payee is an invoice of this server.
    #[n(2)]
    Inside,
}

/// Money in, as an invoice keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Receipt {
    /// What the network calls it.
    #[n(0)]
    pub key: ReceiptKey,
    /// How much came.
    #[n(1)]
    pub amount: Msat,
    /// When it was first seen.
    #[n(2)]
    pub received_at: Timestamp,
    /// How sure it is.
    #[n(3)]
    pub standing: ReceiptStanding,
    /// What was paid to: the BOLT11 or the address.
    #[n(4)]
    pub destination: String,
    /// Who said that it is meant for this invoice; `None` if it came to the invoice's own address or BOLT11.
    #[n(5)]
    pub assigned_by: Option<UserId>,
}

/// How sure a receipt is. Lightning is settled at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum ReceiptStanding {
    /// Seen; too few confirmations for the invoice's speed policy.
    #[n(0)]
    Processing {
        /// Blocks so far, counted up to 6.
        #[n(0)]
        confirmations: u32,
    },
    /// As sure as the invoice's speed policy asks.
    #[n(1)]
    Settled,
    /// Replaced, double-spent, evicted or reorganised away. May come back.
    #[n(2)]
    Lost,
}

impl Receipt {
    /// Counts towards what is due.
    pub const fn counts(&self) -> bool {
        !matches!(self.standing, ReceiptStanding::Lost)
    }

    /// Counts, and can't go away by the invoice's policy.
    pub const fn is_settled(&self) -> bool {
        matches!(self.standing, ReceiptStanding::Settled)
    }
}
