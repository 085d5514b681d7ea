//! What all pages have around them.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};

use super::assets;
use super::rights;
use super::session::{Shop, SignedIn};
use crate::domain::access::Role;
use crate::domain::ids::StoreId;
use crate::ports::lightning::NodeState;
use crate::service::Gateway;

/// Renders a page.
pub fn html(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(text) => (status, Html(text)).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            broken()
        }
    }
}

/// A page that can't be rendered: a fault of ours.
pub fn broken() -> Response {
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}

/// Renders a page with status 200.
pub fn ok(page: &impl Template) -> Response {
    html(StatusCode::OK, page)
}

/// Renders a page with a form: status 422 if something was wrong in it, which the page says.
pub fn checked(is_refused: bool, page: &impl Template) -> Response {
    if is_refused {
        html(StatusCode::UNPROCESSABLE_ENTITY, page)
    } else {
        ok(page)
    }
}

/// The head of a page.
#[derive(Clone, Debug)]
pub struct Frame {
    /// In the browser's tab.
    pub title: String,
    /// Where news of the page come from, if it is live.
    pub events: Option<String>,
    /// What the page shows, as [`super::live`] marks it.
    pub mark: String,
    /// Where the page is looked at, if a form's answer may show it: a browser goes there when it loads it again.
    pub page: Option<String>,
    /// Without a script, load again after so many seconds.
    pub reload_secs: Option<u32>,
    /// The stylesheet.
    pub style: &'static str,
    /// The script.
    pub script: &'static str,
    /// The icon.
    pub icon: &'static str,
}

impl Frame {
    /// A page that does not change by itself.
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            events: None,
            mark: String::new(),
            page: None,
            reload_secs: None,
            style: assets::style_url(),
            script: assets::script_url(),
            icon: assets::icon_url(),
        }
    }

    /// A page that is told when it has changed.
    #[must_use]
    pub fn live(self, events: String, mark: String) -> Self {
        Self {
            events: Some(events),
            mark,
            ..self
        }
    }
}

/// A room of the dashboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// The store at a glance.
    Home,
    /// Its invoices.
    Invoices,
    /// Its pull payments.
    PullPayments,
    /// Its payouts.
    Payouts,
    /// Its wallet and the node.
    Wallet,
    /// What its rates are made of.
    Rates,
    /// Who may act for it.
    People,
    /// Who is told what happens.
    Webhooks,
}

impl Room {
    const ALL: [Self; 8] = [
        Self::Home,
        Self::Invoices,
        Self::PullPayments,
        Self::Payouts,
        Self::Wallet,
        Self::Rates,
        Self::People,
        Self::Webhooks,
    ];

    const fn label(self) -> &'static str {
        match self {
            Self::Home => "Overview",
            Self::Invoices => "Invoices",
            Self::PullPayments => "Pull payments",
            Self::Payouts => "Payouts",
            Self::Wallet => "Wallet",
            Self::Rates => "Rates",
            Self::People => "People",
            Self::Webhooks => "Webhooks",
        }
    }

    /// Where a store's room is.
    pub fn path(self, store: StoreId) -> String {
        format!("/stores/{store}{}", self.below())
    }

    const fn below(self) -> &'static str {
        match self {
            Self::Home => "",
            Self::Invoices => "/invoices",
            Self::PullPayments => "/pull-payments",
            Self::Payouts => "/payouts",
            Self::Wallet => "/wallet",
            Self::Webhooks => "/webhooks",
            Self::Rates => "/rates",
            Self::People => "/people",
        }
    }
}

/// A link of the navigation.
#[derive(Clone, Debug)]
pub struct Link {
    /// Where to.
    pub href: String,
    /// What it says.
    pub label: String,
    /// Where the reader is now.
    pub current: bool,
}

/// What all pages of the dashboard have around them.
#[derive(Clone, Debug)]
pub struct Shell {
    /// The head.
    pub frame: Frame,
    /// Who is signed in.
    pub email: String,
    /// What forms carry back.
    pub csrf: String,
    /// The store's name, if the page belongs to one.
    pub store: Option<String>,
    /// The store's own path, empty without one.
    pub base: String,
    /// What the reader is there.
    pub role: Option<Role>,
    /// Its rooms.
    pub rooms: Vec<Link>,
    /// Why something does not work now.
    pub notices: Vec<String>,
}

impl Shell {
    /// Around a page that belongs to no store.
    pub fn outside(gateway: &Gateway, signed: &SignedIn, title: &str) -> Self {
        Self {
            frame: Frame::new(title),
            email: signed.user.email.clone(),
            csrf: signed.csrf(),
            store: None,
            base: String::new(),
            role: None,
            rooms: Vec::new(),
            notices: notices(gateway),
        }
    }

    /// Around a page of a store.
    pub fn inside(gateway: &Gateway, shop: &Shop, room: Room, title: &str) -> Self {
        let Shop { signed, store } = shop;
        let open = |one: &Room| store.allows(signed.user.id, rights::to_look(one.below()));
        let rooms = (Room::ALL.into_iter().filter(open)).map(|one| Link {
            href: one.path(store.id),
            label: one.label().to_owned(),
            current: one == room,
        });
        Self {
            store: Some(store.name.clone()),
            base: format!("/stores/{}", store.id),
            role: store.role_of(signed.user.id),
            rooms: rooms.collect(),
            ..Self::outside(gateway, signed, &format!("{title} · {}", store.name))
        }
    }

    /// The page is looked at there, whichever form it answers.
    #[must_use]
    pub fn at(mut self, path: String) -> Self {
        self.frame.page = Some(path);
        self
    }

    /// Whether the reader may look at a page of the store: nobody is led to a closed door.
    pub fn opens(&self, below: &str) -> bool {
        self.may(rights::to_look(below))
    }

    /// Whether the reader may send a form of the store.
    pub fn sends(&self, below: &str) -> bool {
        self.may(rights::to_send(below))
    }

    /// Whether what the reader makes needs nobody else's approval.
    pub fn approves(&self) -> bool {
        self.may(rights::CREATE_APPROVED)
    }

    fn may(&self, permission: &str) -> bool {
        self.role.is_some_and(|role| role.may(permission))
    }

    /// The page is told what happens in its store. `mark`: the last of it that the page shows.
    #[must_use]
    pub fn live(mut self, mark: u64) -> Self {
        self.frame = self
            .frame
            .live(format!("{}/events", self.base), mark.to_string());
        self
    }
}

/// Why money can't move now, in words.
fn notices(gateway: &Gateway) -> Vec<String> {
    let mut notices = Vec::new();
    match gateway.lightning.state() {
        NodeState::Ready => {}
        NodeState::Syncing => notices.push(
            "The Lightning node is catching up with the chain. Until then, payments wait and invoices have no Lightning half."
                .to_owned(),
        ),
        NodeState::WaitingForChain(why) => {
            notices.push(format!("The Lightning node waits for the chain: {why}"));
        }
        NodeState::Held(why) => notices.push(why),
        NodeState::Stopped => notices.push("The Lightning node is stopped.".to_owned()),
    }
    if let Some(why) = gateway.follower.error() {
        notices.push(format!("The chain source does not answer: {why}"));
    } else if !gateway.follower.is_synced() {
        notices.push("The wallets are catching up with the chain: balances may be old.".to_owned());
    }
    notices
}
