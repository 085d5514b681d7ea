//! The addresses that webhooks go to. They outlive the gateway, fail as the dice say, and remember what came.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use serde_json::Value;
use tollway::domain::webhook::Outcome;
use tollway::ports::clock::Clock;
use tollway::ports::courier::{BadUrl, Courier, Parcel, Reach};

use crate::dice::Dice;
use crate::executor::Pause;
use crate::log::{Log, step};
use crate::support::FakeClock;

/// An endpoint that mostly works.
pub const MOODY: &str = "https://moody.example/hook";

/// An endpoint that never takes anything.
pub const BROKEN: &str = "https://broken.example/hook";

/// How long an endpoint lets others wait before they give up, in seconds.
const HANG_SECS: u64 = 30;

/// All endpoints.
pub struct Endpoints {
    dice: Arc<Dice>,
    log: Arc<Log>,
    clock: Arc<FakeClock>,
    known: Mutex<Known>,
}

/// All that they have heard.
#[derive(Clone, Default)]
pub struct Known {
    calm: bool,
    heard: BTreeMap<(String, String), Heard>,
    violations: Vec<String>,
}

/// What an endpoint has heard of one event.
#[derive(Clone, Debug, Default)]
pub struct Heard {
    /// The object it is about.
    object: String,
    /// Place of the fact.
    sequence: u64,
    /// How often somebody called with it.
    pub calls: u32,
    /// The ids of the messages that were answered with yes.
    pub taken: Vec<String>,
    /// It was refused for good.
    refused: bool,
}

impl Endpoints {
    /// Endpoints that have heard this before.
    pub fn of(known: Known, dice: Arc<Dice>, log: Arc<Log>, clock: Arc<FakeClock>) -> Self {
        Self {
            dice,
            log,
            clock,
            known: Mutex::new(Known {
                calm: false,
                ..known
            }),
        }
    }

    /// What they have heard.
    pub fn known(&self) -> Known {
        self.with(|known| known.clone())
    }

    fn with<R>(&self, look: impl FnOnce(&mut Known) -> R) -> R {
        look(&mut self.known.lock().expect("no panic inside"))
    }

    /// From here on the moody one works.
    pub fn calm_down(&self) {
        self.with(|known| known.calm = true);
    }

    /// What an endpoint has heard of an event, by the first message's id.
    pub fn heard(&self, url: &str, original: &str) -> Option<Heard> {
        let key = (url.to_owned(), original.to_owned());
        self.with(|known| known.heard.get(&key).cloned())
    }

    /// What has come in an order that was not promised.
    pub fn violations(&self) -> Vec<String> {
        self.with(|known| std::mem::take(&mut known.violations))
    }

    /// Somebody calls. `first` of an event: those before it about the same object are over, or were called with twice.
    fn note(&self, url: &str, body: &Value) {
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        let object = text("invoiceId") + &text("payoutId");
        let sequence = body["sequence"].as_u64().unwrap_or_default();
        let original = text("originalDeliveryId");
        self.with(|known| {
            let early = known.heard.iter().find(|((to, id), heard)| {
                let before = to == url && *id != original && heard.object == object;
                let open = heard.taken.is_empty() && !heard.refused && heard.calls < 2;
                before && open && heard.sequence < sequence
            });
            if let Some(((_, id), _)) = early {
                let what = format!("P10 {original} overtakes {id} on the way to {url}");
                known.violations.push(what);
            }
            let later = known.heard.iter().find(|((to, id), heard)| {
                let same = to == url && *id != original && heard.object == object;
                same && heard.sequence > sequence
            });
            let key = (url.to_owned(), original.clone());
            if let Some(((_, id), _)) = later
                && !known.heard.contains_key(&key)
            {
                let what = format!("P10 {original} comes to {url} after {id} for the first time");
                known.violations.push(what);
            }
            let heard = known.heard.entry(key).or_default();
            (heard.object, heard.sequence) = (object, sequence);
            heard.calls += 1;
        });
    }

    fn answer(&self, url: &str, body: &Value, code: u16) -> Outcome {
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        let key = (url.to_owned(), text("originalDeliveryId"));
        self.with(|known| {
            let heard = known.heard.entry(key).or_default();
            match code {
                200..=299 => heard.taken.push(text("deliveryId")),
                404 => heard.refused = true,
                _ => {}
            }
        });
        Outcome::Answered(code)
    }
}

#[async_trait]
impl Courier for Endpoints {
    fn check(&self, _: &str, _: Reach) -> Result<(), BadUrl> {
        Ok(())
    }

    async fn deliver(&self, parcel: Parcel) -> Outcome {
        Pause::default().await;
        let url = parcel.url.as_str();
        let body: Value = serde_json::from_slice(&parcel.body).expect("a body is JSON");
        let calm = self.with(|known| known.calm);
        let mood = if url == BROKEN {
            [0, 40, 0, 30, 0, 30]
        } else if calm {
            [1, 0, 0, 0, 0, 0]
        } else {
            [70, 8, 2, 6, 8, 6]
        };
        let mood = self.dice.weighed(&mood);
        step!(self.log, "a message to {url}: {mood}");
        let silent = Outcome::NoAnswer("nothing comes back".to_owned());
        self.note(url, &body);
        let outcome = match mood {
            0 => self.answer(url, &body, 200),
            1 => {
                self.log.count("fault: a webhook answers 500");
                self.answer(url, &body, 500)
            }
            2 => {
                self.log.count("fault: a webhook refuses for good");
                self.answer(url, &body, 404)
            }
            3 => {
                self.log.count("fault: a webhook can't be reached");
                silent
            }
            4 => {
                self.log.count("fault: the answer of a webhook is lost");
                self.answer(url, &body, 200);
                silent
            }
            _ => {
                self.log.count("fault: a webhook hangs");
                let until = self.clock.now().plus_secs(HANG_SECS);
                self.clock.sleep_until(until).await;
                silent
            }
        };
        Pause::default().await;
        outcome
    }
}
