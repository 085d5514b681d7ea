//! The claim page: where a receiver takes what a pull payment offers, and sees what has become of it.

pub mod view;

use std::sync::Arc;

use askama::Template;
use axum::extract::{Extension, Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::csrf::Sent;
use super::destination::{amount, rail_of};
use super::error::PageError;
use super::live::{self, Places};
use super::page::{Frame, checked};
use crate::domain::ids::PullPaymentId;
use crate::domain::payout::Payout;
use crate::domain::pull_payment::PullPayment;
use crate::http::{AppState, ClientAddr};
use crate::service::Gateway;
use crate::service::claim::Claim;
use crate::service::payout::PayoutRefusal;
use crate::store;
use view::ClaimView;

/// Claims shown to the public; older ones are the owner's business.
const CLAIMS_MAX: usize = 50;

#[derive(Template)]
#[template(path = "claim.html")]
struct ClaimPage {
    frame: Frame,
    view: ClaimView,
    form: ClaimForm,
    error: Option<String>,
}

/// The claim form.
#[derive(Debug, Default, Deserialize)]
pub struct ClaimForm {
    destination: String,
    #[serde(default)]
    amount: String,
}

/// `GET /pull-payments/{id}`
pub async fn page(
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> Result<Response, PageError> {
    let (pull, payouts) = find(&state.gateway, parse(&id)?)
        .await
        .ok_or(PageError::NotFound)?;
    Ok(render(
        &state.gateway,
        &pull,
        &payouts,
        ClaimForm::default(),
        None,
    ))
}

/// `POST /pull-payments/{id}`
pub async fn claim(
    State(state): State<AppState>,
    client: ClientAddr,
    Path(id): Path<String>,
    Sent(form): Sent<ClaimForm>,
) -> Result<Response, PageError> {
    let id = parse(&id)?;
    let (pull, payouts) = find(&state.gateway, id).await.ok_or(PageError::NotFound)?;
    state.caps.stranger(client)?;
    let error = match amount(&form.amount) {
        Err(why) => why.to_owned(),
        Ok(amount) => {
            let rail = rail_of(&form.destination, &pull.rails);
            let claim = Claim::of_receiver(form.destination.clone(), rail, amount);
            match state.gateway.claim(id, claim).await {
                Ok(_) => {
                    return Ok(Redirect::to(&format!("/pull-payments/{id}#claims")).into_response());
                }
                Err(PayoutRefusal::Unavailable(unavailable)) => return Err(unavailable.into()),
                Err(refusal) => refusal.to_string(),
            }
        }
    };
    Ok(render(&state.gateway, &pull, &payouts, form, Some(error)))
}

/// `GET /pull-payments/{id}/events`: a mark of the state, whenever it changes.
pub async fn events(
    State(state): State<AppState>,
    Extension(places): Extension<Places>,
    Path(id): Path<String>,
) -> Result<Response, PageError> {
    let id = parse(&id)?;
    let (pull, _) = find(&state.gateway, id).await.ok_or(PageError::NotFound)?;
    let store = pull.store;
    let look = move |gateway: Arc<Gateway>| async move {
        let (pull, payouts) = find(&gateway, id).await?;
        Some(mark(&gateway, &pull, &payouts))
    };
    // Facts of a payout don't name its pull payment: those of the store are few enough to look each time.
    Ok(live::stream(
        &state.gateway,
        &places,
        move |entry| entry.store == store,
        look,
    ))
}

fn render(
    gateway: &Gateway,
    pull: &PullPayment,
    payouts: &[Payout],
    form: ClaimForm,
    error: Option<String>,
) -> Response {
    let frame = Frame::new(pull.name.clone()).live(
        format!("/pull-payments/{}/events", pull.id),
        mark(gateway, pull, payouts),
    );
    let page = ClaimPage {
        frame,
        view: ClaimView::of(pull, payouts, &gateway.base_url, gateway.now()),
        form,
        error,
    };
    checked(page.error.is_some(), &page)
}

/// All that the page shows and that may change.
fn mark(gateway: &Gateway, pull: &PullPayment, payouts: &[Payout]) -> String {
    let stages: Vec<_> = payouts
        .iter()
        .map(|payout| {
            (
                payout.id,
                &payout.stage,
                payout.in_review(),
                &payout.waiting_for,
            )
        })
        .collect();
    live::mark(&(pull.budget, pull.check_running(gateway.now()), stages))
}

fn parse(id: &str) -> Result<PullPaymentId, PageError> {
    id.parse().map_err(|_| PageError::NotFound)
}

async fn find(gateway: &Gateway, id: PullPaymentId) -> Option<(PullPayment, Vec<Payout>)> {
    gateway
        .store
        .read(move |rows| {
            let pull = store::pull_payment::find(rows, id)?;
            let mut payouts = store::payout::of_pull_payment(rows, pull.store, id);
            payouts.truncate(CLAIMS_MAX);
            Some((pull, payouts))
        })
        .await
}
