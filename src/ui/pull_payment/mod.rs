//! The dashboard's pull payments: list, create, share, archive.

mod view;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::csrf::{Button, Posted};
use super::destination::amount;
use super::error::PageError;
use super::invoice::Wanted;
use super::list::{Pager, Queried, Taker};
use super::page::{Room, Shell, checked, ok};
use super::rights;
use super::session::Shop;
use crate::domain::ids::PullPaymentId;
use crate::domain::money::{Currency, Money};
use crate::domain::receipt::Rail;
use crate::domain::time::Timestamp;
use crate::http::AppState;
use crate::service::Gateway;
use crate::service::pull_payment::{NewPullPayment, PullPaymentRefusal};
use crate::store;
use view::{PullRow, PullView};

/// The longest a pull payment may be set to run, in days: a hundred years.
const DAYS_MAX: u64 = 36_500;

#[derive(Template)]
#[template(path = "pull_payments.html")]
struct ListPage {
    shell: Shell,
    rows: Vec<PullRow>,
    pager: Pager,
}

#[derive(Template)]
#[template(path = "pull_payment_new.html")]
struct NewPage {
    shell: Shell,
    form: NewForm,
    error: Option<String>,
}

#[derive(Template)]
#[template(path = "pull_payment.html")]
struct OnePage {
    shell: Shell,
    view: PullView,
}

/// What a new pull payment offers. A box that is not ticked is not sent.
#[derive(Debug, Deserialize)]
pub struct NewForm {
    name: String,
    #[serde(default)]
    description: String,
    amount: String,
    currency: String,
    #[serde(default)]
    days: String,
    lightning: Option<String>,
    onchain: Option<String>,
    auto_approve: Option<String>,
}

/// `GET /stores/{store}/pull-payments`
pub async fn list(State(state): State<AppState>, shop: Shop, query: Queried<Wanted>) -> Response {
    let skip = query.map(|query| query.0).unwrap_or_default().skip;
    let (id, now) = (shop.store.id, state.gateway.now());
    let (taken, mark) = state
        .gateway
        .store
        .read(move |rows| {
            let mut taker = Taker::new(skip);
            for pull in store::pull_payment::of_store(rows, id) {
                if taker.offer(PullRow::of(&pull, now)).is_break() {
                    break;
                }
            }
            (taker, store::journal::last_sequence(rows))
        })
        .await;
    let path = Room::PullPayments.path(id);
    ok(&ListPage {
        shell: Shell::inside(&state.gateway, &shop, Room::PullPayments, "Pull payments").live(mark),
        pager: Pager::new(&path, "", skip, taken.more),
        rows: taken.rows,
    })
}

/// `GET /stores/{store}/pull-payments/new`
pub async fn new_page(State(state): State<AppState>, shop: Shop) -> Response {
    let ticked = || Some("on".to_owned());
    let form = NewForm {
        name: String::new(),
        description: String::new(),
        amount: String::new(),
        currency: Currency::SATS.to_string(),
        days: String::new(),
        lightning: ticked(),
        onchain: ticked(),
        auto_approve: None,
    };
    new_form(&state.gateway, &shop, form, None)
}

/// `POST /stores/{store}/pull-payments`
pub async fn create(
    State(state): State<AppState>,
    shop: Shop,
    Posted(form): Posted<NewForm>,
) -> Result<Response, PageError> {
    if form.auto_approve.is_some() {
        shop.check(rights::CREATE_APPROVED)?;
    }
    let days = shop.store.settings.refund_bolt11_days;
    let new = match read(&form, days, state.gateway.now()) {
        Ok(new) => new,
        Err(why) => return Ok(new_form(&state.gateway, &shop, form, Some(why.to_owned()))),
    };
    match state.gateway.create_pull_payment(shop.store.id, new).await {
        Ok(pull) => {
            let path = Room::PullPayments.path(shop.store.id);
            Ok(Redirect::to(&format!("{path}/{}", pull.id)).into_response())
        }
        Err(PullPaymentRefusal::Unavailable(unavailable)) => Err(unavailable.into()),
        Err(PullPaymentRefusal::Unknown) => Err(PageError::NotFound),
        Err(refusal) => Ok(new_form(
            &state.gateway,
            &shop,
            form,
            Some(refusal.to_string()),
        )),
    }
}

fn read(form: &NewForm, bolt11_days: u32, now: Timestamp) -> Result<NewPullPayment, &'static str> {
    if form.name.trim().is_empty() {
        return Err("Give it a name: receivers read it.");
    }
    let currency = match form.currency.parse() {
        Ok(currency) if currency == Currency::BTC || currency == Currency::SATS => currency,
        Ok(_) | Err(_) => return Err("A pull payment is in BTC or SATS."),
    };
    let expires_at = match form.days.trim() {
        "" => None,
        days => match days.parse::<u64>() {
            Ok(days @ 1..=DAYS_MAX) => Some(now.plus_secs(days.saturating_mul(86_400))),
            Ok(_) | Err(_) => return Err("Write the days as a whole number, at least 1."),
        },
    };
    let rails = [
        (Rail::Lightning, &form.lightning),
        (Rail::Onchain, &form.onchain),
    ]
    .into_iter()
    .filter(|(_, ticked)| ticked.is_some())
    .map(|(rail, _)| rail)
    .collect();
    Ok(NewPullPayment {
        name: form.name.trim().to_owned(),
        description: form.description.trim().to_owned(),
        limit: Money {
            amount: amount(&form.amount)?.ok_or("Write how much may be claimed.")?,
            currency,
        },
        rails: Some(rails),
        bolt11_days,
        auto_approve: form.auto_approve.is_some(),
        starts_at: None,
        expires_at,
        claim_max: None,
        claims_max: None,
        rate_lock_secs: None,
    })
}

fn new_form(gateway: &Gateway, shop: &Shop, form: NewForm, error: Option<String>) -> Response {
    let page = NewPage {
        shell: Shell::inside(gateway, shop, Room::PullPayments, "New pull payment")
            .at(format!("{}/new", Room::PullPayments.path(shop.store.id))),
        form,
        error,
    };
    checked(page.error.is_some(), &page)
}

/// `GET /stores/{store}/pull-payments/{pull_payment}`
pub async fn one(
    State(state): State<AppState>,
    shop: Shop,
    Path((_, id)): Path<(String, String)>,
) -> Result<Response, PageError> {
    let id: PullPaymentId = id.parse().map_err(|_| PageError::NotFound)?;
    let store = shop.store.id;
    let (pull, payouts, mark) = state
        .gateway
        .store
        .read(move |rows| {
            let pull = store::pull_payment::get(rows, store, id)?;
            let payouts = store::payout::of_pull_payment(rows, store, id);
            Some((pull, payouts, store::journal::last_sequence(rows)))
        })
        .await
        .ok_or(PageError::NotFound)?;
    Ok(ok(&OnePage {
        shell: Shell::inside(&state.gateway, &shop, Room::PullPayments, "Pull payment").live(mark),
        view: PullView::of(
            &pull,
            &payouts,
            &state.gateway.base_url,
            state.gateway.now(),
        ),
    }))
}

/// `POST /stores/{store}/pull-payments/{pull_payment}/archive`
pub async fn archive(
    State(state): State<AppState>,
    shop: Shop,
    Path((_, id)): Path<(String, String)>,
    Posted(Button {}): Posted<Button>,
) -> Result<Response, PageError> {
    let id: PullPaymentId = id.parse().map_err(|_| PageError::NotFound)?;
    match state.gateway.archive_pull_payment(shop.store.id, id).await {
        Ok(()) => {
            let path = Room::PullPayments.path(shop.store.id);
            Ok(Redirect::to(&format!("{path}/{id}")).into_response())
        }
        Err(PullPaymentRefusal::Unavailable(unavailable)) => Err(unavailable.into()),
        Err(_) => Err(PageError::NotFound),
    }
}
