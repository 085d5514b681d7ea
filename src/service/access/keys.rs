//! API keys: made, given again to the application that asked before, removed.

use super::{Gateway, Unavailable, hash_secret};
use crate::domain::access::{ApiKey, Application, Grant};
use crate::domain::ids::UserId;
use crate::store;
use crate::store::access::SecretHash;

/// What the secret of an application's key is computed for.
const APPLICATION: &str = "api-key";

/// A key that an application asked for in the browser.
#[derive(Clone, Debug)]
pub struct AppKey {
    /// What it is for.
    pub label: String,
    /// What was consented to.
    pub permissions: Vec<Grant>,
    /// What the application calls itself.
    pub identifier: String,
    /// Host and port that the key is sent to.
    pub host: String,
}

impl Gateway {
    /// Makes an API key of 20 random bytes. The answer is the only time it is seen.
    pub async fn create_api_key(
        &self,
        user: UserId,
        label: String,
        permissions: Vec<Grant>,
    ) -> Result<(String, ApiKey), Unavailable> {
        let secret = hex::encode(self.random::<20>());
        let hash = hash_secret(&secret);
        let key = ApiKey {
            user,
            label,
            permissions,
            created: self.now(),
            application: None,
        };
        let kept = key.clone();
        self.store
            .write("api-key-create", move |tx| put(tx, &hash, &kept))
            .await?;
        Ok((secret, key))
    }

    /// The key of an application: the same again if it had one with the same permissions, sent to the same host
    /// (Greenfield 5.1); a new one otherwise. It is computed from the seed and a salt, so that the file doesn't hold it.
    pub async fn app_key(
        &self,
        user: UserId,
        wish: AppKey,
    ) -> Result<(String, ApiKey), Unavailable> {
        let new = ApiKey {
            user,
            label: wish.label,
            permissions: wish.permissions,
            created: self.now(),
            application: Some(Application {
                identifier: wish.identifier,
                host: wish.host,
                salt: self.random(),
            }),
        };
        let keychain = self.keychain.clone();
        let secret_of = move |key: &ApiKey| {
            let salt = key.application.as_ref().map(|one| one.salt);
            hex::encode(&keychain.secret_for(APPLICATION, &salt.unwrap_or_default())[..20])
        };
        self.store
            .write("app-key", move |tx| {
                let fits = |(hash, key): &(SecretHash, ApiKey)| {
                    same_wish(key, &new) && hash_secret(&secret_of(key)) == *hash
                };
                let old = store::access::api_keys_of(tx, user);
                if let Some((_, key)) = old.into_iter().find(fits) {
                    return (secret_of(&key), key);
                }
                let secret = secret_of(&new);
                put(tx, &hash_secret(&secret), &new);
                (secret, new)
            })
            .await
            .map_err(Unavailable::from)
    }

    /// The keys of a user, newest first, each with the hash that names it.
    pub async fn api_keys_of(&self, user: UserId) -> Vec<(SecretHash, ApiKey)> {
        self.store
            .read(move |rows| store::access::api_keys_of(rows, user))
            .await
    }

    /// Removes a key of this user. False if they have none like it.
    pub async fn remove_api_key(&self, user: UserId, secret: &str) -> Result<bool, Unavailable> {
        self.remove_key_named(user, hash_secret(secret)).await
    }

    /// Removes a key of this user by its hash. False if they have none like it.
    pub async fn remove_key_named(
        &self,
        user: UserId,
        hash: SecretHash,
    ) -> Result<bool, Unavailable> {
        self.store
            .write("api-key-remove", move |tx| {
                let owned = store::access::api_key(tx, &hash).is_some_and(|key| key.user == user);
                if owned {
                    store::access::remove_api_key(tx, &hash);
                }
                owned
            })
            .await
            .map_err(Unavailable::from)
    }
}

/// The first key ends Basic authentication (D45).
fn put(tx: &mut store::Tx<'_>, hash: &SecretHash, key: &ApiKey) {
    if let Some(mut user) = store::access::user(tx, key.user)
        && !user.has_had_key
    {
        user.has_had_key = true;
        store::access::put_user(tx, &user);
    }
    store::access::put_api_key(tx, hash, key);
}

/// The same application, host and permissions.
fn same_wish(one: &ApiKey, other: &ApiKey) -> bool {
    let name = |key: &ApiKey| {
        let app = key.application.as_ref()?;
        Some((app.identifier.clone(), app.host.clone()))
    };
    let covers =
        |a: &ApiKey, b: &ApiKey| (a.permissions.iter()).all(|grant| b.permissions.contains(grant));
    name(one).is_some() && name(one) == name(other) && covers(one, other) && covers(other, one)
}
