//! Pages say what is true, and strangers' words stay words.

use axum::http::StatusCode;
use tollway::domain::money::{Currency, Sat};
use tollway::service::invoice::NewInvoice;
use tollway::service::payment_link::PaymentLinks;
use tollway::service::pull_payment::NewPullPayment;

use super::Visitor;
use crate::claims::api::address;
use crate::support::World;

const HOSTILE: &str = "<script>alert(1)</script>'\"><img src=x>";

#[tokio::test]
async fn what_is_unknown_has_a_page_that_says_so() {
    let visitor = Visitor::stranger().await;
    let invoice = visitor.world.invoice(1_000).await.id;
    let paths = [
        "/i/nothing".to_owned(),
        "/i/Fa7CVHUQ7UoXfN9UtYCUhh".to_owned(),
        "/i/Fa7CVHUQ7UoXfN9UtYCUhh/status".to_owned(),
        "/i/Fa7CVHUQ7UoXfN9UtYCUhh/events".to_owned(),
        format!("/i/{invoice}/BTC-NOTHING"),
        "/pull-payments/nothing".to_owned(),
        "/pull-payments/ERt9uLYZNQy4V8BEUYuf8kDVF81".to_owned(),
    ];
    for path in paths {
        let page = visitor.get(&path).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{path}");
        assert!(page.text.contains("<h1>Nothing here</h1>"), "{path}");
    }
    // An id that is longer than any number: no reason to stumble.
    let page = visitor.get(&format!("/i/{}", "z".repeat(4_000))).await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn hostile_words_come_out_as_words() {
    let visitor = Visitor::owner().await;
    let store = visitor
        .post("/stores", &[("name", "<b>Shop</b>"), ("currency", "SATS")])
        .await;
    let base = store.location().to_owned();
    let form = [
        ("amount", "1000"),
        ("currency", "SATS"),
        ("order", HOSTILE),
        ("item", HOSTILE),
    ];
    let invoice = visitor.post(&format!("{base}/invoices"), &form).await;
    let id = invoice.location().rsplit('/').next().expect("an id");
    let pull = [
        ("name", "<script>alert(1)</script>"),
        ("description", HOSTILE),
        ("amount", "1000"),
        ("currency", "SATS"),
        ("lightning", "on"),
        ("onchain", "on"),
    ];
    let link = visitor.post(&format!("{base}/pull-payments"), &pull).await;
    let link_id = link.location().rsplit('/').next().expect("an id");
    let claim_page = format!("/pull-payments/{link_id}");
    let paths = [
        base.clone(),
        "/stores".to_owned(),
        format!("{base}/invoices"),
        invoice.location().to_owned(),
        format!("/i/{id}"),
        format!("{base}/pull-payments"),
        link.location().to_owned(),
        claim_page.clone(),
    ];
    let clean = |path: &str, text: &str| {
        for live in ["<script>", "<img", "<b>"] {
            assert!(!text.contains(live), "{path}: {live}");
        }
        assert!(text.contains("&#60;"), "{path} shows none of it");
    };
    for path in &paths {
        let page = visitor.get(path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        clean(path, &page.text);
    }
    // What was typed comes back with the reason, and as text too.
    let rows: [(&str, &[(&str, &str)]); 4] = [
        (
            &claim_page,
            &[("destination", HOSTILE), ("amount", HOSTILE)],
        ),
        (
            &format!("{base}/invoices"),
            &[
                ("amount", HOSTILE),
                ("currency", HOSTILE),
                ("item", HOSTILE),
            ],
        ),
        (
            &format!("{base}/payouts"),
            &[("destination", HOSTILE), ("amount", "5")],
        ),
        ("/login", &[("email", HOSTILE), ("password", "wrong")]),
    ];
    for (path, form) in rows {
        let page = visitor.post(path, form).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{path}");
        assert!(page.text.contains("role=\"alert\""), "{path}");
        clean(path, &page.text);
    }
}

#[tokio::test]
async fn only_safe_ways_lead_back_to_the_shop() {
    let visitor = Visitor::stranger().await;
    let world = &visitor.world;
    for (url, safe) in [
        ("https://shop.example/{InvoiceId}?o={OrderId}", true),
        ("javascript:alert(1)", false),
        ("data:text/html,x", false),
        ("//evil.example", false),
    ] {
        let mut new = NewInvoice {
            amount: Some(1_000.into()),
            currency: Some(Currency::SATS),
            ..NewInvoice::default()
        };
        new.details.redirect_url = Some(url.to_owned());
        new.details.order_id = Some("a&b=\"c\"".to_owned());
        let made = world.gateway.create_invoice(world.shop, new).await;
        let invoice = made.expect("an invoice");
        let path = format!("/i/{}", invoice.id);
        let open = visitor.get(&path).await;
        assert!(!open.text.contains("Back to"), "{url}: nothing is paid yet");
        let prompt = invoice.shown_prompt().expect("a Lightning half");
        world.receive(prompt.hash, Sat(1_000).to_msat()).await;
        let paid = visitor.get(&path).await;
        assert!(paid.text.contains("Paid</h1>"), "{url}");
        assert!(
            !paid.text.contains("class=\"qr"),
            "{url}: a code of a paid invoice"
        );
        assert_eq!(paid.text.contains("Back to"), safe, "{url}");
        if safe {
            let way = format!(
                "href=\"https://shop.example/{}?o=a%26b%3D%22c%22\"",
                invoice.id
            );
            assert!(paid.text.contains(&way), "{}", paid.text);
        }
    }
}

#[tokio::test]
async fn the_checkout_has_one_code_and_its_halves_a_click_away() {
    let visitor = Visitor::stranger().await;
    let invoice = visitor.world.invoice(21_000).await;
    let links = PaymentLinks::of(&invoice);
    let address = links.address.expect("an on-chain half");
    let hrp = "value=\"lnbcrt";
    for (query, lightning, onchain) in [
        ("", true, true),
        ("?show=lightning", true, false),
        ("?show=onchain", false, true),
        ("?show=nothing", true, true),
        ("/BTC-LN", true, false),
        ("/BTC-CHAIN", false, true),
    ] {
        let page = visitor.get(&format!("/i/{}{query}", invoice.id)).await;
        assert_eq!(page.text.matches("<svg").count(), 1, "{query}");
        assert_eq!(page.text.contains(hrp), lightning, "{query}");
        let shown = page.text.contains(&format!("value=\"{address}\""));
        assert_eq!(shown, onchain, "{query}");
        assert!(page.text.contains("http-equiv=\"refresh\""), "{query}");
    }
}

#[tokio::test]
async fn a_closed_link_says_why_and_takes_nothing() {
    let visitor = Visitor::owner().await;
    let now = visitor.world.clock_now();
    let later = NewPullPayment {
        starts_at: Some(now.plus_secs(3_600)),
        ..World::new_pull_payment(1_000)
    };
    let soon_over = NewPullPayment {
        expires_at: Some(now.plus_secs(60)),
        ..World::new_pull_payment(1_000)
    };
    let later = visitor.world.pull_payment_as(later).await.id;
    let over = visitor.world.pull_payment_as(soon_over).await.id;
    let closed = visitor.world.pull_payment(1_000).await.id;
    let archive = visitor.shop(&format!("/pull-payments/{closed}/archive"));
    let archived = visitor.post(&archive, &[]).await;
    assert_eq!(archived.status, StatusCode::SEE_OTHER);
    visitor.world.clock.advance_secs(120);
    for (id, why) in [
        (later, "It has not begun yet."),
        (over, "Its time is over."),
        (closed, "It has been closed by its owner."),
    ] {
        let path = format!("/pull-payments/{id}");
        let page = visitor.get(&path).await;
        assert!(page.text.contains(why), "{why}");
        assert!(
            !page.text.contains("<form") && !page.text.contains("<svg"),
            "{why}"
        );
        let to = address(3);
        let form = [("destination", to.as_str()), ("amount", "500")];
        let sent = visitor.post_raw(&path, &form).await;
        assert_eq!(sent.status, StatusCode::UNPROCESSABLE_ENTITY, "{why}");
    }
    assert!(visitor.world.payouts().await.is_empty());
}
