//! One message to one endpoint, and what becomes of it.

use minicbor::{Decode, Encode};

use super::{Endpoint, Event};
use crate::domain::ids::{DeliveryId, StoreId, WebhookId};
use crate::domain::time::Timestamp;

/// After a try without success the next one waits so long, in seconds (Greenfield 5.5): at most nine tries in all.
pub const RETRY_SECS: [u64; 8] = [10, 60, 600, 600, 600, 600, 600, 600];

/// After so many tries without success, messages about the same object no longer wait (D43).
pub const OVERTAKEN_AFTER: u32 = 2;

/// They go so long after the third try, in seconds: if the endpoint is back, the order is kept all the same.
pub const OVERTAKE_SECS: u64 = 2;

/// What was sent can be read, and sent again, for so long: 60 days.
pub const KEEP_BODY_SECS: u64 = 60 * 86_400;

/// That it was sent is known for so long: 180 days.
pub const KEEP_ROW_SECS: u64 = 180 * 86_400;

/// One message.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Delivery {
    /// Its id.
    #[n(0)]
    pub id: DeliveryId,
    /// Whose.
    #[n(1)]
    pub store: StoreId,
    /// To whom.
    #[n(2)]
    pub webhook: WebhookId,
    /// The first message that told the same; its own id if it is the first.
    #[n(3)]
    pub original: DeliveryId,
    /// Which try since the fact, or since a person asked for another, from 1.
    #[n(4)]
    pub attempt: u32,
    /// When it was made.
    #[n(5)]
    pub made: Timestamp,
    /// Place of its fact in the journal.
    #[n(6)]
    pub sequence: u64,
    /// Which event of that fact, from 0.
    #[n(7)]
    pub part: u8,
    /// How it stands.
    #[n(8)]
    pub standing: Standing,
    /// It has its turn among the messages about the same object. One that a person asked for, or that was overtaken, has not.
    #[n(9)]
    pub in_line: bool,
    /// What it tells; `None` after [`KEEP_BODY_SECS`].
    #[n(10)]
    pub event: Option<Event>,
}

/// How a message stands.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Standing {
    /// An earlier message about the same object is not over.
    #[n(0)]
    Waiting,
    /// It is to be sent.
    #[n(1)]
    Due {
        /// Not before.
        #[n(0)]
        at: Timestamp,
    },
    /// The endpoint has taken it.
    #[n(2)]
    Delivered {
        /// When.
        #[n(0)]
        at: Timestamp,
        /// The HTTP status, 200 to 299.
        #[n(1)]
        code: u16,
    },
    /// It was not taken, and another message tells the same later.
    #[n(3)]
    Retried {
        /// When it was tried.
        #[n(0)]
        at: Timestamp,
        /// What came of it.
        #[n(1)]
        outcome: Outcome,
        /// When the other one is due.
        #[n(2)]
        next_at: Timestamp,
    },
    /// It was not taken, and nothing follows.
    #[n(4)]
    GivenUp {
        /// When.
        #[n(0)]
        at: Timestamp,
        /// What came of it.
        #[n(1)]
        outcome: Outcome,
    },
}

/// What came of a try.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Outcome {
    /// The endpoint answered with this HTTP status.
    #[n(0)]
    Answered(#[n(0)] u16),
    /// No answer came: why, in words.
    #[n(1)]
    NoAnswer(#[n(0)] String),
    /// It was not sent: why, in words.
    #[n(2)]
    NotSent(#[n(0)] String),
}

impl Outcome {
    /// The endpoint has taken it.
    pub const fn is_success(&self) -> bool {
        matches!(self, Self::Answered(200..=299))
    }

    /// It may go better another time.
    pub const fn may_pass(&self) -> bool {
        match self {
            Self::Answered(code) => matches!(code, 408 | 429 | 500..=599),
            Self::NoAnswer(_) => true,
            Self::NotSent(_) => false,
        }
    }
}

/// What a try comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Tried {
    /// The message that was tried.
    pub after: Delivery,
    /// The one that repeats it.
    pub retry: Option<Delivery>,
    /// Since when the next message about the same object may go; `None` if this one still stands before it.
    pub next_in_line: Option<Timestamp>,
}

impl Delivery {
    /// The first message about an event. `part` counts the events of its fact from 0; `waits`: an earlier message about the
    /// same object is not over.
    pub fn of_fact(endpoint: &Endpoint, event: Event, part: u8, waits: bool) -> Self {
        let id = DeliveryId::of_fact(endpoint.id, event.sequence, part);
        let at = event.at;
        Self {
            id,
            store: endpoint.store,
            webhook: endpoint.id,
            original: id,
            attempt: 1,
            made: at,
            sequence: event.sequence,
            part,
            standing: if waits {
                Standing::Waiting
            } else {
                Standing::Due { at }
            },
            in_line: true,
            event: Some(event),
        }
    }

    /// Another message that tells the same, because a person asked for it. `None` if what it told is not kept any more.
    pub fn again(&self, id: DeliveryId, now: Timestamp) -> Option<Self> {
        Some(Self {
            id,
            attempt: 1,
            made: now,
            standing: Standing::Due { at: now },
            in_line: false,
            event: Some(self.event.clone()?),
            ..self.clone()
        })
    }

    /// Whether it repeats another one (Greenfield `isRedelivery`).
    pub fn is_redelivery(&self) -> bool {
        self.id != self.original
    }

    /// It has not been sent, and will be.
    pub const fn is_open(&self) -> bool {
        match self.standing {
            Standing::Waiting | Standing::Due { .. } => true,
            Standing::Delivered { .. } | Standing::Retried { .. } | Standing::GivenUp { .. } => {
                false
            }
        }
    }

    /// When it is to be sent.
    pub const fn due_at(&self) -> Option<Timestamp> {
        match self.standing {
            Standing::Due { at } => Some(at),
            Standing::Waiting
            | Standing::Delivered { .. }
            | Standing::Retried { .. }
            | Standing::GivenUp { .. } => None,
        }
    }

    /// Its turn has come.
    #[must_use]
    pub fn called(self, at: Timestamp) -> Self {
        match self.standing {
            Standing::Waiting => Self {
                standing: Standing::Due { at },
                ..self
            },
            Standing::Due { .. }
            | Standing::Delivered { .. }
            | Standing::Retried { .. }
            | Standing::GivenUp { .. } => self,
        }
    }

    /// Why it is not to be sent after all, by the endpoint's settings as they are now.
    pub fn obstacle(&self, endpoint: Option<&Endpoint>) -> Option<&'static str> {
        let Some(endpoint) = endpoint else {
            return Some("The webhook was deleted.");
        };
        let Some(event) = &self.event else {
            return Some("What it told is not kept any more.");
        };
        let asked_for = !self.in_line && self.attempt == 1;
        if !endpoint.enabled {
            Some("The webhook is disabled.")
        } else if !asked_for && !endpoint.wants(event.kind) {
            Some("The webhook does not want this event any more.")
        } else if self.attempt > 1 && !endpoint.automatic_redelivery {
            Some("The webhook does not want to be tried again.")
        } else {
            None
        }
    }

    /// It was tried. `retries`: the endpoint wants what fails for now to be tried again.
    pub fn tried(self, outcome: Outcome, retries: bool, now: Timestamp) -> Tried {
        let over = self.in_line.then_some(now);
        if let Outcome::Answered(code @ 200..=299) = outcome {
            return Tried {
                after: self.standing_as(Standing::Delivered { at: now, code }),
                retry: None,
                next_in_line: over,
            };
        }
        let tries = usize::try_from(self.attempt.saturating_sub(1)).unwrap_or(usize::MAX);
        let wait = RETRY_SECS
            .get(tries)
            .filter(|_| retries && outcome.may_pass() && self.event.is_some());
        let Some(wait) = wait else {
            return Tried {
                after: self.standing_as(Standing::GivenUp { at: now, outcome }),
                retry: None,
                next_in_line: over,
            };
        };
        let next_at = now.plus_secs(*wait);
        let overtaken = self.attempt >= OVERTAKEN_AFTER;
        let retry = Self {
            id: self.id.next(),
            attempt: self.attempt.saturating_add(1),
            made: now,
            standing: Standing::Due { at: next_at },
            in_line: self.in_line && !overtaken,
            ..self.clone()
        };
        let next_in_line = (self.in_line && overtaken).then(|| next_at.plus_secs(OVERTAKE_SECS));
        Tried {
            after: self.standing_as(Standing::Retried {
                at: now,
                outcome,
                next_at,
            }),
            retry: Some(retry),
            next_in_line,
        }
    }

    fn standing_as(self, standing: Standing) -> Self {
        Self { standing, ..self }
    }
}
