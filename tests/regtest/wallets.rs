//! Wallets on a real chain: one that is watched here and signed elsewhere, and payments by hand from one of our own.

use serde_json::{Value, json};

use crate::books::run_audit;
use crate::gateway::{CHAIN, Gateway, btc, text};
use crate::onchain::{in_mempool, output, paid};
use crate::sandbox::{Sandbox, sandbox, say};
use crate::signer::{Kind, Signer};

const WALLET: &str = "S/payment-methods/BTC-CHAIN/wallet";

/// A store of its own, with a coin of so many satoshi in what is its wallet by then.
async fn store(sandbox: &Sandbox, name: &str) -> Gateway {
    let made = sandbox.shop.post("stores", json!({ "name": name })).await;
    sandbox.shop.with_store(text(&made, "id"))
}

async fn funded(sandbox: &Sandbox, shop: &Gateway, sats: u64) {
    let invoice = shop.invoice(sats).await;
    sandbox.send(&invoice.address().await, &btc(sats));
    invoice.is("Processing").await;
    sandbox.mine(1);
    invoice.is("Settled").await;
}

fn check_books(sandbox: &Sandbox, when: &str) {
    let (held, said) = run_audit(&sandbox.shop_config());
    assert!(held, "the books differ {when}:\n{said}");
    say(&format!("books balance {when}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watched_wallet_takes_payments_and_pays_by_its_owners_signature() {
    let Some(sandbox) = sandbox().await else {
        return;
    };
    for (number, kind) in [(41, Kind::Segwit), (42, Kind::Wrapped), (43, Kind::Taproot)] {
        let signer = Signer::new(number, kind);
        let shop = store(&sandbox, "Cold").await;
        let connect = match kind {
            Kind::Segwit => json!({ "config": signer.descriptor }),
            Kind::Wrapped | Kind::Taproot => json!({ "config": {
                "derivationScheme": signer.scheme, "accountKeyPath": signer.key_path,
            } }),
        };
        shop.put("S/payment-methods/BTC-CHAIN", connect).await;
        let invoice = shop.invoice(150_000).await;
        assert_eq!(invoice.address().await, signer.address(0));
        sandbox.send(&signer.address(0), &btc(150_000));
        invoice.is("Processing").await;
        sandbox.mine(1);
        invoice.is("Settled").await;
        check_books(&sandbox, "with money in a watched wallet");

        // Brought back signed.
        let address = sandbox.rpc("getnewaddress", &[]);
        let first = owed(&shop, &address, 40_000).await;
        let psbt = waiting(&shop).await;
        let half = signer.sign(&psbt, false).to_string();
        let path = format!("{WALLET}/transactions/broadcast");
        shop.post(&path, json!({ "transaction": half })).await;
        let sent = output(&shop.payout_is(&first, "InProgress").await);
        in_mempool(&sandbox, &sent.0).await;
        assert_eq!(paid(&sandbox, &sent), (40_000, address));
        check_books(&sandbox, "while it is under way");
        sandbox.mine_heard(1).await;
        shop.payout_is(&first, "Completed").await;

        // Signed and sent elsewhere.
        let address = sandbox.rpc("getnewaddress", &[]);
        let second = owed(&shop, &address, 30_000).await;
        let tx = signer
            .sign(&waiting(&shop).await, true)
            .extract_tx()
            .unwrap();
        let hex = bitcoin::consensus::encode::serialize_hex(&tx);
        sandbox.rpc("sendrawtransaction", &[json!(hex)]);
        let seen = output(&shop.payout_is(&second, "InProgress").await);
        assert_eq!(seen.0, tx.compute_txid().to_string());
        sandbox.mine_heard(1).await;
        shop.payout_is(&second, "Completed").await;
        let hold = shop.get("S/wallet-hold").await;
        assert_eq!(hold, json!({ "held": false, "spends": [] }));
        check_books(&sandbox, "after both");
    }
}

/// A payout of a store that nobody sends automatically.
async fn owed(shop: &Gateway, address: &Value, sats: u64) -> String {
    let request = json!({
        "destination": address, "payoutMethodId": CHAIN, "amount": btc(sats), "approved": true,
    });
    let id = text(&shop.post("S/payouts", request).await, "id");
    shop.post(&format!("S/payouts/{id}/retry"), json!({})).await;
    id
}

/// What waits for a signature.
async fn waiting(shop: &Gateway) -> String {
    let path = format!("{WALLET}/drafts");
    let drafts = shop
        .until("for a signature", &path, |drafts| {
            drafts.as_array().is_some_and(|drafts| drafts.len() == 1)
        })
        .await;
    text(&drafts[0], "psbt")
}

#[tokio::test(flavor = "multi_thread")]
async fn payments_by_hand_are_sent_at_once_or_when_they_are_brought() {
    let Some(sandbox) = sandbox().await else {
        return;
    };
    let shop = store(&sandbox, "Hot").await;
    funded(&sandbox, &shop, 100_000).await;
    funded(&sandbox, &shop, 90_000).await;
    let path = format!("{WALLET}/transactions");
    let one = sandbox.rpc("getnewaddress", &[]);
    let body = json!({ "destinations": [{ "destination": one, "amount": btc(30_000) }] });
    let sent = shop.post(&path, body).await;
    in_mempool(&sandbox, &text(&sent, "transactionHash")).await;

    let other = sandbox.rpc("getnewaddress", &[]);
    let body = json!({
        "destinations": [{ "destination": other, "amount": btc(50_000), "subtractFromAmount": true }],
        "proceedWithBroadcast": false,
        "feerate": 5,
    });
    let kept = shop.post(&path, body).await;
    check_books(&sandbox, "with a transaction that is kept back");
    let broadcast = json!({ "transaction": kept });
    let brought = shop.post(&format!("{path}/broadcast"), broadcast).await;
    let txid = text(&brought, "transactionHash");
    in_mempool(&sandbox, &txid).await;
    let entry = sandbox.rpc("getmempoolentry", &[json!(txid)]);
    let fee = bitcoin::Amount::from_btc(entry["fees"]["base"].as_f64().unwrap()).unwrap();
    let rate = fee.to_sat() * 10 / entry["vsize"].as_u64().unwrap();
    assert!((50..=52).contains(&rate), "{rate}");
    sandbox.mine_heard(1).await;
    assert_eq!(sandbox.received(&one).0, 30_000);
    assert_eq!(
        sandbox.received(&other),
        (50_000 - fee.to_sat(), vec![txid.clone()])
    );
    shop.until("confirmed", &format!("{path}/{txid}"), |one| {
        one["status"] == "Confirmed"
    })
    .await;
    let hold = shop.get("S/wallet-hold").await;
    assert_eq!(hold["held"], false);
    check_books(&sandbox, "after payments by hand");
}
