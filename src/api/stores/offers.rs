//! What a store offers: its payment methods (Greenfield 3.4).

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::auth::Signed;
use crate::api::error::ApiError;
use crate::api::extract::Params;
use crate::api::schema::PaymentMethodId;
use crate::domain::receipt::Rail;
use crate::http::AppState;

const MODIFY: &str = "btcpay.store.canmodifystoresettings";

/// `GenericPaymentMethodData`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = GenericPaymentMethodData)]
pub struct PaymentMethodData {
    #[schema(value_type = PaymentMethodId)]
    payment_method_id: &'static str,
    #[schema(value_type = PaymentMethodId)]
    payment_method: &'static str,
    enabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    config: Option<LightningConfig>,
}

/// The node behind `BTC-LN`; ours is the only kind.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LightningConfig {
    connection_string: &'static str,
}

/// The payment methods of a store
///
/// `config` is shown only to who may change the store, and only if `includeConfig` is true.
#[utoipa::path(get, path = "/v1/stores/{store}/payment-methods", operation_id = "StorePaymentMethods_GetStorePaymentMethods", tag = "Payment methods",
    security(("API_Key" = ["btcpay.store.canviewstoresettings"])),
    params(("includeConfig" = Option<bool>, Query, description = "Whether `config` is shown.")),
    responses((status = 200, description = "Done.", body = [PaymentMethodData])))]
pub async fn payment_methods(
    State(state): State<AppState>,
    caller: Signed,
    Path(store): Path<String>,
    params: Params,
) -> Result<Json<Vec<PaymentMethodData>>, ApiError> {
    let with_config = check_methods(&state, &caller, &store, &params)?;
    let methods = [Rail::Onchain, Rail::Lightning];
    Ok(Json(
        methods
            .into_iter()
            .map(|rail| method_data(rail, with_config))
            .collect(),
    ))
}

/// A payment method of a store
///
/// Refused with 404 `paymentmethod-not-found`.
#[utoipa::path(get, path = "/v1/stores/{store}/payment-methods/{method}", operation_id = "StorePaymentMethods_GetStorePaymentMethod", tag = "Payment methods",
    security(("API_Key" = ["btcpay.store.canviewstoresettings"])),
    params(("includeConfig" = Option<bool>, Query, description = "Whether `config` is shown.")),
    responses((status = 200, description = "Done.", body = PaymentMethodData)))]
pub async fn payment_method(
    State(state): State<AppState>,
    caller: Signed,
    Path((store, method)): Path<(String, String)>,
    params: Params,
) -> Result<Json<PaymentMethodData>, ApiError> {
    let with_config = check_methods(&state, &caller, &store, &params)?;
    let rail = method.parse::<Rail>().map_err(|_| {
        let message = "The store has no such payment method.";
        ApiError::not_found("paymentmethod-not-found", message)
    })?;
    Ok(Json(method_data(rail, with_config)))
}

/// `S/payment-methods/LightningNetwork/…` and `…/LNURLPay/…`: gone since the second version.
pub async fn gone() -> ApiError {
    let message = "This path is of an older version: use BTC-LN.";
    ApiError::coded(StatusCode::GONE, "unsupported-in-v2", message)
}

fn check_methods(
    state: &AppState,
    caller: &Signed,
    store: &str,
    params: &Params,
) -> Result<bool, ApiError> {
    let store = caller.store(state, store)?;
    let wanted = params.flag("includeConfig")?.unwrap_or(false);
    Ok(wanted && caller.0.may(MODIFY, Some(&store)))
}

fn method_data(rail: Rail, with_config: bool) -> PaymentMethodData {
    let config = match rail {
        Rail::Lightning if with_config => Some(LightningConfig {
            connection_string: "Internal Node",
        }),
        Rail::Lightning | Rail::Onchain => None,
    };
    PaymentMethodData {
        payment_method_id: rail.method_id(),
        payment_method: rail.method_id(),
        enabled: true,
        config,
    }
}
