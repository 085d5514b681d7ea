//! How the rate of an invoice came about, for who looks at it later.

use minicbor::{Decode, Encode};

use super::FixedRate;
use crate::domain::cbor;
use crate::domain::money::Currency;

/// Where an invoice's rate came from, and what else was to be noted then.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Rated {
    /// Ids of the sources that were asked; none where the rate is a fact or a number of the store's script.
    #[n(0)]
    pub sources: Vec<String>,
    /// What bitcoin cost in other currencies at the time, where there was a rate (Greenfield
    /// `additionalTrackedRates`).
    #[n(1)]
    pub tracked: Vec<TrackedRate>,
}

/// What bitcoin cost in a currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct TrackedRate {
    /// Which.
    #[cbor(n(0), with = "cbor::currency")]
    pub currency: Currency,
    /// Units of it per BTC.
    #[n(1)]
    pub rate: FixedRate,
}
