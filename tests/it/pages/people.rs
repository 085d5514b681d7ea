//! People of a store, invitations, keys: pages, and what a role opens.

use axum::http::StatusCode;
use tollway::domain::access::{Role, User};
use tollway::domain::ids::UserId;
use tollway::store;

use super::Visitor;

/// What a form sends besides the token.
type Form<'f> = &'f [(&'f str, &'f str)];

/// Somebody with an account and this role in the store, signed in.
pub async fn with_role(role: Role) -> Visitor {
    let mut visitor = Visitor::stranger().await;
    let user = guest(&visitor, "two@example.com").await;
    let (shop, owner) = (visitor.world.shop, visitor.world.user);
    let gateway = visitor.world.gateway.clone();
    let added = gateway.add_member(shop, user.to_string(), role, owner);
    added.await.expect("added");
    visitor.become_user(user).await;
    visitor
}

/// An account that does not run the server.
async fn guest(visitor: &Visitor, email: &str) -> UserId {
    let user = User {
        id: UserId(visitor.world.gateway.random()),
        email: email.to_owned(),
        name: None,
        password_hash: String::new(),
        is_admin: false,
        created: visitor.world.clock_now(),
        has_had_key: false,
        image_url: None,
        invitation: None,
    };
    let id = user.id;
    let put = move |tx: &mut store::Tx<'_>| store::access::put_user(tx, &user);
    visitor.world.job(put).await;
    id
}

/// The part of a page after `before`, up to `after`.
fn between<'p>(text: &'p str, before: &str, after: &str) -> &'p str {
    let (_, rest) = text.split_once(before).expect("it is there");
    rest.split_once(after).expect("it ends").0
}

#[tokio::test]
async fn a_role_opens_its_rooms_and_no_others() {
    let rows: [(&str, [bool; 4]); 8] = [
        ("", [true, true, true, true]),
        ("/invoices", [true, true, true, true]),
        ("/invoices/new", [true, true, true, true]),
        ("/pull-payments", [true, true, true, true]),
        ("/pull-payments/new", [true, true, true, false]),
        ("/payouts", [true, true, true, true]),
        ("/people", [true, true, false, false]),
        ("/wallet", [true, false, false, false]),
    ];
    for (place, role) in Role::ALL.into_iter().enumerate() {
        let visitor = with_role(role).await;
        let home = visitor.get(&visitor.shop("")).await;
        for (path, open) in &rows {
            let path = visitor.shop(path);
            let page = visitor.get(&path).await;
            let expected = if open[place] {
                StatusCode::OK
            } else {
                StatusCode::FORBIDDEN
            };
            assert_eq!(page.status, expected, "{role} {path}");
            // Nobody is led to a closed door.
            let link = format!("<a href=\"{path}\"");
            assert!(open[place] || !home.text.contains(&link), "{role} {path}");
        }
        let sees_wallet = home.text.contains("On-chain</p>") || home.text.contains(">On-chain<");
        assert_eq!(sees_wallet, role == Role::Owner, "{role}");
    }
}

#[tokio::test]
async fn a_role_sends_its_forms_and_no_others() {
    let invoice = [("amount", "5"), ("currency", "SATS")];
    let pull = [
        ("name", "x"),
        ("amount", "5"),
        ("currency", "SATS"),
        ("lightning", "on"),
    ];
    let approved = [&pull[..], &[("auto_approve", "on")]].concat();
    let sender = [("rail", "BTC-LN"), ("on", "true")];
    let person = [("email", "owner@example.com"), ("role", "Guest")];
    let rows: [(&str, Form<'_>, [bool; 4]); 5] = [
        ("/invoices", &invoice, [true, true, true, true]),
        ("/pull-payments", &pull, [true, true, true, false]),
        ("/pull-payments", &approved, [true, true, false, false]),
        ("/wallet/sender", &sender, [true, false, false, false]),
        ("/people", &person, [true, false, false, false]),
    ];
    for (place, role) in Role::ALL.into_iter().enumerate() {
        let visitor = with_role(role).await;
        for (path, form, open) in &rows {
            let page = visitor.post(&visitor.shop(path), form).await;
            let refused = page.status == StatusCode::FORBIDDEN;
            assert_eq!(refused, !open[place], "{role} {path} {}", page.status);
        }
    }
}

#[tokio::test]
async fn people_come_change_and_go_by_forms() {
    let visitor = Visitor::owner().await;
    let other = guest(&visitor, "two@example.com").await.to_string();
    let people = visitor.shop("/people");
    let form = [("email", "two@example.com"), ("role", "Guest")];
    let added = visitor.post(&people, &form).await;
    assert_eq!(added.location(), people);
    let again = visitor.post(&people, &form).await;
    assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(again.text.contains("belongs to the store already"));

    let role = [("user", other.as_str()), ("role", "Manager")];
    let changed = visitor.post(&format!("{people}/role"), &role).await;
    assert_eq!(changed.location(), people);
    let page = visitor.get(&people).await;
    assert!(page.text.contains("<option selected>Manager</option>"));

    let own = visitor.world.user.to_string();
    let alone = visitor
        .post(&format!("{people}/remove"), &[("user", &own)])
        .await;
    assert_eq!(alone.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(alone.text.contains("no owner"), "{}", alone.text);
    let gone = visitor
        .post(&format!("{people}/remove"), &[("user", &other)])
        .await;
    assert_eq!(gone.location(), people);
    assert!(!visitor.get(&people).await.text.contains("two@example.com"));
    for form in [
        [("user", "x"), ("role", "Guest")],
        [("user", other.as_str()), ("role", "King")],
    ] {
        let page = visitor.post(&format!("{people}/role"), &form).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{form:?}");
    }
}

#[tokio::test]
async fn who_is_invited_chooses_a_password_and_signs_in() {
    let mut visitor = Visitor::owner().await;
    let people = visitor.shop("/people");
    let form = [("email", "new@example.com"), ("role", "Employee")];
    let invited = visitor.post(&people, &form).await;
    assert_eq!(invited.status, StatusCode::OK);
    let link = between(&invited.text, "id=\"invitation\" value=\"", "\"");
    let path = link.strip_prefix("http://127.0.0.1:8080").expect("ours");
    let path = path.to_owned();
    visitor.cookie = None;

    let page = visitor.get(&path).await;
    assert!(page.text.contains("new@example.com"));
    let wrong = format!("{}0", &path[..path.len() - 1]);
    let other = format!("{}1", &path[..path.len() - 1]);
    for wrong in [wrong, other].iter().filter(|wrong| **wrong != path) {
        assert_eq!(visitor.get(wrong).await.status, StatusCode::NOT_FOUND);
    }
    let short = visitor.post_raw(&path, &[("password", "short")]).await;
    assert_eq!(short.status, StatusCode::UNPROCESSABLE_ENTITY);
    let foreign = visitor
        .post_from(
            &path,
            &[("password", "long enough")],
            "https://evil.example",
        )
        .await;
    assert_eq!(foreign.status, StatusCode::FORBIDDEN);
    let done = visitor
        .post_raw(&path, &[("password", "long enough")])
        .await;
    assert_eq!(done.location(), "/login");
    assert_eq!(visitor.get(&path).await.status, StatusCode::NOT_FOUND);
    let login = [("email", "new@example.com"), ("password", "long enough")];
    let signed = visitor.post_raw("/login", &login).await;
    assert_eq!(signed.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn who_does_not_run_the_server_invites_nobody_new() {
    let visitor = with_role(Role::Owner).await;
    let form = [("email", "new@example.com"), ("role", "Guest")];
    let page = visitor.post(&visitor.shop("/people"), &form).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        page.text
            .contains("Nobody has an account with this address")
    );
    let gateway = &visitor.world.gateway;
    assert!(gateway.find_user("new@example.com").await.is_none());
}

#[tokio::test]
async fn keys_are_made_shown_once_and_deleted() {
    let visitor = Visitor::owner().await;
    let path = "/account/api-keys";
    let shop = visitor.world.shop.to_string();
    let form = [
        ("label", "till <1>"),
        ("store", shop.as_str()),
        ("permissions", "btcpay.store.canviewinvoices"),
        ("permissions", "btcpay.user.canviewprofile"),
    ];
    let made = visitor.post(path, &form).await;
    assert_eq!(made.status, StatusCode::OK);
    let secret = between(&made.text, "id=\"new-key\" value=\"", "\"").to_owned();
    let caller = visitor.world.gateway.caller_by_key(&secret);
    let key = caller.expect("it works").key.expect("a key").key;
    let texts: Vec<String> = key.permissions.iter().map(ToString::to_string).collect();
    let scoped = format!("btcpay.store.canviewinvoices:{shop}");
    assert_eq!(texts, [scoped, "btcpay.user.canviewprofile".to_owned()]);

    let list = visitor.get(path).await;
    assert!(!list.text.contains(&secret), "it is shown once");
    assert!(list.text.contains("till &#60;1&#62;"));
    let name = between(&list.text, "name=\"key\" value=\"", "\"").to_owned();
    let remove = "/account/api-keys/remove";
    let gone = visitor.post(remove, &[("key", &name)]).await;
    assert_eq!(gone.location(), path);
    assert!(visitor.world.gateway.caller_by_key(&secret).is_none());

    let nothing = visitor.post(path, &[("label", "x")]).await;
    assert_eq!(nothing.status, StatusCode::UNPROCESSABLE_ENTITY);
    for form in [
        vec![("permissions", "btcpay.store.nothing")],
        vec![("permissions", "unrestricted"), ("store", "nowhere")],
    ] {
        let page = visitor.post(path, &form).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{form:?}");
    }
    let bad = visitor.post(remove, &[("key", "x")]).await;
    assert_eq!(bad.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_key_of_somebody_else_stays() {
    let visitor = Visitor::owner().await;
    let other = guest(&visitor, "two@example.com").await;
    let gateway = &visitor.world.gateway;
    let made = gateway.create_api_key(other, "theirs".to_owned(), Vec::new());
    let (secret, _) = made.await.expect("a key");
    let (hash, _) = gateway.api_keys_of(other).await.remove(0);
    let name = hex::encode(hash);
    visitor
        .post("/account/api-keys/remove", &[("key", &name)])
        .await;
    assert!(gateway.caller_by_key(&secret).is_some());
    assert!(
        !visitor
            .get("/account/api-keys")
            .await
            .text
            .contains("theirs")
    );
}

#[tokio::test]
async fn one_changes_one_s_own_name_address_and_password() {
    let mut visitor = Visitor::owner().await;
    let people = visitor.shop("/people");
    let form = [("email", "new@example.com"), ("role", "Guest")];
    let invited = visitor.post(&people, &form).await;
    let link = between(&invited.text, "id=\"invitation\" value=\"", "\"");
    let path = link.strip_prefix("http://127.0.0.1:8080").expect("ours");
    let word = [("password", "long enough")];
    visitor.post_raw(path, &word).await;
    let gateway = visitor.world.gateway.clone();
    let user = gateway.find_user("new@example.com").await;
    let user = user.expect("an account").id;
    visitor.become_user(user).await;

    let taken = [("name", "New"), ("email", "owner@example.com")];
    let refused = visitor.post("/account", &taken).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.text.contains("has an account"));
    let moved = [("name", "New"), ("email", "moved@example.com")];
    let saved = visitor.post("/account", &moved).await;
    assert_eq!(saved.location(), "/account?saved");
    let page = visitor.get("/account").await;
    assert!(page.text.contains("value=\"moved@example.com\""));

    let rows = [
        ("wrong", "another one", "The current password is not right."),
        ("long enough", "short", "at least 8 characters"),
    ];
    for (current, new, why) in rows {
        let form = [("current", current), ("new", new)];
        let refused = visitor.post("/account/password", &form).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(refused.text.contains(why), "{why}");
    }
    let form = [("current", "long enough"), ("new", "another one")];
    let done = visitor.post("/account/password", &form).await;
    assert_eq!(done.location(), "/account?saved");
    assert!(!done.header("set-cookie").is_empty(), "this browser stays");
    let old = visitor.get("/account").await;
    assert_eq!(old.location(), "/login?next=/account", "the others don't");
    let email = "moved@example.com";
    let signed = gateway.check_password(email, "another one".to_owned());
    assert!(signed.await.is_some());
}
