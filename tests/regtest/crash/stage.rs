//! Setting the drill up.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use lnurl::lnurl::LnUrl;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::book::Book;
use super::traffic::{Link, Traffic};
use crate::gateway::{CHAIN, Gateway, LN, text};
use crate::sandbox::{Sandbox, say};

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

/// Starts the shop or the customer. LDK may end a start by a panic of its own: then it is started again, once, as whoever
/// watches over it would. Answers how often that was.
pub fn start_again(sandbox: &mut Sandbox, name: &str) -> usize {
    let Err(why) = sandbox.try_restart(name, &[]) else {
        return 0;
    };
    say(&format!("  {why}"));
    sandbox.restart(name, &[]);
    1
}

/// What there was before the drill: it is none of its doing.
pub struct Before {
    /// Invoices of the customer that were paid, by hash.
    pub paid: BTreeSet<String>,
    /// Payments to the shop that fit no invoice.
    pub strays: BTreeSet<String>,
    closings: Closings,
}

impl Before {
    /// Looks.
    pub async fn of(sandbox: &Sandbox) -> Self {
        let invoices = sandbox.customer.get("server/lightning/BTC/invoices").await;
        let invoices = invoices.as_array().into_iter().flatten();
        let paid = invoices.filter(|one| one["status"] == "Paid");
        Self {
            paid: paid.map(|one| text(one, "id")).collect(),
            strays: strays(&sandbox.shop, "server/strays").await,
            closings: Closings::of(sandbox),
        }
    }

    /// Channels that were closed since.
    pub fn closings_since(&self, sandbox: &Sandbox) -> Closings {
        let now = Closings::of(sandbox);
        Closings {
            shop: now.shop - self.closings.shop,
            customer: now.customer - self.closings.customer,
        }
    }
}

/// The ids of a list of strays.
pub async fn strays(shop: &Gateway, path: &str) -> BTreeSet<String> {
    let strays = shop.get(path).await;
    let strays = strays.as_array().into_iter().flatten();
    strays.map(|one| text(one, "id")).collect()
}

/// Channels that were closed for an outdated manager, by whose it was.
pub struct Closings {
    pub shop: usize,
    pub customer: usize,
}

impl Closings {
    fn of(sandbox: &Sandbox) -> Self {
        let count = |name: &str| sandbox.log(name).matches(OUTDATED).count();
        Self {
            shop: count("shop"),
            customer: count("customer"),
        }
    }
}
