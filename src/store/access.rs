//! Rows of users, API keys and sessions. Secrets are kept as their sha256.

use std::ops::ControlFlow;

use super::codec::{decode, encode};
use super::rows::{Order, Rows};
use super::tables::Table;
use super::tx::Tx;
use crate::domain::access::{ApiKey, Session, User};
use crate::domain::ids::UserId;

/// sha256 of a key or token.
pub type SecretHash = [u8; 32];

/// A user by id.
pub fn user(rows: &dyn Rows, id: UserId) -> Option<User> {
    rows.get(Table::Users, &id.0).map(|bytes| decode(&bytes))
}

/// A user by e-mail, in any case.
pub fn user_by_email(rows: &dyn Rows, email: &str) -> Option<User> {
    let id = rows.get(Table::UsersByEmail, email.to_lowercase().as_bytes())?;
    user(rows, UserId(id.try_into().ok()?))
}

/// Whether an administrator exists.
pub fn has_admin(rows: &dyn Rows) -> bool {
    let mut found = false;
    rows.scan(Table::Users, &[], Order::Ascending, &mut |_, value| {
        found = decode::<User>(value).is_admin;
        if found {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    });
    found
}

/// Puts a user. The e-mail of an existing one does not change.
pub fn put_user(tx: &mut Tx<'_>, user: &User) {
    tx.put(
        Table::UsersByEmail,
        user.email.to_lowercase().as_bytes(),
        &user.id.0,
    );
    tx.put(Table::Users, &user.id.0, &encode(user));
}

/// An API key by the hash of its secret.
pub fn api_key(rows: &dyn Rows, hash: &SecretHash) -> Option<ApiKey> {
    rows.get(Table::ApiKeys, hash).map(|bytes| decode(&bytes))
}

/// Puts an API key.
pub fn put_api_key(tx: &mut Tx<'_>, hash: &SecretHash, key: &ApiKey) {
    tx.put(Table::ApiKeys, hash, &encode(key));
}

/// Removes an API key.
pub fn remove_api_key(tx: &mut Tx<'_>, hash: &SecretHash) {
    tx.remove(Table::ApiKeys, hash);
}

/// A session by the hash of its token.
pub fn session(rows: &dyn Rows, hash: &SecretHash) -> Option<Session> {
    rows.get(Table::Sessions, hash).map(|bytes| decode(&bytes))
}

/// Puts a session.
pub fn put_session(tx: &mut Tx<'_>, hash: &SecretHash, session: &Session) {
    tx.put(Table::Sessions, hash, &encode(session));
}

/// Removes a session.
pub fn remove_session(tx: &mut Tx<'_>, hash: &SecretHash) {
    tx.remove(Table::Sessions, hash);
}

/// The hashes of sessions that are over.
pub fn sessions_over(rows: &dyn Rows, now: crate::domain::time::Timestamp) -> Vec<Vec<u8>> {
    let mut over = Vec::new();
    rows.scan(Table::Sessions, &[], Order::Ascending, &mut |row, value| {
        if decode::<Session>(value).expires_at <= now {
            over.push(row.to_vec());
        }
        ControlFlow::Continue(())
    });
    over
}
