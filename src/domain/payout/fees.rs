//! The most that may be spent on routing.

use minicbor::{Decode, Encode};
use rust_decimal::Decimal;

use crate::domain::cbor;
use crate::domain::money::Msat;

/// What a store lets its payouts spend on routing where nobody says otherwise: a share, but at least the floor, since
/// small payments have fees too (D16).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct FeeCap {
    /// Percent of the amount, 0 to 100.
    #[cbor(n(0), with = "cbor::decimal")]
    pub percent: Decimal,
    /// So much is allowed in any case.
    #[n(1)]
    pub floor: Msat,
}

impl Default for FeeCap {
    fn default() -> Self {
        Self {
            percent: Decimal::ONE,
            floor: Msat(10_000),
        }
    }
}

impl FeeCap {
    /// The most to spend on a payment of this amount.
    pub fn most(&self, amount: Msat) -> Msat {
        bounded(share(self.percent, amount).max(self.floor), amount)
    }
}

/// What somebody wants a single payout to spend at most. If both are given, both hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct FeeWish {
    /// Percent of the amount, 0 to 100.
    #[cbor(n(0), with = "cbor::optional_decimal")]
    pub percent: Option<Decimal>,
    /// In all.
    #[n(1)]
    pub flat: Option<Msat>,
}

impl FeeWish {
    /// Nothing is wished.
    pub const fn is_none(&self) -> bool {
        self.percent.is_none() && self.flat.is_none()
    }

    /// The most to spend on a payment of this amount; `None` if nothing is wished.
    pub fn most(&self, amount: Msat) -> Option<Msat> {
        let by_share = self.percent.map(|percent| share(percent, amount));
        let most = match (by_share, self.flat) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        most.map(|most| bounded(most, amount))
    }
}

/// Whoever says "no limit" means no more than the payment itself, or than this for a small one.
const FEE_MAX_FOR_SMALL: Msat = Msat(1_000_000_000);

fn bounded(fee: Msat, amount: Msat) -> Msat {
    fee.min(amount.max(FEE_MAX_FOR_SMALL))
}

fn share(percent: Decimal, amount: Msat) -> Msat {
    let fee = Decimal::from(amount.0)
        .checked_mul(percent)
        .and_then(|product| product.checked_div(Decimal::ONE_HUNDRED))
        .and_then(|fee| u64::try_from(fee.floor()).ok());
    Msat(fee.unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_allows_a_share_but_at_least_the_floor() {
        let half = FeeCap {
            percent: Decimal::new(5, 1),
            floor: Msat(0),
        };
        for (cap, amount, most) in [
            (FeeCap::default(), 1_000_000, 10_000),
            (FeeCap::default(), 5_000_099, 50_000),
            (half, 1_000_000, 5_000),
            (half, 199, 0),
            (
                FeeCap {
                    percent: Decimal::ZERO,
                    floor: Msat(u64::MAX),
                },
                1_000,
                1_000_000_000,
            ),
        ] {
            assert_eq!(cap.most(Msat(amount)), Msat(most), "{cap:?} {amount}");
        }
    }

    #[test]
    fn of_two_wishes_both_hold() {
        let one = Some(Decimal::ONE);
        for (percent, flat, most) in [
            (None, None, None),
            (one, None, Some(10_000)),
            (None, Some(7), Some(7)),
            (one, Some(7), Some(7)),
            (one, Some(20_000), Some(10_000)),
            (Some(Decimal::ZERO), None, Some(0)),
        ] {
            let flat = flat.map(Msat);
            let wish = FeeWish { percent, flat };
            assert_eq!(wish.most(Msat(1_000_000)), most.map(Msat), "{wish:?}");
        }
    }
}
