//! What the process with the two nodes does until its power goes, or until it is done.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, sleep};
use tollway::domain::money::{Msat, Sat};
use tollway::ports::lightning::{Lightning, NodeState};

use super::power::Power;
use super::side::{CLOSED, ISSUED, Side};
use crate::bitcoind;
use crate::dice::Dice;
use crate::house::{PATIENCE, Plot, until};

/// A channel's size.
const CHANNEL: Sat = Sat(4_000_000);
/// Coins of half a bitcoin that each side begins with.
const COINS: u64 = 10;
/// The least that is paid, in satoshis. More than a few closed channels cost, so that a payment lost or doubled shows.
const PAYMENT_SATS: u64 = 50_000;
/// The most that one closed channel and the opening of another may cost a side.
const CLOSE_MSAT: i128 = 15_000_000;
/// Blocks within which the first transactions of a closed channel are confirmed.
const SETTLE_BLOCKS_MAX: u64 = 6;
/// Between looks at channels that are not usable yet.
const LOOK: Duration = Duration::from_millis(100);
/// So many looks, and blocks are mined.
const LOOKS: u32 = 30;
/// Blocks by which everything of a closed channel is resolved.
const BLOCKS_MAX: u64 = 600;

/// What a life is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Coins and channels.
    Begin,
    /// Payments, until the power goes.
    Pay,
    /// All comes to its end, and is compared.
    Compare,
}

/// The two in their process.
pub struct Life {
    sides: [Arc<Side>; 2],
    power: Arc<Power>,
    folder: PathBuf,
    rpc_port: u16,
    begin: Instant,
}

/// Lives. The folder holds one folder for each of the two.
pub async fn live(folder: &Path, purpose: Purpose, seed: u64, operations: Option<u64>) {
    let power = Power::new(seed, operations, folder.join("end"));
    let at_a_panic = power.clone();
    std::panic::set_hook(Box::new(move |panic| {
        eprintln!("{panic}");
        at_a_panic.cut(&format!("panic: {panic}"));
    }));
    let plots = ["one", "two"].map(|name| Plot::read(&folder.join(name)));
    let sides = plots
        .each_ref()
        .map(|plot| Arc::new(Side::open(plot, &power)));
    let life = Life {
        sides,
        power,
        folder: folder.to_path_buf(),
        rpc_port: plots[0].rpc_port,
        begin: Instant::now(),
    };
    for side in &life.sides {
        side.house.ready().await;
        side.is_itself(purpose == Purpose::Begin).await;
    }
    life.say("ready");
    let listeners = life
        .sides
        .each_ref()
        .map(|side| tokio::spawn(side.clone().listen()));
    life.run(purpose, seed).await;
    for listener in listeners {
        listener.abort();
        let _ = listener.await;
    }
    let Life { sides, power, .. } = life;
    for side in sides {
        let side = Arc::into_inner(side).expect("nobody else has it");
        side.house.close().await;
    }
    power.save();
    std::fs::write(folder.join("end"), "done\n").unwrap();
}

impl Life {
    async fn run(&self, purpose: Purpose, seed: u64) {
        match purpose {
            Purpose::Begin => {
                self.fund().await;
                self.channels().await;
                for side in &self.sides {
                    side.begins_with(side.worth().await.unwrap()).await;
                }
            }
            Purpose::Pay => {
                self.channels().await;
                self.say("payments may flow");
                let [one, two] = &self.sides;
                one.hand_over_again().await;
                two.hand_over_again().await;
                let seed = seed >> 8;
                tokio::join!(
                    self.flow(one, two, seed),
                    self.flow(two, one, seed + 1),
                    self.flow(one, two, seed + 2),
                    self.flow(two, one, seed + 3),
                );
            }
            Purpose::Compare => {
                self.channels().await;
                for side in &self.sides {
                    side.hand_over_again().await;
                }
                self.resolve().await;
                let report = self.compare().await.join("\n");
                std::fs::write(self.folder.join("report"), report).unwrap();
            }
        }
    }

    /// For whoever looks at a life that went wrong.
    fn say(&self, what: &str) {
        println!("{} ms: {what}", self.begin.elapsed().as_millis());
    }

    fn call(&self, method: &str, arguments: &[serde_json::Value]) -> serde_json::Value {
        bitcoind::call(self.rpc_port, method, arguments).unwrap()
    }

    /// Mines, and lets both hear of it.
    async fn mine(&self, blocks: u64) {
        self.say(&format!("blocks to mine: {blocks}"));
        let address = self.call("getnewaddress", &[]);
        self.call("generatetoaddress", &[json!(blocks), address]);
        let height = self.call("getblockcount", &[]).as_u64();
        for side in &self.sides {
            until("at the new block", || async {
                side.house.node.ldk_height().map(u64::from) >= height
            })
            .await;
        }
    }

    async fn fund(&self) {
        for side in &self.sides {
            let address = side.house.node.new_address().await.unwrap();
            for _ in 0..COINS {
                self.call("sendtoaddress", &[json!(address), json!("0.5")]);
            }
        }
        self.mine(1).await;
        for side in &self.sides {
            until("funded", || async {
                side.house.node.balances().await.unwrap().onchain_spendable > Sat(COINS * 49_900_000)
            })
            .await;
        }
    }

    /// Channels are usable or closed; then there are two, one opened by each side if both could.
    async fn channels(&self) {
        let mut open = self.usable().await;
        while open < 2 {
            self.power.steady(true);
            // What bumps a closed channel's transactions spends coins that the wallet would give to a new channel.
            for _ in 0..SETTLE_BLOCKS_MAX {
                if self.call("getrawmempool", &[]) == json!([]) {
                    break;
                }
                self.mine(1).await;
            }
            self.say("a channel is to be opened");
            let mut spendable = Vec::new();
            for side in &self.sides {
                spendable.push(side.house.node.balances().await.unwrap().onchain_spendable);
            }
            let [one, two] = self.sides.each_ref();
            let (from, to) = if spendable[0] >= spendable[1] {
                (one, two)
            } else {
                (two, one)
            };
            let (from, to) = (&from.house, &to.house);
            let peer = to.node.node_id();
            let opened = from.node.open_channel(peer, &to.address, CHANNEL).await;
            assert_eq!(opened, Ok(()));
            until("funding broadcast", || async {
                let waiting = self.call("getrawmempool", &[]).to_string();
                let channels = from.node.channels().await.unwrap();
                channels.iter().any(|channel| {
                    let funding = channel.funding.as_deref().unwrap_or_default();
                    let txid = funding.split(':').next().unwrap_or_default();
                    !txid.is_empty() && waiting.contains(txid)
                })
            })
            .await;
            self.mine(6).await;
            let now = self.usable().await;
            assert!(now > open, "a new channel is not there");
            open = now;
            self.power.steady(false);
        }
    }

    /// Waits until both sides have the same channels and can use them: how many.
    async fn usable(&self) -> usize {
        let begin = Instant::now();
        let mut looks = 0;
        loop {
            let mut counts = Vec::new();
            for side in &self.sides {
                assert_eq!(side.house.node.state(), NodeState::Ready);
                let channels = side.house.node.channels().await.unwrap();
                let all = channels.iter().all(|channel| channel.is_usable);
                counts.push(all.then_some(channels.len()));
            }
            if let [Some(one), Some(two)] = counts[..]
                && one == two
            {
                return one;
            }
            assert!(begin.elapsed() < PATIENCE, "channels of no use: {counts:?}");
            sleep(LOOK).await;
            looks += 1;
            let mut peers = Vec::new();
            for side in &self.sides {
                peers.push(side.house.node.identity().await.unwrap().peers);
            }
            self.say(&format!("channels usable: {counts:?}, peers: {peers:?}"));
            if looks % LOOKS == 0 {
                self.mine(1).await;
            }
        }
    }

    /// Waits until every payment has ended and nothing is on its way from a closed channel.
    async fn resolve(&self) {
        let mut mined = 0;
        loop {
            let mut resolved = true;
            for side in &self.sides {
                resolved &= side.worth().await.is_some();
                for intent in side.open_payments() {
                    let record = side.house.node.payment(intent.hash).await;
                    println!("open: {} {record:?}", hex::encode(intent.hash.0));
                    resolved = false;
                }
            }
            if resolved {
                return;
            }
            assert!(mined < BLOCKS_MAX, "not resolved in {mined} blocks");
            // What races for an output wins within a few blocks.
            let blocks = if mined < 6 { 1 } else { 48 };
            self.mine(blocks).await;
            mined += blocks;
        }
    }

    /// Lines for whoever reads, and `DIFFERS …` for whatever should not be.
    async fn compare(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let mut payments = 0;
        let mut net = [0, 0];
        for (payer, payee) in [(0, 1), (1, 0)] {
            let (from, to) = (&self.sides[payer], &self.sides[payee]);
            let paid = from.paid(to).await;
            let received = to.received().await;
            for of in paid.difference(&received) {
                lines.push(format!("DIFFERS {of} is paid and not received"));
            }
            for of in received.difference(&paid) {
                lines.push(format!("DIFFERS {of} is received and not paid"));
            }
            payments += paid.len();
            lines.push(format!(
                "from side {payer}: {} invoices, {} paid",
                to.rows(ISSUED).len(),
                paid.len()
            ));
            for of in &paid {
                let amount = Side::asked(from, of);
                net[payer] -= amount;
                net[payee] += amount;
            }
        }
        lines.push(format!("payments {payments}"));
        let mut closed = std::collections::BTreeMap::new();
        for side in &self.sides {
            closed.extend(side.rows(CLOSED));
        }
        lines.push(format!("closes {}", closed.len()));
        for (channel, what) in &closed {
            let what = String::from_utf8_lossy(what);
            lines.push(format!("  {channel}: {what}"));
        }
        let closes = i128::try_from(closed.len()).unwrap();
        for (place, side) in self.sides.iter().enumerate() {
            let worth = side.worth().await.expect("resolved");
            let cost = side.began_with() + net[place] - worth;
            lines.push(format!("side {place}: fees {cost} msat"));
            if !(0..=closes * CLOSE_MSAT).contains(&cost) {
                lines.push(format!("DIFFERS side {place} has {cost} msat less than it should"));
            }
        }
        lines
    }

    /// One payment after another, as far as the channels allow.
    async fn flow(&self, payer: &Side, payee: &Side, seed: u64) {
        let dice = Dice::of(seed);
        loop {
            let msat = PAYMENT_SATS * 1_000 + dice.below(20_000_000);
            until("able to pay", || async {
                payer.house.node.sendable() > Msat(msat)
            })
            .await;
            let intent = payee.is_paid_by(payer, Msat(msat)).await;
            self.say(&format!("to be paid: {}", hex::encode(intent.hash.0)));
            payer.pays(&intent).await;
            self.say(&format!("has ended: {}", hex::encode(intent.hash.0)));
        }
    }
}
