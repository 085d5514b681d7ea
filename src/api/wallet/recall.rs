//! What is answered to a repeated request for a transaction.

use axum::Json;
use axum::response::{IntoResponse, Response};
use bitcoin::consensus::encode::serialize_hex;

use super::dto::transaction_data;
use super::send::SIGN;
use crate::api::once::Recall;
use crate::domain::ids::StoreId;
use crate::http::AppState;
use crate::service::wallet::send::Sent;
use crate::store;

/// The transaction: signed, if it was kept back, or what the wallet shows of it.
#[derive(Debug)]
pub struct ATransaction;

impl Recall for ATransaction {
    // The answer may be a signed transaction.
    const ALSO: &'static [&'static str] = &[SIGN];

    async fn recall(state: &AppState, store: StoreId, about: Vec<u8>) -> Option<Response> {
        let sent = Sent::from_slice(&about)?;
        if !sent.kept_back {
            let data = transaction_data(&state.gateway, store, sent.txid).await;
            return Some(data.map(Json).into_response());
        }
        let batch = state
            .gateway
            .store
            .read(move |rows| store::payout::batch_of_tx(rows, sent.txid))
            .await?;
        let version = batch.versions.iter().find(|one| one.txid == sent.txid)?;
        Some(Json(serialize_hex(&version.tx)).into_response())
    }
}
