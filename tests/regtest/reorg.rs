//! The chain takes back six blocks, and a payment with them.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::gateway::{CHAIN, LN, text, units};
use crate::sandbox::{Sandbox, sandbox, until};

/// How many blocks are taken back.
const DEPTH: u32 = 6;

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_a_reorg_drops_settles_again() {
    let Some(sandbox) = sandbox().await else {
        return;
    };
    let (shop, customer) = (&sandbox.shop, &sandbox.customer);
    // Whatever the tests before have left is older than the fork: channels, coins.
    sandbox.mine_heard(DEPTH).await;
    let channels = points(&sandbox).await;
    let fork = sandbox.rpc("getblockcount", &[]).as_u64().unwrap();

    let invoice = shop.invoice(50_000).await;
    let address = invoice.address().await;
    let payout = customer.payout(&address, CHAIN, 50_000).await;
    invoice.is("Processing").await;
    sandbox.mine_heard(DEPTH).await;
    invoice.is("Settled").await;
    let paid = customer.payout_is(&payout, "Completed").await;
    let txid = paid["paymentProof"]["id"].clone();
    let payments = payments_of(&invoice.half(CHAIN).await);
    assert_eq!(payments.len(), 1, "{payments:?}");

    // The other branch is longer and holds no payment.
    let first = sandbox.rpc("getblockhash", &[json!(fork + 1)]);
    sandbox.rpc("invalidateblock", &[first]);
    for _ in 0..=DEPTH {
        let miner = sandbox.rpc("getnewaddress", &[]);
        sandbox.rpc("generateblock", &[miner, json!([])]);
    }
    let path = format!("S/invoices/{}", invoice.id);
    let fallen = |invoice: &Value| invoice["status"] != "Settled";
    shop.until("fallen back", &path, fallen).await;
    // bitcoind may have forgotten it with the blocks; who pays sends the same again.
    until("in the mempool again", || async {
        let mempool = sandbox.rpc("getrawmempool", &[]);
        let found = mempool.as_array().unwrap().contains(&txid);
        found.then_some(()).ok_or_else(|| mempool.to_string())
    })
    .await;
    invoice.is("Processing").await;

    sandbox.mine_heard(1).await;
    let settled = invoice.is("Settled").await;
    assert_eq!(units(&settled, "paidAmount", 0), 50_000);
    assert_eq!(payments_of(&invoice.half(CHAIN).await), payments);
    let again = customer.payout_is(&payout, "Completed").await;
    assert_eq!(again["paymentProof"]["id"], txid, "P4 paid twice: {again}");

    // The nodes have followed: no channel was lost over it, and each side can pay the other.
    assert_eq!(points(&sandbox).await, channels);
    let more = shop.invoice(4_000).await;
    customer.pay(&more.bolt11().await).await;
    more.is("Settled").await;
    let (bolt11, _) = customer.bolt11(5_000_000).await;
    let payout = shop.payout(&bolt11, LN, 5_000).await;
    shop.payout_is(&payout, "Completed").await;
}

fn payments_of(half: &Value) -> Vec<String> {
    let payments = half["payments"].as_array().unwrap().iter();
    payments.map(|payment| text(payment, "id")).collect()
}

/// The channels that either node can use.
async fn points(sandbox: &Sandbox) -> BTreeSet<String> {
    let mut points = BTreeSet::new();
    for gateway in [&sandbox.shop, &sandbox.customer] {
        let channels = gateway.channels().await;
        let open = channels.iter().filter(|one| one["isActive"] == true);
        points.extend(open.map(|channel| text(channel, "channelPoint")));
    }
    points
}
