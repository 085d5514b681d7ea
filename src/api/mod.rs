//! The Greenfield JSON API: a client written for `BTCPay` Server works unmodified.
//!
//! Each handler extracts, authorises, calls one verb of the services and answers a shape of its room.

pub mod access;
pub mod auth;
pub mod books;
pub mod document;
pub mod error;
pub mod extract;
pub mod invoices;
pub mod lightning;
pub mod number;
pub mod once;
pub mod operations;
pub mod page;
mod paths;
pub mod payouts;
pub mod pull_payments;
mod rates;
mod routes;
pub mod schema;
pub mod server;
pub mod stores;
pub mod strays;
pub mod wallet;
pub mod webhooks;
pub mod wire;

pub use routes::{operations, router};
