//! The consent page: an application asks for a key, a person says yes, and the key is sent to the application by a
//! form of the browser (Greenfield 5.1).

pub mod request;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use self::request::{Pairs, Request, all, can_be_limited, is_of_server};
use super::csrf::Posted;
use super::error::PageError;
use super::keys;
use super::list::Queried;
use super::page::{Frame, checked, html, ok};
use super::permission_words::words;
use super::session::SignedIn;
use crate::domain::access::{Grant, permissions};
use crate::domain::ids::StoreId;
use crate::domain::store::Store;
use crate::http::AppState;
use crate::service::access::AppKey;

/// Where a form of this answer may be sent besides our own pages: an origin.
#[derive(Clone, Debug)]
pub struct FormTarget(pub String);

#[derive(Template)]
#[template(path = "consent.html")]
struct ConsentPage {
    frame: Frame,
    csrf: String,
    email: String,
    name: String,
    strict: bool,
    /// Where the key goes, and whether it can be read on the way.
    host: Option<(String, bool)>,
    wishes: Vec<Wish>,
    /// Wishes that this person can't grant.
    beyond: Vec<&'static str>,
    /// Stores to choose from, if there is a choice; ticked ones.
    stores: Option<Vec<(String, String, bool)>>,
    hidden: Vec<(&'static str, String)>,
    error: Option<&'static str>,
}

/// A permission that is asked for.
struct Wish {
    /// As it is written.
    grant: String,
    /// What it means.
    words: String,
    /// In which store alone.
    store: Option<String>,
    ticked: bool,
}

#[derive(Template)]
#[template(path = "consent_refused.html")]
struct RefusedPage<'p> {
    frame: Frame,
    why: &'p str,
}

#[derive(Template)]
#[template(path = "consent_done.html")]
struct DonePage<'p> {
    frame: Frame,
    url: &'p str,
    host: &'p str,
    fields: Vec<(&'static str, String)>,
}

/// `GET /api-keys/authorize`
pub async fn page(
    State(state): State<AppState>,
    signed: SignedIn,
    query: Queried<Pairs>,
) -> Response {
    let pairs = query.map(|query| query.0).unwrap_or_default();
    match Request::read(&pairs) {
        Err(why) => refused(&why),
        Ok(request) => {
            let stores = state.gateway.stores_of(signed.user.id).await;
            show(&signed, &request, &stores, None, &Pairs::new())
        }
    }
}

/// `POST /api-keys/authorize`: the person has said yes.
pub async fn consent(
    State(state): State<AppState>,
    signed: SignedIn,
    Posted(form): Posted<Pairs>,
) -> Result<Response, PageError> {
    let request = match Request::read(&form) {
        Ok(request) => request,
        Err(why) => return Ok(refused(&why)),
    };
    let stores = state.gateway.stores_of(signed.user.id).await;
    let permissions = match granted(&signed, &request, &stores, &form) {
        Ok(permissions) => permissions,
        Err(why) => return Ok(show(&signed, &request, &stores, Some(why), &form)),
    };
    let label = request.name().to_owned();
    let (user, gateway) = (signed.user.id, &state.gateway);
    let Some(redirect) = &request.redirect else {
        let (secret, _) = gateway.create_api_key(user, label, permissions).await?;
        return Ok(keys::with_new(gateway, &signed, secret).await);
    };
    let (secret, key) = match &request.identifier {
        Some(identifier) => {
            let wish = AppKey {
                label,
                permissions,
                identifier: identifier.clone(),
                host: redirect.host.clone(),
            };
            gateway.app_key(user, wish).await?
        }
        None => gateway.create_api_key(user, label, permissions).await?,
    };
    let mut fields = vec![("apiKey", secret), ("userId", user.to_string())];
    let each = key.permissions.iter().map(ToString::to_string);
    fields.extend(each.map(|text| ("permissions[]", text)));
    let done = DonePage {
        frame: Frame::new("One moment"),
        url: &redirect.url,
        host: &redirect.host,
        fields,
    };
    let mut response = ok(&done);
    let target = FormTarget(redirect.origin.clone());
    response.extensions_mut().insert(target);
    Ok(response)
}

/// What the person has agreed to; in words what is wrong with their answer.
fn granted(
    signed: &SignedIn,
    request: &Request,
    stores: &[Store],
    form: &Pairs,
) -> Result<Vec<Grant>, &'static str> {
    let (may, beyond) = split(signed, request);
    if request.strict && !beyond.is_empty() {
        return Err("You can't give what it asks for.");
    }
    let ticked = all(form, "granted");
    let agreed = may
        .into_iter()
        .filter(|grant| request.strict || ticked.contains(&grant.to_string().as_str()));
    let chosen: Option<Vec<StoreId>> =
        (request.chooses_stores() && all(form, "stores").first() == Some(&"chosen")).then(|| {
            let own = |id: &StoreId| stores.iter().any(|store| store.id == *id);
            let named = all(form, "store").into_iter();
            named
                .filter_map(|text| text.parse().ok())
                .filter(own)
                .collect()
        });
    let mut permissions = Vec::new();
    for grant in agreed {
        match &chosen {
            Some(chosen) if can_be_limited(&grant) => {
                if chosen.is_empty() {
                    return Err("Choose at least one store.");
                }
                let limited = |store: &StoreId| Grant {
                    store: Some(*store),
                    ..grant.clone()
                };
                permissions.extend(chosen.iter().map(limited));
            }
            Some(_) | None => permissions.push(grant),
        }
    }
    if permissions.is_empty() {
        return Err("Choose at least one permission.");
    }
    Ok(permissions)
}

/// What this person can give, and what only somebody else could.
fn split(signed: &SignedIn, request: &Request) -> (Vec<Grant>, Vec<Grant>) {
    (request.permissions.iter().cloned())
        .partition(|grant| signed.user.is_admin || !is_of_server(grant))
}

/// The page; after a refused answer with what was ticked in it.
fn show(
    signed: &SignedIn,
    request: &Request,
    stores: &[Store],
    error: Option<&'static str>,
    form: &Pairs,
) -> Response {
    let (may, beyond) = split(signed, request);
    let first_look = form.is_empty();
    let ticked = all(form, "granted");
    let chosen = all(form, "store");
    let open: Vec<&Store> = stores.iter().filter(|store| !store.archived).collect();
    let name_of = |id: StoreId| {
        let found = stores.iter().find(|store| store.id == id);
        found.map_or_else(|| id.to_string(), |store| store.name.clone())
    };
    let wishes = may.iter().map(|grant| {
        let text = grant.to_string();
        Wish {
            words: words(&grant.permission).to_owned(),
            store: grant.store.map(name_of),
            ticked: first_look || ticked.contains(&text.as_str()),
            grant: text,
        }
    });
    let choice = |store: &&Store| {
        let id = store.id.to_string();
        let ticked = chosen.contains(&id.as_str()) || first_look && open.len() == 1;
        (id, store.name.clone(), ticked)
    };
    let page = ConsentPage {
        frame: Frame::new("An application asks for a key"),
        csrf: signed.csrf(),
        email: signed.user.email.clone(),
        name: request.name().to_owned(),
        strict: request.strict,
        host: (request.redirect.as_ref()).map(|to| (to.host.clone(), to.readable)),
        wishes: wishes.collect(),
        beyond: (beyond.iter()).map(|grant| known(grant)).collect(),
        stores: (request.chooses_stores() && !open.is_empty())
            .then(|| open.iter().map(choice).collect()),
        hidden: request.pairs(),
        error,
    };
    checked(page.error.is_some(), &page)
}

fn known(grant: &Grant) -> &'static str {
    let name = permissions()
        .into_iter()
        .find(|name| *name == grant.permission);
    name.map_or("", words)
}

fn refused(why: &str) -> Response {
    let page = RefusedPage {
        frame: Frame::new("This can't be allowed"),
        why,
    };
    html(StatusCode::UNPROCESSABLE_ENTITY, &page).into_response()
}
