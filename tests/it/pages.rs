//! The pages over the router, without a socket: who may see and send what, and what strangers' words become.

mod consent;
mod guards;
mod onchain;
mod people;
mod rates;
mod review;
mod rights;
mod strays;
mod wallet;
mod webhooks;
mod words;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Request, StatusCode, header};
use tollway::config::Limits;
use tollway::domain::access::Session;
use tollway::domain::ids::UserId;
use tollway::http::{AppState, Caps};
use tower::ServiceExt;

use crate::support::World;

/// A browser without a script, on a world's pages.
struct Visitor {
    world: World,
    router: Router,
    /// The session's cookie, once signed in.
    cookie: Option<String>,
    csrf: String,
}

/// What came back.
#[derive(Debug)]
struct Page {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Page {
    /// Where it leads.
    fn location(&self) -> &str {
        self.header(header::LOCATION.as_str())
    }

    fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).map(|value| value.to_str());
        value.transpose().expect("text").unwrap_or_default()
    }
}

impl Visitor {
    /// A stranger in a world.
    async fn stranger() -> Self {
        let world = World::new().await;
        let state = AppState {
            gateway: world.gateway.clone(),
            caps: Arc::new(Caps::new(&Limits::default())),
        };
        Self {
            world,
            router: tollway::app::router(state),
            cookie: None,
            csrf: "00".repeat(32),
        }
    }

    /// The owner of the world's store, signed in.
    async fn owner() -> Self {
        let mut visitor = Self::stranger().await;
        visitor.become_user(visitor.world.user).await;
        visitor
    }

    /// Signs in as somebody.
    async fn become_user(&mut self, user: UserId) {
        let signed = self.world.gateway.sign_in(user).await;
        let (token, Session { csrf, .. }) = signed.expect("a session");
        self.cookie = Some(format!("tollway_8080={token}"));
        self.csrf = hex::encode(csrf);
    }

    /// A path below the store.
    fn shop(&self, rest: &str) -> String {
        format!("/stores/{}{rest}", self.world.shop)
    }

    async fn get(&self, path: &str) -> Page {
        self.send(Request::get(path), Body::empty()).await
    }

    /// Sends a form as it is.
    async fn post_raw(&self, path: &str, form: &[(&str, &str)]) -> Page {
        self.post_from(path, form, "http://127.0.0.1:8080").await
    }

    /// Sends a form from a page of some origin.
    async fn post_from(&self, path: &str, form: &[(&str, &str)], origin: &str) -> Page {
        let body = serde_urlencoded::to_string(form).expect("a form");
        let request = Request::post(path)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ORIGIN, origin);
        self.send(request, Body::from(body)).await
    }

    /// Sends a form of our own page: with the session's token.
    async fn post(&self, path: &str, form: &[(&str, &str)]) -> Page {
        let form = [form, &[("csrf", self.csrf.as_str())]].concat();
        self.post_raw(path, &form).await
    }

    async fn send(&self, request: axum::http::request::Builder, body: Body) -> Page {
        let peer: SocketAddr = ([127, 0, 0, 1], 40_000).into();
        let mut request = request.extension(ConnectInfo(peer));
        if let Some(cookie) = &self.cookie {
            request = request.header(header::COOKIE, cookie);
        }
        let request = request.body(body).expect("a request");
        let response = self.router.clone().oneshot(request).await;
        let (parts, body) = response.expect("an answer").into_parts();
        let bytes = to_bytes(body, usize::MAX).await.expect("a body");
        Page {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8_lossy(&bytes).into_owned(),
        }
    }
}
