//! Paying by hand.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use bitcoin::OutPoint;
use bitcoin::consensus::encode::serialize_hex;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::dto::{TransactionData, transaction_data};
use super::recall::ATransaction;
use super::store_of;
use crate::api::auth::Signed;
use crate::api::error::ApiError;
use crate::api::extract::Input;
use crate::api::once::{Again, IdempotencyKey, Once};
use crate::http::AppState;
use crate::service::batches::bump::sat_per_kvb;
use crate::service::wallet::send::{DESTINATIONS_MAX, NewSend, Wanted};

pub(super) const SIGN: &str = "btcpay.store.cansigntransactions";
const BROADCAST: &str = "btcpay.store.canbroadcasttransactions";

/// Coins that one request may name.
const COINS_MAX: usize = 1_000;

/// A payment of a transaction.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewDestination {
    /// An address or a `bitcoin:` URI.
    pub destination: String,
    /// In BTC; what the URI says if absent.
    pub amount: Option<String>,
    /// The fee is taken out of it.
    pub subtract_from_amount: Option<bool>,
}

/// A transaction to be made.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewTransaction {
    /// Whom to pay: 1 to 100.
    pub destinations: Vec<NewDestination>,
    /// In satoshi per virtual byte; what confirms soon if absent.
    pub feerate: Option<f64>,
    /// Send it; otherwise it is signed and given back. True if absent.
    pub proceed_with_broadcast: Option<bool>,
    /// Sign it; otherwise it is given back as a PSBT. True if absent.
    pub sign_with_seed: Option<bool>,
    /// No change: what is left goes to the first destination.
    pub no_change: Option<bool>,
    /// Say that it may be replaced, or that it will not.
    pub rbf: Option<bool>,
    /// Spend no coin that is not in a block.
    pub exclude_unconfirmed: Option<bool>,
    /// Spend exactly these coins, `txid:n`.
    pub selected_inputs: Option<Vec<String>>,
}

/// A transaction for somebody else to sign.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UnsignedData {
    /// In base64 (BIP 174).
    pub psbt: String,
}

/// What was made of a request.
#[derive(ToSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "the document's shape of three answers")]
pub enum MadeTransaction {
    /// It was sent.
    Sent(TransactionData),
    /// It is not signed.
    Unsigned(UnsignedData),
    /// It is signed and kept back: in hex.
    KeptBack(String),
}

/// Pays by hand from a store's wallet
///
/// With `signWithSeed` false the answer is `{psbt}`, and nothing is kept. Without `proceedWithBroadcast` it is the
/// signed transaction as a hex text, whose coins stay set aside for it. Once it is answered it will be sent: that the
/// network refuses it for now is shown and tried again. Refused with 400 `not-available` where this server has no keys,
/// or where the wallet is held for review; a coin that can't be spent with 422 `SelectedInputs`.
#[utoipa::path(post, path = "/transactions", operation_id = "StoreOnChainWallets_CreateOnChainTransaction", tag = "On-chain wallet",
    params(IdempotencyKey),
    security(("API_Key" = ["btcpay.store.cancreatetransactions"])),
    request_body = NewTransaction,
    responses((status = 200, body = MadeTransaction)))]
pub async fn create(
    State(state): State<AppState>,
    caller: Signed,
    Path((store, method)): Path<(String, String)>,
    mut body: Once<ATransaction>,
) -> Result<Response, ApiError> {
    let store = store_of(&state, &caller, &store, &method)?;
    let signs = body.flag("signWithSeed").unwrap_or(true);
    let sends = body.flag("proceedWithBroadcast").unwrap_or(true);
    if signs {
        caller.check_on(SIGN, Some(&store))?;
    }
    if signs && sends {
        caller.check_on(BROADCAST, Some(&store))?;
    }
    let new = new_send(&mut body);
    body.finish()?;
    let gateway = &state.gateway;
    if !signs {
        let unsigned = gateway.wallet_offer(store.id, new).await?;
        return Ok(Json(json!({ "psbt": unsigned.psbt.to_string() })).into_response());
    }
    let signed = gateway.wallet_send(store.id, new, !sends).await?;
    if !sends {
        return Ok(Json(serialize_hex(&signed)).into_response());
    }
    let data = transaction_data(gateway, store.id, signed.compute_txid()).await?;
    Ok(Json(data).into_response())
}

/// A transaction to be sent.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SignedTransaction {
    /// A signed transaction in hex, or a signed PSBT.
    pub transaction: String,
}

/// Sends a signed transaction of a store's wallet
///
/// One that was kept back, the signed form of one that waits for its owner's signature, or any other that spends from
/// this wallet alone. Its payments are payouts by hand from now on. Refused with 400 `broadcast-error`; the same
/// transaction again changes nothing.
#[utoipa::path(post, path = "/transactions/broadcast", operation_id = "StoreOnChainWallets_BroadcastOnChainTransaction", tag = "On-chain wallet",
    params(IdempotencyKey),
    security(("API_Key" = ["btcpay.store.canbroadcasttransactions"])),
    request_body = SignedTransaction,
    responses((status = 200, body = TransactionData)))]
pub async fn broadcast(
    State(state): State<AppState>,
    caller: Signed,
    Path((store, method)): Path<(String, String)>,
    mut body: Once<Again>,
) -> Result<Json<TransactionData>, ApiError> {
    let store = store_of(&state, &caller, &store, &method)?;
    let text = body.words("transaction");
    if text.is_none() {
        body.refuse("transaction", "A signed transaction is needed.");
    }
    body.finish()?;
    let txid = state
        .gateway
        .wallet_broadcast(store.id, &text.unwrap_or_default())
        .await?;
    Ok(Json(
        transaction_data(&state.gateway, store.id, txid).await?,
    ))
}

fn new_send(body: &mut Input) -> NewSend {
    body.alias("feeRate", "feerate");
    let fee_rate = body.decimal("feerate").and_then(|rate| {
        let read = sat_per_kvb(rate);
        if read.is_none() {
            let message = "This has to be a rate above 0 in sat/vB, with at most three places.";
            body.refuse("feerate", message);
        }
        read
    });
    let coins = body.texts("selectedInputs").map(|texts| {
        if texts.len() > COINS_MAX {
            body.refuse("selectedInputs", "At most 1,000 coins can be named.");
        }
        let mut coins: Vec<OutPoint> = Vec::new();
        for (place, text) in texts.iter().take(COINS_MAX).enumerate() {
            match text.trim().parse() {
                Ok(coin) if coins.contains(&coin) => {}
                Ok(coin) => coins.push(coin),
                Err(_) => body.refuse(
                    &format!("selectedInputs[{place}]"),
                    "A coin is written txid:n.",
                ),
            }
        }
        coins
    });
    NewSend {
        payments: payments(body),
        fee_rate_sat_per_kvb: fee_rate,
        coins: coins.filter(|coins| !coins.is_empty()),
        confirmed: body.flag("excludeUnconfirmed").unwrap_or(false),
        no_change: body.flag("noChange").unwrap_or(false),
        final_fee: body.flag("rbf") == Some(false),
    }
}

fn payments(body: &mut Input) -> Vec<Wanted> {
    let items = match body.value("destinations") {
        Some(Value::Array(items)) if (1..=DESTINATIONS_MAX).contains(&items.len()) => items,
        Some(_) | None => {
            body.refuse("destinations", "Give 1 to 100 destinations.");
            return Vec::new();
        }
    };
    let mut payments = Vec::new();
    for (place, item) in items.into_iter().enumerate() {
        let Value::Object(members) = item else {
            let path = format!("destinations[{place}]");
            body.refuse(&path, "This has to be a JSON object.");
            continue;
        };
        payments.extend(payment(body, place, members));
    }
    payments
}

fn payment(body: &mut Input, place: usize, members: Map<String, Value>) -> Option<Wanted> {
    let mut one = Input::from_members(members);
    let destination = one.words("destination");
    if destination.is_none() {
        one.refuse("destination", "An address is needed.");
    }
    let amount = one.decimal("amount");
    let bears_fee = one.flag("subtractFromAmount").unwrap_or(false);
    body.take_faults(&format!("destinations[{place}]"), one);
    destination.map(|destination| Wanted {
        destination,
        amount,
        bears_fee,
    })
}
