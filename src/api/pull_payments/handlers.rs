//! The owner's side: making, listing and closing pull payments.

use axum::Json;
use axum::extract::{Path, State};
use serde::Serialize;

use super::body::{CreatePullPaymentRequest, UpdatePullPaymentRequest};
use super::dto::{self, PullPaymentData};
use super::recall::APullPayment;
use crate::api::auth::{ItemPath, Signed};
use crate::api::error::ApiError;
use crate::api::extract::{Input, Params};
use crate::api::once::{IdempotencyKey, Once};
use crate::api::page::{Page, PageParams};
use crate::http::AppState;
use crate::store;

/// Makes what is approved from the start.
pub(in crate::api) const CREATE_APPROVED: &str = "btcpay.store.cancreatepullpayments";

/// Pull payments of a store, the latest start first
#[utoipa::path(get, path = "/v1/stores/{store}/pull-payments", operation_id = "PullPayments_GetPullPayments", tag = "Pull payments",
    security(("API_Key" = ["btcpay.store.canviewpullpayments"])),
    params(("includeArchived" = Option<bool>, Query, description = "Whether archived ones are shown too."), PageParams),
    responses((status = 200, description = "Done.", body = [PullPaymentData])))]
pub async fn list(
    State(state): State<AppState>,
    caller: Signed,
    Path(store): Path<String>,
    params: Params,
) -> Result<Json<impl Serialize>, ApiError> {
    let store = caller.store(&state, &store)?.id;
    let with_archived = params.flag("includeArchived")?.unwrap_or(false);
    let page = Page::of(&params)?;
    let all = state
        .gateway
        .store
        .read(move |rows| store::pull_payment::of_store(rows, store))
        .await;
    let shown = all
        .into_iter()
        .filter(|one| with_archived || !one.archived)
        .collect();
    let data: Vec<_> = page
        .cut(shown)
        .iter()
        .map(|one| PullPaymentData::of(&state.gateway, one))
        .collect();
    Ok(Json(data))
}

/// Makes a pull payment
///
/// With `autoApproveClaims` it needs `btcpay.store.cancreatepullpayments`.
#[utoipa::path(post, path = "/v1/stores/{store}/pull-payments", operation_id = "PullPayments_CreatePullPayment", tag = "Pull payments",
    params(IdempotencyKey),
    security(("API_Key" = ["btcpay.store.cancreatenonapprovedpullpayments"])),
    request_body = CreatePullPaymentRequest,
    responses((status = 200, description = "Done.", body = PullPaymentData)))]
pub async fn create(
    State(state): State<AppState>,
    caller: Signed,
    Path(store): Path<String>,
    mut body: Once<APullPayment>,
) -> Result<Json<impl Serialize>, ApiError> {
    let store = caller.store(&state, &store)?;
    let new = dto::read(&mut body, store.settings.refund_bolt11_days);
    if body.flag("autoApproveClaims") == Some(true) {
        caller.check_on(CREATE_APPROVED, Some(&store))?;
    }
    body.finish()?;
    let Some(new) = new else {
        return Err(ApiError::fault("Amount", "Give an amount and a currency."));
    };
    let made = state.gateway.create_pull_payment(store.id, new).await?;
    Ok(Json(PullPaymentData::of(&state.gateway, &made)))
}

/// Changes the terms of a pull payment
///
/// What is not named, or null, stays. To approve claims by itself it needs the right that making such a pull payment
/// needs. Refused with 422 `Amount` below what has been claimed already.
#[utoipa::path(patch, path = "/pull-payments/{id}", operation_id = "PullPayments_UpdatePullPayment", tag = "Pull payments",
    security(("API_Key" = ["btcpay.store.canmanagepullpayments"])),
    request_body = UpdatePullPaymentRequest,
    responses((status = 200, description = "Done.", body = PullPaymentData)))]
pub async fn update(
    State(state): State<AppState>,
    caller: Signed,
    Path(path): Path<ItemPath>,
    mut body: Input,
) -> Result<Json<impl Serialize>, ApiError> {
    let (store, id) = caller
        .item(
            &state,
            &path,
            store::pull_payment::store_of,
            ApiError::no_pull_payment,
        )
        .await?;
    let change = dto::read_change(&mut body);
    if change.auto_approve == Some(true) {
        caller.check_on(CREATE_APPROVED, Some(&store))?;
    }
    body.finish()?;
    let after = (state.gateway)
        .change_pull_payment(store.id, id, change)
        .await?;
    Ok(Json(PullPaymentData::of(&state.gateway, &after)))
}

/// Closes a pull payment; may be repeated
#[utoipa::path(delete, path = "/pull-payments/{id}", operation_id = "PullPayments_ArchivePullPayment", tag = "Pull payments",
    security(("API_Key" = ["btcpay.store.canarchivepullpayments"])),
    responses((status = 200, description = "Done.")))]
pub async fn archive(
    State(state): State<AppState>,
    caller: Signed,
    Path(path): Path<ItemPath>,
) -> Result<(), ApiError> {
    let (store, id) = caller
        .item(
            &state,
            &path,
            store::pull_payment::store_of,
            ApiError::no_pull_payment,
        )
        .await?;
    state.gateway.archive_pull_payment(store.id, id).await?;
    Ok(())
}
