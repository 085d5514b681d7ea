//! A person's word on a payout of which nobody knows what became, and on one that was paid twice.

use axum::extract::{Path, State};
use axum::response::Response;
use serde::Deserialize;

use super::{after, one_page, parse};
use crate::http::AppState;
use crate::service::review::{Judge, Word};
use crate::ui::csrf::{Button, Posted};
use crate::ui::error::PageError;
use crate::ui::session::Shop;

/// What a person says, and why.
#[derive(Debug, Deserialize)]
pub struct ReviewForm {
    word: String,
    #[serde(default)]
    preimage: String,
    #[serde(default)]
    why: String,
    sure: Option<String>,
    against_doubt: Option<String>,
}

/// `POST /stores/{store}/payouts/{payout}/review`
pub async fn review(
    State(state): State<AppState>,
    shop: Shop,
    Path((_, id)): Path<(String, String)>,
    Posted(form): Posted<ReviewForm>,
) -> Result<Response, PageError> {
    let id = parse(&id)?;
    let refuse = |why: &str| {
        let why = format!("Not done: {why}");
        let (gateway, shop) = (&state.gateway, &shop);
        async move { one_page(gateway, shop, id, Some(why)).await }
    };
    let word = match form.word.as_str() {
        "look" => Word::LookAgain,
        _ if form.sure.is_none() => return refuse("tick that you have checked it.").await,
        "arrived" => match form.preimage.trim() {
            "" => Word::Arrived(None),
            text => match text.parse() {
                Ok(preimage) => Word::Arrived(Some(preimage)),
                Err(_) => return refuse("a preimage is 64 hexadecimal digits.").await,
            },
        },
        "lost" => Word::DidNotArrive {
            against_doubt: form.against_doubt.is_some(),
        },
        _ => return Err(PageError::Unreadable),
    };
    let judge = Judge {
        user: shop.signed.user.id,
        runs_server: shop.signed.user.is_admin,
    };
    let done = state
        .gateway
        .review_payout(shop.store.id, id, judge, word, form.why.trim())
        .await;
    after(&state.gateway, &shop, id, done).await
}

/// `POST /stores/{store}/payouts/{payout}/acknowledge`
pub async fn acknowledge(
    State(state): State<AppState>,
    shop: Shop,
    Path((_, id)): Path<(String, String)>,
    Posted(Button {}): Posted<Button>,
) -> Result<Response, PageError> {
    let id = parse(&id)?;
    let by = shop.signed.user.id;
    let done = state.gateway.see_paid_twice(shop.store.id, id, by).await;
    after(&state.gateway, &shop, id, done).await
}
