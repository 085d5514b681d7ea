//! An application asks for a key: consent in the browser, and the form that brings the key to the application.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::response::Html;
use axum::routing::post;
use tokio::task::JoinSet;

use super::Stage;

/// What the application was sent.
type Heard = Arc<Mutex<Vec<String>>>;

/// An application on a port of its own, which says what it was sent.
struct Application {
    url: String,
    heard: Heard,
    _server: JoinSet<std::io::Result<()>>,
}

impl Application {
    async fn start() -> Self {
        let heard = Heard::default();
        let router = Router::new()
            .route("/back", post(hear))
            .with_state(heard.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a port");
        let url = format!(
            "http://{}/back",
            listener.local_addr().expect("its address")
        );
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, router).await });
        Self {
            url,
            heard,
            _server: server,
        }
    }

    /// Where it sends people to.
    fn asks(&self) -> String {
        let query = [
            ("permissions", "btcpay.store.canviewinvoices"),
            ("permissions", "btcpay.store.cancreateinvoice"),
            ("applicationName", "Corner shop"),
            ("strict", "true"),
            ("selectiveStores", "true"),
            ("redirect", self.url.as_str()),
        ];
        let query = serde_urlencoded::to_string(query).expect("a query");
        format!("/api-keys/authorize?{query}")
    }

    /// The key came, with a permission of the one store for each that was asked for.
    fn check(&self, stage: &Stage) {
        let heard = self.heard.lock().expect("no panic");
        let [body] = heard.as_slice() else {
            panic!("it was sent {heard:?}");
        };
        let fields: Vec<(String, String)> = serde_urlencoded::from_str(body).expect("a form");
        let all = |name: &str| -> Vec<&str> {
            let named = fields.iter().filter(|(key, _)| key == name);
            named.map(|(_, value)| value.as_str()).collect()
        };
        let shop = stage.world.shop;
        let expected = [
            format!("btcpay.store.canviewinvoices:{shop}"),
            format!("btcpay.store.cancreateinvoice:{shop}"),
        ];
        assert_eq!(all("permissions[]"), expected);
        assert_eq!(all("userId"), [stage.world.user.to_string()]);
        let caller = stage.world.gateway.caller_by_key(all("apiKey")[0]);
        assert!(caller.is_some(), "the key works");
    }
}

async fn hear(State(heard): State<Heard>, body: String) -> Html<&'static str> {
    heard.lock().expect("no panic").push(body);
    Html("<h1>Welcome back</h1>")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_reaches_the_application_by_itself() {
    let Some(stage) = Stage::set(true).await else {
        return;
    };
    let application = Application::start().await;
    stage.sign_in().await;
    stage.go(&application.asks()).await;
    stage.browser.sees("Corner shop asks for access").await;
    stage.browser.press("Allow it").await;
    stage.browser.sees("Welcome back").await;
    application.check(&stage);
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_reaches_the_application_at_a_press_without_a_script() {
    let Some(stage) = Stage::set(false).await else {
        return;
    };
    let application = Application::start().await;
    stage.sign_in().await;
    stage.go(&application.asks()).await;
    stage.browser.press("Allow it").await;
    stage.browser.sees("The key is made").await;
    assert!(application.heard.lock().expect("no panic").is_empty());
    let host = application.url.strip_prefix("http://").expect("plain");
    let host = host.strip_suffix("/back").expect("its path");
    stage.browser.press(&format!("Go on to {host}")).await;
    stage.browser.sees("Welcome back").await;
    application.check(&stage);
    stage.end().await;
}
