//! Points at which a test lets the process end as a crash would: no destructor runs, nothing is flushed.
//!
//! Armed only on regtest, and only if `TOLLWAY_FAULT` names a point. The first hit ends the process, so whoever starts
//! it again without the variable sees what a crash at that very place leaves behind. The names are stable:
//!
//! - `event-unhandled`: the node has told of a payment, nothing is committed yet (not while it still tells what it had
//!   to tell when it started)
//! - `event-unacknowledged`: its effect is committed, the node does not know that
//! - `payout-intended`: the intent of a Lightning payment is committed, the node has not been asked
//! - `payout-unmarked`: the node has answered, its answer is not committed
//! - `transaction-stored`: a signed transaction is committed, nobody has seen it

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use bitcoin::Network;
use tracing::warn;

/// Names the point at which to end.
const VARIABLE: &str = "TOLLWAY_FAULT";

static ARMED: AtomicBool = AtomicBool::new(false);
static NAME: OnceLock<String> = OnceLock::new();

/// Reads the variable, on regtest only.
pub fn arm(network: Network) {
    if network != Network::Regtest {
        return;
    }
    if let Ok(name) = std::env::var(VARIABLE) {
        warn!("the process will end at the fault point {name}");
        NAME.get_or_init(|| name);
        ARMED.store(true, Ordering::Release);
    }
}

/// Ends the process here if this is the point that was named; one atomic load otherwise.
pub fn point(name: &str) {
    if ARMED.load(Ordering::Acquire) && NAME.get().is_some_and(|armed| armed == name) {
        warn!("fault point {name}");
        std::process::abort();
    }
}
