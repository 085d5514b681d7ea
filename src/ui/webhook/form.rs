//! The form of a webhook.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::domain::webhook::{Endpoint, Events, Kind};
use crate::service::webhook::Wish;

/// Names of the boxes of events begin so.
const EVENT: &str = "event_";

/// What is wanted of a webhook. A box that is not ticked is not sent.
#[derive(Debug, Deserialize)]
pub struct WebhookForm {
    url: String,
    enabled: Option<String>,
    automatic_redelivery: Option<String>,
    everything: Option<String>,
    #[serde(flatten)]
    rest: BTreeMap<String, String>,
}

/// What the form shows.
#[derive(Clone, Debug)]
pub struct FormView {
    /// Where to.
    pub url: String,
    /// It is told.
    pub enabled: bool,
    /// What fails for now is sent again.
    pub automatic_redelivery: bool,
    /// It wants everything.
    pub everything: bool,
    /// Events it may want, each with whether it does.
    pub events: Vec<EventBox>,
}

/// A box of the form.
#[derive(Clone, Debug)]
pub struct EventBox {
    /// What it is called when it is sent.
    pub field: String,
    /// The event.
    pub name: &'static str,
    /// It is ticked.
    pub ticked: bool,
}

impl WebhookForm {
    /// As it is asked for. Names of events that we don't know, and so don't show, stay as they were.
    pub fn wish(&self, before: Option<&Endpoint>, by_operator: bool) -> Wish {
        let known = |name: &str| Kind::ALL.iter().any(|kind| kind.name() == name);
        let kept = before
            .into_iter()
            .flat_map(|endpoint| &endpoint.events.specific)
            .filter(|name| !known(name))
            .cloned();
        let ticked = Kind::ALL.iter().filter(|kind| self.ticks(kind.name()));
        Wish {
            url: self.url.trim().to_owned(),
            enabled: self.enabled.is_some(),
            automatic_redelivery: self.automatic_redelivery.is_some(),
            events: Events {
                everything: self.everything.is_some(),
                specific: ticked
                    .map(|kind| kind.name().to_owned())
                    .chain(kept)
                    .collect(),
            },
            secret: None,
            by_operator,
        }
    }

    fn ticks(&self, name: &str) -> bool {
        self.rest.contains_key(&format!("{EVENT}{name}"))
    }
}

impl FormView {
    /// Of a webhook to be made.
    pub fn fresh() -> Self {
        Self {
            url: String::new(),
            enabled: true,
            automatic_redelivery: true,
            everything: true,
            events: boxes(|_| false),
        }
    }

    /// Of a webhook as it is.
    pub fn of(endpoint: &Endpoint) -> Self {
        let specific = &endpoint.events.specific;
        Self {
            url: endpoint.url.clone(),
            enabled: endpoint.enabled,
            automatic_redelivery: endpoint.automatic_redelivery,
            everything: endpoint.events.everything,
            events: boxes(|name| specific.iter().any(|one| one.eq_ignore_ascii_case(name))),
        }
    }

    /// As it was sent.
    pub fn again(form: &WebhookForm) -> Self {
        Self {
            url: form.url.clone(),
            enabled: form.enabled.is_some(),
            automatic_redelivery: form.automatic_redelivery.is_some(),
            everything: form.everything.is_some(),
            events: boxes(|name| form.ticks(name)),
        }
    }
}

fn boxes(ticked: impl Fn(&str) -> bool) -> Vec<EventBox> {
    let one = |kind: &Kind| EventBox {
        field: format!("{EVENT}{}", kind.name()),
        name: kind.name(),
        ticked: ticked(kind.name()),
    };
    Kind::ALL.iter().map(one).collect()
}
