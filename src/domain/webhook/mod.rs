//! A webhook is an endpoint that a store has told of what happens in it. A delivery is one message to one endpoint; it is
//! written in the commit of the fact it tells.
//!
//! ```text
//! Waiting ──its turn──► Due ──2xx──► Delivered
//!                        │──may pass──► Retried ──► another delivery, Due later
//!                        └──final, or too often──► GivenUp
//! ```
//! Every try is a delivery of its own, with an id of its own. Messages about the same object go to an endpoint in order:
//! a later one waits until the earlier one is over, or has been tried twice; then it overtakes.
//!
//! P10 no money event is lost: at least once to every endpoint that wants it, from disk.

mod delivery;
mod endpoint;
mod event;
mod kind;
mod signature;
mod telling;

pub use delivery::{
    Delivery, KEEP_BODY_SECS, KEEP_ROW_SECS, OVERTAKE_SECS, OVERTAKEN_AFTER, Outcome, RETRY_SECS,
    Standing, Tried,
};
pub use endpoint::{Endpoint, Events, Secret};
pub use event::{About, AboutInvoice, AboutPayment, AboutPayout, Event, PayoutState};
pub use kind::Kind;
pub use signature::sign;
pub use telling::{InvoiceChange, Telling, What};

#[cfg(test)]
mod tests;
