//! A person's API keys: seen, made, removed. A new one is shown once.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};

use super::consent::request::{Pairs, all};
use super::csrf::Posted;
use super::error::PageError;
use super::format::When;
use super::page::{Shell, checked};
use super::permission_words::words;
use super::session::SignedIn;
use crate::domain::access::{ApiKey, Grant, UNRESTRICTED, permissions};
use crate::http::AppState;
use crate::service::Gateway;

/// A label is for people, in characters.
const LABEL_CHARS_MAX: usize = 200;

/// The page's own path.
pub const PATH: &str = "/account/api-keys";

#[derive(Template)]
#[template(path = "keys.html")]
struct KeysPage {
    shell: Shell,
    /// A key that was just made.
    new: Option<String>,
    rows: Vec<KeyRow>,
    choices: Vec<(&'static str, &'static str)>,
    stores: Vec<(String, String)>,
    form: KeyForm,
    error: Option<&'static str>,
}

/// A key that is to be made, as far as it was filled in.
#[derive(Default)]
struct KeyForm {
    label: String,
    store: String,
    permissions: Vec<String>,
}

impl KeyForm {
    fn ticks(&self, permission: &str) -> bool {
        self.permissions.iter().any(|ticked| ticked == permission)
    }
}

impl From<&Pairs> for KeyForm {
    fn from(pairs: &Pairs) -> Self {
        let first = |name| all(pairs, name).first().map_or("", |text| *text).to_owned();
        Self {
            label: first("label"),
            store: first("store"),
            permissions: (all(pairs, "permissions").into_iter())
                .map(str::to_owned)
                .collect(),
        }
    }
}

/// A key in the list.
struct KeyRow {
    label: String,
    when: When,
    /// Its permissions in words, with their stores.
    permissions: Vec<String>,
    /// Its hash, which names it.
    name: String,
}

/// `GET /account/api-keys`
pub async fn page(State(state): State<AppState>, signed: SignedIn) -> Response {
    show(&state.gateway, &signed, None, KeyForm::default(), None).await
}

/// The page with a key that was just made.
pub async fn with_new(gateway: &Gateway, signed: &SignedIn, secret: String) -> Response {
    show(gateway, signed, Some(secret), KeyForm::default(), None).await
}

/// `POST /account/api-keys`
pub async fn create(
    State(state): State<AppState>,
    signed: SignedIn,
    Posted(form): Posted<Pairs>,
) -> Result<Response, PageError> {
    let gateway = &state.gateway;
    let label = all(&form, "label").first().map_or("", |text| text.trim());
    let scope = all(&form, "store").first().copied();
    let permissions = match read_permissions(&form, scope) {
        Some(permissions) if !permissions.is_empty() => permissions,
        Some(_) => {
            let why = "Tick at least one thing that the key may do.";
            return Ok(show(gateway, &signed, None, (&form).into(), Some(why)).await);
        }
        None => return Err(PageError::Unreadable),
    };
    if label.chars().count() > LABEL_CHARS_MAX {
        let why = "The name is too long.";
        return Ok(show(gateway, &signed, None, (&form).into(), Some(why)).await);
    }
    let label = label.to_owned();
    let (secret, _) = gateway
        .create_api_key(signed.user.id, label, permissions)
        .await?;
    Ok(with_new(gateway, &signed, secret).await)
}

/// What was ticked; in a store, if one was chosen. `None` if it is no permission of ours.
fn read_permissions(form: &Pairs, scope: Option<&str>) -> Option<Vec<Grant>> {
    let limit = match scope {
        Some(text) => Some(text.parse().ok()?),
        None => None,
    };
    let read = |text: &str| {
        let grant = Grant::parse(text)?;
        let limited = grant.store.is_none() && grant.permission.starts_with("btcpay.store.");
        let store = if limited { limit } else { grant.store };
        Some(Grant { store, ..grant })
    };
    all(form, "permissions").into_iter().map(read).collect()
}

/// `POST /account/api-keys/remove`
pub async fn remove(
    State(state): State<AppState>,
    signed: SignedIn,
    Posted(form): Posted<Pairs>,
) -> Result<Response, PageError> {
    let mut hash = [0; 32];
    let name = all(&form, "key").first().copied().unwrap_or_default();
    hex::decode_to_slice(name, &mut hash).map_err(|_| PageError::Unreadable)?;
    // One that is gone already is gone.
    state.gateway.remove_key_named(signed.user.id, hash).await?;
    Ok(Redirect::to(PATH).into_response())
}

async fn show(
    gateway: &Gateway,
    signed: &SignedIn,
    new: Option<String>,
    form: KeyForm,
    error: Option<&'static str>,
) -> Response {
    let stores = gateway.stores_of(signed.user.id).await;
    let name_of = |grant: &Grant| match grant.store {
        None => words(&grant.permission).to_owned(),
        Some(id) => {
            let store = stores.iter().find(|store| store.id == id);
            let name = store.map_or_else(|| id.to_string(), |store| store.name.clone());
            format!("{} ({name})", words(&grant.permission))
        }
    };
    let row = |(hash, key): ([u8; 32], ApiKey)| KeyRow {
        label: key.label,
        when: key.created.into(),
        permissions: key.permissions.iter().map(name_of).collect(),
        name: hex::encode(hash),
    };
    let keys = gateway.api_keys_of(signed.user.id).await;
    let may = |name: &&str| signed.user.is_admin || !name.starts_with("btcpay.server.");
    let page = KeysPage {
        shell: Shell::outside(gateway, signed, "API keys"),
        new,
        rows: keys.into_iter().map(row).collect(),
        choices: (permissions().into_iter())
            .filter(|name| *name != UNRESTRICTED)
            .filter(may)
            .map(|name| (name, words(name)))
            .collect(),
        stores: stores
            .iter()
            .filter(|store| !store.archived)
            .map(|store| (store.id.to_string(), store.name.clone()))
            .collect(),
        form,
        error,
    };
    checked(page.error.is_some(), &page)
}
