//! Prices that a test sets.

use std::collections::BTreeMap;
use std::sync::Mutex;

use rust_decimal::Decimal;
use tollway::domain::money::{Currency, Rate};
use tollway::ports::rates::{NoRate, Rates};

use super::locked;

/// No price until one is set.
#[derive(Default)]
pub struct FakeRates(Mutex<BTreeMap<Currency, Rate>>);

impl FakeRates {
    /// Sets what one BTC costs.
    pub fn set(&self, currency: Currency, per_btc: Decimal) {
        let rate = Rate::new(per_btc).expect("a positive price");
        locked(&self.0).insert(currency, rate);
    }

    /// Forgets a price.
    pub fn forget(&self, currency: Currency) {
        locked(&self.0).remove(&currency);
    }
}

impl Rates for FakeRates {
    fn rate(&self, currency: Currency) -> Result<Rate, NoRate> {
        locked(&self.0)
            .get(&currency)
            .copied()
            .ok_or_else(|| NoRate {
                currency,
                why: "the test has set none".to_owned(),
            })
    }
}
