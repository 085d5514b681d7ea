//! Rates that a withdraw link has promised for a while (Greenfield D22, D23).
//!
//! A quote is its own `k1`: its end, its rate, and a keyed hash over both and the link. Nothing is stored, however often
//! a link is scanned, and each quote is honoured until it ends.

use bitcoin::hashes::{Hash, HashEngine, Hmac, HmacEngine, sha256};
use rust_decimal::{Decimal, RoundingStrategy};
use subtle::ConstantTimeEq;

use crate::domain::money::{Msat, Parts, Rate, Sat};
use crate::domain::pull_payment::PullPayment;
use crate::domain::time::Timestamp;

/// Digits of a currency's parts.
const PARTS_DIGITS: u32 = 8;

/// A promised rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quote {
    /// Units of the link's currency per BTC.
    pub rate: Rate,
    /// Until then, whole seconds.
    pub until: Timestamp,
}

impl Quote {
    /// What a wallet brings back to have it.
    pub fn k1(&self, link: &PullPayment) -> Vec<u8> {
        let mut k1 = self.until.secs().to_be_bytes().to_vec();
        k1.extend_from_slice(&self.rate.per_btc().serialize());
        let mac = sign(link, &k1);
        k1.extend_from_slice(&mac);
        k1
    }

    /// The quote that a wallet brings back, if it is one of this link.
    pub fn read(link: &PullPayment, k1: &[u8]) -> Option<Self> {
        let (said, mac) = k1.split_at_checked(8 + 16)?;
        if !bool::from(sign(link, said).ct_eq(mac)) {
            return None;
        }
        let (until, rate) = said.split_first_chunk()?;
        Some(Self {
            rate: Rate::new(Decimal::deserialize(rate.try_into().ok()?))?,
            until: Timestamp::from_secs(u64::from_be_bytes(*until)),
        })
    }

    /// What a part of the limit is worth, rounded down.
    pub(super) fn worth(&self, link: &PullPayment, parts: Parts) -> Sat {
        let btc = self.rate.to_btc(parts.amount(link.limit.currency));
        let sat = btc.and_then(|btc| btc.checked_mul(Decimal::from(100_000_000)));
        Sat(sat
            .and_then(|sat| u64::try_from(sat.floor()).ok())
            .unwrap_or(0))
    }

    /// What an amount takes of the limit, rounded up.
    pub(super) fn asked(&self, amount: Msat) -> Decimal {
        let asked = self.rate.value_of(amount);
        asked
            .round_dp_with_strategy(PARTS_DIGITS, RoundingStrategy::ToPositiveInfinity)
            .normalize()
    }
}

fn sign(link: &PullPayment, said: &[u8]) -> [u8; 32] {
    let mut engine = HmacEngine::<sha256::Hash>::new(&link.k1);
    engine.input(link.id.as_bytes());
    engine.input(said);
    Hmac::from_engine(engine).to_byte_array()
}
