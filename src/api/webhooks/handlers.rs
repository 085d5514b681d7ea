//! Making, changing and removing webhooks (Greenfield 3.11).

use axum::Json;
use axum::extract::{Path, State};

use super::dto::{self, WebhookData};
use crate::api::auth::{ItemPath, Signed};
use crate::api::error::ApiError;
use crate::api::extract::{Input, Params};
use crate::api::page::Page;
use crate::domain::ids::{StoreId, WebhookId};
use crate::http::AppState;
use crate::service::webhook::WebhookRefusal;
use crate::store;

pub(super) const MODIFY: &str = "btcpay.store.webhooks.canmodifywebhooks";

/// The endpoint of a path, if the caller may change it.
pub(super) async fn found(
    state: &AppState,
    caller: &Signed,
    path: &ItemPath,
) -> Result<(StoreId, WebhookId), ApiError> {
    let unknown = || WebhookRefusal::Unknown.into();
    let (store, id) = caller
        .item(state, path, MODIFY, store::webhook::store_of, unknown)
        .await?;
    Ok((store.id, id))
}

/// `GET S/webhooks`: the oldest first.
pub async fn list(
    State(state): State<AppState>,
    caller: Signed,
    Path(store): Path<String>,
    params: Params,
) -> Result<Json<Vec<WebhookData>>, ApiError> {
    let store = caller.store(&state, &store, MODIFY)?.id;
    let page = Page::of(&params)?;
    let all = state.gateway.webhooks(store).await;
    Ok(Json(page.cut(all.iter().map(WebhookData::of).collect())))
}

/// `POST S/webhooks`: answers the secret too, this once.
pub async fn create(
    State(state): State<AppState>,
    caller: Signed,
    Path(store): Path<String>,
    mut body: Input,
) -> Result<Json<WebhookData>, ApiError> {
    let store = caller.store(&state, &store, MODIFY)?.id;
    let wish = dto::read(&mut body, caller.0.user.is_admin);
    body.finish()?;
    let made = state.gateway.create_webhook(store, wish).await?;
    Ok(Json(WebhookData::made(&made)))
}

/// `GET [S]/webhooks/{id}`
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

/// `PUT [S]/webhooks/{id}`: without a secret it keeps its own.
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

/// `DELETE [S]/webhooks/{id}`
pub async fn remove(
    State(state): State<AppState>,
    caller: Signed,
    Path(path): Path<ItemPath>,
) -> Result<(), ApiError> {
    let (store, id) = found(&state, &caller, &path).await?;
    Ok(state.gateway.delete_webhook(store, id).await?)
}
