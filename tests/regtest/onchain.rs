//! On-chain payouts on a real chain: many in one transaction, a raised fee, a reorganisation that drops one.

use serde_json::{Value, json};

use crate::gateway::{CHAIN, btc, text};
use crate::sandbox::{Sandbox, sandbox, until};

/// Puts the store's wallet beyond what a payout of this file needs.
pub async fn fund(sandbox: &Sandbox, sats: u64) {
    let invoice = sandbox.shop.invoice(sats).await;
    sandbox.send(&invoice.address().await, &btc(sats));
    invoice.is("Processing").await;
    sandbox.mine(1);
    invoice.is("Settled").await;
}

/// The output that pays a payout, as the API names it.
pub fn output(payout: &Value) -> (String, usize) {
    let proof = &payout["paymentProof"];
    let vout = proof["vout"].as_u64().unwrap();
    (text(proof, "id"), usize::try_from(vout).unwrap())
}

/// What an output of a transaction pays: whole sats, and whom.
pub fn paid(sandbox: &Sandbox, (txid, vout): &(String, usize)) -> (u64, Value) {
    let tx = sandbox.rpc("getrawtransaction", &[json!(txid), json!(true)]);
    let output = &tx["vout"][*vout];
    let btc = output["value"].as_f64().unwrap();
    let sats = bitcoin::Amount::from_btc(btc).unwrap().to_sat();
    (sats, output["scriptPubKey"]["address"].clone())
}

/// Waits until the network has a transaction: it is named as soon as it is stored, and sent after that.
pub async fn in_mempool(sandbox: &Sandbox, txid: &str) {
    until("in bitcoind's mempool", || async {
        let mempool = sandbox.rpc("getrawmempool", &[]);
        let found = mempool.as_array().unwrap().contains(&json!(txid));
        found.then_some(()).ok_or_else(|| mempool.to_string())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_payouts_go_out_in_one_transaction() {
    let Some(sandbox) = sandbox().await else {
        return;
    };
    let shop = &sandbox.shop;
    fund(&sandbox, 2_000_000).await;
    // They are all approved before anybody sends.
    let sender = "S/payout-processors/OnChainAutomatedPayoutSenderFactory/BTC-CHAIN";
    shop.delete(sender).await;
    let mut owed = Vec::new();
    for number in 0..20 {
        let address = sandbox.rpc("getnewaddress", &[]);
        let sats = 20_000 + number;
        let id = shop.payout(address.as_str().unwrap(), CHAIN, sats).await;
        owed.push((id, address, sats));
    }
    let instantly = json!({"intervalSeconds": 60, "processNewPayoutsInstantly": true});
    shop.put(sender, instantly).await;
    let mut outputs = Vec::new();
    for (id, address, sats) in &owed {
        let output = output(&shop.payout_is(id, "InProgress").await);
        assert_eq!(paid(&sandbox, &output), (*sats, address.clone()));
        outputs.push(output);
    }
    assert!(outputs.iter().all(|(txid, _)| *txid == outputs[0].0));
    in_mempool(&sandbox, &outputs[0].0).await;
    sandbox.mine(1);
    for ((id, ..), expected) in owed.iter().zip(&outputs) {
        let done = shop.payout_is(id, "Completed").await;
        assert_eq!(output(&done), *expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_raised_fee_is_taken_by_the_network_and_confirms() {
    let Some(sandbox) = sandbox().await else {
        return;
    };
    let shop = &sandbox.shop;
    fund(&sandbox, 500_000).await;
    let address = sandbox.rpc("getnewaddress", &[]);
    let id = shop.payout(address.as_str().unwrap(), CHAIN, 40_000).await;
    let first = output(&shop.payout_is(&id, "InProgress").await);
    in_mempool(&sandbox, &first.0).await;
    let path = format!("S/payouts/{id}");
    let raised = shop
        .post(&format!("{path}/bump"), json!({"feeRate": 30}))
        .await;
    let second = output(&raised);
    assert_ne!(first.0, second.0);
    in_mempool(&sandbox, &second.0).await;
    let mempool = sandbox.rpc("getrawmempool", &[]);
    assert!(!mempool.as_array().unwrap().contains(&json!(first.0)));
    sandbox.mine(1);
    let done = shop.payout_is(&id, "Completed").await;
    assert_eq!(output(&done), second);
    assert_eq!(sandbox.received(&address), (40_000, vec![second.0]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reorganisation_of_six_blocks_that_drops_a_batch_pays_nobody_twice() {
    let Some(sandbox) = sandbox().await else {
        return;
    };
    let shop = &sandbox.shop;
    fund(&sandbox, 500_000).await;
    // Whatever came before this test stays where it is.
    sandbox.mine_heard(12).await;
    let (one, other) = (
        sandbox.rpc("getnewaddress", &[]),
        sandbox.rpc("getnewaddress", &[]),
    );
    let mut ids = Vec::new();
    for address in [&one, &other] {
        ids.push(shop.payout(address.as_str().unwrap(), CHAIN, 30_000).await);
    }
    let mut sent = Vec::new();
    for id in &ids {
        let (txid, _) = output(&shop.payout_is(id, "InProgress").await);
        in_mempool(&sandbox, &txid).await;
        sent.push(txid);
    }
    let raw = |txid: &String| sandbox.rpc("getrawtransaction", &[json!(txid)]);
    let bytes: Vec<Value> = sent.iter().map(raw).collect();
    sandbox.mine_heard(1).await;
    for id in &ids {
        shop.payout_is(id, "Completed").await;
    }

    // Six blocks go; below them the transactions are not final, so that bitcoind forgets them.
    let tip = sandbox.rpc("getblockcount", &[]).as_u64().unwrap();
    let first_gone = sandbox.rpc("getblockhash", &[json!(tip - 5)]);
    sandbox.rpc("invalidateblock", &[first_gone]);
    let mempool = sandbox.rpc("getrawmempool", &[]);
    for txid in &sent {
        assert!(!mempool.as_array().unwrap().contains(&json!(txid)), "kept");
    }
    let miner = sandbox.rpc("getnewaddress", &[]);
    for _ in 0..7 {
        sandbox.rpc("generateblock", &[miner.clone(), json!([])]);
    }
    for (id, txid) in ids.iter().zip(&sent) {
        let path = format!("S/payouts/{id}");
        let shown = |payout: &Value| payout["unconfirmed"] == true;
        let gone = shop.until("shown as unconfirmed", &path, shown).await;
        assert_eq!(gone["state"], "Completed", "the promise stays kept");
        in_mempool(&sandbox, txid).await;
    }
    let again: Vec<Value> = sent.iter().map(raw).collect();
    assert_eq!(again, bytes, "P4 the stored bytes");
    sandbox.mine_heard(1).await;
    for id in &ids {
        let path = format!("S/payouts/{id}");
        let shown = |payout: &Value| payout["unconfirmed"] == false;
        shop.until("confirmed again", &path, shown).await;
    }
    for (address, txid) in [&one, &other].into_iter().zip(&sent) {
        assert_eq!(sandbox.received(address), (30_000, vec![txid.clone()]));
    }
}
