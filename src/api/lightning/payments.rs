//! Paying invoices through the node (Greenfield 5.18). Each payment is a payout, as everywhere.

use std::ops::ControlFlow;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::body::PayLightningInvoiceRequest;
use super::dto::PaymentData;
use super::path::NodePath;
use super::recall::APayment;
use crate::api::auth::Signed;
use crate::api::error::{ApiError, GENERIC};
use crate::api::extract::Params;
use crate::api::once::{Again, IdempotencyKey, Once};
use crate::api::page::{Page, PageParams};
use crate::api::payouts::body::ReviewRequest;
use crate::api::payouts::dto::read_word;
use crate::api::wire::fee_wish;
use crate::domain::destination::Destination;
use crate::domain::money::Msat;
use crate::domain::payout::{Origin, Payout, Stage, Standing};
use crate::http::AppState;
use crate::service::node::SEND_TIMEOUT_SECS;
use crate::store;

/// A request waits at most so long for the outcome; the payment goes on without it.
const WAIT_SECS_MAX: u32 = 600;

/// All bitcoin, in msat.
const MSAT_MAX: i64 = 2_100_000_000_000_000_000;

/// Pays a Lightning invoice
///
/// 200 once paid, 202 while nobody knows.
#[utoipa::path(post, path = "/invoices/pay", operation_id = "PayInvoice", tag = "Lightning",
    params(IdempotencyKey),
    security(("API_Key" = ["btcpay.server.canuseinternallightningnode"]), ("API_Key" = ["btcpay.store.canuselightningnode"])),
    request_body = PayLightningInvoiceRequest,
    responses((status = 200, description = "Paid.", body = PaymentData), (status = 202, description = "Nobody knows yet.", body = PaymentData)))]
pub async fn pay(
    State(state): State<AppState>,
    caller: Signed,
    Path(path): Path<NodePath>,
    mut body: Once<Again>,
) -> Result<Response, ApiError> {
    let books = path.books(&state, &caller)?;
    let bolt11 = body.words("BOLT11").unwrap_or_default();
    if bolt11.is_empty() {
        body.refuse("BOLT11", "Give the invoice to pay.");
    }
    let amount = body
        .whole("amount", 1, MSAT_MAX)
        .map(|amount| Msat(amount.unsigned_abs()));
    let fees = fee_wish(&mut body);
    let wait_secs = body.span("sendTimeout", 1, 0, WAIT_SECS_MAX);
    body.finish()?;
    Destination::bolt11(&bolt11, state.gateway.network)
        .map_err(|error| ApiError::fault("BOLT11", error.to_string()))?;
    let payout = state
        .gateway
        .pay_invoice(
            books,
            &bolt11,
            amount,
            fees,
            wait_secs.map_or(SEND_TIMEOUT_SECS, u64::from),
        )
        .await
        .map_err(|refusal| ApiError::of_node(refusal, GENERIC))?;
    answer(&payout)
}

fn answer(payout: &Payout) -> Result<Response, ApiError> {
    let status = match &payout.stage {
        Stage::Completed { .. } => StatusCode::OK,
        Stage::Cancelled { why } => return Err(failed(payout, why)),
        Stage::AwaitingApproval | Stage::AwaitingPayment | Stage::InProgress => {
            StatusCode::ACCEPTED
        }
    };
    Ok((status, Json(PaymentData::of(payout))).into_response())
}

/// What the last attempt failed with says more than why the payout was given up.
fn failed(payout: &Payout, why: &str) -> ApiError {
    let last = payout.attempts.last().map(|attempt| &attempt.standing);
    let why = match last {
        Some(Standing::Failed { why } | Standing::InReview { why }) => why,
        Some(Standing::Recorded | Standing::Sent | Standing::Settled) | None => why,
    };
    let code = if why.to_ascii_lowercase().contains("route") {
        "could-not-find-route"
    } else {
        GENERIC
    };
    ApiError::bad_request(code, why)
}

/// A person's word on a payment of which nobody knows what became, as for a payout
#[utoipa::path(post, path = "/payments/{hash}/review", operation_id = "ReviewPayment", tag = "Lightning",
    params(IdempotencyKey),
    security(("API_Key" = ["btcpay.server.canuseinternallightningnode"]), ("API_Key" = ["btcpay.store.canuselightningnode"])),
    request_body = ReviewRequest,
    responses((status = 200, description = "Done.", body = PaymentData)))]
pub async fn review(
    State(state): State<AppState>,
    caller: Signed,
    Path(path): Path<NodePath>,
    mut body: Once<APayment>,
) -> Result<Json<impl Serialize>, ApiError> {
    let books = path.old_books(&state, &caller)?;
    let (word, comment) = read_word(&mut body);
    body.finish()?;
    let unknown = || ApiError::not_found("payment-not-found", "There is no such payment.");
    let hash = path.hash().parse().map_err(|_| unknown())?;
    let payout = state.gateway.api_payment(books, hash).await;
    let id = payout.ok_or_else(unknown)?.id;
    let payout = state
        .gateway
        .review_payout(books, id, caller.judge(), word, &comment)
        .await?;
    PaymentData::of(&payout).map(Json).ok_or_else(unknown)
}

/// Lightning payments made here, newest first
///
/// Without `includePending` only those that arrived.
#[utoipa::path(get, path = "/payments", operation_id = "GetPayments", tag = "Lightning",
    security(("API_Key" = ["btcpay.server.canuseinternallightningnode"]), ("API_Key" = ["btcpay.store.canuselightningnode"])),
    params(("includePending" = Option<bool>, Query, description = "Those under way and those that failed too."), ("offsetIndex" = Option<u64>, Query, description = "How many to leave out first."), PageParams),
    responses((status = 200, description = "Done.", body = [PaymentData])))]
pub async fn list(
    State(state): State<AppState>,
    caller: Signed,
    Path(path): Path<NodePath>,
    params: Params,
) -> Result<Json<impl Serialize>, ApiError> {
    let books = path.books(&state, &caller)?;
    let with_pending = params.flag("includePending")?.unwrap_or(false);
    let offset = params.count("offsetIndex")?.unwrap_or(0);
    let page = Page::of(&params)?;
    let shown = state
        .gateway
        .store
        .read(move |rows| {
            let mut shown = Vec::new();
            store::payout::newest_first(rows, books, &mut |payout| {
                let complete = matches!(payout.stage, Stage::Completed { .. });
                if payout.origin == Origin::LightningApi && (with_pending || complete) {
                    shown.extend(PaymentData::of(&payout));
                }
                ControlFlow::Continue(())
            });
            shown
        })
        .await;
    let rest: Vec<_> = shown.into_iter().skip(offset).collect();
    Ok(Json(page.cut(rest)))
}

/// A Lightning payment, by its payment hash
#[utoipa::path(get, path = "/payments/{hash}", operation_id = "GetPayment", tag = "Lightning",
    security(("API_Key" = ["btcpay.server.canuseinternallightningnode"]), ("API_Key" = ["btcpay.store.canuselightningnode"])),
    responses((status = 200, description = "Done.", body = PaymentData)))]
pub async fn get(
    State(state): State<AppState>,
    caller: Signed,
    Path(path): Path<NodePath>,
) -> Result<Json<impl Serialize>, ApiError> {
    let books = path.books(&state, &caller)?;
    let unknown = || ApiError::not_found("payment-not-found", "There is no such payment.");
    let hash = path.hash().parse().map_err(|_| unknown())?;
    let payout = state.gateway.api_payment(books, hash).await;
    payout
        .and_then(|payout| PaymentData::of(&payout))
        .map(Json)
        .ok_or_else(unknown)
}
