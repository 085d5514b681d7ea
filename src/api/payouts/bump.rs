//! Raising the fee of the transaction that pays a payout (Tollway's own).

use axum::Json;
use axum::extract::{Path, State};

use super::body::BumpRequest;
use super::dto::{self, PayoutData};
use super::handlers::find;
use super::recall::APayout;
use crate::api::auth::{ItemPath, Signed};
use crate::api::error::ApiError;
use crate::api::once::{IdempotencyKey, Once};
use crate::http::AppState;
use crate::service::batches::bump::{BumpRefusal, sat_per_kvb};

impl From<BumpRefusal> for ApiError {
    fn from(refusal: BumpRefusal) -> Self {
        let message = refusal.to_string();
        match refusal {
            BumpRefusal::Unknown => Self::no_payout(),
            BumpRefusal::CantBump(_) => Self::bad_request("invalid-state", message),
            BumpRefusal::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

/// Raises the fee of the transaction that pays a payout
///
/// `feeRate` is in sat/vB, the estimate if there is none. All payouts of the same transaction are raised with it.
#[utoipa::path(post, path = "/payouts/{id}/bump", operation_id = "Payouts_BumpPayout", tag = "Payouts",
    params(IdempotencyKey),
    security(("API_Key" = ["btcpay.store.canmanagepayouts"])),
    request_body = BumpRequest,
    responses((status = 200, description = "Done.", body = PayoutData)))]
pub async fn bump(
    State(state): State<AppState>,
    caller: Signed,
    Path(path): Path<ItemPath>,
    mut body: Once<APayout>,
) -> Result<Json<PayoutData>, ApiError> {
    let (store, id) = find(&state, &caller, &path).await?;
    let rate = body.decimal("feeRate").map(sat_per_kvb);
    if rate == Some(None) {
        body.refuse("feeRate", "Give the fee rate in sat/vB.");
    }
    body.finish()?;
    let payout = state.gateway.bump_fee(store, id, rate.flatten()).await?;
    dto::answer(&state, payout).await
}
