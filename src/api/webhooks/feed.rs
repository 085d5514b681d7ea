//! The journal as a feed (an addition to Greenfield): the events that webhooks are told, to be fetched or listened to.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::sse::{Event as Message, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt};
use serde::Serialize;
use serde_json::Value;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use utoipa::ToSchema;

use crate::api::auth::Signed;
use crate::api::error::ApiError;
use crate::api::extract::Params;
use crate::domain::fact::Entry;
use crate::domain::ids::StoreId;
use crate::http::AppState;
use crate::service::Gateway;
use crate::service::webhook::{FEED_TAKE_MAX, FeedPage, feed_item};

/// Events of a page if nobody says how many.
const TAKE: usize = 100;

/// A stream reads one fact at a time: more would wait in memory for a client that doesn't read.
const STREAM_TAKE: usize = 1;

/// The longest that a request waits for news, in seconds: proxies give up after a minute.
const WAIT_SECS_MAX: usize = 50;

/// A part of the feed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FeedData {
    /// As webhooks are told, with `sequence` and without what belongs to a delivery. Events with the same number are
    /// never on different pages.
    #[schema(value_type = Vec<Object>)]
    events: Vec<Value>,
    /// The next page is what comes after this number.
    last_sequence: u64,
}

impl From<&FeedPage> for FeedData {
    fn from(page: &FeedPage) -> Self {
        Self {
            events: page.events.iter().map(feed_item).collect(),
            last_sequence: page.last,
        }
    }
}

/// What happened in a store
///
/// The events that webhooks are told, after the number `after`, or from the beginning; at most about `take` of them (100;
/// `limit` means the same). `wait`: if there is nothing yet, wait for it so many seconds at most (up to 50). With
/// `Accept: text/event-stream` the feed goes on for ever, and `Last-Event-ID` is understood. What an event is about is told as
/// it is now, as far as the event itself does not say how it was. A feed tells all that happens in a store, so it takes the
/// right to see all of it.
#[utoipa::path(get, path = "/v1/stores/{store}/events", operation_id = "Events_GetEvents", tag = "Events",
    security(("API_Key" = ["btcpay.store.canviewstoresettings"])),
    params(
        ("after" = Option<u64>, Query, description = "Only what happened after this number."),
        ("take" = Option<u64>, Query, description = "About how many at most."),
        ("limit" = Option<u64>, Query, description = "The same."),
        ("wait" = Option<u64>, Query, description = "Seconds to wait if there is nothing yet.")),
    responses((status = 200, description = "Done.", body = FeedData)))]
pub async fn feed(
    State(state): State<AppState>,
    caller: Signed,
    Path(store): Path<String>,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let store = caller.store(&state, &store)?.id;
    let number = |name: &str| -> Result<Option<u64>, ApiError> {
        let count = params.count(name)?;
        Ok(count.and_then(|count| u64::try_from(count).ok()))
    };
    let after = number("after")?.unwrap_or(0);
    let take = match params.count("take")?.or(params.count("limit")?) {
        Some(0) => return Err(ApiError::fault("take", "This has to be at least 1.")),
        Some(take) => take.min(FEED_TAKE_MAX),
        None => TAKE,
    };
    let wait = params.count("wait")?.unwrap_or(0).min(WAIT_SECS_MAX);
    // A stream that broke off goes on where it was.
    let heard = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let heard = heard.and_then(|id| id.parse().ok()).unwrap_or(0);
    let wants_stream = headers.get_all(header::ACCEPT).iter().any(|kind| {
        kind.to_str()
            .is_ok_and(|kind| kind.contains("text/event-stream"))
    });
    if wants_stream {
        let place = state.caps.feed().ok_or_else(too_many)?;
        let live = state.gateway.store.signals().live();
        let gateway = state.gateway;
        let after = after.max(heard);
        return Ok(stream(Feed {
            gateway,
            caller,
            live,
            store,
            after,
            place,
        }));
    }
    let page = wait_for_news(&state.gateway, store, after, take, wait).await;
    if !caller.still_may(&state.gateway, store) {
        return Err(ApiError::missing_permission(caller.right()));
    }
    Ok(Json(FeedData::from(&page)).into_response())
}

fn too_many() -> ApiError {
    let message = "Too many event streams are open. Fetch the feed by pages, or try again soon.";
    ApiError::coded(StatusCode::SERVICE_UNAVAILABLE, "not-available", message).retry_after(10)
}

async fn wait_for_news(
    gateway: &Gateway,
    store: StoreId,
    after: u64,
    take: usize,
    wait: usize,
) -> FeedPage {
    let until = gateway
        .now()
        .plus_secs(u64::try_from(wait).unwrap_or_default());
    // Listen first, then look: what happens in between is heard.
    let mut live = gateway.store.signals().live();
    let mut from = after;
    loop {
        let page = gateway.feed(store, from, take).await;
        if !page.events.is_empty() {
            return page;
        }
        from = page.last;
        if page.more {
            continue;
        }
        if gateway.now() >= until {
            return page;
        }
        tokio::select! {
            open = news(&mut live, store) => if !open { return page; },
            () = gateway.clock.sleep_until(until) => {}
        }
    }
}

/// Resolves when something has happened in a store; false if the process stops.
async fn news(live: &mut Receiver<Arc<Entry>>, store: StoreId) -> bool {
    loop {
        match live.recv().await {
            Ok(entry) if entry.store != store => {}
            Ok(_) | Err(RecvError::Lagged(_)) => return true,
            Err(RecvError::Closed) => return false,
        }
    }
}

fn stream(feed: Feed) -> Response {
    let mut response = Sse::new(feed.messages())
        .keep_alive(KeepAlive::default())
        .into_response();
    // Proxies that gather answers would hold the news back.
    response
        .headers_mut()
        .insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

struct Feed {
    gateway: Arc<Gateway>,
    caller: Signed,
    live: Receiver<Arc<Entry>>,
    store: StoreId,
    after: u64,
    #[expect(dead_code, reason = "held as long as the stream lasts")]
    place: OwnedSemaphorePermit,
}

impl Feed {
    /// Ends when the process does, or with the caller's right to listen.
    fn messages(self) -> impl Stream<Item = Result<Message, Infallible>> {
        futures::stream::unfold(self, |mut feed| async move {
            loop {
                let page = feed.gateway.feed(feed.store, feed.after, STREAM_TAKE).await;
                feed.after = page.last;
                if !page.events.is_empty() {
                    let may = feed.caller.still_may(&feed.gateway, feed.store);
                    return may.then(|| (futures::stream::iter(messages(&page)), feed));
                }
                if !page.more && !news(&mut feed.live, feed.store).await {
                    return None;
                }
            }
        })
        .flatten()
    }
}

/// A page as messages. Only the last event of a fact carries its number as the message's id: a stream that breaks off
/// between the events of one fact repeats them.
fn messages(page: &FeedPage) -> Vec<Result<Message, Infallible>> {
    let mut events = page.events.iter().peekable();
    let mut messages = Vec::new();
    while let Some(event) = events.next() {
        let message = Message::default()
            .event(event.kind.name())
            .data(feed_item(event).to_string());
        let last = events
            .peek()
            .is_none_or(|next| next.sequence != event.sequence);
        messages.push(Ok(if last {
            message.id(event.sequence.to_string())
        } else {
            message
        }));
    }
    messages
}
