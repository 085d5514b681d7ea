//! One hundred wallets pull at one link at the same moment, and together they ask for more than it holds.

use std::collections::BTreeMap;

use futures::future::join_all;
use serde_json::{Value, json};

use crate::gateway::{LN, text, units};
use crate::sandbox::sandbox;

const WALLETS: u64 = 100;

/// What the link holds: two thirds of what is asked for.
const LIMIT_SATS: u64 = 1_000_000;

/// What the wallet with this number asks for; no two ask for the same.
const fn asks_sats(wallet: u64) -> u64 {
    15_000 + wallet
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_never_pays_more_than_it_holds() {
    let Some(sandbox) = sandbox().await else {
        return;
    };
    let (shop, customer) = (&sandbox.shop, &sandbox.customer);
    let link = shop
        .post(
            "S/pull-payments",
            json!({"name": "Race", "amount": LIMIT_SATS.to_string(), "currency": "SATS", "payoutMethods": [LN], "autoApproveClaims": true}),
        )
        .await;
    let id = text(&link, "id");
    let lnurl = text(&link, "lnurlBech32");
    let lnurl: lnurl::lnurl::LnUrl = lnurl.trim_start_matches("lightning:").parse().unwrap();
    let (_, offer) = shop.anyone(&lnurl.url, &[]).await;
    let offer: Value = serde_json::from_str(&offer).unwrap();
    let (callback, k1) = (text(&offer, "callback"), text(&offer, "k1"));

    let mut invoices = BTreeMap::new();
    for wallet in 0..WALLETS {
        let (bolt11, hash) = customer.bolt11(asks_sats(wallet) * 1_000).await;
        invoices.insert(hash, (wallet, bolt11));
    }
    let answers = join_all(invoices.iter().map(async |(hash, (wallet, bolt11))| {
        let query = [("k1", k1.as_str()), ("pr", bolt11.as_str())];
        let (status, body) = shop.anyone(&callback, &query).await;
        assert_eq!(status, 200, "{body}");
        let answer: Value = serde_json::from_str(&body).unwrap();
        (hash, *wallet, answer)
    }))
    .await;

    let accepted = answers
        .iter()
        .filter(|(.., answer)| answer["status"] == "OK")
        .count();
    for (_, wallet, answer) in &answers {
        if answer["status"] != "OK" {
            assert_eq!(answer["status"], "ERROR", "wallet {wallet}: {answer}");
            assert!(!text(answer, "reason").is_empty());
        }
    }
    // OK means accepted: now all of them are paid, each once.
    let claims = shop
        .until(
            "all completed",
            &format!("pull-payments/{id}/payouts"),
            |claims| {
                let completed = claims.as_array().into_iter().flatten();
                completed
                    .filter(|claim| claim["state"] == "Completed")
                    .count()
                    == accepted
            },
        )
        .await;
    let spent: i64 = claims
        .as_array()
        .unwrap()
        .iter()
        .filter(|claim| claim["state"] == "Completed")
        .map(|claim| units(claim, "originalAmount", 0))
        .sum();

    let mut received_msat = 0;
    let mut paid = 0;
    let seen = customer.get("server/lightning/BTC/invoices").await;
    for invoice in seen.as_array().unwrap() {
        if !invoices.contains_key(&text(invoice, "paymentHash")) {
            continue;
        }
        if invoice["status"] == "Paid" {
            paid += 1;
            received_msat += units(invoice, "amountReceived", 0);
        }
    }
    assert_eq!(paid, accepted, "accepted is paid, refused is not");
    assert_eq!(
        received_msat,
        spent * 1_000,
        "the books say what was received"
    );
    let limit_msat = i64::try_from(LIMIT_SATS).unwrap() * 1_000;
    assert!(received_msat <= limit_msat, "{received_msat} is too much");
    let smallest_refused = answers
        .iter()
        .filter(|(.., answer)| answer["status"] != "OK")
        .map(|(_, wallet, _)| asks_sats(*wallet) * 1_000)
        .min()
        .unwrap();
    let left = u64::try_from(limit_msat - received_msat).unwrap();
    assert!(
        left < smallest_refused,
        "{left} msat would have been enough"
    );
}
