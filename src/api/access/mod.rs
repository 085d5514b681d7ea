//! Accounts and API keys (Greenfield 3.1, 3.2).

mod dto;
pub mod handlers;
pub mod profile;
pub mod user_keys;

pub(super) use dto::UserData;

use super::extract::Input;
use super::wire;

/// `imageUrl`: an absolute URL; empty for none.
fn image_url(body: &mut Input) -> Option<String> {
    let url = body.text("imageUrl")?;
    if !url.is_empty() && !wire::is_absolute_url(&url) {
        body.refuse("imageUrl", "This has to be an absolute URL.");
    }
    Some(url)
}
