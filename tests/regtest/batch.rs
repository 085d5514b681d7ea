//! Many on-chain payouts approved at the same moment share a few transactions, and the API names the output of each.
//! `TOLLWAY_BATCH` says how many: 40 if not set, `regtest/drill` takes 200.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::time::Instant;

use futures::future::join_all;
use serde_json::{Value, json};

use crate::gateway::{CHAIN, btc, text};
use crate::onchain::{fund, in_mempool, output, paid};
use crate::sandbox::{sandbox, say};

/// Payouts for which one more transaction is few.
const A_FEW: usize = 40;

/// What each gets, and its number on top, so that no two get the same.
const SATS: u64 = 10_000;

#[tokio::test(flavor = "multi_thread")]
async fn payouts_approved_at_once_share_a_few_transactions() {
    let Some(sandbox) = sandbox().await else {
        return;
    };
    let shop = &sandbox.shop;
    let count = env::var("TOLLWAY_BATCH").map_or(40, |count| count.parse().unwrap());
    fund(&sandbox, count * SATS * 2).await;
    let mut owed = Vec::new();
    for number in 0..count {
        let address = sandbox.rpc("getnewaddress", &[]);
        let request = json!({
            "destination": address, "payoutMethodId": CHAIN, "amount": btc(SATS + number),
        });
        let id = text(&shop.post("S/payouts", request).await, "id");
        owed.push((id, address, SATS + number));
    }

    let begin = Instant::now();
    join_all(owed.iter().map(|(id, ..)| {
        let path = format!("S/payouts/{id}");
        async move { shop.post(&path, json!({"revision": 0})).await }
    }))
    .await;
    let mut outputs: BTreeMap<&str, (String, usize)> = BTreeMap::new();
    for (id, address, sats) in &owed {
        let output = output(&shop.payout_is(id, "InProgress").await);
        in_mempool(&sandbox, &output.0).await;
        assert_eq!(paid(&sandbox, &output), (*sats, address.clone()), "{id}");
        outputs.insert(id, output);
    }
    let secs = begin.elapsed().as_secs_f64();
    let transactions: BTreeSet<&String> = outputs.values().map(|(txid, _)| txid).collect();
    let distinct: BTreeSet<&(String, usize)> = outputs.values().collect();
    assert_eq!(distinct.len(), owed.len(), "an output pays one payout");
    say(&format!(
        "{count} on-chain payouts approved at once: {} transactions, all named after {secs:.1} s",
        transactions.len()
    ));
    // The first of them may leave before the others are approved.
    assert!(transactions.len() <= 2 + owed.len() / A_FEW);

    sandbox.mine_heard(1).await;
    for (id, address, sats) in &owed {
        let done = shop.payout_is(id, "Completed").await;
        let (txid, vout) = output(&done);
        assert_eq!((txid.clone(), vout), outputs[id.as_str()]);
        assert_eq!(sandbox.received(address), (*sats, vec![txid]));
    }
    let listed: Value = shop.get("S/payouts").await;
    let completed = listed.as_array().unwrap().iter().filter(|one| {
        one["state"] == "Completed" && outputs.contains_key(one["id"].as_str().unwrap())
    });
    assert_eq!(completed.count(), owed.len());
}
