//! The domain: what money, invoices, pull payments and payouts *are*. Pure: values in, values out.
//!
//! No clock, no I/O, no randomness; nothing above this floor is named here.

pub mod access;
pub mod cbor;
pub mod destination;
pub mod fact;
pub mod ids;
pub mod invoice;
pub mod ledger;
pub mod money;
pub mod payout;
pub mod pull_payment;
pub mod rates;
pub mod receipt;
pub mod store;
pub mod till;
pub mod time;
pub mod webhook;
