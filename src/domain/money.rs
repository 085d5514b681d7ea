//! Amounts. Units ride in the type: [`Msat`], [`Sat`]; everything that is not bitcoin is a [`Money`].
//!
//! Rounding always has a name (`to_sat_floor`, `to_sat_ceil`, `round_price`), and no arithmetic here can wrap.

mod parts;

use std::fmt;
use std::iter::Sum;
use std::str::FromStr;

use minicbor::{Decode, Encode};
use rust_decimal::{Decimal, RoundingStrategy};

pub use parts::Parts;

/// All bitcoin that can ever exist, in satoshi; no amount above it is accepted anywhere.
pub const SAT_MAX: Sat = Sat(21_000_000 * 100_000_000);

/// Millisatoshi, the unit of Lightning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct Msat(#[n(0)] pub u64);

/// Satoshi, the unit of the chain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct Sat(#[n(0)] pub u64);

impl Msat {
    /// No money.
    pub const ZERO: Self = Self(0);

    /// Whole satoshi, the rest dropped.
    pub const fn to_sat_floor(self) -> Sat {
        Sat(self.0 / 1_000)
    }

    /// Whole satoshi, a started one counted whole.
    pub const fn to_sat_ceil(self) -> Sat {
        Sat(self.0.div_ceil(1_000))
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

    /// The amount in BTC, with at most 11 decimals.
    pub fn to_btc(self) -> Decimal {
        Decimal::from(self.0)
            .checked_mul(Decimal::new(1, 11))
            .unwrap_or(Decimal::MAX)
            .normalize()
    }
}

impl Sat {
    /// No money.
    pub const ZERO: Self = Self(0);

    /// The same amount in millisatoshi.
    pub const fn to_msat(self) -> Msat {
        Msat(self.0.saturating_mul(1_000))
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

    /// The amount in BTC, with at most 8 decimals, in its shortest form.
    pub fn to_btc(self) -> Decimal {
        self.to_msat().to_btc()
    }
}

impl Sum for Msat {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::ZERO, Self::plus)
    }
}

impl Sum for Sat {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::ZERO, Self::plus)
    }
}

impl fmt::Display for Msat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} msat", self.0)
    }
}

impl fmt::Display for Sat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} sat", self.0)
    }
}

/// BTC to whole satoshi, a started one counted whole. `None` if negative or above [`SAT_MAX`].
pub fn btc_to_sat_ceil(btc: Decimal) -> Option<Sat> {
    scaled(btc, 8, RoundingStrategy::ToPositiveInfinity).map(Sat)
}

/// BTC to millisatoshi, a started one counted whole. `None` if negative or above [`SAT_MAX`].
pub fn btc_to_msat_ceil(btc: Decimal) -> Option<Msat> {
    scaled(btc, 11, RoundingStrategy::ToPositiveInfinity).map(Msat)
}

fn scaled(btc: Decimal, digits: u32, rounding: RoundingStrategy) -> Option<u64> {
    if btc.is_sign_negative() && !btc.is_zero() || btc > Decimal::from(21_000_000) {
        return None;
    }
    let scaled = btc.checked_mul(Decimal::from(10_u64.checked_pow(digits)?))?;
    scaled.round_dp_with_strategy(0, rounding).try_into().ok()
}

/// What an amount may be in: `BTC`, `SATS`, a fiat code of ISO 4217, or a unit of somebody's own such as `HOURS`.
///
/// Parsing text takes what is known; [`Currency::unit`] takes any unit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; UNIT_CHARS_MAX]);

/// The longest code of a unit (Greenfield 7.2).
const UNIT_CHARS_MAX: usize = 12;

/// Decimals of a unit that is no known currency (Greenfield 7.2).
const UNIT_DECIMALS: u32 = 8;

/// ISO 4217 codes with their decimals, as far as rates are published for them.
const FIAT: &[(&str, u32)] = &[
    ("AED", 2),
    ("ARS", 2),
    ("AUD", 2),
    ("BDT", 2),
    ("BGN", 2),
    ("BHD", 3),
    ("BRL", 2),
    ("CAD", 2),
    ("CHF", 2),
    ("CLP", 0),
    ("CNY", 2),
    ("COP", 2),
    ("CRC", 2),
    ("CUP", 2),
    ("CZK", 2),
    ("DKK", 2),
    ("DOP", 2),
    ("EGP", 2),
    ("EUR", 2),
    ("GBP", 2),
    ("GEL", 2),
    ("GHS", 2),
    ("GTQ", 2),
    ("HKD", 2),
    ("HNL", 2),
    ("HUF", 2),
    ("IDR", 2),
    ("ILS", 2),
    ("INR", 2),
    ("ISK", 0),
    ("JOD", 3),
    ("JPY", 0),
    ("KES", 2),
    ("KRW", 0),
    ("KWD", 3),
    ("KZT", 2),
    ("LBP", 2),
    ("LKR", 2),
    ("MAD", 2),
    ("MMK", 2),
    ("MXN", 2),
    ("MYR", 2),
    ("NGN", 2),
    ("NIO", 2),
    ("NOK", 2),
    ("NPR", 2),
    ("NZD", 2),
    ("OMR", 3),
    ("PAB", 2),
    ("PEN", 2),
    ("PHP", 2),
    ("PKR", 2),
    ("PLN", 2),
    ("PYG", 0),
    ("QAR", 2),
    ("RON", 2),
    ("RSD", 2),
    ("RUB", 2),
    ("SAR", 2),
    ("SEK", 2),
    ("SGD", 2),
    ("THB", 2),
    ("TND", 3),
    ("TRY", 2),
    ("TWD", 2),
    ("TZS", 2),
    ("UAH", 2),
    ("UGX", 0),
    ("USD", 2),
    ("UYU", 2),
    ("UZS", 2),
    ("VES", 2),
    ("VND", 0),
    ("XAF", 0),
    ("XOF", 0),
    ("ZAR", 2),
    ("ZMW", 2),
];

impl Currency {
    /// Bitcoin.
    pub const BTC: Self = Self(*b"BTC\0\0\0\0\0\0\0\0\0");
    /// The dollar, the default of a new store.
    pub const USD: Self = Self(*b"USD\0\0\0\0\0\0\0\0\0");
    /// A hundred-millionth of a bitcoin.
    pub const SATS: Self = Self(*b"SATS\0\0\0\0\0\0\0\0");

    /// Any unit: 2 to 12 letters and digits, beginning with a letter, in either case (Greenfield 7.2).
    pub fn unit(text: &str) -> Result<Self, UnknownCurrency> {
        let code = text.trim().to_ascii_uppercase();
        let fits = (2..=UNIT_CHARS_MAX).contains(&code.len())
            && code.starts_with(|first: char| first.is_ascii_uppercase())
            && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !fits {
            return Err(UnknownCurrency(text.chars().take(16).collect()));
        }
        let mut bytes = [0; UNIT_CHARS_MAX];
        for (place, byte) in bytes.iter_mut().zip(code.bytes()) {
            *place = byte;
        }
        Ok(Self(bytes))
    }

    /// Bitcoin under either name, or a fiat code of ISO 4217 that rates are published for.
    pub fn is_known(self) -> bool {
        self.is_bitcoin() || FIAT.iter().any(|(known, _)| *known == self.code())
    }

    /// The code, in upper case.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).map_or("", |code| code.trim_end_matches('\0'))
    }

    /// Decimals an amount in it is shown and rounded with; 8 for a unit of somebody's own.
    pub fn decimals(self) -> u32 {
        match self {
            Self::BTC => 8,
            Self::SATS => 0,
            fiat => FIAT
                .iter()
                .find(|(code, _)| *code == fiat.code())
                .map_or(UNIT_DECIMALS, |(_, decimals)| *decimals),
        }
    }

    /// Bitcoin under either name: amounts need no rate.
    pub fn is_bitcoin(self) -> bool {
        self == Self::BTC || self == Self::SATS
    }

    /// How many of it make one BTC, where that is a fact and not a rate.
    pub fn fixed_per_btc(self) -> Option<Decimal> {
        match self {
            Self::BTC => Some(Decimal::ONE),
            Self::SATS => Some(Decimal::from(100_000_000)),
            _ => None,
        }
    }
}

/// The text names no currency we know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a known currency")]
pub struct UnknownCurrency(pub String);

impl FromStr for Currency {
    type Err = UnknownCurrency;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::unit(text).and_then(|unit| {
            if unit.is_known() {
                Ok(unit)
            } else {
                Err(UnknownCurrency(text.chars().take(16).collect()))
            }
        })
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// An amount in some currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Money {
    /// How much.
    pub amount: Decimal,
    /// Of what.
    pub currency: Currency,
}

impl Money {
    /// The amount rounded to its currency's decimals, half away from zero (Greenfield 5.2).
    #[must_use]
    pub fn round_price(self) -> Self {
        let decimals = self.currency.decimals();
        let amount = self
            .amount
            .round_dp_with_strategy(decimals, RoundingStrategy::MidpointAwayFromZero);
        Self { amount, ..self }
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.amount, self.currency)
    }
}

/// A price of bitcoin: how many units of a currency make one BTC. Always positive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate(Decimal);

impl Rate {
    /// A rate, if it is positive.
    pub fn new(per_btc: Decimal) -> Option<Self> {
        (per_btc > Decimal::ZERO).then_some(Self(per_btc))
    }

    /// Units of the currency per BTC.
    pub const fn per_btc(self) -> Decimal {
        self.0
    }

    /// What an amount in the rate's currency is worth in BTC. `None` on overflow.
    pub fn to_btc(self, amount: Decimal) -> Option<Decimal> {
        amount.checked_div(self.0)
    }

    /// What an amount of bitcoin is worth in the rate's currency, unrounded.
    pub fn value_of(self, amount: Msat) -> Decimal {
        amount
            .to_btc()
            .checked_mul(self.0)
            .unwrap_or(Decimal::MAX)
            .normalize()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dec(text: &str) -> Decimal {
        text.parse().expect("decimal")
    }

    #[test]
    fn btc_rounds_up_to_whole_sats() {
        let rows = [
            ("0.00021", Some(21_000)),
            ("0.000000001", Some(1)),
            ("0", Some(0)),
            ("1", Some(100_000_000)),
            ("21000000", Some(SAT_MAX.0)),
            ("21000000.00000001", None),
            ("-0.00000001", None),
            ("79228162514264337593543950335", None),
        ];
        for (btc, sat) in rows {
            assert_eq!(btc_to_sat_ceil(dec(btc)), sat.map(Sat), "{btc}");
        }
    }

    #[test]
    fn sats_have_a_shortest_form_in_btc() {
        let rows = [
            (1, "0.00000001"),
            (21_000, "0.00021"),
            (150_000, "0.0015"),
            (100_000_000, "1"),
            (123_456_789, "1.23456789"),
        ];
        for (sat, text) in rows {
            assert_eq!(Sat(sat).to_btc().to_string(), text);
        }
    }

    #[test]
    fn msat_rounding_has_a_direction() {
        assert_eq!(Msat(1_001).to_sat_floor(), Sat(1));
        assert_eq!(Msat(1_001).to_sat_ceil(), Sat(2));
        assert_eq!(Msat(u64::MAX).plus(Msat(1)), Msat(u64::MAX));
        assert_eq!(Msat(1).minus(Msat(2)), Msat(0));
    }

    #[test]
    fn currencies_parse_in_any_case_and_only_if_known() {
        assert_eq!("usd".parse(), Ok::<_, UnknownCurrency>(Currency::USD));
        assert_eq!("sats".parse(), Ok::<_, UnknownCurrency>(Currency::SATS));
        for bad in ["", "US", "DOGE", "\u{20ac}", "USDUSDUSDUSDUSDUSD"] {
            assert!(bad.parse::<Currency>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_unit_has_two_to_twelve_letters_and_digits() {
        for (text, code) in [
            ("hours", "HOURS"),
            (" Beer ", "BEER"),
            ("A1", "A1"),
            ("ABCDEFGHIJKL", "ABCDEFGHIJKL"),
            ("usd", "USD"),
        ] {
            let unit = Currency::unit(text).expect("a unit");
            assert_eq!(unit.code(), code);
            assert_eq!(Currency::unit(unit.code()), Ok(unit));
        }
        for bad in [
            "",
            " ",
            "A",
            "1A",
            "ABCDEFGHIJKLM",
            "A_B",
            "\u{c4}B",
            "A B",
            "A\0",
        ] {
            assert!(Currency::unit(bad).is_err(), "{bad:?}");
        }
        let beer = Currency::unit("BEER").expect("a unit");
        assert_eq!((beer.decimals(), beer.is_known()), (8, false));
        assert!(Currency::BTC.is_known() && Currency::SATS.is_known());
    }

    #[test]
    fn prices_round_half_away_from_zero() {
        let price = Money {
            amount: dec("1.005"),
            currency: "USD".parse().expect("known"),
        };
        assert_eq!(price.round_price().amount, dec("1.01"));
    }
}
