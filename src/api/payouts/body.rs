//! What requests about payouts hold. Read in [`super::dto`] and the handlers.

use utoipa::ToSchema;

use crate::api::schema::{
    DecimalIn, FeePolicy, PaymentMethodId, PayoutState, SpanIn, Verdict, WholeIn,
};

/// A claim on a pull payment.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase", example = json!({"destination": "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080", "amount": "0.0005", "payoutMethodId": "BTC-CHAIN"}))]
pub struct CreatePayoutRequest {
    /// Address, `bitcoin:` URI or Lightning invoice.
    pub destination: String,
    /// In the pull payment's currency; what the destination names by default.
    pub amount: Option<DecimalIn>,
    /// How it is to be paid.
    pub payout_method_id: PaymentMethodId,
}

/// A new payout of a store.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase", example = json!({"destination": "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080", "amount": "0.0005", "payoutMethodId": "BTC-CHAIN", "approved": true}))]
pub struct CreateStorePayoutRequest {
    /// Address, `bitcoin:` URI or Lightning invoice.
    pub destination: String,
    /// In BTC, or the pull payment's currency; what the destination names by default.
    pub amount: Option<DecimalIn>,
    /// How it is to be paid.
    pub payout_method_id: PaymentMethodId,
    /// From whose budget it is paid, if from any.
    pub pull_payment_id: Option<String>,
    /// Whether it needs no further approval.
    pub approved: Option<bool>,
    /// Any JSON object, given back unchanged.
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<serde_json::Value>,
    /// Percent of the amount that it may spend on fees.
    pub max_fee_percent: Option<DecimalIn>,
    /// Satoshi that it may spend on fees.
    pub max_fee_flat: Option<WholeIn>,
    /// Who bears the fee.
    pub fee_policy: Option<FeePolicy>,
}

/// An approval.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase", example = json!({"revision": 0}))]
pub struct ApprovePayoutRequest {
    /// What the approver saw; 0 by default.
    pub revision: Option<WholeIn>,
    /// What an amount is worth that is not in bitcoin; by the store's rules by default.
    pub rate_rule: Option<String>,
    /// Percent of the amount that it may spend on fees.
    pub max_fee_percent: Option<DecimalIn>,
    /// Satoshi that it may spend on fees.
    pub max_fee_flat: Option<WholeIn>,
}

/// What a payout is said to be.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase", example = json!({"state": "Cancelled"}))]
pub struct MarkPayoutRequest {
    /// What it is from now on.
    pub state: PayoutState,
    /// An object with a `proofType`.
    #[schema(value_type = Option<Object>)]
    pub payment_proof: Option<serde_json::Value>,
}

/// A person's word on what stands for review.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase", example = json!({"verdict": "LookAgain", "comment": "The receiver has not seen it yet."}))]
pub struct ReviewRequest {
    /// What became of it.
    pub verdict: Verdict,
    /// The receiver's proof, in hex.
    pub preimage: Option<String>,
    /// Although it may still arrive.
    pub even_if_under_way: Option<bool>,
    /// Kept with it.
    pub comment: Option<String>,
}

/// A higher fee.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase", example = json!({"feeRate": 12.5}))]
pub struct BumpRequest {
    /// In sat/vB; the estimate by default.
    pub fee_rate: Option<DecimalIn>,
}

/// Spends that a person has looked at.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ReleaseHoldRequest {
    /// Hashes of their transactions.
    pub txids: Vec<String>,
}

/// Settings of an automatic sender.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase", example = json!({"intervalSeconds": 60, "processNewPayoutsInstantly": true}))]
pub struct ProcessorRequest {
    /// Seconds between two looks, 60 to 86400.
    pub interval_seconds: Option<SpanIn>,
    /// Whether it looks at once when a payout waits.
    pub process_new_payouts_instantly: Option<bool>,
    /// On-chain: blocks within which it is to confirm, 1 to 1000.
    pub fee_block_target: Option<WholeIn>,
    /// On-chain: BTC that have to wait before it sends.
    pub threshold: Option<DecimalIn>,
    /// Refused: say it of the store, or of a payout.
    pub max_fee_percent: Option<DecimalIn>,
    /// Refused: say it of the store, or of a payout.
    pub max_fee_flat: Option<WholeIn>,
}
