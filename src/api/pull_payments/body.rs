//! What requests about pull payments hold. Read in [`super::dto`].

use utoipa::ToSchema;

use crate::api::schema::{DecimalIn, PaymentMethodId, SpanIn, WholeIn};

/// A new pull payment.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase", example = json!({"name": "Wages", "amount": "0.001", "currency": "BTC", "payoutMethods": ["BTC-LN"]}))]
pub struct CreatePullPaymentRequest {
    /// At most 50 characters.
    pub name: Option<String>,
    /// For who claims.
    pub description: Option<String>,
    /// The most that can be claimed.
    pub amount: DecimalIn,
    /// The currency of the amount.
    pub currency: String,
    /// How it pays; every way the store has by default.
    pub payout_methods: Option<Vec<PaymentMethodId>>,
    /// Days a claimed Lightning invoice has to stay valid.
    #[schema(rename = "BOLT11Expiration")]
    pub bolt11_expiration: Option<SpanIn>,
    /// Whether claims are paid without a person.
    pub auto_approve_claims: Option<bool>,
    /// Unix time in seconds; now by default.
    pub starts_at: Option<WholeIn>,
    /// Unix time in seconds; never by default.
    pub expires_at: Option<WholeIn>,
    /// The most that one claim may be.
    pub max_claim_amount: Option<DecimalIn>,
    /// How many claims there may be.
    pub max_claim_count: Option<WholeIn>,
    /// For a link that is not in bitcoin: whoever scans it is promised the rate for so many seconds, 10 to 3600. Without
    /// it such a link has no LNURL.
    pub rate_lock_seconds: Option<SpanIn>,
}

/// New terms of a pull payment. What is absent or null stays.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase", example = json!({"amount": "0.002"}))]
pub struct UpdatePullPaymentRequest {
    /// At most 50 characters.
    pub name: Option<String>,
    /// For who claims.
    pub description: Option<String>,
    /// The most that can be claimed.
    pub amount: Option<DecimalIn>,
    /// Unix time in seconds.
    pub expires_at: Option<WholeIn>,
    /// Whether claims are paid without a person.
    pub auto_approve_claims: Option<bool>,
    /// The most that one claim may be.
    pub max_claim_amount: Option<DecimalIn>,
    /// How many claims there may be.
    pub max_claim_count: Option<WholeIn>,
    /// Refused: links promise it.
    pub rate_lock_seconds: Option<SpanIn>,
}
