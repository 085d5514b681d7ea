//! Somebody who was invited opens their link and chooses a password.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use crate::domain::access::User;
use crate::domain::ids::UserId;
use crate::http::{AppState, ClientAddr};
use crate::service::Gateway;
use crate::service::access::UserRefusal;
use crate::ui::csrf::Sent;
use crate::ui::error::PageError;
use crate::ui::page::{Frame, checked};

#[derive(Template)]
#[template(path = "invitation.html")]
struct InvitationPage {
    frame: Frame,
    path: String,
    email: String,
    error: Option<String>,
}

/// The password of somebody who was invited.
#[derive(Deserialize)]
pub struct AcceptForm {
    password: String,
}

/// The link that opens an invitation.
pub fn url(gateway: &Gateway, user: UserId, token: &str) -> String {
    format!("{}{}", gateway.base_url, path(user, token))
}

fn path(user: UserId, token: &str) -> String {
    format!("/invitations/{user}/{token}")
}

/// `GET /invitations/{user}/{token}`
pub async fn page(
    State(state): State<AppState>,
    client: ClientAddr,
    Path((user, token)): Path<(String, String)>,
) -> Result<Response, PageError> {
    let user = find(&state, client, &user, &token).await?;
    Ok(show(&user, &token, None))
}

/// `POST /invitations/{user}/{token}`
pub async fn accept(
    State(state): State<AppState>,
    client: ClientAddr,
    Path((user, token)): Path<(String, String)>,
    Sent(form): Sent<AcceptForm>,
) -> Result<Response, PageError> {
    let user = find(&state, client, &user, &token).await?;
    let gateway = &state.gateway;
    let done = gateway.accept_invitation(user.id, &token, form.password);
    match done.await {
        Ok(_) => Ok(Redirect::to("/login").into_response()),
        Err(UserRefusal::Unavailable(unavailable)) => Err(unavailable.into()),
        Err(UserRefusal::Unknown) => Err(PageError::NotFound),
        Err(refusal) => Ok(show(&user, &token, Some(refusal.to_string()))),
    }
}

async fn find(
    state: &AppState,
    client: ClientAddr,
    user: &str,
    token: &str,
) -> Result<User, PageError> {
    state.caps.stranger(client)?;
    let id = user.parse().map_err(|_| PageError::NotFound)?;
    let found = state.gateway.invited(id, token).await;
    found.ok_or(PageError::NotFound)
}

fn show(user: &User, token: &str, error: Option<String>) -> Response {
    let page = InvitationPage {
        frame: Frame::new("Choose a password"),
        path: path(user.id, token),
        email: user.email.clone(),
        error,
    };
    checked(page.error.is_some(), &page)
}
