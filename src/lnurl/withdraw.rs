//! LNURL-withdraw (LUD-03) with the balance fields of LUD-14, for pull payments.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::encode::link_of;
use crate::domain::ids::PullPaymentId;
use crate::http::{AppState, ClientAddr};
use crate::service::withdraw::{Accepted, Offer, WithdrawRefusal};

/// What a link answers first. Amounts are millisatoshi, as JSON numbers.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WithdrawRequest {
    tag: &'static str,
    callback: String,
    k1: String,
    default_description: String,
    min_withdrawable: u64,
    max_withdrawable: u64,
    balance_check: String,
    current_balance: u64,
}

/// `{"status":"OK"}`, with a reason where there is something to say.
#[derive(Serialize)]
struct Status {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// Both steps share one URL: a GET that carries `pr` acts, any other changes nothing.
pub async fn withdraw(
    State(state): State<AppState>,
    id: Result<Path<String>, PathRejection>,
    client: ClientAddr,
    RawQuery(query): RawQuery,
) -> Response {
    let query = Query::read(query.as_deref().unwrap_or_default());
    let Some(id) = id
        .ok()
        .and_then(|Path(id)| id.parse::<PullPaymentId>().ok())
    else {
        return refused(&WithdrawRefusal::UnknownLink);
    };
    if query.pr.is_empty() {
        return match state.gateway.withdraw_offer(id).await {
            Ok(offer) => offered(&state.gateway.base_url, id, &offer),
            Err(refusal) => refused(&refusal),
        };
    }
    if state.caps.stranger(client).is_err() {
        return refused(&WithdrawRefusal::Busy);
    }
    let [pr] = query.pr.as_slice() else {
        return refused(&WithdrawRefusal::NotOneInvoice);
    };
    let k1 = query.k1.unwrap_or_default();
    match state.gateway.withdraw(id, &k1, pr).await {
        Ok(Accepted::Sent) => answer("OK", None),
        Ok(Accepted::NeedsApproval) => answer(
            "OK",
            Some("The withdrawal is recorded and needs approval.".to_owned()),
        ),
        Err(refusal) => refused(&refusal),
    }
}

/// No link at all, or half of one.
pub async fn no_link() -> Response {
    refused(&WithdrawRefusal::UnknownLink)
}

/// What a panic looks like to a wallet.
pub fn failed(_: Box<dyn std::any::Any + Send>) -> Response {
    refused(&WithdrawRefusal::Busy)
}

/// Wallets read the body, not the status code.
pub async fn wrong_method() -> Response {
    answer("ERROR", Some("Use GET.".to_owned()))
}

/// The query, read by hand: a parameter that comes twice matters, and one that can't be read is no HTTP error.
#[derive(Default)]
struct Query {
    k1: Option<String>,
    pr: Vec<String>,
}

impl Query {
    fn read(query: &str) -> Self {
        let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query).unwrap_or_default();
        let mut read = Self::default();
        for (key, value) in pairs {
            match key.as_str() {
                "k1" => read.k1 = Some(value),
                "pr" => read.pr.push(value),
                _ => {}
            }
        }
        read
    }
}

fn offered(base_url: &str, id: PullPaymentId, offer: &Offer) -> Response {
    let link = link_of(base_url, id);
    Json(WithdrawRequest {
        tag: "withdrawRequest",
        callback: link.clone(),
        k1: hex::encode(&offer.k1),
        default_description: offer.description.clone(),
        min_withdrawable: offer.min.to_msat().0,
        max_withdrawable: offer.max.to_msat().0,
        balance_check: link,
        current_balance: offer.balance.to_msat().0,
    })
    .into_response()
}

fn refused(refusal: &WithdrawRefusal) -> Response {
    answer("ERROR", Some(refusal.to_string()))
}

fn answer(status: &'static str, reason: Option<String>) -> Response {
    Json(Status { status, reason }).into_response()
}
