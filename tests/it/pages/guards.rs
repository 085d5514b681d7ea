//! Who may see and send what.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use tollway::domain::access::User;
use tollway::domain::ids::UserId;
use tollway::domain::receipt::Rail;
use tollway::domain::store::Settings;
use tollway::service::pull_payment::NewPullPayment;
use tollway::store;

use super::Visitor;
use crate::claims::api::{address, claim};
use crate::support::World;

/// A store's form: its path below the store, and what it sends besides the token.
type Form = (String, Vec<(&'static str, &'static str)>);

/// A hash of no key.
const ZEROS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// An id that nobody has.
const NOBODY: &str = "00000000-0000-0000-0000-000000000000";

/// What exists in the store, as ids.
pub struct Things {
    invoice: String,
    pull_payment: String,
    payout: String,
}

impl Things {
    pub async fn made(world: &World) -> Self {
        let invoice = world.invoice(1_000).await;
        let pull_payment = world
            .pull_payment_as(NewPullPayment {
                auto_approve: false,
                ..World::new_pull_payment(100_000)
            })
            .await;
        let claim = claim(address(1), Rail::Onchain, Some("5000"));
        let claimed = world.gateway.claim(pull_payment.id, claim).await;
        Self {
            invoice: invoice.id.to_string(),
            pull_payment: pull_payment.id.to_string(),
            payout: claimed.expect("a claim").id.to_string(),
        }
    }

    /// A route below the store with the ids in it.
    pub fn named(&self, route: &str) -> String {
        route
            .replace("{invoice}", &self.invoice)
            .replace("{pull}", &self.pull_payment)
            .replace("{payout}", &self.payout)
    }

    /// Every page of a store.
    pub fn pages(&self) -> Vec<String> {
        let fixed = [
            "",
            "/invoices",
            "/invoices/new",
            "/pull-payments",
            "/pull-payments/new",
            "/payouts",
            "/payouts/new",
            "/wallet",
            "/wallet/onchain",
            "/books",
            "/people",
        ];
        let own = [
            format!("/invoices/{}", self.invoice),
            format!("/pull-payments/{}", self.pull_payment),
            format!("/payouts/{}", self.payout),
        ];
        fixed.map(str::to_owned).into_iter().chain(own).collect()
    }

    /// Every form of a store.
    fn forms(&self) -> Vec<Form> {
        let payout = format!("/payouts/{}", self.payout);
        let pull_payment = [
            ("name", "x"),
            ("amount", "5"),
            ("currency", "SATS"),
            ("lightning", "on"),
        ];
        vec![
            (
                "/invoices".to_owned(),
                vec![("amount", "5"), ("currency", "SATS")],
            ),
            (
                format!("/invoices/{}/mark", self.invoice),
                vec![("mark", "settled")],
            ),
            ("/pull-payments".to_owned(), pull_payment.into()),
            (
                format!("/pull-payments/{}/archive", self.pull_payment),
                vec![],
            ),
            (
                "/payouts".to_owned(),
                vec![("destination", "x"), ("amount", "5000")],
            ),
            (format!("{payout}/approve"), vec![("revision", "0")]),
            (format!("{payout}/pay"), vec![]),
            (format!("{payout}/cancel"), vec![]),
            ("/wallet/address".to_owned(), vec![]),
            (
                "/wallet/channel".to_owned(),
                vec![("peer", "x"), ("amount", "5")],
            ),
            ("/wallet/connect".to_owned(), vec![("scheme", "x")]),
            ("/wallet/own".to_owned(), vec![]),
            (
                "/wallet/send".to_owned(),
                vec![("destination", "x"), ("amount", "5000")],
            ),
            ("/wallet/signed".to_owned(), vec![("transaction", "x")]),
            (
                "/wallet/sender".to_owned(),
                vec![("rail", "BTC-LN"), ("on", "true")],
            ),
            (
                "/people".to_owned(),
                vec![("email", "nobody"), ("role", "Guest")],
            ),
            (
                "/people/role".to_owned(),
                vec![("user", NOBODY), ("role", "Guest")],
            ),
            ("/people/remove".to_owned(), vec![("user", NOBODY)]),
        ]
    }
}

/// The sequence of the last fact: unchanged where nothing has happened.
async fn last_fact(world: &World) -> u64 {
    let last = |rows: &store::Snapshot| store::journal::last_sequence(rows);
    world.gateway.store.read(last).await
}

#[tokio::test]
async fn a_form_without_the_sessions_token_is_refused_and_does_nothing() {
    let visitor = Visitor::owner().await;
    let things = Things::made(&visitor.world).await;
    let before = last_fact(&visitor.world).await;
    let mut forms = things.forms();
    for form in &mut forms {
        form.0 = visitor.shop(&form.0);
    }
    forms.push((
        "/stores".to_owned(),
        vec![("name", "x"), ("currency", "USD")],
    ));
    forms.push(("/account/api-keys".to_owned(), vec![("label", "x")]));
    forms.push(("/account".to_owned(), vec![("name", "x"), ("email", "x")]));
    forms.push((
        "/account/password".to_owned(),
        vec![("current", "x"), ("new", "x")],
    ));
    forms.push(("/account/api-keys/remove".to_owned(), vec![("key", ZEROS)]));
    forms.push(("/api-keys/authorize".to_owned(), vec![]));
    forms.push(("/logout".to_owned(), vec![]));
    let (wrong, half) = ("11".repeat(visitor.csrf.len() / 2), &visitor.csrf[2..]);
    for (path, form) in &forms {
        for token in [None, Some(""), Some("?"), Some(half), Some(wrong.as_str())] {
            let mut sent = form.clone();
            sent.extend(token.map(|_| ("csrf", "")));
            let mut sent: Vec<(&str, &str)> = sent;
            if let (Some(token), Some(last)) = (token, sent.last_mut()) {
                *last = ("csrf", token);
            }
            let page = visitor.post_raw(path, &sent).await;
            assert_eq!(page.status, StatusCode::FORBIDDEN, "{path} {token:?}");
        }
    }
    assert_eq!(last_fact(&visitor.world).await, before);
    // The same forms with the token are looked at: nobody calls them forged.
    for (path, form) in &forms {
        let page = visitor.post(path, form).await;
        let seen = page.status.is_redirection()
            || [
                StatusCode::OK,
                StatusCode::CONFLICT,
                StatusCode::UNPROCESSABLE_ENTITY,
            ]
            .contains(&page.status);
        assert!(seen, "{path}: {}", page.status);
    }
    assert!(last_fact(&visitor.world).await > before);
}

#[tokio::test]
async fn forms_of_strangers_are_taken_from_our_own_pages_only() {
    let visitor = Visitor::stranger().await;
    let link = visitor.world.pull_payment(100_000).await.id;
    let to = address(2);
    let rows: [(String, Vec<(&str, &str)>); 3] = [
        (
            "/login".to_owned(),
            vec![("email", "owner@example.com"), ("password", "wrong")],
        ),
        (
            "/register".to_owned(),
            vec![("email", "x@example.com"), ("password", "long enough")],
        ),
        (
            format!("/pull-payments/{link}"),
            vec![("destination", &to), ("amount", "5000")],
        ),
    ];
    for (path, form) in &rows {
        for origin in ["https://evil.example", "null", "http://127.0.0.1:8081"] {
            let page = visitor.post_from(path, form, origin).await;
            assert_eq!(page.status, StatusCode::FORBIDDEN, "{path} {origin}");
        }
    }
    assert!(visitor.world.payouts().await.is_empty());
    let own = visitor.post_raw(&rows[2].0, &rows[2].1).await;
    assert_eq!(own.status, StatusCode::SEE_OTHER);
    assert_eq!(visitor.world.payouts().await.len(), 1);
}

#[tokio::test]
async fn a_stranger_is_sent_to_sign_in_and_back() {
    let visitor = Visitor::stranger().await;
    let things = Things::made(&visitor.world).await;
    for path in things.pages() {
        let path = visitor.shop(&path);
        let page = visitor.get(&path).await;
        assert_eq!(page.status, StatusCode::SEE_OTHER, "{path}");
        assert_eq!(page.location(), format!("/login?next={path}"));
    }
    for (path, form) in things.forms() {
        let page = visitor.post(&visitor.shop(&path), &form).await;
        assert_eq!(page.location(), "/login?next=/", "{path}");
    }
    assert_eq!(
        visitor.get("/stores").await.location(),
        "/login?next=/stores"
    );
    assert_eq!(visitor.get("/").await.location(), "/login");
}

#[tokio::test]
async fn what_belongs_to_somebody_else_is_not_there() {
    let mut visitor = Visitor::stranger().await;
    let things = Things::made(&visitor.world).await;
    let before = last_fact(&visitor.world).await;
    let other = User {
        id: UserId([9; 16]),
        email: "other@example.com".to_owned(),
        name: None,
        password_hash: String::new(),
        is_admin: false,
        created: visitor.world.clock_now(),
        has_had_key: false,
        image_url: None,
        invitation: None,
    };
    let row = other.clone();
    let put = move |tx: &mut store::Tx<'_>| store::access::put_user(tx, &row);
    visitor.world.job(put).await;
    let made = visitor.world.gateway.create_store(
        &other,
        "Other".to_owned(),
        Settings::default(),
        "{}".to_owned(),
    );
    let others = made.await.expect("a store").id;
    let before = before.max(last_fact(&visitor.world).await);
    visitor.become_user(other.id).await;

    // Their own store, with ids of ours, and our store: both are nothing to them.
    let mut seen = BTreeSet::new();
    for base in [visitor.shop(""), format!("/stores/{others}")] {
        let own = base.ends_with(&others.to_string());
        let foreign = |path: &str| {
            let names_nothing = path.ends_with("/new") || path.ends_with("/onchain");
            !own || path.split('/').count() > 2 && !names_nothing
        };
        for path in things.pages().into_iter().filter(|path| foreign(path)) {
            let page = visitor.get(&format!("{base}{path}")).await;
            assert_eq!(page.status, StatusCode::NOT_FOUND, "{base}{path}");
            seen.insert(page.text);
        }
        for (path, form) in things.forms() {
            if own && path.split('/').count() < 4 {
                continue;
            }
            let page = visitor.post(&format!("{base}{path}"), &form).await;
            assert_eq!(page.status, StatusCode::NOT_FOUND, "{base}{path}");
            seen.insert(page.text);
        }
    }
    assert_eq!(seen.len(), 1, "one page says nothing about what exists");
    assert_eq!(last_fact(&visitor.world).await, before);
}

#[tokio::test]
async fn every_answer_says_what_a_browser_may_do_with_it() {
    let visitor = Visitor::owner().await;
    let things = Things::made(&visitor.world).await;
    let checkout = format!("/i/{}", things.invoice);
    let mut paths: Vec<_> = things
        .pages()
        .iter()
        .map(|path| visitor.shop(path))
        .collect();
    paths.extend([
        "/".to_owned(),
        "/stores".to_owned(),
        "/login".to_owned(),
        "/register".to_owned(),
        "/stores/nothing".to_owned(),
        format!("/pull-payments/{}", things.pull_payment),
        "/pull-payments/nothing".to_owned(),
        "/nothing".to_owned(),
        "/assets/nothing".to_owned(),
        checkout.clone(),
        format!("{checkout}/BTC-LN"),
        "/i/nothing".to_owned(),
    ]);
    for path in &paths {
        let page = visitor.get(path).await;
        let policy = page.header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none';"),
            "{path}: {policy}"
        );
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(page.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(page.header("referrer-policy"), "same-origin", "{path}");
        assert_eq!(page.header("cache-control"), "no-store", "{path}");
        let framable = path.starts_with("/i/");
        let frame = page.header("x-frame-options");
        assert_eq!(frame, if framable { "" } else { "DENY" }, "{path}");
        assert_eq!(
            policy.ends_with("frame-ancestors 'none'"),
            !framable,
            "{path}"
        );
        // The policy would forbid them.
        for inline in ["<style", " style=", "<script>", " onclick=", "javascript:"] {
            assert!(!page.text.contains(inline), "{path}: {inline}");
        }
    }
}
