//! The matrix of rights: every operation of the router × every permission, scope, role and credential.

mod expected;
mod world;

use std::collections::BTreeMap;

use tollway::api::operations;
use tollway::api::operations::Operation;
use tollway::domain::access::{Role, implies, permissions};
use tollway::domain::ids::UserId;

use self::expected::{Line, Who};
use self::world::{Matrix, Things};
use super::Client;

/// A key that nobody has.
const WRONG: &str = "token 0000000000000000000000000000000000000000";

/// The operation's path with `{}` for every id.
fn shape(path: &str) -> String {
    let part = |part: &str| if part.starts_with('{') { "{}" } else { part }.to_owned();
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

/// Every operation of the router, with its line of the table.
fn all() -> Vec<(Operation, Line)> {
    let table = expected::table();
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for operation in operations().iter() {
        let shape = shape(&operation.path);
        let fits = |line: &&Line| line.method == operation.method.as_str() && line.path == shape;
        match table.iter().find(fits) {
            Some(line) => known.push((operation.clone(), line.clone())),
            None => unknown.push(format!("{} {shape} {}", operation.method, operation.access)),
        }
    }
    assert!(
        unknown.is_empty(),
        "the table of rights doesn't know: {unknown:#?}"
    );
    known
}

/// Keys by what they grant, so that each is made once.
async fn keys_of(client: &Client, user: UserId) -> BTreeMap<&'static str, String> {
    let mut keys = BTreeMap::new();
    for name in permissions() {
        keys.insert(name, client.key_of(user, &[name]).await);
    }
    keys
}

/// The rights of an operation that needs some.
fn rights(who: &Who) -> Vec<String> {
    match who {
        Who::Rights(rights) => rights.clone(),
        Who::Open(right) => vec![right.clone()],
        Who::Public | Who::AnyKey => Vec::new(),
    }
}

/// An operation that shows what is there for the caller, or makes something new: no store is named.
fn names_no_store(path: &str) -> bool {
    path == "/v1/stores"
}

/// An item with two routes, on the one below its store.
fn is_item_of_a_store(operation: &Operation) -> bool {
    let parts: Vec<&str> = operation.path.split('/').collect();
    let two_routes = ["invoices", "pull-payments", "payouts", "webhooks"];
    parts.len() > 5 && parts[2] == "stores" && two_routes.contains(&parts[4])
}

/// A route on which a store can be told: from the path, or from an item that exists.
fn names_store(operation: &Operation, things: &Things) -> bool {
    let mut parts = operation.path.split('/').skip(2);
    let (room, id) = (parts.next().unwrap_or_default(), parts.next());
    id.is_some() && (room == "stores" || things.ids.contains_key(room))
}

#[test]
fn the_declared_rights_are_those_of_the_table() {
    use tollway::api::operations::Access;
    for (operation, line) in all() {
        let declared = match operation.access {
            Access::Public => Who::Public,
            Access::Signed => Who::AnyKey,
            Access::PublicOr(name) => Who::Open(name.to_owned()),
            // Further ones are asked for by the handler.
            Access::Permission(name) => match &line.who {
                Who::Rights(rights) if rights.iter().any(|one| one == name) => line.who.clone(),
                Who::Rights(_) | Who::Open(_) | Who::Public | Who::AnyKey => {
                    Who::Rights(vec![name.to_owned()])
                }
            },
        };
        assert_eq!(
            declared, line.who,
            "{} {}",
            operation.method, operation.path
        );
    }
}

#[tokio::test]
async fn without_the_right_nobody_comes_in_and_nothing_changes() {
    let matrix = Matrix::new().await;
    let client = &matrix.client;
    let owner = client.world.user;
    let nothing = client.key_of(owner, &[]).await;
    let keys = keys_of(client, owner).await;
    let before = matrix.image();
    let mut cells = 0;
    for (operation, line) in all() {
        let path = matrix.own.path(&operation);
        if line.who != Who::Public {
            for key in [None, Some(WRONG)] {
                let refusal = matrix.call(&operation, &path, key).await.refusal();
                let place = format!("{} {path}", operation.method);
                assert_eq!(refusal, (401, "unauthenticated".to_owned()), "{place}");
                cells += 1;
            }
        }
        let rights = rights(&line.who);
        let Some(right) = rights.first() else {
            continue;
        };
        let cell = matrix.cell(&operation, &path, right);
        cell.refuses("no right", &nothing).await;
        for (name, key) in &keys {
            if !implies(name, right) {
                cell.refuses(name, key).await;
                cells += 1;
            }
        }
        for place in 1..rights.len() {
            // All but one.
            let some: Vec<&str> = (rights.iter().enumerate())
                .filter(|(one, _)| *one != place)
                .map(|(_, right)| right.as_str())
                .collect();
            let key = client.key_of(owner, &some).await;
            let cell = matrix.cell(&operation, &path, &rights[place]);
            cell.refuses("one missing", &key).await;
            cells += 1;
        }
    }
    assert!(cells > 2_000, "only {cells} cells");
    matrix.check_only_keys_are_new(&before);
}

#[tokio::test]
async fn nobody_comes_into_a_store_that_is_not_theirs_and_nothing_changes() {
    let matrix = Matrix::new().await;
    let client = &matrix.client;
    let (ours, theirs) = (
        matrix.own.store.to_string(),
        matrix.foreign.store.to_string(),
    );
    let whole = client.authorization.as_deref().expect("a key");
    let before = matrix.image();
    for (operation, line) in all() {
        let rights = rights(&line.who);
        let Some(right) = rights.first() else {
            continue;
        };
        if !right.starts_with("btcpay.store.") {
            continue;
        }
        let (here, there) = (
            matrix.scoped_key(&rights, &ours).await,
            matrix.scoped_key(&rights, &theirs).await,
        );
        let path = matrix.own.path(&operation);
        let own = matrix.cell(&operation, &path, right);
        if names_no_store(&operation.path) && operation.method == "POST" {
            own.refuses("scoped", &here).await;
        }
        if !names_store(&operation, &matrix.own) {
            continue;
        }
        own.refuses("their key", &matrix.stranger).await;
        own.refuses("other scope", &there).await;
        let path_there = matrix.foreign.path(&operation);
        let foreign = matrix.cell(&operation, &path_there, right);
        foreign.refuses("foreign", &here).await;
        foreign.refuses("foreign", &there).await;
        if expected::opens_to_the_operator(&line) {
            foreign.admits("operator", Some(whole)).await;
        } else {
            foreign.refuses("foreign", whole).await;
        }
        // D35: an item of theirs below a store of ours, and the other way round.
        if is_item_of_a_store(&operation) {
            let mixed = path_there.replace(&theirs, &ours);
            let cell = matrix.cell(&operation, &mixed, right);
            cell.refuses("their item", whole).await;
            let mixed = path.replace(&ours, &theirs);
            let cell = matrix.cell(&operation, &mixed, right);
            cell.refuses("our item", whole).await;
            cell.refuses("our item", &matrix.stranger).await;
        }
    }
    matrix.check_only_keys_are_new(&before);
}

#[tokio::test]
async fn who_has_the_right_comes_in() {
    for (operation, line) in all() {
        // Each changes the world as it likes.
        let matrix = Matrix::new().await;
        let (client, path) = (&matrix.client, matrix.own.path(&operation));
        let cell = matrix.cell(&operation, &path, "");
        let rights = rights(&line.who);
        match &line.who {
            Who::Public => cell.admits("nobody", None).await,
            Who::AnyKey | Who::Rights(_) | Who::Open(_) => {
                let own: Vec<&str> = rights.iter().map(String::as_str).collect();
                let key = client.key_of(client.world.user, &own).await;
                cell.admits("just right", Some(&key)).await;
            }
        }
    }
}

#[tokio::test]
async fn parents_scopes_and_roles_open_what_they_imply() {
    let matrix = Matrix::new().await;
    let client = &matrix.client;
    let owner = client.world.user;
    let mut people = Vec::new();
    for role in Role::ALL {
        let email = format!("{role}@example.com");
        let (_, key) = client.account(&email).await;
        let gateway = &client.world.gateway;
        let added = gateway.add_member(client.world.shop, email, role, owner);
        added.await.expect("added");
        people.push((role, key));
    }
    for (operation, line) in all() {
        // Only looking: doing it would change what the next cell finds.
        let Who::Rights(rights) = &line.who else {
            continue;
        };
        if operation.method != "GET" {
            continue;
        }
        let (path, right) = (matrix.own.path(&operation), &rights[0]);
        let cell = matrix.cell(&operation, &path, right);
        for parent in permissions() {
            if !implies(parent, right) {
                continue;
            }
            let key = client.key_of(owner, &[parent]).await;
            cell.admits(parent, Some(&key)).await;
            if parent.starts_with("btcpay.store.") {
                let scoped = format!("{parent}:{}", client.world.shop);
                let key = client.key_of(owner, &[&scoped]).await;
                cell.admits(&scoped, Some(&key)).await;
            }
        }
        for (role, key) in &people {
            let may = match right.as_str() {
                name if name.starts_with("btcpay.store.") => {
                    role.may(name) || names_no_store(&operation.path)
                }
                name => !name.starts_with("btcpay.server."),
            };
            if may {
                cell.admits(role.name(), Some(key)).await;
            } else {
                cell.refuses(role.name(), key).await;
            }
        }
    }
}
