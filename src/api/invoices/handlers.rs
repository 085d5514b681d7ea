//! Making, finding and marking invoices.

use axum::Json;
use axum::extract::{Path, State};

use super::dto::InvoiceData;
use super::list::Filters;
use super::methods::MethodData;
use super::request;
use crate::api::auth::{Anyone, ItemPath, Signed, find_store};
use crate::api::error::ApiError;
use crate::api::extract::{Input, Params};
use crate::domain::invoice::{Invoice, Mark};
use crate::domain::store::Store;
use crate::http::{AppState, ClientAddr};
use crate::store;

const VIEW: &str = "btcpay.store.canviewinvoices";
const CREATE: &str = "btcpay.store.cancreateinvoice";
const MODIFY: &str = "btcpay.store.canmodifyinvoices";

/// `GET S/invoices`.
pub async fn list(
    State(state): State<AppState>,
    caller: Signed,
    Path(store): Path<String>,
    params: Params,
) -> Result<Json<Vec<InvoiceData>>, ApiError> {
    let store = caller.store(&state, &store, VIEW)?.id;
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

/// `POST S/invoices`. Where the store says that anyone may, a stranger's is counted.
pub async fn create(
    State(state): State<AppState>,
    client: ClientAddr,
    caller: Anyone,
    Path(store): Path<String>,
    mut body: Input,
) -> Result<Json<InvoiceData>, ApiError> {
    let found = find_store(&state, &store);
    let may = |store: &Store| {
        caller
            .0
            .as_ref()
            .is_some_and(|caller| caller.may(CREATE, Some(store)))
    };
    let store = match &found {
        Some(store) if may(store) => store.id,
        Some(store) if store.settings.anyone_can_create_invoice => {
            state.caps.stranger(client)?;
            store.id
        }
        Some(_) | None => {
            caller.signed()?;
            return Err(ApiError::missing_permission(CREATE));
        }
    };
    let new = request::read(&mut body);
    body.finish()?;
    let invoice = state.gateway.create_invoice(store, new).await?;
    Ok(Json(InvoiceData::of(&state.gateway, &invoice, false)))
}

/// `GET [S]/invoices/{id}`.
pub async fn get(
    State(state): State<AppState>,
    caller: Signed,
    Path(path): Path<ItemPath>,
    params: Params,
) -> Result<Json<InvoiceData>, ApiError> {
    let invoice = find(&state, &caller, &path, VIEW).await?;
    let with_methods = params.flag("includePaymentMethods")?.unwrap_or(false);
    let data = InvoiceData::of(&state.gateway, &invoice, with_methods);
    Ok(Json(data))
}

/// `GET [S]/invoices/{id}/payment-methods`.
pub async fn payment_methods(
    State(state): State<AppState>,
    caller: Signed,
    Path(path): Path<ItemPath>,
    params: Params,
) -> Result<Json<impl serde::Serialize>, ApiError> {
    let invoice = find(&state, &caller, &path, VIEW).await?;
    let only_accounted = params.flag("onlyAccountedPayments")?.unwrap_or(true);
    Ok(Json(MethodData::all(&invoice, !only_accounted)))
}

/// `PUT [S]/invoices/{id}`: replaces the metadata, if there is any.
pub async fn update(
    State(state): State<AppState>,
    caller: Signed,
    Path(path): Path<ItemPath>,
    mut body: Input,
) -> Result<Json<InvoiceData>, ApiError> {
    let mut invoice = find(&state, &caller, &path, MODIFY).await?;
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

/// `DELETE [S]/invoices/{id}`: archives.
pub async fn archive(
    State(state): State<AppState>,
    caller: Signed,
    Path(path): Path<ItemPath>,
) -> Result<(), ApiError> {
    let invoice = find(&state, &caller, &path, MODIFY).await?;
    state
        .gateway
        .archive_invoice(invoice.store, invoice.id, true)
        .await?;
    Ok(())
}

/// `POST [S]/invoices/{id}/unarchive`.
pub async fn unarchive(
    State(state): State<AppState>,
    caller: Signed,
    Path(path): Path<ItemPath>,
) -> Result<Json<InvoiceData>, ApiError> {
    let invoice = find(&state, &caller, &path, MODIFY).await?;
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

/// `POST [S]/invoices/{id}/status`: a person's word.
pub async fn mark(
    State(state): State<AppState>,
    caller: Signed,
    Path(path): Path<ItemPath>,
    mut body: Input,
) -> Result<Json<InvoiceData>, ApiError> {
    let invoice = find(&state, &caller, &path, MODIFY).await?;
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

async fn find(
    state: &AppState,
    caller: &Signed,
    path: &ItemPath,
    permission: &'static str,
) -> Result<Invoice, ApiError> {
    let (store, id) = caller
        .item(
            state,
            path,
            permission,
            store::invoice::store_of,
            ApiError::no_invoice,
        )
        .await?;
    let store = store.id;
    state
        .gateway
        .store
        .read(move |rows| store::invoice::get(rows, store, id))
        .await
        .ok_or_else(ApiError::no_invoice)
}
