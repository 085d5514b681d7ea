//! Shapes of accounts and keys (Greenfield 4.1).

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::access::{ApiKey, User};

/// `ApplicationUserData`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "Greenfield's own shape")]
#[schema(as = ApplicationUserData)]
pub struct UserData {
    id: String,
    email: String,
    name: Option<String>,
    image_url: Option<String>,
    invitation_url: Option<String>,
    email_confirmed: bool,
    requires_email_confirmation: bool,
    approved: bool,
    requires_approval: bool,
    store_quota: Option<u32>,
    created: u64,
    disabled: bool,
    roles: Vec<&'static str>,
}

impl UserData {
    /// A new account, and what opens its invitation: the only time it is seen.
    pub(super) fn invited(user: User, invitation_url: Option<String>) -> Self {
        Self {
            invitation_url,
            ..Self::from(user)
        }
    }
}

impl From<User> for UserData {
    fn from(user: User) -> Self {
        Self {
            id: user.id.to_string(),
            email: user.email,
            name: user.name,
            image_url: user.image_url,
            invitation_url: None,
            email_confirmed: true,
            requires_email_confirmation: false,
            approved: true,
            requires_approval: false,
            store_quota: None,
            created: user.created.secs(),
            disabled: false,
            roles: if user.is_admin {
                vec!["ServerAdmin"]
            } else {
                Vec::new()
            },
        }
    }
}

/// `ApiKeyData`. The key itself is shown only to who holds it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApiKeyData {
    api_key: String,
    label: String,
    permissions: Vec<String>,
}

impl ApiKeyData {
    pub fn new(secret: String, key: ApiKey) -> Self {
        Self {
            api_key: secret,
            label: key.label,
            permissions: key.permissions.iter().map(ToString::to_string).collect(),
        }
    }
}
