//! Stores whose wallet is somebody else's: watched here, signed elsewhere.

mod methods;

use bdk_wallet::KeychainKind;
use bitcoin::consensus::encode::serialize_hex;
use bitcoin::{OutPoint, Transaction};
use serde_json::{Value, json};
use tollway::domain::money::Sat;

use super::{Client, text};
use crate::support::signer::{Kind, Signer};

const THEIRS: &str = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";

/// A client whose store's wallet is watch-only.
async fn watching(signer: &Signer) -> Client {
    let client = Client::new().await;
    connect(&client, signer).await;
    client
}

async fn connect(client: &Client, signer: &Signer) -> Value {
    let path = client.shop("/payment-methods/BTC-CHAIN");
    let body = json!({ "config": signer.descriptor });
    client.call("PUT", &path, &body).await.ok()
}

fn wallet(client: &Client, rest: &str) -> String {
    client.shop(&format!("/payment-methods/BTC-CHAIN/wallet{rest}"))
}

/// Pays an invoice: a confirmed coin.
async fn coin(client: &Client, sat: u64) -> OutPoint {
    let invoice = client.world.invoice(sat).await;
    let script = invoice.onchain.expect("an address").script;
    let paid = client.world.chain.pay(&script, Sat(sat));
    client.world.mine(1).await;
    OutPoint::new(paid.compute_txid(), 0)
}

/// A payout that is to be sent; its path.
async fn owed(client: &Client, amount: &str) -> String {
    owed_to(client, THEIRS, amount).await
}

async fn owed_to(client: &Client, destination: &str, amount: &str) -> String {
    let body = json!({
        "destination": destination, "payoutMethodId": "BTC-CHAIN", "amount": amount, "approved": true,
    });
    let made = client.post(&client.shop("/payouts"), body).await.ok();
    let path = client.shop(&format!("/payouts/{}", text(&made["id"])));
    client.post(&format!("{path}/retry"), json!({})).await.ok();
    client.world.turn().await;
    path
}

async fn drafts(client: &Client) -> Vec<Value> {
    let drafts = client.get(&wallet(client, "/drafts")).await.ok();
    drafts.as_array().expect("a list").clone()
}

async fn state(client: &Client, payout: &str) -> String {
    text(&client.get(payout).await.ok()["state"])
}

fn signed(signer: &Signer, draft: &Value) -> Transaction {
    let psbt = signer.sign(&text(&draft["psbt"]), true);
    psbt.extract_tx().expect("signed")
}

fn spends(tx: &Transaction, coin: OutPoint) -> bool {
    tx.input.iter().any(|input| input.previous_output == coin)
}

#[tokio::test]
async fn invoices_are_paid_to_it_and_payouts_wait_for_its_owners_signature() {
    for (number, kind) in [(1, Kind::Segwit), (2, Kind::Wrapped), (3, Kind::Taproot)] {
        let signer = Signer::new(number, kind);
        let client = watching(&signer).await;
        let invoice = client.world.invoice(100_000).await;
        let address = invoice.onchain.as_ref().expect("an address");
        assert_eq!(address.address, signer.address(0), "{kind:?}");
        client.world.chain.pay(&address.script, Sat(100_000));
        client.world.mine(1).await;
        let overview = client.get(&wallet(&client, "")).await.ok();
        assert_eq!(overview["confirmedBalance"], "0.00100000");

        let payout = owed(&client, "0.0003").await;
        // P2 nothing is recorded before it is signed.
        let waits = client.get(&payout).await.ok();
        assert_eq!(
            (&waits["state"], &waits["attempts"]),
            (&json!("AwaitingPayment"), &json!(0))
        );
        assert!(text(&waits["failureReason"]).contains("signature"));
        // P8 it may be signed.
        let refused = client.call("DELETE", &payout, &Value::Null).await;
        assert_eq!(refused.status, 400);
        let by_hand = json!({"state": "InProgress"});
        let refused = client.post(&format!("{payout}/mark"), by_hand).await;
        assert_eq!(refused.refusal(), (400, "invalid-state".to_owned()));
        let waiting = drafts(&client).await;
        assert_eq!(waiting.len(), 1);
        assert_eq!(waiting[0]["amount"], "0.00030000");
        client.world.turn().await;
        assert_eq!(
            drafts(&client).await,
            waiting,
            "one draft, not one each round"
        );
        assert!(client.world.chain.broadcasts().is_empty());
        let coins = client.get(&wallet(&client, "/utxos")).await.ok();
        assert_eq!(coins[0]["locked"], true);
        client.world.check().await;

        // Not signed, then signed but not finalised.
        let path = wallet(&client, "/transactions/broadcast");
        let unsigned = json!({ "transaction": waiting[0]["psbt"] });
        let refused = client.post(&path, unsigned).await;
        assert_eq!(refused.refusal(), (400, "broadcast-error".to_owned()));
        let half = signer.sign(&text(&waiting[0]["psbt"]), false).to_string();
        let sent = client
            .post(&path, json!({ "transaction": half }))
            .await
            .ok();
        assert_eq!(state(&client, &payout).await, "InProgress");
        assert!(drafts(&client).await.is_empty());
        // The same again changes nothing.
        assert_eq!(
            client
                .post(&path, json!({ "transaction": half }))
                .await
                .ok(),
            sent
        );
        client.world.turn().await;
        let out = client.world.chain.broadcasts();
        assert_eq!(out.len(), 1);
        assert_eq!(sent["transactionHash"], out[0].compute_txid().to_string());
        client.world.check().await;
        client.world.mine(1).await;
        let paid = client.get(&payout).await.ok();
        assert_eq!(paid["state"], "Completed");
        assert_eq!(paid["paymentProof"]["id"], sent["transactionHash"]);
        client.world.check().await;
    }
}

#[tokio::test]
async fn what_its_owner_signs_and_sends_elsewhere_is_recognised() {
    let signer = Signer::new(1, Kind::Segwit);
    let client = watching(&signer).await;
    coin(&client, 100_000).await;
    let payout = owed(&client, "0.0003").await;
    let tx = signed(&signer, &drafts(&client).await[0]);
    client.world.chain.send(&tx);
    client.world.look().await;
    assert_eq!(state(&client, &payout).await, "InProgress");
    assert!(drafts(&client).await.is_empty());
    let held = client.get(&client.shop("/wallet-hold")).await.ok();
    assert_eq!(held, json!({"held": false, "spends": []}));
    client.world.check().await;
    client.world.mine(1).await;
    let paid = client.get(&payout).await.ok();
    assert_eq!(paid["state"], "Completed");
    assert_eq!(paid["paymentProof"]["id"], tx.compute_txid().to_string());
    client.world.check().await;
}

#[tokio::test]
async fn a_payment_to_an_address_that_turns_out_to_be_the_wallets_own_is_recognised_too() {
    let signer = Signer::new(1, Kind::Segwit);
    let client = watching(&signer).await;
    coin(&client, 100_000).await;
    // Too far ahead to be known as its own when the draft is made.
    let own = signer.at(KeychainKind::Internal, 240);
    let payout = owed_to(&client, &own.to_string(), "0.0003").await;
    let tx = signed(&signer, &drafts(&client).await[0]);
    // Payments to earlier ones move the look-ahead past it.
    for index in (20..240).step_by(20) {
        let script = signer.at(KeychainKind::Internal, index).script_pubkey();
        client.world.chain.pay(&script, Sat(5_000));
        client.world.look().await;
    }
    client.world.chain.send(&tx);
    client.world.look().await;
    assert_eq!(state(&client, &payout).await, "InProgress");
    assert!(drafts(&client).await.is_empty());
    client.world.mine(1).await;
    let paid = client.get(&payout).await.ok();
    assert_eq!(paid["state"], "Completed");
    client.world.check().await;
}

#[tokio::test]
async fn a_transaction_that_was_given_up_and_its_successor_share_a_coin() {
    let signer = Signer::new(1, Kind::Segwit);
    let client = watching(&signer).await;
    let first_coin = coin(&client, 100_000).await;
    let payout = owed(&client, "0.0003").await;
    let first = drafts(&client).await.remove(0);
    // More coins: without the first one there would be enough.
    coin(&client, 200_000).await;
    coin(&client, 300_000).await;
    let path = wallet(&client, &format!("/drafts/{}", text(&first["id"])));
    let viewer = client.key(&["btcpay.store.canviewwallet"]).await;
    let refused = client.call_as(Some(&viewer), "DELETE", &path, "").await;
    assert_eq!(refused.status, 403);
    let given_up = client.call("DELETE", &path, &Value::Null).await.ok();
    assert_eq!(given_up["status"], "GivenUp");
    let again = client.call("DELETE", &path, &Value::Null).await;
    assert_eq!(again.refusal(), (400, "invalid-state".to_owned()));
    client.world.clock.advance_secs(10);
    client.world.turn().await;
    let second = drafts(&client).await.remove(0);
    assert_ne!(second["id"], first["id"]);
    let (one, other) = (signed(&signer, &first), signed(&signer, &second));
    // P4 the chain itself forbids paying twice.
    assert!(spends(&one, first_coin) && spends(&other, first_coin));
    // The first one comes after all.
    client.world.chain.send(&one);
    client.world.look().await;
    client.world.mine(1).await;
    let paid = client.get(&payout).await.ok();
    assert_eq!(paid["paymentProof"]["id"], one.compute_txid().to_string());
    client.world.check().await;
    let late = json!({ "transaction": serialize_hex(&other) });
    let path = wallet(&client, "/transactions/broadcast");
    let refused = client.post(&path, late).await;
    assert_eq!(refused.refusal(), (400, "broadcast-error".to_owned()));
}

#[tokio::test]
async fn a_payout_of_a_given_up_transaction_can_be_cancelled_and_is_an_alarm_if_it_comes() {
    let signer = Signer::new(1, Kind::Segwit);
    let client = watching(&signer).await;
    coin(&client, 100_000).await;
    let payout = owed(&client, "0.0003").await;
    let draft = drafts(&client).await.remove(0);
    let path = wallet(&client, &format!("/drafts/{}", text(&draft["id"])));
    client.call("DELETE", &path, &Value::Null).await.ok();
    client.call("DELETE", &payout, &Value::Null).await.ok();
    assert_eq!(state(&client, &payout).await, "Cancelled");
    client.world.chain.send(&signed(&signer, &draft));
    client.world.look().await;
    client.world.check().await;
    client.world.mine(1).await;
    // P5 success wins.
    assert_eq!(state(&client, &payout).await, "Completed");
    client.world.check().await;
}

#[tokio::test]
async fn its_owner_may_spend_from_it_and_that_is_shown() {
    let signer = Signer::new(1, Kind::Segwit);
    let client = watching(&signer).await;
    let coin = coin(&client, 100_000).await;
    let stranger = bitcoin::ScriptBuf::new_op_return([7; 4]);
    let mut own = client.world.chain.payment(&stranger, Sat(90_000), true);
    own.input[0].previous_output = coin;
    client.world.chain.send(&own);
    client.world.look().await;
    let shown = client.get(&client.shop("/wallet-hold")).await.ok();
    assert_eq!(shown["held"], false);
    assert_eq!(
        shown["spends"][0]["transactionHash"],
        own.compute_txid().to_string()
    );
    client.world.check().await;
    client.world.chain.evict(own.compute_txid());
    client.world.look().await;
    client.world.check().await;
}

#[tokio::test]
async fn a_spent_coin_ends_the_transaction_that_waits_for_it() {
    let signer = Signer::new(1, Kind::Segwit);
    let client = watching(&signer).await;
    let first = coin(&client, 100_000).await;
    let payout = owed(&client, "0.0003").await;
    assert_eq!(drafts(&client).await.len(), 1);
    let stranger = bitcoin::ScriptBuf::new_op_return([7; 4]);
    let mut own = client.world.chain.payment(&stranger, Sat(90_000), true);
    own.input[0].previous_output = first;
    client.world.chain.send(&own);
    client.world.mine(5).await;
    // It might be reorganised away.
    assert_eq!(drafts(&client).await.len(), 1);
    client.world.mine(1).await;
    assert!(drafts(&client).await.is_empty());
    coin(&client, 100_000).await;
    client.world.clock.advance_secs(10);
    client.world.turn().await;
    let next = drafts(&client).await.remove(0);
    let path = wallet(&client, "/transactions/broadcast");
    let tx = serialize_hex(&signed(&signer, &next));
    client.post(&path, json!({ "transaction": tx })).await.ok();
    client.world.turn().await;
    client.world.mine(1).await;
    assert_eq!(state(&client, &payout).await, "Completed");
    client.world.check().await;
}
