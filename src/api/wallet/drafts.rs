//! Transactions that wait for their owner's signature (Tollway's own). They come back signed by way of
//! `…/transactions/broadcast`.

use axum::Json;
use axum::extract::{Path, State};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use utoipa::ToSchema;

use super::dto::btc;
use super::store_of;
use crate::api::auth::Signed;
use crate::api::error::ApiError;
use crate::api::number::Dec;
use crate::domain::ids::BatchId;
use crate::domain::payout::batch::Batch;
use crate::domain::payout::draft::{Draft, End};
use crate::http::AppState;
use crate::service::batches::drafts::{DraftRefusal, kept_as_draft};

/// A transaction for its owner to sign.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DraftData {
    /// Its id.
    id: String,
    /// When it was made, in Unix seconds.
    created: u64,
    /// `Waiting`, `Signed`, `GivenUp` or `Outspent`; `KeptBack` for one that is signed and not sent.
    status: &'static str,
    /// What to sign (BIP 174), in base64; null for one that is signed.
    psbt: Option<String>,
    /// What it pays in all, in BTC.
    #[schema(value_type = String)]
    amount: Dec,
    /// What it costs, in BTC.
    #[schema(value_type = String)]
    fee: Dec,
    /// The payouts that it pays; none for payments by hand.
    payouts: Vec<String>,
}

impl From<&Draft> for DraftData {
    fn from(draft: &Draft) -> Self {
        Self {
            id: draft.id.to_string(),
            created: draft.created.secs(),
            status: match draft.end {
                None => "Waiting",
                Some(End::Signed(_)) => "Signed",
                Some(End::GivenUp(_)) => "GivenUp",
                Some(End::Outspent { .. }) => "Outspent",
            },
            psbt: (!draft.psbt.is_empty()).then(|| STANDARD.encode(draft.psbt.as_slice())),
            amount: btc(draft.payments.iter().map(|payment| payment.amount).sum()),
            fee: btc(draft.fee),
            payouts: (draft.payments.iter())
                .filter_map(|payment| payment.payout)
                .map(|payout| payout.to_string())
                .collect(),
        }
    }
}

/// The transactions that wait for their owner's signature
///
/// The oldest first; then those that are signed and kept back, which end in the same ways.
#[utoipa::path(get, path = "/drafts", operation_id = "StoreOnChainWallets_GetDrafts", tag = "On-chain wallet",
    security(("API_Key" = ["btcpay.store.canviewwallet"])),
    responses((status = 200, body = [DraftData])))]
pub async fn list(
    State(state): State<AppState>,
    caller: Signed,
    Path((store, method)): Path<(String, String)>,
) -> Result<Json<Vec<DraftData>>, ApiError> {
    let store = store_of(&state, &caller, &store, &method)?;
    let drafts = state.gateway.drafts(store.id).await;
    let kept = state.gateway.kept_back(store.id).await;
    let drafts = drafts.iter().map(DraftData::from);
    Ok(Json(drafts.chain(kept.iter().map(kept_back)).collect()))
}

fn kept_back(batch: &Batch) -> DraftData {
    DraftData {
        status: "KeptBack",
        ..DraftData::from(&kept_as_draft(batch, None))
    }
}

/// A transaction for its owner to sign
///
/// Or one that is signed and kept back. Refused with 404 `transaction-not-found`.
#[utoipa::path(get, path = "/drafts/{draft}", operation_id = "StoreOnChainWallets_GetDraft", tag = "On-chain wallet",
    security(("API_Key" = ["btcpay.store.canviewwallet"])),
    responses((status = 200, body = DraftData)))]
pub async fn get(
    State(state): State<AppState>,
    caller: Signed,
    Path((store, method, draft)): Path<(String, String, String)>,
) -> Result<Json<DraftData>, ApiError> {
    let store = store_of(&state, &caller, &store, &method)?;
    let id = draft
        .parse::<BatchId>()
        .map_err(|_| DraftRefusal::Unknown)?;
    if let Some(draft) = state.gateway.draft(store.id, id).await {
        return Ok(Json(DraftData::from(&draft)));
    }
    let kept = state.gateway.kept_back(store.id).await;
    let found = kept.iter().find(|batch| batch.id == id);
    Ok(Json(kept_back(found.ok_or(DraftRefusal::Unknown)?)))
}

/// Gives a transaction up that waits for its owner's signature
///
/// Its coins are free again, and its payouts wait for another transaction, which shares a coin with this one: should
/// this one be signed and sent after all, only one of the two can confirm. Refused with 404 `transaction-not-found`,
/// and with 400 `invalid-state` when it does not wait any more.
#[utoipa::path(delete, path = "/drafts/{draft}", operation_id = "StoreOnChainWallets_GiveUpDraft", tag = "On-chain wallet",
    security(("API_Key" = ["btcpay.store.cancanceltransactions"])),
    responses((status = 200, body = DraftData)))]
pub async fn give_up(
    State(state): State<AppState>,
    caller: Signed,
    Path((store, method, draft)): Path<(String, String, String)>,
) -> Result<Json<DraftData>, ApiError> {
    let store = store_of(&state, &caller, &store, &method)?;
    let id = draft
        .parse::<BatchId>()
        .map_err(|_| DraftRefusal::Unknown)?;
    let draft = state.gateway.give_up_draft(store.id, id).await?;
    Ok(Json(DraftData::from(&draft)))
}

impl From<DraftRefusal> for ApiError {
    fn from(refusal: DraftRefusal) -> Self {
        let message = refusal.to_string();
        match refusal {
            DraftRefusal::Unknown => Self::not_found("transaction-not-found", message),
            DraftRefusal::Over => Self::bad_request("invalid-state", message),
            DraftRefusal::Unavailable(unavailable) => unavailable.into(),
        }
    }
}
