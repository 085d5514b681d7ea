//! What a store says about its rates (Greenfield 4.3).

use minicbor::{Decode, Encode};
use rust_decimal::Decimal;

use crate::domain::cbor;

/// Rules of a store: a script of its own, or a preferred source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct RuleSet {
    /// Percent by which invoices are priced worse for the payer, 0 to 100.
    #[cbor(n(0), with = "cbor::decimal")]
    pub spread_percent: Decimal,
    /// Which source the rates come from; the server's usual one if `None`.
    #[n(1)]
    pub preferred_source: Option<String>,
    /// A script of the store's own, which parsed when it was set; it wins over the source.
    #[n(2)]
    pub script: Option<String>,
}

impl RuleSet {
    /// Rules for a source.
    pub fn of_source(source: &str) -> Self {
        Self {
            preferred_source: Some(source.to_owned()),
            ..Self::default()
        }
    }

    /// The source that is in force where there is no script.
    pub fn source<'a>(&'a self, usual: &'a str) -> &'a str {
        self.preferred_source.as_deref().unwrap_or(usual)
    }

    /// The script in force.
    pub fn effective_script(&self, usual: &str) -> String {
        let own = self.script.clone();
        own.unwrap_or_else(|| script_of(self.source(usual)))
    }
}

/// The script that asks a source for everything.
pub fn script_of(source: &str) -> String {
    format!("X_X = {source}(X_X);\n")
}

/// Who is asked when the first rules give no rate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub enum Fallback {
    /// The server's next source, if it has another one.
    #[n(0)]
    #[default]
    Usual,
    /// Nobody.
    #[n(1)]
    Off,
    /// These rules.
    #[n(2)]
    On(#[n(0)] RuleSet),
}

/// A store's rates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct StoreRates {
    /// Asked first.
    #[n(0)]
    pub primary: RuleSet,
    /// Asked when that gives no rate.
    #[n(1)]
    pub fallback: Fallback,
}
