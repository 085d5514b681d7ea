//! Making, changing and removing webhooks (Greenfield 3.11).

use axum::Json;
use axum::extract::{Path, State};

use super::dto::{self, WebhookData, WebhookWish};
use crate::api::auth::{ItemPath, Signed};
use crate::api::error::ApiError;
use crate::api::extract::{Input, Params};
use crate::api::page::{Page, PageParams};
use crate::domain::ids::{StoreId, WebhookId};
use crate::http::AppState;
use crate::service::webhook::WebhookRefusal;
use crate::store;

/// The endpoint of a path, if the caller may change it.
pub(super) async fn found(
    state: &AppState,
    caller: &Signed,
    path: &ItemPath,
) -> Result<(StoreId, WebhookId), ApiError> {
    let unknown = || WebhookRefusal::Unknown.into();
    let (store, id) = caller
        .item(state, path, store::webhook::store_of, unknown)
        .await?;
    Ok((store.id, id))
}

/// A store's webhooks, the oldest first
#[utoipa::path(get, path = "/v1/stores/{store}/webhooks", operation_id = "Webhooks_GetWebhooks", tag = "Webhooks",
    security(("API_Key" = ["btcpay.store.webhooks.canmodifywebhooks"])),
    params(PageParams),
    responses((status = 200, description = "Done.", body = [WebhookData])))]
pub async fn list(
    State(state): State<AppState>,
    caller: Signed,
    Path(store): Path<String>,
    params: Params,
) -> Result<Json<Vec<WebhookData>>, ApiError> {
    let store = caller.store(&state, &store)?.id;
    let page = Page::of(&params)?;
    let all = state.gateway.webhooks(store).await;
    Ok(Json(page.cut(all.iter().map(WebhookData::of).collect())))
}

/// Makes a webhook
///
/// Answers its secret too, this once. An address in the server's own network is refused with 422 `Url`, unless the server's
/// owner names it or the operator allows it.
#[utoipa::path(post, path = "/v1/stores/{store}/webhooks", operation_id = "Webhooks_CreateWebhook", tag = "Webhooks",
    security(("API_Key" = ["btcpay.store.webhooks.canmodifywebhooks"])),
    request_body = WebhookWish,
    responses((status = 200, description = "Done.", body = WebhookData)))]
pub async fn create(
    State(state): State<AppState>,
    caller: Signed,
    Path(store): Path<String>,
    mut body: Input,
) -> Result<Json<WebhookData>, ApiError> {
    let store = caller.store(&state, &store)?.id;
    let wish = dto::read(&mut body, caller.0.user.is_admin);
    body.finish()?;
    let made = state.gateway.create_webhook(store, wish).await?;
    Ok(Json(WebhookData::made(&made)))
}

/// A webhook
#[utoipa::path(get, path = "/webhooks/{id}", operation_id = "Webhooks_GetWebhook", tag = "Webhooks",
    security(("API_Key" = ["btcpay.store.webhooks.canmodifywebhooks"])),
    responses((status = 200, description = "Done.", body = WebhookData)))]
pub async fn get(
    State(state): State<AppState>,
    caller: Signed,
    Path(path): Path<ItemPath>,
) -> Result<Json<WebhookData>, ApiError> {
    let (store, id) = found(&state, &caller, &path).await?;
    let endpoint = state.gateway.webhook(store, id).await;
    let endpoint = endpoint.ok_or(WebhookRefusal::Unknown)?;
    Ok(Json(WebhookData::of(&endpoint)))
}

/// Changes a webhook
///
/// What is absent has its default, but without a secret it keeps its own.
#[utoipa::path(put, path = "/webhooks/{id}", operation_id = "Webhooks_UpdateWebhook", tag = "Webhooks",
    security(("API_Key" = ["btcpay.store.webhooks.canmodifywebhooks"])),
    request_body = WebhookWish,
    responses((status = 200, description = "Done.", body = WebhookData)))]
pub async fn update(
    State(state): State<AppState>,
    caller: Signed,
    Path(path): Path<ItemPath>,
    mut body: Input,
) -> Result<Json<WebhookData>, ApiError> {
    let (store, id) = found(&state, &caller, &path).await?;
    let wish = dto::read(&mut body, caller.0.user.is_admin);
    body.finish()?;
    let after = state.gateway.update_webhook(store, id, wish).await?;
    Ok(Json(WebhookData::of(&after)))
}

/// Removes a webhook
///
/// What it was told can't be read any more.
#[utoipa::path(delete, path = "/webhooks/{id}", operation_id = "Webhooks_DeleteWebhook", tag = "Webhooks",
    security(("API_Key" = ["btcpay.store.webhooks.canmodifywebhooks"])),
    responses((status = 200, description = "Done.")))]
pub async fn remove(
    State(state): State<AppState>,
    caller: Signed,
    Path(path): Path<ItemPath>,
) -> Result<(), ApiError> {
    let (store, id) = found(&state, &caller, &path).await?;
    Ok(state.gateway.delete_webhook(store, id).await?)
}
