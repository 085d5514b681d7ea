//! Stores and what they offer (Greenfield 3.3, 3.4).

pub mod body;
mod dto;
pub mod handlers;
pub mod methods;
pub mod offers;
pub mod people;

use axum::routing::any;
pub(super) use dto::{kept_setting, redacts_public_payouts};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::operations::Room;

/// Paths of an older version, below a store.
pub(super) const GONE: [&str; 2] = [
    "/v1/stores/{store}/payment-methods/lightningnetwork/{*rest}",
    "/v1/stores/{store}/payment-methods/lnurlpay/{*rest}",
];

/// The room's operations.
pub fn room() -> Room {
    let room = OpenApiRouter::new()
        .routes(routes!(handlers::list, handlers::create))
        .routes(routes!(handlers::get, handlers::update, handlers::remove))
        .routes(routes!(methods::list))
        .routes(routes!(people::list, people::add))
        .routes(routes!(people::update, people::remove))
        .routes(routes!(people::roles))
        .routes(routes!(people::server_roles));
    GONE.into_iter()
        .fold(room, |room, path| room.route(path, any(offers::gone)))
}

/// Those of one payment method, mounted at its older path too.
pub fn method() -> Room {
    OpenApiRouter::new().routes(routes!(methods::get, methods::set, methods::remove))
}
