//! The node's own payment records: its event queue may have dropped what they still know (P10).

use tracing::warn;

use super::lightning::LightningPayer;
use crate::domain::fact::Fact;
use crate::domain::ids::{PaymentHash, StoreId};
use crate::domain::payout::Stage;
use crate::domain::receipt::ReceiptKey;
use crate::domain::time::Timestamp;
use crate::ports::lightning::{Direction, PaymentRecord, RecordStatus};
use crate::service::{intake, settle};
use crate::store::{self, Rows};

/// Records taken in by one job of the writer.
const CHUNK: usize = 64;

impl LightningPayer {
    /// Takes in what the node's records know and we don't: money that came, payments that arrived.
    pub(super) async fn hear_records(&self, now: Timestamp) {
        let mut done = self.gateway.lightning.payments().await;
        done.retain(|record| record.status == RecordStatus::Succeeded);
        let news = self
            .gateway
            .store
            .read(move |rows: &store::Snapshot| {
                done.retain(|record| !is_known(rows, record));
                done
            })
            .await;
        for chunk in news.chunks(CHUNK) {
            let chunk = chunk.to_vec();
            let heard = self
                .gateway
                .store
                .insist("lightning-records", move |tx| {
                    for record in chunk {
                        match record.direction {
                            Direction::Inbound => {
                                let amount = record.amount.unwrap_or_default();
                                intake::take_lightning(tx, record.hash, amount, now);
                            }
                            Direction::Outbound => {
                                let arrived = settle::Arrived::from(&record);
                                settle::lightning_succeeded(tx, arrived, now);
                            }
                        }
                    }
                })
                .await;
            if heard.is_err() {
                warn!("the node's records could not be taken in");
            }
        }
    }
}

/// Most records are: they are not shown to the writer again.
fn is_known(rows: &dyn Rows, record: &PaymentRecord) -> bool {
    match record.direction {
        Direction::Inbound => store::receipt::is_known(rows, ReceiptKey::Lightning(record.hash)),
        Direction::Outbound => is_settled(rows, record.hash),
    }
}

fn is_settled(rows: &dyn Rows, hash: PaymentHash) -> bool {
    match settle::payout_of(rows, hash) {
        Some(payout) => matches!(payout.stage, Stage::Completed { .. }) && payout.is_unjudged(),
        None => store::journal::of_object(rows, StoreId::HOUSE, hash.as_bytes())
            .iter()
            .any(|entry| matches!(entry.fact, Fact::ForeignPaymentArrived { .. })),
    }
}
