//! The courier of webhooks: what is due is sent, to many endpoints at a time; one that hangs or fails delays nobody else.
//!
//! P10 no money event is lost: a message stays due until what came of it is committed, so after a crash it is sent again
//! with the same id. What came of a try, the next try and whose turn it is then are one commit.

use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::task::Poll;

use futures::FutureExt;
use futures::future::BoxFuture;
use tracing::{debug, info, warn};

use crate::domain::ids::{DeliveryId, WebhookId};
use crate::domain::time::Timestamp;
use crate::domain::webhook::{Delivery, Endpoint, Outcome, sign};
use crate::ports::courier::Parcel;
use crate::service::{Gateway, webhook};
use crate::store;
use crate::store::webhook::DeliveryRef;

/// Messages under way at once: each holds a connection and its body.
const UNDER_WAY_MAX: usize = 512;

/// Messages under way to one endpoint.
const PER_ENDPOINT_MAX: usize = 8;

/// The same if its last message was not taken: it is not to be buried while it recovers, and must not take the places of
/// others while it hangs.
const PER_FAILING_ENDPOINT_MAX: usize = 2;

/// Looks at least so often.
const ROUND_SECS: u64 = 60;

/// Before the next try if what came of one could not be written.
const NOT_NOTED_SECS: u64 = 10;

/// Old messages in one job of the writer.
const PRUNE_BATCH: usize = 256;

/// Carries messages to webhooks.
pub struct WebhookCourier {
    gateway: Arc<Gateway>,
    under_way: UnderWay,
    /// To whom each of them goes.
    places: BTreeMap<DeliveryId, WebhookId>,
    /// Endpoints whose last message was not taken.
    failing: BTreeSet<WebhookId>,
    /// The last endpoint that got a place; the next look begins behind it, so that all have their turn.
    last: Option<WebhookId>,
}

/// Tries that are under way. They are looked at in the order in which they set out, however they were woken: nothing
/// but the world decides which is over first.
#[derive(Default)]
struct UnderWay(Vec<BoxFuture<'static, Done>>);

impl UnderWay {
    fn push(&mut self, one: BoxFuture<'static, Done>) {
        self.0.push(one);
    }

    /// The next that is over; `None` if none is under way. May be dropped at any point.
    fn next(&mut self) -> impl Future<Output = Option<Done>> + '_ {
        poll_fn(|context| {
            for place in 0..self.0.len() {
                if let Poll::Ready(done) = self.0[place].as_mut().poll(context) {
                    drop(self.0.remove(place));
                    return Poll::Ready(Some(done));
                }
            }
            if self.0.is_empty() {
                Poll::Ready(None)
            } else {
                Poll::Pending
            }
        })
    }
}

/// A try is over.
struct Done {
    target: DeliveryRef,
    /// The endpoint has taken it; `None` if it was not asked.
    taken: Option<bool>,
}

impl WebhookCourier {
    /// A courier that has not looked yet.
    pub fn new(gateway: Arc<Gateway>) -> Self {
        Self {
            gateway,
            under_way: UnderWay::default(),
            places: BTreeMap::new(),
            failing: BTreeSet::new(),
            last: None,
        }
    }

    /// Sets out with what is due, and says when to look again. It waits for no answer: see [`Self::progress`].
    pub async fn activate(&mut self) -> Timestamp {
        let now = self.gateway.now();
        let round = now.plus_secs(ROUND_SECS);
        let prune = prune(&self.gateway, now).await;
        let (due, next) = self.due(now).await;
        for target in due {
            self.places.insert(target.delivery, target.webhook);
            self.last = Some(target.webhook);
            let gateway = self.gateway.clone();
            self.under_way.push(carry(gateway, target).boxed());
        }
        // Never twice in the same millisecond.
        [next, prune]
            .into_iter()
            .flatten()
            .fold(round, Timestamp::min)
            .max(Timestamp(now.0.saturating_add(1)))
    }

    /// Resolves when a message that was under way is over: then a place is free, and the next about the same object may be
    /// due. Never, if none is under way. May be dropped at any point.
    pub async fn progress(&mut self) {
        if let Some(done) = self.under_way.next().await {
            self.places.remove(&done.target.delivery);
            match done.taken {
                Some(true) => {
                    self.failing.remove(&done.target.webhook);
                }
                Some(false) => {
                    self.failing.insert(done.target.webhook);
                }
                None => {}
            }
        } else {
            // An endpoint that has nothing due any more need not be remembered.
            self.failing.clear();
            std::future::pending::<()>().await;
        }
    }

    /// How many messages are under way.
    pub fn under_way(&self) -> usize {
        self.places.len()
    }

    /// Until all that is under way is over.
    pub async fn finish(&mut self) {
        while self.under_way.next().await.is_some() {}
    }

    /// What may set out now, and the date of what may next.
    fn due(
        &self,
        now: Timestamp,
    ) -> impl Future<Output = (Vec<DeliveryRef>, Option<Timestamp>)> + Send + use<> {
        let mut busy: BTreeMap<WebhookId, usize> = BTreeMap::new();
        for webhook in self.places.values() {
            *busy.entry(*webhook).or_default() += 1;
        }
        let under_way: BTreeSet<DeliveryId> = self.places.keys().copied().collect();
        let failing = self.failing.clone();
        let last = self.last;
        let mut free = UNDER_WAY_MAX.saturating_sub(under_way.len());
        let store = self.gateway.store.clone();
        async move {
            store
                .read(move |rows| {
                    let (mut found, mut next) = (Vec::new(), None::<Timestamp>);
                    let mut endpoints = store::webhook::waiting_endpoints(rows);
                    let behind = endpoints.partition_point(|webhook| Some(*webhook) <= last);
                    endpoints.rotate_left(behind);
                    for webhook in endpoints {
                        let most = if failing.contains(&webhook) {
                            PER_FAILING_ENDPOINT_MAX
                        } else {
                            PER_ENDPOINT_MAX
                        };
                        let taken = busy.get(&webhook).copied().unwrap_or_default();
                        let mut places = most.saturating_sub(taken).min(free);
                        let later = store::webhook::due(rows, webhook, now, &mut |target| {
                            if places == 0 {
                                return ControlFlow::Break(());
                            }
                            if !under_way.contains(&target.delivery) {
                                found.push(target);
                                places -= 1;
                                free -= 1;
                            }
                            ControlFlow::Continue(())
                        });
                        next = match (next, later) {
                            (Some(next), Some(later)) => Some(next.min(later)),
                            (next, later) => next.or(later),
                        };
                    }
                    (found, next)
                })
                .await
        }
    }
}

/// Prunes what is old, and says when to look for more.
async fn prune(gateway: &Gateway, now: Timestamp) -> Option<Timestamp> {
    let next = gateway
        .store
        .read(|rows| store::webhook::next_prune(rows))
        .await?;
    if next > now {
        return Some(next);
    }
    gateway
        .store
        .insist("webhooks-prune", move |tx| {
            store::webhook::prune(tx, now, PRUNE_BATCH);
            store::webhook::next_prune(tx)
        })
        .await
        .ok()
        .flatten()
}

/// One try, from reading the settings to writing what came of it.
async fn carry(gateway: Arc<Gateway>, target: DeliveryRef) -> Done {
    let DeliveryRef {
        store,
        webhook,
        delivery,
    } = target;
    let seen = gateway.store.read(move |rows| {
        let endpoint = store::webhook::get(rows, store, webhook);
        let delivery = store::webhook::delivery(rows, store, webhook, delivery)?;
        Some((endpoint, delivery))
    });
    let mut done = Done {
        target,
        taken: None,
    };
    let Some((endpoint, delivery)) = seen.await.filter(|(_, one)| one.due_at().is_some()) else {
        return done;
    };
    let outcome = match delivery.obstacle(endpoint.as_ref()) {
        Some(why) => Outcome::NotSent(why.to_owned()),
        None => send(&gateway, endpoint.as_ref(), &delivery).await,
    };
    if !matches!(outcome, Outcome::NotSent(_)) {
        done.taken = Some(outcome.is_success());
    }
    tell(&delivery, &outcome);
    let now = gateway.now();
    let noted = gateway
        .store
        .insist("webhook-tried", move |tx| {
            note(tx, target, outcome, now);
        })
        .await;
    if noted.is_err() {
        let until = gateway.now().plus_secs(NOT_NOTED_SECS);
        gateway.clock.sleep_until(until).await;
    }
    done
}

async fn send(gateway: &Gateway, endpoint: Option<&Endpoint>, delivery: &Delivery) -> Outcome {
    let Some((endpoint, body)) = endpoint.zip(webhook::body(delivery)) else {
        return Outcome::NotSent("There is nothing to send.".to_owned());
    };
    let parcel = Parcel {
        url: endpoint.url.clone(),
        reach: gateway.reach(endpoint.trusted),
        signature: sign(&endpoint.secret, &body),
        body,
    };
    gateway.courier.deliver(parcel).await
}

fn note(tx: &mut store::Tx<'_>, target: DeliveryRef, outcome: Outcome, now: Timestamp) {
    let DeliveryRef {
        store,
        webhook,
        delivery,
    } = target;
    let found = store::webhook::delivery(tx, store, webhook, delivery);
    let Some(before) = found.filter(|one| one.due_at().is_some()) else {
        return;
    };
    let retries = store::webhook::get(tx, store, webhook)
        .is_some_and(|endpoint| endpoint.enabled && endpoint.automatic_redelivery);
    let tried = before.clone().tried(outcome, retries, now);
    store::webhook::settle(tx, &before, &tried);
}

fn tell(delivery: &Delivery, outcome: &Outcome) {
    let (id, webhook, attempt) = (delivery.id, delivery.webhook, delivery.attempt);
    match outcome {
        Outcome::Answered(code @ 200..=299) => {
            debug!(delivery.id = %id, "delivery {id} to webhook {webhook} was taken with {code}");
        }
        Outcome::Answered(code) => {
            warn!(delivery.id = %id, attempt, "webhook {webhook} answered {code} to delivery {id}");
        }
        Outcome::NoAnswer(why) => {
            warn!(delivery.id = %id, attempt, "webhook {webhook} did not answer to delivery {id}: {why}");
        }
        Outcome::NotSent(why) => {
            info!(delivery.id = %id, "delivery {id} to webhook {webhook} is given up: {why}");
        }
    }
}
