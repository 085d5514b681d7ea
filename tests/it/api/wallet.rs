//! A store's wallet by the API: what it shows, and paying by hand.

mod shown;

use bitcoin::bip32::Xpub;
use bitcoin::consensus::deserialize;
use bitcoin::secp256k1::Secp256k1;
use bitcoin::{Address, CompressedPublicKey, Network, OutPoint, Transaction};
use serde_json::{Value, json};
use tollway::domain::money::Sat;

use super::{Client, text};

const THEIRS: &str = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";
const OTHERS: &str = "bcrt1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqdku202";

pub(super) fn wallet(client: &Client, rest: &str) -> String {
    client.shop(&format!("/payment-methods/BTC-CHAIN/wallet{rest}"))
}

/// A client whose store's till has confirmed coins of these sizes.
pub(super) async fn funded(coins: &[u64]) -> (Client, Vec<OutPoint>) {
    let client = Client::new().await;
    let mut outpoints = Vec::new();
    for sat in coins {
        let invoice = client.world.invoice(*sat).await;
        let script = invoice.onchain.expect("an address").script;
        let paid = client.world.chain.pay(&script, Sat(*sat));
        client.world.mine(1).await;
        outpoints.push(OutPoint::new(paid.compute_txid(), 0));
    }
    client.world.turn().await;
    (client, outpoints)
}

pub(super) fn to(address: &str, amount: &str) -> Value {
    json!({"destinations": [{"destination": address, "amount": amount}], "feerate": 2})
}

fn amounts(tx: &Transaction) -> Vec<u64> {
    tx.output
        .iter()
        .map(|output| output.value.to_sat())
        .collect()
}

fn read(hex: &Value) -> Transaction {
    deserialize(&hex::decode(text(hex)).expect("hex")).expect("a transaction")
}

#[tokio::test]
async fn a_payment_by_hand_is_sent_and_settled_like_any_payout() {
    let (client, _) = funded(&[100_000]).await;
    let sent = client
        .post(&wallet(&client, "/transactions"), to(THEIRS, "0.0003"))
        .await
        .ok();
    assert_eq!(sent["status"], "Unconfirmed");
    client.world.check().await;
    client.world.turn().await;
    let out = client.world.chain.broadcasts();
    assert_eq!(out.len(), 1);
    assert_eq!(sent["transactionHash"], out[0].compute_txid().to_string());
    let fee = 100_000 - amounts(&out[0]).iter().sum::<u64>();
    // A signature is a byte shorter at times.
    let vbytes = u64::try_from(out[0].vsize()).expect("small");
    assert!((2 * vbytes).abs_diff(fee) <= 2, "{fee} for {vbytes}");
    let left = format!("-0.000{}", 30_000 + fee);
    assert_eq!(text(&sent["amount"]), left);
    let payouts = client.world.payouts().await;
    assert_eq!(payouts.len(), 1, "P2 it is an attempt of a payout");
    assert_eq!(client.get(&client.shop("/payouts")).await.ok(), json!([]));
    client.world.mine(1).await;
    client.world.check().await;
    let path = wallet(
        &client,
        &format!("/transactions/{}", text(&sent["transactionHash"])),
    );
    let seen = client.get(&path).await.ok();
    assert_eq!(
        (&seen["status"], &seen["confirmations"]),
        (&json!("Confirmed"), &json!("1"))
    );
    let list = client
        .get(&wallet(
            &client,
            "/transactions?statusFilter=Confirmed&limit=1",
        ))
        .await
        .ok();
    assert_eq!(list, json!([seen]));
    // P9 nothing is held.
    let held = client.get(&client.shop("/wallet-hold")).await.ok();
    assert_eq!(held["held"], false);
}

/// 25 is farther ahead than a wallet looks for its own coins, until it has used a change address itself; 300 is farther
/// than anybody looks.
#[tokio::test]
async fn an_own_change_address_is_refused_and_one_beyond_all_sight_harms_nobody() {
    let (client, _) = funded(&[100_000]).await;
    let path = client.shop("/payment-methods/BTC-CHAIN?includeConfig=true");
    let shown = client.get(&path).await.ok();
    let account: Xpub = (text(&shown["config"]["derivationScheme"]).parse()).expect("a key");
    let own = |index: u32| {
        let key = account
            .derive_pub(&Secp256k1::new(), &[1.into(), index.into()])
            .expect("derives");
        Address::p2wpkh(&CompressedPublicKey(key.public_key), Network::Regtest).to_string()
    };
    let path = wallet(&client, "/transactions");
    let refused = client.post(&path, to(&own(25), "0.0003")).await;
    assert_eq!(refused.status, 422, "P7");
    let payout = json!({"destination": own(25), "payoutMethodId": "BTC-CHAIN", "amount": "0.0003"});
    let refused = client.post(&client.shop("/payouts"), payout).await;
    assert_eq!(refused.status, 422, "P7");
    let sent = client.post(&path, to(&own(300), "0.0003")).await;
    assert_eq!(sent.ok()["status"], "Unconfirmed");
    client.world.turn().await;
    assert_eq!(client.world.chain.broadcasts().len(), 1);
    client.world.mine(1).await;
    client.world.check().await;
}

#[tokio::test]
async fn one_that_is_kept_back_is_sent_when_it_is_brought() {
    let (client, _) = funded(&[100_000, 60_000]).await;
    let mut body = to(THEIRS, "0.0003");
    body["proceedWithBroadcast"] = json!(false);
    let path = wallet(&client, "/transactions");
    let kept = client.post(&path, body).await.ok();
    let tx = read(&kept);
    client.world.clock.advance_secs(100);
    client.world.turn().await;
    assert!(client.world.chain.broadcasts().is_empty());
    client.world.check().await;
    let overview = client.get(&wallet(&client, "")).await.ok();
    assert_eq!(
        (
            &overview["confirmedBalance"],
            &overview["unconfirmedBalance"]
        ),
        (&json!("0.00160000"), &json!("0.00000000"))
    );
    // Its coins are set aside, and what it pays back is not built on.
    let used: Vec<OutPoint> = tx.input.iter().map(|input| input.previous_output).collect();
    let mut other = to(OTHERS, "0.0003");
    other["proceedWithBroadcast"] = json!(false);
    let second = read(&client.post(&path, other).await.ok());
    for input in &second.input {
        assert!(!used.contains(&input.previous_output));
        assert_ne!(input.previous_output.txid, tx.compute_txid());
    }
    let sent = client
        .post(&format!("{path}/broadcast"), json!({"transaction": kept}))
        .await
        .ok();
    assert_eq!(sent["transactionHash"], tx.compute_txid().to_string());
    client.world.turn().await;
    assert_eq!(client.world.chain.broadcasts(), [tx]);
    client.world.mine(1).await;
    client.world.check().await;
    // The other one is sent by somebody else.
    client.world.chain.send(&second);
    client.world.mine(1).await;
    client.world.check().await;
    let held = client.get(&client.shop("/wallet-hold")).await.ok();
    assert_eq!(held["held"], false);
}

#[tokio::test]
async fn one_that_is_kept_back_can_be_given_up_and_counts_if_it_comes_all_the_same() {
    let (client, _) = funded(&[100_000]).await;
    let mut body = to(THEIRS, "0.0003");
    body["proceedWithBroadcast"] = json!(false);
    let tx = read(
        &client
            .post(&wallet(&client, "/transactions"), body)
            .await
            .ok(),
    );
    let drafts = client.get(&wallet(&client, "/drafts")).await.ok();
    assert_eq!(
        (&drafts[0]["status"], &drafts[0]["psbt"]),
        (&json!("KeptBack"), &Value::Null)
    );
    let path = wallet(&client, &format!("/drafts/{}", text(&drafts[0]["id"])));
    assert_eq!(client.get(&path).await.ok(), drafts[0]);
    client.call("DELETE", &path, &Value::Null).await.ok();
    let again = client.call("DELETE", &path, &Value::Null).await;
    assert_eq!(again.refusal(), (400, "invalid-state".to_owned()));
    assert_eq!(
        client.get(&wallet(&client, "/drafts")).await.ok(),
        json!([])
    );
    let coins = client.get(&wallet(&client, "/utxos")).await.ok();
    assert_eq!(coins[0]["locked"], false);
    client.world.turn().await;
    assert!(client.world.chain.broadcasts().is_empty());
    client.world.check().await;
    // P5 success wins, and the books count it.
    client.world.chain.send(&tx);
    client.world.look().await;
    client.world.check().await;
    client.world.mine(1).await;
    client.world.check().await;
    let held = client.get(&client.shop("/wallet-hold")).await.ok();
    assert_eq!(held["held"], false);
}

#[tokio::test]
async fn one_that_is_kept_back_and_sent_elsewhere_waits_until_a_block_holds_it() {
    let (client, _) = funded(&[100_000]).await;
    let mut body = to(THEIRS, "0.0003");
    body["proceedWithBroadcast"] = json!(false);
    let path = wallet(&client, "/transactions");
    let tx = read(&client.post(&path, body).await.ok());
    let drafts = wallet(&client, "/drafts");
    let kept = client.get(&drafts).await.ok();
    assert_eq!(kept[0]["status"], "KeptBack");
    client.world.chain.send(&tx);
    client.world.mine(1).await;
    assert_eq!(client.get(&drafts).await.ok(), json!([]));
    client.world.check().await;
}

#[tokio::test]
async fn wishes_about_coins_fee_and_change_are_kept() {
    let (client, coins) = funded(&[100_000, 60_000, 40_000]).await;
    let path = wallet(&client, "/transactions");
    let send = async |more: Value| {
        let mut body = json!({"proceedWithBroadcast": false, "feerate": 3});
        for (name, value) in more.as_object().expect("members") {
            body[name] = value.clone();
        }
        read(&client.post(&path, body).await.ok())
    };
    let fee = |tx: &Transaction, coins: u64| coins - amounts(tx).iter().sum::<u64>();
    let paid = |tx: &Transaction| {
        let script =
            tollway::domain::destination::Destination::address(THEIRS, bitcoin::Network::Regtest)
                .expect("an address")
                .script;
        let mine = tx
            .output
            .iter()
            .filter(|output| output.script_pubkey == script);
        mine.map(|output| output.value.to_sat())
            .collect::<Vec<u64>>()
    };
    // All of one coin, the fee out of the amount: one output, no change.
    let all = send(json!({
        "selectedInputs": [coins[1].to_string()],
        "destinations": [{"destination": THEIRS, "amount": "0.0006", "subtractFromAmount": true}],
    }))
    .await;
    assert_eq!(all.input[0].previous_output, coins[1]);
    assert_eq!((all.input.len(), all.output.len()), (1, 1));
    let rate = fee(&all, 60_000) * 10 / u64::try_from(all.vsize()).expect("small");
    assert!((30..=32).contains(&rate), "{rate}");
    // No change: the rest is the receiver's.
    let rest = send(json!({
        "selectedInputs": [coins[2].to_string()], "noChange": true, "rbf": false,
        "destinations": [{"destination": THEIRS, "amount": "0.0001"}],
    }))
    .await;
    assert_eq!(rest.output.len(), 1);
    assert_eq!(paid(&rest), [40_000 - fee(&rest, 40_000)]);
    assert!(fee(&rest, 40_000) < 500 && !rest.is_explicitly_rbf());
    // The fee out of one of two amounts, with change.
    let two = send(json!({
        "selectedInputs": [coins[0].to_string()], "rbf": true,
        "destinations": [
            {"destination": format!("bitcoin:{OTHERS}?amount=0.0002"), "amount": "0.0002"},
            {"destination": THEIRS, "amount": 0.0003, "subtractFromAmount": true},
        ],
    }))
    .await;
    assert_eq!(two.output.len(), 3);
    assert_eq!(paid(&two), [30_000 - fee(&two, 100_000)]);
    assert!(amounts(&two).contains(&20_000) && amounts(&two).contains(&50_000));
    assert!(two.is_explicitly_rbf());
    client.world.check().await;
    // Nothing is left.
    let refused = client.post(&path, to(THEIRS, "0.0001")).await;
    assert_eq!(refused.refusal(), (400, "generic-error".to_owned()));
    client.world.check().await;
}

#[tokio::test]
async fn a_psbt_is_given_and_nothing_is_kept() {
    let (client, _) = funded(&[100_000]).await;
    let mut body = to(THEIRS, "0.0003");
    body["signWithSeed"] = json!(false);
    let creator = client.key(&["btcpay.store.cancreatetransactions"]).await;
    let path = wallet(&client, "/transactions");
    let made = client
        .call_as(Some(&creator), "POST", &path, &body.to_string())
        .await
        .ok();
    let psbt: bitcoin::Psbt = text(&made["psbt"]).parse().expect("a PSBT");
    assert_eq!(psbt.inputs.len(), 1);
    let coins = client.get(&wallet(&client, "/utxos")).await.ok();
    assert_eq!(coins[0]["locked"], false);
    assert!(client.world.payouts().await.is_empty());
    // Signing needs a right of its own, and so does sending.
    body["signWithSeed"] = json!(true);
    let refused = client
        .call_as(Some(&creator), "POST", &path, &body.to_string())
        .await;
    assert_eq!(
        refused.body["missingPermission"],
        "btcpay.store.cansigntransactions"
    );
    let signer = client
        .key(&[
            "btcpay.store.cancreatetransactions",
            "btcpay.store.cansigntransactions",
        ])
        .await;
    let refused = client
        .call_as(Some(&signer), "POST", &path, &body.to_string())
        .await;
    assert_eq!(
        refused.body["missingPermission"],
        "btcpay.store.canbroadcasttransactions"
    );
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one table of rows")]
async fn what_cannot_be_sent_is_refused_and_changes_nothing() {
    let (client, coins) = funded(&[100_000]).await;
    let own = client
        .world
        .invoice(5_000)
        .await
        .onchain
        .expect("an address")
        .address;
    let path = wallet(&client, "/transactions");
    let one = |destination: Value| json!({"destinations": [destination], "feerate": 2});
    let with = |name: &str, value: Value| {
        let mut body = to(THEIRS, "0.0003");
        body[name] = value;
        body
    };
    let rows = [
        (json!({}), 422, "Destinations"),
        (json!({"destinations": []}), 422, "Destinations"),
        (json!({"destinations": 7}), 422, "Destinations"),
        (json!({"destinations": [7]}), 422, "Destinations[0]"),
        (
            one(json!({"amount": 1})),
            422,
            "Destinations[0].Destination",
        ),
        (
            one(json!({"destination": "tea", "amount": 1})),
            422,
            "Destinations[0].Destination",
        ),
        (
            one(json!({"destination": "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "amount": 1})),
            422,
            "Destinations[0].Destination",
        ),
        (
            one(json!({"destination": own, "amount": "0.0001"})),
            422,
            "Destinations[0].Destination",
        ),
        (
            one(json!({"destination": THEIRS})),
            422,
            "Destinations[0].Amount",
        ),
        (
            one(json!({"destination": THEIRS, "amount": 0})),
            422,
            "Destinations[0].Amount",
        ),
        (
            one(json!({"destination": THEIRS, "amount": -1})),
            422,
            "Destinations[0].Amount",
        ),
        (
            one(json!({"destination": THEIRS, "amount": "0.000000001"})),
            422,
            "Destinations[0].Amount",
        ),
        (
            one(json!({"destination": THEIRS, "amount": 21_000_001})),
            422,
            "Destinations[0].Amount",
        ),
        (
            one(json!({"destination": format!("bitcoin:{THEIRS}?amount=0.1"), "amount": 1})),
            422,
            "Destinations[0].Amount",
        ),
        (
            one(
                json!({"destination": format!("bitcoin:{THEIRS}?amount=0.1"), "subtractFromAmount": true}),
            ),
            422,
            "Destinations[0].SubtractFromAmount",
        ),
        (
            one(json!({"destination": THEIRS, "amount": "0.00000001"})),
            400,
            "generic-error",
        ),
        (
            one(json!({"destination": THEIRS, "amount": 1})),
            400,
            "generic-error",
        ),
        (with("feerate", json!(0)), 422, "Feerate"),
        (with("feerate", json!(50_000)), 400, "generic-error"),
        (
            with("selectedInputs", json!(["x"])),
            422,
            "SelectedInputs[0]",
        ),
        (
            with("selectedInputs", json!([OutPoint::null().to_string()])),
            422,
            "SelectedInputs",
        ),
        (with("noChange", json!(7)), 422, "NoChange"),
    ];
    client.check_refusals("POST", &path, &rows).await;
    let stranger = bitcoin::ScriptBuf::new_op_return([7; 4]);
    let foreign = client.world.chain.payment(&stranger, Sat(90_000), true);
    let mut unsigned = foreign.clone();
    unsigned.input[0].previous_output = coins[0];
    let hex = |tx: &Transaction| bitcoin::consensus::encode::serialize_hex(tx);
    let rows = [
        (json!({}), 422, "Transaction"),
        (json!({"transaction": "tea"}), 400, "broadcast-error"),
        (json!({"transaction": "00"}), 400, "broadcast-error"),
        (json!({"transaction": "cHNidP8="}), 400, "broadcast-error"),
        (
            json!({"transaction": hex(&foreign)}),
            400,
            "broadcast-error",
        ),
        (
            json!({"transaction": hex(&unsigned)}),
            400,
            "broadcast-error",
        ),
    ];
    client
        .check_refusals("POST", &format!("{path}/broadcast"), &rows)
        .await;
    assert!(client.world.payouts().await.is_empty());
    client.world.turn().await;
    assert!(client.world.chain.broadcasts().is_empty());
    client.world.check().await;
}
