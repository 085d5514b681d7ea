//! The matrix of rights: every operation of the router × every permission, scope, role and credential.

mod expected;

use std::collections::BTreeMap;

use tollway::api::operations;
use tollway::api::operations::Operation;
use tollway::domain::access::{Grant, Role, UNRESTRICTED, implies, permissions};
use tollway::domain::ids::{StoreId, UserId};
use tollway::domain::store::Settings;
use tollway::store::{Order, Rows, Snapshot, tables};

use self::expected::{Line, Who};
use super::{Answer, Client, text};
use crate::claims::api::{address, claim};
use crate::support::World;

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

/// A store and what is in it, as ids.
struct Things {
    store: StoreId,
    /// By the word of the path before the id.
    ids: BTreeMap<&'static str, String>,
}

impl Things {
    /// One of everything that has a route of its own.
    async fn made(client: &Client, store: StoreId, key: &str) -> Self {
        let world = &client.world;
        let new = tollway::service::invoice::NewInvoice {
            amount: Some(rust_decimal::Decimal::from(1_000)),
            currency: Some(tollway::domain::money::Currency::SATS),
            ..Default::default()
        };
        let invoice = world.gateway.create_invoice(store, new).await;
        let mut new = World::new_pull_payment(100_000);
        new.auto_approve = false;
        let pull = world.gateway.create_pull_payment(store, new).await;
        let pull = pull.expect("a pull payment").id;
        let seed = store.0[0];
        let wish = claim(
            address(seed),
            tollway::domain::receipt::Rail::Onchain,
            Some("5000"),
        );
        let payout = world.gateway.claim(pull, wish).await;
        let mut ids = BTreeMap::from([
            ("invoices", invoice.expect("an invoice").id.to_string()),
            ("pull-payments", pull.to_string()),
            ("payouts", payout.expect("a claim").id.to_string()),
            ("users", "two@example.com".to_owned()),
            ("lightning", "BTC".to_owned()),
            ("payment-methods", "BTC-CHAIN".to_owned()),
            (
                "payout-processors",
                "LightningAutomatedPayoutSenderFactory".to_owned(),
            ),
        ]);
        let webhooks = format!("/api/v1/stores/{store}/webhooks");
        let body = r#"{"url":"https://example.com/hook","enabled":false}"#;
        let made = client.call_as(Some(key), "POST", &webhooks, body).await;
        if made.status.is_success() {
            ids.insert("webhooks", text(&made.body["id"]));
        }
        Self { store, ids }
    }

    /// The operation's path with these ids in it.
    fn path(&self, operation: &Operation) -> String {
        let (mut parts, mut before) = (Vec::new(), "");
        for part in operation.path.split('/') {
            let filled = match (part.starts_with('{'), before) {
                (false, _) => part.to_owned(),
                (true, "stores") => self.store.to_string(),
                (true, "pull-payments") if operation.path.contains("{payout}") => {
                    self.ids["pull-payments"].clone()
                }
                (true, word) => self.ids.get(word).cloned().unwrap_or("x".to_owned()),
            };
            parts.push(filled);
            before = part;
        }
        let path = parts.join("/");
        if path.starts_with("/v1") {
            format!("/api{path}")
        } else {
            path
        }
    }
}

/// Everything that is on disk.
fn image(rows: &Snapshot) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut all = Vec::new();
    for table in tables::ALL {
        rows.scan(*table, &[], Order::Ascending, &mut |key, value| {
            all.push((key.to_vec(), value.to_vec()));
            std::ops::ControlFlow::Continue(())
        });
    }
    all
}

/// The world of the matrix: the operator's store, and one of somebody else.
struct Matrix {
    client: Client,
    own: Things,
    foreign: Things,
    /// Who owns the foreign store, with an unrestricted key.
    stranger: String,
}

impl Matrix {
    async fn new() -> Self {
        let client = Client::new().await;
        let (other, stranger) = client.account("two@example.com").await;
        let user = client.world.gateway.find_user(&other.to_string()).await;
        let user = user.expect("an account");
        let store = client.world.gateway.create_store(
            &user,
            "Theirs".to_owned(),
            Settings::default(),
            "{}".to_owned(),
        );
        let store = store.await.expect("a store").id;
        let own = client.authorization.clone().expect("a key");
        Self {
            own: Things::made(&client, client.world.shop, &own).await,
            foreign: Things::made(&client, store, &stranger).await,
            client,
            stranger,
        }
    }

    async fn call(&self, operation: &Operation, path: &str, key: Option<&str>) -> Answer {
        // Accounts are read before it is asked who may make them.
        let body = if operation.path == "/v1/users" {
            r#"{"email":"new@example.com","password":"long enough"}"#
        } else {
            ""
        };
        let method = operation.method.as_str();
        self.client.peek_as(key, method, path, body).await
    }

    /// Nobody comes in without a right.
    async fn refuses(&self, cell: &str, operation: &Operation, path: &str, key: &str, right: &str) {
        let answer = self.call(operation, path, Some(key)).await;
        let place = format!("{} {path} {cell}: {answer:?}", operation.method);
        assert_eq!(
            answer.refusal(),
            (403, "missing-permission".to_owned()),
            "{place}"
        );
        assert_eq!(answer.body["missingPermission"], right, "{place}");
    }

    /// Who has the right comes in: whatever else is wrong, it isn't that.
    async fn admits(&self, cell: &str, operation: &Operation, path: &str, key: Option<&str>) {
        let answer = self.call(operation, path, key).await;
        let status = answer.status.as_u16();
        let stopped = status == 401 || answer.refusal() == (403, "missing-permission".to_owned());
        let place = format!("{} {path} {cell}: {answer:?}", operation.method);
        assert!(!stopped && status < 500 || status == 503, "{place}");
    }
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
    let store = &client.world.gateway.store;
    let before = image(&store.snapshot());
    let mut cells = 0;
    for (operation, line) in all() {
        let path = matrix.own.path(&operation);
        let rights = rights(&line.who);
        if line.who != Who::Public {
            for key in [None, Some("token 0000000000000000000000000000000000000000")] {
                let answer = matrix.call(&operation, &path, key).await;
                let refusal = answer.refusal();
                let place = format!("{} {path}", operation.method);
                assert_eq!(refusal, (401, "unauthenticated".to_owned()), "{place}");
                cells += 1;
            }
        }
        let [right, further @ ..] = rights.as_slice() else {
            continue;
        };
        matrix
            .refuses("no right", &operation, &path, &nothing, right)
            .await;
        cells += 1;
        for (name, key) in &keys {
            if implies(name, right) {
                continue;
            }
            // What is nobody's is nobody's to see: the list of stores is shorter, or refused.
            matrix.refuses(name, &operation, &path, key, right).await;
            cells += 1;
        }
        if !right.starts_with("btcpay.store.") {
            continue;
        }
        let scoped = |store: StoreId| {
            let texts: Vec<String> = rights.iter().map(|one| format!("{one}:{store}")).collect();
            async move {
                let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
                client.key_of(owner, &texts).await
            }
        };
        let (here, there) = (
            scoped(matrix.own.store).await,
            scoped(matrix.foreign.store).await,
        );
        let all_of_it = client.authorization.as_deref().expect("a key");
        if names_store(&operation, &matrix.own) {
            // Somebody else's store, by every route, with every key.
            let foreign = matrix.foreign.path(&operation);
            for key in [here.as_str(), there.as_str()] {
                matrix
                    .refuses("foreign", &operation, &foreign, key, right)
                    .await;
            }
            if expected::opens_to_the_operator(&line) {
                let key = Some(all_of_it);
                matrix.admits("operator", &operation, &foreign, key).await;
            } else {
                matrix
                    .refuses("foreign", &operation, &foreign, all_of_it, right)
                    .await;
            }
            matrix
                .refuses("their key", &operation, &path, &matrix.stranger, right)
                .await;
            matrix
                .refuses("other scope", &operation, &path, &there, right)
                .await;
            cells += 5;
        }
        if operation.path.starts_with("/v1/stores/{store}/") {
            // D35: an item of theirs below a store of ours, and the other way round.
            let (ours, theirs) = (
                matrix.own.store.to_string(),
                matrix.foreign.store.to_string(),
            );
            let mixed = matrix.foreign.path(&operation).replace(&theirs, &ours);
            let room = operation.path.split('/').nth(4).unwrap_or_default();
            let two_routes = ["invoices", "pull-payments", "payouts", "webhooks"];
            let item = operation.path.split('/').nth(5).is_some();
            if item && two_routes.contains(&room) {
                matrix
                    .refuses("mixed", &operation, &mixed, all_of_it, right)
                    .await;
                let mixed = path.replace(&ours, &theirs);
                matrix
                    .refuses("mixed", &operation, &mixed, all_of_it, right)
                    .await;
                matrix
                    .refuses("mixed", &operation, &mixed, &matrix.stranger, right)
                    .await;
                cells += 3;
            }
        }
        if names_no_store(&operation.path) && operation.method == "POST" {
            matrix
                .refuses("scoped", &operation, &path, &here, right)
                .await;
            cells += 1;
        }
        for (place, missing) in further.iter().enumerate() {
            let some: Vec<&str> = (rights.iter().enumerate())
                .filter(|(one, _)| *one != place + 1)
                .map(|(_, right)| right.as_str())
                .collect();
            let key = client.key_of(owner, &some).await;
            matrix
                .refuses("one missing", &operation, &path, &key, missing)
                .await;
            cells += 1;
        }
    }
    assert!(cells > 2_000, "only {cells} cells");
    // The keys that the test itself has made since are new; nothing else is.
    let after = image(&store.snapshot());
    let gone = before.iter().filter(|row| !after.contains(row)).count();
    assert_eq!(gone, 0, "a refused request changed rows");
    let new: Vec<_> = after.iter().filter(|row| !before.contains(row)).collect();
    let made = client.world.gateway.api_keys_of(owner).await.len() - keys.len() - 2;
    assert_eq!(new.len(), made, "a refused request added rows");
}

#[tokio::test]
async fn who_has_the_right_comes_in() {
    for (operation, line) in all() {
        let matrix = Matrix::new().await;
        let client = &matrix.client;
        let owner = client.world.user;
        let path = matrix.own.path(&operation);
        match &line.who {
            Who::Public => matrix.admits("nobody", &operation, &path, None).await,
            Who::AnyKey => {
                let key = client.key_of(owner, &[]).await;
                matrix
                    .admits("no right", &operation, &path, Some(&key))
                    .await;
            }
            Who::Rights(_) | Who::Open(_) => {
                let rights = rights(&line.who);
                let own: Vec<&str> = rights.iter().map(String::as_str).collect();
                let key = client.key_of(owner, &own).await;
                matrix
                    .admits("just right", &operation, &path, Some(&key))
                    .await;
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
        let (user, key) = client.account(&email).await;
        let gateway = &client.world.gateway;
        let added = gateway.add_member(client.world.shop, email, role, owner);
        added.await.expect("added");
        people.push((role, user, key));
    }
    for (operation, line) in all() {
        // Only looking: doing it would change what the next cell finds.
        if operation.method != "GET" {
            continue;
        }
        let path = matrix.own.path(&operation);
        let Who::Rights(rights) = &line.who else {
            continue;
        };
        let right = &rights[0];
        let parents = permissions()
            .into_iter()
            .filter(|name| implies(name, right));
        for parent in parents {
            let key = client.key_of(owner, &[parent]).await;
            matrix.admits(parent, &operation, &path, Some(&key)).await;
            if parent.starts_with("btcpay.store.") {
                let scoped = format!("{parent}:{}", client.world.shop);
                assert!(Grant::parse(&scoped).is_some());
                let key = client.key_of(owner, &[&scoped]).await;
                matrix.admits(&scoped, &operation, &path, Some(&key)).await;
            }
        }
        for (role, _, key) in &people {
            let may = match right.as_str() {
                UNRESTRICTED => true,
                name if name.starts_with("btcpay.user.") => true,
                name if name.starts_with("btcpay.server.") => false,
                name => role.may(name) || names_no_store(&operation.path),
            };
            // Of a guest's own store nothing is drawn from the node; this one is the operator's.
            if may {
                matrix
                    .admits(role.name(), &operation, &path, Some(key))
                    .await;
            } else {
                matrix
                    .refuses(role.name(), &operation, &path, key, right)
                    .await;
            }
        }
    }
}
