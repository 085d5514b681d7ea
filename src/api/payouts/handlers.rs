//! The owner's side of payouts: making, approving, paying and cancelling them.

use axum::Json;
use axum::extract::{Path, State};

use super::dto::{self, PayoutData};
use crate::api::auth::{ItemPath, Signed};
use crate::api::error::ApiError;
use crate::api::extract::{Input, Params};
use crate::api::page::Page;
use crate::api::pull_payments::handlers::{CREATE_APPROVED, CREATE_NON_APPROVED};
use crate::api::wire;
use crate::domain::ids::{PayoutId, StoreId};
use crate::domain::payout::{Origin, Stage};
use crate::http::AppState;
use crate::service::payout::StorePayout;
use crate::store;

const VIEW: &str = "btcpay.store.canviewpayouts";
pub(super) const MANAGE: &str = "btcpay.store.canmanagepayouts";

/// `GET S/payouts`, newest first. What the Lightning API paid is in its own list. With `inReview=true` (additive) only
/// those that wait for a person's word, the Lightning API's too.
pub async fn list(
    State(state): State<AppState>,
    caller: Signed,
    Path(store): Path<String>,
    params: Params,
) -> Result<Json<Vec<PayoutData>>, ApiError> {
    let store = caller.store(&state, &store, VIEW)?.id;
    let with_cancelled = params.flag("includeCancelled")?.unwrap_or(false);
    let only_review = params.flag("inReview")?.unwrap_or(false);
    let page = Page::of(&params)?;
    let data = state
        .gateway
        .store
        .read(move |rows| {
            let mut shown = Vec::new();
            store::payout::newest_first(rows, store, &mut |payout| {
                let cancelled = matches!(payout.stage, Stage::Cancelled { .. });
                let wanted = (with_cancelled || !cancelled)
                    && if only_review {
                        payout.in_review()
                    } else {
                        payout.origin != Origin::LightningApi
                    };
                if wanted {
                    shown.push(payout);
                }
                if shown.len() < page.end() {
                    std::ops::ControlFlow::Continue(())
                } else {
                    std::ops::ControlFlow::Break(())
                }
            });
            page.cut(shown)
                .iter()
                .map(|payout| PayoutData::of(rows, payout))
                .collect()
        })
        .await;
    Ok(Json(data))
}

/// `POST S/payouts`. `maxFeePercent` (of the amount) and `maxFeeFlat` (satoshi) cap what this payout may spend on
/// fees, in the place of the store's cap; both hold if both are given. On a pull payment they count only together with
/// `approved`.
pub async fn create(
    State(state): State<AppState>,
    caller: Signed,
    Path(store): Path<String>,
    mut body: Input,
) -> Result<Json<PayoutData>, ApiError> {
    let store = caller.store(&state, &store, CREATE_NON_APPROVED)?;
    let wish = dto::read_wish(&mut body);
    let approved = body.flag("approved").unwrap_or(false);
    let pull_payment = body.words("pullPaymentId");
    let metadata = body.object("metadata").unwrap_or_default();
    let fees = wire::fee_wish(&mut body);
    if body
        .words("feePolicy")
        .is_some_and(|policy| !policy.eq_ignore_ascii_case("SenderPays"))
    {
        body.refuse("feePolicy", "This server offers SenderPays.");
    }
    if approved {
        caller.check_on(CREATE_APPROVED, Some(&store))?;
    }
    body.finish()?;
    let new = StorePayout {
        pull_payment: pull_payment
            .map(|text| text.parse().map_err(|_| ApiError::no_pull_payment()))
            .transpose()?,
        destination: wish.destination,
        rail: wish.rail,
        amount: wish.amount,
        approved,
        fees,
        metadata: serde_json::Value::Object(metadata).to_string(),
    };
    let payout = state.gateway.create_payout(store.id, new).await?;
    dto::answer(&state, payout).await
}

/// `GET [S]/payouts/{id}`.
pub async fn get(
    State(state): State<AppState>,
    caller: Signed,
    Path(path): Path<ItemPath>,
) -> Result<Json<PayoutData>, ApiError> {
    let (store, id) = find(&state, &caller, &path, VIEW).await?;
    let payout = state
        .gateway
        .store
        .read(move |rows| store::payout::get(rows, store, id))
        .await
        .ok_or_else(ApiError::no_payout)?;
    dto::answer(&state, payout).await
}

/// `POST [S]/payouts/{id}`: approves what the approver saw. The rate rule means nothing for bitcoin amounts.
/// `maxFeePercent` and `maxFeeFlat` change what it may spend on fees, as in creating one.
pub async fn approve(
    State(state): State<AppState>,
    caller: Signed,
    Path(path): Path<ItemPath>,
    mut body: Input,
) -> Result<Json<PayoutData>, ApiError> {
    let (store, id) = find(&state, &caller, &path, MANAGE).await?;
    let revision = body.whole("revision", 0, i64::from(u32::MAX)).unwrap_or(0);
    let fees = wire::fee_wish(&mut body);
    body.finish()?;
    let revision = u32::try_from(revision).unwrap_or_default();
    let payout = state
        .gateway
        .approve_payout_for(store, id, revision, fees)
        .await?;
    dto::answer(&state, payout).await
}

/// `DELETE [S]/payouts/{id}`: cancels.
pub async fn cancel(
    State(state): State<AppState>,
    caller: Signed,
    Path(path): Path<ItemPath>,
) -> Result<(), ApiError> {
    let (store, id) = find(&state, &caller, &path, MANAGE).await?;
    cancel_one(&state, store, id).await
}

/// `POST [S]/payouts/{id}/mark`: only Cancelled may be said by hand; what is paid is known by its proof.
pub async fn mark(
    State(state): State<AppState>,
    caller: Signed,
    Path(path): Path<ItemPath>,
    mut body: Input,
) -> Result<(), ApiError> {
    let (store, id) = find(&state, &caller, &path, MANAGE).await?;
    let wanted = body.words("state").unwrap_or_default();
    let proof = body.object("paymentProof");
    if proof.is_some_and(|proof| !proof.contains_key("proofType")) {
        body.refuse("paymentProof", "A proof names its proofType.");
    }
    body.finish()?;
    if wanted.eq_ignore_ascii_case("Cancelled") {
        cancel_one(&state, store, id).await
    } else {
        Err(not_by_hand())
    }
}

/// `POST [S]/payouts/{id}/mark-paid`.
pub async fn mark_paid(
    State(state): State<AppState>,
    caller: Signed,
    Path(path): Path<ItemPath>,
) -> Result<(), ApiError> {
    find(&state, &caller, &path, MANAGE).await?;
    Err(not_by_hand())
}

/// `POST [S]/payouts/{id}/retry`: looks at it now, processor or not (Tollway's own).
pub async fn retry(
    State(state): State<AppState>,
    caller: Signed,
    Path(path): Path<ItemPath>,
) -> Result<Json<PayoutData>, ApiError> {
    let (store, id) = find(&state, &caller, &path, MANAGE).await?;
    let payout = state.gateway.pay_payout(store, id).await?;
    dto::answer(&state, payout).await
}

/// `POST [S]/payouts/{id}/review`: a person's word on an attempt of which nobody knows what became (Tollway's own).
/// `verdict` is `LookAgain` (compare it with the node again, now), `Arrived` (with `preimage`, if the receiver has it)
/// or `DidNotArrive` (the attempt is over, the budget stays reserved, and a person pays or cancels it). The last is
/// refused with `may-still-arrive` while the payment may be under way, unless `evenIfUnderWay` is true. `comment` is
/// kept with it. Of a store that may not draw on the node, what nothing proves about a Lightning payment (`Arrived`
/// without a preimage, `evenIfUnderWay`) is taken only from the server's administrator, who reaches such a payout here.
pub async fn review(
    State(state): State<AppState>,
    caller: Signed,
    Path(path): Path<ItemPath>,
    mut body: Input,
) -> Result<Json<PayoutData>, ApiError> {
    let (store, id) = match find(&state, &caller, &path, MANAGE).await {
        Ok(found) => found,
        Err(refused) => caller
            .guests_item(&state, &path, store::payout::store_of)
            .await
            .ok_or(refused)?,
    };
    let (word, comment) = dto::read_word(&mut body);
    body.finish()?;
    let payout = state
        .gateway
        .review_payout(store, id, caller.judge(), word, &comment)
        .await?;
    dto::answer(&state, payout).await
}

/// `POST [S]/payouts/{id}/acknowledge`: somebody has seen that it was paid twice (Tollway's own).
pub async fn acknowledge(
    State(state): State<AppState>,
    caller: Signed,
    Path(path): Path<ItemPath>,
) -> Result<Json<PayoutData>, ApiError> {
    let (store, id) = find(&state, &caller, &path, MANAGE).await?;
    let by = caller.0.user.id;
    let payout = state.gateway.see_paid_twice(store, id, by).await?;
    dto::answer(&state, payout).await
}

async fn cancel_one(state: &AppState, store: StoreId, id: PayoutId) -> Result<(), ApiError> {
    let why = "Cancelled by its owner.";
    state.gateway.cancel_payout(store, id, why).await?;
    Ok(())
}

fn not_by_hand() -> ApiError {
    ApiError::bad_request("invalid-state", "A payout is not marked so by hand.")
}

pub(super) async fn find(
    state: &AppState,
    caller: &Signed,
    path: &ItemPath,
    permission: &'static str,
) -> Result<(StoreId, PayoutId), ApiError> {
    let (store, id) = caller
        .item(
            state,
            path,
            permission,
            store::payout::store_of,
            ApiError::no_payout,
        )
        .await?;
    Ok((store.id, id))
}
