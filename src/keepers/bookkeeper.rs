//! The bookkeeper: books what channels cost. LDK doesn't say what an opening, a closing or a sweep cost; what it holds
//! afterwards does.
//!
//! A difference between the node and its account is booked only where a channel was opened, closed or is closing since the
//! last booking, only up to what that can cost, and only when two looks some seconds apart find the same. Any other
//! difference stays for the audit to show.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tracing::{error, info};

use super::gate::Gate;
use crate::domain::fact::Fact;
use crate::domain::ids::StoreId;
use crate::domain::ledger::{Account, Signed};
use crate::domain::money::{Msat, Sat};
use crate::domain::time::Timestamp;
use crate::ports::lightning::{ChannelKey, NodeState};
use crate::service::Gateway;
use crate::service::books::node::{NodeReading, NotRead};
use crate::store::channel::{BookedChannel, Phase};
use crate::store::{self, Tx};

/// Between looks. The node's wallet looks at the mempool every two seconds: what is found twice is no delay of that.
const LOOK_SECS: u64 = 3;

/// What one event of a channel may explain: its funding, commitment, anchor bump and sweep weigh about 1,000 virtual bytes
/// together, here at 100 sat each, and the anchors and what is dust are small beside that.
pub const CHANNEL_COST_MAX: Sat = Sat(100_000);

/// Books channel costs.
pub struct Bookkeeper {
    gateway: Arc<Gateway>,
    gate: Arc<Gate>,
    last: Option<NodeReading>,
    told: Option<Signed>,
}

/// What has happened to channels since the last booking.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct News {
    /// Rows to write; `None` for a channel that is over.
    rows: BTreeMap<ChannelKey, Option<Phase>>,
    /// Those, and the ones that are closing: their costs are still coming.
    moving: BTreeSet<ChannelKey>,
    /// What a peer may have put into its new channels for us.
    gifts: Sat,
}

impl Bookkeeper {
    /// A bookkeeper that has not looked yet.
    pub const fn new(gateway: Arc<Gateway>, gate: Arc<Gate>) -> Self {
        Self {
            gateway,
            gate,
            last: None,
            told: None,
        }
    }

    /// Looks, and says when to look again.
    pub async fn activate(&mut self) -> Timestamp {
        let now = self.gateway.now();
        let next = now.plus_secs(LOOK_SECS);
        // A payment that the node has told of and we have not heard is no channel's cost.
        let heard = self.gate.is_reconciled() && self.gate.is_quiet(now);
        if !heard || self.gateway.lightning.state() != NodeState::Ready {
            self.last = None;
            return next;
        }
        match self.gateway.read_node().await {
            Ok(reading) => {
                // Payments may have come and gone between the two: the difference is what has to be the same.
                let same = self.last.as_ref().is_some_and(|last| {
                    last.held - last.booked == reading.held - reading.booked
                        && last.channels == reading.channels
                });
                if same {
                    self.book(&reading).await;
                }
                self.last = Some(reading);
            }
            Err(NotRead::Moving | NotRead::Node(_)) => {}
        }
        next
    }

    async fn book(&mut self, reading: &NodeReading) {
        let (seen, now) = (reading.clone(), self.gateway.now());
        let booked = self
            .gateway
            .store
            .insist("books-channels", move |tx| book(tx, &seen, now))
            .await;
        match booked {
            Ok(Booked::TooMuch(difference)) if self.told != Some(difference) => {
                error!(
                    "the node's channels explain no difference of {difference}: it is not booked, and the audit shows it"
                );
                self.told = Some(difference);
            }
            Ok(Booked::Cost(difference)) => {
                info!("channels changed the node's balance by {difference}");
            }
            // A closed store ends the process; what was not booked is found again after the next start.
            Ok(Booked::TooMuch(_) | Booked::Nothing) | Err(_) => {}
        }
    }
}

/// What came of a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Booked {
    Nothing,
    Cost(Signed),
    TooMuch(Signed),
}

fn book(tx: &mut Tx<'_>, reading: &NodeReading, now: Timestamp) -> Booked {
    let known = store::channel::all(tx);
    let news = news(&known, reading);
    // A payment that came in meanwhile is in both by now, or this look is out of date.
    if news.moving.is_empty() || store::ledger::balance(tx, Account::Node) != reading.booked {
        return Booked::Nothing;
    }
    let difference = reading.held - reading.booked;
    if !explains(&news, difference) {
        return Booked::TooMuch(difference);
    }
    for (channel, phase) in &news.rows {
        match phase {
            Some(phase) => {
                let booked = BookedChannel {
                    phase: *phase,
                    cooperative: known.get(channel).is_some_and(|row| row.cooperative),
                };
                store::channel::put(tx, *channel, booked);
            }
            None => store::channel::remove(tx, *channel),
        }
    }
    if difference == Signed::ZERO {
        return Booked::Nothing;
    }
    let names: Vec<String> = news.moving.iter().map(ToString::to_string).collect();
    let what = names.join(", ");
    let amount = difference.distance();
    let fact = if difference < Signed::ZERO {
        Fact::NodeCost { what, amount }
    } else {
        Fact::NodeGain { what, amount }
    };
    tx.announce(StoreId::HOUSE, vec![fact], now);
    Booked::Cost(difference)
}

fn news(known: &BTreeMap<ChannelKey, BookedChannel>, reading: &NodeReading) -> News {
    let mut news = News::default();
    for (channel, seen) in &reading.channels {
        let before = known.get(channel).map(|row| row.phase);
        if before != Some(seen.phase) {
            news.rows.insert(*channel, Some(seen.phase));
        }
        if before != Some(seen.phase) || seen.phase == Phase::Closing {
            news.moving.insert(*channel);
        }
        if before.is_none() {
            news.gifts = news.gifts.plus(seen.gift);
        }
    }
    for channel in known.keys() {
        if !reading.channels.contains_key(channel) {
            news.rows.insert(*channel, None);
            news.moving.insert(*channel);
        }
    }
    news
}

/// Whether what happened to channels can have made this difference.
fn explains(news: &News, difference: Signed) -> bool {
    let channels = u64::try_from(news.moving.len()).unwrap_or(u64::MAX);
    let most = Sat(CHANNEL_COST_MAX.0.saturating_mul(channels)).to_msat();
    let most = if difference > Signed::ZERO {
        most.plus(news.gifts.to_msat())
    } else {
        most
    };
    let distance: Msat = difference.distance();
    distance <= most
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::books::node::SeenChannel;

    const ONE: ChannelKey = ChannelKey([1; 32]);

    fn reading(held: i128, phase: Option<Phase>, gift: u64) -> NodeReading {
        let seen = |phase| SeenChannel {
            phase,
            gift: Sat(gift),
        };
        NodeReading {
            booked: Signed(0),
            held: Signed(held),
            channels: phase.into_iter().map(|phase| (ONE, seen(phase))).collect(),
        }
    }

    fn known(phase: Phase) -> BTreeMap<ChannelKey, BookedChannel> {
        let cooperative = false;
        BTreeMap::from([(ONE, BookedChannel { phase, cooperative })])
    }

    #[test]
    fn only_a_channel_that_moved_explains_a_difference() {
        let limit = i128::from(CHANNEL_COST_MAX.0) * 1_000;
        let none = BTreeMap::new();
        let rows = [
            (
                "open as it was",
                known(Phase::Open),
                Some(Phase::Open),
                0,
                -1,
                false,
            ),
            ("new", none.clone(), Some(Phase::Opening), 0, -limit, true),
            (
                "new, far too dear",
                none.clone(),
                Some(Phase::Opening),
                0,
                -limit - 1,
                false,
            ),
            (
                "new, a gift of the peer",
                none.clone(),
                Some(Phase::Open),
                50,
                limit + 50_000,
                true,
            ),
            (
                "new, more than it can hold",
                none,
                Some(Phase::Open),
                50,
                limit + 50_001,
                false,
            ),
            (
                "known, no gift any more",
                known(Phase::Opening),
                Some(Phase::Open),
                50,
                limit + 1,
                false,
            ),
            (
                "closes",
                known(Phase::Open),
                Some(Phase::Closing),
                0,
                -limit,
                true,
            ),
            (
                "still closing",
                known(Phase::Closing),
                Some(Phase::Closing),
                0,
                -5,
                true,
            ),
            ("over", known(Phase::Closing), None, 0, -5, true),
        ];
        for (name, known, phase, gift, held, explained) in rows {
            let reading = reading(held, phase, gift);
            let news = news(&known, &reading);
            assert_eq!(
                explains(&news, reading.held - reading.booked),
                explained,
                "{name}"
            );
        }
    }
}
