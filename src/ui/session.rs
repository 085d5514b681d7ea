//! Who is signed in, and for which store a page speaks.

use axum::extract::{FromRequestParts, MatchedPath, RawPathParams};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, header};

use super::error::PageError;
use super::rights;
use crate::domain::access::{Session, User};
use crate::domain::ids::StoreId;
use crate::domain::store::Store;
use crate::http::AppState;
use crate::store;

/// A browser stays signed in so long, in seconds; the session itself ends no later.
const COOKIE_SECS: u64 = 14 * 86_400;

/// A person with a session.
#[derive(Clone)]
pub struct SignedIn {
    /// Who.
    pub user: User,
    /// Their session.
    pub session: Session,
}

impl SignedIn {
    /// What forms carry back.
    pub fn csrf(&self) -> String {
        hex::encode(self.session.csrf)
    }
}

impl FromRequestParts<AppState> for SignedIn {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, PageError> {
        if let Some(known) = parts.extensions.get::<Self>() {
            return Ok(known.clone());
        }
        let found = match token(&parts.headers, &state.gateway.base_url) {
            Some(token) => state.gateway.session(&token).await,
            None => None,
        };
        let Some((user, session)) = found else {
            let back = if parts.method == Method::GET {
                let path = parts.uri.path_and_query();
                path.map_or("/", |path| path.as_str()).to_owned()
            } else {
                "/".to_owned()
            };
            return Err(PageError::SignIn(back));
        };
        let signed = Self { user, session };
        parts.extensions.insert(signed.clone());
        Ok(signed)
    }
}

/// A page of a store, and somebody whose role there allows it. A store that they don't belong to does not exist.
#[derive(Clone)]
pub struct Shop {
    /// Who.
    pub signed: SignedIn,
    /// The store.
    pub store: Store,
}

impl Shop {
    /// Whether the reader may do this here.
    pub fn may(&self, permission: &str) -> bool {
        self.store.allows(self.signed.user.id, permission)
    }

    /// Refuses who may not do this here.
    pub fn check(&self, permission: &str) -> Result<(), PageError> {
        if self.may(permission) {
            Ok(())
        } else {
            Err(PageError::Forbidden)
        }
    }
}

impl FromRequestParts<AppState> for Shop {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, PageError> {
        let signed = SignedIn::from_request_parts(parts, state).await?;
        let path = RawPathParams::from_request_parts(parts, state)
            .await
            .map_err(|_| PageError::NotFound)?;
        let id: StoreId = path
            .iter()
            .find(|(name, _)| *name == "store")
            .and_then(|(_, value)| value.parse().ok())
            .ok_or(PageError::NotFound)?;
        let store = state
            .gateway
            .store
            .read(move |rows| store::settings::get(rows, id))
            .await
            .filter(|store| store.role_of(signed.user.id).is_some())
            .ok_or(PageError::NotFound)?;
        let route = parts.extensions.get::<MatchedPath>();
        let right = rights::needed(route.map_or("", MatchedPath::as_str), &parts.method);
        let shop = Self { signed, store };
        shop.check(right)?;
        Ok(shop)
    }
}

/// The token in the cookie.
pub fn token(headers: &HeaderMap, base_url: &str) -> Option<String> {
    let name = cookie_name(base_url);
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value.to_owned())
}

/// The cookie that signs in.
pub fn cookie(token: &str, base_url: &str) -> HeaderValue {
    line(token, COOKIE_SECS, base_url)
}

/// The cookie that signs out.
pub fn no_cookie(base_url: &str) -> HeaderValue {
    line("", 0, base_url)
}

fn line(value: &str, secs: u64, base_url: &str) -> HeaderValue {
    let secure = if is_https(base_url) { "; Secure" } else { "" };
    let name = cookie_name(base_url);
    let line = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={secs}{secure}");
    HeaderValue::try_from(line).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// Browsers share cookies between the ports of a host: two gateways on one machine would sign each other out. On
/// https the name itself forbids that another host sets it.
fn cookie_name(base_url: &str) -> String {
    if is_https(base_url) {
        return "__Host-tollway".to_owned();
    }
    let port = base_url
        .rsplit_once(':')
        .map(|(_, port)| port)
        .filter(|port| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()));
    format!("tollway_{}", port.unwrap_or("80"))
}

fn is_https(base_url: &str) -> bool {
    base_url.starts_with("https://")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_comes_back_and_only_its_own() {
        for base in [
            "https://shop.example",
            "http://127.0.0.1:3000",
            "http://shop.onion",
        ] {
            let set = cookie("abc", base);
            let set = set.to_str().expect("text");
            assert!(set.contains("HttpOnly; SameSite=Lax"), "{set}");
            assert_eq!(set.contains("Secure"), base.starts_with("https"), "{set}");
            let pair = set.split(';').next().expect("a pair");
            let mut headers = HeaderMap::new();
            let sent = format!("tollway_1=other; {pair}; x=y");
            headers.insert(header::COOKIE, HeaderValue::try_from(sent).expect("header"));
            assert_eq!(token(&headers, base).as_deref(), Some("abc"));
            assert_eq!(token(&headers, "http://127.0.0.1:4000"), None);
        }
    }
}
