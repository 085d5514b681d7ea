//! Money moves, as a merchant's program, a payer and a receiver see it through the API.

use std::process::Command;

use bitcoin::Network;
use bitcoin_payment_instructions::hrn_resolution::DummyHrnResolver;
use bitcoin_payment_instructions::{PaymentInstructions, PaymentMethod};
use lnurl::lnurl::LnUrl;
use lnurl::{LnUrlResponse, Response, decode_ln_url_response};
use serde_json::{Value, json};

use crate::gateway::{CHAIN, LN, btc, text, units};
use crate::sandbox::{sandbox, until};

#[tokio::test(flavor = "multi_thread")]
async fn an_invoice_is_paid_over_lightning() {
    let Some(sandbox) = sandbox().await else {
        return;
    };
    let (shop, customer) = (&sandbox.shop, &sandbox.customer);
    let invoice = shop.invoice(21_000).await;
    let (lightning, chain) = (invoice.half(LN).await, invoice.half(CHAIN).await);
    let bolt11 = text(&lightning, "destination");

    // Another's parser finds in the link what the two halves say.
    let link = text(&chain, "unifiedPaymentLink");
    let parsed =
        PaymentInstructions::parse(&link, Network::Regtest, &DummyHrnResolver, false).await;
    let Ok(PaymentInstructions::FixedAmount(parsed)) = parsed else {
        panic!("{link}: {parsed:?}");
    };
    for amount in [parsed.ln_payment_amount(), parsed.onchain_payment_amount()] {
        assert_eq!(amount.unwrap().milli_sats(), 21_000_000);
    }
    let mut found = parsed.methods().iter().map(|method| match method {
        PaymentMethod::LightningBolt11(invoice) => invoice.to_string(),
        PaymentMethod::OnChain(address) => address.to_string(),
        other => panic!("{other:?}"),
    });
    let mut expected = vec![bolt11.clone(), text(&chain, "destination")];
    assert!(found.all(|half| {
        let known = expected.iter().position(|one| *one == half);
        known.map(|at| expected.remove(at)).is_some()
    }));
    assert_eq!(expected, Vec::<String>::new());

    let proof = customer.pay(&bolt11).await;
    let settled = invoice.is("Settled").await;
    assert_eq!(units(&settled, "paidAmount", 0), 21_000);
    let half = invoice.half(LN).await;
    assert_eq!(units(&half, "due", 8), 0);
    let payments = half["payments"].as_array().unwrap();
    assert_eq!(payments.len(), 1, "{half}");
    assert_eq!(payments[0]["id"], proof["paymentHash"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invoice_is_paid_on_chain() {
    let Some(sandbox) = sandbox().await else {
        return;
    };
    let (shop, customer) = (&sandbox.shop, &sandbox.customer);
    let invoice = shop.invoice(50_000).await;
    let payout = customer
        .payout(&invoice.address().await, CHAIN, 50_000)
        .await;
    invoice.is("Processing").await;
    sandbox.mine(1);
    let settled = invoice.is("Settled").await;
    assert_eq!(units(&settled, "paidAmount", 0), 50_000);
    let sent = customer.payout_is(&payout, "Completed").await;
    let txid = text(&sent["paymentProof"], "id");
    let half = invoice.half(CHAIN).await;
    let payments = half["payments"].as_array().unwrap();
    assert_eq!(payments.len(), 1, "{half}");
    assert!(text(&payments[0], "id").contains(&txid), "{half}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rest_of_a_part_payment_is_paid_over_lightning() {
    let Some(sandbox) = sandbox().await else {
        return;
    };
    let invoice = sandbox.shop.invoice(50_000).await;
    let whole = invoice.bolt11().await;
    sandbox.send(&invoice.address().await, &btc(20_000));
    let rest = invoice.bolt11_after(&whole).await;
    invoice.is_also("New", "PaidPartial").await;
    let parsed: lightning_invoice::Bolt11Invoice = rest.parse().unwrap();
    assert_eq!(parsed.amount_milli_satoshis(), Some(30_000_000));
    let link = text(&invoice.half(CHAIN).await, "unifiedPaymentLink");
    assert!(
        link.contains(&rest) && link.contains("amount=0.0003"),
        "{link}"
    );

    sandbox.customer.pay(&rest).await;
    // The part on-chain is not in a block yet.
    invoice.is("Processing").await;
    sandbox.mine(1);
    let settled = invoice.is("Settled").await;
    assert_eq!(units(&settled, "paidAmount", 0), 50_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn paid_on_both_rails_is_too_much() {
    let Some(sandbox) = sandbox().await else {
        return;
    };
    let invoice = sandbox.shop.invoice(40_000).await;
    let bolt11 = invoice.bolt11().await;
    sandbox.send(&invoice.address().await, &btc(40_000));
    invoice.is("Processing").await;
    sandbox.customer.pay(&bolt11).await;
    invoice.is_also("Processing", "PaidOver").await;
    sandbox.mine(1);
    let settled = invoice.is_also("Settled", "PaidOver").await;
    assert_eq!(units(&settled, "paidAmount", 0), 80_000);
    for method in [LN, CHAIN] {
        let half = invoice.half(method).await;
        assert_eq!(units(&half, "due", 8), -40_000, "the surplus is shown");
        assert_eq!(units(&half, "paymentMethodPaid", 8), 40_000);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_lightning_payment_is_kept() {
    let Some(sandbox) = sandbox().await else {
        return;
    };
    let (shop, customer) = (&sandbox.shop, &sandbox.customer);
    let request = json!({
        "amount": "7000", "currency": "SATS", "checkout": {"expirationMinutes": "00:00:30"},
    });
    let invoice = shop.invoice_with(request).await;
    let bolt11 = invoice.bolt11().await;
    let expiry = invoice.look().await["expirationTime"].as_u64().unwrap();
    let passed = |at: u64| {
        until("time", move || async move {
            let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
            if now >= at {
                Ok(())
            } else {
                Err(format!("{now} of {at}"))
            }
        })
    };
    // The payer sends in time, and the payment is on its way when the time is over.
    passed(expiry - 5).await;
    let held = shop.held();
    let hash = customer.begin_to_pay(&bolt11).await;
    passed(expiry + 1).await;
    drop(held);
    customer.paid(&hash).await;
    let late = invoice.is_also("Expired", "PaidLate").await;
    assert_eq!(units(&late, "paidAmount", 0), 7_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_payment_is_withdrawn() {
    let Some(sandbox) = sandbox().await else {
        return;
    };
    let (shop, customer) = (&sandbox.shop, &sandbox.customer);
    let made = shop
        .post(
            "S/pull-payments",
            json!({"name": "Wages", "amount": "30000", "currency": "SATS", "payoutMethods": [LN], "autoApproveClaims": true}),
        )
        .await;
    let id = text(&made, "id");
    let lnurl = text(&made, "lnurlBech32");
    let link: LnUrl = lnurl.trim_start_matches("lightning:").parse().unwrap();
    let offer = async || {
        let (status, body) = shop.anyone(&link.url, &[]).await;
        assert_eq!(status, 200, "{body}");
        match decode_ln_url_response(&body) {
            Ok(LnUrlResponse::LnUrlWithdrawResponse(offer)) => offer,
            other => panic!("{body}: {other:?}"),
        }
    };
    let first = offer().await;
    assert_eq!(first.default_description, "Wages");
    assert_eq!(first.min_withdrawable, Some(1_000));
    assert_eq!(first.max_withdrawable, 30_000_000);
    let ask = async |k1: &str, bolt11: &str| -> Response<Value> {
        let query = [("k1", k1), ("pr", bolt11)];
        let (status, body) = shop.anyone(&first.callback, &query).await;
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).unwrap()
    };
    let refused = |answer: &Response<Value>| match answer {
        Response::Error { reason } => !reason.is_empty(),
        Response::Ok(_) => false,
    };

    let (bolt11, hash) = customer.bolt11(25_000_000).await;
    assert!(refused(&ask(&"00".repeat(32), &bolt11).await));
    assert!(matches!(ask(&first.k1, &bolt11).await, Response::Ok(_)));
    let received = customer
        .until(
            "paid",
            &format!("server/lightning/BTC/invoices/{hash}"),
            |invoice| invoice["status"] == "Paid",
        )
        .await;
    assert_eq!(units(&received, "amountReceived", 0), 25_000_000);
    let path = format!("S/payouts?pullPaymentId={id}");
    let claims = format!("pull-payments/{id}/payouts");
    let paid = shop
        .until("completed", &claims, |claims| {
            claims[0]["state"] == "Completed"
        })
        .await;
    assert_eq!(paid.as_array().unwrap().len(), 1, "{path}");
    assert_eq!(paid[0]["paymentProof"]["preimage"], received["preimage"]);

    // The same again says the same and pays nothing; more than the rest is refused.
    assert!(matches!(ask(&first.k1, &bolt11).await, Response::Ok(_)));
    let (too_much, _) = customer.bolt11(5_001_000).await;
    assert!(refused(&ask(&first.k1, &too_much).await));
    assert_eq!(shop.get(&claims).await.as_array().unwrap().len(), 1);
    assert_eq!(offer().await.max_withdrawable, 5_000_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payout_is_approved_and_paid_on_chain() {
    let Some(sandbox) = sandbox().await else {
        return;
    };
    let shop = &sandbox.shop;
    let address = sandbox.rpc("getnewaddress", &[]);
    let made = shop
        .post(
            "S/payouts",
            json!({"destination": address, "payoutMethodId": CHAIN, "amount": "0.0005"}),
        )
        .await;
    assert_eq!(made["state"], "AwaitingApproval");
    assert_eq!(made["payoutAmount"], Value::Null);
    let id = text(&made, "id");
    let approved = shop
        .post(&format!("S/payouts/{id}"), json!({"revision": 0}))
        .await;
    assert_eq!(units(&approved, "payoutAmount", 8), 50_000);
    let sent = shop.payout_is(&id, "InProgress").await;
    let txid = text(&sent["paymentProof"], "id");
    until("in bitcoind's mempool", || async {
        let mempool = sandbox.rpc("getrawmempool", &[]);
        let found = mempool.as_array().unwrap().contains(&json!(txid));
        if found {
            Ok(())
        } else {
            Err(mempool.to_string())
        }
    })
    .await;
    sandbox.mine(1);
    shop.payout_is(&id, "Completed").await;
    assert_eq!(sandbox.received(&address), (50_000, vec![txid]));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_sender_a_person_pays() {
    let Some(sandbox) = sandbox().await else {
        return;
    };
    let (shop, customer) = (&sandbox.shop, &sandbox.customer);
    let sender = "S/payout-processors/LightningAutomatedPayoutSenderFactory/BTC-LN";
    shop.delete(sender).await;
    let (bolt11, hash) = customer.bolt11(9_000_000).await;
    let made = shop
        .post(
            "S/payouts",
            json!({"destination": bolt11, "payoutMethodId": LN, "approved": false}),
        )
        .await;
    let id = text(&made, "id");
    shop.post(&format!("S/payouts/{id}"), json!({"revision": 0}))
        .await;
    // Another payout goes through meanwhile, by a person's Pay: the payer has looked at both.
    let (pr, _) = customer.bolt11(8_000_000).await;
    let other = shop.payout(&pr, LN, 8_000).await;
    shop.post(&format!("S/payouts/{other}/retry"), Value::Null)
        .await;
    shop.payout_is(&other, "Completed").await;
    let waits = shop.get(&format!("S/payouts/{id}")).await;
    assert_eq!(
        (&waits["state"], &waits["attempts"]),
        (&json!("AwaitingPayment"), &json!(0))
    );

    shop.post(&format!("S/payouts/{id}/retry"), json!({})).await;
    let paid = shop.payout_is(&id, "Completed").await;
    assert_eq!(paid["paymentProof"]["paymentHash"], hash);
    shop.put(
        sender,
        json!({"intervalSeconds": 60, "processNewPayoutsInstantly": true}),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_keeps_everything() {
    let Some(mut sandbox) = sandbox().await else {
        return;
    };
    let paid = sandbox.shop.invoice(3_000).await;
    sandbox.customer.pay(&paid.bolt11().await).await;
    paid.is("Settled").await;
    let open = sandbox.shop.invoice(4_000).await;
    let link = json!({"name": "Kept", "amount": "0.001", "currency": "BTC"});
    let link = sandbox.shop.post("S/pull-payments", link).await;
    let paths = [
        format!("S/invoices/{}", paid.id),
        format!("S/invoices/{}/payment-methods", paid.id),
        format!("S/invoices/{}", open.id),
        format!("S/invoices/{}/payment-methods", open.id),
        format!("pull-payments/{}", text(&link, "id")),
        "S/payouts".to_owned(),
    ];
    let later = open.bolt11().await;
    let id = open.id.clone();
    for way in [&[][..], &["--kill"]] {
        let before = look(&sandbox.shop, &paths).await;
        let pid = sandbox.shop.pid.clone();
        sandbox.restart_shop(way);
        assert_ne!(pid, sandbox.shop.pid);
        assert_eq!(look(&sandbox.shop, &paths).await, before);
    }
    sandbox.connected().await;
    sandbox.customer.pay(&later).await;
    let path = format!("S/invoices/{id}");
    sandbox
        .shop
        .until("settled", &path, |invoice| invoice["status"] == "Settled")
        .await;
}

async fn look(shop: &crate::gateway::Gateway, paths: &[String]) -> Vec<Value> {
    let mut seen = Vec::new();
    for path in paths {
        seen.push(shop.get(path).await);
    }
    seen
}

#[test]
fn mainnet_has_to_be_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.toml");
    let text = format!(
        "data_dir = \"{}/data\"\nnetwork = \"bitcoin\"\n\
         [http]\nlisten = \"127.0.0.1:0\"\nbase_url = \"http://127.0.0.1:3000\"\n\
         [bitcoind]\nhost = \"127.0.0.1\"\nport = 1\nuser = \"u\"\npassword = \"p\"\n",
        folder.path().display()
    );
    std::fs::write(&config, text).unwrap();
    let refused = Command::new(env!("CARGO_BIN_EXE_tollway"))
        .args(["serve", "--config"])
        .arg(&config)
        .output()
        .unwrap();
    assert!(!refused.status.success());
    let why = String::from_utf8_lossy(&refused.stderr);
    assert!(why.contains("i_know_there_are_no_backups_yet"), "{why}");
    assert!(!folder.path().join("data").exists(), "nothing was touched");
}
