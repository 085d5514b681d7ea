//! The journal as a feed: what webhooks are told, to be fetched by whoever can't be called.

use crate::domain::ids::StoreId;
use crate::domain::webhook::Event;
use crate::service::Gateway;
use crate::store;

/// The most events of one page.
pub const FEED_TAKE_MAX: usize = 1_000;

/// Facts looked through for one page: most are not told.
const LOOK_MAX: usize = 4_096;

/// A part of the feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedPage {
    /// Events in order. Those of one fact have the same number and are never parted.
    pub events: Vec<Event>,
    /// Everything up to this number has been looked at: the next page is what comes after it.
    pub last: u64,
    /// There is more to look at now.
    pub more: bool,
}

impl Gateway {
    /// What happened in a store after a number, at most about so many events. What it is about is told as it is now, as far
    /// as the fact itself does not say how it was.
    pub async fn feed(&self, store: StoreId, after: u64, take: usize) -> FeedPage {
        let take = take.clamp(1, FEED_TAKE_MAX);
        // Most facts tell an event.
        let look = LOOK_MAX.min(take.saturating_mul(8));
        self.store
            .read(move |rows| {
                let entries = store::journal::after(rows, store, after, look);
                let mut page = FeedPage {
                    events: Vec::new(),
                    last: after,
                    more: entries.len() == look,
                };
                for entry in entries {
                    if page.events.len() >= take {
                        page.more = true;
                        break;
                    }
                    page.last = entry.sequence;
                    page.events.extend(store::webhook::events_of(rows, &entry));
                }
                page
            })
            .await
    }
}
