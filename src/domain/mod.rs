//! The domain: what money, invoices, pull payments and payouts *are*. Pure: values in, values out.
//!
//! No clock, no I/O, no randomness; nothing above this floor is named here.

pub mod cbor;
pub mod fact;
pub mod ids;
pub mod money;
pub mod till;
pub mod time;
