//! What requests about accounts and keys hold. Read in the handlers.

use utoipa::ToSchema;

/// A new account.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase", example = json!({"email": "owner@example.com", "password": "correct horse", "isAdministrator": true}))]
pub struct NewUserRequest {
    /// How they sign in.
    pub email: String,
    /// At least 8 characters. An administrator may leave it out: then the answer holds an invitation.
    pub password: Option<String>,
    /// What they want to be called.
    pub name: Option<String>,
    /// A picture: an absolute URL.
    pub image_url: Option<String>,
    /// Whether they run the server. Only from who may do everything.
    pub is_administrator: Option<bool>,
    /// What the server printed when it started; also in the header `X-Setup-Token`. For the first account only.
    pub setup_token: Option<String>,
}

/// Changes of the caller's account. What is absent or null stays.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct UserRequest {
    /// How they sign in.
    pub email: Option<String>,
    /// What they want to be called; empty for nothing.
    pub name: Option<String>,
    /// A picture: an absolute URL; empty for none.
    pub image_url: Option<String>,
    /// Needed with a new one.
    pub current_password: Option<String>,
    /// At least 8 characters.
    pub new_password: Option<String>,
}

/// A new API key.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase", example = json!({"label": "till", "permissions": ["btcpay.store.cancreateinvoice"]}))]
pub struct NewKeyRequest {
    /// What it is for.
    pub label: Option<String>,
    /// What it may do: permissions, with `:storeId` behind one that is limited to a store.
    pub permissions: Option<Vec<String>>,
}
