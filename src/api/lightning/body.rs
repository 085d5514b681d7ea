//! What requests to the node hold. Read in the handlers.

use utoipa::ToSchema;

use crate::api::schema::{
    AmountIn, Bolt11In, CapacityIn, MsatsIn, NodeUriIn, PercentIn, SatsIn, SecondsIn, WaitIn,
};

/// A peer.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ConnectToNodeRequest {
    /// As `pubkey@host:port`.
    #[schema(rename = "nodeURI")]
    pub node_uri: NodeUriIn,
}

/// A channel to be opened.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct OpenLightningChannelRequest {
    /// As `pubkey@host:port`.
    #[schema(rename = "nodeURI")]
    pub node_uri: NodeUriIn,
    /// In satoshi.
    pub channel_amount: CapacityIn,
    /// In sat/vB; read, but the wallet chooses.
    pub fee_rate: Option<AmountIn>,
}

/// A new Lightning invoice.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase", example = json!({"amount": "21000", "description": "tea", "expiry": 600}))]
pub struct CreateLightningInvoiceRequest {
    /// In msat; without one, and with 0, the payer chooses.
    pub amount: Option<MsatsIn>,
    /// At most 639 bytes.
    #[schema(max_length = 639)]
    pub description: Option<String>,
    /// Whether only its hash stands in the invoice.
    pub description_hash_only: Option<bool>,
    /// Seconds; a day by default.
    pub expiry: Option<SecondsIn>,
    /// Read; the node decides.
    pub private_route_hints: Option<bool>,
}

/// An invoice to be paid.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct PayLightningInvoiceRequest {
    /// The invoice.
    #[schema(rename = "BOLT11")]
    pub bolt11: Bolt11In,
    /// In msat; for an invoice that names none.
    pub amount: Option<MsatsIn>,
    /// Percent of the amount that it may spend on fees.
    pub max_fee_percent: Option<PercentIn>,
    /// Satoshi that it may spend on fees.
    pub max_fee_flat: Option<SatsIn>,
    /// Seconds to wait for the outcome.
    pub send_timeout: Option<WaitIn>,
}
