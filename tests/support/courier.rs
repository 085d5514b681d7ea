//! A courier whose endpoints do what a test says.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Mutex;

use async_trait::async_trait;
use tokio::sync::Notify;
use tollway::adapters::guard;
use tollway::domain::webhook::Outcome;
use tollway::ports::courier::{BadUrl, Courier, Parcel, Reach};

use super::locked;

/// Endpoints answer 200, unless they are told otherwise by their URL.
#[derive(Default)]
pub struct FakeCourier {
    endpoints: Mutex<Endpoints>,
    hung: Notify,
}

#[derive(Default)]
struct Endpoints {
    parcels: Vec<Parcel>,
    next: BTreeMap<String, VecDeque<Outcome>>,
    always: BTreeMap<String, Outcome>,
    silent: BTreeSet<String>,
    hanging: usize,
}

impl FakeCourier {
    /// The next answers of an endpoint, one for each message.
    pub fn then(&self, url: &str, outcomes: impl IntoIterator<Item = Outcome>) {
        let mut endpoints = locked(&self.endpoints);
        let next = endpoints.next.entry(url.to_owned()).or_default();
        next.extend(outcomes);
    }

    /// What an endpoint answers from now on.
    pub fn always(&self, url: &str, outcome: Outcome) {
        let mut endpoints = locked(&self.endpoints);
        endpoints.always.insert(url.to_owned(), outcome);
    }

    /// An endpoint takes messages and never answers.
    pub fn hang(&self, url: &str) {
        let mut endpoints = locked(&self.endpoints);
        endpoints.silent.insert(url.to_owned());
    }

    /// An endpoint that was silent answers from now on; what came before is lost.
    pub fn speak(&self, url: &str) {
        let mut endpoints = locked(&self.endpoints);
        endpoints.silent.remove(url);
        endpoints.hanging = 0;
    }

    /// Messages that will never be answered.
    pub fn hanging(&self) -> usize {
        locked(&self.endpoints).hanging
    }

    /// Resolves when another one is.
    pub async fn hung(&self) {
        self.hung.notified().await;
    }

    /// What came to an endpoint since the last look.
    pub fn take(&self, url: &str) -> Vec<Parcel> {
        let mut endpoints = locked(&self.endpoints);
        let all = std::mem::take(&mut endpoints.parcels);
        let (its, others) = all.into_iter().partition(|parcel| parcel.url == url);
        endpoints.parcels = others;
        its
    }
}

#[async_trait]
impl Courier for FakeCourier {
    fn check(&self, url: &str, reach: Reach) -> Result<(), BadUrl> {
        guard::check(url, reach).map(drop)
    }

    async fn deliver(&self, parcel: Parcel) -> Outcome {
        let url = parcel.url.clone();
        let outcome = {
            let mut endpoints = locked(&self.endpoints);
            endpoints.parcels.push(parcel);
            if endpoints.silent.contains(&url) {
                endpoints.hanging += 1;
                self.hung.notify_one();
                None
            } else {
                let next = endpoints.next.get_mut(&url).and_then(VecDeque::pop_front);
                let always = endpoints.always.get(&url).cloned();
                Some(next.or(always).unwrap_or(Outcome::Answered(200)))
            }
        };
        match outcome {
            Some(outcome) => outcome,
            None => std::future::pending().await,
        }
    }
}
