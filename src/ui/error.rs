//! What a page answers when it has nothing else to show.

use askama::Template;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};

use super::format::for_query;
use super::page::{Frame, html};
use crate::http::TooMany;
use crate::service::Unavailable;
use crate::store::WriteError;

/// A request that ends without its page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PageError {
    /// Nothing here, or not theirs: the same answer.
    NotFound,
    /// Their role does not allow it.
    Forbidden,
    /// Sign in first, then come back to this path.
    SignIn(String),
    /// A form that did not come from our own page.
    Forged,
    /// Too often.
    TooMany,
    /// A form that can't be read.
    Unreadable,
    /// The house.
    Unavailable(String),
}

impl From<TooMany> for PageError {
    fn from(_: TooMany) -> Self {
        Self::TooMany
    }
}

impl From<Unavailable> for PageError {
    fn from(unavailable: Unavailable) -> Self {
        Self::Unavailable(unavailable.to_string())
    }
}

impl From<WriteError> for PageError {
    fn from(error: WriteError) -> Self {
        Unavailable::from(error).into()
    }
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'e> {
    frame: Frame,
    code: u16,
    text: &'e str,
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        let (status, title, text) = match &self {
            Self::SignIn(path) => {
                return Redirect::to(&format!("/login?next={}", for_query(path))).into_response();
            }
            Self::NotFound => (
                StatusCode::NOT_FOUND,
                "Nothing here",
                "There is no such page, or it is not yours.",
            ),
            Self::Forbidden => (
                StatusCode::FORBIDDEN,
                "Not for you",
                "Your role in this store does not allow this. An owner of the store can change your role.",
            ),
            Self::Forged => (
                StatusCode::FORBIDDEN,
                "Please try again",
                "This form did not come from this site, or you signed in anew since. Go back, load the page again, and send it once more.",
            ),
            Self::TooMany => (
                StatusCode::TOO_MANY_REQUESTS,
                "Too many tries",
                "That was too often from your address. Wait a minute, then try again.",
            ),
            Self::Unreadable => (
                StatusCode::BAD_REQUEST,
                "This form can't be read",
                "Something in it is missing. Go back and send it once more.",
            ),
            Self::Unavailable(why) => (
                StatusCode::SERVICE_UNAVAILABLE,
                "Not right now",
                why.as_str(),
            ),
        };
        let page = ErrorPage {
            frame: Frame::new(title),
            code: status.as_u16(),
            text,
        };
        let mut response = html(status, &page);
        if matches!(self, Self::TooMany | Self::Unavailable(_)) {
            let wait = if self == Self::TooMany { "60" } else { "5" };
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from_static(wait));
        }
        response
    }
}
