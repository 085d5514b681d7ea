//! The rules of a store's rates, on their page.

use axum::http::StatusCode;
use rust_decimal::Decimal;
use tollway::domain::money::Currency;
use tollway::domain::rates::{BidAsk, Pair};
use tollway::service::invoice::NewInvoice;

use super::Visitor;

#[tokio::test]
async fn rules_are_shown_changed_and_refused_with_what_was_typed() {
    let owner = Visitor::owner().await;
    owner.world.rates.set(Currency::USD, Decimal::from(50_000));
    let path = owner.shop("/rates");
    let page = owner.get(&path).await;
    assert_eq!(page.status, StatusCode::OK);
    for shown in [
        "<dt>Invoices</dt><dd>1 BTC = 50,000.00 USD</dd>",
        "<dt>Payouts</dt><dd>1 BTC = 50,000.00 USD</dd>",
        "Fixed prices",
        "set by who runs the server",
        "X_X = fixed(X_X);",
    ] {
        assert!(page.text.contains(shown), "{shown}: {}", page.text);
    }
    let form = [("source", "fixed"), ("spread", "2"), ("fallback", "keep")];
    let saved = format!("{path}?saved");
    assert_eq!(owner.post(&path, &form).await.location(), saved);
    let page = owner.get(&saved).await;
    for shown in [
        "Saved.",
        "<dt>Invoices</dt><dd>1 BTC = 49,000.00 USD</dd>",
        "<dt>Payouts</dt><dd>1 BTC = 50,000.00 USD</dd>",
    ] {
        assert!(page.text.contains(shown), "{shown}: {}", page.text);
    }
    assert!(!owner.get(&path).await.text.contains("Saved."));
    let script = "BTC_USD = 7; // </textarea><script>";
    for (form, said) in [
        ([("source", "nobody"), ("spread", "0")], "no such source"),
        ([("source", "fixed"), ("spread", "101")], "from 0 to 100"),
        (
            [("own_script", "true"), ("script", "BTC_USD = ;")],
            "line 1",
        ),
        (
            [("source", "fixed"), ("fallback", "somebody")],
            "no such source",
        ),
    ] {
        let refused = owner.post(&path, &form).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{form:?}");
        assert!(refused.text.contains(said), "{form:?}: {}", refused.text);
        assert!(
            refused.text.contains("49,000.00 USD"),
            "nothing has changed"
        );
    }
    let form = [
        ("own_script", "true"),
        ("script", script),
        ("fallback", "fixed"),
    ];
    assert_eq!(owner.post(&path, &form).await.location(), saved);
    let page = owner.get(&path).await;
    assert!(page.text.contains("1 BTC = 7.00 USD"), "{}", page.text);
    assert!(!page.text.contains("</textarea><script>"));
    let unsigned = owner.post_raw(&path, &[("source", "fixed")]).await;
    assert_eq!(unsigned.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_source_that_fell_silent_is_shown_with_its_age_and_used_for_nothing() {
    let owner = Visitor::owner().await;
    let pair = Pair::of_bitcoin(Currency::USD);
    let began = owner.world.clock_now();
    owner.world.gateway.rates.with(|board| {
        board.add("kraken", "Kraken");
        board.answered("kraken", began, vec![(pair, BidAsk::exact(60_000.into()))]);
        board.failed(
            "kraken",
            began.plus_secs(60),
            "no connection".to_owned(),
            None,
        );
    });
    owner.world.clock.advance_secs(599);
    let page = owner.get(&owner.shop("/rates")).await;
    assert!(
        page.text.contains("60,000.00 USD") && page.text.contains("9:59 ago"),
        "{}",
        page.text
    );
    assert!(!page.text.contains("Too old"), "{}", page.text);
    assert!(page.text.contains("no connection"), "{}", page.text);
    owner.world.clock.advance_secs(1);
    let page = owner.get(&owner.shop("/rates")).await;
    assert!(page.text.contains("Too old"), "{}", page.text);
}

#[tokio::test]
async fn an_invoice_says_where_its_rate_came_from() {
    let owner = Visitor::owner().await;
    owner.world.rates.set(Currency::USD, Decimal::from(50_000));
    let new = NewInvoice {
        amount: Some(Decimal::from(5)),
        currency: Some(Currency::USD),
        ..NewInvoice::default()
    };
    let made = owner
        .world
        .gateway
        .create_invoice(owner.world.shop, new)
        .await;
    let id = made.expect("an invoice").id;
    let page = owner.get(&owner.shop(&format!("/invoices/{id}"))).await;
    assert!(
        page.text.contains("1 BTC = 50,000.00 USD by fixed"),
        "{}",
        page.text
    );
}
