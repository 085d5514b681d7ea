//! Changing what a merchant's system said about an invoice.

use super::Gateway;
use super::invoice::MarkRefusal;
use crate::domain::ids::{InvoiceId, StoreId};
use crate::domain::invoice::{Details, Invoice};
use crate::store;

impl Gateway {
    /// Replaces the metadata of an invoice, and what look-ups find it by. Nothing else changes.
    pub async fn change_invoice_metadata(
        &self,
        store: StoreId,
        id: InvoiceId,
        metadata: String,
        order_id: Option<String>,
        item_desc: Option<String>,
    ) -> Result<Invoice, MarkRefusal> {
        self.store
            .try_write("invoice-metadata", move |tx| {
                let before = store::invoice::get(tx, store, id).ok_or(MarkRefusal::Unknown)?;
                let after = Invoice {
                    details: Details {
                        metadata,
                        order_id,
                        item_desc,
                        ..before.details
                    },
                    ..before
                };
                store::invoice::put(tx, &after);
                Ok(after)
            })
            .await
    }
}
