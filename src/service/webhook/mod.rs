//! Webhooks: who is told, what they were told, and the same as a feed.

mod body;
mod feed;

use std::ops::ControlFlow;

pub use body::{body, feed_item};
pub use feed::{FEED_TAKE_MAX, FeedPage};

use super::{Gateway, Unavailable};
use crate::domain::ids::{DeliveryId, StoreId, WebhookId};
use crate::domain::webhook::{Delivery, Endpoint, Events, Secret};
use crate::ports::courier::{BadUrl, Reach};
use crate::store::{self, WriteError};

/// A URL is no longer than this, in bytes.
pub const URL_BYTES_MAX: usize = 2_048;

/// Endpoints that a store may have: each fact is written once for each of them.
const ENDPOINTS_MAX: usize = 50;

/// What is wanted of an endpoint.
#[derive(Clone, Debug)]
pub struct Wish {
    /// Where to.
    pub url: String,
    /// It is told.
    pub enabled: bool,
    /// What fails for now is tried again.
    pub automatic_redelivery: bool,
    /// What it wants to hear.
    pub events: Events,
    /// What its messages are signed with; a new endpoint gets one, an old one keeps its own, if `None`.
    pub secret: Option<Secret>,
    /// Whoever asks runs the server: the URL may be in the server's own network (D38).
    pub by_operator: bool,
}

/// Why something about a webhook is not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebhookRefusal {
    /// 404 `webhook-not-found`.
    #[error("There is no such webhook.")]
    Unknown,
    /// 404 `webhookdelivery-not-found`.
    #[error("There is no such delivery.")]
    UnknownDelivery,
    /// 409 `webhookdelivery-pruned`.
    #[error("What was delivered is not kept any more.")]
    Pruned,
    /// 422 `Url`.
    #[error("{0}")]
    Url(String),
    /// 400.
    #[error("A store has at most {ENDPOINTS_MAX} webhooks.")]
    TooMany,
    /// 503.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<WriteError> for WebhookRefusal {
    fn from(error: WriteError) -> Self {
        Self::Unavailable(error.into())
    }
}

impl From<BadUrl> for WebhookRefusal {
    fn from(BadUrl(why): BadUrl) -> Self {
        Self::Url(why)
    }
}

impl Gateway {
    /// Makes an endpoint. Its secret is shown to whoever made it, and to nobody afterwards.
    pub async fn create_webhook(
        &self,
        store: StoreId,
        wish: Wish,
    ) -> Result<Endpoint, WebhookRefusal> {
        self.check_url(&wish.url, wish.by_operator)?;
        let endpoint = Endpoint {
            id: WebhookId(self.random()),
            store,
            url: wish.url,
            enabled: wish.enabled,
            automatic_redelivery: wish.automatic_redelivery,
            events: wish.events,
            secret: wish
                .secret
                .unwrap_or_else(|| Secret::generated(self.random())),
            created: self.now(),
            trusted: wish.by_operator,
        };
        self.store
            .try_write("webhook-create", move |tx| {
                if store::webhook::of_store(tx, store).len() >= ENDPOINTS_MAX {
                    return Err(WebhookRefusal::TooMany);
                }
                store::webhook::put(tx, &endpoint);
                Ok(endpoint)
            })
            .await
    }

    /// Changes an endpoint.
    pub async fn update_webhook(
        &self,
        store: StoreId,
        id: WebhookId,
        wish: Wish,
    ) -> Result<Endpoint, WebhookRefusal> {
        let before = self
            .store
            .read(move |rows| store::webhook::get(rows, store, id))
            .await
            .ok_or(WebhookRefusal::Unknown)?;
        // Who leaves the URL alone need not have the right to set it.
        let kept = before.trusted && before.url == wish.url;
        let trusted = kept || wish.by_operator;
        self.check_url(&wish.url, trusted)?;
        self.store
            .try_write("webhook-update", move |tx| {
                let before = store::webhook::get(tx, store, id).ok_or(WebhookRefusal::Unknown)?;
                let endpoint = Endpoint {
                    trusted: wish.by_operator || (before.trusted && before.url == wish.url),
                    url: wish.url,
                    enabled: wish.enabled,
                    automatic_redelivery: wish.automatic_redelivery,
                    events: wish.events,
                    secret: wish.secret.unwrap_or(before.secret),
                    ..before
                };
                store::webhook::put(tx, &endpoint);
                Ok(endpoint)
            })
            .await
    }

    /// Removes an endpoint: it gets nothing more, and what it got can't be read any more.
    pub async fn delete_webhook(
        &self,
        store: StoreId,
        id: WebhookId,
    ) -> Result<(), WebhookRefusal> {
        self.store
            .try_write("webhook-delete", move |tx| {
                store::webhook::get(tx, store, id).ok_or(WebhookRefusal::Unknown)?;
                store::webhook::remove(tx, store, id);
                Ok(())
            })
            .await
    }

    /// A store's endpoints, oldest first.
    pub async fn webhooks(&self, store: StoreId) -> Vec<Endpoint> {
        self.store
            .read(move |rows| store::webhook::of_store(rows, store))
            .await
    }

    /// An endpoint.
    pub async fn webhook(&self, store: StoreId, id: WebhookId) -> Option<Endpoint> {
        self.store
            .read(move |rows| store::webhook::get(rows, store, id))
            .await
    }

    /// An endpoint's messages, the newest first: those that `wanted` says, at most so many.
    pub async fn deliveries(
        &self,
        store: StoreId,
        id: WebhookId,
        count: usize,
        wanted: fn(&Delivery) -> bool,
    ) -> Vec<Delivery> {
        self.store
            .read(move |rows| {
                let mut found = Vec::new();
                if count == 0 {
                    return found;
                }
                store::webhook::newest_first(rows, store, id, &mut |delivery| {
                    if wanted(&delivery) {
                        found.push(delivery);
                    }
                    if found.len() < count {
                        ControlFlow::Continue(())
                    } else {
                        ControlFlow::Break(())
                    }
                });
                found
            })
            .await
    }

    /// A message.
    pub async fn delivery(
        &self,
        store: StoreId,
        webhook: WebhookId,
        id: DeliveryId,
    ) -> Result<Delivery, WebhookRefusal> {
        self.store
            .read(move |rows| store::webhook::delivery(rows, store, webhook, id))
            .await
            .ok_or(WebhookRefusal::UnknownDelivery)
    }

    /// Sends once more what a message told.
    pub async fn redeliver(
        &self,
        store: StoreId,
        webhook: WebhookId,
        id: DeliveryId,
    ) -> Result<DeliveryId, WebhookRefusal> {
        let (new, now) = (DeliveryId(self.random()), self.now());
        self.store
            .try_write("webhook-redeliver", move |tx| {
                store::webhook::get(tx, store, webhook).ok_or(WebhookRefusal::Unknown)?;
                let before = store::webhook::delivery(tx, store, webhook, id)
                    .ok_or(WebhookRefusal::UnknownDelivery)?;
                let again = before.again(new, now).ok_or(WebhookRefusal::Pruned)?;
                store::webhook::put_new(tx, &again);
                Ok(new)
            })
            .await
    }

    fn check_url(&self, url: &str, trusted: bool) -> Result<(), WebhookRefusal> {
        if url.len() > URL_BYTES_MAX {
            let why = format!("A URL has at most {URL_BYTES_MAX} bytes.");
            return Err(WebhookRefusal::Url(why));
        }
        Ok(self.courier.check(url, self.reach(trusted))?)
    }

    /// Where messages to an endpoint may go.
    pub const fn reach(&self, trusted: bool) -> Reach {
        if trusted || self.private_webhooks {
            Reach::Anywhere
        } else {
            Reach::Public
        }
    }
}
