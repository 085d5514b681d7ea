//! Ids are kinds: a function that takes two can't be called the wrong way round.
//!
//! Written forms are Greenfield's (section 1.2): base58 of 32, 16 or 20 bytes; users are GUIDs.

use std::fmt;
use std::str::FromStr;

use minicbor::{Decode, Encode};

use super::time::Timestamp;

/// The text is not an id of this kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a well-formed id")]
pub struct BadId;

macro_rules! base58_id {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
        #[cbor(transparent)]
        pub struct $name(#[cbor(n(0), with = "minicbor::bytes")] pub [u8; $len]);

        impl $name {
            /// How many bytes an id of this kind has.
            pub const LEN: usize = $len;

            /// The raw bytes, as they stand in keys of the store.
            pub const fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }

            /// An id from the raw bytes of a key.
            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&bs58::encode(self.0).into_string())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = BadId;

            fn from_str(text: &str) -> Result<Self, BadId> {
                let mut bytes = [0; $len];
                match bs58::decode(text).onto(&mut bytes) {
                    Ok($len) => Ok(Self(bytes)),
                    _ => Err(BadId),
                }
            }
        }
    };
}

base58_id!(
    /// A store: one shop with its own wallet, settings and ledger.
    StoreId,
    32
);
base58_id!(
    /// An invoice.
    InvoiceId,
    16
);
base58_id!(
    /// A pull payment.
    PullPaymentId,
    20
);
base58_id!(
    /// A payout.
    PayoutId,
    20
);
base58_id!(
    /// One signed on-chain transaction of ours and all its versions.
    BatchId,
    16
);

base58_id!(
    /// An endpoint that is told what happens in a store.
    WebhookId,
    16
);
base58_id!(
    /// One message to an endpoint: each try has its own.
    DeliveryId,
    16
);

impl DeliveryId {
    /// The id of the first message that tells an endpoint of a fact; `part` counts the events of one fact from 0. The same
    /// fact always has the same id: a job of the writer draws no random numbers.
    pub fn of_fact(webhook: WebhookId, sequence: u64, part: u8) -> Self {
        Self::hashed(&[webhook.as_bytes(), &sequence.to_be_bytes(), &[part]])
    }

    /// The id of the message that repeats this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self::hashed(&[b"again", self.as_bytes()])
    }

    fn hashed(parts: &[&[u8]]) -> Self {
        use bitcoin::hashes::{Hash, sha256};
        let hash = sha256::Hash::hash(&parts.concat()).to_byte_array();
        let mut id = [0; Self::LEN];
        id.copy_from_slice(&hash[..Self::LEN]);
        Self(id)
    }
}

impl InvoiceId {
    /// An id for an invoice made at this time. It begins with the time, in milliseconds, so that invoices made one
    /// after another are neighbours in the file; 80 random bits keep it from being guessed.
    pub fn new(created: Timestamp, random: [u8; 10]) -> Self {
        let mut bytes = [0; Self::LEN];
        bytes[..6].copy_from_slice(&created.0.to_be_bytes()[2..]);
        bytes[6..].copy_from_slice(&random);
        Self(bytes)
    }
}

impl StoreId {
    /// The house itself: what the server's own Lightning API receives and pays belongs to no shop.
    pub const HOUSE: Self = Self([0; 32]);
}

/// A person with an account: 16 bytes, written as a GUID.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct UserId(#[cbor(n(0), with = "minicbor::bytes")] pub [u8; 16]);

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex = hex::encode(self.0);
        write!(
            f,
            "{}-{}-{}-{}-{}",
            &hex[..8],
            &hex[8..12],
            &hex[12..16],
            &hex[16..20],
            &hex[20..]
        )
    }
}

impl fmt::Debug for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for UserId {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        let plain = text.replace('-', "");
        let mut bytes = [0; 16];
        hex::decode_to_slice(plain, &mut bytes).map_err(|_| BadId)?;
        Ok(Self(bytes))
    }
}

/// The hash that names a Lightning payment (BOLT 2, BOLT 11 `p`): 32 bytes, written in hex.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct PaymentHash(#[cbor(n(0), with = "minicbor::bytes")] pub [u8; 32]);

/// The secret whose sha256 is a [`PaymentHash`]; who knows it was paid, or has paid.
#[derive(Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct Preimage(#[cbor(n(0), with = "minicbor::bytes")] pub [u8; 32]);

impl PaymentHash {
    /// The raw bytes, as they stand in keys of the store.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl Preimage {
    /// Whether it is the proof for this hash.
    pub fn proves(&self, hash: &PaymentHash) -> bool {
        use bitcoin::hashes::{Hash, sha256};
        sha256::Hash::hash(&self.0).to_byte_array() == hash.0
    }

    /// In hex, for who may see it.
    pub fn reveal(&self) -> String {
        hex::encode(self.0)
    }
}

impl fmt::Display for PaymentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for PaymentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Never printed by accident: a preimage in a log is money in a log.
impl fmt::Debug for Preimage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Preimage(..)")
    }
}

impl FromStr for Preimage {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| BadId)?;
        Ok(Self(bytes))
    }
}

impl FromStr for PaymentHash {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| BadId)?;
        Ok(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_come_back_from_their_written_form() {
        let id = InvoiceId([7; 16]);
        assert_eq!(id.to_string().parse(), Ok(id));
        let zero = StoreId([0; 32]);
        assert_eq!(zero.to_string().parse(), Ok(zero));
        let user = UserId([0xab; 16]);
        assert_eq!(user.to_string(), "abababab-abab-abab-abab-abababababab");
        assert_eq!(user.to_string().parse(), Ok(user));
    }

    #[test]
    fn invoices_are_ordered_by_their_time() {
        let early = InvoiceId::new(Timestamp(1_700_000_000_000), [255; 10]);
        let late = InvoiceId::new(Timestamp(1_700_000_000_001), [0; 10]);
        assert!(early < late);
        assert_eq!(early.0[6..], [255; 10]);
        assert_eq!(late.to_string().parse(), Ok(late));
    }

    #[test]
    fn other_texts_are_refused() {
        for bad in ["", "0", "l", "é", "11111111111111111", &"z".repeat(500)] {
            assert!(bad.parse::<InvoiceId>().is_err(), "{bad}");
            assert!(bad.parse::<PaymentHash>().is_err(), "{bad}");
        }
    }
}
