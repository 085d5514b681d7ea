//! Prices from the configuration: for regtest, and for shops that price by hand.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use crate::domain::money::{Currency, Rate};
use crate::ports::rates::{NoRate, Rates};

/// A table of prices that never changes.
#[derive(Clone, Debug, Default)]
pub struct FixedRates(BTreeMap<Currency, Rate>);

impl FixedRates {
    /// From currency codes and units per BTC. The error is for the operator.
    pub fn new(table: &BTreeMap<String, Decimal>) -> Result<Self, String> {
        table
            .iter()
            .map(|(code, per_btc)| {
                let currency: Currency = code.parse().map_err(|e| format!("rates.fixed: {e}"))?;
                let rate = Rate::new(*per_btc)
                    .ok_or_else(|| format!("rates.fixed.{code} has to be positive"))?;
                Ok((currency, rate))
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

impl Rates for FixedRates {
    fn rate(&self, currency: Currency) -> Result<Rate, NoRate> {
        self.0.get(&currency).copied().ok_or_else(|| NoRate {
            currency,
            why: "no price is configured".to_owned(),
        })
    }
}
