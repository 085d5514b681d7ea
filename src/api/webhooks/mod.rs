//! Webhooks, and the journal as a feed.

mod deliveries;
mod dto;
mod feed;
mod handlers;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::operations::Room;

/// Operations below a store.
pub fn room() -> Room {
    OpenApiRouter::new()
        .routes(routes!(handlers::list, handlers::create))
        .routes(routes!(feed::feed))
}

/// Operations on one webhook, by either of its routes.
pub fn items() -> Room {
    OpenApiRouter::new()
        .routes(routes!(handlers::get, handlers::update, handlers::remove))
        .routes(routes!(deliveries::list))
        .routes(routes!(deliveries::get))
        .routes(routes!(deliveries::request))
        .routes(routes!(deliveries::redeliver))
}
