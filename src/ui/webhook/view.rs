//! What the dashboard shows of webhooks.

use crate::domain::webhook::{Delivery, Endpoint, Outcome, Standing};
use crate::service::webhook;
use crate::ui::format::{Badge, When};

/// A webhook of the list.
#[derive(Clone, Debug)]
pub struct EndpointRow {
    /// Its page.
    pub href: String,
    /// Where it leads.
    pub url: String,
    /// Whether it is told.
    pub badge: Badge,
}

/// Something that a webhook was told.
#[derive(Clone, Debug)]
pub struct DeliveryRow {
    /// What kind of event; empty if that is not kept any more.
    pub kind: &'static str,
    /// How it went.
    pub badge: Badge,
    /// What came of it, in words.
    pub outcome: String,
    /// When it was made.
    pub when: When,
    /// Which try.
    pub attempt: u32,
    /// When it is tried again, or first.
    pub next: Option<When>,
    /// What was sent, or will be.
    pub body: Option<String>,
    /// Where the button to send it again leads.
    pub redeliver: String,
}

impl EndpointRow {
    /// A row; `path` is that of the list.
    pub fn of(endpoint: &Endpoint, path: &str) -> Self {
        Self {
            href: format!("{path}/{}", endpoint.id),
            url: endpoint.url.clone(),
            badge: if endpoint.enabled {
                Badge::new("On", "good")
            } else {
                Badge::new("Off", "")
            },
        }
    }
}

impl DeliveryRow {
    /// A row; `path` is that of the webhook.
    pub fn of(delivery: &Delivery, path: &str) -> Self {
        let (badge, outcome, next) = match &delivery.standing {
            Standing::Waiting => {
                let why = "An earlier message about the same object is not over.";
                (Badge::new("Waits", ""), why.to_owned(), None)
            }
            Standing::Due { at } => (Badge::new("Due", "busy"), String::new(), Some(*at)),
            Standing::Delivered { code, .. } => {
                let outcome = words(&Outcome::Answered(*code));
                (Badge::new("Delivered", "good"), outcome, None)
            }
            Standing::Retried {
                outcome, next_at, ..
            } => (Badge::new("Failed", "wait"), words(outcome), Some(*next_at)),
            Standing::GivenUp { outcome, .. } => {
                (Badge::new("Given up", "bad"), words(outcome), None)
            }
        };
        let body = webhook::body(delivery).and_then(|bytes| String::from_utf8(bytes).ok());
        Self {
            kind: delivery
                .event
                .as_ref()
                .map_or("", |event| event.kind.name()),
            badge,
            outcome,
            when: delivery.made.into(),
            attempt: delivery.attempt,
            next: next.map(When::from),
            body,
            redeliver: format!("{path}/deliveries/{}/redeliver", delivery.id),
        }
    }
}

fn words(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Answered(code) => format!("It answered with HTTP status {code}."),
        Outcome::NoAnswer(why) => format!("No answer: {}.", why.trim_end_matches('.')),
        Outcome::NotSent(why) => format!("Not sent: {}.", why.trim_end_matches('.')),
    }
}
