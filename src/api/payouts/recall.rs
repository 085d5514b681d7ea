//! What is answered to a repeated request for a payout.

use axum::response::{IntoResponse, Response};

use super::dto;
use crate::api::once::Recall;
use crate::domain::ids::{PayoutId, StoreId};
use crate::http::AppState;
use crate::store;

/// The payout, as it is by now.
#[derive(Debug)]
pub struct APayout;

impl Recall for APayout {
    async fn recall(state: &AppState, store: StoreId, about: Vec<u8>) -> Option<Response> {
        let id = PayoutId::from_slice(&about)?;
        let payout = state
            .gateway
            .store
            .read(move |rows| store::payout::get(rows, store, id))
            .await?;
        Some(dto::answer(state, payout).await.into_response())
    }
}
