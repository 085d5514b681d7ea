//! The tills: on-chain accounts as values in memory, one bdk wallet each, public keys only.
//!
//! No I/O happens here. What a change stages is written by the store in the commit of the rows that need it;
//! what the chain shows comes in as a [`Sighting`]; keys come in with the call that signs.

pub mod bump;
mod bytes;
pub mod change;
mod descriptor;
pub mod history;
mod holdings;
pub mod import;
pub mod keychain;
mod picture;
pub mod record;
mod shape;
pub mod sighting;
pub mod signed;
pub mod spend;
mod till;
pub mod tills;
pub mod trail;
pub mod watch;

#[cfg(test)]
mod tests;

pub use bump::BumpRequest;
pub use keychain::Keychain;
pub use picture::{TillBalance, TxStanding};
pub use record::{Generated, TillKind, TillRecord};
pub use sighting::{Anchored, Sighting};
pub use signed::{Brought, CantTake, Foreign};
pub use spend::{SignedSpend, SpendRequest, UnsignedSpend, Wishes};
pub use tills::Tills;
pub use trail::Trail;
pub use watch::{Found, WatchList};
