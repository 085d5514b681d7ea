//! What budgets are counted in.

use std::fmt;

use minicbor::{Decode, Encode};
use rust_decimal::{Decimal, RoundingStrategy};

use super::{Currency, Sat};

/// Hundred-millionths of a currency; of bitcoin, under either name, satoshi. Budgets are counted in them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct Parts(#[n(0)] pub u64);

impl Parts {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// An amount in parts, a started one counted whole. `None` if it is negative or too large.
    pub fn of(amount: Decimal, currency: Currency) -> Option<Self> {
        if amount.is_sign_negative() && !amount.is_zero() {
            return None;
        }
        amount
            .checked_mul(Self::per_unit(currency))?
            .round_dp_with_strategy(0, RoundingStrategy::ToPositiveInfinity)
            .try_into()
            .ok()
            .map(Self)
    }

    /// An amount that can be claimed: positive, exact in parts, and of bitcoin no more than there is.
    pub fn positive(amount: Decimal, currency: Currency) -> Option<Self> {
        let parts = Self::of(amount, currency)?;
        let exact = parts.amount(currency) == amount;
        let exists = !currency.is_bitcoin() || parts.0 <= super::SAT_MAX.0;
        (parts > Self::ZERO && exact && exists).then_some(parts)
    }

    /// The amount in a currency, in its shortest form.
    pub fn amount(self, currency: Currency) -> Decimal {
        Decimal::from(self.0)
            .checked_div(Self::per_unit(currency))
            .unwrap_or_default()
            .normalize()
    }

    fn per_unit(currency: Currency) -> Decimal {
        if currency == Currency::SATS {
            Decimal::ONE
        } else {
            Decimal::from(100_000_000)
        }
    }

    /// The sum, at most `u64::MAX`.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// What is left after `other` is taken, at least zero.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl fmt::Display for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} parts", self.0)
    }
}

impl From<Sat> for Parts {
    fn from(amount: Sat) -> Self {
        Self(amount.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dec(text: &str) -> Decimal {
        text.parse().expect("decimal")
    }

    #[test]
    fn parts_are_exact_and_rounded_up() {
        let rows = [
            ("1.5", "USD", Some(150_000_000)),
            ("0.000000001", "HOURS", Some(1)),
            ("21000", "SATS", Some(21_000)),
            ("0.5", "SATS", Some(1)),
            ("0.00021", "BTC", Some(21_000)),
            ("-1", "USD", None),
            ("184467440737.09551615", "USD", Some(u64::MAX)),
            ("184467440737.09551616", "USD", None),
            ("79228162514264337593543950335", "USD", None),
        ];
        for (amount, code, parts) in rows {
            let currency = Currency::unit(code).expect(code);
            let read = Parts::of(dec(amount), currency);
            assert_eq!(read, parts.map(Parts), "{amount} {code}");
        }
        assert_eq!(Parts(150_000_000).amount(Currency::USD), dec("1.5"));
        assert_eq!(Parts(21_000).amount(Currency::SATS), dec("21000"));
    }
}
