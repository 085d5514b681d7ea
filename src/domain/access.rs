//! Who may do what: users, API keys, permissions, roles in a store.

mod permission;
mod role;

use minicbor::{Decode, Encode};

pub use permission::{
    Grant, IMPLIED, UNRESTRICTED, implies, is_permission, permission, permissions,
};
pub use role::{BadRole, Role};

use super::ids::UserId;
use super::time::Timestamp;

/// A person with an account.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct User {
    /// Its id.
    #[n(0)]
    pub id: UserId,
    /// How they sign in; compared in lower case.
    #[n(1)]
    pub email: String,
    /// What they want to be called.
    #[n(2)]
    pub name: Option<String>,
    /// argon2id, in the PHC string format; empty while the account is only an invitation.
    #[n(3)]
    pub password_hash: String,
    /// Runs the server.
    #[n(4)]
    pub is_admin: bool,
    /// When the account was made.
    #[n(5)]
    pub created: Timestamp,
    /// Has had an API key: Basic authentication is over (D45).
    #[n(6)]
    pub has_had_key: bool,
    /// Where their picture is.
    #[n(7)]
    pub image_url: Option<String>,
    /// sha256 of what opens the invitation, until a password is set with it.
    #[cbor(n(8), with = "minicbor::bytes")]
    pub invitation: Option<[u8; 32]>,
}

/// An API key. The key itself is not kept, only its sha256.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ApiKey {
    /// Whose.
    #[n(0)]
    pub user: UserId,
    /// What it is for.
    #[n(1)]
    pub label: String,
    /// What it may do.
    #[n(2)]
    pub permissions: Vec<Grant>,
    /// When it was made.
    #[n(3)]
    pub created: Timestamp,
    /// Which application it was given to.
    #[n(4)]
    pub application: Option<Application>,
}

/// An application that asked for a key in the browser (Greenfield 5.1).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Application {
    /// What it calls itself.
    #[n(0)]
    pub identifier: String,
    /// Host and port that its key was sent to.
    #[n(1)]
    pub host: String,
    /// What the key is computed from, together with the seed: it is not kept, and can be given again.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub salt: [u8; 32],
}

/// A signed-in browser. The token itself is not kept, only its sha256.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Session {
    /// Who.
    #[n(0)]
    pub user: UserId,
    /// Until when.
    #[n(1)]
    pub expires_at: Timestamp,
    /// What forms carry back.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub csrf: [u8; 32],
}
