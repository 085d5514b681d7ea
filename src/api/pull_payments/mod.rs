//! Pull payments and their public side (Greenfield 3.8).

pub mod body;
mod dto;
pub mod handlers;
pub mod public;
mod recall;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::operations::Room;

/// The room's operations.
pub fn room() -> Room {
    OpenApiRouter::new()
        .routes(routes!(handlers::list, handlers::create))
        .routes(routes!(public::get))
        .routes(routes!(public::lnurl))
        .routes(routes!(public::payouts, public::claim))
        .routes(routes!(public::payout))
}

/// Those of one pull payment, mounted below its store too.
pub fn items() -> Room {
    OpenApiRouter::new().routes(routes!(handlers::archive, handlers::update))
}
