//! Shapes of webhooks (Greenfield 4.8).

use serde::Serialize;
use utoipa::ToSchema;

use crate::api::extract::Input;
use crate::domain::time::Timestamp;
use crate::domain::webhook::{Delivery, Endpoint, Events, Outcome, Secret, Standing};
use crate::service::webhook::Wish;

/// Names of events that an endpoint may list, and how long each may be.
const EVENTS_MAX: usize = 100;
const EVENT_BYTES_MAX: usize = 100;

/// A secret is no longer than this, in bytes.
const SECRET_BYTES_MAX: usize = 1_024;

/// `WebhookData`; with `secret` only where it was just made.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebhookData {
    id: String,
    /// It is told.
    enabled: bool,
    /// What fails for now is sent again: 5xx, 429, 408, or no answer.
    automatic_redelivery: bool,
    /// Absolute, `http` or `https`.
    url: String,
    authorized_events: AuthorizedEvents,
    /// What messages are signed with; shown only once.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuthorizedEvents {
    /// All that happens.
    everything: bool,
    /// Names of events; they count only without `everything`.
    specific_events: Vec<String>,
}

impl WebhookData {
    /// An endpoint, without its secret.
    pub fn of(endpoint: &Endpoint) -> Self {
        Self {
            id: endpoint.id.to_string(),
            enabled: endpoint.enabled,
            automatic_redelivery: endpoint.automatic_redelivery,
            url: endpoint.url.clone(),
            authorized_events: AuthorizedEvents {
                everything: endpoint.events.everything,
                specific_events: endpoint.events.specific.clone(),
            },
            secret: None,
        }
    }

    /// The same for whoever has just made it: the only time that the secret is shown.
    pub fn made(endpoint: &Endpoint) -> Self {
        Self {
            secret: Some(endpoint.secret.reveal().to_owned()),
            ..Self::of(endpoint)
        }
    }
}

/// `WebhookDataCreate` and `WebhookDataUpdate`, as [`read`] takes them.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(
    dead_code,
    reason = "it is the shape of a request, for the document alone"
)]
pub struct WebhookWish {
    /// Absolute, `http` or `https`.
    url: String,
    /// Default: true.
    enabled: Option<bool>,
    /// Send again what fails for now. Default: true.
    automatic_redelivery: Option<bool>,
    /// What it wants to hear. Default: everything.
    authorized_events: Option<AuthorizedEvents>,
    /// What messages are signed with. Default: one is made up for a new webhook, an old one keeps its own.
    secret: Option<String>,
}

/// Reads `WebhookDataCreate` and `WebhookDataUpdate`; what is absent has its default. Faults stay in the body; with one
/// the answer is not used.
pub fn read(body: &mut Input, by_operator: bool) -> Wish {
    let url = body.words("url");
    if url.is_none() {
        body.refuse("url", "Name an absolute URL.");
    }
    body.object("authorizedEvents");
    let everything = body.flag("authorizedEvents.everything").unwrap_or(true);
    let specific = body
        .texts("authorizedEvents.specificEvents")
        .unwrap_or_default();
    if specific.len() > EVENTS_MAX || specific.iter().any(|name| name.len() > EVENT_BYTES_MAX) {
        let message = format!("At most {EVENTS_MAX} names of at most {EVENT_BYTES_MAX} bytes.");
        body.refuse("authorizedEvents.specificEvents", message);
    }
    let secret = body.words("secret");
    if secret
        .as_ref()
        .is_some_and(|secret| secret.len() > SECRET_BYTES_MAX)
    {
        body.refuse(
            "secret",
            format!("A secret has at most {SECRET_BYTES_MAX} bytes."),
        );
    }
    Wish {
        url: url.unwrap_or_default().trim().to_owned(),
        enabled: body.flag("enabled").unwrap_or(true),
        automatic_redelivery: body.flag("automaticRedelivery").unwrap_or(true),
        events: Events {
            everything,
            specific,
        },
        secret: secret.map(Secret::chosen),
        by_operator,
    }
}

/// `WebhookDeliveryData`. Beyond Greenfield: `attempt`, and `nextAttemptAt` if another message tells the same later.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryData {
    id: String,
    timestamp: u64,
    delivery_time: u64,
    http_code: Option<u16>,
    error_message: Option<String>,
    status: &'static str,
    attempt: u32,
    next_attempt_at: Option<u64>,
}

impl From<&Delivery> for DeliveryData {
    fn from(delivery: &Delivery) -> Self {
        let made = delivery.made;
        let (tried, outcome, next) = match &delivery.standing {
            // Not tried yet: for Greenfield there is no such thing.
            Standing::Waiting => (made, None, Some(made)),
            Standing::Due { at } => (*at, None, Some(*at)),
            Standing::Delivered { at, code } => (*at, Some(Outcome::Answered(*code)), None),
            Standing::Retried {
                at,
                outcome,
                next_at,
            } => (*at, Some(outcome.clone()), Some(*next_at)),
            Standing::GivenUp { at, outcome } => (*at, Some(outcome.clone()), None),
        };
        let (http_code, error_message, status) = match outcome {
            Some(Outcome::Answered(code @ 200..=299)) => (Some(code), None, "HttpSuccess"),
            Some(Outcome::Answered(code)) => {
                (Some(code), Some(format!("HTTP status {code}")), "HttpError")
            }
            Some(Outcome::NoAnswer(why) | Outcome::NotSent(why)) => (None, Some(why), "Failed"),
            None => (None, Some("It has not been sent yet.".to_owned()), "Failed"),
        };
        Self {
            id: delivery.id.to_string(),
            timestamp: made.secs(),
            delivery_time: tried.secs(),
            http_code,
            error_message,
            status,
            attempt: delivery.attempt,
            next_attempt_at: next.map(Timestamp::secs),
        }
    }
}
