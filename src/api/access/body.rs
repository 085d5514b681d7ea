//! What requests about accounts and keys hold. Read in the handlers.

use utoipa::ToSchema;

use crate::api::schema::{EmailIn, LinkIn};

/// A new account.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase", example = json!({"email": "owner@example.com", "password": "correct horse", "isAdministrator": true}))]
pub struct NewUserRequest {
    /// How they sign in.
    pub email: EmailIn,
    /// At least 8 characters. An administrator may leave it out: then the answer holds an invitation.
    #[schema(min_length = 8, max_length = 256)]
    pub password: Option<String>,
    /// What they want to be called.
    #[schema(max_length = 100)]
    pub name: Option<String>,
    /// A picture: an absolute URL.
    pub image_url: Option<LinkIn>,
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
    pub email: Option<EmailIn>,
    /// What they want to be called; empty for nothing.
    #[schema(max_length = 100)]
    pub name: Option<String>,
    /// A picture: an absolute URL; empty for none.
    pub image_url: Option<LinkIn>,
    /// Needed with a new one.
    pub current_password: Option<String>,
    /// At least 8 characters.
    #[schema(min_length = 8, max_length = 256)]
    pub new_password: Option<String>,
}

/// A new API key.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase", example = json!({"label": "till", "permissions": ["btcpay.store.cancreateinvoice"]}))]
pub struct NewKeyRequest {
    /// What it is for.
    #[schema(max_length = 200)]
    pub label: Option<String>,
    /// What it may do: permissions, with `:storeId` behind one that is limited to a store.
    pub permissions: Option<Vec<String>>,
}
