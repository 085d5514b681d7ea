//! Webhooks: what is told, when, in which order, and what becomes of it (P10).

mod bodies;
mod order;
mod rules;

use serde_json::Value;
use tollway::domain::ids::WebhookId;
use tollway::domain::webhook::{Delivery, Endpoint, Events};
use tollway::ports::courier::Parcel;
use tollway::service::webhook::Wish;

use crate::support::World;

const SHOP: &str = "https://shop.example/hook";
const OTHER: &str = "https://other.example/hook";

fn wish(url: &str) -> Wish {
    Wish {
        url: url.to_owned(),
        enabled: true,
        automatic_redelivery: true,
        events: Events::default(),
        secret: None,
        by_operator: false,
    }
}

pub async fn webhook(world: &World, url: &str) -> Endpoint {
    let made = world.gateway.create_webhook(world.shop, wish(url)).await;
    made.expect("a webhook")
}

fn body(parcel: &Parcel) -> Value {
    serde_json::from_slice(&parcel.body).expect("a body is JSON")
}

fn types(parcels: &[Parcel]) -> Vec<String> {
    let kind = |parcel| body(parcel)["type"].as_str().expect("a type").to_owned();
    parcels.iter().map(kind).collect()
}

/// All messages to an endpoint, the oldest first.
async fn messages(world: &World, webhook: WebhookId) -> Vec<Delivery> {
    let mut all = world
        .gateway
        .deliveries(world.shop, webhook, usize::MAX, |_| true)
        .await;
    all.reverse();
    all
}
