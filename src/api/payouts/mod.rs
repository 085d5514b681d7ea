//! Payouts and the processors that send them (Greenfield 3.9, 3.10).

pub mod body;
pub mod bump;
pub mod dto;
pub mod handlers;
pub mod hold;
pub mod processors;
pub mod recall;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::operations::Room;

/// The room's operations.
pub fn room() -> Room {
    OpenApiRouter::new()
        .routes(routes!(handlers::list, handlers::create))
        .routes(routes!(hold::get, hold::release))
        .routes(routes!(processors::kinds))
        .routes(routes!(processors::configured))
}

/// Those of one payout, mounted below its store too.
pub fn items() -> Room {
    OpenApiRouter::new()
        .routes(routes!(handlers::get, handlers::approve, handlers::cancel))
        .routes(routes!(handlers::mark))
        .routes(routes!(handlers::mark_paid))
        .routes(routes!(handlers::retry))
        .routes(routes!(handlers::review))
        .routes(routes!(handlers::acknowledge))
        .routes(routes!(bump::bump))
}

/// Those of one processor, mounted with and without the payout method behind it.
pub fn processor() -> Room {
    OpenApiRouter::new().routes(routes!(
        processors::get,
        processors::set,
        processors::remove
    ))
}
