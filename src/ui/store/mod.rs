//! Choosing, opening and overlooking a store.

use std::ops::ControlFlow;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::csrf::Posted;
use super::error::PageError;
use super::format;
use super::invoice::view::InvoiceRow;
use super::live::{self, Places};
use super::node::till_balance;
use super::page::{Room, Shell, checked, ok};
use super::payout::view::PayoutRow;
use super::rights;
use super::session::{Shop, SignedIn};
use crate::domain::money::Currency;
use crate::domain::store::{Settings, Store};
use crate::http::AppState;
use crate::service::Gateway;
use crate::service::books::allowance;
use crate::service::store::StoreRefusal;
use crate::store;

/// Invoices and payouts shown at a glance.
const GLANCE: usize = 5;

#[derive(Template)]
#[template(path = "stores.html")]
struct StoresPage {
    shell: Shell,
    stores: Vec<(String, String)>,
    form: NewForm,
    error: Option<String>,
}

#[derive(Template)]
#[template(path = "home.html")]
struct HomePage {
    shell: Shell,
    tiles: Vec<Tile>,
    rows: Vec<InvoiceRow>,
    payouts: Vec<PayoutRow>,
    in_review: usize,
    /// Payments that nobody has assigned to an invoice yet.
    strays: usize,
    paid_twice: Vec<String>,
}

/// A number at a glance.
#[derive(Clone, Debug)]
pub struct Tile {
    /// What it is.
    pub label: &'static str,
    /// The number.
    pub value: String,
    /// What it means.
    pub hint: &'static str,
}

/// What a new store is called and counts in.
#[derive(Debug, Deserialize)]
pub struct NewForm {
    name: String,
    currency: String,
}

/// `GET /`: the only store, or the choice of them.
pub async fn start(State(state): State<AppState>, signed: Result<SignedIn, PageError>) -> Response {
    let Ok(signed) = signed else {
        let to = if state.gateway.has_admin().await {
            "/login"
        } else {
            "/register"
        };
        return Redirect::to(to).into_response();
    };
    let stores = stores_of(&state.gateway, &signed).await;
    match stores.as_slice() {
        [only] => Redirect::to(&Room::Home.path(only.id)).into_response(),
        _ => Redirect::to("/stores").into_response(),
    }
}

/// `GET /stores`
pub async fn list(State(state): State<AppState>, signed: SignedIn) -> Response {
    let form = NewForm {
        name: String::new(),
        currency: Currency::USD.to_string(),
    };
    stores_page(&state.gateway, &signed, form, None).await
}

/// `POST /stores`
pub async fn create(
    State(state): State<AppState>,
    signed: SignedIn,
    Posted(form): Posted<NewForm>,
) -> Result<Response, PageError> {
    let refused = match form.currency.parse() {
        Err(_) => {
            "This currency is not known. Write a code such as USD, EUR, BTC or SATS.".to_owned()
        }
        Ok(default_currency) => {
            let settings = Settings {
                default_currency,
                ..Settings::default()
            };
            let name = form.name.trim().to_owned();
            let made = state
                .gateway
                .create_store(&signed.user, name, settings, "{}".to_owned())
                .await;
            match made {
                Ok(store) => return Ok(Redirect::to(&Room::Home.path(store.id)).into_response()),
                Err(
                    refusal @ (StoreRefusal::Name
                    | StoreRefusal::LimitReached
                    | StoreRefusal::Unknown
                    | StoreRefusal::Unavailable(_)),
                ) => refusal.to_string(),
            }
        }
    };
    Ok(stores_page(&state.gateway, &signed, form, Some(refused)).await)
}

async fn stores_of(gateway: &Gateway, signed: &SignedIn) -> Vec<Store> {
    let mut stores = gateway.stores_of(signed.user.id).await;
    stores.retain(|store| !store.archived);
    stores
}

async fn stores_page(
    gateway: &Gateway,
    signed: &SignedIn,
    form: NewForm,
    error: Option<String>,
) -> Response {
    let stores = stores_of(gateway, signed)
        .await
        .into_iter()
        .map(|store| (Room::Home.path(store.id), store.name))
        .collect();
    let page = StoresPage {
        shell: Shell::outside(gateway, signed, "Stores"),
        stores,
        form,
        error,
    };
    checked(page.error.is_some(), &page)
}

/// `GET /stores/{store}`
pub async fn home(State(state): State<AppState>, shop: Shop) -> Result<Response, PageError> {
    let id = shop.store.id;
    let (rows, payouts, strays, mark) = state
        .gateway
        .store
        .read(move |rows| {
            let mut invoices = Vec::new();
            store::invoice::newest_first(rows, id, &mut |invoice| {
                if !invoice.archived {
                    invoices.push(InvoiceRow::from(&invoice));
                }
                go_on(invoices.len())
            });
            let mut payouts = Vec::new();
            store::payout::newest_first(rows, id, &mut |payout| {
                payouts.push(PayoutRow::from(&payout));
                go_on(payouts.len())
            });
            let strays = store::receipt::strays(rows, id);
            let waiting = strays.iter().filter(|stray| stray.waits()).count();
            let last = store::journal::last_sequence(rows);
            (invoices, payouts, waiting, last)
        })
        .await;
    let alerts = state.gateway.payout_alerts(id).await;
    let path = Room::Payouts.path(id);
    let balance = till_balance(&state.gateway, id).await?;
    let earned = (state.gateway.store).glance(|rows| allowance::claim(rows, id));
    let mut tiles = Vec::new();
    if shop.may(rights::SEE_WALLET) {
        tiles.push(Tile {
            label: "On-chain",
            value: format::sat(balance.confirmed.plus(balance.unconfirmed)),
            hint: "in the store's wallet",
        });
    }
    let sees_money = shop.may(rights::SEE_REPORTS);
    if sees_money {
        tiles.push(Tile {
            label: "Over Lightning",
            value: format::signed(earned),
            hint: "came in, less what went out",
        });
    }
    if sees_money && shop.store.draws_on_node {
        tiles.push(Tile {
            label: "Can send",
            value: format::sat(state.gateway.lightning.sendable().to_sat_floor()),
            hint: "over Lightning, now",
        });
    }
    tiles.push(Tile {
        label: "Can receive",
        value: format::sat(state.gateway.lightning.receivable().to_sat_floor()),
        hint: "over Lightning, now",
    });
    Ok(ok(&HomePage {
        shell: Shell::inside(&state.gateway, &shop, Room::Home, "Overview").live(mark),
        tiles,
        rows,
        payouts,
        in_review: alerts.in_review.len(),
        strays,
        paid_twice: (alerts.paid_twice.iter())
            .map(|payout| format!("{path}/{payout}"))
            .collect(),
    }))
}

const fn go_on(shown: usize) -> ControlFlow<()> {
    if shown < GLANCE {
        ControlFlow::Continue(())
    } else {
        ControlFlow::Break(())
    }
}

/// `GET /stores/{store}/events`: the place of the newest fact, whenever one of this store is added.
pub async fn events(
    State(state): State<AppState>,
    Extension(places): Extension<Places>,
    shop: Shop,
) -> Response {
    let id = shop.store.id;
    let look = |gateway: Arc<Gateway>| async move {
        let last = gateway
            .store
            .read(|rows| store::journal::last_sequence(rows))
            .await;
        Some(last.to_string())
    };
    live::stream(
        &state.gateway,
        &places,
        move |entry| entry.store == id,
        look,
    )
}
