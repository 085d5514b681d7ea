//! The page of the on-chain wallet.

use axum::http::StatusCode;
use tollway::domain::money::Sat;

use super::Visitor;
use crate::support::signer::{Kind, Signer};

const THEIRS: &str = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";

async fn coin(owner: &Visitor) {
    let invoice = owner.world.invoice(100_000).await;
    let script = invoice.onchain.expect("an address").script;
    owner.world.chain.pay(&script, Sat(100_000));
    owner.world.mine(1).await;
    owner.world.turn().await;
}

#[tokio::test]
async fn a_hot_wallet_sends_at_once() {
    let owner = Visitor::owner().await;
    coin(&owner).await;
    let (page, send) = (owner.shop("/wallet/onchain"), owner.shop("/wallet/send"));
    assert!(owner.get(&page).await.text.contains("Hot"));
    for (destination, amount, words) in [
        ("x", "5000", "not a bitcoin address"),
        (THEIRS, "", "An amount is needed."),
        (THEIRS, "x", "amount"),
        (THEIRS, "900000", "are needed with the fee"),
    ] {
        let form = [
            ("destination", destination),
            ("amount", amount),
            ("rate", "2"),
        ];
        let refused = owner.post(&send, &form).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(refused.text.contains(words), "{amount}: {}", refused.text);
    }
    let form = [("destination", THEIRS), ("amount", "30000"), ("rate", "2")];
    let done = owner.post(&send, &form).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.text);
    owner.world.turn().await;
    assert_eq!(owner.world.chain.broadcasts().len(), 1);
    owner.world.check().await;
}

#[tokio::test]
async fn a_watched_wallet_is_connected_and_waits_for_signatures() {
    let owner = Visitor::owner().await;
    let signer = Signer::new(1, Kind::Segwit);
    let page = owner.shop("/wallet/onchain");
    let connect = owner.shop("/wallet/connect");
    let refused = owner.post(&connect, &[("scheme", "tprv8Zgx")]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let form = [
        ("scheme", signer.scheme.as_str()),
        ("key_path", signer.key_path.as_str()),
        ("label", "Cold <b>"),
    ];
    let done = owner.post(&connect, &form).await;
    assert!(
        done.text.contains("Watch-only") && done.text.contains("Cold &#60;b&#62;"),
        "{}",
        done.text
    );
    coin(&owner).await;
    let form = [("destination", THEIRS), ("amount", "30000"), ("rate", "2")];
    let made = owner.post(&owner.shop("/wallet/send"), &form).await;
    assert!(
        made.text.contains("waits for your signature"),
        "{}",
        made.text
    );
    let draft = owner.world.gateway.drafts(owner.world.shop).await.remove(0);
    let file = owner.shop(&format!("/wallet/drafts/{}/psbt", draft.id));
    assert_eq!(owner.get(&file).await.status, StatusCode::OK);
    let shown = owner.get(&page).await.text;
    assert!(shown.contains(&file) && shown.contains("Waiting for your signature"));
    assert!(
        owner
            .get(&owner.shop("/wallet"))
            .await
            .text
            .contains("1 to sign")
    );
    let on = [("rail", "BTC-CHAIN"), ("on", "true")];
    owner.post(&owner.shop("/wallet/sender"), &on).await;
    let shown = owner.get(&owner.shop("/wallet")).await.text;
    assert!(shown.contains("It can't send now. This server has no keys of the wallet"));
    let signed_form = owner.shop("/wallet/signed");
    let refused = owner.post(&signed_form, &[("transaction", "x")]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let psbt = bitcoin::Psbt::deserialize(&draft.psbt)
        .expect("a PSBT")
        .to_string();
    let signed = signer.sign(&psbt, true).to_string();
    let taken = owner.post(&signed_form, &[("transaction", &signed)]).await;
    assert_eq!(taken.status, StatusCode::OK, "{}", taken.text);
    owner.world.turn().await;
    assert_eq!(owner.world.chain.broadcasts().len(), 1);
    owner.world.mine(1).await;
    owner.world.check().await;

    // Another one is given up, and the store's own wallet comes back.
    let made = owner.post(&owner.shop("/wallet/send"), &form).await;
    assert_eq!(made.status, StatusCode::OK, "{}", made.text);
    let draft = owner.world.gateway.drafts(owner.world.shop).await.remove(0);
    let give_up = owner.shop(&format!("/wallet/drafts/{}/give-up", draft.id));
    assert_eq!(owner.post(&give_up, &[]).await.location(), page);
    assert!(
        !owner
            .get(&page)
            .await
            .text
            .contains("Waiting for your signature")
    );
    let own = owner.post(&owner.shop("/wallet/own"), &[]).await;
    assert!(own.text.contains("Hot"));
    owner.world.check().await;
}
