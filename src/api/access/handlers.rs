//! Making accounts and keys, and looking at one's own.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::header::ORIGIN;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use subtle::ConstantTimeEq;

use super::body::{NewKeyRequest, NewUserRequest};
use super::dto::{ApiKeyData, UserData};
use crate::api::auth::{Anyone, Right, Signed};
use crate::api::error::ApiError;
use crate::api::extract::Input;
use crate::domain::access::{Grant, UNRESTRICTED};
use crate::http::{AppState, ClientAddr, comes_from_here};
use crate::service::access::{CallerKey, NewUser, PASSWORD_CHARS_MIN, UserRefusal};

/// A label is for people.
const LABEL_CHARS_MAX: usize = 200;

/// A key has at most so many permissions: some per store.
const PERMISSIONS_MAX: usize = 1_000;

/// Makes an account
///
/// The first one is made by who has the set-up token, further ones by an administrator.
#[utoipa::path(post, path = "/v1/users", operation_id = "Users_CreateUser", tag = "Users",
    security((), ("API_Key" = ["btcpay.server.cancreateuser"])),
    request_body = NewUserRequest,
    responses((status = 201, description = "Made.", body = UserData)))]
pub async fn create_user(
    State(state): State<AppState>,
    client: ClientAddr,
    Anyone(caller): Anyone,
    right: Right,
    headers: HeaderMap,
    mut body: Input,
) -> Result<impl IntoResponse, ApiError> {
    let email = body.words("email").unwrap_or_default();
    let password = body.words("password");
    let name = body.words("name");
    let image_url = super::image_url(&mut body);
    let is_admin = body.flag("isAdministrator").unwrap_or(false);
    let token = headers
        .get("x-setup-token")
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned)
        .or_else(|| body.words("setupToken"));
    if email.is_empty() {
        body.refuse("email", "An account needs an e-mail address.");
    }
    // An administrator may invite somebody, who then chooses a password.
    let short = (password.as_ref()).map(|text| text.chars().count() < PASSWORD_CHARS_MIN);
    if short.unwrap_or(caller.is_none()) {
        body.refuse("password", UserRefusal::Password.to_string());
    }
    let by_admin = match &caller {
        None => {
            body.finish()?;
            state.caps.account(client)?;
            false
        }
        Some(caller) => {
            let caller = Signed(caller.clone(), right);
            caller.check()?;
            if is_admin && !caller.0.is_unrestricted() {
                return Err(ApiError::missing_permission(UNRESTRICTED));
            }
            body.finish()?;
            true
        }
    };
    let may_found = may_found(&state, &headers, token.as_deref());
    let new = NewUser {
        email,
        name,
        image_url,
        password,
        is_admin,
    };
    let (user, token) = state.gateway.create_user(new, may_found, by_admin).await?;
    let base = &state.gateway.base_url;
    let invitation = token.map(|token| format!("{base}/invitations/{}/{token}", user.id));
    Ok((
        StatusCode::CREATED,
        Json(UserData::invited(user, invitation)),
    ))
}

/// Whether the caller may make the first account (D45): by the set-up token, or because only this machine can ask.
fn may_found(state: &AppState, headers: &HeaderMap, token: Option<&str>) -> bool {
    if let Some(expected) = &state.gateway.setup_token {
        return token.is_some_and(|token| bool::from(token.as_bytes().ct_eq(expected.as_bytes())));
    }
    // A page of another site in the operator's browser is on this machine too.
    let foreign_page = headers
        .get(ORIGIN)
        .is_some_and(|origin| origin.as_bytes() != state.gateway.base_url.as_bytes());
    !foreign_page && comes_from_here(headers)
}

/// The caller's account
#[utoipa::path(get, path = "/v1/users/me", operation_id = "Users_GetCurrentUser", tag = "Users",
    security(("API_Key" = ["btcpay.user.canviewprofile"])),
    responses((status = 200, description = "Done.", body = UserData)))]
pub async fn me(Signed(caller, _): Signed) -> Json<UserData> {
    Json(UserData::from(caller.user))
}

/// Makes an API key
#[utoipa::path(post, path = "/v1/api-keys", operation_id = "ApiKeys_CreateApiKey", tag = "API keys",
    security(("API_Key" = ["unrestricted"])),
    request_body = NewKeyRequest,
    responses((status = 200, description = "Done.", body = ApiKeyData)))]
pub async fn create_key(
    State(state): State<AppState>,
    caller: Signed,
    mut body: Input,
) -> Result<impl IntoResponse, ApiError> {
    let (label, permissions) = read_key_wish(&mut body);
    body.finish()?;
    let (secret, key) = state
        .gateway
        .create_api_key(caller.0.user.id, label, permissions)
        .await?;
    Ok(Json(ApiKeyData::new(secret, key)))
}

/// What a new key is called and may do.
pub(super) fn read_key_wish(body: &mut Input) -> (String, Vec<Grant>) {
    let label = body.text("label").unwrap_or_default();
    if label.chars().count() > LABEL_CHARS_MAX {
        body.refuse("label", "The label is too long.");
    }
    let texts = body.texts("permissions").unwrap_or_default();
    if texts.len() > PERMISSIONS_MAX {
        body.refuse("permissions", "These are too many.");
    }
    let mut permissions = Vec::new();
    for (place, text) in texts.iter().enumerate() {
        match Grant::parse(text.trim()) {
            Some(grant) if permissions.contains(&grant) => {}
            Some(grant) => permissions.push(grant),
            None => body.refuse(&format!("permissions[{place}]"), "This is no permission."),
        }
    }
    (label, permissions)
}

/// The key that asks
///
/// A password has none: 401.
#[utoipa::path(get, path = "/v1/api-keys/current", operation_id = "ApiKeys_GetCurrentApiKey", tag = "API keys",
    security(("API_Key" = [])),
    responses((status = 200, description = "Done.", body = ApiKeyData)))]
pub async fn current_key(caller: Signed) -> Result<impl IntoResponse, ApiError> {
    let CallerKey { key, secret, .. } = by_key(caller)?;
    Ok(Json(ApiKeyData::new(secret, key)))
}

/// Deletes the key that asks
#[utoipa::path(delete, path = "/v1/api-keys/current", operation_id = "ApiKeys_DeleteCurrentApiKey", tag = "API keys",
    security(("API_Key" = [])),
    responses((status = 200, description = "Done.")))]
pub async fn remove_current_key(
    State(state): State<AppState>,
    caller: Signed,
) -> Result<(), ApiError> {
    let user = caller.0.user.id;
    let secret = by_key(caller)?.secret;
    state.gateway.remove_api_key(user, &secret).await?;
    Ok(())
}

/// Deletes a key of the caller
///
/// Refused with 400 `apikey-not-found`.
#[utoipa::path(delete, path = "/v1/api-keys/{apikey}", operation_id = "ApiKeys_DeleteApiKey", tag = "API keys",
    security(("API_Key" = ["unrestricted"])),
    responses((status = 200, description = "Done.")))]
pub async fn remove_key(
    State(state): State<AppState>,
    caller: Signed,
    Path(secret): Path<String>,
) -> Result<(), ApiError> {
    let user = caller.0.user.id;
    if state.gateway.remove_api_key(user, &secret).await? {
        Ok(())
    } else {
        Err(no_key())
    }
}

/// 400: not 404, as Greenfield has it.
pub(super) fn no_key() -> ApiError {
    ApiError::bad_request("apikey-not-found", "There is no such API key.")
}

fn by_key(caller: Signed) -> Result<CallerKey, ApiError> {
    caller
        .0
        .key
        .ok_or_else(|| ApiError::unauthenticated("This needs an API key, not a password."))
}
