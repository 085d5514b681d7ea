//! Accounts and API keys (Greenfield 3.1, 3.2).

mod dto;
pub mod handlers;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::operations::Room;

/// The room's operations.
pub fn room() -> Room {
    OpenApiRouter::new()
        .routes(routes!(handlers::create_user))
        .routes(routes!(handlers::me))
        .routes(routes!(handlers::create_key))
        .routes(routes!(handlers::current_key, handlers::remove_current_key))
        .routes(routes!(handlers::remove_key))
}
