//! Paths of older versions below a store's payment methods.

use axum::http::StatusCode;

use crate::api::error::ApiError;

/// `S/payment-methods/LightningNetwork/…` and `…/LNURLPay/…`: gone since the second version.
pub async fn gone() -> ApiError {
    let message = "This path is of an older version: use BTC-LN.";
    ApiError::coded(StatusCode::GONE, "unsupported-in-v2", message)
}
