//! Keepers: background workers without input. Each looks at the store and the world, does what is due, and says
//! when to look again. The path after a crash is the everyday path.

pub mod bookkeeper;
pub mod calendar;
pub mod chain_follower;
pub mod gate;
pub mod lightning_events;
pub mod marker;
pub mod payout_runner;
pub mod prompter;
pub mod pruner;
pub mod rate_fetcher;
pub mod webhook_courier;
