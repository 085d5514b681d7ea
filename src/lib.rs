//! Tollway: a Lightning-first payment gateway in one binary.
//!
//! Floors: `domain ← wallet/store ← service ← api/lnurl/ui`; keepers beside, ports and adapters below.

pub mod adapters;
pub mod api;
pub mod app;
pub mod cli;
pub mod config;
pub mod control;
pub mod domain;
pub mod faults;
pub mod http;
pub mod keepers;
pub mod lnurl;
pub mod ports;
#[cfg(debug_assertions)]
pub mod sabotage;
pub mod service;
pub mod store;
pub mod telemetry;
pub mod ui;
pub mod wallet;
