//! The fetcher of rates: asks every source that is due, all at once, and writes what they say on the board.

use std::sync::Arc;

use futures::future::join_all;
use tracing::{info, warn};

use crate::domain::rates::Board;
use crate::domain::time::Timestamp;
use crate::ports::clock::Clock;
use crate::ports::rates::RateSource;
use crate::service::rates::RateBoard;

/// Nobody to ask: looks again so much later.
const IDLE_SECS: u64 = 3_600;

/// Fetches rates. Requests never wait for it.
pub struct RateFetcher {
    sources: Vec<Arc<dyn RateSource>>,
    board: Arc<RateBoard>,
    clock: Arc<dyn Clock>,
}

impl RateFetcher {
    /// A fetcher of these sources, which are on the board.
    pub fn new(
        sources: Vec<Arc<dyn RateSource>>,
        board: Arc<RateBoard>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            sources,
            board,
            clock,
        }
    }

    /// Asks who is due, and says when somebody is next.
    pub async fn activate(&self) -> Timestamp {
        let due = self.board.with(|board| board.due(self.clock.now()));
        let asked = self
            .sources
            .iter()
            .filter(|source| due.iter().any(|id| id == source.id()));
        join_all(asked.map(|source| self.ask(source.as_ref()))).await;
        let now = self.clock.now();
        let next = self.board.with(|board| board.next(now));
        next.unwrap_or_else(|| now.plus_secs(IDLE_SECS))
    }

    async fn ask(&self, source: &dyn RateSource) {
        // A price is as old as the question.
        let asked_at = self.clock.now();
        let (id, name) = (source.id(), source.name());
        match source.fetch().await {
            Ok(quotes) => {
                let count = quotes.len();
                let failures = self.board.with(|board| {
                    let before = failures(board, id);
                    board.answered(id, asked_at, quotes);
                    before
                });
                if failures > 0 {
                    info!("{name} tells prices again, of {count} pairs");
                }
            }
            Err(error) => {
                let why = error.why.clone();
                let failures = self.board.with(|board| {
                    board.failed(id, asked_at, error.why, error.retry_after_secs);
                    failures(board, id)
                });
                // Once, until it answers again.
                if failures == 1 {
                    warn!("{name} tells no prices: {why}");
                }
            }
        }
    }
}

fn failures(board: &Board, id: &str) -> u32 {
    let mut sources = board.sources();
    sources
        .find(|(known, _)| *known == id)
        .map_or(0, |(_, source)| source.failures())
}
