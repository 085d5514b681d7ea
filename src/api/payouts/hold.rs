//! Spends of a store's wallet that were not made here, and the hold they put on its on-chain payouts (Tollway's own).

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::{Path, State};
use bitcoin::Txid;
use serde::Serialize;
use utoipa::ToSchema;

use super::body::ReleaseHoldRequest;
use crate::api::auth::Signed;
use crate::api::error::ApiError;
use crate::api::extract::Input;
use crate::api::number::Dec;
use crate::domain::ids::StoreId;
use crate::http::AppState;
use crate::store;
use crate::store::hold::UnknownSpend;

/// Whether on-chain payouts are held, and why.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WalletHoldData)]
pub struct HoldData {
    held: bool,
    spends: Vec<SpendData>,
}

/// A spend that was not made here.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = UnknownSpendData)]
pub struct SpendData {
    transaction_hash: String,
    amount: Dec,
    timestamp: u64,
    in_chain_or_mempool: bool,
    released: bool,
}

impl From<UnknownSpend> for SpendData {
    fn from(spend: UnknownSpend) -> Self {
        Self {
            transaction_hash: spend.txid.to_string(),
            amount: Dec(spend.amount.to_btc()),
            timestamp: spend.seen_at.secs(),
            in_chain_or_mempool: spend.counts,
            released: !spend.holds(),
        }
    }
}

/// Whether a store's on-chain payouts are held, and why
///
/// They are held while its wallet shows a spend that was not made here and that nobody has looked at.
#[utoipa::path(get, path = "/v1/stores/{store}/wallet-hold", operation_id = "StoreWalletHold_GetHold", tag = "Payouts",
    security(("API_Key" = ["btcpay.store.canviewpayouts"])),
    responses((status = 200, description = "Done.", body = HoldData)))]
pub async fn get(
    State(state): State<AppState>,
    caller: Signed,
    Path(store): Path<String>,
) -> Result<Json<HoldData>, ApiError> {
    let store = caller.store(&state, &store)?.id;
    Ok(Json(hold(&state, store).await))
}

/// A person has looked at these spends
///
/// When none is left that nobody has looked at, on-chain payouts go on.
#[utoipa::path(delete, path = "/v1/stores/{store}/wallet-hold", operation_id = "StoreWalletHold_ReleaseHold", tag = "Payouts",
    security(("API_Key" = ["btcpay.store.canmodifystoresettings"])),
    request_body = ReleaseHoldRequest,
    responses((status = 200, description = "Done.", body = HoldData)))]
pub async fn release(
    State(state): State<AppState>,
    caller: Signed,
    Path(store): Path<String>,
    mut body: Input,
) -> Result<Json<HoldData>, ApiError> {
    let store = caller.store(&state, &store)?.id;
    let seen = txids(&mut body);
    body.finish()?;
    state.gateway.release_till(store, seen).await?;
    Ok(Json(hold(&state, store).await))
}

async fn hold(state: &AppState, store: StoreId) -> HoldData {
    let spends = state
        .gateway
        .store
        .read(move |rows| store::hold::spends(rows, store))
        .await;
    HoldData {
        held: spends.iter().any(UnknownSpend::holds),
        spends: spends.into_iter().map(SpendData::from).collect(),
    }
}

/// Which spends were looked at: they have to be named, since another may have come meanwhile.
fn txids(body: &mut Input) -> BTreeSet<Txid> {
    let texts = body.texts("txids").unwrap_or_default();
    if texts.is_empty() {
        body.refuse(
            "txids",
            "Name the transactions that were looked at: their hashes, as GET shows them.",
        );
    }
    let mut seen = BTreeSet::new();
    for (place, text) in texts.iter().enumerate() {
        match text.trim().parse() {
            Ok(txid) => {
                seen.insert(txid);
            }
            Err(_) => body.refuse(
                &format!("txids[{place}]"),
                "This has to be a transaction's hash.",
            ),
        }
    }
    seen
}
