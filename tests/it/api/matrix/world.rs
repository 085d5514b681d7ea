//! The world of the matrix: two stores with one of everything, and what to expect of a call.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;
use tollway::api::operations::Operation;
use tollway::domain::ids::StoreId;
use tollway::domain::money::Currency;
use tollway::domain::receipt::Rail;
use tollway::domain::store::Settings;
use tollway::service::invoice::NewInvoice;
use tollway::store::{Order, Rows, Table, tables};

use crate::api::{Answer, Client, text};
use crate::claims::api::{address, claim};
use crate::support::World;

/// A store and what is in it, as ids.
pub struct Things {
    pub store: StoreId,
    /// By the word of the path before the id.
    pub ids: BTreeMap<&'static str, String>,
}

impl Things {
    /// One of everything that has a route of its own.
    async fn made(client: &Client, store: StoreId, key: &str) -> Self {
        let world = &client.world;
        let new = NewInvoice {
            amount: Some(Decimal::from(1_000)),
            currency: Some(Currency::SATS),
            ..NewInvoice::default()
        };
        let invoice = world.gateway.create_invoice(store, new).await;
        let mut new = World::new_pull_payment(100_000);
        new.auto_approve = false;
        let pull = world.gateway.create_pull_payment(store, new).await;
        let pull = pull.expect("a pull payment").id;
        let seed = store.0[0];
        let wish = claim(address(seed), Rail::Onchain, Some("5000"));
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
    pub fn path(&self, operation: &Operation) -> String {
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

/// The world of the matrix: the operator's store, and one of somebody else.
pub struct Matrix {
    pub client: Client,
    pub own: Things,
    pub foreign: Things,
    /// Who owns the foreign store, with an unrestricted key.
    pub stranger: String,
}

impl Matrix {
    /// Made, with one of everything in each store.
    pub async fn new() -> Self {
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

    /// Calls an operation as somebody; `None` is a stranger.
    pub async fn call(&self, operation: &Operation, path: &str, key: Option<&str>) -> Answer {
        // Accounts are read before it is asked who may make them.
        let body = if operation.path == "/v1/users" {
            r#"{"email":"new@example.com","password":"long enough"}"#
        } else {
            ""
        };
        let method = operation.method.as_str();
        self.client.peek_as(key, method, path, body).await
    }

    /// Calls of one operation on one path, which needs this right.
    pub fn cell<'m>(&'m self, operation: &'m Operation, path: &'m str, right: &'m str) -> Cell<'m> {
        Cell {
            matrix: self,
            operation,
            path,
            right,
        }
    }

    /// A key of the operator with rights on one store only.
    pub async fn scoped_key(&self, rights: &[String], store: &str) -> String {
        let texts: Vec<String> = rights.iter().map(|one| format!("{one}:{store}")).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        self.client.key_of(self.client.world.user, &texts).await
    }

    /// Everything that is on disk.
    pub fn image(&self) -> BTreeSet<Row> {
        let mut all = BTreeSet::new();
        let rows = self.client.world.gateway.store.snapshot();
        for table in tables::ALL {
            rows.scan(*table, &[], Order::Ascending, &mut |key, value| {
                all.insert((table.name(), key.to_vec(), value.to_vec()));
                std::ops::ControlFlow::Continue(())
            });
        }
        all
    }

    /// Nothing has changed since, but that the test has made keys.
    pub fn check_only_keys_are_new(&self, before: &BTreeSet<Row>) {
        let after = self.image();
        let gone: Vec<_> = before.difference(&after).collect();
        assert!(gone.is_empty(), "a refused request changed {gone:?}");
        let keys = Table::ApiKeys.name();
        let new: Vec<_> = after
            .difference(before)
            .filter(|row| row.0 != keys)
            .collect();
        assert!(new.is_empty(), "a refused request wrote {new:?}");
    }
}

/// Table, key and value.
pub type Row = (&'static str, Vec<u8>, Vec<u8>);

/// Calls of one operation.
pub struct Cell<'m> {
    matrix: &'m Matrix,
    operation: &'m Operation,
    path: &'m str,
    right: &'m str,
}

impl Cell<'_> {
    /// Nobody comes in without the right, and it is named.
    pub async fn refuses(&self, who: &str, key: &str) {
        let answer = self.matrix.call(self.operation, self.path, Some(key)).await;
        let place = format!("{} {} {who}: {answer:?}", self.operation.method, self.path);
        let expected = (403, "missing-permission".to_owned());
        assert_eq!(answer.refusal(), expected, "{place}");
        assert_eq!(answer.body["missingPermission"], self.right, "{place}");
    }

    /// Who has the right comes in: whatever else is wrong, it isn't that.
    pub async fn admits(&self, who: &str, key: Option<&str>) {
        let answer = self.matrix.call(self.operation, self.path, key).await;
        let status = answer.status.as_u16();
        let stopped = status == 401 || answer.refusal() == (403, "missing-permission".to_owned());
        let place = format!("{} {} {who}: {answer:?}", self.operation.method, self.path);
        assert!(!stopped && (status < 500 || status == 503), "{place}");
    }
}
