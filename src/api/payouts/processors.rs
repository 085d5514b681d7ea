//! Automatic senders of a store: one for each rail, on or off (Greenfield 3.10, 4.7, 5.10).

use std::str::FromStr;

use axum::Json;
use axum::extract::{Path, State};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::ProcessorRequest;
use crate::api::auth::Signed;
use crate::api::error::{ApiError, GENERIC};
use crate::api::extract::Input;
use crate::api::number::Num;
use crate::api::schema::PaymentMethodId;
use crate::domain::receipt::Rail;
use crate::domain::store::{Processor, Store};
use crate::http::AppState;
use crate::store;

/// Seconds between two looks, where the request says nothing.
const INTERVAL_SECS: u32 = 3_600;

/// `PayoutProcessorData`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PayoutProcessorData)]
pub struct ProcessorKind {
    name: &'static str,
    friendly_name: &'static str,
    #[schema(value_type = Vec<PaymentMethodId>)]
    payout_methods: [&'static str; 1],
    #[schema(value_type = Vec<PaymentMethodId>)]
    payment_methods: [&'static str; 1],
}

/// Settings of a processor; target and threshold are the chain's.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PayoutProcessorSettings)]
pub struct ProcessorData {
    #[schema(value_type = PaymentMethodId)]
    payout_method_id: &'static str,
    #[schema(value_type = PaymentMethodId)]
    payment_method: &'static str,
    interval_seconds: u32,
    process_new_payouts_instantly: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    fee_block_target: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fee_target_block: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    threshold: Option<Num>,
    /// It can send now (Tollway's own, D15).
    working: bool,
    /// Why it can't, in words (Tollway's own, D15).
    failure_reason: Option<String>,
}

/// A kind of processor by its name, or the older one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Factory(Rail);

impl FromStr for Factory {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text.to_ascii_lowercase().as_str() {
            "lightningautomatedpayoutsenderfactory" | "lightningautomatedtransfersenderfactory" => {
                Ok(Self(Rail::Lightning))
            }
            "onchainautomatedpayoutsenderfactory" | "onchainautomatedtransfersenderfactory" => {
                Ok(Self(Rail::Onchain))
            }
            _ => Err(()),
        }
    }
}

/// `S/payout-processors/F[/{pm}]`.
#[derive(Clone, Debug, Deserialize)]
pub struct ProcessorPath {
    store: String,
    factory: String,
    method: Option<String>,
}

impl ProcessorPath {
    /// The rail, if kind and method agree.
    fn rail(&self) -> Result<Rail, ApiError> {
        let kind = self.factory.parse::<Factory>().ok();
        let method = self.method.as_deref().map(str::parse::<Rail>);
        match (kind, method) {
            (Some(Factory(rail)), None) => Ok(rail),
            (Some(Factory(rail)), Some(Ok(method))) if rail == method => Ok(rail),
            _ => Err(ApiError::not_found(GENERIC, "There is no such processor.")),
        }
    }
}

const fn kind(rail: Rail) -> ProcessorKind {
    let (name, friendly_name) = match rail {
        Rail::Lightning => (
            "LightningAutomatedPayoutSenderFactory",
            "Automated Lightning Sender",
        ),
        Rail::Onchain => (
            "OnChainAutomatedPayoutSenderFactory",
            "Automated Bitcoin Sender",
        ),
    };
    ProcessorKind {
        name,
        friendly_name,
        payout_methods: [rail.method_id()],
        payment_methods: [rail.method_id()],
    }
}

async fn data(state: &AppState, store: &Store, processor: &Processor) -> ProcessorData {
    let trouble = state.gateway.sender_trouble(store.id, processor.rail);
    let failure_reason = trouble.await;
    let method = processor.rail.method_id();
    let onchain = processor.rail == Rail::Onchain;
    ProcessorData {
        payout_method_id: method,
        payment_method: method,
        interval_seconds: processor.interval_secs,
        process_new_payouts_instantly: processor.instant,
        fee_block_target: onchain.then_some(processor.fee_block_target),
        fee_target_block: onchain.then_some(processor.fee_block_target),
        threshold: onchain.then_some(Num(processor.threshold)),
        working: failure_reason.is_none(),
        failure_reason,
    }
}

/// The kinds of automatic senders
#[utoipa::path(get, path = "/v1/payout-processors", operation_id = "PayoutProcessors_GetPayoutProcessors", tag = "Payout processors",
    security(("API_Key" = [])),
    responses((status = 200, description = "Done.", body = [ProcessorKind])))]
pub async fn kinds(_: Signed) -> Json<[ProcessorKind; 2]> {
    Json(Rail::ALL.map(kind))
}

/// Automatic senders of a store that are on
#[utoipa::path(get, path = "/v1/stores/{store}/payout-processors", operation_id = "StorePayoutProcessors_GetStorePayoutProcessors", tag = "Payout processors",
    security(("API_Key" = ["btcpay.store.canviewstoresettings"])),
    responses((status = 200, description = "Done.", body = [ProcessorKind])))]
pub async fn configured(
    State(state): State<AppState>,
    caller: Signed,
    Path(store): Path<String>,
) -> Result<Json<Vec<ProcessorKind>>, ApiError> {
    let store = caller.store(&state, &store)?;
    let mut kinds = Vec::new();
    for rail in Rail::ALL {
        if find(&state, &store, rail).await.is_some() {
            kinds.push(kind(rail));
        }
    }
    Ok(Json(kinds))
}

/// Settings of an automatic sender: a list of at most one
///
/// `working` and `failureReason` say whether it can send now: it can't from a wallet whose keys are elsewhere, from one
/// that is held, for a store that has nothing to spend over Lightning, and while chain source or node are away.
#[utoipa::path(get, path = "/", operation_id = "StorePayoutProcessors_GetSettings", tag = "Payout processors",
    security(("API_Key" = ["btcpay.store.canviewstoresettings"])),
    responses((status = 200, description = "Done.", body = [ProcessorData])))]
pub async fn get(
    State(state): State<AppState>,
    caller: Signed,
    Path(path): Path<ProcessorPath>,
) -> Result<Json<Vec<ProcessorData>>, ApiError> {
    let store = caller.store(&state, &path.store)?;
    let found = find(&state, &store, path.rail()?).await;
    Ok(Json(match found {
        Some(found) => vec![data(&state, &store, &found).await],
        None => Vec::new(),
    }))
}

/// Turns an automatic sender on, or changes it
///
/// Looks at once at what waits. What it may spend on fees is said by the store (`payoutMaxFeePercent`,
/// `payoutMaxFeeFloor`) or by a payout itself: a sender has no limits of its own, and they are refused here.
#[utoipa::path(put, path = "/", operation_id = "StorePayoutProcessors_UpdateSettings", tag = "Payout processors",
    security(("API_Key" = ["btcpay.store.canmodifystoresettings"])),
    request_body = ProcessorRequest,
    responses((status = 200, description = "Done.", body = ProcessorData)))]
pub async fn set(
    State(state): State<AppState>,
    caller: Signed,
    Path(path): Path<ProcessorPath>,
    mut body: Input,
) -> Result<Json<ProcessorData>, ApiError> {
    let store = caller.store(&state, &path.store)?;
    let rail = path.rail()?;
    body.alias("feeTargetBlock", "feeBlockTarget");
    let threshold = body.decimal("threshold").unwrap_or_default();
    if threshold < Decimal::ZERO || threshold > Decimal::from(21_000_000) {
        body.refuse("threshold", "This has to be an amount of BTC.");
    }
    for name in ["maxFeePercent", "maxFeeFlat"] {
        if body.value(name).is_some() {
            body.refuse(name, "Say this of the store, or of a payout.");
        }
    }
    let blocks = body.whole("feeBlockTarget", 1, 1_000).unwrap_or(1);
    let processor = Processor {
        rail,
        interval_secs: body
            .span("intervalSeconds", 1, 60, 86_400)
            .unwrap_or(INTERVAL_SECS),
        instant: body.flag("processNewPayoutsInstantly").unwrap_or(false),
        fee_block_target: u32::try_from(blocks).unwrap_or(1),
        threshold,
        since: state.gateway.now(),
    };
    body.finish()?;
    let kept = Some(processor.clone());
    state.gateway.set_processor(store.id, rail, kept).await?;
    Ok(Json(data(&state, &store, &processor).await))
}

/// Turns an automatic sender off
#[utoipa::path(delete, path = "/", operation_id = "StorePayoutProcessors_RemoveStorePayoutProcessor", tag = "Payout processors",
    security(("API_Key" = ["btcpay.store.canmodifystoresettings"])),
    responses((status = 200, description = "Done.")))]
pub async fn remove(
    State(state): State<AppState>,
    caller: Signed,
    Path(path): Path<ProcessorPath>,
) -> Result<(), ApiError> {
    let store = caller.store(&state, &path.store)?;
    state
        .gateway
        .set_processor(store.id, path.rail()?, None)
        .await?;
    Ok(())
}

async fn find(state: &AppState, store: &Store, rail: Rail) -> Option<Processor> {
    let store = store.id;
    state
        .gateway
        .store
        .read(move |rows| store::payout::processor(rows, store, rail))
        .await
}
