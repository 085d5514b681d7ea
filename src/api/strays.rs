//! Payments that fit no invoice (an addition to Greenfield): a store's own, and the house's, which belong to nobody.

use axum::Json;
use axum::extract::{Path, State};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::auth::Signed;
use super::error::ApiError;
use super::extract::Params;
use super::invoices::InvoiceData;
use super::invoices::recall::AnInvoice;
use super::number::Dec;
use super::once::{IdempotencyKey, Once};
use super::operations::Room;
use super::page::{Page, PageParams};
use super::schema::PaymentMethodId;
use crate::domain::ids::{InvoiceId, StoreId};
use crate::domain::receipt::ReceiptKey;
use crate::http::AppState;
use crate::service::stray::Assign;
use crate::store;
use crate::store::receipt::Stray;

const MODIFY: &str = "btcpay.store.canmodifyinvoices";

/// A payment that fits no invoice.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StrayData {
    /// Outpoint or payment hash.
    id: String,
    #[schema(value_type = PaymentMethodId)]
    payment_method_id: &'static str,
    /// In BTC.
    value: Dec,
    /// Unix time in seconds.
    received_date: u64,
    reason: String,
    /// The address it came to; null over Lightning.
    destination: Option<String>,
    /// It is gone from the chain: replaced, double-spent or reorganised away. It may come back.
    lost: bool,
    /// Which invoice has it now; null until a person has said so.
    invoice_id: Option<String>,
}

/// The invoice that a payment is for.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct AssignRequest {
    /// Its id.
    pub invoice_id: String,
}

impl From<&Stray> for StrayData {
    fn from(stray: &Stray) -> Self {
        Self {
            id: stray.key.to_string(),
            payment_method_id: stray.key.rail().method_id(),
            value: Dec(stray.amount.to_btc()),
            received_date: stray.received_at.secs(),
            reason: stray.why.clone(),
            destination: stray.place.as_ref().map(|place| place.address.clone()),
            lost: stray.lost.is_some(),
            invoice_id: stray.assigned.map(|assigned| assigned.invoice.to_string()),
        }
    }
}

/// Payments to a store that fit no invoice
///
/// The newest first, those assigned since too.
#[utoipa::path(get, path = "/v1/stores/{store}/strays", operation_id = "Strays_GetStoreStrays", tag = "Strays",
    security(("API_Key" = ["btcpay.store.canviewinvoices"])),
    params(PageParams),
    responses((status = 200, description = "Done.", body = [StrayData])))]
pub async fn list(
    State(state): State<AppState>,
    caller: Signed,
    Path(store): Path<String>,
    params: Params,
) -> Result<Json<Vec<StrayData>>, ApiError> {
    let store = caller.store(&state, &store)?.id;
    all(&state, store, &params).await
}

/// Lightning payments that nobody here asked for
#[utoipa::path(get, path = "/v1/server/strays", operation_id = "Strays_GetServerStrays", tag = "Strays",
    security(("API_Key" = ["btcpay.server.canmodifyserversettings"])),
    params(PageParams),
    responses((status = 200, description = "Done.", body = [StrayData])))]
pub async fn list_of_house(
    State(state): State<AppState>,
    _: Signed,
    params: Params,
) -> Result<Json<Vec<StrayData>>, ApiError> {
    all(&state, StoreId::HOUSE, &params).await
}

async fn all(
    state: &AppState,
    store: StoreId,
    params: &Params,
) -> Result<Json<Vec<StrayData>>, ApiError> {
    let page = Page::of(params)?;
    let strays = state.gateway.strays(store).await;
    Ok(Json(page.cut(strays.iter().map(StrayData::from).collect())))
}

/// Counts a payment for an invoice of the store from now on
///
/// Refused with 404 `stray-not-found`, `invoice-not-found`; 400 `already-assigned`, `other-store`, `payment-lost`.
#[utoipa::path(post, path = "/v1/stores/{store}/strays/{payment}/assign", operation_id = "Strays_AssignStoreStray", tag = "Strays",
    params(IdempotencyKey),
    security(("API_Key" = ["btcpay.store.canmodifyinvoices"])),
    request_body = AssignRequest,
    responses((status = 200, description = "Done.", body = InvoiceData)))]
pub async fn assign(
    State(state): State<AppState>,
    caller: Signed,
    Path((store, payment)): Path<(String, String)>,
    body: Once<AnInvoice>,
) -> Result<Json<InvoiceData>, ApiError> {
    let store = caller.store(&state, &store)?.id;
    let invoice = invoice_id(body)?;
    take(&state, &caller, store, &payment, store, invoice).await
}

/// Counts a payment of nobody for an invoice of any store that the caller may change
///
/// Refused as for the payments of a store.
#[utoipa::path(post, path = "/v1/server/strays/{payment}/assign", operation_id = "Strays_AssignServerStray", tag = "Strays",
    params(IdempotencyKey),
    security(("API_Key" = ["btcpay.server.canmodifyserversettings"])),
    request_body = AssignRequest,
    responses((status = 200, description = "Done.", body = InvoiceData)))]
pub async fn assign_of_house(
    State(state): State<AppState>,
    caller: Signed,
    Path(payment): Path<String>,
    body: Once<AnInvoice>,
) -> Result<Json<InvoiceData>, ApiError> {
    let invoice = invoice_id(body)?;
    let of_invoice = state
        .gateway
        .store
        .read(move |rows| {
            let store = store::invoice::store_of(rows, invoice)?;
            store::settings::get(rows, store)
        })
        .await
        .ok_or_else(ApiError::no_invoice)?;
    caller.check_on(MODIFY, Some(&of_invoice))?;
    let house = StoreId::HOUSE;
    take(&state, &caller, house, &payment, of_invoice.id, invoice).await
}

fn invoice_id(mut body: Once<AnInvoice>) -> Result<InvoiceId, ApiError> {
    let text = body.words("invoiceId").unwrap_or_default();
    body.finish()?;
    text.parse().map_err(|_| ApiError::no_invoice())
}

async fn take(
    state: &AppState,
    caller: &Signed,
    from: StoreId,
    payment: &str,
    store: StoreId,
    invoice: InvoiceId,
) -> Result<Json<InvoiceData>, ApiError> {
    let receipt: ReceiptKey = payment.parse().map_err(|_| ApiError::no_stray())?;
    let assign = Assign {
        from,
        receipt,
        store,
        invoice,
        by: caller.0.user.id,
    };
    let after = state.gateway.assign_stray(assign).await?;
    Ok(Json(InvoiceData::of(&state.gateway, &after, false)))
}

/// The room's operations.
pub fn room() -> Room {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(assign))
        .routes(routes!(list_of_house))
        .routes(routes!(assign_of_house))
}
