//! The owner's side of payouts: making, approving, paying and cancelling them.

use axum::Json;
use axum::extract::{Path, State};

use super::body::{
    ApprovePayoutRequest, CreateStorePayoutRequest, MarkPayoutRequest, ReviewRequest,
};
use super::dto::{self, PayoutData};
use super::recall::APayout;
use crate::api::auth::{ItemPath, Signed};
use crate::api::error::ApiError;
use crate::api::extract::Params;
use crate::api::once::{IdempotencyKey, Nothing, Once};
use crate::api::page::{Page, PageParams};
use crate::api::pull_payments::handlers::CREATE_APPROVED;
use crate::api::wire;
use crate::domain::ids::{PayoutId, PullPaymentId, StoreId};
use crate::domain::payout::{HandMark, Origin, Stage};
use crate::http::AppState;
use crate::service::approval::Approval;
use crate::service::payout::StorePayout;
use crate::store;

/// Why a receiver does not bear the fee.
const RECEIVER_PAYS: &str = "Only SenderPays: what a receiver is promised is what arrives. The fee of a transaction for \
    many, and of what replaces it, is known later than that, and a Lightning invoice takes no less than it asks for.";

/// Payouts of a store, newest first
///
/// What the Lightning API paid is in its own list. With `inReview=true` only those that wait for a person's word, the
/// Lightning API's too.
#[utoipa::path(get, path = "/v1/stores/{store}/payouts", operation_id = "PullPayments_GetStorePayouts", tag = "Payouts",
    security(("API_Key" = ["btcpay.store.canviewpayouts"])),
    params(("includeCancelled" = Option<bool>, Query, description = "Whether cancelled ones are shown too."), ("inReview" = Option<bool>, Query, description = "Only those that wait for a person's word."), PageParams),
    responses((status = 200, description = "Done.", body = [PayoutData])))]
pub async fn list(
    State(state): State<AppState>,
    caller: Signed,
    Path(store): Path<String>,
    params: Params,
) -> Result<Json<Vec<PayoutData>>, ApiError> {
    let store = caller.store(&state, &store)?.id;
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
                        !matches!(payout.origin, Origin::LightningApi | Origin::WalletSend)
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

/// Makes a payout
///
/// With `approved` it needs `btcpay.store.cancreatepullpayments`. `maxFeePercent` (of the amount) and `maxFeeFlat`
/// (satoshi) cap what this payout may spend on fees, in the place of the store's cap; both hold if both are given. With
/// `pullPaymentId` it draws on that pull payment, and its amount is in that one's currency.
#[utoipa::path(post, path = "/v1/stores/{store}/payouts", operation_id = "Payouts_CreatePayoutThroughStore", tag = "Payouts",
    params(IdempotencyKey),
    security(("API_Key" = ["btcpay.store.cancreatenonapprovedpullpayments"])),
    request_body = CreateStorePayoutRequest,
    responses((status = 200, description = "Done.", body = PayoutData)))]
pub async fn create(
    State(state): State<AppState>,
    caller: Signed,
    Path(store): Path<String>,
    mut body: Once<APayout>,
) -> Result<Json<PayoutData>, ApiError> {
    let store = caller.store(&state, &store)?;
    let wish = dto::read_wish(&mut body);
    let approved = body.flag("approved").unwrap_or(false);
    let pull_payment = body.words("pullPaymentId");
    let metadata = body.object("metadata").unwrap_or_default();
    let fees = wire::fee_wish(&mut body);
    if body
        .words("feePolicy")
        .is_some_and(|policy| !policy.eq_ignore_ascii_case("SenderPays"))
    {
        body.refuse("feePolicy", RECEIVER_PAYS);
    }
    if approved {
        caller.check_on(CREATE_APPROVED, Some(&store))?;
    }
    // The method is looked at first, then the pull payment, then everything else (5.7).
    let Some(rail) = wish.rail else {
        return Err(body.refused());
    };
    let pull_payment = match pull_payment {
        Some(text) => Some(known_pull_payment(&state, store.id, &text).await?),
        None => None,
    };
    body.finish()?;
    let new = StorePayout {
        pull_payment,
        destination: wish.destination,
        rail,
        amount: wish.amount,
        approved,
        fees,
        metadata: serde_json::Value::Object(metadata).to_string(),
    };
    let payout = state.gateway.create_payout(store.id, new).await?;
    dto::answer(&state, payout).await
}

/// A payout
#[utoipa::path(get, path = "/payouts/{id}", operation_id = "GetStorePayout", tag = "Payouts",
    security(("API_Key" = ["btcpay.store.canviewpayouts"])),
    responses((status = 200, description = "Done.", body = PayoutData)))]
pub async fn get(
    State(state): State<AppState>,
    caller: Signed,
    Path(path): Path<ItemPath>,
) -> Result<Json<PayoutData>, ApiError> {
    let (store, id) = find(&state, &caller, &path).await?;
    let payout = state
        .gateway
        .store
        .read(move |rows| store::payout::get(rows, store, id))
        .await
        .ok_or_else(ApiError::no_payout)?;
    dto::answer(&state, payout).await
}

/// Approves the revision that the approver saw
///
/// `rateRule` says what an amount is worth that is not in bitcoin; without it the store's own rules do. Refused with 400
/// `rate-unavailable` if neither does, `invalid-state`, `old-revision`, and `amount-too-low` if it comes to less than can
/// be sent: then it is cancelled. `maxFeePercent` and `maxFeeFlat` change what it may spend on fees, as in creating one.
#[utoipa::path(post, path = "/payouts/{id}", operation_id = "PullPayments_ApprovePayout", tag = "Payouts",
    params(IdempotencyKey),
    security(("API_Key" = ["btcpay.store.canmanagepayouts"])),
    request_body = ApprovePayoutRequest,
    responses((status = 200, description = "Done.", body = PayoutData)))]
pub async fn approve(
    State(state): State<AppState>,
    caller: Signed,
    Path(path): Path<ItemPath>,
    mut body: Once<APayout>,
) -> Result<Json<PayoutData>, ApiError> {
    let (store, id) = find(&state, &caller, &path).await?;
    let revision = body.whole("revision", 0, i64::from(u32::MAX)).unwrap_or(0);
    let rate_rule = body.words("rateRule");
    let fees = wire::fee_wish(&mut body);
    body.finish()?;
    let approval = Approval {
        revision: u32::try_from(revision).unwrap_or_default(),
        rate_rule,
        fees,
    };
    let payout = state.gateway.approve_payout(store, id, approval).await?;
    dto::answer(&state, payout).await
}

/// Cancels a payout
#[utoipa::path(delete, path = "/payouts/{id}", operation_id = "PullPayments_CancelPayout", tag = "Payouts",
    security(("API_Key" = ["btcpay.store.canmanagepayouts"])),
    responses((status = 200, description = "Done.")))]
pub async fn cancel(
    State(state): State<AppState>,
    caller: Signed,
    Path(path): Path<ItemPath>,
) -> Result<(), ApiError> {
    let (store, id) = find(&state, &caller, &path).await?;
    cancel_one(&state, store, id).await
}

/// Marks a payout by a person's word
///
/// `state` is `AwaitingApproval`, `AwaitingPayment`, `InProgress` (a person pays it by other means, and no keeper touches
/// it), `Completed` or `Cancelled`; `paymentProof` is any object with a `proofType`. Refused with 400 `invalid-state`
/// while an attempt of this server may still succeed, and where the state does not lead there.
#[utoipa::path(post, path = "/payouts/{id}/mark", operation_id = "PullPayments_MarkPayout", tag = "Payouts",
    params(IdempotencyKey),
    security(("API_Key" = ["btcpay.store.canmanagepayouts"])),
    request_body = MarkPayoutRequest,
    responses((status = 200, description = "Done.")))]
pub async fn mark(
    State(state): State<AppState>,
    caller: Signed,
    Path(path): Path<ItemPath>,
    mut body: Once<Nothing>,
) -> Result<(), ApiError> {
    let (store, id) = find(&state, &caller, &path).await?;
    let word = dto::read_mark(&mut body);
    body.finish()?;
    match word {
        Some(mark) => {
            state.gateway.mark_payout(store, id, mark).await?;
            Ok(())
        }
        None => cancel_one(&state, store, id).await,
    }
}

/// Marks a payout as paid by other means
///
/// The same as marking it `Completed` without proof.
#[utoipa::path(post, path = "/payouts/{id}/mark-paid", operation_id = "PullPayments_MarkPayoutPaid", tag = "Payouts",
    params(IdempotencyKey),
    security(("API_Key" = ["btcpay.store.canmanagepayouts"])),
    responses((status = 200, description = "Done.")))]
pub async fn mark_paid(
    State(state): State<AppState>,
    caller: Signed,
    Path(path): Path<ItemPath>,
    _: Once<Nothing>,
) -> Result<(), ApiError> {
    let (store, id) = find(&state, &caller, &path).await?;
    let paid = HandMark::Completed(None);
    state.gateway.mark_payout(store, id, paid).await?;
    Ok(())
}

/// Looks at a payout now, processor or not
#[utoipa::path(post, path = "/payouts/{id}/retry", operation_id = "Payouts_RetryPayout", tag = "Payouts",
    params(IdempotencyKey),
    security(("API_Key" = ["btcpay.store.canmanagepayouts"])),
    responses((status = 200, description = "Done.", body = PayoutData)))]
pub async fn retry(
    State(state): State<AppState>,
    caller: Signed,
    Path(path): Path<ItemPath>,
    _: Once<APayout>,
) -> Result<Json<PayoutData>, ApiError> {
    let (store, id) = find(&state, &caller, &path).await?;
    let payout = state.gateway.pay_payout(store, id).await?;
    dto::answer(&state, payout).await
}

/// A person's word on an attempt of which nobody knows what became
///
/// `verdict` is `LookAgain` (compare it with the node again, now), `Arrived` (with `preimage`, if the receiver has it)
/// or `DidNotArrive` (the attempt is over, the budget stays reserved, and a person pays or cancels it). The last is
/// refused with `may-still-arrive` while the payment may be under way, unless `evenIfUnderWay` is true. `comment` is
/// kept with it. Of a store that may not draw on the node, what nothing proves about a Lightning payment (`Arrived`
/// without a preimage, `evenIfUnderWay`) is taken only from the server's administrator, who reaches such a payout here.
#[utoipa::path(post, path = "/payouts/{id}/review", operation_id = "Payouts_ReviewPayout", tag = "Payouts",
    params(IdempotencyKey),
    security(("API_Key" = ["btcpay.store.canmanagepayouts"])),
    request_body = ReviewRequest,
    responses((status = 200, description = "Done.", body = PayoutData)))]
pub async fn review(
    State(state): State<AppState>,
    caller: Signed,
    Path(path): Path<ItemPath>,
    mut body: Once<APayout>,
) -> Result<Json<PayoutData>, ApiError> {
    let (store, id) = match find(&state, &caller, &path).await {
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

/// Somebody has seen that it was paid twice
#[utoipa::path(post, path = "/payouts/{id}/acknowledge", operation_id = "Payouts_AcknowledgePaidTwice", tag = "Payouts",
    params(IdempotencyKey),
    security(("API_Key" = ["btcpay.store.canmanagepayouts"])),
    responses((status = 200, description = "Done.", body = PayoutData)))]
pub async fn acknowledge(
    State(state): State<AppState>,
    caller: Signed,
    Path(path): Path<ItemPath>,
    _: Once<APayout>,
) -> Result<Json<PayoutData>, ApiError> {
    let (store, id) = find(&state, &caller, &path).await?;
    let by = caller.0.user.id;
    let payout = state.gateway.see_paid_twice(store, id, by).await?;
    dto::answer(&state, payout).await
}

/// A pull payment of this store; any other looks like one that does not exist.
async fn known_pull_payment(
    state: &AppState,
    store: StoreId,
    text: &str,
) -> Result<PullPaymentId, ApiError> {
    let id = text.parse().map_err(|_| ApiError::no_pull_payment())?;
    let found = state
        .gateway
        .store
        .read(move |rows| store::pull_payment::get(rows, store, id));
    found
        .await
        .map(|_| id)
        .ok_or_else(ApiError::no_pull_payment)
}

async fn cancel_one(state: &AppState, store: StoreId, id: PayoutId) -> Result<(), ApiError> {
    let why = "Cancelled by its owner.";
    state.gateway.cancel_payout(store, id, why).await?;
    Ok(())
}

pub(super) async fn find(
    state: &AppState,
    caller: &Signed,
    path: &ItemPath,
) -> Result<(StoreId, PayoutId), ApiError> {
    let (store, id) = caller
        .item(state, path, store::payout::store_of, ApiError::no_payout)
        .await?;
    Ok((store.id, id))
}
