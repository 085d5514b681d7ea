//! Setting the drill up, and letting everything come to its end.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use lnurl::lnurl::LnUrl;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::book::{Book, Term};
use super::traffic::{Link, Traffic};
use crate::channels;
use crate::gateway::{CHAIN, Gateway, LN, text};
use crate::sandbox::{Sandbox, say};

/// How long everything may take to come to its end: a payment on a closed channel may need two hundred blocks.
const HEALING: Duration = Duration::from_secs(240);

/// After so long without an end, blocks come faster.
const HURRY: Duration = Duration::from_secs(20);

/// What LDK says of a channel that it closes because its manager is behind its monitors.
const OUTDATED: &str = "was stale compared to ChannelMonitor";

/// Coins of the store that pays out on-chain, so that it need not wait for its change.
const TILL_COINS: usize = 12;

/// A store of the drill's own, with coins and a link, and everything that makes things flow.
pub async fn open(sandbox: &Sandbox, seed: u64) -> Arc<Traffic> {
    let store = json!({"name": "Drill", "defaultCurrency": "USD", "speedPolicy": "MediumSpeed"});
    let store = sandbox.shop.post("stores", store).await;
    let shop = sandbox.shop.with_store(text(&store, "id"));
    for sender in [
        format!("LightningAutomatedPayoutSenderFactory/{LN}"),
        format!("OnChainAutomatedPayoutSenderFactory/{CHAIN}"),
    ] {
        let request = json!({"intervalSeconds": 60, "processNewPayoutsInstantly": true});
        shop.put(&format!("S/payout-processors/{sender}"), request)
            .await;
    }
    for _ in 0..TILL_COINS {
        let coin = shop.invoice(10_000_000).await;
        sandbox.send(&coin.address().await, "0.1");
    }
    sandbox.mine_heard(1).await;
    let link = json!({
        "name": "Drill", "amount": "1", "currency": "BTC", "payoutMethods": [LN, CHAIN], "autoApproveClaims": true,
    });
    let link = shop.post("S/pull-payments", link).await;
    let lnurl = text(&link, "lnurlBech32");
    let lnurl: LnUrl = lnurl.trim_start_matches("lightning:").parse().unwrap();
    let (_, offer) = shop.anyone(&lnurl.url, &[]).await;
    let offer: Value = serde_json::from_str(&offer).unwrap();
    Arc::new(Traffic {
        customer: sandbox.customer.clone(),
        bitcoind: sandbox.bitcoind(),
        link: Link {
            id: text(&link, "id"),
            callback: text(&offer, "callback"),
            k1: text(&offer, "k1"),
        },
        shop,
        book: Book::default(),
        payers_wait: AtomicBool::new(false),
        stopped: AtomicBool::new(false),
        seed,
    })
}

/// Lets it flow.
#[expect(
    clippy::disallowed_methods,
    reason = "it flows while this test waits for processes"
)]
pub fn start(traffic: &Arc<Traffic>) -> Vec<JoinHandle<()>> {
    let it = || traffic.clone();
    vec![
        tokio::spawn(it().miner()),
        tokio::spawn(it().channel_keeper()),
        tokio::spawn(it().pays_lightning(1)),
        tokio::spawn(it().pays_lightning(2)),
        tokio::spawn(it().pays_onchain(3)),
        tokio::spawn(it().earns_lightning(4)),
        tokio::spawn(it().earns_lightning(5)),
        tokio::spawn(it().earns_lightning(6)),
        tokio::spawn(it().earns_onchain(7)),
    ]
}

/// Lets everything that was begun come to its end, as far as it does in time.
pub async fn heal(sandbox: &Sandbox, traffic: &Traffic) {
    let begin = Instant::now();
    loop {
        let open = unfinished(traffic).await;
        if open.is_empty() {
            break;
        }
        if begin.elapsed() > HEALING {
            say(&format!("not finished in time: {open:?}"));
            break;
        }
        sandbox.reconnect().await;
        let hurry = begin.elapsed() > HURRY;
        if hurry && channels::usable(&traffic.shop).await == 0 {
            channels::open(&traffic.shop, &traffic.customer).await;
        }
        sandbox.mine(if hurry { 6 } else { 1 });
        sleep(Duration::from_millis(700)).await;
    }
    // The last payments are in blocks, and everybody has heard of them.
    sandbox.mine_heard(2).await;
    say(&format!(
        "everything ended after {} s",
        begin.elapsed().as_secs()
    ));
}

/// What may still change, in words.
async fn unfinished(traffic: &Traffic) -> Vec<String> {
    let mut open = Vec::new();
    let payouts = traffic.shop.get("S/payouts").await;
    for payout in payouts.as_array().into_iter().flatten() {
        if payout["state"] != "Completed" {
            open.push(format!(
                "payout {}, {}: {}",
                text(payout, "id"),
                payout["state"],
                payout["failureReason"]
            ));
        }
    }
    let bills = traffic.book.bills();
    let hashes: BTreeSet<&String> = bills.iter().filter_map(|bill| bill.hash.as_ref()).collect();
    let path = "server/lightning/BTC/payments?includePending=true";
    let payments = traffic.customer.get(path).await;
    for payment in payments.as_array().into_iter().flatten() {
        let id = text(payment, "id");
        if payment["status"] == "Pending" && hashes.contains(&id) {
            open.push(format!("payment {id}"));
        }
    }
    let shorts: BTreeSet<&String> = bills
        .iter()
        .filter(|bill| bill.term == Term::Short)
        .map(|bill| &bill.id)
        .collect();
    let invoices = traffic.shop.get("S/invoices").await;
    for invoice in invoices.as_array().into_iter().flatten() {
        let id = text(invoice, "id");
        let status = text(invoice, "status");
        if status == "Processing" || (status == "New" && shorts.contains(&id)) {
            open.push(format!("invoice {id}, {status}"));
        }
    }
    open
}

/// What a customer has received so far.
pub async fn paid_hashes(customer: &Gateway) -> BTreeSet<String> {
    let invoices = customer.get("server/lightning/BTC/invoices").await;
    let invoices = invoices.as_array().into_iter().flatten();
    invoices
        .filter(|one| one["status"] == "Paid")
        .map(|one| text(one, "id"))
        .collect()
}

/// Channels that were closed for an outdated manager, by whose it was.
pub struct Closings {
    pub shop: usize,
    pub customer: usize,
}

impl Closings {
    /// So far.
    pub fn of(sandbox: &Sandbox) -> Self {
        let count = |name: &str| sandbox.log(name).matches(OUTDATED).count();
        Self {
            shop: count("shop"),
            customer: count("customer"),
        }
    }

    /// Without those from before.
    pub const fn since(&self, before: &Self) -> Self {
        Self {
            shop: self.shop - before.shop,
            customer: self.customer - before.customer,
        }
    }
}
