//! Against a real bitcoind on regtest, with real Lightning nodes.
//!
//! Uses `BITCOIND_EXE`, or `bitcoind` on `PATH`; without one the tests are skipped with a loud message, or fail if
//! `TOLLWAY_REQUIRE_BITCOIND` is set.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod batch;
mod bitcoind;
mod books;
mod channels;
mod crash;
mod crashing_disk;
#[path = "../sim/dice.rs"]
#[allow(dead_code, reason = "shared with the simulator; each uses its part")]
mod dice;
#[path = "../sim/disk.rs"]
#[allow(dead_code, reason = "shared with the simulator; each uses its part")]
mod disk;
mod faults;
mod flows;
mod gateway;
mod house;
mod ldk;
mod lightning_payouts;
mod onchain;
mod reorg;
mod sandbox;
#[path = "../support/signer.rs"]
#[allow(
    dead_code,
    reason = "shared with the in-process tests; each uses its part"
)]
mod signer;
mod surroundings;
mod wallets;
mod webhooks;
mod withdraw_race;
