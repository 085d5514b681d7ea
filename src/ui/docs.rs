//! The API's reference, to read and to try: made from the document, whole without a script.

mod view;

use std::sync::LazyLock;

use askama::Template;
use axum::response::{Html, IntoResponse, Response};

use super::assets;
use super::page::{self, Frame};
use crate::api::document::document;
use view::{Group, SchemaView};

#[derive(Template)]
#[template(path = "docs.html")]
struct Docs {
    frame: Frame,
    script: &'static str,
    about: Vec<String>,
    version: String,
    count: usize,
    groups: Vec<Group>,
    schemas: Vec<SchemaView>,
}

/// The page is the same for everybody, as long as the process runs.
static PAGE: LazyLock<Option<String>> = LazyLock::new(|| {
    let document = document();
    let groups = view::groups(document);
    let about = document["info"]["description"].as_str().unwrap_or_default();
    Docs {
        frame: Frame::new("API"),
        script: assets::docs_script_url(),
        about: about.split("\n\n").map(str::to_owned).collect(),
        version: document["info"]["version"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
        count: groups.iter().map(|group| group.operations.len()).sum(),
        groups,
        schemas: view::schemas(document),
    }
    .render()
    .ok()
});

/// `GET /docs`
pub async fn page() -> Response {
    match &*PAGE {
        Some(text) => Html(text.as_str()).into_response(),
        None => page::broken(),
    }
}
