//! What requests about invoices hold. Read in [`super::request`] and the handlers.

use utoipa::ToSchema;

use crate::api::schema::{
    AmountIn, CurrencyIn, InvoiceMark, LinkIn, MinutesIn, PaymentMethodId, PercentIn, SpeedPolicy,
};
use crate::api::wire::ReceiptOptions;

/// A new invoice.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase", example = json!({"amount": "12.50", "currency": "EUR", "metadata": {"orderId": "1001"}, "checkout": {"speedPolicy": "HighSpeed"}}))]
pub struct CreateInvoiceRequest {
    /// The price; without one the payer chooses.
    pub amount: Option<AmountIn>,
    /// The price's currency; the store's by default.
    pub currency: Option<CurrencyIn>,
    /// Any JSON object, given back unchanged. `orderId` and `itemDesc` have a meaning.
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<serde_json::Value>,
    /// How it can be paid; the store's ways by default.
    pub checkout: Option<CheckoutRequest>,
    /// What its receipt shows.
    pub receipt: Option<ReceiptOptions>,
    /// Further words that a search finds it by.
    pub additional_search_terms: Option<Vec<String>>,
}

/// How an invoice can be paid.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct CheckoutRequest {
    /// How many confirmations an on-chain payment needs.
    pub speed_policy: Option<SpeedPolicy>,
    /// Which methods; all by default.
    pub payment_methods: Option<Vec<PaymentMethodId>>,
    /// Shown first.
    pub default_payment_method: Option<PaymentMethodId>,
    /// Kept and given back.
    pub lazy_payment_methods: Option<bool>,
    /// Minutes it waits for a payment.
    pub expiration_minutes: Option<MinutesIn>,
    /// Minutes after that in which a payment is still seen.
    pub monitoring_minutes: Option<MinutesIn>,
    /// Percent of the price that may be missing.
    pub payment_tolerance: Option<PercentIn>,
    /// Where the payer goes afterwards; may hold `{InvoiceId}` and `{OrderId}`.
    #[schema(rename = "redirectURL")]
    pub redirect_url: Option<LinkIn>,
    /// Whether without a click.
    pub redirect_automatically: Option<bool>,
    /// The language of the checkout.
    #[schema(pattern = "^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,4})*$")]
    pub default_language: Option<String>,
}

/// What changes about an invoice.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase", example = json!({"metadata": {"orderId": "1002"}}))]
pub struct UpdateInvoiceRequest {
    /// Replaces the old one.
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<serde_json::Value>,
}

/// A person's word on an invoice.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase", example = json!({"status": "Settled"}))]
pub struct MarkInvoiceRequest {
    /// What it counts as from now on.
    pub status: InvoiceMark,
}
