//! Pages of payouts' transactions, and of a till that is held.

use axum::http::StatusCode;
use bitcoin::OutPoint;
use tollway::domain::money::Sat;
use tollway::domain::receipt::Rail;
use tollway::service::payout::StorePayout;

use super::Visitor;

/// An owner whose till has a confirmed coin, a payout's page, and the coin.
async fn with_payout() -> (Visitor, String, OutPoint) {
    let owner = Visitor::owner().await;
    let world = &owner.world;
    let invoice = world.invoice(100_000).await;
    let script = invoice.onchain.expect("an address").script;
    let paid = world.chain.pay(&script, Sat(100_000));
    world.mine(1).await;
    let new = StorePayout {
        pull_payment: None,
        destination: "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080".to_owned(),
        rail: Rail::Onchain,
        amount: Some(Sat(30_000).to_btc()),
        approved: true,
        fees: tollway::domain::payout::FeeWish::default(),
        metadata: "{}".to_owned(),
    };
    let made = world.gateway.create_payout(world.shop, new).await;
    let id = made.expect("a payout").id;
    let pressed = world.gateway.pay_payout(world.shop, id).await;
    pressed.expect("waits to be paid");
    let page = owner.shop(&format!("/payouts/{id}"));
    (owner, page, OutPoint::new(paid.compute_txid(), 0))
}

#[tokio::test]
async fn a_fee_is_raised_by_a_button_while_the_transaction_waits() {
    let (owner, page, _) = with_payout().await;
    let bump = format!("{page}/bump");
    assert!(
        !owner.get(&page).await.text.contains(&bump),
        "nothing is sent yet"
    );
    owner.world.turn().await;
    let shown = owner.get(&page).await.text;
    assert!(
        shown.contains(&bump) && shown.contains("sat/vB (now 2"),
        "{shown}"
    );
    for (rate, words) in [
        ("x", "Write the fee rate in sat/vB."),
        ("2", "too low for a replacement"),
        ("200", "more than the 10000 sat"),
    ] {
        let refused = owner.post(&bump, &[("rate", rate)]).await;
        assert_eq!(refused.status, StatusCode::CONFLICT);
        assert!(refused.text.contains(words), "{rate}: {}", refused.text);
    }
    let done = owner.post(&bump, &[("rate", "9.5")]).await;
    assert_eq!(done.location(), page);
    owner.world.turn().await;
    let newest = owner.world.chain.broadcasts()[1].compute_txid().to_string();
    let shown = owner.get(&page).await.text;
    assert!(
        shown.contains(&newest) && shown.contains("(now 9.5"),
        "{shown}"
    );
    owner.world.chain.mine(1);
    owner.world.turn().await;
    let paid = owner.get(&page).await.text;
    assert!(paid.contains(&newest) && !paid.contains(&bump), "{paid}");
    owner.world.chain.reorg(1);
    owner.world.turn().await;
    let gone = owner.get(&page).await.text;
    assert!(
        gone.contains("Paid, unconfirmed again") && gone.contains(&bump),
        "{gone}"
    );
}

#[tokio::test]
async fn a_held_till_shows_what_happened_and_a_person_releases_it() {
    let (owner, _, coin) = with_payout().await;
    let wallet = owner.shop("/wallet");
    let release = format!("{wallet}/release");
    let stranger = bitcoin::ScriptBuf::new_op_return([7; 4]);
    let mut theft = owner.world.chain.payment(&stranger, Sat(90_000), true);
    theft.input[0].previous_output = coin;
    owner.world.chain.send(&theft);
    owner.world.turn().await;
    let shown = owner.get(&wallet).await.text;
    let txid = theft.compute_txid().to_string();
    for words in [
        &txid,
        &release,
        "On-chain payouts are held",
        "To be looked at",
    ] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    assert!(owner.world.chain.broadcasts().is_empty());
    let field = format!("name=\"txids\" value=\"{txid}\"");
    assert!(shown.contains(&field), "{field}: {shown}");
    let other = "07".repeat(32);
    let still = owner.post(&release, &[("txids", &other)]).await.text;
    assert!(still.contains("Still held") && still.contains(&field));
    let done = owner.post(&release, &[("txids", &txid)]).await;
    assert_eq!(done.location(), wallet);
    let calm = owner.get(&wallet).await.text;
    assert!(calm.contains(&txid) && !calm.contains(&release), "{calm}");
}
