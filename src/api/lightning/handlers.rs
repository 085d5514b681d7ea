//! The node itself: who it is, what it holds, its channels and invoices.

use axum::Json;
use axum::extract::{Path, State};
use bitcoin::secp256k1::PublicKey;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::body::{
    ConnectToNodeRequest, CreateLightningInvoiceRequest, OpenLightningChannelRequest,
};
use super::dto::{BalanceData, ChannelData, HistogramData, InfoData, InvoiceData};
use super::path::{NodePath, Window};
use super::recall::{AChannel, AnIssuedInvoice};
use crate::api::auth::Signed;
use crate::api::error::{ApiError, GENERIC};
use crate::api::extract::{Input, Params};
use crate::api::once::{IdempotencyKey, Once};
use crate::api::page::{Page, PageParams};
use crate::domain::ids::PaymentHash;
use crate::domain::money::{Msat, SAT_MAX, Sat};
use crate::http::AppState;
use crate::ports::lightning::{InvoiceDescription, NodeError};
use crate::service::books::allowance;
use crate::service::histogram::Span;
use crate::service::node::NodeRefusal;
use crate::store;

/// BOLT 11's limit for a description, in bytes.
const DESCRIPTION_BYTES_MAX: usize = 639;

/// A day, where the request names no expiry.
const EXPIRY_SECS: u32 = 86_400;

/// A year: nobody waits longer.
const EXPIRY_SECS_MAX: u32 = 366 * 86_400;

/// All bitcoin, in msat.
const MSAT_MAX: i64 = 2_100_000_000_000_000_000;

/// Who the node is
///
/// A store that may not draw on the node isn't told of its peers and channels.
#[utoipa::path(get, path = "/info", operation_id = "GetInfo", tag = "Lightning",
    security(("API_Key" = ["btcpay.server.canuseinternallightningnode"]), ("API_Key" = ["btcpay.store.canuselightningnode"])),
    responses((status = 200, description = "Done.", body = InfoData)))]
pub async fn info(
    State(state): State<AppState>,
    caller: Signed,
    Path(path): Path<NodePath>,
) -> Result<Json<impl Serialize>, ApiError> {
    let window = path.window(&state, &caller)?;
    let node = &state.gateway.lightning;
    let identity = node.identity().await.map_err(refused)?;
    let channels = match window {
        Window::Ledger(_) => None,
        Window::Node => Some(node.channels().await.map_err(refused)?),
    };
    Ok(Json(InfoData::new(identity, channels.as_deref())))
}

/// What the node holds
///
/// A store that may not draw on the node sees what it can spend itself as `offchain.local`, and nothing on the chain.
#[utoipa::path(get, path = "/balance", operation_id = "GetBalance", tag = "Lightning",
    security(("API_Key" = ["btcpay.server.canuseinternallightningnode"]), ("API_Key" = ["btcpay.store.canuselightningnode"])),
    responses((status = 200, description = "Done.", body = BalanceData)))]
pub async fn balance(
    State(state): State<AppState>,
    caller: Signed,
    Path(path): Path<NodePath>,
) -> Result<Json<impl Serialize>, ApiError> {
    let window = path.window(&state, &caller)?;
    let node = &state.gateway.lightning;
    match window {
        Window::Ledger(store) => {
            let own = state
                .gateway
                .store
                .glance(|rows| allowance::of(rows, store));
            let own = own.unwrap_or_default();
            Ok(Json(BalanceData::of_ledger(own, node.receivable())))
        }
        Window::Node => {
            let balances = node.balances().await.map_err(refused)?;
            let channels = node.channels().await.map_err(refused)?;
            Ok(Json(BalanceData::new(balances, &channels)))
        }
    }
}

/// How the balance went
///
/// Of the node for the server, of its own Lightning balance for a store; in BTC. 404 `histogram-not-found` where too
/// much happened in that time to be told at once.
#[utoipa::path(get, path = "/histogram", operation_id = "GetHistogram", tag = "Lightning",
    security(("API_Key" = ["btcpay.server.canuseinternallightningnode"]), ("API_Key" = ["btcpay.store.canuselightningnode"])),
    params(("type" = Option<String>, Query, description = "`Week` (the usual one), `Month` or `Year`.")),
    responses((status = 200, description = "The line.", body = HistogramData)))]
pub async fn histogram(
    State(state): State<AppState>,
    caller: Signed,
    Path(path): Path<NodePath>,
    params: Params,
) -> Result<Json<HistogramData>, ApiError> {
    let books = path.books(&state, &caller)?;
    let named = params.first("type").unwrap_or("Week");
    let span = Span::of(named)
        .ok_or_else(|| ApiError::fault("type", "This is one of Week, Month, Year."))?;
    let found = state.gateway.histogram(books, span).await;
    let found = found.ok_or_else(|| {
        let message = "Too much happened in this time to be told at once.";
        ApiError::not_found("histogram-not-found", message)
    })?;
    Ok(Json(HistogramData::new(span, &found)))
}

/// Connects to a peer
///
/// Refused with 400 `could-not-connect`.
#[utoipa::path(post, path = "/connect", operation_id = "ConnectToNode", tag = "Lightning",
    security(("API_Key" = ["btcpay.server.canuseinternallightningnode"]), ("API_Key" = ["btcpay.store.canuselightningnode"])),
    request_body = ConnectToNodeRequest,
    responses((status = 200, description = "Done.")))]
pub async fn connect(
    State(state): State<AppState>,
    caller: Signed,
    Path(path): Path<NodePath>,
    mut body: Input,
) -> Result<(), ApiError> {
    path.node(&state, &caller)?;
    let uri = node_uri(&mut body);
    body.finish()?;
    state
        .gateway
        .connect(&uri)
        .await
        .map_err(|refusal| ApiError::of_node(refusal, "could-not-connect"))
}

/// The node's channels
#[utoipa::path(get, path = "/channels", operation_id = "GetChannels", tag = "Lightning",
    security(("API_Key" = ["btcpay.server.canuseinternallightningnode"]), ("API_Key" = ["btcpay.store.canuselightningnode"])),
    responses((status = 200, description = "Done.", body = [ChannelData])))]
pub async fn channels(
    State(state): State<AppState>,
    caller: Signed,
    Path(path): Path<NodePath>,
) -> Result<Json<impl Serialize>, ApiError> {
    path.node(&state, &caller)?;
    let channels = state.gateway.lightning.channels().await.map_err(refused)?;
    let data: Vec<_> = channels.into_iter().map(ChannelData::from).collect();
    Ok(Json(data))
}

/// Opens a channel from the node's own wallet, which chooses the fee rate itself
///
/// Refused with 400 `cannot-afford-funding`, `need-more-confirmations`, `peer-not-connected`.
#[utoipa::path(post, path = "/channels", operation_id = "OpenChannel", tag = "Lightning",
    params(IdempotencyKey),
    security(("API_Key" = ["btcpay.server.canuseinternallightningnode"]), ("API_Key" = ["btcpay.store.canuselightningnode"])),
    request_body = OpenLightningChannelRequest,
    responses((status = 200, description = "Done.")))]
pub async fn open_channel(
    State(state): State<AppState>,
    caller: Signed,
    Path(path): Path<NodePath>,
    mut body: Once<AChannel>,
) -> Result<(), ApiError> {
    path.node(&state, &caller)?;
    let uri = node_uri(&mut body);
    let max = i64::try_from(SAT_MAX.0).unwrap_or(i64::MAX);
    let amount = body.whole("channelAmount", 1, max);
    if amount.is_none() {
        body.refuse("channelAmount", "A channel needs an amount in satoshi.");
    }
    body.decimal("feeRate");
    body.finish()?;
    let amount = Sat(amount.unwrap_or_default().unsigned_abs());
    state
        .gateway
        .open_channel(&uri, amount)
        .await
        .map_err(|refusal| {
            let code = match &refusal {
                NodeRefusal::Unreachable(_) => "peer-not-connected",
                NodeRefusal::Bolt11(_)
                | NodeRefusal::Amount(_)
                | NodeRefusal::CannotAfford(_)
                | NodeRefusal::NeedsConfirmations(_)
                | NodeRefusal::Refused(_)
                | NodeRefusal::NodeUnavailable(_)
                | NodeRefusal::Unavailable(_) => GENERIC,
            };
            ApiError::of_node(refusal, code)
        })
}

/// An address of the node's own wallet, for funding channels
#[utoipa::path(post, path = "/address", operation_id = "GetDepositAddress", tag = "Lightning",
    security(("API_Key" = ["btcpay.server.canuseinternallightningnode"]), ("API_Key" = ["btcpay.store.canuselightningnode"])),
    responses((status = 200, description = "Done.", body = String, content_type = "application/json")))]
pub async fn address(
    State(state): State<AppState>,
    caller: Signed,
    Path(path): Path<NodePath>,
) -> Result<Json<String>, ApiError> {
    path.node(&state, &caller)?;
    state
        .gateway
        .node_address()
        .await
        .map(Json)
        .map_err(|refusal| ApiError::of_node(refusal, GENERIC))
}

/// Makes a Lightning invoice
///
/// Without an amount, and with 0, the payer chooses it.
#[utoipa::path(post, path = "/invoices", operation_id = "CreateInvoice", tag = "Lightning",
    params(IdempotencyKey),
    security(("API_Key" = ["btcpay.server.cancreatelightninginvoiceinternalnode"]), ("API_Key" = ["btcpay.store.cancreatelightninginvoice"])),
    request_body = CreateLightningInvoiceRequest,
    responses((status = 200, description = "Done.", body = InvoiceData)))]
pub async fn create_invoice(
    State(state): State<AppState>,
    caller: Signed,
    Path(path): Path<NodePath>,
    mut body: Once<AnIssuedInvoice>,
) -> Result<Json<impl Serialize>, ApiError> {
    let books = path.books(&state, &caller)?;
    // Without an amount, and with 0, the payer chooses it.
    let amount = body
        .whole("amount", 0, MSAT_MAX)
        .filter(|amount| *amount > 0)
        .map(|amount| Msat(amount.unsigned_abs()));
    let text = body.text("description").unwrap_or_default();
    let by_hash = body.flag("descriptionHashOnly").unwrap_or(false);
    if !by_hash && text.len() > DESCRIPTION_BYTES_MAX {
        body.refuse("description", "A description has at most 639 bytes.");
    }
    let expiry = body.span("expiry", 1, 1, EXPIRY_SECS_MAX);
    body.flag("privateRouteHints");
    body.finish()?;
    let description = if by_hash {
        InvoiceDescription::Hash(Sha256::digest(text.as_bytes()).into())
    } else {
        InvoiceDescription::Text(text)
    };
    let invoice = state
        .gateway
        .create_api_invoice(books, amount, description, expiry.unwrap_or(EXPIRY_SECS))
        .await
        .map_err(|refusal| ApiError::of_node(refusal, "invoice-error"))?;
    Ok(Json(InvoiceData::new(invoice, state.gateway.now())))
}

/// Lightning invoices made here, newest first
#[utoipa::path(get, path = "/invoices", operation_id = "GetInvoices", tag = "Lightning",
    security(("API_Key" = ["btcpay.server.canviewlightninginvoiceinternalnode"]), ("API_Key" = ["btcpay.store.canviewlightninginvoice"])),
    params(("pendingOnly" = Option<bool>, Query, description = "Only those that can still be paid."), ("offsetIndex" = Option<u64>, Query, description = "How many to leave out first."), PageParams),
    responses((status = 200, description = "Done.", body = [InvoiceData])))]
pub async fn invoices(
    State(state): State<AppState>,
    caller: Signed,
    Path(path): Path<NodePath>,
    params: Params,
) -> Result<Json<impl Serialize>, ApiError> {
    let books = path.books(&state, &caller)?;
    let only_pending = params.flag("pendingOnly")?.unwrap_or(false);
    let offset = params.count("offsetIndex")?.unwrap_or(0);
    let page = Page::of(&params)?;
    let now = state.gateway.now();
    let all = state
        .gateway
        .store
        .read(move |rows| store::node::api_invoices(rows, books))
        .await;
    let shown = all
        .into_iter()
        .filter(|one| !only_pending || (one.paid.is_none() && one.expires_at > now))
        .skip(offset)
        .collect();
    let data: Vec<_> = page
        .cut(shown)
        .into_iter()
        .map(|one| InvoiceData::new(one, now))
        .collect();
    Ok(Json(data))
}

/// A Lightning invoice, by its payment hash
#[utoipa::path(get, path = "/invoices/{hash}", operation_id = "GetInvoice", tag = "Lightning",
    security(("API_Key" = ["btcpay.server.canviewlightninginvoiceinternalnode"]), ("API_Key" = ["btcpay.store.canviewlightninginvoice"])),
    responses((status = 200, description = "Done.", body = InvoiceData)))]
pub async fn invoice(
    State(state): State<AppState>,
    caller: Signed,
    Path(path): Path<NodePath>,
) -> Result<Json<impl Serialize>, ApiError> {
    let books = path.books(&state, &caller)?;
    let hash: PaymentHash = path.hash().parse().map_err(|_| ApiError::no_invoice())?;
    let found = state.gateway.issued_invoice(books, hash).await;
    let found = found.ok_or_else(ApiError::no_invoice)?;
    Ok(Json(InvoiceData::new(found, state.gateway.now())))
}

fn node_uri(body: &mut Input) -> String {
    let uri = body.words("nodeURI").unwrap_or_default();
    let reads = uri
        .trim()
        .split_once('@')
        .is_some_and(|(key, host)| key.parse::<PublicKey>().is_ok() && host.contains(':'));
    if !reads {
        body.refuse("nodeURI", "Give the node as pubkey@host:port.");
    }
    uri
}

fn refused(error: NodeError) -> ApiError {
    ApiError::of_node(NodeRefusal::from(error), GENERIC)
}
