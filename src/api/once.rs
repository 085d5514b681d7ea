//! `Idempotency-Key`: a request that names itself is done once (Greenfield D31).
//!
//! A handler opts in by taking [`Once`] in the place of [`Input`], and [`remember`] lies around all of them. The same
//! name and body give the stored answer for two days; another body is refused with 409 `idempotency-key-reused`. A
//! name belongs to whoever signed the request, or to the client address of who did not, and to the path. While the
//! first is being done a second one answers 503 with `Retry-After`. Only what changed something is remembered: a
//! refusal that changed nothing may be tried again.

use std::future::Future;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequest, FromRequestParts, OriginalUri, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};
use utoipa::IntoParams;

use super::auth::{Anyone, Right};
use super::error::{ApiError, GENERIC};
use super::extract::{self, Input};
use crate::domain::ids::StoreId;
use crate::http::{AppState, ClientAddr};
use crate::service::Unavailable;
use crate::service::access::Caller;
use crate::store;
use crate::store::once::{Answer, Done, Slot, Ticket};

/// The header.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// Says that an answer is a stored one.
const REPLAYED: &str = "idempotency-replayed";

/// The header, for the document.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
pub struct IdempotencyKey {
    /// Names the request, 1 to 255 characters: repeated with the same name and body it does nothing twice and gets the
    /// first answer, for two days. With another body it is refused with 409 `idempotency-key-reused`.
    #[param(
        rename = "Idempotency-Key",
        value_type = String,
        required = false,
        min_length = 1,
        max_length = 255,
        pattern = "^[!-~]+$"
    )]
    pub idempotency_key: Option<String>,
}

/// The longest name.
const KEY_BYTES_MAX: usize = 255;

/// Answers are far shorter; a longer one is put together anew when it is asked for.
const ANSWER_BYTES_MAX: usize = 256 * 1_024;

/// What to answer to a repetition if the first answer was lost, by a crash or because nobody waited for it.
pub trait Recall {
    /// Rights on the store that the answer needs beside the operation's own.
    const ALSO: &'static [&'static str] = &[];

    /// The answer about the object that the request made or changed; `None` if the request may simply be done again.
    fn recall(
        state: &AppState,
        store: StoreId,
        about: Vec<u8>,
    ) -> impl Future<Output = Option<Response>> + Send;
}

/// An empty answer.
#[derive(Debug)]
pub struct Nothing;

/// Doing it again does nothing twice.
#[derive(Debug)]
pub struct Again;

impl Recall for Nothing {
    async fn recall(_: &AppState, _: StoreId, _: Vec<u8>) -> Option<Response> {
        Some(().into_response())
    }
}

impl Recall for Again {
    async fn recall(_: &AppState, _: StoreId, _: Vec<u8>) -> Option<Response> {
        None
    }
}

/// A body, as [`Input`], of an operation that is done once under one name. `R` says what is answered.
#[derive(Debug)]
pub struct Once<R> {
    input: Input,
    recall: PhantomData<fn() -> R>,
}

impl<R> Once<R> {
    /// Every fault at once, if there was any.
    pub fn finish(self) -> Result<(), ApiError> {
        self.input.finish()
    }
}

impl<R> Deref for Once<R> {
    type Target = Input;

    fn deref(&self) -> &Input {
        &self.input
    }
}

impl<R> DerefMut for Once<R> {
    fn deref_mut(&mut self) -> &mut Input {
        &mut self.input
    }
}

impl<R: Recall> FromRequest<AppState> for Once<R> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let bytes = extract::read(body, state)
            .await
            .map_err(IntoResponse::into_response)?;
        if let Some(answer) = repeated::<R>(&mut parts, state, &bytes)
            .await
            .map_err(IntoResponse::into_response)?
        {
            return Err(answer);
        }
        Ok(Self {
            input: Input::recorded(&bytes, parts.extensions.get().cloned())
                .map_err(IntoResponse::into_response)?,
            recall: PhantomData,
        })
    }
}

/// What was answered before, if this is a repetition. Otherwise what the request does is done under its name.
async fn repeated<R: Recall>(
    parts: &mut Parts,
    state: &AppState,
    bytes: &[u8],
) -> Result<Option<Response>, ApiError> {
    let Some(key) = parts.headers.get(IDEMPOTENCY_KEY).cloned() else {
        return Ok(None);
    };
    if key.is_empty() || key.len() > KEY_BYTES_MAX {
        let message = format!("An Idempotency-Key has 1 to {KEY_BYTES_MAX} characters.");
        return Err(ApiError::bad_request(GENERIC, message));
    }
    let caller = Anyone::from_request_parts(parts, state).await?.0;
    let Ok(client) = ClientAddr::from_request_parts(parts, state).await;
    let name = name_of(parts, caller.as_ref(), client, &key);
    let body: [u8; 32] = Sha256::digest(bytes).into();
    let now = state.gateway.now();
    let files = &state.gateway.store;
    // Taken before the look: whoever has given it back has left an answer.
    let taken = files.named().take(name);
    let Some(done) = files.glance(|rows| store::once::find(rows, &name, now)) else {
        let taken = taken.ok_or(Unavailable::Busy)?;
        store::once::begin(Ticket::new(taken, body, now, false));
        return Ok(None);
    };
    if done.body != body {
        let message = "This Idempotency-Key was used for another request.";
        let status = StatusCode::CONFLICT;
        return Err(ApiError::coded(status, "idempotency-key-reused", message));
    }
    check_right::<R>(parts, state, caller.as_ref(), &done).await?;
    if let Some(answer) = done.answer {
        return Ok(Some(replayed(answered(answer))));
    }
    let taken = taken.ok_or(Unavailable::Busy)?;
    let about = done.store.unwrap_or(StoreId::HOUSE);
    let answer = R::recall(state, about, done.about).await;
    if answer.is_none() {
        store::once::begin(Ticket::new(taken, body, now, true));
    }
    Ok(answer.map(replayed))
}

fn replayed(mut answer: Response) -> Response {
    let headers = answer.headers_mut();
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    answer
}

/// Who asked what under which name. Each part has its length before it, so that no two run into one another.
fn name_of(
    parts: &Parts,
    caller: Option<&Caller>,
    client: ClientAddr,
    key: &HeaderValue,
) -> [u8; 32] {
    let who = caller.map_or_else(
        || format!("address {}", client.0),
        |caller| format!("user {}", caller.user.id),
    );
    // Inside of a nested room the path has lost its beginning, and with it the store.
    let whole = parts.extensions.get::<OriginalUri>();
    let place = whole
        .map_or(&parts.uri, |whole| &whole.0)
        .path_and_query()
        .map_or("", |place| place.as_str());
    let named = [
        who.as_bytes(),
        parts.method.as_str().as_bytes(),
        place.as_bytes(),
        key.as_bytes(),
    ];
    let mut hash = Sha256::new();
    for part in named {
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// A stored answer is for who may still ask for it.
async fn check_right<R: Recall>(
    parts: &mut Parts,
    state: &AppState,
    caller: Option<&Caller>,
    done: &Done,
) -> Result<(), ApiError> {
    let (Some(caller), Some(id)) = (caller, done.store) else {
        return Ok(());
    };
    let Ok(right) = Right::from_request_parts(parts, state).await;
    let Some(permission) = right.declared() else {
        return Ok(());
    };
    let store = state
        .gateway
        .store
        .glance(|rows| store::settings::get(rows, id));
    for permission in [permission].iter().chain(R::ALSO) {
        if !caller.may(permission, store.as_ref()) {
            return Err(ApiError::missing_permission(permission));
        }
    }
    Ok(())
}

fn answered(answer: Answer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let has_body = !answer.body.is_empty();
    let mut response = (status, Body::from(answer.body)).into_response();
    if has_body {
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(CONTENT_TYPE, json);
    }
    response
}

/// Keeps the answer to a request that named itself and has changed something.
pub async fn remember(State(state): State<AppState>, request: Request, next: Next) -> Response {
    if !request.headers().contains_key(IDEMPOTENCY_KEY) {
        return next.run(request).await;
    }
    let slot = Slot::default();
    let response = store::once::within(slot.clone(), next.run(request)).await;
    let Some(ticket) = slot.get().filter(|ticket| ticket.has_acted()) else {
        return response;
    };
    let (parts, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, ANSWER_BYTES_MAX).await else {
        return ApiError::panicked().into_response();
    };
    // A server's fault is no answer to keep: a repetition is told what became of it.
    if !parts.status.is_server_error() {
        let (name, answer) = (
            ticket.name(),
            Answer {
                status: parts.status.as_u16(),
                body: bytes.to_vec(),
            },
        );
        // If this is lost the answer is put together anew.
        let _ = state
            .gateway
            .store
            .insist("once-answer", move |tx| {
                store::once::put_answer(tx, &name, answer);
            })
            .await;
    }
    Response::from_parts(parts, Body::from(bytes))
}
