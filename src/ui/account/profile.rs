//! One's own account: name, e-mail address, password.

use askama::Template;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;

use super::enter;
use crate::http::{AppState, ClientAddr};
use crate::service::Gateway;
use crate::service::access::{UserChange, UserRefusal};
use crate::ui::csrf::Posted;
use crate::ui::error::PageError;
use crate::ui::page::{Shell, checked};
use crate::ui::said::{Said, Saved, saved, saved_path};
use crate::ui::session::SignedIn;

/// The page's own path.
const PATH: &str = "/account";

/// The form of name and address.
const PROFILE: &str = "profile";

/// The form of the password.
const PASSWORD: &str = "password";

#[derive(Template)]
#[template(path = "account.html")]
struct AccountPage {
    shell: Shell,
    name: String,
    email: String,
    said: Said,
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
pub async fn page(
    State(state): State<AppState>,
    signed: SignedIn,
    Saved(saved): Saved,
) -> Response {
    let said = if saved {
        Said::done(PROFILE, "Saved.")
    } else {
        Said::Nothing
    };
    show(&state.gateway, &signed, as_it_is(&signed), said)
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
        Ok(_) => Ok(saved(PATH)),
        Err(UserRefusal::Unavailable(unavailable)) => Err(unavailable.into()),
        Err(refusal) => {
            let said = Said::refused(PROFILE, refusal);
            Ok(show(&state.gateway, &signed, form, said))
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
        Ok(user) => enter(&state, &headers, &user, &saved_path(PATH)).await,
        Err(UserRefusal::Unavailable(unavailable)) => Err(unavailable.into()),
        Err(refusal) => {
            let said = Said::refused(PASSWORD, refusal);
            Ok(show(&state.gateway, &signed, as_it_is(&signed), said))
        }
    }
}

fn as_it_is(signed: &SignedIn) -> ProfileForm {
    ProfileForm {
        name: signed.user.name.clone().unwrap_or_default(),
        email: signed.user.email.clone(),
    }
}

fn show(gateway: &Gateway, signed: &SignedIn, form: ProfileForm, said: Said) -> Response {
    let page = AccountPage {
        shell: Shell::outside(gateway, signed, "Your account").at(PATH.to_owned()),
        name: form.name,
        email: form.email,
        said,
    };
    checked(page.said.is_refused(), &page)
}
