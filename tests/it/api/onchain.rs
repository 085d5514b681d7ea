//! What the API says of payouts' transactions, and of a till that is held.

use bitcoin::OutPoint;
use serde_json::{Value, json};
use tollway::domain::money::Sat;

use super::{Client, text};

const ADDRESS: &str = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";

/// A client whose store's till has a confirmed coin, and the coin.
async fn funded() -> (Client, OutPoint) {
    let client = Client::new().await;
    let invoice = client.world.invoice(100_000).await;
    let script = invoice.onchain.expect("an address").script;
    let paid = client.world.chain.pay(&script, Sat(100_000));
    client.world.mine(1).await;
    (client, OutPoint::new(paid.compute_txid(), 0))
}

/// A payout that is to be sent; its path.
async fn owed(client: &Client) -> String {
    let body = json!({
        "destination": ADDRESS, "payoutMethodId": "BTC-CHAIN", "amount": "0.0005", "approved": true,
    });
    let made = client.post(&client.shop("/payouts"), body).await.ok();
    let path = client.shop(&format!("/payouts/{}", text(&made["id"])));
    client.post(&format!("{path}/retry"), json!({})).await.ok();
    client.world.turn().await;
    path
}

/// The proof names an output that pays the payout.
fn assert_proved(client: &Client, payout: &Value, nth: usize) {
    let proof = &payout["paymentProof"];
    let tx = &client.world.chain.broadcasts()[nth];
    assert_eq!(proof["id"], tx.compute_txid().to_string());
    let vout = proof["vout"].as_u64().expect("an output");
    let output = &tx.output[usize::try_from(vout).expect("small")];
    assert_eq!(output.value.to_sat(), 50_000);
}

#[tokio::test]
async fn a_proof_names_the_output_of_the_newest_version_and_then_of_the_one_that_confirmed() {
    let (client, _) = funded().await;
    let path = owed(&client).await;
    let sent = client.get(&path).await.ok();
    assert_eq!(sent["state"], "InProgress");
    assert_proved(&client, &sent, 0);
    let bump = format!("{path}/bump");
    let rows = [
        (json!({"feeRate": "x"}), 422, "FeeRate"),
        (json!({"feeRate": 0}), 422, "FeeRate"),
        (json!({"feeRate": 0.0001}), 422, "FeeRate"),
        (json!({"feeRate": 2}), 400, "invalid-state"),
        (json!({"feeRate": 5_000}), 400, "invalid-state"),
    ];
    client.check_refusals("POST", &bump, &rows).await;
    let viewer = client.key(&["btcpay.store.canviewpayouts"]).await;
    let body = json!({"feeRate": 9}).to_string();
    let refused = client.call_as(Some(&viewer), "POST", &bump, &body).await;
    assert_eq!(refused.status, 403);
    client.post(&bump, json!({"feeRate": 9.5})).await.ok();
    client.world.turn().await;
    let raised = client.get(&path).await.ok();
    assert_proved(&client, &raised, 1);
    let first = client.world.chain.broadcasts()[0].clone();
    client.world.chain.mine_only(&[first]);
    client.world.turn().await;
    let paid = client.get(&path).await.ok();
    assert_eq!(
        (&paid["state"], &paid["unconfirmed"]),
        (&json!("Completed"), &json!(false))
    );
    assert_proved(&client, &paid, 0);
    client.world.chain.reorg(1);
    client.world.turn().await;
    let gone = client.get(&path).await.ok();
    assert_eq!(
        (&gone["state"], &gone["unconfirmed"]),
        (&json!("Completed"), &json!(true))
    );
    let unknown = client.shop("/payouts/unknown/bump");
    let refused = client.post(&unknown, json!({})).await;
    assert_eq!(refused.refusal(), (404, "payout-not-found".to_owned()));
}

#[tokio::test]
async fn without_a_rate_the_estimate_is_taken() {
    let (client, _) = funded().await;
    let path = owed(&client).await;
    client.world.chain.set_fee_rate(20_000);
    client.post(&format!("{path}/bump"), json!({})).await.ok();
    client.world.turn().await;
    let raised = &client.world.chain.broadcasts()[1];
    let paid: u64 = raised
        .output
        .iter()
        .map(|output| output.value.to_sat())
        .sum();
    let size = u64::try_from(raised.vsize()).expect("small");
    assert_eq!((100_000 - paid) / size, 20);
}

#[tokio::test]
async fn a_held_till_is_shown_and_released() {
    let (client, coin) = funded().await;
    let path = client.shop("/wallet-hold");
    let calm = client.get(&path).await.ok();
    assert_eq!(calm, json!({"held": false, "spends": []}));
    let stranger = bitcoin::ScriptBuf::new_op_return([7; 4]);
    let mut theft = client.world.chain.payment(&stranger, Sat(90_000), true);
    theft.input[0].previous_output = coin;
    client.world.chain.send(&theft);
    client.world.look().await;
    let held = client.get(&path).await.ok();
    assert_eq!(held["held"], true);
    let spend = &held["spends"][0];
    assert_eq!(spend["transactionHash"], theft.compute_txid().to_string());
    assert_eq!(spend["amount"], "0.001");
    assert_eq!(spend["inChainOrMempool"], true);
    let payout = owed(&client).await;
    let waits = client.get(&payout).await.ok();
    assert_eq!(waits["state"], "AwaitingPayment");
    assert_eq!(
        waits["failureReason"],
        "the store's wallet is held for review"
    );
    let viewer = client.key(&["btcpay.store.canviewpayouts"]).await;
    let refused = client.call_as(Some(&viewer), "DELETE", &path, "").await;
    assert_eq!(refused.status, 403);
    let refused = [
        (json!({}), 422, "Txids"),
        (json!({"txids": []}), 422, "Txids"),
        (json!({"txids": ["x"]}), 422, "Txids[0]"),
    ];
    client.check_refusals("DELETE", &path, &refused).await;
    // Another one than that: it is still held.
    let other = json!({"txids": ["07".repeat(32)]});
    let still = client.call("DELETE", &path, &other).await.ok();
    assert_eq!(
        (&still["held"], &still["spends"]),
        (&json!(true), &held["spends"])
    );
    let seen = json!({"txids": [spend["transactionHash"]]});
    let after = client.call("DELETE", &path, &seen).await.ok();
    assert_eq!(client.get(&path).await.ok(), after);
    assert_eq!(after["held"], false);
    assert_eq!(after["spends"][0]["released"], true);
}
