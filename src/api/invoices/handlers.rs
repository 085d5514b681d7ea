//! Making, finding and marking invoices.

use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;

use super::body::{CreateInvoiceRequest, MarkInvoiceRequest, UpdateInvoiceRequest};
use super::dto::InvoiceData;
use super::list::Filters;
use super::methods::{MethodData, recommended};
use super::recall::AnInvoice;
use super::request;
use crate::api::auth::{Anyone, ItemPath, Right, Signed, find_store};
use crate::api::error::ApiError;
use crate::api::extract::{Input, Params};
use crate::api::once::{IdempotencyKey, Once};
use crate::api::page::PageParams;
use crate::api::schema::InvoiceStatus;
use crate::domain::invoice::{Invoice, Mark};
use crate::domain::store::Store;
use crate::http::{AppState, ClientAddr};
use crate::store;

/// What `includeSensitive` needs beside.
const MODIFY_SETTINGS: &str = "btcpay.store.canmodifystoresettings";

/// Finds invoices, newest first
#[utoipa::path(get, path = "/v1/stores/{store}/invoices", operation_id = "Invoices_GetInvoices", tag = "Invoices",
    security(("API_Key" = ["btcpay.store.canviewinvoices"])),
    params(("orderId" = Option<Vec<String>>, Query, description = "Of these orders; may be repeated."), ("status" = Option<Vec<InvoiceStatus>>, Query, description = "In these states; may be repeated."), ("textSearch" = Option<String>, Query, description = "With this in its id, metadata, addresses or search terms."), ("startDate" = Option<u64>, Query, description = "Made since, as Unix time in seconds."), ("endDate" = Option<u64>, Query, description = "Made until, as Unix time in seconds."), ("includeArchived" = Option<bool>, Query, description = "Whether archived ones are shown too."), ("includePaymentMethods" = Option<bool>, Query, description = "Whether payment methods are shown."), PageParams),
    responses((status = 200, description = "Done.", body = [InvoiceData])))]
pub async fn list(
    State(state): State<AppState>,
    caller: Signed,
    Path(store): Path<String>,
    params: Params,
) -> Result<Json<Vec<InvoiceData>>, ApiError> {
    let store = caller.store(&state, &store)?.id;
    let filters = Filters::of(&params)?;
    let with_methods = params.flag("includePaymentMethods")?.unwrap_or(false);
    let gateway = &state.gateway;
    let found = gateway
        .store
        .read(move |rows| filters.find(rows, store))
        .await;
    Ok(Json(
        found
            .iter()
            .map(|invoice| InvoiceData::of(gateway, invoice, with_methods))
            .collect(),
    ))
}

/// Makes an invoice
///
/// Where the store says that anyone may, no key is needed, and a stranger's requests are counted.
#[utoipa::path(post, path = "/v1/stores/{store}/invoices", operation_id = "Invoices_CreateInvoice", tag = "Invoices",
    params(IdempotencyKey),
    security((), ("API_Key" = ["btcpay.store.cancreateinvoice"])),
    request_body = CreateInvoiceRequest,
    responses((status = 200, description = "Done.", body = InvoiceData)))]
pub async fn create(
    State(state): State<AppState>,
    client: ClientAddr,
    caller: Anyone,
    right: Right,
    Path(store): Path<String>,
    mut body: Once<AnInvoice>,
) -> Result<Json<InvoiceData>, ApiError> {
    let found = find_store(&state, &store);
    let may = |store: &Store| {
        caller
            .0
            .as_ref()
            .is_some_and(|caller| caller.may(right.name(), Some(store)))
    };
    let store = match &found {
        Some(store) if may(store) => store,
        Some(store) if store.settings.anyone_can_create_invoice => {
            state.caps.stranger(client)?;
            store
        }
        Some(_) | None => {
            let caller = caller.signed(right)?;
            return Err(ApiError::missing_permission(caller.right()));
        }
    };
    let new = request::read(&mut body, store);
    body.finish()?;
    let invoice = state.gateway.create_invoice(store.id, new).await?;
    Ok(Json(InvoiceData::of(&state.gateway, &invoice, false)))
}

/// An invoice
#[utoipa::path(get, path = "/invoices/{id}", operation_id = "Invoices_GetInvoice", tag = "Invoices",
    security(("API_Key" = ["btcpay.store.canviewinvoices"])),
    params(("includePaymentMethods" = Option<bool>, Query, description = "Whether payment methods are shown.")),
    responses((status = 200, description = "Done.", body = InvoiceData)))]
pub async fn get(
    State(state): State<AppState>,
    caller: Signed,
    Path(path): Path<ItemPath>,
    params: Params,
) -> Result<Json<InvoiceData>, ApiError> {
    let invoice = find(&state, &caller, &path).await?;
    let with_methods = params.flag("includePaymentMethods")?.unwrap_or(false);
    let data = InvoiceData::of(&state.gateway, &invoice, with_methods);
    Ok(Json(data))
}

/// How an invoice can be paid, and what came in
///
/// `includeSensitive` also shows the wallet's public keys; it needs `btcpay.store.canmodifystoresettings`.
#[utoipa::path(get, path = "/invoices/{id}/payment-methods", operation_id = "Invoices_GetInvoicePaymentMethods", tag = "Invoices",
    security(("API_Key" = ["btcpay.store.canviewinvoices"])),
    params(("onlyAccountedPayments" = Option<bool>, Query, description = "Whether payments that went away again are left out; true by default."),
        ("includeSensitive" = Option<bool>, Query, description = "Whether the wallet's public keys are shown.")),
    responses((status = 200, description = "Done.", body = [MethodData])))]
pub async fn payment_methods(
    State(state): State<AppState>,
    caller: Signed,
    Path(path): Path<ItemPath>,
    params: Params,
) -> Result<Json<impl serde::Serialize>, ApiError> {
    let invoice = find(&state, &caller, &path).await?;
    let only_accounted = params.flag("onlyAccountedPayments")?.unwrap_or(true);
    let sensitive = params.flag("includeSensitive")?.unwrap_or(false);
    let mut keys = None;
    if sensitive {
        let (id, till) = (
            invoice.store,
            invoice.onchain.as_ref().map(|place| place.till),
        );
        let look = move |rows: &store::Snapshot| {
            let keys = till.and_then(|till| store::till::public_keys(rows, till));
            (store::settings::get(rows, id), keys)
        };
        let (shop, found) = state.gateway.store.read(look).await;
        caller.check_on(MODIFY_SETTINGS, shop.as_ref())?;
        keys = found;
    }
    Ok(Json(MethodData::all(
        &invoice,
        !only_accounted,
        keys.as_deref(),
        recommended(&state.gateway, invoice.store),
    )))
}

/// Makes a payment method that was left for later
///
/// Does nothing if it is there already. Refused with 400 `invalid-payment-method` if the invoice does not offer it, takes
/// no more payments, or it can't be made now.
#[utoipa::path(post, path = "/invoices/{id}/payment-methods/{pm}/activate", operation_id = "Invoices_ActivatePaymentMethod", tag = "Invoices",
    security(("API_Key" = ["btcpay.store.canviewinvoices"])),
    responses((status = 200, description = "Done.")))]
pub async fn activate(
    State(state): State<AppState>,
    caller: Signed,
    Path(path): Path<ItemPath>,
    Path(method): Path<MethodPath>,
) -> Result<(), ApiError> {
    let invoice = find(&state, &caller, &path).await?;
    let rail = method.pm.parse().map_err(|_| {
        let message = "This invoice does not offer this payment method.";
        ApiError::bad_request("invalid-payment-method", message)
    })?;
    state
        .gateway
        .activate_method(invoice.store, invoice.id, rail)
        .await?;
    Ok(())
}

/// The payment method of a path.
#[derive(Debug, Deserialize)]
pub struct MethodPath {
    pm: String,
}

/// Replaces an invoice's metadata, if any is given
#[utoipa::path(put, path = "/invoices/{id}", operation_id = "Invoices_UpdateInvoice", tag = "Invoices",
    security(("API_Key" = ["btcpay.store.canmodifyinvoices"])),
    request_body = UpdateInvoiceRequest,
    responses((status = 200, description = "Done.", body = InvoiceData)))]
pub async fn update(
    State(state): State<AppState>,
    caller: Signed,
    Path(path): Path<ItemPath>,
    mut body: Input,
) -> Result<Json<InvoiceData>, ApiError> {
    let mut invoice = find(&state, &caller, &path).await?;
    let given = body.value("metadata").is_some();
    let metadata = request::metadata(&mut body);
    body.finish()?;
    if given {
        invoice = state
            .gateway
            .change_invoice_metadata(
                invoice.store,
                invoice.id,
                metadata.text,
                metadata.order_id,
                metadata.item_desc,
            )
            .await?;
    }
    Ok(Json(InvoiceData::of(&state.gateway, &invoice, false)))
}

/// Archives an invoice
#[utoipa::path(delete, path = "/invoices/{id}", operation_id = "Invoices_ArchiveInvoice", tag = "Invoices",
    security(("API_Key" = ["btcpay.store.canmodifyinvoices"])),
    responses((status = 200, description = "Done.")))]
pub async fn archive(
    State(state): State<AppState>,
    caller: Signed,
    Path(path): Path<ItemPath>,
) -> Result<(), ApiError> {
    let invoice = find(&state, &caller, &path).await?;
    state
        .gateway
        .archive_invoice(invoice.store, invoice.id, true)
        .await?;
    Ok(())
}

/// Brings an invoice back from the archive
///
/// Refused with 400 `already-unarchived`.
#[utoipa::path(post, path = "/invoices/{id}/unarchive", operation_id = "Invoices_UnarchiveInvoice", tag = "Invoices",
    security(("API_Key" = ["btcpay.store.canmodifyinvoices"])),
    responses((status = 200, description = "Done.", body = InvoiceData)))]
pub async fn unarchive(
    State(state): State<AppState>,
    caller: Signed,
    Path(path): Path<ItemPath>,
) -> Result<Json<InvoiceData>, ApiError> {
    let invoice = find(&state, &caller, &path).await?;
    if !invoice.archived {
        let message = "This invoice is not archived.";
        return Err(ApiError::bad_request("already-unarchived", message));
    }
    let after = state
        .gateway
        .archive_invoice(invoice.store, invoice.id, false)
        .await?;
    Ok(Json(InvoiceData::of(&state.gateway, &after, false)))
}

/// Marks an invoice by a person's word
#[utoipa::path(post, path = "/invoices/{id}/status", operation_id = "Invoices_MarkInvoiceStatus", tag = "Invoices",
    params(IdempotencyKey),
    security(("API_Key" = ["btcpay.store.canmodifyinvoices"])),
    request_body = MarkInvoiceRequest,
    responses((status = 200, description = "Done.", body = InvoiceData)))]
pub async fn mark(
    State(state): State<AppState>,
    caller: Signed,
    Path(path): Path<ItemPath>,
    mut body: Once<AnInvoice>,
) -> Result<Json<InvoiceData>, ApiError> {
    let invoice = find(&state, &caller, &path).await?;
    let mark = match body.words("status").unwrap_or_default() {
        text if text.eq_ignore_ascii_case("Settled") => Mark::Settled,
        text if text.eq_ignore_ascii_case("Invalid") => Mark::Invalid,
        _ => {
            let message = "An invoice is marked Settled or Invalid.";
            return Err(ApiError::fault("Status", message));
        }
    };
    let after = state
        .gateway
        .mark_invoice(invoice.store, invoice.id, mark)
        .await?;
    Ok(Json(InvoiceData::of(&state.gateway, &after, false)))
}

async fn find(state: &AppState, caller: &Signed, path: &ItemPath) -> Result<Invoice, ApiError> {
    let (store, id) = caller
        .item(state, path, store::invoice::store_of, ApiError::no_invoice)
        .await?;
    let store = store.id;
    state
        .gateway
        .store
        .read(move |rows| store::invoice::get(rows, store, id))
        .await
        .ok_or_else(ApiError::no_invoice)
}
