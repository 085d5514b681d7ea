//! Shapes of the node (Greenfield 4.9). Amounts of Lightning are in msat, of the chain in sat, both as text.

use serde::Serialize;
use utoipa::ToSchema;

use crate::api::number::Dec;
use crate::api::schema::{HistogramType, LightningInvoiceStatus, LightningPaymentStatus};
use crate::api::wire::msat_text;
use crate::domain::destination::Destination;
use crate::domain::ids::Preimage;
use crate::domain::money::Msat;
use crate::domain::payout::{Payout, Proof, Stage};
use crate::domain::time::Timestamp;
use crate::ports::lightning::{Channel, NodeBalances, NodeIdentity};
use crate::service::histogram::{Point, Span};
use crate::store::node::ApiInvoice;

/// `LightningNodeInformationData`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = LightningNodeInformationData)]
pub struct InfoData {
    #[serde(rename = "nodeURIs")]
    node_uris: Vec<String>,
    block_height: u32,
    alias: String,
    color: Option<String>,
    version: Option<String>,
    peers_count: Option<usize>,
    active_channels_count: Option<usize>,
    inactive_channels_count: Option<usize>,
    pending_channels_count: Option<usize>,
}

impl InfoData {
    /// The node, with its channels for who may know of them.
    pub(super) fn new(identity: NodeIdentity, channels: Option<&[Channel]>) -> Self {
        let count = |wanted: fn(&Channel) -> bool| {
            channels.map(|channels| channels.iter().filter(|one| wanted(one)).count())
        };
        Self {
            node_uris: identity
                .listening
                .iter()
                .map(|address| format!("{}@{address}", identity.node_id))
                .collect(),
            block_height: identity.height,
            alias: identity.alias,
            color: None,
            version: None,
            peers_count: channels.map(|_| identity.peers),
            active_channels_count: count(|one| one.is_usable),
            inactive_channels_count: count(|one| one.is_ready && !one.is_usable),
            pending_channels_count: count(|one| !one.is_ready),
        }
    }
}

/// `LightningNodeBalanceData`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LightningNodeBalanceData)]
pub struct BalanceData {
    onchain: Option<OnchainBalance>,
    offchain: OffchainBalance,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OnchainBalanceData)]
pub struct OnchainBalance {
    confirmed: String,
    unconfirmed: String,
    reserved: String,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OffchainBalanceData)]
pub struct OffchainBalance {
    opening: String,
    local: String,
    remote: String,
    closing: String,
}

impl BalanceData {
    /// Of a store that may not draw on the node: what it can spend, and what the node can receive for it.
    pub(super) fn of_ledger(own: Msat, receivable: Msat) -> Self {
        Self {
            onchain: None,
            offchain: OffchainBalance {
                opening: msat_text(Msat::ZERO),
                local: msat_text(own),
                remote: msat_text(receivable),
                closing: msat_text(Msat::ZERO),
            },
        }
    }

    pub(super) fn new(balances: NodeBalances, channels: &[Channel]) -> Self {
        let spendable = balances.onchain_spendable;
        let unconfirmed = balances
            .onchain_total
            .minus(spendable)
            .minus(balances.onchain_reserved);
        let sum = |pending: bool, side: fn(&Channel) -> Msat| {
            let channels = channels.iter().filter(|one| one.is_ready != pending);
            msat_text(channels.map(side).sum())
        };
        Self {
            onchain: Some(OnchainBalance {
                confirmed: spendable.0.to_string(),
                unconfirmed: unconfirmed.0.to_string(),
                reserved: balances.onchain_reserved.0.to_string(),
            }),
            offchain: OffchainBalance {
                opening: sum(true, |one| one.outbound),
                local: sum(false, |one| one.outbound),
                remote: sum(false, |one| one.inbound),
                closing: msat_text(balances.sweeping.to_msat()),
            },
        }
    }
}

/// How a balance went.
#[derive(Debug, Serialize, ToSchema)]
pub struct HistogramData {
    /// `Week`, `Month` or `Year`.
    #[schema(value_type = HistogramType)]
    r#type: &'static str,
    /// The balance at each of the times, in BTC.
    #[schema(value_type = Vec<String>)]
    series: Vec<Dec>,
    /// The times, in Unix seconds.
    labels: Vec<u64>,
    /// The balance now, in BTC.
    #[schema(value_type = String)]
    balance: Dec,
}

impl HistogramData {
    pub(super) fn new(span: Span, points: &[Point]) -> Self {
        Self {
            r#type: span.name(),
            labels: points.iter().map(|point| point.at.secs()).collect(),
            balance: Dec(points.last().map(Point::btc).unwrap_or_default()),
            series: points.iter().map(|point| Dec(point.btc())).collect(),
        }
    }
}

/// `LightningChannelData`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = LightningChannelData)]
pub struct ChannelData {
    remote_node: String,
    is_public: bool,
    is_active: bool,
    capacity: String,
    local_balance: String,
    channel_point: Option<String>,
}

impl From<Channel> for ChannelData {
    fn from(channel: Channel) -> Self {
        Self {
            remote_node: channel.peer.to_string(),
            is_public: channel.is_public,
            is_active: channel.is_usable,
            capacity: msat_text(channel.capacity.to_msat()),
            local_balance: msat_text(channel.outbound),
            channel_point: channel.funding,
        }
    }
}

/// `LightningInvoiceData`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = LightningInvoiceData)]
pub struct InvoiceData {
    id: String,
    #[schema(value_type = LightningInvoiceStatus)]
    status: &'static str,
    #[serde(rename = "BOLT11")]
    bolt11: String,
    paid_at: Option<u64>,
    expires_at: u64,
    amount: String,
    amount_received: String,
    payment_hash: String,
    preimage: Option<String>,
    #[schema(value_type = Option<Object>)]
    custom_records: Option<()>,
}

impl InvoiceData {
    pub(super) fn new(invoice: ApiInvoice, now: Timestamp) -> Self {
        let paid = invoice.paid;
        let hash = invoice.hash.to_string();
        Self {
            id: hash.clone(),
            status: match paid {
                Some(_) => "Paid",
                None if invoice.expires_at <= now => "Expired",
                None => "Unpaid",
            },
            bolt11: invoice.bolt11,
            paid_at: paid.map(|paid| paid.at.secs()),
            expires_at: invoice.expires_at.secs(),
            amount: msat_text(invoice.amount.unwrap_or_default()),
            amount_received: msat_text(paid.map(|paid| paid.amount).unwrap_or_default()),
            payment_hash: hash,
            // Proof of payment for the payer; a secret until it is paid.
            preimage: paid.map(|_| invoice.preimage.reveal()),
            custom_records: None,
        }
    }
}

/// `LightningPaymentData`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = LightningPaymentData)]
pub struct PaymentData {
    id: String,
    payment_hash: String,
    #[schema(value_type = LightningPaymentStatus)]
    status: &'static str,
    #[serde(rename = "BOLT11")]
    bolt11: String,
    preimage: Option<String>,
    created_at: u64,
    total_amount: String,
    fee_amount: String,
    /// Why it stands for review by a person; absent if it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    review_reason: Option<String>,
}

impl PaymentData {
    /// A payout of the Lightning API; none goes to an address.
    pub(super) fn of(payout: &Payout) -> Option<Self> {
        let Destination::Bolt11(invoice) = &payout.destination else {
            return None;
        };
        let (status, fee, preimage) = match &payout.stage {
            Stage::Completed { proof, fee, .. } => ("Complete", *fee, proof_preimage(proof)),
            Stage::Cancelled { .. } => ("Failed", Msat::ZERO, None),
            Stage::AwaitingApproval | Stage::AwaitingPayment | Stage::InProgress => {
                ("Pending", Msat::ZERO, None)
            }
        };
        let hash = invoice.hash.to_string();
        Some(Self {
            id: hash.clone(),
            payment_hash: hash,
            status,
            bolt11: invoice.bolt11.clone(),
            preimage,
            created_at: payout.created.secs(),
            total_amount: msat_text(payout.amount.plus(fee)),
            fee_amount: msat_text(fee),
            review_reason: payout.review_reason().map(str::to_owned),
        })
    }
}

fn proof_preimage(proof: &Proof) -> Option<String> {
    match proof {
        Proof::Lightning { preimage, .. } => preimage.as_ref().map(Preimage::reveal),
        Proof::Onchain { .. } | Proof::Given(_) => None,
    }
}
