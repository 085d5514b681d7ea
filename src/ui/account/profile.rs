//! One's own account: name, e-mail address, password.

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::enter;
use crate::http::{AppState, ClientAddr};
use crate::service::Gateway;
use crate::service::access::{UserChange, UserRefusal};
use crate::ui::csrf::Posted;
use crate::ui::error::PageError;
use crate::ui::page::{Shell, html};
use crate::ui::session::SignedIn;

/// The page's own path.
const PATH: &str = "/account";

#[derive(Template)]
#[template(path = "account.html")]
struct AccountPage {
    shell: Shell,
    name: String,
    email: String,
    error: Option<String>,
    password_error: Option<String>,
}

/// Name and e-mail address.
#[derive(Deserialize)]
pub struct ProfileForm {
    name: String,
    email: String,
}

/// A new password, and the one until now.
#[derive(Deserialize)]
pub struct PasswordForm {
    current: String,
    new: String,
}

/// `GET /account`
pub async fn page(State(state): State<AppState>, signed: SignedIn) -> Response {
    let form = as_it_is(&signed);
    show(&state.gateway, &signed, form, None, None)
}

/// `POST /account`
pub async fn update(
    State(state): State<AppState>,
    signed: SignedIn,
    Posted(form): Posted<ProfileForm>,
) -> Result<Response, PageError> {
    let change = UserChange {
        name: Some(form.name.clone()),
        email: Some(form.email.clone()),
        ..UserChange::default()
    };
    match state.gateway.update_user(signed.user.id, change).await {
        Ok(_) => Ok(Redirect::to(PATH).into_response()),
        Err(UserRefusal::Unavailable(unavailable)) => Err(unavailable.into()),
        Err(refusal) => {
            let why = Some(refusal.to_string());
            Ok(show(&state.gateway, &signed, form, why, None))
        }
    }
}

/// `POST /account/password`: every browser is signed out, this one comes in again.
pub async fn password(
    State(state): State<AppState>,
    client: ClientAddr,
    headers: HeaderMap,
    signed: SignedIn,
    Posted(form): Posted<PasswordForm>,
) -> Result<Response, PageError> {
    state.caps.login(client)?;
    let change = UserChange {
        current_password: Some(form.current),
        new_password: Some(form.new),
        ..UserChange::default()
    };
    match state.gateway.update_user(signed.user.id, change).await {
        Ok(user) => enter(&state, &headers, &user, PATH).await,
        Err(UserRefusal::Unavailable(unavailable)) => Err(unavailable.into()),
        Err(refusal) => {
            let why = Some(refusal.to_string());
            let form = as_it_is(&signed);
            Ok(show(&state.gateway, &signed, form, None, why))
        }
    }
}

fn as_it_is(signed: &SignedIn) -> ProfileForm {
    ProfileForm {
        name: signed.user.name.clone().unwrap_or_default(),
        email: signed.user.email.clone(),
    }
}

fn show(
    gateway: &Gateway,
    signed: &SignedIn,
    form: ProfileForm,
    error: Option<String>,
    password_error: Option<String>,
) -> Response {
    let status = if error.is_some() || password_error.is_some() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    let page = AccountPage {
        shell: Shell::outside(gateway, signed, "Your account"),
        name: form.name,
        email: form.email,
        error,
        password_error,
    };
    html(status, &page)
}
