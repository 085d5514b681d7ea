//! Spends of a store's wallet that were not made here, and the hold they put on its on-chain payouts (Tollway's own).

use axum::Json;
use axum::extract::{Path, State};
use serde::Serialize;

use crate::api::auth::Signed;
use crate::api::error::ApiError;
use crate::api::number::Dec;
use crate::http::AppState;
use crate::store;
use crate::store::hold::UnknownSpend;

const VIEW: &str = "btcpay.store.canviewpayouts";
const RELEASE: &str = "btcpay.store.canmodifystoresettings";

/// Whether on-chain payouts are held, and why.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HoldData {
    held: bool,
    spends: Vec<SpendData>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SpendData {
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

/// `GET S/wallet-hold` → `{held, spends: [{transactionHash, amount (BTC), timestamp, inChainOrMempool, released}]}`.
pub async fn get(
    State(state): State<AppState>,
    caller: Signed,
    Path(store): Path<String>,
) -> Result<Json<HoldData>, ApiError> {
    let store = caller.store(&state, &store, VIEW)?.id;
    let spends = state
        .gateway
        .store
        .read(move |rows| store::hold::spends(rows, store))
        .await;
    Ok(Json(HoldData {
        held: spends.iter().any(UnknownSpend::holds),
        spends: spends.into_iter().map(SpendData::from).collect(),
    }))
}

/// `DELETE S/wallet-hold`: a person has looked; on-chain payouts go on.
pub async fn release(
    State(state): State<AppState>,
    caller: Signed,
    Path(store): Path<String>,
) -> Result<(), ApiError> {
    let store = caller.store(&state, &store, RELEASE)?.id;
    Ok(state.gateway.release_till(store).await?)
}
