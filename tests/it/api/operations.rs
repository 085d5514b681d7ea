//! Every operation of the router has a name and an address.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tollway::api::operations::Operation;
use tollway::domain::ids::PaymentHash;
use tollway::domain::money::Msat;

use super::{Client, text};

const ADDRESS: &str = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";
const ANOTHER: &str = "bcrt1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3qzf4jry";

/// Something of everything that a path can name.
pub struct Things {
    store: String,
    user: String,
    key: String,
    invoice: String,
    pull_payment: String,
    claim: String,
    payout: String,
    stray: String,
    lightning_invoice: String,
    webhook: String,
}

impl Things {
    pub async fn of(client: &Client) -> Self {
        let shop = |rest: &str| client.shop(rest);
        let made = async |path: String, body: Value, member: &str| {
            text(&client.post(&path, body).await.ok()[member])
        };
        let invoice = made(
            shop("/invoices"),
            json!({"amount": 5000, "currency": "SATS"}),
            "id",
        )
        .await;
        let pull = json!({"name": "Pull", "amount": "0.01", "currency": "BTC"});
        let pull_payment = made(shop("/pull-payments"), pull, "id").await;
        let wish = |destination: &str| json!({"destination": destination, "payoutMethodId": "BTC-CHAIN", "amount": "0.001"});
        let claims = format!("/api/v1/pull-payments/{pull_payment}/payouts");
        let claim = made(claims, wish(ADDRESS), "id").await;
        let payout = made(shop("/payouts"), wish(ANOTHER), "id").await;
        let node = "/api/v1/server/lightning/BTC/invoices".to_owned();
        let lightning_invoice = made(node, json!({"amount": "1000"}), "id").await;
        let hook = json!({"url": "https://example.com/hook", "enabled": false});
        let webhook = made(shop("/webhooks"), hook, "id").await;
        let stray = PaymentHash([9; 32]);
        client.world.receive(stray, Msat(1_000_500)).await;
        let key = client.key(&["unrestricted"]).await;
        Self {
            store: client.world.shop.to_string(),
            user: client.world.user.to_string(),
            key: key.trim_start_matches("token ").to_owned(),
            invoice,
            pull_payment,
            claim,
            payout,
            stray: stray.to_string(),
            lightning_invoice,
            webhook,
        }
    }

    /// A real address of the operation: its path with these things in it; `None` where it names something else.
    pub fn address(&self, one: &Operation) -> Option<String> {
        let address = one.address();
        let parts: Vec<&str> = address.split('/').collect();
        let filled = parts.iter().enumerate().map(|(place, part)| {
            let Some(name) = part
                .strip_prefix('{')
                .and_then(|part| part.strip_suffix('}'))
            else {
                return Some(*part);
            };
            Some(match (parts[place - 1], name) {
                (_, "store") => &self.store,
                (_, "user") => &self.user,
                (_, "apikey") => &self.key,
                (_, "crypto") | ("onchain", "method") => "BTC",
                ("payment-methods", "method") => "BTC-CHAIN",
                (_, "method") => "BTC-LN",
                (_, "factory") => "LightningAutomatedPayoutSenderFactory",
                (_, "rateSource") => "fallback",
                (_, "payment") => &self.stray,
                ("invoices", "id") => &self.invoice,
                ("pull-payments", "id") => &self.pull_payment,
                ("payouts", "payout") => &self.claim,
                ("payouts", "id") => &self.payout,
                ("webhooks", "id") => &self.webhook,
                (_, "hash") => &self.lightning_invoice,
                _ => return None,
            })
        });
        Some(filled.collect::<Option<Vec<_>>>()?.join("/"))
    }
}

#[test]
fn every_operation_has_a_name_of_its_own() {
    let operations = tollway::api::operations();
    let mut names = BTreeSet::new();
    for one in operations.iter() {
        assert!(names.insert(&one.id), "{} twice: {}", one.id, one.path);
    }
    assert!(names.contains(&"Invoices_GetInvoice".to_owned()));
    assert!(names.contains(&"Invoices_GetInvoiceInStore".to_owned()));
}
