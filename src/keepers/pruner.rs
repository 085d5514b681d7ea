//! The pruner: the node keeps a record of every BOLT11 it ever made, in memory too. Those of dead ones go, so that memory
//! follows open work and not history.
//!
//! A payment that still comes is claimed and told without its record, and our own row knows whose it is. What goes with
//! the record is the node's refusal of a *second* payment of the same hash, which is why a record stays for a day longer
//! than LDK takes payments. Records of payments we made stay for ever: they are the guard against paying twice.

use std::sync::Arc;

use tracing::{info, warn};

use super::gate::Gate;
use crate::domain::ids::PaymentHash;
use crate::domain::receipt::ReceiptKey;
use crate::domain::time::Timestamp;
use crate::ports::lightning::{Direction, NodeState, PaymentRecord, RecordStatus};
use crate::service::Gateway;
use crate::store;

/// Records in one round: each is a write of the node.
const BATCH: usize = 256;

/// When to look again if more are due.
const MORE_SECS: u64 = 1;

/// When to look for those that died meanwhile.
const ROUND_SECS: u64 = 300;

/// Removes dead records of the node.
pub struct Pruner {
    gateway: Arc<Gateway>,
    gate: Arc<Gate>,
}

/// What is to be done about a hash whose record's date has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// It is dead.
    Remove,
    /// There is none, or it is a payment of ours.
    LeaveForEver,
    /// It was paid, and nobody has taken it in yet (P10).
    Wait,
}

impl Pruner {
    /// A pruner that has not looked yet.
    pub const fn new(gateway: Arc<Gateway>, gate: Arc<Gate>) -> Self {
        Self { gateway, gate }
    }

    /// Removes what is dead, and says when to look again.
    pub async fn activate(&self) -> Timestamp {
        let now = self.gateway.now();
        // What the node's queue may have dropped is read from the records first.
        if self.gateway.lightning.state() != NodeState::Ready || !self.gate.is_reconciled() {
            return now.plus_secs(ROUND_SECS.min(10));
        }
        let due = self
            .gateway
            .store
            .read(move |rows| store::invoice::dead_records(rows, now, BATCH))
            .await;
        let found = due.len();
        let mut done = Vec::with_capacity(found);
        for (date, hash) in due {
            match self.judge(hash).await {
                Verdict::Remove => match self.gateway.lightning.forget_payment(hash).await {
                    Ok(()) => done.push((date, hash)),
                    Err(error) => {
                        warn!(payment.hash = %hash, "a dead record could not be removed: {error}");
                        break;
                    }
                },
                Verdict::LeaveForEver => done.push((date, hash)),
                Verdict::Wait => {}
            }
        }
        let more = found == BATCH && !done.is_empty();
        self.note(done).await;
        now.plus_secs(if more { MORE_SECS } else { ROUND_SECS })
    }

    async fn judge(&self, hash: PaymentHash) -> Verdict {
        let record = self.gateway.lightning.payment(hash).await;
        let key = ReceiptKey::Lightning(hash);
        let known = (self.gateway.store).read(move |rows| store::receipt::is_known(rows, key));
        verdict(record.as_ref(), known.await)
    }

    /// If this commit is lost, the next round finds no record and says so.
    async fn note(&self, done: Vec<(Timestamp, PaymentHash)>) {
        if done.is_empty() {
            return;
        }
        info!("{} dead records of the node are done with", done.len());
        let noted = self
            .gateway
            .store
            .insist("records-pruned", move |tx| {
                for (date, hash) in done {
                    store::invoice::forget_record_date(tx, date, hash);
                }
            })
            .await;
        if noted.is_err() {
            warn!("pruned records could not be noted: they are looked at again");
        }
    }
}

fn verdict(record: Option<&PaymentRecord>, receipt_known: bool) -> Verdict {
    let Some(record) = record else {
        return Verdict::LeaveForEver;
    };
    match (record.direction, record.status) {
        (Direction::Outbound, _) => Verdict::LeaveForEver,
        (Direction::Inbound, RecordStatus::Succeeded) if !receipt_known => Verdict::Wait,
        (
            Direction::Inbound,
            RecordStatus::Succeeded | RecordStatus::Pending | RecordStatus::Failed,
        ) => Verdict::Remove,
    }
}
