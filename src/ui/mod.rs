//! Being merged.
use crate::http::AppState;
use axum::Router;
/// Routes.
pub fn router(_: AppState) -> Router {
    Router::new()
}
