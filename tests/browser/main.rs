//! Pages in a real browser: what only a browser knows. The gateway runs over fakes, on a port of this machine.

mod consent;
mod dashboard;
mod driver;
#[allow(
    dead_code,
    reason = "the fakes are whole; each test binary uses its part"
)]
#[path = "../support/mod.rs"]
mod support;

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::task::JoinSet;
use tollway::config::Limits;
use tollway::domain::money::{Currency, Sat};
use tollway::domain::store::Store;
use tollway::http::{AppState, Caps};
use tollway::service::access::NewUser;
use tollway::service::pull_payment::NewPullPayment;
use tollway::store;

use driver::Browser;
use support::{Wish, World};

const EMAIL: &str = "owner@example.com";
const PASSWORD: &str = "correct horse battery";

/// A world, its pages on a port, and somebody who looks at them.
struct Stage {
    world: World,
    url: String,
    browser: Browser,
    _server: JoinSet<std::io::Result<()>>,
}

impl Stage {
    async fn set(with_script: bool) -> Option<Self> {
        let browser = Browser::start(with_script).await?;
        let world = World::new().await;
        world.rates.set(Currency::USD, 100_000.into());
        let state = AppState {
            gateway: world.gateway.clone(),
            caps: Arc::new(Caps::new(&Limits::default())),
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        let service =
            tollway::app::router(state).into_make_service_with_connect_info::<SocketAddr>();
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, service).await });
        Some(Self {
            world,
            url,
            browser,
            _server: server,
        })
    }

    async fn go(&self, path: &str) {
        self.browser.go(&format!("{}{path}", self.url)).await;
    }

    /// Gives the store's owner a password, and types it in.
    async fn sign_in(&self) {
        let new = NewUser {
            email: "somebody@example.com".to_owned(),
            name: None,
            image_url: None,
            password: Some(PASSWORD.to_owned()),
            is_admin: false,
        };
        let made = self.world.gateway.create_user(new, false, true).await;
        let password_hash = made.expect("an account").0.password_hash;
        let give = move |tx: &mut store::Tx<'_>| {
            let owner = store::access::user_by_email(tx, EMAIL).expect("the owner");
            let owner = tollway::domain::access::User {
                password_hash,
                ..owner
            };
            store::access::put_user(tx, &owner);
        };
        self.world.job(give).await;
        self.go("/").await;
        self.browser.fill("email", EMAIL).await;
        self.browser.fill("password", "a wrong one").await;
        self.browser.press("Sign in").await;
        self.browser.sees("E-mail or password is wrong.").await;
        self.browser.fill("password", PASSWORD).await;
        self.browser.press("Sign in").await;
        self.browser.sees("Newest invoices").await;
    }

    /// Nothing was refused by our own policy, and nothing threw.
    async fn end(self) {
        assert_eq!(
            self.browser.complaints().await,
            Vec::<serde_json::Value>::new()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkout_turns_to_paid_by_itself() {
    let Some(stage) = Stage::set(true).await else {
        return;
    };
    let (world, browser) = (&stage.world, &stage.browser);
    let invoice = world.invoice(21_000).await;
    stage.go(&format!("/i/{}", invoice.id)).await;
    browser.sees("Waiting for your payment").await;
    assert_eq!(browser.count("svg").await, 1);
    assert_eq!(browser.count(".copy input").await, 3);
    assert_eq!(browser.count("button[data-copy]:not([hidden])").await, 3);
    browser.run("window.stayed = true").await;

    browser.click("//nav//a[. = 'Lightning']").await;
    browser
        .find("//nav//a[. = 'Lightning'][@aria-current]")
        .await;
    assert_eq!(browser.count("svg").await, 1);
    assert_eq!(browser.count(".copy input").await, 1);
    browser.click("//nav//a[. = 'On-chain']").await;
    browser
        .find("//nav//a[. = 'On-chain'][@aria-current]")
        .await;
    browser.find("//input[@id = 'address']").await;

    let prompt = invoice.shown_prompt().expect("a Lightning half");
    world.receive(prompt.hash, Sat(21_000).to_msat()).await;
    browser.find("//h1[contains(., 'Paid')]").await;
    assert_eq!(browser.count("svg, .copy, .pay").await, 0);
    assert_eq!(browser.run("return document.title").await, "Paid · Shop");
    // Who can't see the page is told.
    let said = "return document.getElementById('said').textContent";
    assert_eq!(browser.run(said).await, "Paid · Shop");
    assert_eq!(browser.run("return window.stayed").await, true);
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkout_needs_no_script() {
    let Some(stage) = Stage::set(false).await else {
        return;
    };
    let (world, browser) = (&stage.world, &stage.browser);
    let invoice = world.invoice(21_000).await;
    stage.go(&format!("/i/{}", invoice.id)).await;
    browser.sees("Waiting for your payment").await;
    browser.find("//*[name() = 'svg']").await;
    // A button that would do nothing is not shown.
    browser.find("//button[@data-copy][@hidden]").await;
    browser.click("//nav//a[. = 'On-chain']").await;
    browser
        .find("//nav//a[. = 'On-chain'][@aria-current]")
        .await;
    let prompt = invoice.shown_prompt().expect("a Lightning half");
    world.receive(prompt.hash, Sat(21_000).to_msat()).await;
    browser.find("//h1[contains(., 'Paid')]").await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merchant_signs_in_and_makes_an_invoice() {
    let Some(stage) = Stage::set(true).await else {
        return;
    };
    let browser = &stage.browser;
    stage.sign_in().await;
    browser.click("//a[. = 'New invoice']").await;
    browser.fill("amount", "25.00").await;
    browser.fill("currency", "UDS").await;
    browser.fill("order", "A-1042").await;
    browser.press("Make the invoice").await;
    browser.find("//*[@role = 'alert']").await;
    browser
        .find("//input[@id = 'order'][@value = 'A-1042']")
        .await;
    browser.fill("currency", "USD").await;
    browser.press("Make the invoice").await;
    browser.find("//h1[. = '25.00 USD']").await;
    browser.sees("A-1042").await;
    let page = browser.path().await;

    // The list is live: another invoice comes by itself.
    browser.click("//nav//a[. = 'Invoices']").await;
    browser.find("//a[contains(., '25.00 USD')]").await;
    stage.world.invoice(777).await;
    browser.find("//a[contains(., '777 sat')]").await;

    stage.go(&page).await;
    browser.press("Mark as settled").await;
    browser.find("//span[@class = 'badge good']").await;
    browser.press("Sign out").await;
    browser.find("//h1[. = 'Sign in']").await;
    stage.go(&page).await;
    browser.find("//h1[. = 'Sign in']").await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_is_approved_and_paid() {
    let Some(stage) = Stage::set(true).await else {
        return;
    };
    let (world, browser) = (&stage.world, &stage.browser);
    let link = world.pull_payment_as(NewPullPayment {
        auto_approve: false,
        ..World::new_pull_payment(100_000)
    });
    let path = format!("/pull-payments/{}", link.await.id);
    let wish = Wish {
        expiry_secs: 40 * 86_400,
        ..world.wish(5_000)
    };
    let (bolt11, hash) = world.customer.invoice(&wish);

    stage.go(&path).await;
    browser.fill("destination", "not an address").await;
    browser.fill("amount", "5000").await;
    browser.press("Claim").await;
    browser.find("//*[@role = 'alert']").await;
    browser.find("//textarea[. = 'not an address']").await;
    browser
        .find("//input[@id = 'amount'][@value = '5000']")
        .await;
    browser.fill("destination", &bolt11).await;
    browser.press("Claim").await;
    browser.sees("Awaiting approval").await;

    stage.sign_in().await;
    browser.click("//a[contains(., '5,000 sat')]").await;
    browser.press("Approve").await;
    browser.press("Pay").await;
    browser.sees("About to be sent.").await;
    world.run_payouts().await;
    browser.sees("On its way over Lightning.").await;
    assert_eq!(world.lightning.departed(), [hash]);
    let preimage = world.customer.preimage(hash).expect("its own invoice");
    world.lightning.succeeds(hash, preimage, Sat(1).to_msat());
    world.take_events().await;
    browser.find("//span[@class = 'badge good']").await;
    browser.sees(&hex::encode(preimage.0)).await;

    stage.go(&path).await;
    browser.sees("95,000 sat").await;
    browser.sees(&hex::encode(preimage.0)).await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_site_cant_sign_anybody_in() {
    let Some(stage) = Stage::set(true).await else {
        return;
    };
    let browser = &stage.browser;
    stage.sign_in().await;
    browser.press("Sign out").await;
    // The way out has ended before the next page is asked for.
    browser
        .find("//button[normalize-space() = 'Sign in']")
        .await;
    let form = format!(
        "data:text/html,<form method=post action='{}/login'><input name=email value='{EMAIL}'>\
         <input name=password value='{PASSWORD}'><button>Win</button></form>",
        stage.url
    );
    browser.go(&form).await;
    browser.press("Win").await;
    browser.find("//h1[. = 'Please try again']").await;
    stage.go("/stores").await;
    browser.find("//h1[. = 'Sign in']").await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_fits_a_phone_and_obeys_its_policy() {
    let Some(stage) = Stage::set(true).await else {
        return;
    };
    let (world, browser) = (&stage.world, &stage.browser);
    // Long names have to fit, too.
    let id = world.shop;
    let rename = move |tx: &mut store::Tx<'_>| {
        let shop = store::settings::get(tx, id).expect("the store");
        let name = "Corner books, coffee and all the rest of it".to_owned();
        store::settings::put(tx, &Store { name, ..shop });
    };
    world.job(rename).await;
    let invoice = world.invoice(2_100_000_000).await.id;
    let link = world.pull_payment(100_000).await.id;
    let shop = format!("/stores/{}", world.shop);
    stage.go("/login").await;
    stage.sign_in().await;
    for path in [
        "/stores".to_owned(),
        shop.clone(),
        format!("{shop}/invoices"),
        format!("{shop}/invoices/new"),
        format!("{shop}/invoices/{invoice}"),
        format!("{shop}/pull-payments"),
        format!("{shop}/pull-payments/new"),
        format!("{shop}/pull-payments/{link}"),
        format!("{shop}/payouts"),
        format!("{shop}/payouts/new"),
        format!("{shop}/wallet"),
        format!("{shop}/wallet/onchain"),
        format!("{shop}/strays"),
        format!("{shop}/books"),
        format!("{shop}/rates"),
        format!("{shop}/people"),
        format!("{shop}/webhooks"),
        format!("{shop}/webhooks/new"),
        "/docs".to_owned(),
        "/account".to_owned(),
        "/account/api-keys".to_owned(),
        "/api-keys/authorize?permissions=btcpay.store.canviewinvoices&selectiveStores=true"
            .to_owned(),
        format!("/i/{invoice}"),
        format!("/pull-payments/{link}"),
        "/i/nothing".to_owned(),
    ] {
        stage.go(&path).await;
        browser.find("//main").await;
        let over = "return document.documentElement.scrollWidth - innerWidth";
        assert!(
            browser.run(over).await.as_i64() <= Some(0),
            "{path} overflows"
        );
        let styled = "return getComputedStyle(document.body).margin";
        assert_eq!(browser.run(styled).await, "0px", "{path} has no style");
    }
    stage.end().await;
}
