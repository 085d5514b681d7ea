//! What is answered to a repeated request for an invoice.

use axum::Json;
use axum::response::{IntoResponse, Response};

use super::dto::InvoiceData;
use crate::api::once::Recall;
use crate::domain::ids::{InvoiceId, StoreId};
use crate::http::AppState;
use crate::store;

/// The invoice, as it is by now.
#[derive(Debug)]
pub struct AnInvoice;

impl Recall for AnInvoice {
    async fn recall(state: &AppState, store: StoreId, about: Vec<u8>) -> Option<Response> {
        let id = InvoiceId::from_slice(&about)?;
        let invoice = state
            .gateway
            .store
            .read(move |rows| store::invoice::get(rows, store, id))
            .await?;
        Some(Json(InvoiceData::of(&state.gateway, &invoice, false)).into_response())
    }
}
