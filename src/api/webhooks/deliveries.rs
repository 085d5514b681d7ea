//! What a webhook was told (Greenfield 3.11).

use axum::Json;
use axum::extract::{Path, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::dto::DeliveryData;
use super::handlers::found;
use crate::api::auth::{ItemPath, Signed};
use crate::api::error::ApiError;
use crate::api::extract::Params;
use crate::api::page::{Page, PageParams};
use crate::domain::ids::DeliveryId;
use crate::domain::webhook::Delivery;
use crate::http::AppState;
use crate::service::webhook::{self, WebhookRefusal};

/// One delivery, by either of its routes.
#[derive(Clone, Debug, Deserialize)]
pub struct DeliveryPath {
    #[serde(flatten)]
    item: ItemPath,
    delivery: String,
}

async fn one(state: &AppState, caller: &Signed, path: &DeliveryPath) -> Result<Delivery, ApiError> {
    let (store, id) = found(state, caller, &path.item).await?;
    let delivery = path
        .delivery
        .parse::<DeliveryId>()
        .map_err(|_| WebhookRefusal::UnknownDelivery)?;
    Ok(state.gateway.delivery(store, id, delivery).await?)
}

/// What a webhook was told, the newest first
///
/// Each try is a delivery of its own; those that have not been tried yet are left out. `count`: at most so many.
#[utoipa::path(get, path = "/webhooks/{id}/deliveries", operation_id = "Webhooks_GetWebhookDeliveries", tag = "Webhooks",
    security(("API_Key" = ["btcpay.store.webhooks.canmodifywebhooks"])),
    params(("count" = Option<u64>, Query, description = "How many at most."), PageParams),
    responses((status = 200, description = "Done.", body = [DeliveryData])))]
pub async fn list(
    State(state): State<AppState>,
    caller: Signed,
    Path(path): Path<ItemPath>,
    params: Params,
) -> Result<Json<Vec<DeliveryData>>, ApiError> {
    let (store, id) = found(&state, &caller, &path).await?;
    let page = Page::of(&params)?;
    let count = params.count("count")?.unwrap_or(usize::MAX);
    let tried = |delivery: &Delivery| !delivery.is_open();
    let all = state
        .gateway
        .deliveries(store, id, count.min(page.end()), tried)
        .await;
    Ok(Json(page.cut(all.iter().map(DeliveryData::from).collect())))
}

/// A delivery
#[utoipa::path(get, path = "/webhooks/{id}/deliveries/{delivery}", operation_id = "Webhooks_GetWebhookDelivery", tag = "Webhooks",
    security(("API_Key" = ["btcpay.store.webhooks.canmodifywebhooks"])),
    responses((status = 200, description = "Done.", body = DeliveryData)))]
pub async fn get(
    State(state): State<AppState>,
    caller: Signed,
    Path(path): Path<DeliveryPath>,
) -> Result<Json<DeliveryData>, ApiError> {
    let delivery = one(&state, &caller, &path).await?;
    Ok(Json(DeliveryData::from(&delivery)))
}

/// The very body of a delivery
///
/// Refused with 409 `webhookdelivery-pruned` after 60 days.
#[utoipa::path(get, path = "/webhooks/{id}/deliveries/{delivery}/request", operation_id = "Webhooks_GetWebhookDeliveryRequests", tag = "Webhooks",
    security(("API_Key" = ["btcpay.store.webhooks.canmodifywebhooks"])),
    responses((status = 200, description = "The JSON as it was sent.", body = Object)))]
pub async fn request(
    State(state): State<AppState>,
    caller: Signed,
    Path(path): Path<DeliveryPath>,
) -> Result<Response, ApiError> {
    let delivery = one(&state, &caller, &path).await?;
    let body = webhook::body(&delivery).ok_or(WebhookRefusal::Pruned)?;
    Ok(([(CONTENT_TYPE, "application/json")], body).into_response())
}

/// Sends once more what a delivery told
///
/// Answers the id of the new delivery. Refused with 409 `webhookdelivery-pruned` after 60 days.
#[utoipa::path(post, path = "/webhooks/{id}/deliveries/{delivery}/redeliver", operation_id = "Webhooks_RedeliverWebhookDelivery", tag = "Webhooks",
    security(("API_Key" = ["btcpay.store.webhooks.canmodifywebhooks"])),
    responses((status = 200, description = "Done.", body = String, content_type = "application/json")))]
pub async fn redeliver(
    State(state): State<AppState>,
    caller: Signed,
    Path(path): Path<DeliveryPath>,
) -> Result<Json<String>, ApiError> {
    let delivery = one(&state, &caller, &path).await?;
    let new = state
        .gateway
        .redeliver(delivery.store, delivery.webhook, delivery.id)
        .await?;
    Ok(Json(new.to_string()))
}
