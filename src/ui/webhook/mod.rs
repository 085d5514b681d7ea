//! The dashboard's webhooks: list, make, change, and what each was told.

mod form;
mod view;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};

use super::csrf::{Button, Posted};
use super::error::PageError;
use super::list::ROWS;
use super::page::{Room, Shell, checked, ok};
use super::said::{Said, Saved, saved};
use super::session::Shop;
use crate::domain::ids::{DeliveryId, WebhookId};
use crate::domain::webhook::Endpoint;
use crate::http::AppState;
use crate::service::Gateway;
use crate::service::webhook::WebhookRefusal;
use form::{FormView, WebhookForm};
use view::{DeliveryRow, EndpointRow};

#[derive(Template)]
#[template(path = "webhooks.html")]
struct ListPage {
    shell: Shell,
    rows: Vec<EndpointRow>,
}

#[derive(Template)]
#[template(path = "webhook.html")]
struct OnePage {
    shell: Shell,
    /// Its own path; `None` for a new one.
    path: Option<String>,
    form: FormView,
    /// Shown once, to whoever has just made it.
    secret: Option<String>,
    deliveries: Vec<DeliveryRow>,
    said: Said,
}

/// The form of what a webhook is.
const FORM: &str = "webhook";

/// What it was told.
const DELIVERIES: &str = "deliveries";

/// `GET /stores/{store}/webhooks`
pub async fn list(State(state): State<AppState>, shop: Shop) -> Response {
    let path = Room::Webhooks.path(shop.store.id);
    let endpoints = state.gateway.webhooks(shop.store.id).await;
    let row = |endpoint| EndpointRow::of(endpoint, &path);
    ok(&ListPage {
        shell: shell(&state.gateway, &shop, "Webhooks"),
        rows: endpoints.iter().map(row).collect(),
    })
}

/// `GET /stores/{store}/webhooks/new`
pub async fn new_page(State(state): State<AppState>, shop: Shop) -> Response {
    let form = FormView::fresh();
    page(&state.gateway, &shop, None, form, None, Said::Nothing).await
}

/// `POST /stores/{store}/webhooks`: answers the page itself, since the secret is shown only now.
pub async fn create(
    State(state): State<AppState>,
    shop: Shop,
    Posted(form): Posted<WebhookForm>,
) -> Result<Response, PageError> {
    let wish = form.wish(None, shop.signed.user.is_admin);
    match state.gateway.create_webhook(shop.store.id, wish).await {
        Ok(made) => {
            let secret = Some(made.secret.reveal().to_owned());
            let form = FormView::of(&made);
            Ok(page(
                &state.gateway,
                &shop,
                Some(&made),
                form,
                secret,
                Said::Nothing,
            )
            .await)
        }
        Err(refusal) => {
            let form = FormView::again(&form);
            refused(&state.gateway, &shop, None, form, (FORM, refusal)).await
        }
    }
}

/// `GET /stores/{store}/webhooks/{webhook}`
pub async fn one(
    State(state): State<AppState>,
    shop: Shop,
    Path((_, id)): Path<(String, String)>,
    Saved(saved): Saved,
) -> Result<Response, PageError> {
    let endpoint = find(&state.gateway, &shop, &id).await?;
    let form = FormView::of(&endpoint);
    let said = if saved {
        Said::done(FORM, "Saved.")
    } else {
        Said::Nothing
    };
    Ok(page(&state.gateway, &shop, Some(&endpoint), form, None, said).await)
}

/// `POST /stores/{store}/webhooks/{webhook}`
pub async fn update(
    State(state): State<AppState>,
    shop: Shop,
    Path((_, id)): Path<(String, String)>,
    Posted(form): Posted<WebhookForm>,
) -> Result<Response, PageError> {
    let endpoint = find(&state.gateway, &shop, &id).await?;
    let wish = form.wish(Some(&endpoint), shop.signed.user.is_admin);
    let store = shop.store.id;
    match state.gateway.update_webhook(store, endpoint.id, wish).await {
        Ok(_) => Ok(saved(&path_of(&shop, endpoint.id))),
        Err(refusal) => {
            let form = FormView::again(&form);
            refused(
                &state.gateway,
                &shop,
                Some(&endpoint),
                form,
                (FORM, refusal),
            )
            .await
        }
    }
}

/// `POST /stores/{store}/webhooks/{webhook}/delete`
pub async fn delete(
    State(state): State<AppState>,
    shop: Shop,
    Path((_, id)): Path<(String, String)>,
    Posted(Button {}): Posted<Button>,
) -> Result<Response, PageError> {
    let endpoint = find(&state.gateway, &shop, &id).await?;
    let deleted = state.gateway.delete_webhook(shop.store.id, endpoint.id);
    match deleted.await {
        Ok(()) => Ok(Redirect::to(&Room::Webhooks.path(shop.store.id)).into_response()),
        Err(refusal) => Err(not_found_or_house(refusal)),
    }
}

/// `POST /stores/{store}/webhooks/{webhook}/deliveries/{delivery}/redeliver`
pub async fn redeliver(
    State(state): State<AppState>,
    shop: Shop,
    Path((_, id, delivery)): Path<(String, String, String)>,
    Posted(Button {}): Posted<Button>,
) -> Result<Response, PageError> {
    let endpoint = find(&state.gateway, &shop, &id).await?;
    let delivery: DeliveryId = delivery.parse().map_err(|_| PageError::NotFound)?;
    let sent = state
        .gateway
        .redeliver(shop.store.id, endpoint.id, delivery);
    match sent.await {
        Ok(_) => Ok(Redirect::to(&path_of(&shop, endpoint.id)).into_response()),
        Err(refusal) => {
            let form = FormView::of(&endpoint);
            refused(
                &state.gateway,
                &shop,
                Some(&endpoint),
                form,
                (DELIVERIES, refusal),
            )
            .await
        }
    }
}

async fn find(gateway: &Gateway, shop: &Shop, id: &str) -> Result<Endpoint, PageError> {
    let id: WebhookId = id.parse().map_err(|_| PageError::NotFound)?;
    let found = gateway.webhook(shop.store.id, id).await;
    found.ok_or(PageError::NotFound)
}

fn path_of(shop: &Shop, webhook: WebhookId) -> String {
    format!("{}/{webhook}", Room::Webhooks.path(shop.store.id))
}

/// The page with why one of its forms was refused.
async fn refused(
    gateway: &Gateway,
    shop: &Shop,
    endpoint: Option<&Endpoint>,
    form: FormView,
    (place, refusal): (&'static str, WebhookRefusal),
) -> Result<Response, PageError> {
    let said = Said::refused(place, in_words(refusal)?);
    Ok(page(gateway, shop, endpoint, form, None, said).await)
}

/// What the page says of a refusal; some are pages of their own.
fn in_words(refusal: WebhookRefusal) -> Result<String, PageError> {
    match refusal {
        WebhookRefusal::Url(_) | WebhookRefusal::TooMany | WebhookRefusal::Pruned => {
            Ok(refusal.to_string())
        }
        WebhookRefusal::Unknown
        | WebhookRefusal::UnknownDelivery
        | WebhookRefusal::Unavailable(_) => Err(not_found_or_house(refusal)),
    }
}

fn not_found_or_house(refusal: WebhookRefusal) -> PageError {
    match refusal {
        WebhookRefusal::Unavailable(unavailable) => unavailable.into(),
        WebhookRefusal::Unknown
        | WebhookRefusal::UnknownDelivery
        | WebhookRefusal::Pruned
        | WebhookRefusal::Url(_)
        | WebhookRefusal::TooMany => PageError::NotFound,
    }
}

fn shell(gateway: &Gateway, shop: &Shop, title: &str) -> Shell {
    Shell::inside(gateway, shop, Room::Webhooks, title)
}

async fn page(
    gateway: &Gateway,
    shop: &Shop,
    endpoint: Option<&Endpoint>,
    form: FormView,
    secret: Option<String>,
    said: Said,
) -> Response {
    let path = endpoint.map(|endpoint| path_of(shop, endpoint.id));
    let (store, mut deliveries) = (shop.store.id, Vec::new());
    if let Some((endpoint, path)) = endpoint.zip(path.as_ref()) {
        let all = gateway.deliveries(store, endpoint.id, ROWS, |_| true).await;
        deliveries = all.iter().map(|one| DeliveryRow::of(one, path)).collect();
    }
    let title = match endpoint {
        None => "New webhook",
        Some(_) => "Webhook",
    };
    let here =
        (path.clone()).unwrap_or_else(|| format!("{}/new", Room::Webhooks.path(shop.store.id)));
    let page = OnePage {
        shell: shell(gateway, shop, title).at(here),
        path,
        form,
        secret,
        deliveries,
        said,
    };
    checked(page.said.is_refused(), &page)
}
