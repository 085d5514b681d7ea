//! Live pages. A page carries a mark of what it shows; its stream sends the mark of what is true now, at once and
//! whenever it changes, and the page fetches itself when the two differ.

use std::convert::Infallible;
use std::sync::Arc;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::Stream;
use sha2::{Digest, Sha256};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::domain::fact::Entry;
use crate::service::Gateway;

/// Streams open at once: each holds a connection and a place in the memory. A page without one looks by itself.
const STREAMS_MAX: usize = 1_024;

/// Looks at least so often, in seconds: not all that a page shows is a fact (confirmations are not).
const LOOK_SECS: u64 = 10;

/// Places for streams.
#[derive(Clone)]
pub struct Places(Arc<Semaphore>);

impl Default for Places {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(STREAMS_MAX)))
    }
}

/// A short mark of whatever is shown.
pub fn mark(shown: &impl std::fmt::Debug) -> String {
    hex::encode(&Sha256::digest(format!("{shown:?}").as_bytes())[..8])
}

/// A stream of marks. `concerns` picks the facts after which `look` is asked; the stream ends when `look` has nothing.
pub fn stream<L, F>(
    gateway: &Arc<Gateway>,
    places: &Places,
    concerns: impl Fn(&Entry) -> bool + Send + Sync + 'static,
    look: L,
) -> Response
where
    L: Fn(Arc<Gateway>) -> F + Send + Sync + 'static,
    F: Future<Output = Option<String>> + Send + 'static,
{
    let Ok(place) = places.0.clone().try_acquire_owned() else {
        let wait = [(header::RETRY_AFTER, HeaderValue::from_static("10"))];
        return (StatusCode::SERVICE_UNAVAILABLE, wait).into_response();
    };
    let mut response = Sse::new(marks(gateway.clone(), place, concerns, look))
        .keep_alive(KeepAlive::default())
        .into_response();
    // Proxies that gather answers would hold the news back.
    response
        .headers_mut()
        .insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

fn marks<L, F>(
    gateway: Arc<Gateway>,
    place: OwnedSemaphorePermit,
    concerns: impl Fn(&Entry) -> bool + Send + Sync + 'static,
    look: L,
) -> impl Stream<Item = Result<Event, Infallible>>
where
    L: Fn(Arc<Gateway>) -> F + Send + Sync + 'static,
    F: Future<Output = Option<String>> + Send + 'static,
{
    // Listen first, then look: what happens in between is heard.
    let live = gateway.store.signals().live();
    let start = (live, None::<String>, place, gateway, concerns, look);
    futures::stream::unfold(
        start,
        |(mut live, told, place, gateway, concerns, look)| async move {
            loop {
                let now = look(gateway.clone()).await?;
                if told.as_ref() != Some(&now) {
                    let event = Event::default().data(&now);
                    return Some((Ok(event), (live, Some(now), place, gateway, concerns, look)));
                }
                let until = gateway.now().plus_secs(LOOK_SECS);
                let heard = async {
                    loop {
                        match live.recv().await {
                            Ok(entry) if !concerns(&entry) => {}
                            Ok(_) | Err(RecvError::Lagged(_)) => return true,
                            Err(RecvError::Closed) => return false,
                        }
                    }
                };
                tokio::select! {
                    open = heard => if !open { return None; },
                    () = gateway.clock.sleep_until(until) => {}
                }
            }
        },
    )
}
