//! Batches: signed transactions of ours from the day they are built until they are buried.
//!
//! ```text
//! plan ─► stored ─► broadcast ─► in a block, deep enough ─► settled ─► buried
//!            │          │  ▲                 │
//!            │          └──┘ every version   └─reorganised away─► stored bytes are sent again
//!            └─bump─► another version, same payments, all the same inputs (P4)
//! ```
//! Everything here runs inside a job of the writer: nothing is called, what is committed is sent by the payer.

mod adopt;
pub mod bump;
pub mod drafts;
mod hold;
mod observe;
mod plan;

use std::collections::BTreeSet;

use bitcoin::Txid;

use crate::domain::payout::batch::{Batch, Version};
use crate::domain::payout::{Plan, Standing};
#[cfg(debug_assertions)]
use crate::sabotage::{Bug, is_planted};
use crate::store::{self, Rows, Tx};
use crate::wallet::TxStanding;

pub(super) use adopt::draft_of;
pub use adopt::{Adopted, adopt};
pub use observe::observe;
pub use plan::{Order, plan};

/// The version that a block holds, and how deep.
pub fn confirmed<'b>(tx: &Tx<'_>, batch: &'b Batch) -> Option<(&'b Version, u32)> {
    batch.versions.iter().find_map(
        |version| match tx.tills().standing(batch.till, version.txid) {
            TxStanding::Confirmed { confirmations } => Some((version, confirmations)),
            #[cfg(debug_assertions)]
            TxStanding::Mempool if is_planted(Bug::CompleteUnconfirmed) => Some((version, 6)),
            TxStanding::Mempool | TxStanding::Unseen => None,
        },
    )
}

/// Whether a person has said of one of its payouts that it was not paid by this: then it is not sent any more, since
/// that one may be paid otherwise.
pub fn is_given_up(rows: &dyn Rows, batch: &Batch) -> bool {
    batch.payouts.iter().any(|id| {
        let payout = store::payout::get(rows, batch.store, *id);
        let attempts = payout.map(|payout| payout.attempts).unwrap_or_default();
        attempts.iter().any(|attempt| {
            let ours =
                matches!(attempt.plan, Plan::Onchain { batch: planned, .. } if planned == batch.id);
            ours && matches!(attempt.standing, Standing::Failed { .. })
        })
    })
}

/// Transactions of which another version may still confirm, or that nobody has sent: what they pay back to us is not
/// to be built on.
pub(super) fn unsure(tx: &Tx<'_>) -> BTreeSet<Txid> {
    store::payout::open_batches(tx)
        .iter()
        .filter(|batch| batch.versions.len() > 1 || batch.kept_back.is_some())
        .filter(|batch| confirmed(tx, batch).is_none())
        .flat_map(|batch| batch.versions.iter().map(|version| version.txid))
        .collect()
}
