//! Everything that anybody may ask over HTTP: API, LNURL and pages, of a gateway over the fakes of the tests.
//!
//! An input is a story: requests with a line `---` between them, each of a line `METHOD /path` and a body. `{stores}`,
//! `{invoices}`, `{payouts}`, … stand for the id of the last one made, `{bolt11}` and `{address}` for somebody's. No
//! answer is a 5xx other than 503, what is said to be JSON is JSON, nothing panics, neither in a handler nor in a
//! keeper, and in the end the books balance.
#![no_main]

#[allow(dead_code, reason = "the fakes are whole; this uses its part")]
#[path = "../../tests/support/mod.rs"]
mod support;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{Request, StatusCode};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};
use tollway::config::Limits;
use tollway::domain::access::Grant;
use tollway::domain::destination::Destination;
use tollway::domain::money::Sat;
use tollway::http::{AppState, Caps};
use tower::ServiceExt;

use support::World;

/// Stories until everything begins anew: what they make must not pile up.
const STORIES_MAX: u32 = 200;

/// Requests of one story.
const REQUESTS_MAX: usize = 8;

/// How long a client waits.
const PATIENCE: Duration = Duration::from_millis(300);

struct House {
    runtime: Runtime,
    world: World,
    router: Router,
    key: String,
    ids: BTreeMap<String, String>,
    stories: u32,
}

thread_local! {
    static HOUSE: RefCell<Option<House>> = const { RefCell::new(None) };
}

fuzz_target!(|story: &str| {
    HOUSE.with_borrow_mut(|place| {
        let house = place.get_or_insert_with(House::new);
        house.tell(story);
        if house.stories == STORIES_MAX {
            house.runtime.block_on(house.world.check());
            *place = None;
        }
    });
});

impl House {
    fn new() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime");
        let world = runtime.block_on(World::new());
        let unlimited = Limits {
            logins_per_minute: u32::MAX,
            stranger_actions_per_minute: u32::MAX,
            stranger_requests_per_minute: u32::MAX,
            stores_per_account: u32::MAX,
            accounts_per_minute: u32::MAX,
            ..Limits::default()
        };
        let router = tollway::app::router(AppState {
            gateway: world.gateway.clone(),
            caps: Arc::new(Caps::new(&unlimited)),
        });
        let grants = vec![Grant::parse("unrestricted").expect("a permission")];
        let key = world
            .gateway
            .create_api_key(world.user, String::new(), grants);
        let (key, _) = runtime.block_on(key).expect("a key");
        let ids = BTreeMap::from([("stores".to_owned(), world.shop.to_string())]);
        let key = format!("token {key}");
        let stories = 0;
        let mut house = Self {
            runtime,
            world,
            router,
            key,
            ids,
            stories,
        };
        house.fund();
        house
    }

    /// The till holds a coin, so that there is something to send.
    fn fund(&mut self) {
        let path = "/api/v1/stores/{stores}/payment-methods/BTC-CHAIN/wallet/address";
        let answer = self.ask(&format!("GET {path}")).expect("an address");
        let address = answer["address"].as_str().expect("a text");
        let place = Destination::address(address, bitcoin::Network::Regtest).expect("reads");
        self.world.chain.pay(&place.script, Sat(10_000_000));
        self.runtime.block_on(self.world.mine(1));
    }

    fn tell(&mut self, story: &str) {
        for request in story.split("\n---\n").take(REQUESTS_MAX) {
            self.ask(request);
        }
        self.stories += 1;
        self.runtime.block_on(self.world.turn());
    }

    /// Sends a request; the answer, if it is JSON.
    fn ask(&mut self, text: &str) -> Option<Value> {
        let text = self.filled(text);
        let (line, body) = text.split_once('\n').unwrap_or((&text, ""));
        let (method, path) = line.split_once(' ')?;
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(AUTHORIZATION, &self.key)
            .header(CONTENT_TYPE, "application/json")
            .body(Body::from(body.to_owned()))
            .ok()?;
        let answer = self.router.clone().oneshot(request);
        let answer = async { tokio::time::timeout(PATIENCE, answer).await };
        let Ok(answer) = self.runtime.block_on(answer) else {
            return None; // a payment without an outcome yet: its client goes away
        };
        let (head, body) = answer.expect("a router never fails").into_parts();
        let wrong = head.status.is_server_error();
        assert!(
            !wrong || head.status == StatusCode::SERVICE_UNAVAILABLE,
            "{} to {text}",
            head.status
        );
        let kind = head.headers.get(CONTENT_TYPE)?.to_str().expect("a text");
        if !kind.starts_with("application/json") {
            return None; // a page, or a stream that does not end
        }
        let bytes = self
            .runtime
            .block_on(to_bytes(body, usize::MAX))
            .expect("a whole answer");
        let answer: Value = serde_json::from_slice(&bytes).expect("JSON");
        if let Some(id) = answer["id"].as_str() {
            let what = path
                .split('/')
                .rfind(|part| part.ends_with('s') && !part.contains('?'));
            self.ids
                .insert(what.unwrap_or_default().to_owned(), id.to_owned());
        }
        Some(answer)
    }

    fn filled(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (name, id) in &self.ids {
            text = text.replace(&format!("{{{name}}}"), id);
        }
        if text.contains("{bolt11}") {
            text = text.replace("{bolt11}", &self.world.customer_invoice(2_000).0);
        }
        text.replace("{address}", "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080")
    }
}
