//! Many Lightning payouts at once, and one that never leaves the house.

use std::time::{Duration, Instant};

use futures::future::join_all;
use futures::stream::{self, StreamExt};
use serde_json::{Value, json};

use crate::gateway::{LN, btc, text, units};
use crate::sandbox::{sandbox, until_within};

/// How many are approved at once, unless `TOLLWAY_BURST` says otherwise.
const BURST: u32 = 60;

/// Sat of each: small, so that many fit, and larger than what a channel calls dust.
const SATS: u64 = 1_000;

/// Requests at once: a client of the API is one, too.
const CLIENTS: usize = 16;

/// Payouts that are paid slower than this are not paid at once.
const PER_SECOND_MIN: u64 = 4;

const SENDER: &str = "S/payout-processors/LightningAutomatedPayoutSenderFactory/BTC-LN";

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_of_payouts_all_arrives() {
    let Some(sandbox) = sandbox().await else {
        return;
    };
    let (shop, customer) = (&sandbox.shop, &sandbox.customer);
    let burst: u32 = std::env::var("TOLLWAY_BURST").map_or(BURST, |count| {
        count.parse().expect("TOLLWAY_BURST is a number")
    });
    shop.delete(SENDER).await;
    let mut payouts: Vec<(String, String)> = stream::iter(0..burst)
        .map(async |_| {
            let (bolt11, hash) = customer.bolt11(SATS * 1_000).await;
            let request = json!({"destination": bolt11, "payoutMethodId": LN, "amount": btc(SATS)});
            (text(&shop.post("S/payouts", request).await, "id"), hash)
        })
        .buffer_unordered(CLIENTS)
        .collect()
        .await;
    payouts.sort();
    let instantly = json!({"processNewPayoutsInstantly": true, "intervalSeconds": 3600});
    shop.put(SENDER, instantly).await;

    let began = Instant::now();
    join_all(
        payouts
            .chunks(payouts.len().div_ceil(CLIENTS))
            .map(async |some| {
                for (id, _) in some {
                    let approve = json!({"revision": 0});
                    shop.post(&format!("S/payouts/{id}"), approve).await;
                }
            }),
    )
    .await;
    let patience = Duration::from_secs(60 + u64::from(burst) / PER_SECOND_MIN);
    let attempts = until_within(patience, "all completed", || async {
        let (mut open, mut attempts) = (0, 0);
        for page in 0..burst.div_ceil(100) {
            let path = format!("S/payouts?skip={}&take=100", page * 100);
            let seen = shop.get(&path).await;
            for payout in seen.as_array().unwrap() {
                if !payouts.iter().any(|(id, _)| *id == payout["id"]) {
                    continue;
                }
                assert_eq!(payout["inReview"], false, "{payout}");
                assert_ne!(payout["state"], "Cancelled", "{payout}");
                open += usize::from(payout["state"] != "Completed");
                attempts += payout["attempts"].as_u64().unwrap();
            }
        }
        if open == 0 {
            Ok(attempts)
        } else {
            Err(format!("{open} are open"))
        }
    })
    .await;
    let took = began.elapsed();
    println!(
        "{burst} Lightning payouts approved at once: all arrived in {:.1} s, {:.1} a second, {attempts} attempts",
        took.as_secs_f64(),
        f64::from(burst) / took.as_secs_f64()
    );

    // Each of them arrived once.
    let seen = customer.get("server/lightning/BTC/invoices").await;
    let paid = |hash: &str| {
        let found = seen.as_array().unwrap().iter();
        let mut found = found.filter(|invoice| invoice["paymentHash"] == hash);
        found.next().cloned().unwrap_or(Value::Null)
    };
    for (id, hash) in &payouts {
        let invoice = paid(hash);
        assert_eq!(invoice["status"], "Paid", "{id}");
        let msat = units(&invoice, "amountReceived", 0);
        assert_eq!(msat.unsigned_abs(), SATS * 1_000, "{id}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payout_to_an_invoice_of_the_same_shop_stays_inside() {
    let Some(sandbox) = sandbox().await else {
        return;
    };
    let shop = &sandbox.shop;
    let before = shop.channels().await;
    let invoice = shop.invoice(12_000).await;
    let id = shop.payout(&invoice.bolt11().await, LN, 12_000).await;
    // Whether the shop has a sender or not.
    let _ = shop
        .call(
            reqwest::Method::POST,
            &format!("S/payouts/{id}/retry"),
            Some(&Value::Null),
        )
        .await;
    let paid = shop.payout_is(&id, "Completed").await;
    let settled = invoice.is("Settled").await;
    assert_eq!(units(&settled, "paidAmount", 0), 12_000);
    let proof = &paid["paymentProof"];
    let half = invoice.half(LN).await;
    let payments = half["payments"].as_array().unwrap();
    assert_eq!(payments.len(), 1, "{half}");
    assert_eq!(payments[0]["id"], id, "it came from the payout");
    let hash = text(proof, "paymentHash");
    let preimage = hex::decode(text(proof, "preimage")).unwrap();
    let hashed = <bitcoin::hashes::sha256::Hash as bitcoin::hashes::Hash>::hash(&preimage);
    assert_eq!(hashed.to_string(), hash);
    assert_eq!(units(&paid, "feeAmount", 8), 0);
    assert_eq!(shop.channels().await, before, "no channel has moved");
}
