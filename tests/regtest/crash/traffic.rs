//! What flows all the time: invoices that are paid and payouts that are asked for, over both rails. Whoever doesn't
//! answer is asked for something else a moment later.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bdk_bitcoind_rpc::bitcoincore_rpc::{Client, RpcApi};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::book::{Bill, Book, Order, Term};
use super::random::Random;
use crate::channels;
use crate::gateway::{CHAIN, Gateway, LN, btc, text};

/// Between two blocks. What is in flight on a channel runs out after some 18 of them at the earliest.
const BLOCK_EVERY: Duration = Duration::from_millis(1_500);

/// After an answer that did not come.
const PAUSE: Duration = Duration::from_millis(200);

/// How long a receiver looks whether the money comes before it asks for the next.
const LOOKS: usize = 20;

/// Channels that each side can pay through: a kill may close some, and payments go on.
const CHANNELS: usize = 3;

/// How long a new channel may take before another is opened.
const ASK_AGAIN: Duration = Duration::from_secs(20);

/// Seconds until a short invoice expires.
const SHORT_SECS: u64 = 20;

/// Everybody who makes things flow, and what they use.
pub struct Traffic {
    pub shop: Gateway,
    pub customer: Gateway,
    pub bitcoind: Arc<Client>,
    /// The link from which claims withdraw: its id, and how a wallet asks.
    pub link: Link,
    pub book: Book,
    /// Those who pay over Lightning wait a moment. After a start the shop pays nothing before its node has been quiet
    /// for a second.
    pub payers_wait: AtomicBool,
    pub stopped: AtomicBool,
    pub seed: u64,
}

/// A pull payment with budget for everybody.
pub struct Link {
    pub id: String,
    pub callback: String,
    pub k1: String,
}

impl Traffic {
    /// Nothing new is begun.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
    }

    fn goes_on(&self) -> bool {
        !self.stopped.load(Ordering::Acquire)
    }

    /// A call of bitcoind that may be dead.
    pub fn rpc(&self, method: &str, arguments: &[Value]) -> Result<Value, String> {
        self.bitcoind
            .call(method, arguments)
            .map_err(|e| e.to_string())
    }

    /// Mines blocks.
    pub fn mine(&self, blocks: u32) -> Result<(), String> {
        let address = self.rpc("getnewaddress", &[])?;
        self.rpc("generatetoaddress", &[json!(blocks), address])?;
        Ok(())
    }

    /// Blocks come.
    pub async fn miner(self: Arc<Self>) {
        while self.goes_on() {
            // bitcoind may be dead.
            let _ = self.mine(1);
            sleep(BLOCK_EVERY).await;
        }
    }

    /// Channels that were closed are replaced.
    pub async fn channel_keeper(self: Arc<Self>) {
        let mut asked: Option<Instant> = None;
        while self.goes_on() {
            sleep(Duration::from_secs(1)).await;
            let sides = [(&self.shop, &self.customer), (&self.customer, &self.shop)];
            for (from, to) in sides {
                let usable = channels::usable(from).await;
                if usable >= CHANNELS {
                    continue;
                }
                let _ = channels::reconnect(&self.shop, &self.customer).await;
                if asked.is_none_or(|at| at.elapsed() >= ASK_AGAIN) {
                    for _ in usable..CHANNELS {
                        channels::open(from, to).await;
                    }
                    asked = Some(Instant::now());
                }
            }
        }
    }

    /// Customers who pay invoices over Lightning.
    pub async fn pays_lightning(self: Arc<Self>, user: u64) {
        let mut random = Random::new(self.seed, user);
        while self.goes_on() {
            let waits = self.payers_wait.load(Ordering::Acquire);
            if waits || self.pay_lightning(&mut random).await.is_err() {
                sleep(PAUSE).await;
            }
            sleep(random.millis(100, 500)).await;
        }
    }

    async fn pay_lightning(&self, random: &mut Random) -> Result<(), String> {
        let sats = random.between(1_000, 40_000);
        let mut bill = self.bill(sats, Term::Long).await?;
        let Some(bolt11) = bill.1.take() else {
            return Err("no Lightning half".to_owned());
        };
        // Some pay more than is asked for, some pay on both rails.
        let surplus = if random.percent(15) {
            random.between(1, 1_000)
        } else {
            0
        };
        let both = random.percent(10);
        bill.0.hash = Some(hash_of(&bolt11));
        let address = bill.0.address.clone();
        self.book.bill(bill.0);
        let amount = ((sats + surplus) * 1_000).to_string();
        let paid = self.hand_over(&bolt11, Some(amount)).await;
        if both {
            self.send(&address, sats)?;
        }
        paid
    }

    /// Lets the customer begin to pay, if it is there. Without an amount it is the invoice's.
    pub async fn hand_over(&self, bolt11: &str, msat: Option<String>) -> Result<(), String> {
        let request = json!({"BOLT11": bolt11, "amount": msat, "sendTimeout": 0});
        let pay = "server/lightning/BTC/invoices/pay";
        self.customer.try_post(pay, &request).await?;
        Ok(())
    }

    /// Makes an invoice: what the book needs to know, and its BOLT11 if it has one.
    pub async fn bill(&self, sats: u64, term: Term) -> Result<(Bill, Option<String>), String> {
        let expiration = match term {
            Term::Long => "02:00:00".to_owned(),
            Term::Short => format!("00:00:{SHORT_SECS}"),
        };
        let request = json!({
            "amount": sats.to_string(),
            "currency": "SATS",
            "checkout": {"expirationMinutes": expiration},
        });
        let made = self.shop.try_post("S/invoices", &request).await?;
        let id = text(&made, "id");
        let halves = self
            .shop
            .try_get(&format!("S/invoices/{id}/payment-methods"))
            .await?;
        let half = |method: &str| {
            let halves = halves.as_array().into_iter().flatten();
            let mut found = halves.filter(|half| half["paymentMethodId"] == method);
            found.next()?["destination"].as_str().map(str::to_owned)
        };
        let address = half(CHAIN).ok_or("no address")?;
        let bill = Bill {
            id,
            sats,
            term,
            address,
            hash: None,
        };
        Ok((bill, half(LN)))
    }

    /// Customers who pay on-chain, not always what they should, and not always in time.
    pub async fn pays_onchain(self: Arc<Self>, user: u64) {
        let mut random = Random::new(self.seed, user);
        let mut later: Vec<(Instant, String, u64)> = Vec::new();
        while self.goes_on() {
            let _ = self.pay_onchain(&mut random, &mut later).await;
            let (due, rest) = later.into_iter().partition(|one| one.0 <= Instant::now());
            later = rest;
            for (_, address, sats) in due {
                let _ = self.send(&address, sats);
            }
            sleep(random.millis(500, 1_500)).await;
        }
    }

    async fn pay_onchain(
        &self,
        random: &mut Random,
        later: &mut Vec<(Instant, String, u64)>,
    ) -> Result<(), String> {
        let sats = random.between(20_000, 90_000);
        let chosen = random.between(0, 10);
        let term = if chosen >= 8 { Term::Short } else { Term::Long };
        let (bill, _) = self.bill(sats, term).await?;
        let address = bill.address.clone();
        self.book.bill(bill);
        let part = sats / 3;
        let in_secs = |secs| Instant::now() + Duration::from_secs(secs);
        match chosen {
            // The whole.
            0..=3 => self.send(&address, sats),
            // Too much.
            4 => self.send(&address, sats + part),
            // In two parts.
            5 | 6 => {
                later.push((in_secs(random.between(1, 8)), address.clone(), sats - part));
                self.send(&address, part)
            }
            // A part, and never the rest.
            7 | 8 => self.send(&address, part),
            // Too late.
            _ => {
                later.push((in_secs(SHORT_SECS + 2), address, sats));
                Ok(())
            }
        }
    }

    fn send(&self, address: &str, sats: u64) -> Result<(), String> {
        self.rpc("sendtoaddress", &[json!(address), json!(btc(sats))])?;
        Ok(())
    }

    /// Receivers who are paid over Lightning.
    pub async fn earns_lightning(self: Arc<Self>, user: u64) {
        let mut random = Random::new(self.seed, user);
        while self.goes_on() {
            if self.earn_lightning(&mut random).await.is_err() {
                sleep(PAUSE).await;
            }
            sleep(random.millis(50, 300)).await;
        }
    }

    async fn earn_lightning(&self, random: &mut Random) -> Result<(), String> {
        let sats = random.between(1_000, 40_000);
        let (bolt11, hash) = self.bolt11(sats).await?;
        let id = match random.between(0, 10) {
            0..=5 => self.payout(bolt11, Some(hash), sats).await?,
            6..=8 => self.claim(bolt11, Some(hash), sats).await?,
            _ => return self.withdraw(bolt11, hash, sats).await,
        };
        self.watch(&id).await;
        Ok(())
    }

    /// A fresh BOLT11 of the customer, and its hash.
    pub async fn bolt11(&self, sats: u64) -> Result<(String, String), String> {
        let amount = (sats * 1_000).to_string();
        let request = json!({"amount": amount, "description": "a drill", "expiry": 7_200});
        let made = self
            .customer
            .try_post("server/lightning/BTC/invoices", &request)
            .await?;
        Ok((text(&made, "BOLT11"), text(&made, "paymentHash")))
    }

    /// Receivers who are paid on-chain.
    pub async fn earns_onchain(self: Arc<Self>, user: u64) {
        let mut random = Random::new(self.seed, user);
        while self.goes_on() {
            let _ = self.earn_onchain(&mut random).await;
            sleep(random.millis(600, 1_600)).await;
        }
    }

    /// One payout to a fresh address of bitcoind's wallet.
    pub async fn earn_onchain(&self, random: &mut Random) -> Result<(), String> {
        let sats = random.between(10_000, 60_000);
        let address = self.rpc("getnewaddress", &[])?;
        let address = address.as_str().ok_or("no address")?.to_owned();
        let id = if random.percent(50) {
            self.payout(address, None, sats).await?
        } else {
            self.claim(address, None, sats).await?
        };
        self.watch(&id).await;
        Ok(())
    }

    /// A payout of the store, approved; returns its id.
    pub async fn payout(
        &self,
        destination: String,
        hash: Option<String>,
        sats: u64,
    ) -> Result<String, String> {
        let request = json!({
            "destination": destination, "payoutMethodId": method(hash.as_ref()), "amount": btc(sats), "approved": true,
        });
        let order = order(destination, hash, sats, false);
        self.ask("S/payouts", &request, order).await
    }

    async fn claim(
        &self,
        destination: String,
        hash: Option<String>,
        sats: u64,
    ) -> Result<String, String> {
        let request = json!({
            "destination": destination, "payoutMethodId": method(hash.as_ref()), "amount": btc(sats),
        });
        let path = format!("pull-payments/{}/payouts", self.link.id);
        let order = order(destination, hash, sats, true);
        self.ask(&path, &request, order).await
    }

    async fn ask(&self, path: &str, request: &Value, order: Order) -> Result<String, String> {
        let place = self.book.order(order);
        let made = self.shop.try_post(path, request).await?;
        let id = text(&made, "id");
        self.book.answered(place, id.clone());
        Ok(id)
    }

    /// A wallet's way to the same budget. Its answer names no payout.
    async fn withdraw(&self, bolt11: String, hash: String, sats: u64) -> Result<(), String> {
        let place = order(bolt11.clone(), Some(hash), sats, true);
        self.book.order(place);
        let query = [("k1", self.link.k1.as_str()), ("pr", &bolt11)];
        self.shop.try_anyone(&self.link.callback, &query).await?;
        Ok(())
    }

    /// Looks for a moment whether it is paid.
    async fn watch(&self, id: &str) {
        for _ in 0..LOOKS {
            let seen = self.shop.try_get(&format!("S/payouts/{id}")).await;
            if !self.goes_on() || seen.is_ok_and(|payout| payout["state"] == "Completed") {
                return;
            }
            sleep(Duration::from_millis(100)).await;
        }
    }
}

const fn order(destination: String, hash: Option<String>, sats: u64, is_claim: bool) -> Order {
    Order {
        destination,
        hash,
        sats,
        is_claim,
        id: None,
    }
}

const fn method(hash: Option<&String>) -> &'static str {
    match hash {
        Some(_) => LN,
        None => CHAIN,
    }
}

/// The payment hash that a BOLT11 names.
pub fn hash_of(bolt11: &str) -> String {
    let invoice: lightning_invoice::Bolt11Invoice = bolt11.parse().unwrap();
    invoice.payment_hash().to_string()
}
