//! Opening, changing and archiving stores.

use axum::Json;
use axum::extract::{Path, State};
use serde_json::Value;

use super::body::StoreData;
use super::body::StoreRequest;
use super::dto;
use crate::api::auth::Signed;
use crate::api::error::ApiError;
use crate::api::extract::{Input, Params};
use crate::api::page::{Page, PageParams};
use crate::http::AppState;

/// Greenfield's limit for a name, in characters.
const NAME_CHARS_MAX: usize = 50;

/// The stores the caller may see, oldest first
///
/// Archived ones are left out. Stores without the right are left out too; a key that has it nowhere is refused.
#[utoipa::path(get, path = "/v1/stores", operation_id = "Stores_GetStores", tag = "Stores",
    security(("API_Key" = ["btcpay.store.canviewstoresettings"])),
    params(PageParams),
    responses((status = 200, description = "Done.", body = [StoreData])))]
pub async fn list(
    State(state): State<AppState>,
    caller: Signed,
    params: Params,
) -> Result<Json<Vec<Value>>, ApiError> {
    caller.check_somewhere()?;
    let caller = caller.0;
    let page = Page::of(&params)?;
    let stores = state.gateway.stores_of(caller.user.id).await;
    let seen = stores
        .iter()
        .filter(|store| !store.archived && caller.sees(store))
        .map(dto::store_data)
        .collect();
    Ok(Json(page.cut(seen)))
}

/// Opens a store
///
/// Only with a right that is not limited to a store.
#[utoipa::path(post, path = "/v1/stores", operation_id = "Stores_CreateStore", tag = "Stores",
    security(("API_Key" = ["btcpay.store.canmodifystoresettings"])),
    request_body = StoreRequest,
    responses((status = 200, description = "Done.", body = StoreData)))]
pub async fn create(
    State(state): State<AppState>,
    caller: Signed,
    mut body: Input,
) -> Result<Json<Value>, ApiError> {
    caller.check()?;
    let change = dto::read(&mut body, None);
    check_name(&mut body, &change.name);
    body.finish()?;
    let store = state
        .gateway
        .create_store(&caller.0.user, change.name, change.settings, change.kept)
        .await?;
    Ok(Json(dto::store_data(&store)))
}

/// A store
#[utoipa::path(get, path = "/v1/stores/{store}", operation_id = "Stores_GetStore", tag = "Stores",
    security(("API_Key" = ["btcpay.store.canviewstoresettings"])),
    responses((status = 200, description = "Done.", body = StoreData)))]
pub async fn get(
    State(state): State<AppState>,
    caller: Signed,
    Path(store): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let store = caller.store(&state, &store)?;
    Ok(Json(dto::store_data(&store)))
}

/// Changes a store
///
/// Merged into what is there: an absent or null member keeps its value.
#[utoipa::path(put, path = "/v1/stores/{store}", operation_id = "Stores_UpdateStore", tag = "Stores",
    security(("API_Key" = ["btcpay.store.canmodifystoresettings"])),
    request_body = StoreRequest,
    responses((status = 200, description = "Done.", body = StoreData)))]
pub async fn update(
    State(state): State<AppState>,
    caller: Signed,
    Path(store): Path<String>,
    mut body: Input,
) -> Result<Json<Value>, ApiError> {
    let store = caller.store(&state, &store)?;
    let mut asked = body.clone();
    let change = dto::read(&mut body, Some(&store));
    check_name(&mut body, &change.name);
    body.finish()?;
    // It is well-formed; what it makes of the store is told when its turn comes.
    let after = state
        .gateway
        .update_store(store.id, move |now| dto::read(&mut asked, Some(now)))
        .await?;
    Ok(Json(dto::store_data(&after)))
}

/// Archives a store
///
/// With another owner left only the caller's access goes. Otherwise the store is archived, because its wallet may still
/// be paid; by its id it stays readable.
#[utoipa::path(delete, path = "/v1/stores/{store}", operation_id = "Stores_DeleteStore", tag = "Stores",
    security(("API_Key" = ["btcpay.store.canmodifystoresettings"])),
    responses((status = 200, description = "Done.")))]
pub async fn remove(
    State(state): State<AppState>,
    caller: Signed,
    Path(store): Path<String>,
) -> Result<(), ApiError> {
    let store = caller.store(&state, &store)?;
    let by = caller.0.user.id;
    state.gateway.delete_store(store.id, by).await?;
    Ok(())
}

fn check_name(body: &mut Input, name: &str) {
    if name.trim().is_empty() || name.chars().count() > NAME_CHARS_MAX {
        body.refuse("name", "A store needs a name of 1 to 50 characters.");
    }
}
