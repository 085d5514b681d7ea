//! The dashboard's rooms by clicks: a webhook, an invitation, a transaction signed elsewhere, and the reference of the API.

use tollway::domain::money::Sat;
use tollway::domain::webhook::Outcome;

use super::Stage;
use super::support::signer::{Kind, Signer};

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_made_and_told_again() {
    let Some(stage) = Stage::set(true).await else {
        return;
    };
    let (world, browser) = (&stage.world, &stage.browser);
    let hook = "https://shop.example/hook";
    stage.sign_in().await;
    browser.click("//nav//a[. = 'Webhooks']").await;
    browser.click("//a[. = 'New webhook']").await;
    browser.fill("url", hook).await;
    browser.press("Make the webhook").await;
    browser.sees("Its secret").await;
    let secret = world.gateway.webhooks(world.shop).await.remove(0).secret;
    let shown = format!("//input[@id = 'secret'][@value = '{}']", secret.reveal());
    browser.find(&shown).await;
    browser.press("Copy").await;
    browser.find("//button[. = 'Copied']").await;

    world.courier.then(hook, [Outcome::Answered(404)]);
    world.invoice(1_000).await;
    world.carry().await;
    browser.click("//nav//a[. = 'Webhooks']").await;
    browser.click(&format!("//a[contains(., '{hook}')]")).await;
    browser.sees("Given up").await;
    browser.sees("It answered with HTTP status 404.").await;
    browser.click("//summary[. = 'Message']").await;
    browser.find("//pre[contains(., 'InvoiceCreated')]").await;
    browser.press("Send again").await;
    browser.sees("Due").await;
    world.clock.advance_secs(1);
    world.carry().await;
    browser.click("//a[. = 'Look again']").await;
    browser.sees("Delivered").await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_invited_comes_in_and_sees_their_part() {
    let Some(stage) = Stage::set(true).await else {
        return;
    };
    let browser = &stage.browser;
    stage.sign_in().await;
    browser.click("//nav//a[. = 'People']").await;
    browser.fill("email", "till@example.com").await;
    browser
        .click("//input[@name = 'role'][@value = 'Employee']")
        .await;
    browser.press("Add").await;
    browser.sees("Send them this link").await;
    let link = "return new URL(document.getElementById('invitation').value).pathname";
    let path = browser.run(link).await;
    browser.press("Sign out").await;
    browser.find("//h1[. = 'Sign in']").await;

    stage.go(path.as_str().expect("a path")).await;
    browser.sees("till@example.com").await;
    browser.fill("password", "long enough").await;
    browser.press("Set the password").await;
    browser.find("//h1[. = 'Sign in']").await;
    browser.fill("email", "till@example.com").await;
    browser.fill("password", "long enough").await;
    browser.press("Sign in").await;
    browser.sees("Newest invoices").await;
    browser.find("//nav//a[. = 'Payouts']").await;
    for closed in ["wallet", "people", "webhooks", "rates"] {
        let links = format!("a[href$=\"/{closed}\"]");
        assert_eq!(browser.count(&links).await, 0, "{closed}");
    }
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_is_signed_elsewhere_and_comes_back_as_a_file() {
    let Some(stage) = Stage::set(true).await else {
        return;
    };
    let (world, browser) = (&stage.world, &stage.browser);
    let signer = Signer::new(1, Kind::Segwit);
    stage.sign_in().await;
    browser.click("//nav//a[. = 'Wallet']").await;
    browser.click("//a[contains(., 'connect a wallet')]").await;
    browser.fill("scheme", "not a key").await;
    browser.press("Connect it").await;
    // What is wrong is said in the form, and what was typed stays.
    browser
        .find("//section[@id = 'connect']/p[@role = 'alert']")
        .await;
    browser.find("//textarea[. = 'not a key']").await;
    // The page is where it was: loaded again, nothing is sent twice.
    assert!(browser.path().await.ends_with("/wallet/onchain"));
    browser.fill("scheme", &signer.scheme).await;
    browser.fill("key-path", &signer.key_path).await;
    browser.press("Connect it").await;
    browser.sees("The wallet is connected").await;

    let invoice = world.invoice(100_000).await;
    let script = invoice.onchain.expect("an address").script;
    world.chain.pay(&script, Sat(100_000));
    world.mine(1).await;
    world.turn().await;
    let theirs = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";
    browser.fill("destination", theirs).await;
    browser.fill("amount", "30000").await;
    browser.fill("rate", "2").await;
    browser.press("Make it for me to sign").await;
    browser.sees("waits for your signature").await;
    browser.find("//a[. = 'Download it as a file']").await;
    let shown = "return document.querySelector('[id^=psbt]').value";
    let psbt = browser.run(shown).await;
    let signed = signer.sign(psbt.as_str().expect("a PSBT"), true);
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), signed.serialize()).expect("written");
    browser
        .choose("signed-file", &file.path().display().to_string())
        .await;
    // It is read into the field above.
    let read = "return new Promise((done) => { const field = document.getElementById('transaction'); \
        const look = () => field.value ? done(field.value) : setTimeout(look, 5); look(); })";
    assert_eq!(browser.run(read).await, signed.to_string());
    browser.press("Check and send it").await;
    browser.sees("is being sent").await;
    world.turn().await;
    assert_eq!(world.chain.broadcasts().len(), 1);
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_is_tried_in_the_reference() {
    let Some(stage) = Stage::set(true).await else {
        return;
    };
    let browser = &stage.browser;
    stage.go("/docs#Health_GetHealth").await;
    let here = "//details[@id = 'Health_GetHealth'][@open]";
    browser.click(&format!("{here}//button[. = 'Send']")).await;
    browser
        .find(&format!("{here}//pre[contains(., '200 OK')]"))
        .await;
    let elsewhere = "return performance.getEntriesByType('resource')\
        .filter((one) => !one.name.startsWith(location.origin)).length";
    assert_eq!(browser.run(elsewhere).await, 0);
    stage.end().await;
}
