//! What the three HTTP floors (api, lnurl, ui) share: the state handlers get, and the caps on clients.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::Arc;

use axum::Json;
use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::http::header::HOST;
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::Limits;
use crate::service::Gateway;

/// What every handler gets.
#[derive(Clone)]
pub struct AppState {
    /// The verbs.
    pub gateway: Arc<Gateway>,
    /// The caps.
    pub caps: Arc<Caps>,
}

/// Caps on what one client address may do. A whole minute's worth may come at once.
pub struct Caps {
    logins: DefaultKeyedRateLimiter<IpAddr>,
    strangers: DefaultKeyedRateLimiter<IpAddr>,
    accounts: DefaultKeyedRateLimiter<IpAddr>,
    visits: DefaultKeyedRateLimiter<IpAddr>,
    feeds: Arc<Semaphore>,
}

/// Too many from this address; try again in a minute at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMany;

/// Addresses remembered before those at rest are forgotten.
const ADDRESSES_MAX: usize = 10_000;

/// Event streams of the API open at once. Each may hold what one fact tells in memory, for a client that doesn't read.
const FEEDS_MAX: usize = 256;

impl Caps {
    /// Caps as configured.
    pub fn new(limits: &Limits) -> Self {
        let per_minute = |count: u32| {
            RateLimiter::keyed(Quota::per_minute(
                NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN),
            ))
        };
        Self {
            logins: per_minute(limits.logins_per_minute),
            strangers: per_minute(limits.stranger_actions_per_minute),
            accounts: per_minute(limits.accounts_per_minute),
            visits: per_minute(limits.stranger_requests_per_minute),
            feeds: Arc::new(Semaphore::new(FEEDS_MAX)),
        }
    }

    /// Counts an attempt to sign in.
    pub fn login(&self, client: ClientAddr) -> Result<(), TooMany> {
        count(&self.logins, client)
    }

    /// Counts an account that a stranger asks for (Greenfield 1.6).
    pub fn account(&self, client: ClientAddr) -> Result<(), TooMany> {
        count(&self.accounts, client)
    }

    /// Counts a request of a stranger, whatever it is.
    pub fn visit(&self, client: ClientAddr) -> Result<(), TooMany> {
        count(&self.visits, client)
    }

    /// A place for an event stream, as long as it is held; `None` if all are taken.
    pub fn feed(&self) -> Option<OwnedSemaphorePermit> {
        self.feeds.clone().try_acquire_owned().ok()
    }

    /// Counts something that a stranger starts.
    pub fn stranger(&self, client: ClientAddr) -> Result<(), TooMany> {
        count(&self.strangers, client)
    }
}

fn count(limiter: &DefaultKeyedRateLimiter<IpAddr>, client: ClientAddr) -> Result<(), TooMany> {
    if limiter.len() > ADDRESSES_MAX {
        limiter.retain_recent();
    }
    limiter.check_key(&client.0).map_err(|_| TooMany)
}

/// The longest path and query.
const TARGET_BYTES_MAX: usize = 16 * 1_024;

/// The most that all headers of a request may have together.
const HEADER_BYTES_MAX: usize = 32 * 1_024;

/// Requests with an address or headers beyond any use are refused before anybody reads them.
pub async fn bounded(request: Request, next: Next) -> Response {
    let target = request.uri().path_and_query();
    if target.is_some_and(|target| target.as_str().len() > TARGET_BYTES_MAX) {
        return too_long(StatusCode::URI_TOO_LONG, "The address is too long.");
    }
    let headers = request.headers().iter();
    let bytes: usize = headers
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum();
    if bytes > HEADER_BYTES_MAX {
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        return too_long(status, "The headers are too long.");
    }
    next.run(request).await
}

fn too_long(status: StatusCode, message: &str) -> Response {
    let body = serde_json::json!({"code": "generic-error", "message": message});
    (status, Json(body)).into_response()
}

/// The header in which a proxy appends the address it was called from.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// Behind proxies that the operator trusts, the client is the last address in `X-Forwarded-For` that is none of them.
/// What anybody else writes there is not believed.
pub async fn see_through_proxies(
    State(trusted): State<Arc<[IpAddr]>>,
    mut request: Request,
    next: Next,
) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    if let Some(ConnectInfo(peer)) = peer.filter(|peer| trusted.contains(&peer.0.ip())).copied() {
        let client = request
            .headers()
            .get_all(FORWARDED_FOR)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .filter_map(|hop| hop.trim().parse::<IpAddr>().ok())
            .rfind(|hop| !trusted.contains(hop));
        if let Some(client) = client {
            let seen = ConnectInfo(SocketAddr::new(client, peer.port()));
            request.extensions_mut().insert(seen);
        }
    }
    next.run(request).await
}

/// Whether a request to a loopback address comes from this machine (D45): no proxy has added anything, and it was sent to
/// a name of this machine. A name of others that leads here is a page in a browser that was led here.
pub fn comes_from_here(headers: &HeaderMap) -> bool {
    const ADDED: [&str; 5] = [
        "forwarded",
        "via",
        FORWARDED_FOR,
        "x-forwarded-host",
        "x-real-ip",
    ];
    let proxied = ADDED.iter().any(|name| headers.contains_key(*name));
    let named = headers.get(HOST).is_none_or(|host| {
        let host = host.to_str().ok().and_then(|host| host.parse().ok());
        host.is_some_and(|host: Authority| is_loopback(host.host()))
    });
    named && !proxied
}

fn is_loopback(host: &str) -> bool {
    let ip = host.trim_start_matches('[').trim_end_matches(']').parse();
    host.eq_ignore_ascii_case("localhost") || ip.is_ok_and(|ip: IpAddr| ip.is_loopback())
}

/// The address a request came from: an IPv6 client is its /64, which one machine has to itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddr(pub IpAddr);

impl<S: Sync> FromRequestParts<S> for ClientAddr {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let peer = parts
            .extensions
            .get::<ConnectInfo<SocketAddr>>()
            .map_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED), |info| info.0.ip());
        Ok(Self::of(peer))
    }
}

impl ClientAddr {
    /// Whose an address is.
    pub fn of(peer: IpAddr) -> Self {
        Self(match peer {
            IpAddr::V4(v4) => IpAddr::V4(v4),
            IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
                Some(v4) => IpAddr::V4(v4),
                None => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64))),
            },
        })
    }
}
