//! Everything that runs in one process over the fakes: no network but loopback, no other process, no real time.

#[allow(
    dead_code,
    reason = "the fakes are whole; each test binary uses its part"
)]
#[path = "../support/mod.rs"]
mod support;

mod api;
mod audit;
mod books;
mod claims;
mod golden;
mod lockfile;
mod money_in;
mod pages;
mod payouts;
mod promises;
mod rates;
mod samples;
mod server;
mod store;
mod surroundings;
mod walls;
mod webhooks;
