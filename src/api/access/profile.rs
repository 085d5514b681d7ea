//! Changing and deleting one's own account (Greenfield 3.2).

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;

use super::body::UserRequest;
use super::dto::UserData;
use super::image_url;
use crate::api::auth::Signed;
use crate::api::error::ApiError;
use crate::api::extract::Input;
use crate::http::{AppState, ClientAddr};
use crate::service::access::UserChange;

/// Changes the caller's account
///
/// What is absent or null stays; an empty name or picture is none. A new password needs the current one, which may be
/// tried a few times a minute.
#[utoipa::path(put, path = "/v1/users/me", operation_id = "Users_UpdateCurrentUser", tag = "Users",
    security(("API_Key" = ["btcpay.user.canmodifyprofile"])),
    request_body = UserRequest,
    responses((status = 200, description = "Done.", body = UserData)))]
pub async fn update(
    State(state): State<AppState>,
    caller: Signed,
    client: ClientAddr,
    mut body: Input,
) -> Result<impl IntoResponse, ApiError> {
    let change = UserChange {
        email: body.words("email"),
        name: body.text("name"),
        image_url: image_url(&mut body),
        current_password: body.words("currentPassword"),
        new_password: body.words("newPassword"),
    };
    if change.new_password.is_some() && change.current_password.is_none() {
        body.refuse("currentPassword", "A new password needs the current one.");
    }
    body.finish()?;
    if change.new_password.is_some() {
        state.caps.login(client)?;
    }
    let user = state.gateway.update_user(caller.0.user.id, change).await?;
    Ok(Json(UserData::from(user)))
}

/// Deletes the caller's account
///
/// Its keys and sessions go with it, and its place in every store. While a store has no other owner it is refused with
/// 409 `store-user-role-orphaned`; archived stores go to an administrator. The only administrator stays.
#[utoipa::path(delete, path = "/v1/users/me", operation_id = "Users_DeleteCurrentUser", tag = "Users",
    security(("API_Key" = ["btcpay.user.candeleteuser"])),
    responses((status = 200, description = "Done.")))]
pub async fn remove(State(state): State<AppState>, caller: Signed) -> Result<(), ApiError> {
    state.gateway.delete_user(caller.0.user.id).await?;
    Ok(())
}
