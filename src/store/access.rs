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

/// A user by id or e-mail.
pub fn find_user(rows: &dyn Rows, id_or_email: &str) -> Option<User> {
    let text = id_or_email.trim();
    match text.parse() {
        Ok(id) => user(rows, id),
        Err(_) => user_by_email(rows, text),
    }
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

/// Who runs the server, the longest first.
pub fn admins(rows: &dyn Rows) -> Vec<User> {
    let mut admins: Vec<User> = Vec::new();
    rows.scan(Table::Users, &[], Order::Ascending, &mut |_, value| {
        let user: User = decode(value);
        if user.is_admin {
            admins.push(user);
        }
        ControlFlow::Continue(())
    });
    admins.sort_by_key(|user| (user.created, user.id));
    admins
}

/// Puts a user, under the e-mail they have now.
pub fn put_user(tx: &mut Tx<'_>, user: &User) {
    if let Some(before) = self::user(tx, user.id)
        && before.email.to_lowercase() != user.email.to_lowercase()
    {
        tx.remove(Table::UsersByEmail, before.email.to_lowercase().as_bytes());
    }
    tx.put(
        Table::UsersByEmail,
        user.email.to_lowercase().as_bytes(),
        &user.id.0,
    );
    tx.put(Table::Users, &user.id.0, &encode(user));
}

/// Removes a user, with their keys and sessions.
pub fn remove_user(tx: &mut Tx<'_>, user: &User) {
    for (hash, _) in api_keys_of(tx, user.id) {
        remove_api_key(tx, &hash);
    }
    for hash in sessions_of(tx, user.id) {
        tx.remove(Table::Sessions, &hash);
    }
    tx.remove(Table::UsersByEmail, user.email.to_lowercase().as_bytes());
    tx.remove(Table::Users, &user.id.0);
}

/// The keys of a user, newest first.
pub fn api_keys_of(rows: &dyn Rows, user: UserId) -> Vec<(SecretHash, ApiKey)> {
    let mut keys: Vec<(SecretHash, ApiKey)> = Vec::new();
    rows.scan(Table::ApiKeys, &[], Order::Ascending, &mut |row, value| {
        let key: ApiKey = decode(value);
        if key.user == user
            && let Ok(hash) = row.try_into()
        {
            keys.push((hash, key));
        }
        ControlFlow::Continue(())
    });
    keys.sort_by_key(|(hash, key)| (std::cmp::Reverse(key.created), *hash));
    keys
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

/// The hashes of a user's sessions.
pub fn sessions_of(rows: &dyn Rows, user: UserId) -> Vec<Vec<u8>> {
    let mut own = Vec::new();
    rows.scan(Table::Sessions, &[], Order::Ascending, &mut |row, value| {
        if decode::<Session>(value).user == user {
            own.push(row.to_vec());
        }
        ControlFlow::Continue(())
    });
    own
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
