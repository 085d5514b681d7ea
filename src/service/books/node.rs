//! What the node holds, in one reading that the books can be compared with.

use std::collections::BTreeMap;

use crate::domain::ledger::{Account, Signed};
use crate::domain::money::Sat;
use crate::ports::lightning::{ChannelKey, Holdings, Sweep, SweepStanding};
use crate::service::Gateway;
use crate::store::channel::{BookedChannel, Phase};
use crate::store::{self, Rows, Tx};

/// What the books say of the node, and what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeReading {
    /// The balance of its account.
    pub booked: Signed,
    /// Channels, its own wallet, and what is on its way back from closed channels.
    pub held: Signed,
    /// Its channels, those included of which not everything is back.
    pub channels: BTreeMap<ChannelKey, SeenChannel>,
}

/// A channel as a reading found it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeenChannel {
    /// How far it is.
    pub phase: Phase,
    /// Its size, while it is open and we did not open it: all of it may be a peer's gift.
    pub gift: Sat,
}

/// Why there is no reading.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotRead {
    /// The node is not there.
    #[error("{0}")]
    Node(String),
    /// A payment came or went while we looked. Look again.
    #[error("payments came and went all the time")]
    Moving,
}

impl Gateway {
    /// Reads the node's holdings and its account, if neither moved meanwhile.
    pub async fn read_node(&self) -> Result<NodeReading, NotRead> {
        let look = |rows: &store::Snapshot| {
            (
                store::ledger::balance(rows, Account::Node),
                store::channel::all(rows),
            )
        };
        let before = self.store.glance(look);
        let holdings = self.lightning.holdings().await;
        let holdings = holdings.map_err(|e| NotRead::Node(e.to_string()))?;
        let in_mempool = self.sweeps_in_mempool(&holdings).await?;
        let after = self.store.glance(look);
        if before != after {
            return Err(NotRead::Moving);
        }
        let (booked, known) = after;
        Ok(NodeReading {
            booked,
            held: held(&holdings, &known, &in_mempool),
            channels: channels(&holdings),
        })
    }

    /// Of each sweep whether the node's own wallet counts what it brings: it does once the mempool has it.
    async fn sweeps_in_mempool(&self, holdings: &Holdings) -> Result<Vec<bool>, NotRead> {
        let mut there = Vec::new();
        for sweep in &holdings.sweeps {
            there.push(match sweep.standing {
                SweepStanding::Waiting => false,
                SweepStanding::Confirmed => true,
                SweepStanding::Broadcast(txid) => {
                    let found = self.chain.mempool_transaction(txid).await;
                    found.map_err(|e| NotRead::Node(e.to_string()))?.is_some()
                }
            });
        }
        Ok(there)
    }
}

fn held(
    holdings: &Holdings,
    known: &BTreeMap<ChannelKey, BookedChannel>,
    in_wallet: &[bool],
) -> Signed {
    let open: Signed = (holdings.channels.iter())
        .map(|one| Signed::from(one.ours))
        .sum();
    let closing: Sat = (holdings.closing.iter())
        .filter(|one| {
            let agreed = known.get(&one.channel).is_some_and(|row| row.cooperative);
            !one.in_wallet && !agreed
        })
        .map(|one| one.amount)
        .sum();
    let sweeping: Sat = (holdings.sweeps.iter().zip(in_wallet))
        .filter(|(_, in_wallet)| !**in_wallet)
        .map(|(sweep, _)| sweep.amount)
        .sum();
    let onchain = holdings.wallet.plus(closing).plus(sweeping);
    open + onchain.to_msat().into()
}

fn channels(holdings: &Holdings) -> BTreeMap<ChannelKey, SeenChannel> {
    let closing = |channel| {
        let seen = SeenChannel {
            phase: Phase::Closing,
            gift: Sat::ZERO,
        };
        (channel, seen)
    };
    let is_over = |sweep: &&Sweep| match sweep.standing {
        SweepStanding::Waiting | SweepStanding::Broadcast(_) => false,
        SweepStanding::Confirmed => true,
    };
    let open = holdings.channels.iter().map(|one| {
        let phase = if one.ready {
            Phase::Open
        } else {
            Phase::Opening
        };
        let gift = if one.outbound {
            Sat::ZERO
        } else {
            one.capacity
        };
        (one.channel, SeenChannel { phase, gift })
    });
    let back = (holdings.closing.iter())
        .map(|one| one.channel)
        .chain(
            (holdings.sweeps.iter())
                .filter(|sweep| !is_over(sweep))
                .filter_map(|sweep| sweep.channel),
        )
        .map(closing);
    open.chain(back).collect()
}

/// Notes how a channel was closed: by agreement, what is ours of it is in the node's wallet at once.
pub fn channel_closed(tx: &mut Tx<'_>, channel: ChannelKey, cooperative: bool) {
    let known = store::channel::get(tx as &dyn Rows, channel);
    let booked = BookedChannel {
        phase: known.map_or(Phase::Opening, |known| known.phase),
        cooperative,
    };
    store::channel::put(tx, channel, booked);
}
