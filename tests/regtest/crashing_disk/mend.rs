//! The channels between the two: all usable or closed, and new ones in the place of those that are closed.

use tokio::time::{Instant, sleep};
use tollway::domain::money::Sat;
use tollway::ports::lightning::Lightning;

use super::life::{LOOK, Life};
use crate::house::{PATIENCE, until};

/// A channel's size.
const CHANNEL: Sat = Sat(16_000_000);
/// Channels in the beginning, and whenever too few are left.
const CHANNELS: usize = 6;
/// Of fewer, the next power cut might leave none.
const CHANNELS_MIN: usize = 2;
/// Blocks until a channel is used.
const DEPTH: u64 = 6;
/// Blocks within which nothing more comes from closed channels for a while.
const CLEAR_BLOCKS_MAX: u64 = 24;
/// So many looks, and blocks are mined.
const LOOKS: u32 = 100;

impl Life {
    /// Channels are usable or closed; if few are left, others are opened, by both sides in turn.
    pub async fn channels(&self) {
        let mut open = self.usable().await;
        if open >= CHANNELS_MIN {
            return;
        }
        // A channel of which only one side knows says nothing about payments.
        self.power.steady(true);
        self.clear().await;
        while open < CHANNELS {
            // One for each before a block comes: ldk-node may spend a coin again while it has not seen it spent.
            self.open(0).await;
            self.open(1).await;
            self.mine(1).await;
            open += 2;
        }
        self.mine(DEPTH).await;
        let now = self.usable().await;
        assert!(now >= CHANNELS_MIN, "{now} channels after new ones");
        for side in &self.sides {
            side.house.ready().await;
        }
        self.power.steady(false);
    }

    /// What bumps a closed channel's transactions spends coins that ldk-node's wallet would give to a new channel, too.
    async fn clear(&self) {
        for _ in 0..CLEAR_BLOCKS_MAX {
            if !self.reacts().await && !self.is_claim_due() {
                return;
            }
            self.next_block().await;
        }
        panic!("closed channels go on to spend coins");
    }

    /// Opens a channel and waits until its funding transaction is in the mempool.
    async fn open(&self, from: usize) {
        let (from, to) = (&self.sides[from].house, &self.sides[1 - from].house);
        let before = from.node.channels().await.unwrap();
        let peer = to.node.node_id();
        let opened = from.node.open_channel(peer, &to.address, CHANNEL).await;
        assert_eq!(opened, Ok(()));
        until("funding broadcast", || async {
            let waiting = self.call("getrawmempool", &[]).to_string();
            let mut channels = from.node.channels().await.unwrap();
            channels.retain(|one| before.iter().all(|known| known.funding != one.funding));
            let mut fundings = channels.iter().filter_map(|one| one.funding.as_deref());
            fundings.any(|funding| waiting.contains(&funding[..64]))
        })
        .await;
    }

    /// Waits until both sides have the same channels and can use them: how many.
    pub async fn usable(&self) -> usize {
        let begin = Instant::now();
        let mut looks = 0;
        loop {
            let mut counts = Vec::new();
            for side in &self.sides {
                let channels = side.house.node.channels().await.unwrap();
                let all = channels.iter().all(|channel| channel.is_usable);
                counts.push(all.then_some(channels.len()));
            }
            if let [Some(one), Some(two)] = counts[..]
                && one == two
            {
                self.say(&format!("usable channels: {one}"));
                return one;
            }
            assert!(begin.elapsed() < PATIENCE, "channels of no use: {counts:?}");
            sleep(LOOK).await;
            looks += 1;
            if looks % LOOKS == 0 {
                self.say(&format!("channels not usable yet: {counts:?}"));
                self.next_block().await;
            }
        }
    }
}
