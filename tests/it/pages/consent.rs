//! An application asks for a key in the browser (Greenfield 5.1).

use axum::http::StatusCode;
use tollway::domain::access::{Grant, User};
use tollway::domain::ids::UserId;
use tollway::domain::store::Settings;
use tollway::store;

use super::{Page, Visitor};

const PATH: &str = "/api-keys/authorize";
const VIEW: &str = "btcpay.store.canviewinvoices";
const CREATE: &str = "btcpay.store.cancreateinvoice";
const BACK: &str = "https://shop.example:8443/back?a=1";

type Fields = Vec<(&'static str, String)>;

fn field(name: &'static str, value: &str) -> (&'static str, String) {
    (name, value.to_owned())
}

fn query(fields: &Fields) -> String {
    format!(
        "{PATH}?{}",
        serde_urlencoded::to_string(fields).expect("a query")
    )
}

/// What a plugin of a shop asks for.
fn plugin() -> Fields {
    vec![
        field("permissions", VIEW),
        field("permissions", CREATE),
        field("applicationName", "Shop <plugin>"),
        field("strict", "true"),
        field("selectiveStores", "true"),
        field("redirect", BACK),
    ]
}

/// Says yes, with these answers.
async fn agree(visitor: &Visitor, fields: &Fields, answers: &[(&'static str, &str)]) -> Page {
    let own = fields.iter().map(|(name, value)| (*name, value.as_str()));
    let form: Vec<(&str, &str)> = own.chain(answers.iter().copied()).collect();
    visitor.post(PATH, &form).await
}

/// All hidden values of the page's form under a name.
fn hidden(page: &Page, name: &str) -> Vec<String> {
    let start = format!("<input type=\"hidden\" name=\"{name}\" value=\"");
    let parts = page.text.split(&start).skip(1);
    let value = |part: &str| part.split('"').next().unwrap_or_default().to_owned();
    parts.map(value).collect()
}

fn grants_of(visitor: &Visitor, secret: &str) -> Vec<String> {
    let caller = visitor.world.gateway.caller_by_key(secret);
    let key = caller.expect("it works").key.expect("a key").key;
    key.permissions.iter().map(Grant::to_string).collect()
}

#[tokio::test]
async fn a_plugin_gets_its_key_for_the_chosen_store() {
    let visitor = Visitor::owner().await;
    let page = visitor.get(&query(&plugin())).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text.contains("Shop &#60;plugin&#62; asks for access"));
    assert!(page.text.contains("shop.example:8443"));
    // With a single store there is nothing to choose: it is ticked.
    let shop = visitor.world.shop.to_string();
    let ticked = format!("name=\"store\" value=\"{shop}\" checked");
    assert!(page.text.contains(&ticked));
    assert!(
        page.header("content-security-policy")
            .contains("form-action 'self';")
    );

    let answers = [("stores", "chosen"), ("store", shop.as_str())];
    let done = agree(&visitor, &plugin(), &answers).await;
    assert_eq!(done.status, StatusCode::OK);
    assert!(
        done.text
            .contains(&format!("action=\"{BACK}\" data-submit"))
    );
    assert!(done.text.contains("<button"), "it works without a script");
    let policy = done.header("content-security-policy");
    assert!(
        policy.contains("form-action 'self' https://shop.example:8443;"),
        "{policy}"
    );
    let scoped = [format!("{VIEW}:{shop}"), format!("{CREATE}:{shop}")];
    assert_eq!(hidden(&done, "permissions[]"), scoped);
    assert_eq!(hidden(&done, "userId"), [visitor.world.user.to_string()]);
    let secret = hidden(&done, "apiKey").remove(0);
    assert_eq!(secret.len(), 40);
    assert_eq!(grants_of(&visitor, &secret), scoped);
    let keys = visitor.get("/account/api-keys").await;
    assert!(keys.text.contains("Shop &#60;plugin&#62;"));
    assert!(!keys.text.contains(&secret));
}

#[tokio::test]
async fn who_is_not_signed_in_comes_back_after_it() {
    let visitor = Visitor::stranger().await;
    let asked = query(&plugin());
    let sent = visitor.get(&asked).await;
    let login = sent.location().to_owned();
    let (_, next) = login.split_once("/login?next=").expect("to sign in");
    let back: Vec<(String, String)> =
        serde_urlencoded::from_str(&format!("next={next}")).expect("a query");
    assert_eq!(back[0].1, asked);
    let page = visitor.get(&login).await;
    assert_eq!(hidden(&page, "next")[0].replace("&#38;", "&"), asked);
    // And without a session nothing is granted.
    let posted = agree(&visitor, &plugin(), &[("stores", "all")]).await;
    assert_eq!(posted.location(), "/login?next=/");
}

#[tokio::test]
async fn consent_needs_the_session_s_own_form() {
    let visitor = Visitor::owner().await;
    let fields = plugin();
    let form: Vec<(&str, &str)> = (fields.iter())
        .map(|(name, value)| (*name, value.as_str()))
        .chain([("stores", "all"), ("csrf", "00")])
        .collect();
    let forged = visitor.post_raw(PATH, &form).await;
    assert_eq!(forged.status, StatusCode::FORBIDDEN);
    let keys = visitor.world.gateway.api_keys_of(visitor.world.user).await;
    assert!(keys.is_empty());
}

#[tokio::test]
async fn stores_are_chosen_from_one_s_own() {
    let visitor = Visitor::owner().await;
    let gateway = &visitor.world.gateway;
    let foreign = User {
        id: UserId([9; 16]),
        email: "two@example.com".to_owned(),
        name: None,
        password_hash: String::new(),
        is_admin: false,
        created: visitor.world.clock_now(),
        has_had_key: false,
        image_url: None,
        invitation: None,
    };
    let row = foreign.clone();
    let put = move |tx: &mut store::Tx<'_>| store::access::put_user(tx, &row);
    visitor.world.job(put).await;
    let foreign = gateway
        .create_store(
            &foreign,
            "Theirs".to_owned(),
            Settings::default(),
            "{}".to_owned(),
        )
        .await
        .expect("a store")
        .id
        .to_string();
    let owner = gateway
        .find_user("owner@example.com")
        .await
        .expect("an account");
    let second = gateway
        .create_store(
            &owner,
            "Second".to_owned(),
            Settings::default(),
            "{}".to_owned(),
        )
        .await
        .expect("a store")
        .id
        .to_string();

    let page = visitor.get(&query(&plugin())).await;
    assert!(page.text.contains("Second") && !page.text.contains("Theirs"));
    for answers in [
        vec![("stores", "chosen")],
        vec![("stores", "chosen"), ("store", foreign.as_str())],
    ] {
        let page = agree(&visitor, &plugin(), &answers).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(page.text.contains("Choose at least one store."));
    }
    let shop = visitor.world.shop.to_string();
    let both = [
        ("stores", "chosen"),
        ("store", shop.as_str()),
        ("store", second.as_str()),
    ];
    let done = agree(&visitor, &plugin(), &both).await;
    assert_eq!(hidden(&done, "permissions[]").len(), 4);
    let done = agree(&visitor, &plugin(), &[("stores", "all")]).await;
    assert_eq!(hidden(&done, "permissions[]"), [VIEW, CREATE]);
    // Who did not ask for a choice gets none.
    let mut whole = plugin();
    whole.retain(|(name, _)| *name != "selectiveStores");
    assert!(
        !visitor
            .get(&query(&whole))
            .await
            .text
            .contains("name=\"stores\"")
    );
    let done = agree(&visitor, &whole, &both).await;
    assert_eq!(hidden(&done, "permissions[]"), [VIEW, CREATE]);
}

#[tokio::test]
async fn single_permissions_may_be_refused_where_it_is_not_strict() {
    let visitor = Visitor::owner().await;
    let mut fields = plugin();
    fields.retain(|(name, _)| *name != "strict" && *name != "selectiveStores");
    fields.push(field("strict", "False"));
    let page = visitor.get(&query(&fields)).await;
    let box_of = format!("type=\"checkbox\" name=\"granted\" value=\"{VIEW}\" checked");
    assert!(page.text.contains(&box_of));
    let done = agree(&visitor, &fields, &[("granted", VIEW)]).await;
    assert_eq!(hidden(&done, "permissions[]"), [VIEW]);
    // What was not asked for can't be given.
    let more = agree(&visitor, &fields, &[("granted", "unrestricted")]).await;
    assert_eq!(more.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(more.text.contains("Choose at least one permission."));
    // Strict is all of it, whatever is ticked.
    let all = agree(&visitor, &plugin(), &[("granted", VIEW), ("stores", "all")]).await;
    assert_eq!(hidden(&all, "permissions[]"), [VIEW, CREATE]);
}

#[tokio::test]
async fn the_same_application_gets_the_same_key_again() {
    let visitor = Visitor::owner().await;
    let with = |identifier: &str, redirect: &str| {
        let mut fields = plugin();
        fields.retain(|(name, _)| *name != "redirect");
        fields.push(field("redirect", redirect));
        fields.push(field("applicationIdentifier", identifier));
        fields
    };
    let key = |fields: Fields, answers: Vec<(&'static str, &'static str)>| {
        let visitor = &visitor;
        async move { hidden(&agree(visitor, &fields, &answers).await, "apiKey").remove(0) }
    };
    let all = || vec![("stores", "all")];
    let first = key(with("app", BACK), all()).await;
    assert_eq!(
        key(with("app", "https://shop.example:8443/other"), all()).await,
        first
    );
    assert_ne!(key(with("other", BACK), all()).await, first);
    assert_ne!(
        key(with("app", "https://shop.example/back"), all()).await,
        first
    );
    let mut less = with("app", BACK);
    less.remove(0);
    assert_ne!(key(less, all()).await, first);
    assert_eq!(grants_of(&visitor, &first), [VIEW, CREATE]);
    // One that was deleted is not brought back: it would be another's in the meantime.
    let gateway = &visitor.world.gateway;
    gateway
        .remove_api_key(visitor.world.user, &first)
        .await
        .expect("removed");
    assert_ne!(key(with("app", BACK), all()).await, first);
}

#[tokio::test]
async fn without_an_address_the_key_is_shown() {
    let visitor = Visitor::owner().await;
    let fields = vec![
        field("permissions", VIEW),
        field("applicationIdentifier", "x"),
    ];
    let done = agree(&visitor, &fields, &[]).await;
    assert_eq!(done.status, StatusCode::OK);
    assert!(done.text.contains("id=\"new-key\" value=\""));
    assert!(!done.text.contains("data-submit"));
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_and_makes_no_key() {
    let visitor = Visitor::owner().await;
    let to = |redirect: &str| vec![field("permissions", VIEW), field("redirect", redirect)];
    let rows = [
        vec![],
        vec![field("permissions", "btcpay.store.nothing")],
        vec![field("permissions", VIEW), field("strict", "perhaps")],
        to("javascript:alert(1)"),
        to("data:text/html,x"),
        to("app://back"),
        to("//shop.example"),
        to("https://a@shop.example"),
    ];
    for fields in rows {
        let page = visitor.get(&query(&fields)).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{fields:?}");
        assert!(!page.text.contains("<form"), "{fields:?}");
        let posted = agree(&visitor, &fields, &[("stores", "all")]).await;
        assert_eq!(
            posted.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{fields:?}"
        );
    }
    let keys = visitor.world.gateway.api_keys_of(visitor.world.user).await;
    assert!(keys.is_empty());
    let plain = visitor.get(&query(&to("http://shop.example/"))).await;
    assert!(plain.text.contains("sent without encryption"));
}

#[tokio::test]
async fn nobody_gives_what_only_the_server_s_operator_has() {
    let mut visitor = Visitor::stranger().await;
    let user = User {
        id: UserId([9; 16]),
        email: "two@example.com".to_owned(),
        name: None,
        password_hash: String::new(),
        is_admin: false,
        created: visitor.world.clock_now(),
        has_had_key: false,
        image_url: None,
        invitation: None,
    };
    let put = move |tx: &mut store::Tx<'_>| store::access::put_user(tx, &user);
    visitor.world.job(put).await;
    visitor.become_user(UserId([9; 16])).await;
    let server = "btcpay.server.canmodifyserversettings";
    let mut fields = vec![
        field("permissions", server),
        field("permissions", "btcpay.user.canviewprofile"),
    ];
    let strict = visitor.get(&query(&fields)).await;
    assert!(strict.text.contains("you can't go on") && !strict.text.contains("<form"));
    let posted = agree(&visitor, &fields, &[]).await;
    assert_eq!(posted.status, StatusCode::UNPROCESSABLE_ENTITY);
    fields.push(field("strict", "false"));
    let loose = visitor.get(&query(&fields)).await;
    assert!(
        loose
            .text
            .contains("Only who runs the server could allow this")
    );
    let answers = [
        ("granted", server),
        ("granted", "btcpay.user.canviewprofile"),
    ];
    agree(&visitor, &fields, &answers).await;
    let keys = visitor.world.gateway.api_keys_of(UserId([9; 16])).await;
    let texts: Vec<String> = keys[0].1.permissions.iter().map(Grant::to_string).collect();
    assert_eq!(texts, ["btcpay.user.canviewprofile"]);
}
