//! LNURL: what wallets talk to. Every answer is HTTP 200 with JSON (LUD-01), also for what goes wrong.

pub mod encode;
mod withdraw;

use axum::Router;
use axum::http::HeaderValue;
use axum::http::header::CACHE_CONTROL;
use axum::routing::{any, get};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{Any, CorsLayer};
use tower_http::set_header::SetResponseHeaderLayer;

use crate::http::AppState;

/// The LNURL routes, at the paths that `BTCPay` Server uses.
pub fn router(state: AppState) -> Router {
    let withdraw = get(withdraw::withdraw).fallback(withdraw::wrong_method);
    Router::new()
        .route("/BTC/UILNURL/withdraw/pp/{id}", withdraw.clone())
        .route("/BTC/lnurl/withdraw/pp/{id}", withdraw)
        .route("/BTC/UILNURL/{*rest}", any(withdraw::no_link))
        .route("/BTC/lnurl/{*rest}", any(withdraw::no_link))
        .layer(CatchPanicLayer::custom(withdraw::failed))
        .layer(CorsLayer::new().allow_origin(Any))
        .layer(SetResponseHeaderLayer::overriding(
            CACHE_CONTROL,
            HeaderValue::from_static("no-store"),
        ))
        .with_state(state)
}
