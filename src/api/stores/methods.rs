//! The payment methods of a store (Greenfield 3.4).

use axum::Json;
use axum::extract::{MatchedPath, Path, State};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::api::auth::Signed;
use crate::api::error::ApiError;
use crate::api::extract::{Input, Params};
use crate::domain::receipt::Rail;
use crate::domain::store::Store;
use crate::http::AppState;
use crate::service::payment_method::{GivenWallet, MethodRefusal, WalletConfig};

const MODIFY: &str = "btcpay.store.canmodifystoresettings";

/// The server's own node, as Greenfield names it.
const OWN_NODE: &str = "Internal Node";

/// A payment method of a store.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PaymentMethodData {
    /// `BTC-CHAIN` or `BTC-LN`.
    payment_method_id: &'static str,
    /// The same, under its older name.
    payment_method: &'static str,
    /// Invoices offer it.
    enabled: bool,
    /// How it is set up, where it was asked for by somebody who may change it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    config: Option<Value>,
    /// `BTC`. This and the members below are shown at the older path of the on-chain method: what `config` holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    crypto_code: Option<&'static str>,
    /// Where its addresses come from, for who may change the store.
    #[serde(skip_serializing_if = "Option::is_none")]
    derivation_scheme: Option<String>,
    /// What its owner calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<String>,
    /// The path of its keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    account_key_path: Option<String>,
}

/// A change of a payment method.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdatePaymentMethod {
    /// Invoices offer it; what it was if absent.
    pub enabled: Option<bool>,
    /// A derivation scheme, an output descriptor or `Internal Node` as a text, or an object with `derivationScheme`,
    /// `label` and `accountKeyPath`, or with `connectionString`; what it was if absent.
    #[schema(value_type = Option<Object>)]
    pub config: Option<String>,
    /// Without `config`: what it would hold, as it was once sent.
    pub derivation_scheme: Option<String>,
    /// The same.
    pub label: Option<String>,
    /// The same.
    pub account_key_path: Option<String>,
}

/// The payment methods of a store
///
/// `config` is shown only to who may change the store, and only if `includeConfig` is true.
#[utoipa::path(get, path = "/v1/stores/{store}/payment-methods", operation_id = "StorePaymentMethods_GetStorePaymentMethods", tag = "Payment methods",
    params(("onlyEnabled" = Option<bool>, Query, description = "Whether only those are shown that invoices offer."),
        ("includeConfig" = Option<bool>, Query, description = "Whether it is shown how they are set up.")),
    security(("API_Key" = ["btcpay.store.canviewstoresettings"])),
    responses((status = 200, body = [PaymentMethodData])))]
pub async fn list(
    State(state): State<AppState>,
    caller: Signed,
    Path(store): Path<String>,
    params: Params,
) -> Result<Json<Vec<PaymentMethodData>>, ApiError> {
    let store = caller.store(&state, &store)?;
    let only_enabled = params.flag("onlyEnabled")?.unwrap_or(false);
    let with_config = with_config(&caller, &store, &params)?;
    let mut methods = Vec::new();
    for rail in [Rail::Onchain, Rail::Lightning] {
        let wanted = store.settings.has(rail) && (!only_enabled || store.settings.offers(rail));
        if wanted {
            methods.push(method_data(&state, &store, rail, with_config).await?);
        }
    }
    Ok(Json(methods))
}

/// A payment method of a store
///
/// Refused with 404 `paymentmethod-not-found`.
#[utoipa::path(get, path = "/", operation_id = "StorePaymentMethods_GetStorePaymentMethod", tag = "Payment methods",
    params(("includeConfig" = Option<bool>, Query, description = "Whether it is shown how it is set up.")),
    security(("API_Key" = ["btcpay.store.canviewstoresettings"])),
    responses((status = 200, body = PaymentMethodData)))]
pub async fn get(
    State(state): State<AppState>,
    caller: Signed,
    Path((store, method)): Path<(String, String)>,
    matched: MatchedPath,
    params: Params,
) -> Result<Json<PaymentMethodData>, ApiError> {
    let store = caller.store(&state, &store)?;
    let rail = rail_of(&method, &matched)?;
    if !store.settings.has(rail) {
        return Err(unknown());
    }
    let older = is_older(&matched);
    let shown = with_config(&caller, &store, &params)? || older && may_see(&caller, &store);
    answer(&state, &store, rail, shown, older).await
}

/// Sets a payment method up, switches it on or off, or both
///
/// Another on-chain wallet is watched from now on; the one before stays watched, too. Only public keys are taken:
/// wallets with one key and `SegWit` or Taproot addresses. Another store's wallet is refused with 422 `Config`.
#[utoipa::path(put, path = "/", operation_id = "StorePaymentMethods_UpdateStorePaymentMethod", tag = "Payment methods",
    security(("API_Key" = ["btcpay.store.canmodifystoresettings"])),
    request_body = UpdatePaymentMethod,
    responses((status = 200, body = PaymentMethodData)))]
pub async fn set(
    State(state): State<AppState>,
    caller: Signed,
    Path((store, method)): Path<(String, String)>,
    matched: MatchedPath,
    mut body: Input,
) -> Result<Json<PaymentMethodData>, ApiError> {
    let store = caller.store(&state, &store)?;
    let rail = rail_of(&method, &matched)?;
    let enabled = body.flag("enabled");
    let after = match rail {
        Rail::Onchain => {
            let wallet = given_wallet(&mut body);
            body.finish()?;
            state.gateway.set_onchain(store.id, enabled, wallet).await?
        }
        Rail::Lightning => {
            let connect = connects(&mut body);
            body.finish()?;
            state
                .gateway
                .set_lightning(store.id, enabled, connect)
                .await?
        }
    };
    answer(&state, &after, rail, true, is_older(&matched)).await
}

/// Takes a payment method away
///
/// Its addresses stay watched, since they may still be paid.
#[utoipa::path(delete, path = "/", operation_id = "StorePaymentMethods_DeleteStorePaymentMethod", tag = "Payment methods",
    security(("API_Key" = ["btcpay.store.canmodifystoresettings"])),
    responses((status = 200, description = "Done.")))]
pub async fn remove(
    State(state): State<AppState>,
    caller: Signed,
    Path((store, method)): Path<(String, String)>,
    matched: MatchedPath,
) -> Result<(), ApiError> {
    let store = caller.store(&state, &store)?;
    let rail = rail_of(&method, &matched)?;
    if !store.settings.has(rail) {
        return Err(unknown());
    }
    state.gateway.remove_method(store.id, rail).await?;
    Ok(())
}

/// A wallet in a request: `config` as a text or an object, or its members at top level as they were once.
pub(in crate::api) fn given_wallet(body: &mut Input) -> Option<GivenWallet> {
    let (scheme, prefix) = match body.value("config") {
        Some(Value::String(text)) if text.trim().is_empty() => (None, ""),
        Some(Value::String(text)) => (Some(text), "config."),
        Some(Value::Object(_)) => {
            let scheme = body
                .words("config.derivationScheme")
                .or_else(|| body.words("config.accountDerivation"));
            if scheme.is_none() {
                body.refuse("config.derivationScheme", "A derivation scheme is needed.");
            }
            (scheme, "config.")
        }
        Some(_) => {
            body.refuse("config", "This has to be a text or a JSON object.");
            (None, "")
        }
        None => (body.words("derivationScheme"), ""),
    };
    let key_path = body.words(&format!("{prefix}accountKeyPath"));
    let label = body.text(&format!("{prefix}label"));
    scheme.map(|scheme| GivenWallet {
        scheme,
        key_path,
        label,
    })
}

/// Whether a request names the server's own node, the only one there is.
fn connects(body: &mut Input) -> bool {
    let named = match body.value("config") {
        None => return false,
        Some(Value::String(text)) => Some(text),
        Some(Value::Object(_)) => body
            .words("config.connectionString")
            .or_else(|| body.words("config.internalNodeRef")),
        Some(_) => None,
    };
    let own = named.is_some_and(|named| {
        let plain: String = named.chars().filter(|c| !c.is_whitespace()).collect();
        plain.eq_ignore_ascii_case("InternalNode")
    });
    if !own {
        body.refuse(
            "config",
            "This server pays and receives over its own node only: the text is `Internal Node`.",
        );
    }
    own
}

fn with_config(caller: &Signed, store: &Store, params: &Params) -> Result<bool, ApiError> {
    let wanted = params.flag("includeConfig")?.unwrap_or(false);
    Ok(wanted && may_see(caller, store))
}

fn may_see(caller: &Signed, store: &Store) -> bool {
    caller.0.may(MODIFY, Some(store))
}

fn is_older(matched: &MatchedPath) -> bool {
    matched.as_str().contains("/payment-methods/onchain/")
}

fn rail_of(method: &str, matched: &MatchedPath) -> Result<Rail, ApiError> {
    let rail = method.parse::<Rail>().map_err(|_| unknown())?;
    match rail {
        Rail::Lightning if is_older(matched) => Err(unknown()),
        Rail::Lightning | Rail::Onchain => Ok(rail),
    }
}

fn unknown() -> ApiError {
    let message = "The store has no such payment method.";
    ApiError::not_found("paymentmethod-not-found", message)
}

async fn answer(
    state: &AppState,
    store: &Store,
    rail: Rail,
    with_config: bool,
    older: bool,
) -> Result<Json<PaymentMethodData>, ApiError> {
    let mut data = method_data(state, store, rail, with_config).await?;
    if older {
        let member = |name: &str| {
            let value = data.config.as_ref()?.get(name)?.as_str()?;
            Some(value.to_owned())
        };
        data.derivation_scheme = member("derivationScheme");
        data.label = member("label");
        data.account_key_path = member("accountKeyPath");
        data.crypto_code = Some("BTC");
    }
    Ok(Json(data))
}

async fn method_data(
    state: &AppState,
    store: &Store,
    rail: Rail,
    with_config: bool,
) -> Result<PaymentMethodData, ApiError> {
    let config = match rail {
        Rail::Lightning if with_config => Some(json!({ "connectionString": OWN_NODE })),
        Rail::Onchain if with_config => {
            let wallet = state.gateway.wallet_config(store.id).await?;
            wallet.as_ref().map(config_of)
        }
        Rail::Lightning | Rail::Onchain => None,
    };
    let enabled = match rail {
        Rail::Lightning => store.settings.lightning().enabled,
        Rail::Onchain => store.settings.onchain().enabled,
    };
    Ok(PaymentMethodData {
        payment_method_id: rail.method_id(),
        payment_method: rail.method_id(),
        enabled,
        config,
        crypto_code: None,
        derivation_scheme: None,
        label: None,
        account_key_path: None,
    })
}

/// The wallet as `config` shows it.
pub(in crate::api) fn config_of(wallet: &WalletConfig) -> Value {
    json!({
        "derivationScheme": wallet.scheme,
        "label": wallet.label,
        "accountKeyPath": wallet.key_path,
    })
}

impl From<MethodRefusal> for ApiError {
    fn from(refusal: MethodRefusal) -> Self {
        let message = refusal.to_string();
        match refusal {
            MethodRefusal::UnknownStore => unknown(),
            MethodRefusal::Import(_)
            | MethodRefusal::OtherStore
            | MethodRefusal::TooMany
            | MethodRefusal::NoWallet => Self::fault("Config", message),
            MethodRefusal::Label => Self::fault("Label", message),
            MethodRefusal::Words => Self::fault("ExistingMnemonic", message),
            MethodRefusal::ForeignKeys => Self::fault("SavePrivateKeys", message),
            MethodRefusal::AlreadyConfigured => Self::bad_request("already-configured", message),
            MethodRefusal::Unavailable(unavailable) => unavailable.into(),
        }
    }
}
