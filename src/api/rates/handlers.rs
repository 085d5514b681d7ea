//! Asking for rates, reading and changing the rules.

use axum::Json;
use axum::extract::{Path, State};

use super::dto::{RateSourceData, StoreRateConfiguration, StoreRateResult, read};
use crate::api::auth::Signed;
use crate::api::error::ApiError;
use crate::api::extract::{Input, Params};
use crate::domain::rates::RuleSet;
use crate::domain::store::Store;
use crate::http::AppState;
use crate::service::rates::{Price, WhichRules};

/// Pairs of one request: each is a line of the answer.
const PAIRS_MAX: usize = 100;

/// Rates of the pairs asked for
///
/// By the store's rules, with its spread. `currencyPair` may be repeated; without any it is bitcoin in the store's
/// currency. A pair without a rate is answered with 0 and the reasons in `errors`.
#[utoipa::path(get, path = "/v1/stores/{store}/rates", operation_id = "Stores_GetStoreRates", tag = "Rates",
    security(("API_Key" = ["btcpay.store.canviewstoresettings"])),
    params(("currencyPair" = Option<Vec<String>>, Query, description = "Such as `BTC_USD`, at most 100.")),
    responses((status = 200, description = "One line a pair.", body = [StoreRateResult])))]
pub async fn rates(
    State(state): State<AppState>,
    caller: Signed,
    Path(store): Path<String>,
    params: Params,
) -> Result<Json<Vec<StoreRateResult>>, ApiError> {
    let store = caller.store(&state, &store)?;
    let rates = store.settings.rates.clone().unwrap_or_default();
    let pairs = pairs(&params, &store)?;
    Ok(Json(
        pairs
            .iter()
            .map(|text| StoreRateResult::of(text, |pair| state.gateway.store_rate(&rates, pair)))
            .collect(),
    ))
}

/// The rules that are asked first
#[utoipa::path(get, path = "/v1/stores/{store}/rates/configuration", operation_id = "Stores_GetStoreRateConfigurationPrimary", tag = "Rates",
    security(("API_Key" = ["btcpay.store.canviewstoresettings"])),
    responses((status = 200, description = "The rules.", body = StoreRateConfiguration)))]
pub async fn primary(
    State(state): State<AppState>,
    caller: Signed,
    Path(store): Path<String>,
) -> Result<Json<StoreRateConfiguration>, ApiError> {
    let store = caller.store(&state, &store)?;
    show(&state, &store, WhichRules::Primary).map(Json)
}

/// Change the rules that are asked first
///
/// What is absent becomes what it is for a new store. A script that does not parse is refused with 422
/// `EffectiveScript`, a source that this server does not have with 422 `PreferredSource`.
#[utoipa::path(put, path = "/v1/stores/{store}/rates/configuration", operation_id = "Stores_UpdateStoreRateConfigurationPrimary", tag = "Rates",
    security(("API_Key" = ["btcpay.store.canmodifystoresettings"])),
    request_body = StoreRateConfiguration,
    responses((status = 200, description = "The rules after it.", body = StoreRateConfiguration)))]
pub async fn set_primary(
    State(state): State<AppState>,
    caller: Signed,
    Path(store): Path<String>,
    body: Input,
) -> Result<Json<StoreRateConfiguration>, ApiError> {
    let store = caller.store(&state, &store)?;
    set(&state, &store, WhichRules::Primary, body).await
}

/// The rules that are asked first, or those that are asked when the first give no rate
///
/// `rateSource` is `primary` or `fallback`. 404 `fallback-disabled` where nobody else is asked.
#[utoipa::path(get, path = "/v1/stores/{store}/rates/configuration/{rateSource}", operation_id = "Stores_GetStoreRateConfiguration", tag = "Rates",
    security(("API_Key" = ["btcpay.store.canviewstoresettings"])),
    responses((status = 200, description = "The rules.", body = StoreRateConfiguration)))]
pub async fn configuration(
    State(state): State<AppState>,
    caller: Signed,
    Path((store, which)): Path<(String, String)>,
) -> Result<Json<StoreRateConfiguration>, ApiError> {
    let store = caller.store(&state, &store)?;
    show(&state, &store, which_of(&which)?).map(Json)
}

/// Change one of the two sets of rules
///
/// `rateSource` is `primary` or `fallback`; setting the fallback switches it on. Refused as for the first rules.
#[utoipa::path(put, path = "/v1/stores/{store}/rates/configuration/{rateSource}", operation_id = "Stores_UpdateStoreRateConfiguration", tag = "Rates",
    security(("API_Key" = ["btcpay.store.canmodifystoresettings"])),
    request_body = StoreRateConfiguration,
    responses((status = 200, description = "The rules after it.", body = StoreRateConfiguration)))]
pub async fn configure(
    State(state): State<AppState>,
    caller: Signed,
    Path((store, which)): Path<(String, String)>,
    body: Input,
) -> Result<Json<StoreRateConfiguration>, ApiError> {
    let store = caller.store(&state, &store)?;
    set(&state, &store, which_of(&which)?, body).await
}

/// What rules would give, without saving them
#[utoipa::path(post, path = "/v1/stores/{store}/rates/configuration/preview", operation_id = "Stores_PreviewStoreRateConfiguration", tag = "Rates",
    security(("API_Key" = ["btcpay.store.canmodifystoresettings"])),
    params(("currencyPair" = Option<Vec<String>>, Query, description = "Such as `BTC_USD`, at most 100.")),
    request_body = StoreRateConfiguration,
    responses((status = 200, description = "One line a pair.", body = [StoreRateResult])))]
pub async fn preview(
    State(state): State<AppState>,
    caller: Signed,
    Path(store): Path<String>,
    params: Params,
    mut body: Input,
) -> Result<Json<Vec<StoreRateResult>>, ApiError> {
    let store = caller.store(&state, &store)?;
    let rules = read(&mut body, &state.gateway.rates);
    body.finish()?;
    let price = |pair| -> Price { state.gateway.rate_by_rules(&rules, pair, true) };
    let pairs = pairs(&params, &store)?;
    Ok(Json(
        pairs
            .iter()
            .map(|text| StoreRateResult::of(text, price))
            .collect(),
    ))
}

/// Where rates can come from
#[utoipa::path(get, path = "/misc/rate-sources", operation_id = "GetRateSources", tag = "Rates",
    security(()),
    responses((status = 200, description = "The sources, the usual one first.", body = [RateSourceData])))]
pub async fn sources(State(state): State<AppState>) -> Json<Vec<RateSourceData>> {
    let sources = state.gateway.rates.sources().into_iter();
    Json(
        sources
            .map(|(id, name)| RateSourceData { id, name })
            .collect(),
    )
}

fn pairs(params: &Params, store: &Store) -> Result<Vec<String>, ApiError> {
    let given = params.all("currencyPair");
    if given.len() > PAIRS_MAX {
        let message = format!("At most {PAIRS_MAX} pairs at once.");
        return Err(ApiError::fault("currencyPair", message));
    }
    if given.is_empty() {
        return Ok(vec![format!("BTC_{}", store.settings.default_currency)]);
    }
    Ok(given.into_iter().map(str::to_owned).collect())
}

fn which_of(name: &str) -> Result<WhichRules, ApiError> {
    match name.to_ascii_lowercase().as_str() {
        "primary" => Ok(WhichRules::Primary),
        "fallback" => Ok(WhichRules::Fallback),
        _ => Err(ApiError::no_route()),
    }
}

fn show(
    state: &AppState,
    store: &Store,
    which: WhichRules,
) -> Result<StoreRateConfiguration, ApiError> {
    let board = &state.gateway.rates;
    let rates = store.settings.rates.clone().unwrap_or_default();
    let rules: Option<RuleSet> = match which {
        WhichRules::Primary => Some(rates.primary),
        WhichRules::Fallback => board.fallback(&rates),
    };
    let rules = rules.ok_or_else(|| {
        let message = "No other rules are asked when the first give no rate.";
        ApiError::not_found("fallback-disabled", message)
    })?;
    Ok(StoreRateConfiguration::of(&rules, board.usual()))
}

async fn set(
    state: &AppState,
    store: &Store,
    which: WhichRules,
    mut body: Input,
) -> Result<Json<StoreRateConfiguration>, ApiError> {
    let rules = read(&mut body, &state.gateway.rates);
    body.finish()?;
    let after = state
        .gateway
        .set_rates(store.id, which, Some(rules))
        .await?;
    show(state, &after, which).map(Json)
}
