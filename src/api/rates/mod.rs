//! What currencies cost by a store's rules, and the rules themselves (Greenfield 3.5, 4.3, 5.14).

mod dto;
pub mod handlers;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::operations::Room;

/// The room's operations.
pub fn room() -> Room {
    OpenApiRouter::new()
        .routes(routes!(handlers::rates))
        .routes(routes!(handlers::primary, handlers::set_primary))
        .routes(routes!(handlers::configuration, handlers::configure))
        .routes(routes!(handlers::preview))
}

/// Those below `/misc`.
pub fn misc() -> Room {
    OpenApiRouter::new().routes(routes!(handlers::sources))
}
