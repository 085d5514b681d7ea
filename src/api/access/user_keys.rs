//! Keys of other users (Greenfield 3.1).

use axum::Json;
use axum::extract::{Path, State};
use axum::response::IntoResponse;

use super::body::NewKeyRequest;
use super::dto::ApiKeyData;
use super::handlers::{no_key, read_key_wish};
use crate::api::auth::Signed;
use crate::api::error::ApiError;
use crate::api::extract::Input;
use crate::domain::access::{UNRESTRICTED, User};
use crate::http::AppState;
use crate::service::access::UserRefusal;

/// Makes an API key for somebody
///
/// A key of somebody who runs the server is made only by who may do everything: it could do more than its maker.
#[utoipa::path(post, path = "/v1/users/{user}/api-keys", operation_id = "ApiKeys_CreateUserApiKey", tag = "API keys",
    security(("API_Key" = ["btcpay.server.canmanageusers"])),
    request_body = NewKeyRequest,
    responses((status = 200, description = "Done.", body = ApiKeyData)))]
pub async fn create(
    State(state): State<AppState>,
    caller: Signed,
    Path(who): Path<String>,
    mut body: Input,
) -> Result<impl IntoResponse, ApiError> {
    let user = find(&state, &who).await?;
    if user.is_admin && !caller.0.is_unrestricted() {
        return Err(ApiError::missing_permission(UNRESTRICTED));
    }
    let (label, permissions) = read_key_wish(&mut body);
    body.finish()?;
    let made = state.gateway.create_api_key(user.id, label, permissions);
    let (secret, key) = made.await?;
    Ok(Json(ApiKeyData::new(secret, key)))
}

/// Deletes a key of somebody
///
/// Refused with 400 `apikey-not-found`.
#[utoipa::path(delete, path = "/v1/users/{user}/api-keys/{apikey}", operation_id = "ApiKeys_DeleteUserApiKey", tag = "API keys",
    security(("API_Key" = ["btcpay.server.canmanageusers"])),
    responses((status = 200, description = "Done.")))]
pub async fn remove(
    State(state): State<AppState>,
    _: Signed,
    Path((who, secret)): Path<(String, String)>,
) -> Result<(), ApiError> {
    let user = find(&state, &who).await?;
    if state.gateway.remove_api_key(user.id, &secret).await? {
        Ok(())
    } else {
        Err(no_key())
    }
}

async fn find(state: &AppState, who: &str) -> Result<User, ApiError> {
    let found = state.gateway.find_user(who).await;
    found.ok_or_else(|| UserRefusal::Unknown.into())
}
