//! Which path is which operation.

use axum::Router;
use axum::extract::Request;
use axum::http::Uri;
use axum::http::header::RETRY_AFTER;
use axum::http::uri::PathAndQuery;
use axum::response::IntoResponse;
use axum::routing::{any, delete, get, post, put};
use tower::ServiceBuilder;
use tower::util::MapRequestLayer;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{AllowHeaders, Any, CorsLayer};

use super::error::ApiError;
use super::{
    access, books, invoices, lightning, payouts, pull_payments, server, stores, strays, webhooks,
};
use crate::http::AppState;

/// The written forms of `/api` that are known; below them case does not matter.
const ROOTS: [&str; 3] = ["/api", "/API", "/Api"];

/// Words of paths. In an address they may stand in any case; everything else is an id and stays as it is.
const WORDS: &[&str] = &[
    "acknowledge",
    "address",
    "api-keys",
    "assign",
    "audit",
    "balance",
    "balances",
    "bump",
    "channels",
    "connect",
    "current",
    "deliveries",
    "events",
    "health",
    "info",
    "invoices",
    "lightning",
    "lightningnetwork",
    "lnurl",
    "lnurlpay",
    "mark",
    "mark-paid",
    "me",
    "pay",
    "payment-methods",
    "payments",
    "payout-processors",
    "payouts",
    "pull-payments",
    "rates",
    "redeliver",
    "request",
    "retry",
    "review",
    "roles",
    "server",
    "status",
    "stores",
    "strays",
    "unarchive",
    "users",
    "v1",
    "wallet-hold",
    "webhooks",
];

/// The API under `/api`, and `/misc/permissions`. Every answer is JSON, also for paths and methods that don't exist.
pub fn router(state: AppState) -> Router {
    let cors = CorsLayer::new()
        .allow_origin(Any)
        .allow_methods(Any)
        // `*` would not cover Authorization.
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers([RETRY_AFTER]);
    let operations = Router::new()
        .merge(accounts())
        .merge(store_rooms())
        .merge(items("/v1"))
        .merge(items("/v1/stores/{store}"))
        .merge(public_pull_payments())
        .merge(node("/v1/server/lightning/{crypto}"))
        .merge(node("/v1/stores/{store}/lightning/{crypto}"))
        .fallback(|| async { ApiError::no_route() })
        .method_not_allowed_fallback(|| async { ApiError::no_method() })
        .layer(CatchPanicLayer::custom(|_| {
            ApiError::panicked().into_response()
        }))
        .layer(cors.clone())
        .with_state(state);
    // Paths are made plain before they are routed.
    let plain = ServiceBuilder::new()
        .layer(MapRequestLayer::new(plain_path))
        .service(operations);
    let misc = Router::new()
        .route("/misc/permissions", get(server::permissions))
        .layer(cors);
    ROOTS.into_iter().fold(misc, |router, root| {
        router.nest_service(root, plain.clone())
    })
}

fn accounts() -> Router<AppState> {
    use access::handlers::{
        create_key, create_user, current_key, me, remove_current_key, remove_key,
    };
    use access::{profile, user_keys};
    Router::new()
        .route("/v1/health", get(server::health))
        .route("/v1/server/info", get(server::info))
        .route("/v1/server/audit", get(books::audit))
        .route("/v1/server/strays", get(strays::list_of_house))
        .route(
            "/v1/server/strays/{payment}/assign",
            post(strays::assign_of_house),
        )
        .route("/v1/users", post(create_user))
        .route(
            "/v1/users/me",
            get(me).put(profile::update).delete(profile::remove),
        )
        .route("/v1/users/{user}/api-keys", post(user_keys::create))
        .route(
            "/v1/users/{user}/api-keys/{apikey}",
            delete(user_keys::remove),
        )
        .route("/v1/server/roles", get(stores::people::server_roles))
        .route("/v1/api-keys", post(create_key))
        .route(
            "/v1/api-keys/current",
            get(current_key).delete(remove_current_key),
        )
        .route("/v1/api-keys/{apikey}", delete(remove_key))
        .route("/v1/payout-processors", get(payouts::processors::kinds))
}

fn store_rooms() -> Router<AppState> {
    use payouts::processors;
    use stores::{handlers, offers, people};
    let store = |rest: &str| format!("/v1/stores/{{store}}{rest}");
    let processor = get(processors::get)
        .put(processors::set)
        .delete(processors::remove);
    Router::new()
        .route("/v1/stores", get(handlers::list).post(handlers::create))
        .route(
            &store(""),
            get(handlers::get)
                .put(handlers::update)
                .delete(handlers::remove),
        )
        .route(&store("/payment-methods"), get(offers::payment_methods))
        .route(
            &store("/payment-methods/{method}"),
            get(offers::payment_method),
        )
        .route(
            &store("/payment-methods/lightningnetwork/{*rest}"),
            any(offers::gone),
        )
        .route(
            &store("/payment-methods/lnurlpay/{*rest}"),
            any(offers::gone),
        )
        .route(&store("/users"), get(people::list).post(people::add))
        .route(
            &store("/users/{user}"),
            put(people::update).delete(people::remove),
        )
        .route(&store("/roles"), get(people::roles))
        .route(&store("/rates"), get(offers::rates))
        .route(&store("/balances"), get(books::balances))
        .route(
            &store("/invoices"),
            get(invoices::handlers::list).post(invoices::handlers::create),
        )
        .route(
            &store("/webhooks"),
            get(webhooks::handlers::list).post(webhooks::handlers::create),
        )
        .route(&store("/events"), get(webhooks::feed::feed))
        .route(&store("/strays"), get(strays::list))
        .route(&store("/strays/{payment}/assign"), post(strays::assign))
        .route(
            &store("/pull-payments"),
            get(pull_payments::handlers::list).post(pull_payments::handlers::create),
        )
        .route(
            &store("/payouts"),
            get(payouts::handlers::list).post(payouts::handlers::create),
        )
        .route(
            &store("/wallet-hold"),
            get(payouts::hold::get).delete(payouts::hold::release),
        )
        .route(&store("/payout-processors"), get(processors::configured))
        .route(&store("/payout-processors/{factory}"), processor.clone())
        .route(&store("/payout-processors/{factory}/{method}"), processor)
}

/// Items with two routes each: on their own, and below their store (1.9).
fn items(root: &str) -> Router<AppState> {
    use invoices::handlers as invoice;
    use payouts::handlers as payout;
    let path = |rest: &str| format!("{root}{rest}");
    Router::new()
        .route(
            &path("/invoices/{id}"),
            get(invoice::get)
                .put(invoice::update)
                .delete(invoice::archive),
        )
        .route(&path("/invoices/{id}/unarchive"), post(invoice::unarchive))
        .route(&path("/invoices/{id}/status"), post(invoice::mark))
        .route(
            &path("/invoices/{id}/payment-methods"),
            get(invoice::payment_methods),
        )
        .route(
            &path("/pull-payments/{id}"),
            delete(pull_payments::handlers::archive),
        )
        .route(
            &path("/payouts/{id}"),
            get(payout::get)
                .post(payout::approve)
                .delete(payout::cancel),
        )
        .route(&path("/payouts/{id}/mark"), post(payout::mark))
        .route(&path("/payouts/{id}/mark-paid"), post(payout::mark_paid))
        .route(&path("/payouts/{id}/retry"), post(payout::retry))
        .route(&path("/payouts/{id}/review"), post(payout::review))
        .route(
            &path("/payouts/{id}/acknowledge"),
            post(payout::acknowledge),
        )
        .route(&path("/payouts/{id}/bump"), post(payouts::bump::bump))
        .route(
            &path("/webhooks/{id}"),
            get(webhooks::handlers::get)
                .put(webhooks::handlers::update)
                .delete(webhooks::handlers::remove),
        )
        .route(
            &path("/webhooks/{id}/deliveries"),
            get(webhooks::deliveries::list),
        )
        .route(
            &path("/webhooks/{id}/deliveries/{delivery}"),
            get(webhooks::deliveries::get),
        )
        .route(
            &path("/webhooks/{id}/deliveries/{delivery}/request"),
            get(webhooks::deliveries::request),
        )
        .route(
            &path("/webhooks/{id}/deliveries/{delivery}/redeliver"),
            post(webhooks::deliveries::redeliver),
        )
}

fn public_pull_payments() -> Router<AppState> {
    use pull_payments::public;
    Router::new()
        .route("/v1/pull-payments/{id}", get(public::get))
        .route("/v1/pull-payments/{id}/lnurl", get(public::lnurl))
        .route(
            "/v1/pull-payments/{id}/payouts",
            get(public::payouts).post(public::claim),
        )
        .route(
            "/v1/pull-payments/{id}/payouts/{payout}",
            get(public::payout),
        )
}

fn node(root: &str) -> Router<AppState> {
    use lightning::{handlers, payments};
    let path = |rest: &str| format!("{root}{rest}");
    Router::new()
        .route(&path("/info"), get(handlers::info))
        .route(&path("/balance"), get(handlers::balance))
        .route(&path("/connect"), post(handlers::connect))
        .route(
            &path("/channels"),
            get(handlers::channels).post(handlers::open_channel),
        )
        .route(&path("/address"), post(handlers::address))
        .route(
            &path("/invoices"),
            get(handlers::invoices).post(handlers::create_invoice),
        )
        .route(&path("/invoices/pay"), post(payments::pay))
        .route(&path("/invoices/{hash}"), get(handlers::invoice))
        .route(&path("/payments"), get(payments::list))
        .route(&path("/payments/{hash}"), get(payments::get))
        .route(&path("/payments/{hash}/review"), post(payments::review))
}

/// Words in lower case, no slash at the end.
fn plain_path(mut request: Request) -> Request {
    let uri = request.uri();
    let path: String = uri
        .path()
        .trim_end_matches('/')
        .split('/')
        .map(|part| {
            let word = WORDS.iter().find(|word| word.eq_ignore_ascii_case(part));
            word.copied().unwrap_or(part)
        })
        .collect::<Vec<_>>()
        .join("/");
    let path = if path.is_empty() { "/" } else { &path };
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

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    #[test]
    fn words_are_lower_case_and_ids_stay_as_they_are() {
        let rows = [
            ("/V1/Stores/AbC/Invoices/", "/v1/stores/AbC/invoices"),
            ("/v1/PULL-payments/XyZ?a=B", "/v1/pull-payments/XyZ?a=B"),
            ("/", "/"),
            ("/v1//", "/v1"),
        ];
        for (given, expected) in rows {
            let request = Request::builder()
                .uri(given)
                .body(Body::empty())
                .expect("request");
            assert_eq!(plain_path(request).uri().to_string(), expected);
        }
    }
}
