//! Who is asking, and may they (Greenfield 1.1, 1.9, 1.10).

use std::convert::Infallible;
use std::str::FromStr;

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde::Deserialize;

use super::error::ApiError;
use super::operations::Access;
use crate::domain::access::UNRESTRICTED;
use crate::domain::ids::StoreId;
use crate::domain::store::Store;
use crate::http::{AppState, ClientAddr};
use crate::service::Gateway;
use crate::service::access::Caller;
use crate::service::review::Judge;
use crate::store::{self, Rows};

/// The right to run the server.
pub const SERVER: &str = "btcpay.server.canmodifyserversettings";

/// A key is 40 characters; nothing much longer is looked up.
const KEY_BYTES_MAX: usize = 256;

/// A caller with valid credentials, and the right that the operation needs; 401 without credentials, 403 without the
/// right. A right on a store is checked when the store is known: by [`Signed::store`] or [`Signed::item`].
#[derive(Clone, Debug)]
pub struct Signed(pub Caller, pub Right);

/// The right that the operation of a request needs, as its handler declares it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Right(Option<&'static str>);

/// A caller who may be anybody: none without credentials, 401 with bad ones.
#[derive(Clone, Debug)]
pub struct Anyone(pub Option<Caller>);

impl FromRequestParts<AppState> for Anyone {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let header = parts.headers.get(AUTHORIZATION).cloned();
        let Ok(client) = ClientAddr::from_request_parts(parts, state).await;
        let Some(text) = header
            .as_ref()
            .map(|header| header.to_str().unwrap_or("?").trim())
        else {
            state.caps.visit(client)?;
            return Ok(Self(None));
        };
        if text.is_empty() {
            state.caps.visit(client)?;
            return Ok(Self(None));
        }
        let (scheme, credentials) = text
            .split_once(|c: char| c.is_ascii_whitespace())
            .unwrap_or((text, ""));
        let credentials = credentials.trim();
        let found = match scheme.to_ascii_lowercase().as_str() {
            "token" | "bearer" if credentials.len() <= KEY_BYTES_MAX => {
                state.gateway.caller_by_key(credentials)
            }
            "basic" => {
                state.caps.login(client)?;
                let (email, password) = basic(credentials).ok_or_else(bad_credentials)?;
                state.gateway.caller_by_password(&email, password).await
            }
            _ => None,
        };
        let Some(caller) = found else {
            state.caps.visit(client)?;
            return Err(bad_credentials());
        };
        Ok(Self(Some(caller)))
    }
}

impl FromRequestParts<AppState> for Signed {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let Ok(right) = Right::from_request_parts(parts, state).await;
        let caller = Anyone::from_request_parts(parts, state).await?;
        let signed = caller.signed(right)?;
        if !right.is_on_store() {
            signed.check()?;
        }
        Ok(signed)
    }
}

impl<S: Sync> FromRequestParts<S> for Right {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(match parts.extensions.get::<Access>() {
            Some(access) => Self(access.permission()),
            // What nobody declared needs everything.
            None => Self(Some(UNRESTRICTED)),
        })
    }
}

impl Right {
    /// Its name. An operation that names none, and asks for one, needs everything.
    pub fn name(self) -> &'static str {
        self.0.unwrap_or(UNRESTRICTED)
    }

    /// Its name, if the operation names one.
    pub const fn declared(self) -> Option<&'static str> {
        self.0
    }

    fn is_on_store(self) -> bool {
        self.0.is_some_and(|name| name.starts_with("btcpay.store."))
    }
}

fn bad_credentials() -> ApiError {
    ApiError::unauthenticated("These credentials are not valid, or not any more.")
}

/// E-mail and password, with or without padding at the end.
fn basic(credentials: &str) -> Option<(String, String)> {
    let bytes = STANDARD_NO_PAD.decode(credentials.trim_end_matches('='));
    let plain = String::from_utf8(bytes.ok()?).ok()?;
    let (email, password) = plain.split_once(':')?;
    Some((email.to_owned(), password.to_owned()))
}

/// One item, by either of its routes: `/x/{id}` or `/stores/{store}/x/{id}`.
#[derive(Clone, Debug, Deserialize)]
pub struct ItemPath {
    store: Option<String>,
    id: String,
}

impl Anyone {
    /// The caller; 401 if there is none. The right is not checked yet.
    pub fn signed(self, right: Right) -> Result<Signed, ApiError> {
        self.0
            .map(|caller| Signed(caller, right))
            .ok_or_else(|| ApiError::unauthenticated("This needs an API key."))
    }
}

impl Signed {
    /// Refuses a caller who has the operation's right on no store, or only on some.
    pub fn check(&self) -> Result<(), ApiError> {
        match self.1.0 {
            Some(permission) => self.check_on(permission, None),
            None => Ok(()),
        }
    }

    /// Refuses a caller who has the operation's right on no store at all.
    pub fn check_somewhere(&self) -> Result<(), ApiError> {
        if self.0.may_somewhere(self.right()) {
            Ok(())
        } else {
            Err(ApiError::missing_permission(self.right()))
        }
    }

    /// Refuses a caller without a further right on a store.
    pub fn check_on(
        &self,
        permission: &'static str,
        store: Option<&Store>,
    ) -> Result<(), ApiError> {
        if self.0.may(permission, store) {
            Ok(())
        } else {
            Err(ApiError::missing_permission(permission))
        }
    }

    /// The operation's right.
    pub fn right(&self) -> &'static str {
        self.1.name()
    }

    /// The store of a path, if the caller has the operation's right on it. An unknown one looks like one without the
    /// right.
    pub fn store(&self, state: &AppState, id: &str) -> Result<Store, ApiError> {
        let store = find_store(state, id);
        let store = store.ok_or_else(|| ApiError::missing_permission(self.right()))?;
        self.check_on(self.right(), Some(&store))?;
        Ok(store)
    }

    /// Whether the caller still has the operation's right on a store, for what lasts longer than a request.
    pub fn still_may(&self, gateway: &Gateway, store: StoreId) -> bool {
        let store = gateway
            .store
            .glance(|rows| store::settings::get(rows, store));
        let caller = gateway.caller_now(&self.0);
        (caller.zip(store)).is_some_and(|(caller, store)| caller.may(self.right(), Some(&store)))
    }

    /// The store of an item, if the caller has the operation's right on it. The store is found by the item, not by the
    /// path; the path is compared last (D35).
    pub async fn item<I>(
        &self,
        state: &AppState,
        path: &ItemPath,
        store_of: fn(&dyn Rows, I) -> Option<StoreId>,
        unknown: fn() -> ApiError,
    ) -> Result<(Store, I), ApiError>
    where
        I: FromStr + Copy + Send + 'static,
    {
        let named = match &path.store {
            Some(text) => Some(self.store(state, text)?),
            None => None,
        };
        let id = path.id.parse::<I>().ok();
        let found = state
            .gateway
            .store
            .read(move |rows| {
                let id = id?;
                let store = store_of(rows, id)?;
                store::settings::get(rows, store).map(|store| (store, id))
            })
            .await;
        let refused = || ApiError::missing_permission(self.right());
        match (found, named) {
            (Some((store, id)), named) => {
                self.check_on(self.right(), Some(&store))?;
                if named.is_some_and(|named| named.id != store.id) {
                    return Err(refused());
                }
                Ok((store, id))
            }
            (None, Some(_)) => Err(unknown()),
            // No store can be told from the id, so no right can be proved.
            (None, None) => Err(refused()),
        }
    }
}

impl Signed {
    /// Whose word it is that the caller gives.
    pub fn judge(&self) -> Judge {
        Judge {
            user: self.0.user.id,
            runs_server: self.0.may(SERVER, None),
        }
    }

    /// An item of a store that may not draw on the node, for the server's administrator; `None` for anybody else.
    pub async fn guests_item<I>(
        &self,
        state: &AppState,
        path: &ItemPath,
        store_of: fn(&dyn Rows, I) -> Option<StoreId>,
    ) -> Option<(StoreId, I)>
    where
        I: FromStr + Copy + Send + 'static,
    {
        if !self.0.may(SERVER, None) {
            return None;
        }
        let id = path.id.parse::<I>().ok()?;
        let found = state
            .gateway
            .store
            .read(move |rows| {
                store_of(rows, id)
                    .filter(|store| !store::settings::may_spend_from_node(rows, *store))
            })
            .await?;
        let named = path.store.as_ref();
        named
            .is_none_or(|text| text.parse() == Ok(found))
            .then_some((found, id))
    }
}

/// The store with this id.
pub fn find_store(state: &AppState, id: &str) -> Option<Store> {
    let id: StoreId = id.parse().ok()?;
    state
        .gateway
        .store
        .glance(|rows| store::settings::get(rows, id))
}
