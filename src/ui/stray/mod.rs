//! Money that fits no invoice: the store's own, and for who runs the server what came to nobody.

mod view;

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::csrf::Posted;
use super::error::PageError;
use super::page::{Room, Shell, checked};
use super::session::Shop;
use crate::domain::ids::StoreId;
use crate::http::AppState;
use crate::service::Gateway;
use crate::service::stray::{Assign, AssignRefusal};
use crate::store;
use view::StrayRow;

#[derive(Template)]
#[template(path = "strays.html")]
struct StraysPage {
    shell: Shell,
    rows: Vec<StrayRow>,
    error: Option<String>,
}

/// A person's word about a payment.
#[derive(Debug, Deserialize)]
pub struct AssignForm {
    receipt: String,
    house: bool,
    invoice: String,
}

/// `GET /stores/{store}/strays`
pub async fn list(State(state): State<AppState>, shop: Shop) -> Response {
    show(&state.gateway, &shop, None).await
}

/// `POST /stores/{store}/strays/assign`
pub async fn assign(
    State(state): State<AppState>,
    shop: Shop,
    Posted(form): Posted<AssignForm>,
) -> Result<Response, PageError> {
    // What came to nobody is the business of who runs the server.
    if form.house && !shop.signed.user.is_admin {
        return Err(PageError::NotFound);
    }
    let Ok(invoice) = form.invoice.trim().parse() else {
        let why = AssignRefusal::UnknownInvoice.to_string();
        return Ok(show(&state.gateway, &shop, Some(why)).await);
    };
    let assign = Assign {
        from: if form.house {
            StoreId::HOUSE
        } else {
            shop.store.id
        },
        receipt: form.receipt.parse().map_err(|_| PageError::Unreadable)?,
        store: shop.store.id,
        invoice,
        by: shop.signed.user.id,
    };
    match state.gateway.assign_stray(assign).await {
        Ok(invoice) => {
            let path = Room::Invoices.path(shop.store.id);
            Ok(Redirect::to(&format!("{path}/{}", invoice.id)).into_response())
        }
        Err(AssignRefusal::Unavailable(unavailable)) => Err(unavailable.into()),
        Err(
            refusal @ (AssignRefusal::UnknownStray
            | AssignRefusal::UnknownInvoice
            | AssignRefusal::AlreadyAssigned(_)
            | AssignRefusal::OtherStore
            | AssignRefusal::Lost),
        ) => Ok(show(&state.gateway, &shop, Some(refusal.to_string())).await),
    }
}

async fn show(gateway: &Gateway, shop: &Shop, error: Option<String>) -> Response {
    let id = shop.store.id;
    let mut rows = rows_of(gateway, id).await;
    if shop.signed.user.is_admin {
        rows.extend(rows_of(gateway, StoreId::HOUSE).await);
    }
    let mark = gateway
        .store
        .read(|rows| store::journal::last_sequence(rows))
        .await;
    let title = "Money that fits no invoice";
    let shell = Shell::inside(gateway, shop, Room::Wallet, title);
    let page = StraysPage {
        shell: shell.live(mark).at(format!("/stores/{id}/strays")),
        rows,
        error,
    };
    checked(page.error.is_some(), &page)
}

async fn rows_of(gateway: &Gateway, store: StoreId) -> Vec<StrayRow> {
    let strays = gateway.strays(store).await;
    let row = |stray| StrayRow::of(stray, store == StoreId::HOUSE);
    strays.iter().map(row).collect()
}
