//! The node: its channels, invoices and payments (Greenfield 3.12, 5.18). The server's own view, and a store's.

pub mod body;
mod dto;
pub mod handlers;
mod path;
pub mod payments;
mod recall;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::operations::Room;

/// The operations of a view of the node; mounted for the server and for each store.
pub fn view() -> Room {
    OpenApiRouter::new()
        .routes(routes!(handlers::info))
        .routes(routes!(handlers::balance))
        .routes(routes!(handlers::histogram))
        .routes(routes!(handlers::connect))
        .routes(routes!(handlers::channels, handlers::open_channel))
        .routes(routes!(handlers::address))
        .routes(routes!(handlers::invoices, handlers::create_invoice))
        .routes(routes!(handlers::invoice))
        .routes(routes!(payments::pay))
        .routes(routes!(payments::list))
        .routes(routes!(payments::get))
        .routes(routes!(payments::review))
}
