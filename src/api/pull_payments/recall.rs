//! What is answered to a repeated request for a pull payment.

use axum::Json;
use axum::response::{IntoResponse, Response};

use super::dto::PullPaymentData;
use crate::api::once::Recall;
use crate::domain::ids::{PullPaymentId, StoreId};
use crate::http::AppState;
use crate::store;

/// The pull payment, as it is by now.
#[derive(Debug)]
pub struct APullPayment;

impl Recall for APullPayment {
    async fn recall(state: &AppState, store: StoreId, about: Vec<u8>) -> Option<Response> {
        let id = PullPaymentId::from_slice(&about)?;
        let found = state
            .gateway
            .store
            .read(move |rows| store::pull_payment::get(rows, store, id))
            .await?;
        Some(Json(PullPaymentData::of(&state.gateway, &found)).into_response())
    }
}
