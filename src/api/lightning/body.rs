//! What requests to the node hold. Read in the handlers.

use utoipa::ToSchema;

use crate::api::schema::{DecimalIn, SpanIn, WholeIn};

/// A peer.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ConnectToNodeRequest {
    /// As `pubkey@host:port`.
    #[schema(rename = "nodeURI")]
    pub node_uri: String,
}

/// A channel to be opened.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct OpenLightningChannelRequest {
    /// As `pubkey@host:port`.
    #[schema(rename = "nodeURI")]
    pub node_uri: String,
    /// In satoshi.
    pub channel_amount: WholeIn,
    /// In sat/vB; read, but the wallet chooses.
    pub fee_rate: Option<DecimalIn>,
}

/// A new Lightning invoice.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase", example = json!({"amount": "21000", "description": "tea", "expiry": 600}))]
pub struct CreateLightningInvoiceRequest {
    /// In msat; without one, and with 0, the payer chooses.
    pub amount: Option<WholeIn>,
    /// At most 639 bytes.
    pub description: Option<String>,
    /// Whether only its hash stands in the invoice.
    pub description_hash_only: Option<bool>,
    /// Seconds; a day by default.
    pub expiry: Option<SpanIn>,
    /// Read; the node decides.
    pub private_route_hints: Option<bool>,
}

/// An invoice to be paid.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct PayLightningInvoiceRequest {
    /// The invoice.
    #[schema(rename = "BOLT11")]
    pub bolt11: String,
    /// In msat; for an invoice that names none.
    pub amount: Option<WholeIn>,
    /// Percent of the amount that it may spend on fees.
    pub max_fee_percent: Option<DecimalIn>,
    /// Satoshi that it may spend on fees.
    pub max_fee_flat: Option<WholeIn>,
    /// Seconds to wait for the outcome.
    pub send_timeout: Option<SpanIn>,
}
