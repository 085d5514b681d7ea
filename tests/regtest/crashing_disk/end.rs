//! How it ends: what is still on its way is seen through on the chain, and then all is compared.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use tollway::ports::lightning::Lightning;

use super::life::{Life, PAYMENT_SATS_MIN};
use super::side::{CLOSED, FAILED, ISSUED, Side};

/// Blocks mined together once nothing is due: what waits then waits for a number of them.
const STEP: u64 = 48;
/// Blocks by which everything of a closed channel is resolved, many times over.
const BLOCKS_MAX: u64 = 3_000;
/// An anchor's value (BOLT 3); a channel has two.
const ANCHOR_SATS: i128 = 330;
/// LDK's word for a manager that is behind its monitors.
const OUTDATED: &str = "was stale compared to ChannelMonitor";

impl Life {
    /// Waits until every payment has ended, and nothing is on its way from a closed channel.
    pub async fn resolve(&self) {
        let mut mined = 0;
        loop {
            let open: usize = (self.sides.iter())
                .map(|side| side.open_payments().len())
                .sum();
            let missing = self.missing().await;
            if open == 0 && missing == Some(0) {
                return;
            }
            self.say(&format!("payments open: {open}, missing: {missing:?} msat"));
            if mined >= BLOCKS_MAX {
                self.tell_what_is_open().await;
                panic!("not resolved in {mined} blocks: {open} payments, missing {missing:?} msat");
            }
            let before = self.height();
            if self.reacts().await || self.is_claim_due() {
                self.next_block().await;
            } else {
                self.mine(STEP).await;
            }
            mined += self.height() - before;
        }
    }

    async fn tell_what_is_open(&self) {
        for side in &self.sides {
            let holdings = side.house.node.holdings().await.unwrap();
            println!("{holdings:?}");
            for intent in side.open_payments() {
                let record = side.house.node.payment(intent.hash).await;
                println!("open: {} {record:?}", hex::encode(intent.hash.0));
            }
        }
    }

    fn height(&self) -> u64 {
        self.call("getblockcount", &[]).as_u64().unwrap()
    }

    /// What the two have in all, less than in the beginning, and neither fees nor anchors explain, in millisatoshi.
    /// `None` while something is on its way.
    async fn missing(&self) -> Option<i128> {
        let now: i128 = self.worth().await?.iter().sum();
        let before: i128 = self.sides.iter().map(Side::began_with).sum();
        Some(before - now - self.cost().await * 1_000)
    }

    /// What transactions have cost the two together since the beginning, in satoshis: their fees, and what they left
    /// in anchors. Nobody else sends any, and the worth of an open channel is without its anchors.
    async fn cost(&self) -> i128 {
        let mut cost = 0;
        let began_at = self.sides[0].began_at();
        for height in began_at + 1..=self.height() {
            let stats = self.call(
                "getblockstats",
                &[json!(height), json!(["txs", "totalfee"])],
            );
            if stats["txs"] == 1 {
                continue;
            }
            cost += i128::from(stats["totalfee"].as_u64().unwrap());
            cost += self.anchors_left(height) * ANCHOR_SATS;
        }
        let (began, now) = (
            self.sides[0].began_with_channels(),
            self.open_channels().await,
        );
        cost + 2 * ANCHOR_SATS * (now - began)
    }

    /// Anchors in this block that nobody has spent.
    fn anchors_left(&self, height: u64) -> i128 {
        let hash = self.call("getblockhash", &[json!(height)]);
        let block = self.call("getblock", &[hash, json!(2)]);
        let mut left = 0;
        for transaction in block["tx"].as_array().unwrap().iter().skip(1) {
            for output in transaction["vout"].as_array().unwrap() {
                let is_anchor = (output["value"].as_f64())
                    .is_some_and(|btc| (btc - 0.000_003_30).abs() < 0.000_000_001);
                let at = [transaction["txid"].clone(), output["n"].clone()];
                if is_anchor && !self.call("gettxout", &at).is_null() {
                    left += 1;
                }
            }
        }
        left
    }

    async fn open_channels(&self) -> i128 {
        let channels = self.sides[0].house.node.channels().await.unwrap();
        i128::try_from(channels.len()).unwrap()
    }

    /// Lines for whoever reads, and `DIFFERS …` for whatever should not be.
    pub async fn compare(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let mut net = [0, 0];
        for (payer, payee) in [(0, 1), (1, 0)] {
            let (from, to) = (&self.sides[payer], &self.sides[payee]);
            let paid = from.paid(to).await;
            let received = to.received(from).await;
            lines.extend(differing(&paid, &received));
            let failed = from.rows(FAILED).len();
            lines.push(format!(
                "from {} to {}: {} payments, {failed} said to have failed, of {} invoices",
                payer + 1,
                payee + 1,
                paid.len(),
                to.rows(ISSUED).len(),
            ));
            if paid.is_empty() {
                lines.push("DIFFERS nothing was paid".to_owned());
            }
            for of in &paid {
                let amount = Side::asked(from, of);
                net[payer] -= amount;
                net[payee] += amount;
            }
        }
        lines.extend(self.closes());
        lines.extend(self.balances(net).await);
        lines
    }

    /// How many channels were closed, and why: the side that began it knows.
    fn closes(&self) -> Vec<String> {
        let mut closed = BTreeMap::new();
        for (channel, what) in self.sides.iter().flat_map(|side| side.rows(CLOSED)) {
            let what = String::from_utf8(what).unwrap();
            let why = what.split_once(" is closed: ").unwrap().1.to_owned();
            if why.contains(OUTDATED) || !closed.contains_key(&channel) {
                closed.insert(channel, why);
            }
        }
        let outdated = closed.values().filter(|why| why.contains(OUTDATED)).count();
        let mut lines = vec![format!(
            "channels closed: {}, of them for an outdated manager: {outdated}",
            closed.len()
        )];
        closed.retain(|_, why| !why.contains(OUTDATED));
        lines.extend(closed.values().map(|why| format!("  one: {why}")));
        lines
    }

    /// Each side has what payments leave it with, less a part of what the two have paid in fees together.
    async fn balances(&self, net: [i128; 2]) -> Vec<String> {
        let worth = self.worth().await.expect("resolved");
        let cost = self.cost().await;
        let mut lines = vec![format!("fees and anchors left: {cost} sat")];
        let payment = i128::from(PAYMENT_SATS_MIN);
        if cost >= payment {
            lines.push(format!(
                "  too much to see {payment} sat lost on one side only"
            ));
            return lines;
        }
        // A side may win an anchor that the other has paid.
        let slack = (payment - cost) * 1_000 / 2;
        for (place, side) in self.sides.iter().enumerate() {
            let lost = side.began_with() + net[place] - worth[place];
            lines.push(format!("  side {} has paid {lost} msat of it", place + 1));
            if lost <= -slack || lost >= cost * 1_000 + slack {
                lines.push(format!("DIFFERS side {} has lost {lost} msat", place + 1));
            }
        }
        lines
    }
}

fn differing(paid: &BTreeSet<String>, received: &BTreeSet<String>) -> Vec<String> {
    let lost = paid.difference(received);
    let lost = lost.map(|of| format!("DIFFERS {of} is paid and not received"));
    let unknown = received.difference(paid);
    let unknown = unknown.map(|of| format!("DIFFERS {of} is received and not paid"));
    lost.chain(unknown).collect()
}
