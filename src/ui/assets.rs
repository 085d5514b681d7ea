//! The stylesheet, the scripts and the icon, served from the binary under names that change with them.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

/// A file in the binary.
struct Asset {
    bytes: &'static [u8],
    kind: &'static str,
    /// `/assets/<hash>.<ending>`.
    url: String,
}

impl Asset {
    fn new(bytes: &'static [u8], kind: &'static str, ending: &str) -> Self {
        let hash = hex::encode(&Sha256::digest(bytes)[..8]);
        Self {
            bytes,
            kind,
            url: format!("/assets/{hash}.{ending}"),
        }
    }
}

static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    let bytes = include_bytes!("assets/tollway.css");
    Asset::new(bytes, "text/css; charset=utf-8", "css")
});
static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    let bytes = include_bytes!("assets/tollway.js");
    Asset::new(bytes, "text/javascript; charset=utf-8", "js")
});
static DOCS_SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    let bytes = include_bytes!("assets/docs.js");
    Asset::new(bytes, "text/javascript; charset=utf-8", "js")
});
static ICON: LazyLock<Asset> = LazyLock::new(|| {
    let bytes = include_bytes!("assets/tollway.svg");
    Asset::new(bytes, "image/svg+xml", "svg")
});

/// Where the stylesheet is.
pub fn style_url() -> &'static str {
    &STYLE.url
}

/// Where the script is.
pub fn script_url() -> &'static str {
    &SCRIPT.url
}

/// Where the script of the API's reference is.
pub fn docs_script_url() -> &'static str {
    &DOCS_SCRIPT.url
}

/// Where the icon is.
pub fn icon_url() -> &'static str {
    &ICON.url
}

/// `GET /assets/{name}`
pub async fn serve(Path(name): Path<String>) -> Response {
    let wanted = format!("/assets/{name}");
    let found = [&*STYLE, &*SCRIPT, &*DOCS_SCRIPT, &*ICON]
        .into_iter()
        .find(|asset| asset.url == wanted);
    match found {
        Some(asset) => (
            [
                (header::CONTENT_TYPE, asset.kind),
                (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
            ],
            asset.bytes,
        )
            .into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
