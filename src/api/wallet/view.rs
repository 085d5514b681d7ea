//! What a wallet holds, where it is paid, and what happened to it.

use axum::Json;
use axum::extract::{Path, State};
use bitcoin::Txid;

use super::dto::{
    AddressData, CoinData, FeeRateData, HistogramData, OverviewData, TransactionData,
    transaction_data,
};
use super::store_of;
use crate::api::auth::Signed;
use crate::api::error::ApiError;
use crate::api::extract::{Input, Params};
use crate::api::number::Num;
use crate::api::schema::{HistogramType, OnChainTransactionStatus};
use crate::http::AppState;
use crate::service::wallet::notes::{LABEL, NoteRefusal};
use crate::service::wallet::{Span, WalletRefusal};
use crate::store::wallet::Name;

/// The farthest block anyone asks a fee rate for.
const BLOCKS_MAX: usize = 1_000;

/// The longest comment, in bytes.
const COMMENT_BYTES_MAX: usize = 5_000;

/// What a store's wallet holds
#[utoipa::path(get, path = "/", operation_id = "StoreOnChainWallets_ShowOnChainWalletOverview", tag = "On-chain wallet",
    security(("API_Key" = ["btcpay.store.canviewwallet"])),
    responses((status = 200, body = OverviewData)))]
pub async fn overview(
    State(state): State<AppState>,
    caller: Signed,
    Path((store, method)): Path<(String, String)>,
) -> Result<Json<OverviewData>, ApiError> {
    let store = store_of(&state, &caller, &store, &method)?;
    Ok(Json(state.gateway.wallet_balance(store.id).await?.into()))
}

/// How a wallet's balance went
///
/// `type` is `Week` (the default), `Month` or `Year`.
#[utoipa::path(get, path = "/histogram", operation_id = "StoreOnChainWallets_ShowOnChainWalletHistogram", tag = "On-chain wallet",
    params(("type" = Option<HistogramType>, Query, description = "The time that is shown; `Week` by default.")),
    security(("API_Key" = ["btcpay.store.canviewwallet"])),
    responses((status = 200, body = HistogramData)))]
pub async fn histogram(
    State(state): State<AppState>,
    caller: Signed,
    Path((store, method)): Path<(String, String)>,
    params: Params,
) -> Result<Json<HistogramData>, ApiError> {
    let store = store_of(&state, &caller, &store, &method)?;
    let span = match params.first("type") {
        None => Span::Week,
        Some(text) if text.eq_ignore_ascii_case("week") => Span::Week,
        Some(text) if text.eq_ignore_ascii_case("month") => Span::Month,
        Some(text) if text.eq_ignore_ascii_case("year") => Span::Year,
        Some(_) => {
            return Err(ApiError::fault(
                "type",
                "This has to be Week, Month or Year.",
            ));
        }
    };
    let histogram = state.gateway.wallet_histogram(store.id, span).await?;
    Ok(Json(HistogramData::of(span, &histogram)))
}

/// The fee rate to confirm within so many blocks
#[utoipa::path(get, path = "/feerate", operation_id = "StoreOnChainWallets_GetOnChainFeeRate", tag = "On-chain wallet",
    params(("blockTarget" = Option<u16>, Query, description = "Within so many blocks, 1 to 1,000; 1 by default.")),
    security(("API_Key" = ["btcpay.store.canviewwallet"])),
    responses((status = 200, body = FeeRateData)))]
pub async fn fee_rate(
    State(state): State<AppState>,
    caller: Signed,
    Path((store, method)): Path<(String, String)>,
    params: Params,
) -> Result<Json<FeeRateData>, ApiError> {
    let store = store_of(&state, &caller, &store, &method)?;
    let blocks = params.count("blockTarget")?.unwrap_or(1);
    if !(1..=BLOCKS_MAX).contains(&blocks) {
        return Err(ApiError::fault(
            "blockTarget",
            "This has to be from 1 to 1,000.",
        ));
    }
    let blocks = u16::try_from(blocks).unwrap_or(u16::MAX);
    let rate = state.gateway.wallet_fee_rate(store.id, blocks).await?;
    Ok(Json(FeeRateData {
        fee_rate: Num(rate),
    }))
}

/// An address that nobody has paid yet
///
/// The same again until it is paid, or another one with `forceGenerate`.
#[utoipa::path(get, path = "/address", operation_id = "StoreOnChainWallets_GetOnChainWalletReceiveAddress", tag = "On-chain wallet",
    params(("forceGenerate" = Option<bool>, Query, description = "Whether it has to be another one.")),
    security(("API_Key" = ["btcpay.store.canviewwallet"])),
    responses((status = 200, body = AddressData)))]
pub async fn address(
    State(state): State<AppState>,
    caller: Signed,
    Path((store, method)): Path<(String, String)>,
    params: Params,
) -> Result<Json<AddressData>, ApiError> {
    let store = store_of(&state, &caller, &store, &method)?;
    let another = params.flag("forceGenerate")?.unwrap_or(false);
    let shown = state.gateway.wallet_address(store.id, another).await?;
    Ok(Json(AddressData {
        key_path: format!("0/{}", shown.index),
        payment_link: format!("bitcoin:{}", shown.address),
        address: shown.address,
    }))
}

/// Takes the shown address off the counter
///
/// The next one who asks gets another. Refused with 400 `no-reserved-address`.
#[utoipa::path(delete, path = "/address", operation_id = "StoreOnChainWallets_UnReserveOnChainWalletReceiveAddress", tag = "On-chain wallet",
    security(("API_Key" = ["btcpay.store.canmanagewallettransactions"])),
    responses((status = 200, description = "Done.")))]
pub async fn release_address(
    State(state): State<AppState>,
    caller: Signed,
    Path((store, method)): Path<(String, String)>,
) -> Result<(), ApiError> {
    let store = store_of(&state, &caller, &store, &method)?;
    Ok(state.gateway.release_wallet_address(store.id).await?)
}

/// What moved coins of a wallet
///
/// The newest first. `statusFilter` is `Confirmed` or `Unconfirmed`, once or repeated; `labelFilter` a label's text.
#[utoipa::path(get, path = "/transactions", operation_id = "StoreOnChainWallets_ShowOnChainWalletTransactions", tag = "On-chain wallet",
    params(("statusFilter" = Option<Vec<OnChainTransactionStatus>>, Query, description = "In these states; may be repeated."),
        ("labelFilter" = Option<String>, Query, description = "With this label."),
        ("skip" = Option<u32>, Query, description = "So many are passed over."),
        ("limit" = Option<u32>, Query, description = "At most so many are shown.")),
    security(("API_Key" = ["btcpay.store.canviewwallet"])),
    responses((status = 200, body = [TransactionData])))]
pub async fn transactions(
    State(state): State<AppState>,
    caller: Signed,
    Path((store, method)): Path<(String, String)>,
    params: Params,
) -> Result<Json<Vec<TransactionData>>, ApiError> {
    let store = store_of(&state, &caller, &store, &method)?;
    let skip = params.count("skip")?.unwrap_or(0);
    let limit = params.count("limit")?.unwrap_or(usize::MAX);
    let mut wanted = Vec::new();
    for text in params.all("statusFilter") {
        match text.to_ascii_lowercase().as_str() {
            "confirmed" => wanted.push(true),
            "unconfirmed" => wanted.push(false),
            _ => {
                let message = "This has to be Confirmed or Unconfirmed.";
                return Err(ApiError::fault("statusFilter", message));
            }
        }
    }
    let label = params.first("labelFilter");
    let history = state.gateway.wallet_history(store.id).await?;
    let remarks = state.gateway.remarks(store.id).await;
    let found = (history.iter())
        .filter(|moved| wanted.is_empty() || wanted.contains(&moved.block.is_some()))
        .map(|moved| (moved, remarks.get(&moved.txid.to_string())))
        .filter(|(_, remarks)| {
            label.is_none_or(|label| {
                remarks.is_some_and(|remarks| remarks.labels.iter().any(|text| text == label))
            })
        })
        .skip(skip)
        .take(limit)
        .map(|(moved, remarks)| TransactionData::of(moved, remarks))
        .collect();
    Ok(Json(found))
}

/// A transaction of a wallet
///
/// Refused with 404 `transaction-not-found`.
#[utoipa::path(get, path = "/transactions/{txid}", operation_id = "StoreOnChainWallets_GetOnChainWalletTransaction", tag = "On-chain wallet",
    security(("API_Key" = ["btcpay.store.canviewwallet"])),
    responses((status = 200, body = TransactionData)))]
pub async fn transaction(
    State(state): State<AppState>,
    caller: Signed,
    Path((store, method, txid)): Path<(String, String, String)>,
) -> Result<Json<TransactionData>, ApiError> {
    let store = store_of(&state, &caller, &store, &method)?;
    // Without a wallet, that is what is told.
    state.gateway.wallet_balance(store.id).await?;
    let txid = txid_of(&txid)?;
    Ok(Json(
        transaction_data(&state.gateway, store.id, txid).await?,
    ))
}

/// What may be noted about a transaction.
#[derive(utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PatchTransaction {
    /// A comment; an empty one takes the comment away.
    pub comment: Option<String>,
    /// Labels to stick to it, beside those that it has.
    pub labels: Option<Vec<String>>,
}

/// Notes a comment on a transaction, and sticks labels to it
///
/// With `force`, also on one that the wallet does not know. Refused with 404 `transaction-not-found`.
#[utoipa::path(patch, path = "/transactions/{txid}", operation_id = "StoreOnChainWallets_PatchOnChainWalletTransaction", tag = "On-chain wallet",
    params(("force" = Option<bool>, Query, description = "Whether one is taken that the wallet does not know.")),
    security(("API_Key" = ["btcpay.store.canmanagewallettransactions"])),
    request_body = PatchTransaction,
    responses((status = 200, body = TransactionData)))]
pub async fn remark(
    State(state): State<AppState>,
    caller: Signed,
    Path((store, method, txid)): Path<(String, String, String)>,
    params: Params,
    mut body: Input,
) -> Result<Json<TransactionData>, ApiError> {
    let store = store_of(&state, &caller, &store, &method)?;
    let force = params.flag("force")?.unwrap_or(false);
    let comment = body.text("comment");
    if comment
        .as_ref()
        .is_some_and(|comment| comment.len() > COMMENT_BYTES_MAX)
    {
        body.refuse("comment", "A comment has at most 5,000 characters.");
    }
    let mut labels = Vec::new();
    for (place, text) in body.texts("labels").unwrap_or_default().iter().enumerate() {
        match Name::new(LABEL, text.trim()) {
            Some(label) => labels.push(label),
            None => body.refuse(
                &format!("labels[{place}]"),
                "A label has 1 to 500 characters.",
            ),
        }
    }
    body.finish()?;
    state.gateway.wallet_balance(store.id).await?;
    let txid = txid_of(&txid)?;
    match state.gateway.wallet_transaction(store.id, txid).await {
        Err(WalletRefusal::UnknownTransaction) if force => {}
        known => {
            known?;
        }
    }
    let noted: Result<(), NoteRefusal> =
        state.gateway.remark(store.id, txid, comment, labels).await;
    noted?;
    Ok(Json(
        transaction_data(&state.gateway, store.id, txid).await?,
    ))
}

/// The coins that lie in a wallet
#[utoipa::path(get, path = "/utxos", operation_id = "StoreOnChainWallets_GetOnChainWalletUTXOs", tag = "On-chain wallet",
    security(("API_Key" = ["btcpay.store.canviewwallet"])),
    responses((status = 200, body = [CoinData])))]
pub async fn coins(
    State(state): State<AppState>,
    caller: Signed,
    Path((store, method)): Path<(String, String)>,
) -> Result<Json<Vec<CoinData>>, ApiError> {
    let store = store_of(&state, &caller, &store, &method)?;
    let coins = state.gateway.wallet_coins(store.id).await?;
    let remarks = state.gateway.remarks(store.id).await;
    Ok(Json(
        coins
            .iter()
            .map(|coin| CoinData::of(coin, remarks.get(&coin.outpoint.txid.to_string())))
            .collect(),
    ))
}

fn txid_of(text: &str) -> Result<Txid, ApiError> {
    text.parse()
        .map_err(|_| WalletRefusal::UnknownTransaction.into())
}
