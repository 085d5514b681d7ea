//! Changing and deleting one's own account (Greenfield 3.2).

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;

use super::dto::UserData;
use super::image_url;
use crate::api::auth::Signed;
use crate::api::error::ApiError;
use crate::api::extract::Input;
use crate::http::{AppState, ClientAddr};
use crate::service::access::UserChange;

/// `PUT /users/me`: what is absent or null stays; an empty name or picture is none. A new password needs the current
/// one, which may be tried a few times a minute.
pub async fn update(
    State(state): State<AppState>,
    caller: Signed,
    client: ClientAddr,
    mut body: Input,
) -> Result<impl IntoResponse, ApiError> {
    caller.check("btcpay.user.canmodifyprofile")?;
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

/// `DELETE /users/me`: the account, its keys and sessions, and its place in every store. While a store has no other
/// owner it is refused with `store-user-role-orphaned`; archived stores go to an administrator. The only administrator
/// stays.
pub async fn remove(State(state): State<AppState>, caller: Signed) -> Result<(), ApiError> {
    caller.check("btcpay.user.candeleteuser")?;
    state.gateway.delete_user(caller.0.user.id).await?;
    Ok(())
}
