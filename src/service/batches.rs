//! Batches: signed transactions of ours from the day they are built until they are buried.
//!
//! ```text
//! plan ─► stored ─► broadcast ─► in a block, deep enough ─► settled ─► buried
//!            │          │  ▲                 │
//!            │          └──┘ every version   └─reorganised away─► stored bytes are sent again
//!            └─bump─► another version, same payments, all the same inputs (P4)
//! ```
//! Everything here runs inside a job of the writer: nothing is called, what is committed is sent by the payer.

pub mod bump;
mod hold;
mod observe;
mod plan;

use std::collections::BTreeSet;

use bitcoin::Txid;

use crate::domain::payout::batch::{Batch, Version};
use crate::store::{self, Tx};
use crate::wallet::TxStanding;

pub use observe::observe;
pub use plan::{Order, plan};

/// The version that a block holds, and how deep.
pub fn confirmed<'b>(tx: &Tx<'_>, batch: &'b Batch) -> Option<(&'b Version, u32)> {
    batch.versions.iter().find_map(
        |version| match tx.tills().standing(batch.till, version.txid) {
            TxStanding::Confirmed { confirmations } => Some((version, confirmations)),
            TxStanding::Mempool | TxStanding::Unseen => None,
        },
    )
}

/// Transactions of which another version may still confirm: what they pay back to us is not to be built on.
fn unsure(tx: &Tx<'_>) -> BTreeSet<Txid> {
    store::payout::open_batches(tx)
        .iter()
        .filter(|batch| batch.versions.len() > 1 && confirmed(tx, batch).is_none())
        .flat_map(|batch| batch.versions.iter().map(|version| version.txid))
        .collect()
}
