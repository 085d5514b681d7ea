//! Accounts and API keys (Greenfield 3.1, 3.2).

pub mod body;
mod dto;
pub mod handlers;
pub mod profile;
pub mod user_keys;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use dto::UserData;

use super::extract::Input;
use super::operations::Room;
use super::wire;

/// The room's operations.
pub fn room() -> Room {
    OpenApiRouter::new()
        .routes(routes!(handlers::create_user))
        .routes(routes!(handlers::me, profile::update, profile::remove))
        .routes(routes!(user_keys::create))
        .routes(routes!(user_keys::remove))
        .routes(routes!(handlers::create_key))
        .routes(routes!(handlers::current_key, handlers::remove_current_key))
        .routes(routes!(handlers::remove_key))
}

/// `imageUrl`: an absolute URL; empty for none.
fn image_url(body: &mut Input) -> Option<String> {
    let url = body.text("imageUrl")?;
    if !url.is_empty() && !wire::is_absolute_url(&url) {
        body.refuse("imageUrl", "This has to be an absolute URL.");
    }
    Some(url)
}
