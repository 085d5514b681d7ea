//! The checkout: where a payer pays an invoice and sees what has become of it.

mod dto;
#[cfg(test)]
mod tests;
mod view;

use std::sync::Arc;

use askama::Template;
use axum::Json;
use axum::extract::{Extension, Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::error::PageError;
use super::list::Queried;
use super::live::{self, Places};
use super::page::{Frame, ok};
use crate::domain::ids::InvoiceId;
use crate::domain::invoice::Invoice;
use crate::domain::receipt::Rail;
use crate::domain::store::Store;
use crate::http::AppState;
use crate::service::Gateway;
use crate::store;
use view::CheckoutView;

/// Without a script, an open checkout loads again after so many seconds.
const RELOAD_SECS: u32 = 5;

#[derive(Template)]
#[template(path = "checkout.html")]
struct CheckoutPage<'p> {
    frame: Frame,
    store: &'p str,
    item: Option<&'p str>,
    order: Option<&'p str>,
    view: CheckoutView,
}

/// Which way to pay stands in front.
#[derive(Debug, Default, Deserialize)]
pub struct Show {
    /// `lightning` or `onchain`.
    show: Option<String>,
}

/// `GET /i/{invoice}`
pub async fn page(
    State(state): State<AppState>,
    Path(id): Path<String>,
    query: Queried<Show>,
) -> Result<Response, PageError> {
    let show = match query
        .map(|query| query.0)
        .unwrap_or_default()
        .show
        .as_deref()
    {
        Some("lightning") => Some(Rail::Lightning),
        Some("onchain") => Some(Rail::Onchain),
        Some(_) | None => None,
    };
    render(&state.gateway, &id, show).await
}

/// `GET /i/{invoice}/{method}`: the same, with that method in front.
pub async fn page_of_method(
    State(state): State<AppState>,
    Path((id, method)): Path<(String, String)>,
) -> Result<Response, PageError> {
    let rail: Rail = method.parse().map_err(|_| PageError::NotFound)?;
    render(&state.gateway, &id, Some(rail)).await
}

async fn render(gateway: &Gateway, id: &str, show: Option<Rail>) -> Result<Response, PageError> {
    let id: InvoiceId = id.parse().map_err(|_| PageError::NotFound)?;
    let (mut invoice, mut shop) = look(gateway, id).await?;
    // Whoever opens the page wants to pay: what was left for later is made now.
    if gateway.activate_shown(&invoice).await {
        (invoice, shop) = look(gateway, id).await?;
    }
    Ok(ok(&checkout(&invoice, &shop.name, show, gateway.now())))
}

async fn look(gateway: &Gateway, id: InvoiceId) -> Result<(Invoice, Store), PageError> {
    gateway
        .store
        .read(move |rows| {
            let invoice = store::invoice::find(rows, id)?;
            let shop = store::settings::get(rows, invoice.store)?;
            Some((invoice, shop))
        })
        .await
        .ok_or(PageError::NotFound)
}

fn checkout<'p>(
    invoice: &'p Invoice,
    store: &'p str,
    show: Option<Rail>,
    now: crate::domain::time::Timestamp,
) -> CheckoutPage<'p> {
    let view = CheckoutView::of(invoice, show, now);
    let frame = Frame::new(format!("{} · {store}", view.title));
    CheckoutPage {
        frame: Frame {
            reload_secs: view.open.then_some(RELOAD_SECS),
            ..frame.live(format!("/i/{}/events", invoice.id), mark(invoice))
        },
        store,
        item: invoice.details.item_desc.as_deref(),
        order: invoice.details.order_id.as_deref(),
        view,
    }
}

/// `GET /i/{invoice}/status`: the state as JSON, for anybody's page.
pub async fn status(
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> Result<Response, PageError> {
    let id: InvoiceId = id.parse().map_err(|_| PageError::NotFound)?;
    let invoice = find(&state.gateway, id).await.ok_or(PageError::NotFound)?;
    let headers = [
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, Json(dto::CheckoutStatus::from(&invoice))).into_response())
}

/// `GET /i/{invoice}/events`: a mark of the state, whenever it changes.
pub async fn events(
    State(state): State<AppState>,
    Extension(places): Extension<Places>,
    Path(id): Path<String>,
) -> Result<Response, PageError> {
    let id: InvoiceId = id.parse().map_err(|_| PageError::NotFound)?;
    find(&state.gateway, id).await.ok_or(PageError::NotFound)?;
    let concerns = move |entry: &crate::domain::fact::Entry| entry.fact.object() == id.as_bytes();
    let look = move |gateway: Arc<Gateway>| async move {
        find(&gateway, id).await.map(|invoice| mark(&invoice))
    };
    Ok(live::stream(&state.gateway, &places, concerns, look))
}

async fn find(gateway: &Gateway, id: InvoiceId) -> Option<Invoice> {
    gateway
        .store
        .read(move |rows| store::invoice::find(rows, id))
        .await
}

/// All that the page shows and that may change.
fn mark(invoice: &Invoice) -> String {
    let shown = invoice.shown_prompt().map(|prompt| prompt.hash);
    live::mark(&(
        invoice.status,
        invoice.additional(),
        &invoice.receipts,
        shown,
    ))
}
