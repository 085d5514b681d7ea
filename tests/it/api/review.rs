//! A person's word on payouts, through the API; and caps on fees.

use serde_json::{Value, json};
use tollway::domain::access::Grant;
use tollway::domain::money::Sat;
use tollway::service::settle;
use tollway::store;

use super::{Client, text};
use crate::payouts::review::{given_to_a_guest, in_review};

#[tokio::test]
async fn a_payout_in_review_is_shown_and_decided_on() {
    let client = Client::new().await;
    let (id, _) = in_review(&client.world).await;
    let one = client.shop(&format!("/payouts/{id}"));
    let shown = client.get(&one).await.ok();
    assert_eq!(shown["state"], "InProgress");
    assert_eq!(shown["inReview"], true);
    assert_eq!(shown["reviewReason"], "nobody knows");
    assert_eq!(shown["paidTwice"], false);
    let list = client
        .get(&client.shop("/payouts?inReview=true"))
        .await
        .ok();
    assert_eq!(list[0]["id"], shown["id"]);
    let review = format!("{one}/review");
    let rows = [
        (json!({}), 422, "Verdict"),
        (json!({"verdict": "Perhaps"}), 422, "Verdict"),
        (
            json!({"verdict": "Arrived", "preimage": "xy"}),
            422,
            "Preimage",
        ),
        (
            json!({"verdict": "Arrived", "preimage": "00".repeat(32)}),
            422,
            "Preimage",
        ),
        (json!({"verdict": "DidNotArrive"}), 400, "may-still-arrive"),
    ];
    client.check_refusals("POST", &review, &rows).await;
    let viewer = client.key(&["btcpay.store.canviewpayouts"]).await;
    let body = json!({"verdict": "LookAgain"}).to_string();
    let refused = client.call_as(Some(&viewer), "POST", &review, &body).await;
    assert_eq!(refused.refusal(), (403, "missing-permission".to_owned()));

    let lost =
        json!({"verdict": "DidNotArrive", "evenIfUnderWay": true, "comment": "I asked them"});
    let held = client.post(&review, lost.clone()).await.ok();
    assert_eq!(held["state"], "AwaitingPayment");
    assert_eq!(held["inReview"], false);
    let again = client.post(&review, lost).await;
    assert_eq!(again.refusal(), (400, "invalid-state".to_owned()));
    let list = client
        .get(&client.shop("/payouts?inReview=true"))
        .await
        .ok();
    assert_eq!(list, json!([]));
}

/// Gives the store to a guest: an unrestricted key of theirs.
async fn guests_key(client: &Client) -> String {
    let guest = given_to_a_guest(&client.world).await;
    let grants = vec![Grant::parse("unrestricted").expect("a permission")];
    let gateway = &client.world.gateway;
    let made = gateway.create_api_key(guest, String::new(), grants).await;
    format!("token {}", made.expect("a key").0)
}

#[tokio::test]
async fn a_guests_own_word_is_no_proof() {
    let client = Client::new().await;
    let world = &client.world;
    let (id, _) = in_review(world).await;
    let guest = guests_key(&client).await;
    let review = client.shop(&format!("/payouts/{id}/review"));
    let lost = json!({"verdict": "DidNotArrive", "evenIfUnderWay": true});
    let arrived = json!({"verdict": "Arrived"});
    let keeper = client.key(&["btcpay.store.canmanagepayouts"]).await;
    // P11: neither the guest nor a lesser key of the administrator.
    for (key, word) in [(&guest, &lost), (&guest, &arrived), (&keeper, &lost)] {
        let refused = client
            .call_as(Some(key), "POST", &review, &word.to_string())
            .await;
        let expected = (403, "missing-permission".to_owned());
        assert_eq!(refused.refusal(), expected, "P11 {word}");
        assert!(world.see_payout(id).await.in_review(), "P11 {word}");
    }
    let held = client.post(&review, lost).await.ok();
    assert_eq!(held["state"], "AwaitingPayment");
}

#[tokio::test]
async fn a_guest_may_say_what_the_receivers_proof_shows() {
    let client = Client::new().await;
    let world = &client.world;
    let (id, hash) = in_review(world).await;
    let guest = guests_key(&client).await;
    let review = client.shop(&format!("/payouts/{id}/review"));
    let preimage = world.customer.preimage(hash).expect("its own").reveal();
    let proved = json!({"verdict": "Arrived", "preimage": preimage}).to_string();
    let done = client.call_as(Some(&guest), "POST", &review, &proved).await;
    assert_eq!(done.ok()["state"], "Completed");
}

#[tokio::test]
async fn a_payment_of_the_lightning_api_is_decided_on_by_its_hash() {
    let client = Client::new().await;
    let world = &client.world;
    let node = "/api/v1/server/lightning/BTC";
    let (bolt11, hash) = world.customer_invoice(1_000);
    let wish = json!({"BOLT11": bolt11, "sendTimeout": 0});
    let pending = client.post(&format!("{node}/invoices/pay"), wish).await;
    assert_eq!(pending.status, 202);
    world.run_payouts().await;
    let now = world.clock_now();
    let doubt = move |tx: &mut store::Tx<'_>| {
        let payout = settle::payout_of(tx, hash).expect("it exists");
        let step = payout.clone().review("nobody knows");
        settle::commit(tx, &payout, step, now);
    };
    world.job(doubt).await;
    let one = format!("{node}/payments/{hash}");
    let shown = client.get(&one).await.ok();
    assert_eq!(shown["reviewReason"], "nobody knows");
    let review = format!("{one}/review");
    let early = client
        .post(&review, json!({"verdict": "DidNotArrive"}))
        .await;
    assert_eq!(early.refusal(), (400, "may-still-arrive".to_owned()));
    let preimage = world.customer.preimage(hash).expect("its own").reveal();
    let arrived = json!({"verdict": "Arrived", "preimage": preimage});
    let done = client.post(&review, arrived).await.ok();
    assert_eq!(done["status"], "Complete");
    assert_eq!(done["preimage"], preimage);
    assert_eq!(done.get("reviewReason"), None);
}

#[tokio::test]
async fn an_alarm_lasts_until_it_is_acknowledged() {
    let client = Client::new().await;
    let (id, _) = in_review(&client.world).await;
    let now = client.world.clock_now();
    let alarm = move |tx: &mut store::Tx<'_>| {
        let mut payout = store::payout::find(tx, id).expect("it exists");
        payout.paid_twice = Some(now);
        store::payout::put(tx, &payout);
    };
    client.world.job(alarm).await;
    let one = client.shop(&format!("/payouts/{id}"));
    assert_eq!(client.get(&one).await.ok()["paidTwice"], true);
    let seen = client
        .post(&format!("{one}/acknowledge"), json!(null))
        .await;
    assert_eq!(seen.ok()["paidTwice"], false);
    let alerts = client.world.gateway.payout_alerts(client.world.shop).await;
    assert_eq!(alerts.paid_twice, []);
}

#[tokio::test]
async fn caps_on_fees_are_set_for_a_store_and_for_a_payout() {
    let client = Client::new().await;
    let store = client.get(&client.shop("")).await.ok();
    assert_eq!(store["payoutMaxFeePercent"].to_string(), "1");
    assert_eq!(store["payoutMaxFeeFloor"], "10");
    let wrong = [(
        json!({"payoutMaxFeePercent": 101, "payoutMaxFeeFloor": -1}),
        422,
        "PayoutMaxFeePercent PayoutMaxFeeFloor",
    )];
    client.check_refusals("PUT", &client.shop(""), &wrong).await;
    let cap = json!({"payoutMaxFeePercent": "0.5", "payoutMaxFeeFloor": 3});
    let store = client.call("PUT", &client.shop(""), &cap).await.ok();
    assert_eq!(store["payoutMaxFeePercent"].to_string(), "0.5");
    assert_eq!(store["payoutMaxFeeFloor"], "3");
    // What is not named keeps its value.
    let store = client.call("PUT", &client.shop(""), &json!({})).await.ok();
    assert_eq!(store["payoutMaxFeeFloor"], "3");

    let path = client.shop("/payouts");
    // (the payout's wish, what is shown)
    for (wish, most) in [
        (json!({}), "50"),
        (json!({"maxFeePercent": "2"}), "200"),
        (json!({"maxFeePercent": 2, "maxFeeFlat": "70"}), "70"),
    ] {
        let (pr, _) = client.world.customer_invoice(10_000);
        let mut body = json!({"destination": pr, "payoutMethodId": "BTC-LN"});
        for (name, value) in wish.as_object().expect("an object") {
            body[name] = value.clone();
        }
        let made = client.post(&path, body).await.ok();
        assert_eq!(made["maxFeeFlat"], most, "{wish}");
        let one = client.shop(&format!("/payouts/{}", text(&made["id"])));
        let approve = json!({"revision": 0, "maxFeeFlat": "4"});
        let approved = client.post(&one, approve).await.ok();
        assert_eq!(approved["maxFeeFlat"], "4");
    }
}

#[tokio::test]
async fn the_lightning_api_pays_an_own_invoice_from_inside() {
    let client = Client::new().await;
    let world = &client.world;
    let invoice = world.invoice(1_000).await;
    let shown = invoice.lightning[0].clone();
    let path = "/api/v1/server/lightning/BTC/invoices/pay";
    let wish = json!({"BOLT11": shown.bolt11, "sendTimeout": 0});
    let pending = client.post(path, wish.clone()).await;
    assert_eq!(pending.status, 202);
    world.run_payouts().await;
    let paid = client.post(path, wish).await;
    assert_eq!(paid.status, 200);
    assert_eq!(paid.body["preimage"], shown.preimage.reveal());
    assert_eq!(paid.body["feeAmount"], "0");
    let methods = format!("/invoices/{}/payment-methods", invoice.id);
    let halves = client.get(&client.shop(&methods)).await.ok();
    let half = halves
        .as_array()
        .and_then(|all| all.iter().find(|half| half["paymentMethodId"] == "BTC-LN"));
    let payments = half.map_or(&Value::Null, |half| &half["payments"]);
    assert_eq!(payments.as_array().map(Vec::len), Some(1), "{halves}");
    assert_eq!(
        world.see_invoice(invoice.id).await.paid(),
        Sat(1_000).to_msat()
    );
    assert_eq!(world.lightning.pays(), []);
}
