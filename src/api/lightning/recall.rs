//! What is answered to a repeated request to the node.

use axum::Json;
use axum::response::{IntoResponse, Response};

use super::dto::{InvoiceData, PaymentData};
use crate::api::once::Recall;
use crate::domain::ids::{PaymentHash, PayoutId, StoreId};
use crate::http::AppState;
use crate::service::node::Opening;
use crate::store;

/// The payment, as it is by now.
#[derive(Debug)]
pub struct APayment;

impl Recall for APayment {
    async fn recall(state: &AppState, store: StoreId, about: Vec<u8>) -> Option<Response> {
        let id = PayoutId::from_slice(&about)?;
        let payout = state
            .gateway
            .store
            .read(move |rows| store::payout::get(rows, store, id))
            .await?;
        Some(Json(PaymentData::of(&payout)?).into_response())
    }
}

/// The invoice, as it is by now.
#[derive(Debug)]
pub struct AnIssuedInvoice;

impl Recall for AnIssuedInvoice {
    async fn recall(state: &AppState, store: StoreId, about: Vec<u8>) -> Option<Response> {
        let hash = PaymentHash(about.try_into().ok()?);
        let invoice = state.gateway.issued_invoice(store, hash).await?;
        let data = InvoiceData::new(invoice, state.gateway.now());
        Some(Json(data).into_response())
    }
}

/// Nothing, if the channel is there. A peer forgets an opening that a restart cut off, and so does the node: then it is
/// opened again.
#[derive(Debug)]
pub struct AChannel;

impl Recall for AChannel {
    async fn recall(state: &AppState, _: StoreId, about: Vec<u8>) -> Option<Response> {
        let opening = Opening::from_slice(&about)?;
        let opened = state.gateway.has_opened(opening).await;
        opened.then(|| ().into_response())
    }
}
