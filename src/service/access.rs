//! Accounts, keys and sessions: who is asking, and may they.

mod keys;
mod users;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use sha2::{Digest, Sha256};

pub use keys::AppKey;
pub use users::{NewUser, UserChange, UserRefusal};

use super::{Gateway, Unavailable};
use crate::domain::access::{ApiKey, Session, UNRESTRICTED, User, implies};
use crate::domain::ids::UserId;
use crate::domain::time::Timestamp;
use crate::store;
use crate::store::access::SecretHash;

/// How long a browser stays signed in.
const SESSION_SECS: u64 = 14 * 86_400;

/// The shortest password.
pub const PASSWORD_CHARS_MIN: usize = 8;

/// The longest password: longer ones only burn time.
const PASSWORD_BYTES_MAX: usize = 1_024;

/// Who is asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The account.
    pub user: User,
    /// The key it came with; `None` is the account itself (a browser session, or Basic).
    pub key: Option<CallerKey>,
}

/// The key a caller came with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallerKey {
    /// What it may do.
    pub key: ApiKey,
    /// Which it is.
    pub hash: SecretHash,
    /// The key itself, as it was sent.
    pub secret: String,
}

impl Caller {
    /// Whether the caller may do this, on a store or on the server: key permission ∩ the account's own rights, which in
    /// a store are those of its role (Greenfield 1.10).
    pub fn may(&self, permission: &str, store: Option<&crate::domain::store::Store>) -> bool {
        let account = if permission.starts_with("btcpay.server.") {
            self.user.is_admin
        } else {
            store.is_none_or(|store| store.allows(self.user.id, permission))
        };
        let on = store.map(|store| store.id);
        account
            && self.key.as_ref().is_none_or(|key| {
                key.key
                    .permissions
                    .iter()
                    .any(|grant| grant.covers(permission, on))
            })
    }

    /// Whether the caller came with a permission, be it for a single store; the account's role there is not asked.
    pub fn may_somewhere(&self, permission: &str) -> bool {
        self.key.as_ref().is_none_or(|key| {
            let grants = &key.key.permissions;
            grants
                .iter()
                .any(|grant| implies(&grant.permission, permission))
        })
    }

    /// Whether the caller may do everything the account may.
    pub fn is_unrestricted(&self) -> bool {
        self.key.as_ref().is_none_or(|key| {
            key.key
                .permissions
                .iter()
                .any(|grant| grant.permission == UNRESTRICTED)
        })
    }

    /// Whether the caller sees this store at all.
    pub fn sees(&self, store: &crate::domain::store::Store) -> bool {
        self.may("btcpay.store.canviewstoresettings", Some(store))
    }
}

impl Gateway {
    /// Whether an administrator exists: until then the first account may be made.
    pub async fn has_admin(&self) -> bool {
        self.store.read(|rows| store::access::has_admin(rows)).await
    }

    /// The account with this e-mail and password. An unknown e-mail takes as long as a wrong password.
    pub async fn check_password(&self, email: &str, password: String) -> Option<User> {
        if password.len() > PASSWORD_BYTES_MAX {
            return None;
        }
        let email = email.trim().to_owned();
        let user = self
            .store
            .read(move |rows| store::access::user_by_email(rows, &email))
            .await;
        let hash = match &user {
            Some(user) => user.password_hash.clone(),
            None => hash_password(String::new(), [0; 16]).await.ok()?,
        };
        let fits = tokio::task::spawn_blocking(move || {
            PasswordHash::new(&hash).is_ok_and(|hash| {
                Argon2::default()
                    .verify_password(password.as_bytes(), &hash)
                    .is_ok()
            })
        })
        .await
        .unwrap_or(false);
        user.filter(|_| fits)
    }

    /// The caller behind e-mail and password, for the API: over once the account has had a key (D45).
    pub async fn caller_by_password(&self, email: &str, password: String) -> Option<Caller> {
        let user = self.check_password(email, password).await?;
        (!user.has_had_key).then_some(Caller { user, key: None })
    }

    /// The caller behind an API key.
    pub fn caller_by_key(&self, secret: &str) -> Option<Caller> {
        let hash = hash_secret(secret);
        self.store.glance(|rows| {
            let key = store::access::api_key(rows, &hash)?;
            let user = store::access::user(rows, key.user)?;
            let secret = secret.to_owned();
            Some(Caller {
                user,
                key: Some(CallerKey { key, hash, secret }),
            })
        })
    }

    /// The same caller as it is now: `None` if its key or its account is gone.
    pub fn caller_now(&self, caller: &Caller) -> Option<Caller> {
        match &caller.key {
            Some(key) => self.caller_by_key(&key.secret),
            None => self.store.glance(|rows| {
                let user = store::access::user(rows, caller.user.id)?;
                Some(Caller { user, key: None })
            }),
        }
    }

    /// Signs a browser in. The token goes into its cookie and is not kept.
    pub async fn sign_in(&self, user: UserId) -> Result<(String, Session), Unavailable> {
        let token = hex::encode(self.random::<32>());
        let hash = hash_secret(&token);
        let session = Session {
            user,
            expires_at: self.now().plus_secs(SESSION_SECS),
            csrf: self.random(),
        };
        let kept = session.clone();
        self.store
            .write("sign-in", move |tx| {
                store::access::put_session(tx, &hash, &kept);
            })
            .await?;
        Ok((token, session))
    }

    /// The session behind a cookie, and whose it is.
    pub async fn session(&self, token: &str) -> Option<(User, Session)> {
        let hash = hash_secret(token);
        let now = self.now();
        self.store
            .read(move |rows| {
                let session = store::access::session(rows, &hash)?;
                let user = store::access::user(rows, session.user)?;
                (session.expires_at > now).then_some((user, session))
            })
            .await
    }

    /// Signs a browser out.
    pub async fn sign_out(&self, token: &str) -> Result<(), Unavailable> {
        let hash = hash_secret(token);
        self.store
            .write("sign-out", move |tx| {
                store::access::remove_session(tx, &hash);
            })
            .await
            .map_err(Unavailable::from)
    }

    /// The stores an account may act for, oldest first.
    pub async fn stores_of(&self, user: UserId) -> Vec<crate::domain::store::Store> {
        self.store
            .read(move |rows| {
                store::settings::all(rows)
                    .into_iter()
                    .filter(|shop| shop.role_of(user).is_some())
                    .collect()
            })
            .await
    }
}

/// sha256 of a key or token: it is as random as can be, so nothing slower is needed.
pub fn hash_secret(secret: &str) -> SecretHash {
    Sha256::digest(secret.as_bytes()).into()
}

async fn hash_password(password: String, salt: [u8; 16]) -> Result<String, Unavailable> {
    tokio::task::spawn_blocking(move || {
        Argon2::default()
            .hash_password_with_salt(password.as_bytes(), &salt)
            .map(|hash| hash.to_string())
    })
    .await
    .ok()
    .and_then(Result::ok)
    .ok_or(Unavailable::Failed)
}

/// Removes the sessions that are over.
pub fn purge_sessions(tx: &mut store::Tx<'_>, now: Timestamp) {
    for hash in store::access::sessions_over(tx, now) {
        tx.remove(store::Table::Sessions, &hash);
    }
}
