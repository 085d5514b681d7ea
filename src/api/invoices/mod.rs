//! Invoices (Greenfield 3.6).

pub mod body;
pub mod dto;
pub mod handlers;
mod list;
mod methods;
pub mod recall;
mod request;

pub use dto::InvoiceData;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::operations::Room;

/// The room's operations.
pub fn room() -> Room {
    OpenApiRouter::new().routes(routes!(handlers::list, handlers::create))
}

/// Those of one invoice, mounted below its store too.
pub fn items() -> Room {
    OpenApiRouter::new()
        .routes(routes!(handlers::get, handlers::update, handlers::archive))
        .routes(routes!(handlers::payment_methods))
        .routes(routes!(handlers::activate))
        .routes(routes!(handlers::unarchive))
        .routes(routes!(handlers::mark))
}
