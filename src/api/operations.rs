//! The operations of the API, each as its handler declares it: method, path, id, and the right it needs.
//!
//! A handler carries one `#[utoipa::path]`; from it come its route, its line in the document and the right that
//! [`super::auth::Signed`] checks. Nothing else says which right an operation needs.

use std::collections::HashMap;

use axum::extract::{MatchedPath, Request};
use axum::http::Method;
use utoipa::openapi::path::{Operation as Declared, PathItem};
use utoipa::openapi::{OpenApi, SecurityRequirement};
use utoipa_axum::router::OpenApiRouter;

use crate::domain::access::permission;
use crate::http::AppState;

/// The routes of a room, with what they say of themselves.
pub type Room = OpenApiRouter<AppState>;

/// The name of the security scheme in the document; its scopes are permissions.
pub const API_KEY: &str = "API_Key";

/// Who may use an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody.
    Public,
    /// Whoever has the permission; anybody else under conditions that the operation tells.
    PublicOr(&'static str),
    /// Anybody with valid credentials.
    Signed,
    /// Whoever has the permission.
    Permission(&'static str),
}

impl Access {
    /// The permission, if there is one.
    pub const fn permission(self) -> Option<&'static str> {
        match self {
            Self::Permission(name) | Self::PublicOr(name) => Some(name),
            Self::Public | Self::Signed => None,
        }
    }
}

impl std::fmt::Display for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Public => f.write_str("public"),
            Self::PublicOr(name) => write!(f, "{name} (or public)"),
            Self::Signed => f.write_str("any key"),
            Self::Permission(name) => f.write_str(name),
        }
    }
}

/// An operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Its method.
    pub method: Method,
    /// Its path below the root, such as `/v1/stores/{store}`.
    pub path: String,
    /// Its name, unlike any other's.
    pub id: String,
    /// Who may use it.
    pub access: Access,
}

impl Operation {
    /// Its whole path on the server.
    pub fn address(&self) -> String {
        address(&self.path)
    }
}

/// The whole path of what stands below the root.
pub(super) fn address(path: &str) -> String {
    let root = if path.starts_with("/v1") { "/api" } else { "" };
    format!("{root}{path}")
}

/// All operations.
#[derive(Clone, Debug, Default)]
pub struct Operations {
    all: Vec<Operation>,
    places: HashMap<(Method, String), usize>,
}

impl Operations {
    /// As declared. Panics if a declaration has no id, or names a permission that does not exist.
    pub fn of(api: &OpenApi) -> Self {
        let all: Vec<_> = api
            .paths
            .paths
            .iter()
            .flat_map(|(path, item)| {
                declared(item).map(move |(method, one)| Operation {
                    access: access(path, one),
                    method,
                    path: path.clone(),
                    id: one
                        .operation_id
                        .clone()
                        .unwrap_or_else(|| panic!("an id of {path}")),
                })
            })
            .collect();
        let places = all
            .iter()
            .enumerate()
            .map(|(place, one)| ((one.method.clone(), one.path.clone()), place))
            .collect();
        Self { all, places }
    }

    /// Each, by path.
    pub fn iter(&self) -> impl Iterator<Item = &Operation> {
        self.all.iter()
    }

    /// Notes on a request who may use the operation it was routed to.
    pub fn mark<B>(&self, roots: &[&str], request: &mut Request<B>) {
        let Some(path) = request.extensions().get::<MatchedPath>() else {
            return;
        };
        let path = path.as_str();
        let path = roots
            .iter()
            .find_map(|root| path.strip_prefix(root))
            .filter(|rest| rest.starts_with('/'))
            .unwrap_or(path)
            .to_owned();
        // Where GET is answered, HEAD is too.
        let method = match request.method() {
            &Method::HEAD => Method::GET,
            other => other.clone(),
        };
        if let Some(place) = self.places.get(&(method, path)) {
            let access = self.all[*place].access;
            request.extensions_mut().insert(access);
        }
    }
}

fn declared(item: &PathItem) -> impl Iterator<Item = (Method, &Declared)> {
    [
        (Method::GET, &item.get),
        (Method::POST, &item.post),
        (Method::PUT, &item.put),
        (Method::PATCH, &item.patch),
        (Method::DELETE, &item.delete),
    ]
    .into_iter()
    .filter_map(|(method, one)| Some((method, one.as_ref()?)))
}

fn access(path: &str, one: &Declared) -> Access {
    let all = one.security.as_deref().unwrap_or_default();
    let public = all.iter().any(|one| scopes(one).is_none());
    let mut keyed = all.iter().filter_map(scopes);
    let (first, second) = (keyed.next(), keyed.next());
    assert!(second.is_none(), "one right of {path}");
    let name = first
        .as_ref()
        .and_then(|scopes| scopes.first())
        .map(|name| permission(name).unwrap_or_else(|| panic!("{name} of {path} is a permission")));
    match (public, first.is_some(), name) {
        (true, _, Some(name)) => Access::PublicOr(name),
        (true, _, None) => Access::Public,
        (false, true, Some(name)) => Access::Permission(name),
        (false, true, None) => Access::Signed,
        (false, false, _) => panic!("{path} says who may use it"),
    }
}

/// The scopes of a requirement; `None` if it asks for nothing.
fn scopes(requirement: &SecurityRequirement) -> Option<Vec<String>> {
    let value = serde_json::to_value(requirement).ok()?;
    serde_json::from_value(value.get(API_KEY)?.clone()).ok()
}

/// Changes what the operations of a room say of themselves, before it is mounted a second time.
pub fn adapted(mut room: Room, mut change: impl FnMut(&mut Declared)) -> Room {
    for item in room.get_openapi_mut().paths.paths.values_mut() {
        let all = [
            &mut item.get,
            &mut item.post,
            &mut item.put,
            &mut item.patch,
            &mut item.delete,
        ];
        for one in all.into_iter().flatten() {
            change(one);
        }
    }
    room
}

/// Another name for each operation of a room.
pub fn renamed(room: Room, name: impl Fn(&str) -> String) -> Room {
    adapted(room, |one| {
        one.operation_id = one.operation_id.as_deref().map(&name);
    })
}

/// Of the permissions that each operation of a room names, those that begin so.
pub fn with_rights(room: Room, prefix: &str) -> Room {
    adapted(room, |one| {
        if let Some(all) = &mut one.security {
            all.retain(|one| {
                scopes(one).is_none_or(|names| names.iter().all(|name| name.starts_with(prefix)))
            });
        }
    })
}
