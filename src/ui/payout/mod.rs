//! The dashboard's payouts: list, create, approve, pay, cancel.

pub mod review;
pub mod view;
pub mod words;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use bitcoin::OutPoint;
use rust_decimal::Decimal;
use serde::Deserialize;

use super::csrf::{Button, Posted};
use super::destination::{amount, rail_of};
use super::error::PageError;
use super::invoice::Wanted;
use super::list::{Pager, Queried, Taker, filters};
use super::page::{Link, Room, Shell, checked, html, ok};
use super::rights;
use super::session::Shop;
use crate::domain::ids::PayoutId;
use crate::domain::payout::{FeeWish, Payout, Plan, Stage};
use crate::domain::receipt::Rail;
use crate::http::AppState;
use crate::service::Gateway;
use crate::service::approval::Approval;
use crate::service::batches::bump::{BumpRefusal, batch_of, sat_per_kvb};
use crate::service::payout::{PayoutRefusal, StorePayout};
use crate::store::{self, Rows};
use view::{PayoutRow, PayoutView};

const STAGES: [(&str, &str); 7] = [
    ("", "All"),
    ("approval", "Awaiting approval"),
    ("payment", "Awaiting payment"),
    ("progress", "In progress"),
    ("review", "In review"),
    ("completed", "Paid"),
    ("cancelled", "Cancelled"),
];

#[derive(Template)]
#[template(path = "payouts.html")]
struct ListPage {
    shell: Shell,
    filters: Vec<Link>,
    rows: Vec<PayoutRow>,
    pager: Pager,
}

#[derive(Template)]
#[template(path = "payout_new.html")]
struct NewPage {
    shell: Shell,
    form: NewForm,
    error: Option<String>,
}

#[derive(Template)]
#[template(path = "payout.html")]
struct OnePage {
    shell: Shell,
    view: PayoutView,
    error: Option<String>,
}

/// What a new payout brings, and where to.
#[derive(Debug, Default, Deserialize)]
pub struct NewForm {
    destination: String,
    #[serde(default)]
    amount: String,
    approved: Option<String>,
}

/// What the approver saw.
#[derive(Debug, Deserialize)]
pub struct ApproveForm {
    revision: u32,
}

/// A higher fee rate, in sat/vB; the estimate if it is empty.
#[derive(Debug, Deserialize)]
pub struct BumpForm {
    #[serde(default)]
    rate: String,
}

impl BumpForm {
    fn rate(&self) -> Result<Option<u64>, &'static str> {
        let text = self.rate.trim();
        if text.is_empty() {
            return Ok(None);
        }
        let rate = text.parse().ok().and_then(sat_per_kvb);
        rate.map(Some).ok_or("Write the fee rate in sat/vB.")
    }
}

/// `GET /stores/{store}/payouts`
pub async fn list(State(state): State<AppState>, shop: Shop, query: Queried<Wanted>) -> Response {
    let wanted = query.map(|query| query.0).unwrap_or_default();
    let (id, skip) = (shop.store.id, wanted.skip);
    let shown = STAGES
        .iter()
        .map(|(value, _)| *value)
        .find(|value| *value == wanted.status)
        .unwrap_or_default();
    let (taken, mark) = state
        .gateway
        .store
        .read(move |rows| {
            let mut taker = Taker::new(skip);
            store::payout::newest_first(rows, id, &mut |payout| {
                let fits = match shown {
                    "" => true,
                    "review" => payout.in_review(),
                    stage => filter_of(&payout.stage) == stage,
                };
                if fits {
                    taker.offer(PayoutRow::from(&payout))
                } else {
                    std::ops::ControlFlow::Continue(())
                }
            });
            (taker, store::journal::last_sequence(rows))
        })
        .await;
    let path = Room::Payouts.path(id);
    ok(&ListPage {
        shell: Shell::inside(&state.gateway, &shop, Room::Payouts, "Payouts").live(mark),
        filters: filters(&path, &STAGES, shown),
        pager: Pager::new(&path, shown, skip, taken.more),
        rows: taken.rows,
    })
}

const fn filter_of(stage: &Stage) -> &'static str {
    match stage {
        Stage::AwaitingApproval => "approval",
        Stage::AwaitingPayment => "payment",
        Stage::InProgress => "progress",
        Stage::Completed { .. } => "completed",
        Stage::Cancelled { .. } => "cancelled",
    }
}

/// `GET /stores/{store}/payouts/new`
pub async fn new_page(State(state): State<AppState>, shop: Shop) -> Response {
    new_form(&state.gateway, &shop, NewForm::default(), None)
}

/// `POST /stores/{store}/payouts`
pub async fn create(
    State(state): State<AppState>,
    shop: Shop,
    Posted(form): Posted<NewForm>,
) -> Result<Response, PageError> {
    if form.approved.is_some() {
        shop.check(rights::CREATE_APPROVED)?;
    }
    // Typed in satoshi; a payout of the store is in BTC.
    let amount = match amount(&form.amount) {
        Ok(sat) => sat.and_then(|sat| sat.checked_div(Decimal::from(100_000_000))),
        Err(why) => return Ok(new_form(&state.gateway, &shop, form, Some(why.to_owned()))),
    };
    let new = StorePayout {
        pull_payment: None,
        destination: form.destination.clone(),
        rail: rail_of(&form.destination, &Rail::ALL),
        amount,
        approved: form.approved.is_some(),
        fees: FeeWish::default(),
        metadata: "{}".to_owned(),
    };
    match state.gateway.create_payout(shop.store.id, new).await {
        Ok(payout) => Ok(to_one(&shop, payout.id)),
        Err(PayoutRefusal::Unavailable(unavailable)) => Err(unavailable.into()),
        Err(refusal) => Ok(new_form(
            &state.gateway,
            &shop,
            form,
            Some(refusal.to_string()),
        )),
    }
}

fn new_form(gateway: &Gateway, shop: &Shop, form: NewForm, error: Option<String>) -> Response {
    let page = NewPage {
        shell: Shell::inside(gateway, shop, Room::Payouts, "New payout")
            .at(format!("{}/new", Room::Payouts.path(shop.store.id))),
        form,
        error,
    };
    checked(page.error.is_some(), &page)
}

/// `GET /stores/{store}/payouts/{payout}`
pub async fn one(
    State(state): State<AppState>,
    shop: Shop,
    Path((_, id)): Path<(String, String)>,
) -> Result<Response, PageError> {
    one_page(&state.gateway, &shop, parse(&id)?, None).await
}

/// `POST /stores/{store}/payouts/{payout}/approve`
pub async fn approve(
    State(state): State<AppState>,
    shop: Shop,
    Path((_, id)): Path<(String, String)>,
    Posted(form): Posted<ApproveForm>,
) -> Result<Response, PageError> {
    let id = parse(&id)?;
    let approval = Approval::of(form.revision);
    let done = state
        .gateway
        .approve_payout(shop.store.id, id, approval)
        .await;
    after(&state.gateway, &shop, id, done).await
}

/// `POST /stores/{store}/payouts/{payout}/pay`
pub async fn pay(
    State(state): State<AppState>,
    shop: Shop,
    Path((_, id)): Path<(String, String)>,
    Posted(Button {}): Posted<Button>,
) -> Result<Response, PageError> {
    let id = parse(&id)?;
    let done = state.gateway.pay_payout(shop.store.id, id).await;
    after(&state.gateway, &shop, id, done).await
}

/// `POST /stores/{store}/payouts/{payout}/cancel`
pub async fn cancel(
    State(state): State<AppState>,
    shop: Shop,
    Path((_, id)): Path<(String, String)>,
    Posted(Button {}): Posted<Button>,
) -> Result<Response, PageError> {
    let id = parse(&id)?;
    let why = "It was cancelled by hand.";
    let done = state.gateway.cancel_payout(shop.store.id, id, why).await;
    after(&state.gateway, &shop, id, done).await
}

/// `POST /stores/{store}/payouts/{payout}/bump`
pub async fn bump(
    State(state): State<AppState>,
    shop: Shop,
    Path((_, id)): Path<(String, String)>,
    Posted(form): Posted<BumpForm>,
) -> Result<Response, PageError> {
    let id = parse(&id)?;
    let refused = match form.rate() {
        Ok(rate) => match state.gateway.bump_fee(shop.store.id, id, rate).await {
            Ok(_) => return Ok(to_one(&shop, id)),
            Err(BumpRefusal::Unknown) => return Err(PageError::NotFound),
            Err(BumpRefusal::Unavailable(unavailable)) => return Err(unavailable.into()),
            Err(refusal @ BumpRefusal::CantBump(_)) => refusal.to_string(),
        },
        Err(why) => why.to_owned(),
    };
    let error = Some(format!("Not done: {refused}"));
    one_page(&state.gateway, &shop, id, error).await
}

/// Back to the payout; with the reason, if it was refused.
async fn after(
    gateway: &Gateway,
    shop: &Shop,
    id: PayoutId,
    done: Result<Payout, PayoutRefusal>,
) -> Result<Response, PageError> {
    match done {
        Ok(_) => Ok(to_one(shop, id)),
        Err(PayoutRefusal::Unknown) => Err(PageError::NotFound),
        Err(PayoutRefusal::Unavailable(unavailable)) => Err(unavailable.into()),
        Err(refusal) => one_page(gateway, shop, id, Some(format!("Not done: {refusal}"))).await,
    }
}

fn to_one(shop: &Shop, id: PayoutId) -> Response {
    let path = Room::Payouts.path(shop.store.id);
    Redirect::to(&format!("{path}/{id}")).into_response()
}

fn parse(id: &str) -> Result<PayoutId, PageError> {
    id.parse().map_err(|_| PageError::NotFound)
}

async fn one_page(
    gateway: &Gateway,
    shop: &Shop,
    id: PayoutId,
    error: Option<String>,
) -> Result<Response, PageError> {
    let store = shop.store.id;
    let (payout, outputs, rate, entries, mark) = gateway
        .store
        .read(move |rows| {
            let payout = store::payout::get(rows, store, id)?;
            let outputs = outputs(rows, &payout);
            let rate = waiting_rate(rows, &payout);
            let entries = store::journal::of_object(rows, store, id.as_bytes());
            let mark = store::journal::last_sequence(rows);
            Some((payout, outputs, rate, entries, mark))
        })
        .await
        .ok_or(PageError::NotFound)?;
    let status = if error.is_some() {
        StatusCode::CONFLICT
    } else {
        StatusCode::OK
    };
    let page = OnePage {
        shell: Shell::inside(gateway, shop, Room::Payouts, "Payout")
            .live(mark)
            .at(format!("{}/{id}", Room::Payouts.path(store))),
        view: PayoutView::of(&payout, &outputs, rate, &entries),
        error,
    };
    Ok(html(status, &page))
}

/// The output of each attempt on the chain, of its newest version.
fn outputs(rows: &dyn Rows, payout: &Payout) -> Vec<Option<OutPoint>> {
    payout
        .attempts
        .iter()
        .map(|attempt| match attempt.plan {
            Plan::Lightning { .. } | Plan::Inside { .. } => None,
            Plan::Onchain { batch, place } => {
                let batch = store::payout::batch(rows, payout.store, batch)?;
                let newest = batch.newest();
                let vout = newest.vouts.get(usize::try_from(place).ok()?)?;
                Some(OutPoint::new(newest.txid, *vout))
            }
        })
        .collect()
}

/// What the transaction pays that a block has still to take, in satoshi per 1,000 virtual bytes.
fn waiting_rate(rows: &dyn Rows, payout: &Payout) -> Option<u64> {
    let waits = payout.stage == Stage::InProgress || payout.unconfirmed_since.is_some();
    let batch = waits.then(|| batch_of(rows, payout)).flatten()?;
    (!batch.settled && batch.lost_to.is_none()).then(|| batch.newest().fee_rate_sat_per_kvb())
}
