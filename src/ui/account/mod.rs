//! Signing in and out, and the first account.

pub mod profile;

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use serde::Deserialize;
use subtle::ConstantTimeEq;

use super::csrf::{Button, Posted, Sent};
use super::error::PageError;
use super::list::Queried;
use super::page::{Frame, html, ok};
use super::session;
use crate::domain::access::User;
use crate::http::{AppState, ClientAddr, comes_from_here};
use crate::service::access::{NewUser, UserRefusal};

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage<'p> {
    frame: Frame,
    email: &'p str,
    next: &'p str,
    error: Option<&'p str>,
}

#[derive(Template)]
#[template(path = "register.html")]
struct RegisterPage<'p> {
    frame: Frame,
    email: &'p str,
    asks_token: bool,
    error: Option<&'p str>,
}

/// Where to go after signing in.
#[derive(Debug, Default, Deserialize)]
pub struct Next {
    /// A path of ours.
    next: Option<String>,
}

/// The sign-in form.
#[derive(Deserialize)]
pub struct LoginForm {
    email: String,
    password: String,
    #[serde(default)]
    next: String,
}

/// The form of the first account.
#[derive(Deserialize)]
pub struct RegisterForm {
    email: String,
    password: String,
    #[serde(default)]
    token: String,
}

/// `GET /login`
pub async fn login_page(State(state): State<AppState>, query: Queried<Next>) -> Response {
    if !state.gateway.has_admin().await {
        return Redirect::to("/register").into_response();
    }
    let next = query
        .map(|query| query.0)
        .unwrap_or_default()
        .next
        .unwrap_or_default();
    ok(&LoginPage {
        frame: Frame::new("Sign in"),
        email: "",
        next: own_path(&next),
        error: None,
    })
}

/// `POST /login`
pub async fn login(
    State(state): State<AppState>,
    client: ClientAddr,
    headers: HeaderMap,
    Sent(form): Sent<LoginForm>,
) -> Result<Response, PageError> {
    state.caps.login(client)?;
    let user = state
        .gateway
        .check_password(&form.email, form.password)
        .await;
    match user {
        Some(user) => enter(&state, &headers, &user, own_path(&form.next)).await,
        None => Ok(html(
            StatusCode::UNPROCESSABLE_ENTITY,
            &LoginPage {
                frame: Frame::new("Sign in"),
                email: &form.email,
                next: own_path(&form.next),
                error: Some("E-mail or password is wrong."),
            },
        )),
    }
}

/// `POST /logout`
pub async fn logout(
    State(state): State<AppState>,
    headers: HeaderMap,
    Posted(Button {}): Posted<Button>,
) -> Result<Response, PageError> {
    if let Some(token) = session::token(&headers, &state.gateway.base_url) {
        state.gateway.sign_out(&token).await?;
    }
    let cookie = session::no_cookie(&state.gateway.base_url);
    Ok((
        AppendHeaders([(header::SET_COOKIE, cookie)]),
        Redirect::to("/login"),
    )
        .into_response())
}

/// `GET /register`: only until an administrator exists.
pub async fn register_page(State(state): State<AppState>) -> Response {
    if state.gateway.has_admin().await {
        return Redirect::to("/login").into_response();
    }
    ok(&RegisterPage {
        frame: Frame::new("First account"),
        email: "",
        asks_token: state.gateway.setup_token.is_some(),
        error: None,
    })
}

/// `POST /register`
pub async fn register(
    State(state): State<AppState>,
    client: ClientAddr,
    headers: HeaderMap,
    Sent(form): Sent<RegisterForm>,
) -> Result<Response, PageError> {
    state.caps.login(client)?;
    let new = NewUser {
        email: form.email.clone(),
        password: Some(form.password),
        is_admin: true,
        ..NewUser::default()
    };
    let may_found = may_found(
        state.gateway.setup_token.as_deref(),
        form.token.trim(),
        &headers,
    );
    let refusal = match state.gateway.create_user(new, may_found, false).await {
        Ok((user, _)) => return enter(&state, &headers, &user, "/").await,
        Err(UserRefusal::Unavailable(unavailable)) => return Err(unavailable.into()),
        Err(refusal) => refusal.to_string(),
    };
    Ok(html(
        StatusCode::UNPROCESSABLE_ENTITY,
        &RegisterPage {
            frame: Frame::new("First account"),
            email: &form.email,
            asks_token: state.gateway.setup_token.is_some(),
            error: Some(&refusal),
        },
    ))
}

/// A new session with a new token, whatever the browser came with; the old one ends.
async fn enter(
    state: &AppState,
    headers: &HeaderMap,
    user: &User,
    next: &str,
) -> Result<Response, PageError> {
    if let Some(old) = session::token(headers, &state.gateway.base_url) {
        state.gateway.sign_out(&old).await?;
    }
    let (token, _) = state.gateway.sign_in(user.id).await?;
    let cookie = session::cookie(&token, &state.gateway.base_url);
    Ok((
        AppendHeaders([(header::SET_COOKIE, cookie)]),
        Redirect::to(next),
    )
        .into_response())
}

/// D45: who brings the set-up token; where there is none, who comes to a loopback address through no proxy.
fn may_found(wanted: Option<&str>, given: &str, headers: &HeaderMap) -> bool {
    match wanted {
        Some(wanted) => bool::from(wanted.as_bytes().ct_eq(given.as_bytes())),
        None => comes_from_here(headers),
    }
}

/// The path, if it is one of ours; the start otherwise. A browser reads `//host` and `/\host` as another host.
fn own_path(path: &str) -> &str {
    let plain = path
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if plain && path.starts_with('/') && !path.starts_with("//") {
        path
    } else {
        "/"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_paths_are_followed() {
        for own in ["/", "/stores/abc/invoices?status=New"] {
            assert_eq!(own_path(own), own);
        }
        for other in [
            "",
            "https://evil.example",
            "//evil.example",
            "/\\evil.example",
            "/a\r\nb",
            "evil",
        ] {
            assert_eq!(own_path(other), "/", "{other}");
        }
    }

    #[test]
    fn the_first_account_needs_the_token_or_a_direct_way() {
        let direct = HeaderMap::new();
        let mut proxied = HeaderMap::new();
        proxied.insert("x-forwarded-for", "192.0.2.1".parse().expect("header"));
        assert!(may_found(None, "", &direct));
        assert!(!may_found(None, "", &proxied));
        for (host, may) in [
            ("127.0.0.1:3000", true),
            ("localhost", true),
            ("[::1]:3000", true),
            ("led-here.example:3000", false),
            ("192.0.2.1", false),
            ("localhost.example", false),
        ] {
            let headers = HeaderMap::from_iter([(header::HOST, host.parse().expect("header"))]);
            assert_eq!(may_found(None, "", &headers), may, "{host}");
        }
        assert!(may_found(Some("secret"), "secret", &proxied));
        assert!(!may_found(Some("secret"), "secre", &direct));
        assert!(!may_found(Some("secret"), "", &direct));
    }
}
