//! Forms have to come from our own pages. Those of a session carry its token; those of strangers are taken by
//! what the browser says about where they come from.

use axum::Form;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::{HeaderMap, header};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use subtle::ConstantTimeEq;

use super::error::PageError;
use super::session::SignedIn;
use crate::http::AppState;

/// A form of a signed-in person, its token checked.
pub struct Posted<T>(pub T);

/// A form of anybody, from our own pages.
pub struct Sent<T>(pub T);

/// A form that is only a button.
#[derive(Debug, Deserialize)]
pub struct Button {}

#[derive(Deserialize)]
struct Token {
    csrf: String,
}

impl<T: DeserializeOwned> FromRequest<AppState> for Posted<T> {
    type Rejection = PageError;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, PageError> {
        let (mut parts, body) = request.into_parts();
        let signed = SignedIn::from_request_parts(&mut parts, state).await?;
        let request = Request::from_parts(parts.clone(), body);
        let bytes = axum::body::Bytes::from_request(request, state)
            .await
            .map_err(|_| PageError::Unreadable)?;
        let again = || Request::from_parts(parts.clone(), axum::body::Body::from(bytes.clone()));
        let Form(token) = Form::<Token>::from_request(again(), state)
            .await
            .map_err(|_| PageError::Forged)?;
        let given = hex::decode(token.csrf).unwrap_or_default();
        if !bool::from(given.as_slice().ct_eq(&signed.session.csrf)) {
            return Err(PageError::Forged);
        }
        let Form(form) = Form::<T>::from_request(again(), state)
            .await
            .map_err(|_| PageError::Unreadable)?;
        Ok(Self(form))
    }
}

impl<T: DeserializeOwned> FromRequest<AppState> for Sent<T> {
    type Rejection = PageError;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, PageError> {
        if !is_same_origin(request.headers(), &state.gateway.base_url) {
            return Err(PageError::Forged);
        }
        let Form(form) = Form::<T>::from_request(request, state)
            .await
            .map_err(|_| PageError::Unreadable)?;
        Ok(Self(form))
    }
}

/// What the browser says: every browser of today sends one of the two headers with a form. What sends neither is no
/// browser, and carries nobody's cookies.
fn is_same_origin(headers: &HeaderMap, base_url: &str) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    if let Some(site) = text("sec-fetch-site") {
        return matches!(site, "same-origin" | "none");
    }
    let Some(origin) = text(header::ORIGIN.as_str()) else {
        return true;
    };
    let authority = origin.split_once("://").map(|(_, authority)| authority);
    origin == base_url || (authority.is_some() && authority == text(header::HOST.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_other_sites_are_refused() {
        let rows = [
            (&[][..], true),
            (&[("sec-fetch-site", "same-origin")], true),
            (&[("sec-fetch-site", "none")], true),
            (&[("sec-fetch-site", "cross-site")], false),
            (&[("sec-fetch-site", "same-site")], false),
            (&[("origin", "https://shop.example")], true),
            (&[("origin", "null")], false),
            (&[("origin", "https://evil.example")], false),
            (
                &[
                    ("origin", "http://localhost:3000"),
                    ("host", "localhost:3000"),
                ],
                true,
            ),
            (
                &[
                    ("origin", "http://localhost:3000"),
                    ("host", "localhost:4000"),
                ],
                false,
            ),
        ];
        for (sent, expected) in rows {
            let mut headers = HeaderMap::new();
            for (name, value) in sent {
                headers.insert(*name, value.parse().expect("header"));
            }
            assert_eq!(
                is_same_origin(&headers, "https://shop.example"),
                expected,
                "{sent:?}"
            );
        }
    }
}
