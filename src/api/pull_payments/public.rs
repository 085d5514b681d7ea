//! The public side: what anybody with the link may see and claim (Greenfield 3.8, 5.7).

use axum::Json;
use axum::extract::{Path, State};
use serde::Serialize;

use super::dto::{LnurlData, PullPaymentData};
use crate::api::error::ApiError;
use crate::api::extract::Params;
use crate::api::once::{IdempotencyKey, Once};
use crate::api::page::{Page, PageParams};
use crate::api::payouts::body::CreatePayoutRequest;
use crate::api::payouts::dto::{self, PayoutData};
use crate::api::payouts::recall::APayout;
use crate::api::stores::redacts_public_payouts;
use crate::domain::ids::PayoutId;
use crate::domain::payout::Stage;
use crate::domain::pull_payment::PullPayment;
use crate::http::{AppState, ClientAddr};
use crate::service::claim::Claim;
use crate::store;

/// A pull payment, archived ones too
#[utoipa::path(get, path = "/v1/pull-payments/{id}", operation_id = "PullPayments_GetPullPayment", tag = "Pull payments (public)",
    security(()),
    responses((status = 200, description = "Done.", body = PullPaymentData)))]
pub async fn get(
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> Result<Json<impl Serialize>, ApiError> {
    let found = find(&state, &id).await?;
    Ok(Json(PullPaymentData::of(&state.gateway, &found)))
}

/// The LNURL to withdraw with
///
/// Refused with 400 `lnurl-not-supported`.
#[utoipa::path(get, path = "/v1/pull-payments/{id}/lnurl", operation_id = "PullPayments_GetPullPaymentLNURL", tag = "Pull payments (public)",
    security(()),
    responses((status = 200, description = "Done.", body = LnurlData)))]
pub async fn lnurl(
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> Result<Json<impl Serialize>, ApiError> {
    let found = find(&state, &id).await?;
    LnurlData::of(&state.gateway, &found)
        .map(Json)
        .ok_or_else(|| {
            let message = "This pull payment does not pay over Lightning.";
            ApiError::bad_request("lnurl-not-supported", message)
        })
}

/// Claims on a pull payment, newest first; none once archived
#[utoipa::path(get, path = "/v1/pull-payments/{id}/payouts", operation_id = "PullPayments_GetPayouts", tag = "Pull payments (public)",
    security(()),
    params(("includeCancelled" = Option<bool>, Query, description = "Whether cancelled ones are shown too."), PageParams),
    responses((status = 200, description = "Done.", body = [PayoutData])))]
pub async fn payouts(
    State(state): State<AppState>,
    Path(id): Path<String>,
    params: Params,
) -> Result<Json<Vec<PayoutData>>, ApiError> {
    let found = find(&state, &id).await?;
    let with_cancelled = params.flag("includeCancelled")?.unwrap_or(false);
    let page = Page::of(&params)?;
    if found.archived {
        return Ok(Json(Vec::new()));
    }
    let data = state
        .gateway
        .store
        .read(move |rows| {
            let hide = redacts(rows, &found);
            let all = store::payout::of_pull_payment(rows, found.store, found.id);
            let shown = all
                .into_iter()
                .filter(|one| with_cancelled || !matches!(one.stage, Stage::Cancelled { .. }))
                .collect();
            page.cut(shown)
                .iter()
                .map(|one| hidden_if(hide, PayoutData::of(rows, one)))
                .collect()
        })
        .await;
    Ok(Json(data))
}

/// A claim on a pull payment
#[utoipa::path(get, path = "/v1/pull-payments/{id}/payouts/{payout}", operation_id = "PullPayments_GetPayout", tag = "Pull payments (public)",
    security(()),
    responses((status = 200, description = "Done.", body = PayoutData)))]
pub async fn payout(
    State(state): State<AppState>,
    Path((id, payout)): Path<(String, String)>,
) -> Result<Json<PayoutData>, ApiError> {
    let found = find(&state, &id).await?;
    let payout: PayoutId = payout.parse().map_err(|_| ApiError::no_payout())?;
    if found.archived {
        return Err(ApiError::no_payout());
    }
    state
        .gateway
        .store
        .read(move |rows| {
            let hide = redacts(rows, &found);
            store::payout::get(rows, found.store, payout)
                .filter(|one| one.pull_payment() == Some(found.id))
                .map(|one| hidden_if(hide, PayoutData::of(rows, &one)))
        })
        .await
        .map(Json)
        .ok_or_else(ApiError::no_payout)
}

/// Claims from a pull payment
///
/// A stranger's requests are counted.
#[utoipa::path(post, path = "/v1/pull-payments/{id}/payouts", operation_id = "PullPayments_CreatePayout", tag = "Pull payments (public)",
    params(IdempotencyKey),
    security(()),
    request_body = CreatePayoutRequest,
    responses((status = 200, description = "Done.", body = PayoutData)))]
pub async fn claim(
    State(state): State<AppState>,
    client: ClientAddr,
    Path(id): Path<String>,
    mut body: Once<APayout>,
) -> Result<Json<PayoutData>, ApiError> {
    state.caps.stranger(client)?;
    let wish = dto::read_wish(&mut body);
    // The method is looked at before the pull payment, everything else after it (5.7).
    let Some(rail) = wish.rail else {
        return Err(body.refused());
    };
    let found = find(&state, &id).await?;
    body.finish()?;
    let claim = Claim::of_receiver(wish.destination, rail, wish.amount);
    let payout = state.gateway.claim(found.id, claim).await?;
    dto::answer(&state, payout).await
}

async fn find(state: &AppState, id: &str) -> Result<PullPayment, ApiError> {
    let id = id.parse().map_err(|_| ApiError::no_pull_payment())?;
    state
        .gateway
        .store
        .read(move |rows| store::pull_payment::find(rows, id))
        .await
        .ok_or_else(ApiError::no_pull_payment)
}

fn redacts(rows: &dyn store::Rows, found: &PullPayment) -> bool {
    store::settings::get(rows, found.store).is_some_and(|store| redacts_public_payouts(&store))
}

fn hidden_if(hide: bool, data: PayoutData) -> PayoutData {
    if hide { data.redacted() } else { data }
}
