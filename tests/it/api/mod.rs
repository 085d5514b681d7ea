//! The Greenfield API over the router, without a socket.

mod access;
mod books;
mod document;
mod invoices;
mod lightning;
mod lightning_views;
mod limits;
mod matrix;
mod once;
mod onchain;
mod operations;
mod payouts;
mod people;
mod properties;
mod pull_payments;
mod rates;
mod repeats;
mod review;
mod stores;
mod strays;
mod wallet;
mod watch_only;
mod webhooks;
mod wire;

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use serde_json::Value;
use tollway::api;
use tollway::api::extract::{Asked, Recorder};
use tollway::config::Limits;
use tollway::domain::access::{Grant, User};
use tollway::domain::ids::UserId;
use tollway::http::{AppState, Caps};
use tower::ServiceExt;

use crate::support::World;

/// A client of a world's API.
struct Client {
    world: World,
    router: Router,
    authorization: Option<String>,
}

/// What came back.
#[derive(Debug)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Value,
}

impl Answer {
    /// The body of a success.
    #[track_caller]
    fn ok(self) -> Value {
        assert!(self.status.is_success(), "{self:?}");
        self.body
    }

    /// The refusal in short: status, and code or fault paths.
    fn refusal(&self) -> (u16, String) {
        let words = match &self.body {
            Value::Array(faults) => faults
                .iter()
                .map(|fault| fault["path"].as_str().unwrap_or("?"))
                .collect::<Vec<_>>()
                .join(" "),
            body => body["code"].as_str().unwrap_or("?").to_owned(),
        };
        (self.status.as_u16(), words)
    }
}

impl Client {
    /// A client with an unrestricted key of the owner.
    async fn new() -> Self {
        Self::limited(Limits::default()).await
    }

    /// The same under other caps on strangers.
    async fn limited(limits: Limits) -> Self {
        let world = World::new().await;
        let state = AppState {
            gateway: world.gateway.clone(),
            caps: Arc::new(Caps::new(&limits)),
        };
        let mut client = Self {
            world,
            router: api::router(state),
            authorization: None,
        };
        client.authorization = Some(client.key(&["unrestricted"]).await);
        client
    }

    /// A key of the owner with these rights, as a header.
    async fn key(&self, permissions: &[&str]) -> String {
        self.key_of(self.world.user, permissions).await
    }

    /// A key of somebody with these rights, as a header.
    async fn key_of(&self, user: UserId, permissions: &[&str]) -> String {
        let grants = permissions
            .iter()
            .map(|text| Grant::parse(text).expect("a permission"))
            .collect();
        let (secret, _) = self
            .world
            .gateway
            .create_api_key(user, String::new(), grants)
            .await
            .expect("a key");
        format!("token {secret}")
    }

    /// Another account, which does not run the server, and an unrestricted key of it.
    async fn account(&self, email: &str) -> (UserId, String) {
        let user = User {
            id: UserId(self.world.gateway.random()),
            email: email.to_owned(),
            name: None,
            password_hash: String::new(),
            is_admin: false,
            created: self.world.clock_now(),
            has_had_key: false,
            image_url: None,
            invitation: None,
        };
        let id = user.id;
        self.world
            .job(move |tx| tollway::store::access::put_user(tx, &user))
            .await;
        (id, self.key_of(id, &["unrestricted"]).await)
    }

    /// A path below the store.
    fn shop(&self, rest: &str) -> String {
        format!("/api/v1/stores/{}{rest}", self.world.shop)
    }

    /// Sends a request as it is.
    async fn send(&self, request: Request<Body>) -> Answer {
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let response = self.router.clone().oneshot(request).await;
        let (parts, body) = response.expect("an answer").into_parts();
        let bytes = to_bytes(body, usize::MAX).await.expect("a body");
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        document::check_answer(method.as_str(), &path, parts.status, &body);
        Answer {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }

    /// Which members of body and query an operation reads.
    async fn asked(&self, method: &str, path: &str) -> Asked {
        let recorder = Recorder::default();
        let mut request = Request::builder().method(method).uri(path);
        if let Some(authorization) = &self.authorization {
            request = request.header("Authorization", authorization);
        }
        // What is inside of a member is read only if it is there.
        let body = Body::from(r#"{"receipt":{}}"#);
        let request = request.extension(recorder.clone()).body(body);
        self.send(request.expect("a request")).await;
        recorder.asked()
    }

    /// Calls as somebody: `None` is a stranger.
    async fn call_as(
        &self,
        authorization: Option<&str>,
        method: &str,
        path: &str,
        body: &str,
    ) -> Answer {
        self.call_with(authorization, method, path, body, &[]).await
    }

    /// The same with further headers.
    async fn call_with(
        &self,
        authorization: Option<&str>,
        method: &str,
        path: &str,
        body: &str,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(authorization) = authorization {
            request = request.header("Authorization", authorization);
        }
        let request = request.body(Body::from(body.to_owned()));
        self.send(request.expect("a request")).await
    }

    /// The same without the body of a success: a feed would never end.
    async fn peek_as(
        &self,
        authorization: Option<&str>,
        method: &str,
        path: &str,
        body: &str,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(authorization) = authorization {
            request = request.header("Authorization", authorization);
        }
        let request = request.body(Body::from(body.to_owned()));
        let response = self.router.clone().oneshot(request.expect("a request"));
        let (parts, body) = response.await.expect("an answer").into_parts();
        let bytes = if parts.status.is_success() {
            axum::body::Bytes::new()
        } else {
            to_bytes(body, usize::MAX).await.expect("a body")
        };
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
        }
    }

    async fn call(&self, method: &str, path: &str, body: &Value) -> Answer {
        let text = body.to_string();
        self.call_as(self.authorization.as_deref(), method, path, &text)
            .await
    }

    async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, &Value::Null).await
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.call("POST", path, &body).await
    }

    /// Calls a route of the store and expects these refusals.
    async fn check_refusals(&self, method: &str, path: &str, rows: &[(Value, u16, &str)]) {
        for (body, status, words) in rows {
            let answer = self.call(method, path, body).await;
            assert_eq!(
                answer.refusal(),
                (*status, (*words).to_owned()),
                "{body} → {answer:?}"
            );
        }
    }
}

/// A text member.
#[track_caller]
fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}
