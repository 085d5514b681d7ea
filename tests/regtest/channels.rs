//! The channels between shop and customer. A kill may make LDK close one: there are several in each direction, so that
//! payments go on, and another is opened in its place.

use std::time::Instant;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::gateway::{CHANNELS, Gateway, text};
use crate::sandbox::{LOOK, PATIENCE, Sandbox, until};

/// Channels that each side can pay through where one may be closed.
const SPARE: usize = 2;

/// Blocks until a channel is used.
const DEPTH: u32 = 6;

/// What a channel in another's place holds, and what it needs to be of use.
const CHANNEL_SATS: &str = "5000000";
const LOCAL_MSAT_MIN: u64 = 1_000_000_000;

/// How long a new channel may take before another is opened. One whose coins were taken elsewhere never confirms.
const ASK_AGAIN_SECS: u64 = 15;

/// How long a channel may take to come back after a restart. One that never confirms does not come at all.
const CUT_OFF_SECS: u64 = 5;

impl Sandbox {
    /// Each side can pay through a channel: what lacks is opened. Then the shop can be paid over them.
    pub async fn connected(&self) {
        self.connected_by(1).await;
    }

    /// The same, and the closing of one channel stops nobody.
    pub async fn well_connected(&self) {
        self.connected_by(SPARE).await;
    }

    async fn connected_by(&self, wanted: usize) {
        let begin = Instant::now();
        let mut asked: Option<Instant> = None;
        loop {
            let lacking = self.lacking(wanted).await;
            if lacking.iter().all(|(_, _, count)| *count == 0) {
                break;
            }
            assert!(begin.elapsed() < PATIENCE, "no channels to pay through");
            self.reconnect().await;
            // Those that were only cut off come back: nothing is opened for them.
            let back = self.shop.channels().await.iter().all(is_active)
                || begin.elapsed().as_secs() >= CUT_OFF_SECS;
            if back && asked.is_none_or(|at| at.elapsed().as_secs() >= ASK_AGAIN_SECS) {
                for (from, to, count) in lacking {
                    for _ in 0..count {
                        open(from, to).await;
                    }
                }
                asked = Some(Instant::now());
            }
            // The opening transaction comes a moment after it was asked for.
            if self.rpc("getrawmempool", &[]) == json!([]) {
                sleep(LOOK).await;
            } else {
                self.mine_heard(DEPTH).await;
            }
        }
        // An invoice made before the shop has noticed would have no Lightning half.
        until("payable over Lightning", || async {
            let probe = self.shop.invoice(100_000).await;
            if probe.has_bolt11().await {
                Ok(())
            } else {
                Err("an invoice has no Lightning half".to_owned())
            }
        })
        .await;
    }

    /// From whom to whom channels are missing, and how many.
    async fn lacking(&self, wanted: usize) -> [(&Gateway, &Gateway, usize); 2] {
        let (shop, customer) = (&self.shop, &self.customer);
        [
            (shop, customer, wanted.saturating_sub(usable(shop).await)),
            (
                customer,
                shop,
                wanted.saturating_sub(usable(customer).await),
            ),
        ]
    }

    /// Lets the customer call the shop now: by itself ldk-node does so once a minute, also after the closing of one
    /// channel has cut the connection that others need. That it can't is no failure yet.
    pub async fn reconnect(&self) {
        let _ = reconnect(&self.shop, &self.customer).await;
    }
}

/// Lets the one call the other.
pub async fn reconnect(to: &Gateway, from: &Gateway) -> Result<(), String> {
    let info = to.try_get("server/lightning/BTC/info").await?;
    let request = json!({"nodeURI": info["nodeURIs"][0]});
    let connect = "server/lightning/BTC/connect";
    from.call(Method::POST, connect, Some(&request)).await?;
    Ok(())
}

/// Asks for a channel; whether it comes is seen later.
pub async fn open(from: &Gateway, to: &Gateway) {
    if let Ok(info) = to.try_get("server/lightning/BTC/info").await {
        let uri = &info["nodeURIs"][0];
        let request = json!({"nodeURI": uri, "channelAmount": CHANNEL_SATS, "feeRate": 1});
        let _ = from.call(Method::POST, CHANNELS, Some(&request)).await;
    }
}

/// Channels through which this gateway can pay now; none if it does not answer.
pub async fn usable(gateway: &Gateway) -> usize {
    let channels = gateway.try_get(CHANNELS).await.unwrap_or_default();
    let channels = channels.as_array().map_or(&[][..], Vec::as_slice);
    channels
        .iter()
        .filter(|one| is_active(one) && local_msat(one) >= LOCAL_MSAT_MIN)
        .count()
}

fn is_active(channel: &Value) -> bool {
    channel["isActive"] == true
}

fn local_msat(channel: &Value) -> u64 {
    text(channel, "localBalance").parse().unwrap()
}
