//! The books, for who runs the server.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::error::PageError;
use super::format::{self, Badge};
use super::node::only_admin;
use super::page::{Room, Shell, ok};
use super::session::Shop;
use crate::domain::store::Store;
use crate::http::AppState;
use crate::service::books::{Audit, Identity};

#[derive(Template)]
#[template(path = "books.html")]
struct BooksPage {
    shell: Shell,
    badge: Badge,
    not_compared: Option<String>,
    balances: Vec<(String, String)>,
    lines: Vec<Line>,
}

/// One thing that has to hold.
#[derive(Clone, Debug)]
struct Line {
    name: String,
    left: String,
    right: String,
    badge: Badge,
}

/// `GET /stores/{store}/books`: every balance, and one look of an audit. Payments that are under way may show as a
/// difference for a moment.
pub async fn page(State(state): State<AppState>, shop: Shop) -> Result<Response, PageError> {
    only_admin(&shop)?;
    let audit = state.gateway.audit_once().await?;
    let balances = state.gateway.balances().await;
    let shell = Shell::inside(&state.gateway, &shop, Room::Wallet, "Books");
    let stores = state.gateway.stores_of(shop.signed.user.id).await;
    // People know their stores by name.
    let named = |text: String| {
        let name = |text: String, store: &Store| text.replace(&store.id.to_string(), &store.name);
        stores.iter().fold(text, name)
    };
    Ok(ok(&BooksPage {
        shell,
        badge: verdict(&audit),
        not_compared: audit.not_compared.as_ref().map(ToString::to_string),
        balances: (balances.into_iter())
            .map(|(account, balance)| (named(account.to_string()), format::signed(balance)))
            .collect(),
        lines: (audit.identities.iter().map(Line::from))
            .map(|line| Line {
                name: named(line.name),
                ..line
            })
            .collect(),
    }))
}

fn verdict(audit: &Audit) -> Badge {
    if audit.holds() {
        Badge::new("Balanced", "good")
    } else {
        Badge::new("Differs", "bad")
    }
}

impl From<&Identity> for Line {
    fn from(identity: &Identity) -> Self {
        Self {
            name: identity.name.clone(),
            left: format::signed(identity.left),
            right: format::signed(identity.right),
            badge: if identity.holds() {
                Badge::new("ok", "good")
            } else {
                Badge::new("DIFFERS", "bad")
            },
        }
    }
}
