//! A client of a gateway's API, as a merchant's program would be one.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use reqwest::Method;
use serde_json::{Value, json};

use crate::sandbox::until;

/// The BOLT11 half of an invoice.
pub const LN: &str = "BTC-LN";
/// Its address.
pub const CHAIN: &str = "BTC-CHAIN";

/// Where the node's channels are.
pub const CHANNELS: &str = "server/lightning/BTC/channels";

/// A gateway of the sandbox.
#[derive(Clone)]
pub struct Gateway {
    /// `shop` or `customer`.
    pub name: &'static str,
    /// Where it answers, without a path.
    pub url: String,
    store: String,
    key: String,
    /// The process.
    pub pid: String,
    http: reqwest::Client,
}

impl Gateway {
    /// Reads what the sandbox says about it.
    pub fn new(name: &'static str, env: &BTreeMap<String, String>, prefix: &str) -> Self {
        let value = |name: &str| env[&format!("{prefix}_{name}")].clone();
        Self {
            name,
            url: value("URL"),
            store: value("STORE"),
            key: value("API_KEY"),
            pid: value("PID"),
            // Each test has a runtime of its own, which a connection that is kept would not survive.
            http: reqwest::Client::builder()
                .no_proxy()
                .pool_max_idle_per_host(0)
                .build()
                .unwrap(),
        }
    }

    /// A call with the owner's key: the status, and the body (null if it is none). A path that begins with `S/` is
    /// the store's.
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<(u16, Value), String> {
        let path = path.strip_prefix("S/").map_or_else(
            || path.to_owned(),
            |rest| format!("stores/{}/{rest}", self.store),
        );
        let mut request = self
            .http
            .request(method, format!("{}/api/v1/{path}", self.url))
            .header("Authorization", format!("token {}", self.key));
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.map_err(|e| format!("{e:?}"))?;
        let status = answer.status().as_u16();
        let text = answer.text().await.map_err(|e| format!("{e:?}"))?;
        Ok((status, serde_json::from_str(&text).unwrap_or(Value::Null)))
    }

    /// 503 says that nothing was done: a node that hears of many blocks at once has to catch up first.
    async fn must(&self, method: Method, path: &str, body: Option<&Value>) -> Value {
        let what = format!("{method} {path} of the {}", self.name);
        until("done", || async {
            match self.call(method.clone(), path, body).await {
                Ok((200..=299, answer)) => Ok(answer),
                Ok((503, answer)) => Err(format!("{what}: {answer}")),
                other => panic!("{what}: {other:?}"),
            }
        })
        .await
    }

    /// Reads from one that may be dead: what it answers with success, or why there is nothing.
    pub async fn try_get(&self, path: &str) -> Result<Value, String> {
        self.attempt(Method::GET, path, None).await
    }

    /// Asks one that may be dead for something. Without a good answer nobody knows whether it was done.
    pub async fn try_post(&self, path: &str, body: &Value) -> Result<Value, String> {
        self.attempt(Method::POST, path, Some(body)).await
    }

    async fn attempt(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, String> {
        match self.call(method, path, body).await? {
            (200..=299, answer) => Ok(answer),
            other => Err(format!("{other:?}")),
        }
    }

    /// Reads.
    pub async fn get(&self, path: &str) -> Value {
        self.must(Method::GET, path, None).await
    }

    /// Asks for something.
    pub async fn post(&self, path: &str, body: Value) -> Value {
        self.must(Method::POST, path, Some(&body)).await
    }

    /// Sets something.
    pub async fn put(&self, path: &str, body: Value) -> Value {
        self.must(Method::PUT, path, Some(&body)).await
    }

    /// Takes something away.
    pub async fn delete(&self, path: &str) -> Value {
        self.must(Method::DELETE, path, None).await
    }

    /// A URL outside the API, without a key.
    pub async fn anyone(&self, url: &str, query: &[(&str, &str)]) -> (u16, String) {
        self.try_anyone(url, query).await.unwrap()
    }

    /// The same of one that may be dead.
    pub async fn try_anyone(
        &self,
        url: &str,
        query: &[(&str, &str)],
    ) -> Result<(u16, String), String> {
        let answer = self.http.get(url).query(query).send().await;
        let answer = answer.map_err(|e| format!("{e:?}"))?;
        let status = answer.status().as_u16();
        Ok((status, answer.text().await.map_err(|e| format!("{e:?}"))?))
    }

    /// The same gateway, another of its stores.
    pub fn with_store(&self, store: String) -> Self {
        Self {
            store,
            ..self.clone()
        }
    }

    /// Ends the process as a crash would.
    pub fn kill(&self) {
        signal("KILL", &self.pid);
    }

    /// The node's channels.
    pub async fn channels(&self) -> Vec<Value> {
        let channels = self.get(CHANNELS).await;
        channels.as_array().unwrap().clone()
    }

    /// It is there.
    pub async fn answers(&self) -> bool {
        self.call(Method::GET, "health", None).await.is_ok()
    }

    /// Looks until it is so; a gateway that doesn't answer is looked at again. Returns what it saw.
    pub async fn until(&self, what: &str, path: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        until(what, || async {
            match self.call(Method::GET, path, None).await {
                Ok((200, seen)) if is_so(&seen) => Ok(seen),
                other => Err(format!("{other:?}")),
            }
        })
        .await
    }

    /// Makes an invoice over whole sats.
    pub async fn invoice(&self, sats: u64) -> Invoice<'_> {
        self.invoice_with(json!({"amount": sats.to_string(), "currency": "SATS"}))
            .await
    }

    /// Makes an invoice.
    pub async fn invoice_with(&self, request: Value) -> Invoice<'_> {
        let made = self.post("S/invoices", request).await;
        Invoice {
            shop: self,
            id: text(&made, "id"),
        }
    }

    /// Makes a BOLT11 at this node: the text and the payment hash.
    pub async fn bolt11(&self, msat: u64) -> (String, String) {
        let made = self
            .post(
                "server/lightning/BTC/invoices",
                json!({"amount": msat.to_string(), "description": "a test", "expiry": 3600}),
            )
            .await;
        (text(&made, "BOLT11"), text(&made, "paymentHash"))
    }

    /// Pays, and returns once the proof is there.
    pub async fn pay(&self, bolt11: &str) -> Value {
        let hash = self.begin_to_pay(bolt11).await;
        self.paid(&hash).await
    }

    /// Hands a payment to the node and does not wait for its outcome; returns the payment hash.
    pub async fn begin_to_pay(&self, bolt11: &str) -> String {
        let request = json!({"BOLT11": bolt11, "sendTimeout": 0});
        let path = "server/lightning/BTC/invoices/pay";
        // A channel comes back a moment after its peer: until then a payment is refused.
        until("begun to pay", || async {
            match self.call(Method::POST, path, Some(&request)).await {
                Ok((200..=299, payment)) => Ok(text(&payment, "paymentHash")),
                Ok((400 | 503, why)) => Err(why.to_string()),
                other => panic!("{path} of the {}: {other:?}", self.name),
            }
        })
        .await
    }

    /// Waits for the proof of a payment.
    pub async fn paid(&self, hash: &str) -> Value {
        let path = format!("server/lightning/BTC/payments/{hash}");
        self.until("paid", &path, |payment| {
            assert_ne!(payment["status"], "Failed", "{payment}");
            payment["status"] == "Complete"
        })
        .await
    }

    /// Makes an approved payout of whole sats; returns its id.
    pub async fn payout(&self, destination: &str, method: &str, sats: u64) -> String {
        let made = self
            .post(
                "S/payouts",
                json!({"destination": destination, "payoutMethodId": method, "amount": btc(sats), "approved": true}),
            )
            .await;
        text(&made, "id")
    }

    /// Waits until a payout has come so far.
    pub async fn payout_is(&self, id: &str, state: &str) -> Value {
        self.until(state, &format!("S/payouts/{id}"), |payout| {
            payout["state"] == state
        })
        .await
    }

    /// Waits until its process is no more.
    pub async fn dead(&self) {
        until("dead", || async {
            if self.is_dead() {
                Ok(())
            } else {
                Err(format!("process {} lives", self.pid))
            }
        })
        .await;
    }

    /// Its process is no more: all its files and ports are free.
    pub fn is_dead(&self) -> bool {
        let Ok(stat) = fs::read_to_string(format!("/proc/{}/stat", self.pid)) else {
            return true;
        };
        let state = stat.rsplit(") ").next().unwrap_or_default();
        let threads = fs::read_dir(format!("/proc/{}/task", self.pid)).map_or(0, Iterator::count);
        // A zombie that nobody has collected is dead, too.
        state.starts_with('Z') && threads <= 1
    }

    /// Holds the process still until the answer is dropped.
    pub fn held(&self) -> Held {
        signal("STOP", &self.pid);
        Held(self.pid.clone())
    }
}

/// A process that is held still.
pub struct Held(String);

impl Drop for Held {
    fn drop(&mut self) {
        signal("CONT", &self.0);
    }
}

/// The process may be dead already: that is fine.
fn signal(name: &str, pid: &str) {
    let _ = Command::new("kill").args(["-s", name, pid]).output();
}

/// An invoice of a shop.
pub struct Invoice<'a> {
    shop: &'a Gateway,
    /// Its id.
    pub id: String,
}

impl Invoice<'_> {
    /// The invoice as it is.
    pub async fn look(&self) -> Value {
        self.shop.get(&format!("S/invoices/{}", self.id)).await
    }

    /// One of its payment methods.
    pub async fn half(&self, method: &str) -> Value {
        let path = format!("S/invoices/{}/payment-methods", self.id);
        half(&self.shop.get(&path).await, method).clone()
    }

    /// Its BOLT11.
    pub async fn bolt11(&self) -> String {
        text(&self.half(LN).await, "destination")
    }

    /// Whether it has a Lightning half.
    pub async fn has_bolt11(&self) -> bool {
        self.half(LN).await["destination"].is_string()
    }

    /// Its address.
    pub async fn address(&self) -> String {
        text(&self.half(CHAIN).await, "destination")
    }

    /// Waits for a BOLT11 other than this one.
    pub async fn bolt11_after(&self, old: &str) -> String {
        let path = format!("S/invoices/{}/payment-methods", self.id);
        let seen = self
            .shop
            .until("renewed", &path, |halves| {
                let now = &half(halves, LN)["destination"];
                now.is_string() && now != old
            })
            .await;
        text(half(&seen, LN), "destination")
    }

    /// Waits until it has come so far.
    pub async fn is(&self, status: &str) -> Value {
        self.is_also(status, "None").await
    }

    /// Waits until it has come so far, with this additional status.
    pub async fn is_also(&self, status: &str, additional: &str) -> Value {
        let path = format!("S/invoices/{}", self.id);
        self.shop
            .until(&format!("{status} and {additional}"), &path, |invoice| {
                invoice["status"] == status && invoice["additionalStatus"] == additional
            })
            .await
    }
}

fn half<'a>(halves: &'a Value, method: &str) -> &'a Value {
    let found = halves
        .as_array()
        .into_iter()
        .flatten()
        .find(|half| half["paymentMethodId"] == method);
    found.unwrap_or(&Value::Null)
}

/// A member that is text.
pub fn text(value: &Value, name: &str) -> String {
    let member = value[name].as_str();
    member
        .unwrap_or_else(|| panic!("no {name} in {value}"))
        .to_owned()
}

/// A decimal member, wherever the point is: with so many digits after it, as a whole number.
pub fn units(value: &Value, name: &str, digits: u32) -> i64 {
    let decimal: rust_decimal::Decimal = text(value, name).parse().unwrap();
    let scaled = decimal * rust_decimal::Decimal::from(10_u64.pow(digits));
    assert!(scaled.is_integer(), "{name} of {value}");
    scaled.normalize().to_string().parse().unwrap()
}

/// Whole sats, written in BTC.
pub fn btc(sats: u64) -> String {
    format!("{}.{:08}", sats / 100_000_000, sats % 100_000_000)
}
