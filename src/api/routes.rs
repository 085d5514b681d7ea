//! Which path is which operation: the rooms of the API, put together.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::Uri;
use axum::http::header::RETRY_AFTER;
use axum::http::uri::PathAndQuery;
use axum::middleware::from_fn_with_state;
use axum::response::IntoResponse;
use tower::ServiceBuilder;
use tower::util::MapRequestLayer;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{AllowHeaders, Any, CorsLayer};
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use super::document;
use super::error::ApiError;
use super::once;
use super::operations::{Operations, Room, renamed, with_rights};
use super::paths::Templates;
use super::{
    access, books, invoices, lightning, payouts, pull_payments, rates, server, stores, strays,
    wallet, webhooks,
};
use crate::http::AppState;

/// The written forms of `/api` that are known; below them case does not matter.
const ROOTS: [&str; 3] = ["/api", "/API", "/Api"];

/// The same of what is beside it.
const MISC_ROOTS: [&str; 3] = ["/misc", "/MISC", "/Misc"];

/// Everything below `/api`.
fn rooms() -> Room {
    OpenApiRouter::new()
        .merge(server::room())
        .merge(books::room())
        .merge(strays::room())
        .merge(access::room())
        .merge(stores::room())
        .merge(rates::room())
        .merge(invoices::room())
        .merge(pull_payments::room())
        .merge(payouts::room())
        .merge(webhooks::room())
        .merge(twice(
            ("/v1", ""),
            ("/v1/stores/{store}", "InStore"),
            || {
                invoices::items()
                    .merge(pull_payments::items())
                    .merge(payouts::items())
                    .merge(webhooks::items())
            },
        ))
        .merge(twice(
            ("/v1/stores/{store}/payout-processors/{factory}", ""),
            (
                "/v1/stores/{store}/payout-processors/{factory}/{method}",
                "ForMethod",
            ),
            payouts::processor,
        ))
        .merge(twice(
            ("/v1/stores/{store}/payment-methods/{method}", ""),
            (
                "/v1/stores/{store}/payment-methods/onchain/{method}",
                "Onchain",
            ),
            stores::method,
        ))
        .merge(wallet::room())
        .merge(node(
            "/v1/server/lightning/{crypto}",
            "Internal",
            "btcpay.server.",
        ))
        .merge(node(
            "/v1/stores/{store}/lightning/{crypto}",
            "Store",
            "btcpay.store.",
        ))
}

/// Everything outside of it.
fn misc_rooms() -> Room {
    server::misc().merge(rates::misc())
}

/// A room below two paths; each has its own end of the operations' names.
fn twice(first: (&str, &str), second: (&str, &str), room: impl Fn() -> Room) -> Room {
    [first, second]
        .into_iter()
        .fold(OpenApiRouter::new(), |all, (path, end)| {
            all.nest(path, renamed(room(), |name| format!("{name}{end}")))
        })
}

/// A view of the node, with the rights it needs there.
fn node(path: &str, whose: &str, rights: &str) -> Room {
    let room = renamed(lightning::view(), |name| {
        format!("{whose}LightningNodeApi_{name}")
    });
    OpenApiRouter::new().nest(path, with_rights(room, rights))
}

/// What all operations say of themselves. Those below `/api` stand here without it.
pub(super) fn declared() -> OpenApi {
    rooms()
        .merge(misc_rooms())
        .merge(document::room())
        .into_openapi()
}

/// All operations.
pub fn operations() -> Operations {
    Operations::of(&declared())
}

/// The API under `/api`, and what is beside it. Every answer is JSON, also for paths and methods that don't exist.
pub fn router(state: AppState) -> Router {
    let cors = CorsLayer::new()
        .allow_origin(Any)
        .allow_methods(Any)
        // `*` would not cover Authorization.
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers([RETRY_AFTER]);
    let (operations, declared) = rooms().split_for_parts();
    let operations = operations
        .fallback(|| async { ApiError::no_route() })
        .method_not_allowed_fallback(|| async { ApiError::no_method() })
        .layer(from_fn_with_state(state.clone(), once::remember))
        .layer(marked(&declared, &ROOTS))
        .layer(CatchPanicLayer::custom(|_| {
            ApiError::panicked().into_response()
        }))
        .layer(cors.clone())
        .with_state(state.clone());
    let paths = declared.paths.paths.keys().map(String::as_str);
    let templates = Arc::new(Templates::of(paths.chain(stores::GONE)));
    // Paths are made plain before they are routed.
    let plain = ServiceBuilder::new()
        .layer(MapRequestLayer::new(move |request| {
            plain_path(&templates, request)
        }))
        .service(operations);
    let (misc, declared) = misc_rooms().split_for_parts();
    let misc = misc
        .fallback(|| async { ApiError::no_route() })
        .method_not_allowed_fallback(|| async { ApiError::no_method() })
        .layer(marked(&declared, &MISC_ROOTS))
        .layer(cors.clone())
        .with_state(state.clone());
    let templates = Arc::new(Templates::of(
        declared.paths.paths.keys().map(String::as_str),
    ));
    let misc = ServiceBuilder::new()
        .layer(MapRequestLayer::new(move |request| {
            plain_path(&templates, below_misc(request))
        }))
        .service(misc);
    let document = Router::from(document::room()).layer(cors).with_state(state);
    let router = MISC_ROOTS.into_iter().fold(document, |router, root| {
        router.nest_service(root, misc.clone())
    });
    ROOTS.into_iter().fold(router, |router, root| {
        router.nest_service(root, plain.clone())
    })
}

/// Notes on each request who may do what it asks.
fn marked(
    declared: &OpenApi,
    roots: &'static [&'static str],
) -> MapRequestLayer<impl Fn(Request) -> Request + Clone + Send + Sync + 'static> {
    let operations = Arc::new(Operations::of(declared));
    MapRequestLayer::new(move |mut request: Request| {
        operations.mark(roots, &mut request);
        request
    })
}

/// A path below one of its roots, with the root again.
fn below_misc(mut request: Request) -> Request {
    let whole = format!("/misc{}", request.uri());
    if let Ok(uri) = whole.parse() {
        *request.uri_mut() = uri;
    }
    request
}

/// Words in lower case, no slash at the end.
fn plain_path(templates: &Templates, mut request: Request) -> Request {
    let uri = request.uri();
    let path = templates.plain(&wallet::newer_path(uri.path()));
    let query = uri.query().map(|query| format!("?{query}"));
    let plain = format!("{path}{}", query.unwrap_or_default());
    let mut parts = uri.clone().into_parts();
    // What came in as a URI stays one: only letters changed their case.
    if let Ok(path_and_query) = PathAndQuery::try_from(plain) {
        parts.path_and_query = Some(path_and_query);
        if let Ok(uri) = Uri::from_parts(parts) {
            *request.uri_mut() = uri;
        }
    }
    request
}
