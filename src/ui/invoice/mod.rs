//! The dashboard's invoices: list, create, one with its timeline.

pub mod view;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::csrf::Posted;
use super::destination::amount;
use super::error::PageError;
use super::list::{Pager, Queried, Taker, filters};
use super::page::{Link, Room, Shell, checked, html, ok};
use super::session::Shop;
use crate::domain::ids::InvoiceId;
use crate::domain::invoice::{Details, Mark, Status};
use crate::domain::money::Currency;
use crate::http::AppState;
use crate::service::Gateway;
use crate::service::invoice::{InvoiceRefusal, MarkRefusal, NewInvoice};
use crate::store;
use view::{InvoiceRow, InvoiceView};

const STATUSES: [(&str, &str); 6] = [
    ("", "All"),
    ("new", "New"),
    ("processing", "Processing"),
    ("settled", "Settled"),
    ("expired", "Expired"),
    ("invalid", "Invalid"),
];

#[derive(Template)]
#[template(path = "invoices.html")]
struct ListPage {
    shell: Shell,
    filters: Vec<Link>,
    rows: Vec<InvoiceRow>,
    pager: Pager,
}

#[derive(Template)]
#[template(path = "invoice_new.html")]
struct NewPage {
    shell: Shell,
    form: NewForm,
    error: Option<String>,
}

#[derive(Template)]
#[template(path = "invoice.html")]
struct OnePage {
    shell: Shell,
    view: InvoiceView,
    error: Option<String>,
}

/// Which rows of a list.
#[derive(Debug, Default, Deserialize)]
pub struct Wanted {
    /// Only these.
    #[serde(default)]
    pub status: String,
    /// From here on.
    #[serde(default)]
    pub skip: usize,
}

/// What a new invoice asks for.
#[derive(Debug, Default, Deserialize)]
pub struct NewForm {
    #[serde(default)]
    amount: String,
    #[serde(default)]
    currency: String,
    #[serde(default)]
    order: String,
    #[serde(default)]
    item: String,
}

/// A person's word.
#[derive(Debug, Deserialize)]
pub struct MarkForm {
    mark: String,
}

/// `GET /stores/{store}/invoices`
pub async fn list(State(state): State<AppState>, shop: Shop, query: Queried<Wanted>) -> Response {
    let wanted = query.map(|query| query.0).unwrap_or_default();
    let status = match wanted.status.as_str() {
        "new" => Some(Status::New),
        "processing" => Some(Status::Processing),
        "settled" => Some(Status::Settled),
        "expired" => Some(Status::Expired),
        "invalid" => Some(Status::Invalid),
        _ => None,
    };
    let (id, skip) = (shop.store.id, wanted.skip);
    let (taken, mark) = state
        .gateway
        .store
        .read(move |rows| {
            let mut taker = Taker::new(skip);
            store::invoice::newest_first(rows, id, &mut |invoice| {
                if invoice.archived || status.is_some_and(|status| status != invoice.status) {
                    return std::ops::ControlFlow::Continue(());
                }
                taker.offer(InvoiceRow::from(&invoice))
            });
            (taker, store::journal::last_sequence(rows))
        })
        .await;
    let path = Room::Invoices.path(id);
    let shown = if status.is_some() {
        wanted.status.as_str()
    } else {
        ""
    };
    ok(&ListPage {
        shell: Shell::inside(&state.gateway, &shop, Room::Invoices, "Invoices").live(mark),
        filters: filters(&path, &STATUSES, shown),
        pager: Pager::new(&path, shown, skip, taken.more),
        rows: taken.rows,
    })
}

/// `GET /stores/{store}/invoices/new`
pub async fn new_page(State(state): State<AppState>, shop: Shop) -> Response {
    let form = NewForm {
        currency: shop.store.settings.default_currency.to_string(),
        ..NewForm::default()
    };
    new_form(&state.gateway, &shop, form, None)
}

/// `POST /stores/{store}/invoices`
pub async fn create(
    State(state): State<AppState>,
    shop: Shop,
    Posted(form): Posted<NewForm>,
) -> Result<Response, PageError> {
    let new = match read(&form) {
        Ok(new) => new,
        Err(why) => return Ok(new_form(&state.gateway, &shop, form, Some(why))),
    };
    match state.gateway.create_invoice(shop.store.id, new).await {
        Ok(invoice) => {
            let path = Room::Invoices.path(shop.store.id);
            Ok(Redirect::to(&format!("{path}/{}", invoice.id)).into_response())
        }
        Err(InvoiceRefusal::Unavailable(unavailable)) => Err(unavailable.into()),
        Err(InvoiceRefusal::UnknownStore) => Err(PageError::NotFound),
        Err(refusal) => Ok(new_form(
            &state.gateway,
            &shop,
            form,
            Some(refusal.to_string()),
        )),
    }
}

fn read(form: &NewForm) -> Result<NewInvoice, String> {
    let currency: Currency = form.currency.parse().map_err(|_| {
        "This currency is not known. Write a code such as USD, EUR, BTC or SATS.".to_owned()
    })?;
    let text = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let (order_id, item_desc) = (text(&form.order), text(&form.item));
    let mut metadata = serde_json::Map::new();
    if let Some(order) = &order_id {
        metadata.insert("orderId".to_owned(), order.clone().into());
    }
    if let Some(item) = &item_desc {
        metadata.insert("itemDesc".to_owned(), item.clone().into());
    }
    Ok(NewInvoice {
        amount: amount(&form.amount)?,
        currency: Some(currency),
        details: Details {
            metadata: serde_json::Value::Object(metadata).to_string(),
            order_id,
            item_desc,
            checkout: "{}".to_owned(),
            receipt: "{}".to_owned(),
            ..Details::default()
        },
        ..NewInvoice::default()
    })
}

fn new_form(gateway: &Gateway, shop: &Shop, form: NewForm, error: Option<String>) -> Response {
    let page = NewPage {
        shell: Shell::inside(gateway, shop, Room::Invoices, "New invoice")
            .at(format!("{}/new", Room::Invoices.path(shop.store.id))),
        form,
        error,
    };
    checked(page.error.is_some(), &page)
}

/// `GET /stores/{store}/invoices/{invoice}`
pub async fn one(
    State(state): State<AppState>,
    shop: Shop,
    Path((_, id)): Path<(String, String)>,
) -> Result<Response, PageError> {
    let id = id.parse().map_err(|_| PageError::NotFound)?;
    one_page(&state.gateway, &shop, id, None).await
}

/// `POST /stores/{store}/invoices/{invoice}/mark`
pub async fn mark(
    State(state): State<AppState>,
    shop: Shop,
    Path((_, id)): Path<(String, String)>,
    Posted(form): Posted<MarkForm>,
) -> Result<Response, PageError> {
    let id: InvoiceId = id.parse().map_err(|_| PageError::NotFound)?;
    let mark = match form.mark.as_str() {
        "settled" => Mark::Settled,
        "invalid" => Mark::Invalid,
        _ => return Err(PageError::Unreadable),
    };
    match state.gateway.mark_invoice(shop.store.id, id, mark).await {
        Ok(_) => {
            let path = Room::Invoices.path(shop.store.id);
            Ok(Redirect::to(&format!("{path}/{id}")).into_response())
        }
        Err(MarkRefusal::Unknown) => Err(PageError::NotFound),
        Err(MarkRefusal::Unavailable(unavailable)) => Err(unavailable.into()),
        Err(MarkRefusal::CantMark(_)) => {
            let why = "It has changed meanwhile and can't be marked so any more.".to_owned();
            one_page(&state.gateway, &shop, id, Some(why)).await
        }
    }
}

async fn one_page(
    gateway: &Gateway,
    shop: &Shop,
    id: InvoiceId,
    error: Option<String>,
) -> Result<Response, PageError> {
    let store = shop.store.id;
    let (invoice, entries, mark) = gateway
        .store
        .read(move |rows| {
            let invoice = store::invoice::get(rows, store, id)?;
            let entries = store::journal::of_object(rows, store, id.as_bytes());
            Some((invoice, entries, store::journal::last_sequence(rows)))
        })
        .await
        .ok_or(PageError::NotFound)?;
    let status = if error.is_some() {
        StatusCode::CONFLICT
    } else {
        StatusCode::OK
    };
    let page = OnePage {
        shell: Shell::inside(gateway, shop, Room::Invoices, "Invoice")
            .live(mark)
            .at(format!("{}/{id}", Room::Invoices.path(store))),
        view: InvoiceView::of(&invoice, &entries, &gateway.base_url),
        error,
    };
    Ok(html(status, &page))
}
