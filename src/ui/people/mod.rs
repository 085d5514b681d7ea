//! The people of a store, and invitations to the server.

pub mod invitation;

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::csrf::Posted;
use super::error::PageError;
use super::page::{Room, Shell, checked};
use super::session::Shop;
use crate::domain::access::{Role, User};
use crate::domain::ids::UserId;
use crate::domain::store::{Member, MemberRefusal};
use crate::http::AppState;
use crate::service::Gateway;
use crate::service::access::{NewUser, UserRefusal};
use crate::service::members::PeopleRefusal;

#[derive(Template)]
#[template(path = "people.html")]
struct PeoplePage {
    shell: Shell,
    rows: Vec<PersonRow>,
    roles: [(&'static str, &'static str); 4],
    /// Whether the reader may invite somebody without an account.
    may_invite: bool,
    email: String,
    /// What opens an invitation that was just made.
    invitation: Option<String>,
    error: Option<String>,
}

/// Somebody in the store.
struct PersonRow {
    id: String,
    email: String,
    name: Option<String>,
    role: &'static str,
    invited: bool,
    is_reader: bool,
}

/// Who comes, and as what.
#[derive(Debug, Deserialize)]
pub struct AddForm {
    email: String,
    role: String,
}

/// Who becomes what.
#[derive(Debug, Deserialize)]
pub struct RoleForm {
    user: String,
    role: String,
}

/// Who goes.
#[derive(Debug, Deserialize)]
pub struct RemoveForm {
    user: String,
}

/// What a verb of this page came to.
#[derive(Default)]
struct Outcome {
    email: String,
    invitation: Option<String>,
    error: Option<String>,
}

/// `GET /stores/{store}/people`
pub async fn page(State(state): State<AppState>, shop: Shop) -> Response {
    show(&state.gateway, &shop, Outcome::default()).await
}

/// `POST /stores/{store}/people`: somebody with an account; who runs the server may also invite somebody new.
pub async fn add(
    State(state): State<AppState>,
    shop: Shop,
    Posted(form): Posted<AddForm>,
) -> Result<Response, PageError> {
    let gateway = &state.gateway;
    let role: Role = form.role.parse().map_err(|_| PageError::Unreadable)?;
    let email = form.email.trim().to_owned();
    let (store, by) = (shop.store.id, shop.signed.user.id);
    let known = gateway.find_user(&email).await.is_some();
    let mut outcome = Outcome::default();
    if !known && shop.signed.user.is_admin {
        let new = NewUser {
            email: email.clone(),
            ..NewUser::default()
        };
        match gateway.create_user(new, false, true).await {
            Ok((user, token)) => {
                outcome.invitation = token.map(|token| invitation::url(gateway, user.id, &token));
            }
            Err(UserRefusal::Unavailable(unavailable)) => return Err(unavailable.into()),
            Err(refusal) => {
                let error = Some(refusal.to_string());
                let outcome = Outcome {
                    email,
                    error,
                    ..outcome
                };
                return Ok(show(gateway, &shop, outcome).await);
            }
        }
    }
    match gateway.add_member(store, email.clone(), role, by).await {
        Ok(()) if outcome.invitation.is_none() => Ok(back(&shop)),
        Ok(()) => Ok(show(gateway, &shop, outcome).await),
        Err(PeopleRefusal::UnknownUser) => {
            let why =
                "Nobody has an account with this address. Who runs the server can invite them.";
            let outcome = Outcome {
                email,
                error: Some(why.to_owned()),
                ..outcome
            };
            Ok(show(gateway, &shop, outcome).await)
        }
        Err(refusal) => told(gateway, &shop, refusal, Outcome { email, ..outcome }).await,
    }
}

/// `POST /stores/{store}/people/role`
pub async fn set_role(
    State(state): State<AppState>,
    shop: Shop,
    Posted(form): Posted<RoleForm>,
) -> Result<Response, PageError> {
    let role = form.role.parse().map_err(|_| PageError::Unreadable)?;
    let user: UserId = form.user.parse().map_err(|_| PageError::Unreadable)?;
    let (store, by) = (shop.store.id, shop.signed.user.id);
    let gateway = &state.gateway;
    match gateway
        .set_member_role(store, user.to_string(), role, by)
        .await
    {
        Ok(()) => Ok(back(&shop)),
        Err(refusal) => told(gateway, &shop, refusal, Outcome::default()).await,
    }
}

/// `POST /stores/{store}/people/remove`
pub async fn remove(
    State(state): State<AppState>,
    shop: Shop,
    Posted(form): Posted<RemoveForm>,
) -> Result<Response, PageError> {
    let user: UserId = form.user.parse().map_err(|_| PageError::Unreadable)?;
    let (store, by) = (shop.store.id, shop.signed.user.id);
    let gateway = &state.gateway;
    match gateway.remove_member(store, user.to_string(), by).await {
        // Their own way back would lead nowhere.
        Ok(()) if user == by => Ok(Redirect::to("/stores").into_response()),
        Ok(()) => Ok(back(&shop)),
        Err(refusal) => told(gateway, &shop, refusal, Outcome::default()).await,
    }
}

fn back(shop: &Shop) -> Response {
    Redirect::to(&Room::People.path(shop.store.id)).into_response()
}

async fn told(
    gateway: &Gateway,
    shop: &Shop,
    refusal: PeopleRefusal,
    outcome: Outcome,
) -> Result<Response, PageError> {
    let text = refusal.to_string();
    match refusal {
        PeopleRefusal::UnknownStore => Err(PageError::NotFound),
        PeopleRefusal::Unavailable(unavailable) => Err(unavailable.into()),
        PeopleRefusal::UnknownUser
        | PeopleRefusal::Unbacked
        | PeopleRefusal::Member(
            MemberRefusal::Already
            | MemberRefusal::NoMember
            | MemberRefusal::LastOwner
            | MemberRefusal::TooMany,
        ) => {
            let error = Some(text);
            Ok(show(gateway, shop, Outcome { error, ..outcome }).await)
        }
    }
}

async fn show(gateway: &Gateway, shop: &Shop, outcome: Outcome) -> Response {
    // Somebody may just have come.
    let id = shop.store.id;
    let store = gateway
        .store
        .read(move |rows| crate::store::settings::get(rows, id))
        .await;
    let people = match &store {
        Some(store) => gateway.people_of(store).await,
        None => Vec::new(),
    };
    let reader = shop.signed.user.id;
    let row = |(user, member): (User, Member)| PersonRow {
        id: user.id.to_string(),
        is_reader: user.id == reader,
        email: user.email,
        name: user.name,
        role: member.role.name(),
        invited: user.invitation.is_some(),
    };
    let page = PeoplePage {
        shell: Shell::inside(gateway, shop, Room::People, "People")
            .at(Room::People.path(shop.store.id)),
        rows: people.into_iter().map(row).collect(),
        roles: Role::ALL.map(|role| (role.name(), hint(role))),
        may_invite: shop.signed.user.is_admin,
        email: outcome.email,
        invitation: outcome.invitation,
        error: outcome.error,
    };
    checked(page.error.is_some(), &page)
}

const fn hint(role: Role) -> &'static str {
    match role {
        Role::Owner => "may do everything here",
        Role::Manager => {
            "runs the shop: invoices, pull payments, payouts and webhooks, but no settings, wallet or people"
        }
        Role::Employee => "makes invoices and proposes payouts, which somebody else approves",
        Role::Guest => "makes invoices, and sees payouts",
    }
}
