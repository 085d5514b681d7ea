//! Payments that fit no invoice, on their page.

use axum::http::StatusCode;
use tollway::domain::access::User;
use tollway::domain::ids::{PaymentHash, UserId};
use tollway::domain::invoice::Status;
use tollway::domain::money::Msat;
use tollway::domain::store::Settings;
use tollway::store;

use super::Visitor;

#[tokio::test]
async fn a_payment_is_assigned_from_its_page() {
    let owner = Visitor::owner().await;
    let hash = PaymentHash([9; 32]).to_string();
    owner
        .world
        .receive(PaymentHash([9; 32]), Msat(1_000_000))
        .await;
    let invoice = owner.world.invoice(1_000).await.id;
    let wallet = owner.get(&owner.shop("/wallet")).await;
    assert!(wallet.text.contains("1 payment waits"), "{}", wallet.text);
    let page = owner.get(&owner.shop("/strays")).await;
    assert!(page.text.contains(&hash) && page.text.contains("1,000 sat"));
    let assign = owner.shop("/strays/assign");
    let form = |invoice: &str| {
        [
            ("receipt", hash.clone()),
            ("house", "true".to_owned()),
            ("invoice", invoice.to_owned()),
        ]
    };
    let rows = [
        ("nothing", "There is no such invoice."),
        ("UYwQnbxoqNL9eZDGHRKnrW", "There is no such invoice."),
    ];
    for (typed, said) in rows {
        let form = form(typed);
        let form = form.each_ref().map(|(name, value)| (*name, value.as_str()));
        let refused = owner.post(&assign, &form).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(refused.text.contains(said), "{}", refused.text);
    }
    let form = form(&format!(" {invoice} "));
    let form = form.each_ref().map(|(name, value)| (*name, value.as_str()));
    let done = owner.post(&assign, &form).await;
    assert_eq!(done.location(), owner.shop(&format!("/invoices/{invoice}")));
    let seen = owner.world.see_invoice(invoice).await;
    assert_eq!(seen.status, Status::Settled);
    let again = owner.post(&assign, &form).await;
    assert!(again.text.contains("already been assigned"));
    let page = owner.get(&owner.shop("/strays")).await;
    assert!(
        page.text.contains("Assigned")
            && !page
                .text
                .contains("<form method=\"post\" action=\"/stores/")
    );
}

#[tokio::test]
async fn what_came_to_nobody_does_not_exist_for_other_owners() {
    let mut other = Visitor::owner().await;
    let hash = PaymentHash([9; 32]);
    other.world.receive(hash, Msat(1_000_000)).await;
    let user = User {
        id: UserId([5; 16]),
        email: "other@example.com".to_owned(),
        name: None,
        password_hash: String::new(),
        is_admin: false,
        created: other.world.clock_now(),
        has_had_key: false,
        image_url: None,
        invitation: None,
    };
    let row = user.clone();
    (other.world)
        .job(move |tx| store::access::put_user(tx, &row))
        .await;
    let shop = (other.world.gateway)
        .create_store(
            &user,
            "Other".to_owned(),
            Settings::default(),
            "{}".to_owned(),
        )
        .await
        .expect("a store");
    let invoice = other.world.invoice(1_000).await.id.to_string();
    other.become_user(user.id).await;
    let page = other.get(&format!("/stores/{}/strays", shop.id)).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(!page.text.contains(&hash.to_string()));
    let form = [
        ("receipt", hash.to_string()),
        ("house", "true".to_owned()),
        ("invoice", invoice),
    ];
    let form = form.each_ref().map(|(name, value)| (*name, value.as_str()));
    let path = format!("/stores/{}/strays/assign", shop.id);
    let refused = other.post(&path, &form).await;
    assert_eq!(refused.status, StatusCode::NOT_FOUND);
}
