//! What people note about their wallet: objects and links between them.

use axum::Json;
use axum::extract::{Path, State};
use utoipa::ToSchema;

use super::dto::ObjectData;
use super::store_of;
use crate::api::auth::Signed;
use crate::api::error::ApiError;
use crate::api::extract::{Input, Params};
use crate::http::AppState;
use crate::service::wallet::notes::NoteRefusal;
use crate::store::wallet::{Name, Note};

/// An object to be noted, or the other end of a link.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewObject {
    /// Its type: 1 to 50 characters.
    #[schema(min_length = 1, max_length = 50)]
    pub r#type: String,
    /// Its id: 1 to 500 characters.
    #[schema(min_length = 1, max_length = 500)]
    pub id: String,
    /// Whatever is to be noted: an object of at most 10,000 characters.
    #[schema(value_type = Option<Object>)]
    pub data: Option<String>,
}

/// What was noted about a wallet
///
/// `type` and `ids` choose; without them it is all.
#[utoipa::path(get, path = "/objects", operation_id = "StoreOnChainWallets_GetOnChainWalletObjects", tag = "On-chain wallet",
    params(("type" = Option<String>, Query, description = "Of this type."),
        ("ids" = Option<Vec<String>>, Query, description = "With these ids; may be repeated."),
        ("includeNeighbourData" = Option<bool>, Query, description = "Whether what was noted of the other ends of links is shown; true by default.")),
    security(("API_Key" = ["btcpay.store.canviewwallet"])),
    responses((status = 200, body = [ObjectData])))]
pub async fn list(
    State(state): State<AppState>,
    caller: Signed,
    Path((store, method)): Path<(String, String)>,
    params: Params,
) -> Result<Json<Vec<ObjectData>>, ApiError> {
    let store = store_of(&state, &caller, &store, &method)?;
    let with_neighbours = params.flag("includeNeighbourData")?.unwrap_or(true);
    let kind = params.first("type").map(str::to_owned);
    let ids = params.all("ids").into_iter().map(str::to_owned).collect();
    let notes = state.gateway.wallet_notes(store.id, kind, ids).await?;
    Ok(Json(
        notes
            .into_iter()
            .map(|noted| ObjectData::of(noted, with_neighbours))
            .collect(),
    ))
}

/// Notes something
///
/// What was noted of it before is replaced; its links stay.
#[utoipa::path(post, path = "/objects", operation_id = "StoreOnChainWallets_AddOrUpdateOnChainWalletObjects", tag = "On-chain wallet",
    security(("API_Key" = ["btcpay.store.canmanagewallettransactions"])),
    request_body = NewObject,
    responses((status = 200, body = ObjectData)))]
pub async fn put(
    State(state): State<AppState>,
    caller: Signed,
    Path((store, method)): Path<(String, String)>,
    mut body: Input,
) -> Result<Json<ObjectData>, ApiError> {
    let store = store_of(&state, &caller, &store, &method)?;
    let note = read(&mut body)?;
    let noted = state.gateway.put_wallet_note(store.id, note).await?;
    Ok(Json(ObjectData::of(noted, true)))
}

/// Something that was noted
///
/// Refused with 404 `wallet-object-not-found`.
#[utoipa::path(get, path = "/objects/{type}/{id}", operation_id = "StoreOnChainWallets_GetOnChainWalletObject", tag = "On-chain wallet",
    params(("includeNeighbourData" = Option<bool>, Query, description = "Whether what was noted of the other ends of links is shown; true by default.")),
    security(("API_Key" = ["btcpay.store.canviewwallet"])),
    responses((status = 200, body = ObjectData)))]
pub async fn get(
    State(state): State<AppState>,
    caller: Signed,
    Path((store, method, kind, id)): Path<(String, String, String, String)>,
    params: Params,
) -> Result<Json<ObjectData>, ApiError> {
    let store = store_of(&state, &caller, &store, &method)?;
    let with_neighbours = params.flag("includeNeighbourData")?.unwrap_or(true);
    let noted = state
        .gateway
        .wallet_note(store.id, name(&kind, &id)?)
        .await?;
    Ok(Json(ObjectData::of(noted, with_neighbours)))
}

/// Forgets something that was noted, and its links
///
/// Refused with 404 `wallet-object-not-found`.
#[utoipa::path(delete, path = "/objects/{type}/{id}", operation_id = "StoreOnChainWallets_RemoveOnChainWalletObject", tag = "On-chain wallet",
    security(("API_Key" = ["btcpay.store.canmanagewallettransactions"])),
    responses((status = 200, description = "Done.")))]
pub async fn remove(
    State(state): State<AppState>,
    caller: Signed,
    Path((store, method, kind, id)): Path<(String, String, String, String)>,
) -> Result<(), ApiError> {
    let store = store_of(&state, &caller, &store, &method)?;
    let removed = state
        .gateway
        .remove_wallet_note(store.id, name(&kind, &id)?);
    Ok(removed.await?)
}

/// Links two things
///
/// The other one is noted if it was not yet. Refused with 404 `wallet-object-not-found`.
#[utoipa::path(post, path = "/objects/{type}/{id}/links", operation_id = "StoreOnChainWallets_AddOrUpdateOnChainWalletLink", tag = "On-chain wallet",
    security(("API_Key" = ["btcpay.store.canmanagewallettransactions"])),
    request_body = NewObject,
    responses((status = 200, description = "Done.")))]
pub async fn link(
    State(state): State<AppState>,
    caller: Signed,
    Path((store, method, kind, id)): Path<(String, String, String, String)>,
    mut body: Input,
) -> Result<(), ApiError> {
    let store = store_of(&state, &caller, &store, &method)?;
    let other = read(&mut body)?;
    let linked =
        state
            .gateway
            .link_wallet_notes(store.id, name(&kind, &id)?, other.name, other.data);
    Ok(linked.await?)
}

/// Takes a link away
///
/// Refused with 404 `wallet-object-not-found`.
#[utoipa::path(delete, path = "/objects/{type}/{id}/links/{linkType}/{linkId}", operation_id = "StoreOnChainWallets_RemoveOnChainWalletLink", tag = "On-chain wallet",
    security(("API_Key" = ["btcpay.store.canmanagewallettransactions"])),
    responses((status = 200, description = "Done.")))]
pub async fn unlink(
    State(state): State<AppState>,
    caller: Signed,
    Path((store, method, kind, id, link_kind, link_id)): Path<(
        String,
        String,
        String,
        String,
        String,
        String,
    )>,
) -> Result<(), ApiError> {
    let store = store_of(&state, &caller, &store, &method)?;
    let (one, other) = (name(&kind, &id)?, name(&link_kind, &link_id)?);
    Ok(state
        .gateway
        .unlink_wallet_notes(store.id, one, other)
        .await?)
}

fn name(kind: &str, id: &str) -> Result<Name, ApiError> {
    Name::new(kind, id).ok_or_else(|| NoteRefusal::Unknown.into())
}

fn read(body: &mut Input) -> Result<Note, ApiError> {
    let kind = body.words("type").unwrap_or_default();
    let id = body.words("id").unwrap_or_default();
    let data = body.object("data");
    if Name::new(&kind, "id").is_none() {
        body.refuse("type", "A type has 1 to 50 characters.");
    }
    if Name::new("type", &id).is_none() {
        body.refuse("id", "An id has 1 to 500 characters.");
    }
    std::mem::take(body).finish()?;
    let data = data.map(|data| serde_json::Value::Object(data).to_string());
    let name = Name::new(&kind, &id).ok_or(NoteRefusal::Name)?;
    Ok(Note { name, data })
}
