//! Pages: the checkout, the claim page and the dashboard. Rendered here, complete without a script, better with it.
//!
//! Pages call the verbs of the service and show views; templates hold no arithmetic and no status logic.

mod account;
mod assets;
mod books;
mod checkout;
mod claim;
mod consent;
mod csrf;
mod destination;
mod docs;
mod error;
mod format;
mod invoice;
mod keys;
mod list;
mod live;
mod node;
mod page;
mod payout;
mod people;
mod permission_words;
mod pull_payment;
mod qr;
mod rates;
mod rights;
mod said;
mod session;
mod store;
mod stray;
mod timeline;
mod wallet;
mod webhook;

use axum::extract::{DefaultBodyLimit, Extension, Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Router, http};
use tower_http::cors::{Any, CorsLayer};

use crate::http::{AppState, ClientAddr};

/// Everything comes from here; nothing inline runs or styles.
const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; base-uri 'none'; ";

/// All pages and what they need.
pub fn router(state: AppState) -> Router {
    let framable = Router::new()
        .route("/i/{invoice}", get(checkout::page))
        .route("/i/{invoice}/status", get(checkout::status))
        .route("/i/{invoice}/events", get(checkout::events))
        .route("/i/{invoice}/{method}", get(checkout::page_of_method))
        // Whoever has the link may look, from any page: no cookie is asked for.
        .layer(CorsLayer::new().allow_origin(Any))
        .layer(from_fn_with_state(state.clone(), counted))
        .layer(from_fn(|request: Request, next: Next| {
            secured(request, next, true)
        }));
    let strangers = strangers().layer(from_fn_with_state(state.clone(), counted));
    let alone = Router::new()
        .merge(strangers)
        .merge(dashboard())
        .fallback(async || error::PageError::NotFound)
        .method_not_allowed_fallback(async || error::PageError::NotFound)
        .layer(from_fn(|request: Request, next: Next| {
            secured(request, next, false)
        }));
    Router::new()
        .merge(framable)
        .merge(alone)
        .layer(Extension(live::Places::default()))
        .layer(DefaultBodyLimit::max(state.gateway.limits.body_bytes))
        .with_state(state)
}

fn strangers() -> Router<AppState> {
    Router::new()
        .route("/assets/{name}", get(assets::serve))
        .route("/docs", get(docs::page))
        .route("/login", get(account::login_page).post(account::login))
        .route("/logout", post(account::logout))
        .route(
            "/register",
            get(account::register_page).post(account::register),
        )
        .route(
            "/invitations/{user}/{token}",
            get(people::invitation::page).post(people::invitation::accept),
        )
        .route("/pull-payments/{id}", get(claim::page).post(claim::claim))
        .route("/pull-payments/{id}/events", get(claim::events))
}

fn dashboard() -> Router<AppState> {
    Router::new()
        .route("/", get(store::start))
        .route(
            "/api-keys/authorize",
            get(consent::page).post(consent::consent),
        )
        .route(
            "/account",
            get(account::profile::page).post(account::profile::update),
        )
        .route("/account/password", post(account::profile::password))
        .route(keys::PATH, get(keys::page).post(keys::create))
        .route("/account/api-keys/remove", post(keys::remove))
        .route("/stores", get(store::list).post(store::create))
        .merge(rules_of_a_store())
        .route("/stores/{store}", get(store::home))
        .route("/stores/{store}/events", get(store::events))
        .route("/stores/{store}/books", get(books::page))
        .route(
            "/stores/{store}/invoices",
            get(invoice::list).post(invoice::create),
        )
        .route("/stores/{store}/invoices/new", get(invoice::new_page))
        .route("/stores/{store}/invoices/{invoice}", get(invoice::one))
        .route(
            "/stores/{store}/invoices/{invoice}/mark",
            post(invoice::mark),
        )
        .route(
            "/stores/{store}/pull-payments",
            get(pull_payment::list).post(pull_payment::create),
        )
        .route(
            "/stores/{store}/pull-payments/new",
            get(pull_payment::new_page),
        )
        .route(
            "/stores/{store}/pull-payments/{pull_payment}",
            get(pull_payment::one),
        )
        .route(
            "/stores/{store}/pull-payments/{pull_payment}/archive",
            post(pull_payment::archive),
        )
        .route(
            "/stores/{store}/payouts",
            get(payout::list).post(payout::create),
        )
        .route("/stores/{store}/payouts/new", get(payout::new_page))
        .route("/stores/{store}/payouts/{payout}", get(payout::one))
        .route(
            "/stores/{store}/payouts/{payout}/approve",
            post(payout::approve),
        )
        .route("/stores/{store}/payouts/{payout}/pay", post(payout::pay))
        .route(
            "/stores/{store}/payouts/{payout}/cancel",
            post(payout::cancel),
        )
        .route(
            "/stores/{store}/payouts/{payout}/review",
            post(payout::review::review),
        )
        .route(
            "/stores/{store}/payouts/{payout}/acknowledge",
            post(payout::review::acknowledge),
        )
        .route("/stores/{store}/payouts/{payout}/bump", post(payout::bump))
        .route("/stores/{store}/wallet/release", post(node::release))
        .route("/stores/{store}/strays", get(stray::list))
        .route("/stores/{store}/strays/assign", post(stray::assign))
        .route("/stores/{store}/wallet", get(node::page))
        .route("/stores/{store}/wallet/onchain", get(wallet::page))
        .route("/stores/{store}/wallet/connect", post(wallet::connect))
        .route("/stores/{store}/wallet/own", post(wallet::own))
        .route("/stores/{store}/wallet/send", post(wallet::send))
        .route("/stores/{store}/wallet/signed", post(wallet::signed))
        .route(
            "/stores/{store}/wallet/drafts/{draft}/give-up",
            post(wallet::give_up),
        )
        .route(
            "/stores/{store}/wallet/drafts/{draft}/psbt",
            get(wallet::psbt),
        )
        .route("/stores/{store}/wallet/address", post(node::address))
        .route("/stores/{store}/wallet/channel", post(node::channel))
        .route("/stores/{store}/wallet/sender", post(node::sender))
}

/// Who may act for a store, what its rates are made of, who is told what happens.
fn rules_of_a_store() -> Router<AppState> {
    Router::new()
        .route(
            "/stores/{store}/rates",
            get(rates::page).post(rates::change),
        )
        .route(
            "/stores/{store}/people",
            get(people::page).post(people::add),
        )
        .route("/stores/{store}/people/role", post(people::set_role))
        .route("/stores/{store}/people/remove", post(people::remove))
        .route(
            "/stores/{store}/webhooks",
            get(webhook::list).post(webhook::create),
        )
        .route("/stores/{store}/webhooks/new", get(webhook::new_page))
        .route(
            "/stores/{store}/webhooks/{webhook}",
            get(webhook::one).post(webhook::update),
        )
        .route(
            "/stores/{store}/webhooks/{webhook}/delete",
            post(webhook::delete),
        )
        .route(
            "/stores/{store}/webhooks/{webhook}/deliveries/{delivery}/redeliver",
            post(webhook::redeliver),
        )
}

/// Strangers' requests are counted.
async fn counted(
    State(state): State<AppState>,
    client: ClientAddr,
    request: Request,
    next: Next,
) -> Result<Response, error::PageError> {
    state.caps.visit(client)?;
    Ok(next.run(request).await)
}

/// What every answer says about itself. A shop may show the checkout in a frame; nothing else may be framed.
async fn secured(request: Request, next: Next, framable: bool) -> Response {
    let mut response = next.run(request).await;
    let ancestors = if framable { "*" } else { "'none'" };
    // One page sends a form elsewhere: the key that somebody has just consented to.
    let target = response.extensions_mut().remove::<consent::FormTarget>();
    let target = target.map_or(String::new(), |target| format!(" {}", target.0));
    let policy = format!("{CONTENT_POLICY}form-action 'self'{target}; frame-ancestors {ancestors}");
    let policy = HeaderValue::try_from(policy);
    let headers = response.headers_mut();
    headers.extend(policy.map(|policy| (header::CONTENT_SECURITY_POLICY, policy)));
    // With `no-referrer` a browser would hide the origin of our own forms from ourselves.
    let fixed: [(HeaderName, &str); 3] = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (
            http::HeaderName::from_static("permissions-policy"),
            "camera=(), microphone=(), geolocation=()",
        ),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if !framable {
        headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    }
    // What a signed-in person saw must not come back from a shared machine's cache.
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}
