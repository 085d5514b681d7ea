//! Making a wallet, and looking at one before it is used.

use axum::Json;
use axum::extract::{Path, State};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::dto::PreviewData;
use super::store_of;
use crate::api::auth::Signed;
use crate::api::error::ApiError;
use crate::api::extract::{Input, Params};
use crate::api::schema::{ScriptPubKeyType, WordList};
use crate::api::stores::methods::{config_of, given_wallet};
use crate::domain::receipt::Rail;
use crate::domain::till::AddressKind;
use crate::http::AppState;
use crate::service::payment_method::NewWallet;

/// Addresses that are shown at once.
const COUNT_MAX: usize = 1_000;

/// A wallet to be made.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GenerateWallet {
    /// BIP39 words in English that its owner has; new ones if absent.
    pub existing_mnemonic: Option<String>,
    /// Beside the words (BIP39).
    pub passphrase: Option<String>,
    /// Which account of the words; 0 if absent.
    #[schema(maximum = 0x7fff_ffff)]
    pub account_number: Option<u32>,
    /// This server keeps the keys and pays by itself. Only for new words without a passphrase.
    pub save_private_keys: Option<bool>,
    /// `English`, the only one.
    #[schema(value_type = Option<WordList>)]
    pub word_list: Option<String>,
    /// 12 (the default), 15, 18, 21 or 24.
    #[schema(minimum = 12, maximum = 24, multiple_of = 3)]
    pub word_count: Option<u8>,
    /// `Segwit` (the default), `SegwitP2SH` or `TaprootBIP86`.
    #[schema(value_type = Option<ScriptPubKeyType>)]
    pub script_pub_key_type: Option<String>,
    /// What its owner calls it.
    #[schema(max_length = 200)]
    pub label: Option<String>,
}

/// A wallet that was made.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GeneratedData {
    /// Invoices offer it.
    enabled: bool,
    /// `BTC-CHAIN`.
    payment_method_id: &'static str,
    /// How it is set up.
    #[schema(value_type = Object)]
    config: Value,
    /// Its words. They are shown this once.
    mnemonic: String,
}

/// Makes a wallet of new or given words
///
/// Only its public keys are kept, unless `savePrivateKeys`. The words are answered this once. Refused with 400
/// `already-configured` where the store has one that somebody set up.
#[utoipa::path(post, path = "/generate", operation_id = "StoreOnChainPaymentMethods_GenerateOnChainWallet", tag = "On-chain wallet",
    security(("API_Key" = ["btcpay.store.canmodifystoresettings"])),
    request_body = GenerateWallet,
    responses((status = 200, body = GeneratedData)))]
pub async fn generate(
    State(state): State<AppState>,
    caller: Signed,
    Path((store, method)): Path<(String, String)>,
    mut body: Input,
) -> Result<Json<GeneratedData>, ApiError> {
    let store = store_of(&state, &caller, &store, &method)?;
    let new = new_wallet(&mut body);
    body.finish()?;
    let (after, mnemonic) = state.gateway.generate_wallet(store.id, new).await?;
    let wallet = state.gateway.wallet_config(store.id).await?;
    Ok(Json(GeneratedData {
        enabled: after.settings.onchain().enabled,
        payment_method_id: Rail::Onchain.method_id(),
        config: wallet.as_ref().map_or(Value::Null, config_of),
        mnemonic,
    }))
}

/// Addresses of a store's wallet
///
/// `count` of them from `offset` on, handed out or not.
#[utoipa::path(get, path = "/preview", operation_id = "StoreOnChainPaymentMethods_GetOnChainPaymentMethodPreview", tag = "On-chain wallet",
    params(("offset" = Option<u32>, Query, description = "Beginning with this one; 0 by default."),
        ("count" = Option<u32>, Query, description = "So many, at most 1,000; 10 by default."),
        ("amount" = Option<u32>, Query, description = "The older name of `count`.")),
    security(("API_Key" = ["btcpay.store.canviewwallet"])),
    responses((status = 200, body = PreviewData)))]
pub async fn preview(
    State(state): State<AppState>,
    caller: Signed,
    Path((store, method)): Path<(String, String)>,
    params: Params,
) -> Result<Json<PreviewData>, ApiError> {
    let store = store_of(&state, &caller, &store, &method)?;
    let (offset, count) = part(&params)?;
    let addresses = state
        .gateway
        .wallet_preview(store.id, offset, count)
        .await?;
    Ok(Json(addresses.into()))
}

/// A wallet to be looked at.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PreviewWallet {
    /// A derivation scheme or an output descriptor, or an object with `derivationScheme` and `accountKeyPath`.
    #[schema(value_type = Option<Object>)]
    pub config: Option<String>,
    /// The same at top level, as it was once.
    pub derivation_scheme: Option<String>,
    /// The path of its keys.
    pub account_key_path: Option<String>,
    /// What its owner calls it; nothing is kept.
    #[schema(max_length = 200)]
    pub label: Option<String>,
}

/// Addresses of a wallet that is given; nothing is kept
#[utoipa::path(post, path = "/preview", operation_id = "StoreOnChainPaymentMethods_POSTOnChainPaymentMethodPreview", tag = "On-chain wallet",
    params(("offset" = Option<u32>, Query, description = "Beginning with this one; 0 by default."),
        ("count" = Option<u32>, Query, description = "So many, at most 1,000; 10 by default."),
        ("amount" = Option<u32>, Query, description = "The older name of `count`.")),
    security(("API_Key" = ["btcpay.store.canmanagewalletsettings"])),
    request_body = PreviewWallet,
    responses((status = 200, body = PreviewData)))]
pub async fn preview_of(
    State(state): State<AppState>,
    caller: Signed,
    Path((store, method)): Path<(String, String)>,
    params: Params,
    mut body: Input,
) -> Result<Json<PreviewData>, ApiError> {
    store_of(&state, &caller, &store, &method)?;
    let (offset, count) = part(&params)?;
    let given = given_wallet(&mut body);
    if given.is_none() {
        body.refuse(
            "config",
            "A derivation scheme or an output descriptor is needed.",
        );
    }
    body.finish()?;
    let addresses = match given {
        Some(given) => state
            .gateway
            .preview_wallet(&given.scheme, given.key_path.as_deref(), offset, count)
            .map_err(|why| ApiError::fault("Config", why.to_string()))?,
        None => Vec::new(),
    };
    Ok(Json(addresses.into()))
}

fn part(params: &Params) -> Result<(u32, u32), ApiError> {
    let offset = params.count("offset")?.unwrap_or(0);
    // `amount` is its older name.
    let count = match params.count("count")? {
        Some(count) => count,
        None => params.count("amount")?.unwrap_or(10),
    };
    let offset = u32::try_from(offset)
        .ok()
        .filter(|offset| *offset < 0x8000_0000)
        .ok_or_else(|| ApiError::fault("offset", "This has to be below 2,147,483,648."))?;
    if count > COUNT_MAX {
        return Err(ApiError::fault("count", "At most 1,000 are shown at once."));
    }
    Ok((offset, u32::try_from(count).unwrap_or(u32::MAX)))
}

fn new_wallet(body: &mut Input) -> NewWallet {
    if let Some(list) = body.words("wordList")
        && !list.eq_ignore_ascii_case("English")
    {
        body.refuse("wordList", "Words are in English.");
    }
    let words = body.whole("wordCount", 12, 24).unwrap_or(12);
    if words % 3 != 0 {
        body.refuse("wordCount", "This has to be 12, 15, 18, 21 or 24.");
    }
    let addresses = match body.words("scriptPubKeyType").as_deref() {
        None => AddressKind::Segwit,
        Some(text) if text.eq_ignore_ascii_case("Segwit") => AddressKind::Segwit,
        Some(text) if text.eq_ignore_ascii_case("SegwitP2SH") => AddressKind::Wrapped,
        Some(text) if text.eq_ignore_ascii_case("TaprootBIP86") => AddressKind::Taproot,
        Some(text) => {
            let message = if text.eq_ignore_ascii_case("Legacy") {
                "Legacy addresses are not supported."
            } else {
                "This has to be Segwit, SegwitP2SH or TaprootBIP86."
            };
            body.refuse("scriptPubKeyType", message);
            AddressKind::Segwit
        }
    };
    let number = body.whole("accountNumber", 0, 0x7fff_ffff).unwrap_or(0);
    NewWallet {
        existing: body.words("existingMnemonic"),
        passphrase: body.text("passphrase").unwrap_or_default(),
        number: u32::try_from(number).unwrap_or(0),
        keeps_keys: body.flag("savePrivateKeys").unwrap_or(false),
        words: u8::try_from(words).unwrap_or(12),
        addresses,
        label: body.text("label"),
    }
}
