//! The dictionary between ldk-node's words and the port's. No policy here.

use std::str::FromStr;

use bitcoin::hashes::{Hash, sha256};
use ldk_node::lightning::events::ClosureReason;
use ldk_node::lightning::ln::channelmanager::PaymentId;
use ldk_node::lightning::ln::msgs::SocketAddress;
use ldk_node::lightning_types::payment::{PaymentHash as LdkHash, PaymentPreimage};
use ldk_node::payment::{PaymentDetails, PaymentDirection, PaymentKind, PaymentStatus};
use ldk_node::{
    BalanceDetails, ChannelDetails, Event, LightningBalance, Node, NodeError as LdkError,
    PendingSweepBalance,
};
use lightning_invoice::{Bolt11InvoiceDescription, Description, Sha256};

use crate::domain::ids::{PaymentHash, Preimage};
use crate::domain::money::{Msat, Sat};
use crate::domain::time::Timestamp;
use crate::ports::lightning::{
    Channel, ChannelKey, Direction, InvoiceDescription, IssuedInvoice, NodeBalances, NodeError,
    NodeEvent, PaymentRecord, ReceiveRequest, RecordStatus,
};

/// Makes an invoice and takes its preimage along: the record that holds it may be pruned later.
pub(super) fn receive(node: &Node, request: &ReceiveRequest) -> Result<IssuedInvoice, NodeError> {
    request.check()?;
    let description = description(&request.description)?;
    let payments = node.bolt11_payment();
    let invoice = match request.amount {
        Some(Msat(amount)) => payments.receive(amount, &description, request.expiry_secs),
        None => payments.receive_variable_amount(&description, request.expiry_secs),
    }
    .map_err(refusal)?;
    let hash = PaymentHash(invoice.payment_hash().to_byte_array());
    let preimage = node
        .payment(&PaymentId(hash.0))
        .and_then(|details| secrets(&details.kind).1)
        .ok_or_else(|| NodeError::Refused("the node has no preimage for its invoice".to_owned()))?;
    Ok(IssuedInvoice {
        bolt11: invoice.to_string(),
        hash,
        preimage,
    })
}

fn description(wanted: &InvoiceDescription) -> Result<Bolt11InvoiceDescription, NodeError> {
    Ok(match wanted {
        InvoiceDescription::Text(text) => {
            let text = Description::new(text.clone())
                .map_err(|e| NodeError::Refused(format!("the description does not fit: {e}")))?;
            Bolt11InvoiceDescription::Direct(text)
        }
        InvoiceDescription::Hash(hash) => {
            Bolt11InvoiceDescription::Hash(Sha256(sha256::Hash::from_byte_array(*hash)))
        }
    })
}

/// What happened, in the port's words.
pub(super) fn event(event: Event) -> NodeEvent {
    match event {
        Event::PaymentReceived {
            payment_id: _,
            payment_hash,
            amount_msat,
            custom_records: _,
        } => NodeEvent::PaymentReceived {
            hash: PaymentHash(payment_hash.0),
            amount: Msat(amount_msat),
        },
        Event::PaymentSuccessful {
            payment_id: _,
            payment_hash,
            payment_preimage,
            fee_paid_msat,
        } => NodeEvent::PaymentSuccessful {
            hash: PaymentHash(payment_hash.0),
            preimage: payment_preimage.map(|preimage| Preimage(preimage.0)),
            fee: fee_paid_msat.map(Msat),
        },
        Event::PaymentFailed {
            payment_id,
            payment_hash,
            reason,
        } => NodeEvent::PaymentFailed {
            // Of a BOLT 11 payment the id is the hash; we make no others.
            hash: payment_hash
                .map(|hash| PaymentHash(hash.0))
                .or(payment_id.map(|id| PaymentHash(id.0))),
            why: reason.map_or_else(|| "no reason given".to_owned(), |why| format!("{why:?}")),
        },
        Event::PaymentForwarded {
            total_fee_earned_msat,
            outbound_amount_forwarded_msat,
            ..
        } => NodeEvent::Forwarded {
            fee: total_fee_earned_msat.map(Msat),
            what: format!(
                "forwarded {} for a fee of {}",
                amount(outbound_amount_forwarded_msat),
                amount(total_fee_earned_msat)
            ),
        },
        // We issue no invoices that have to be claimed by hand; LDK fails it back at its deadline.
        Event::PaymentClaimable {
            payment_hash,
            claimable_amount_msat,
            ..
        } => other(format!(
            "a payment of {claimable_amount_msat} msat with the hash {payment_hash} waits to be claimed"
        )),
        Event::ChannelPending {
            counterparty_node_id,
            funding_txo,
            ..
        } => other(format!(
            "channel {funding_txo} with {counterparty_node_id} waits for confirmations"
        )),
        Event::ChannelReady {
            channel_id,
            counterparty_node_id,
            funding_txo,
            ..
        } => other(format!(
            "channel {} with {} is ready",
            funding_txo.map_or_else(|| channel_id.to_string(), |outpoint| outpoint.to_string()),
            or_unknown(counterparty_node_id)
        )),
        Event::ChannelClosed {
            channel_id,
            counterparty_node_id,
            reason,
            ..
        } => NodeEvent::ChannelClosed {
            channel: ChannelKey(channel_id.0),
            cooperative: reason.as_ref().is_some_and(is_cooperative),
            what: format!(
                "channel {channel_id} with {} is closed: {}",
                or_unknown(counterparty_node_id),
                or_unknown(reason)
            ),
        },
        Event::SplicePending {
            counterparty_node_id,
            new_funding_txo,
            ..
        } => other(format!(
            "channel with {counterparty_node_id} moves to {new_funding_txo}"
        )),
        Event::SpliceFailed {
            channel_id,
            counterparty_node_id,
            ..
        } => other(format!(
            "channel {channel_id} with {counterparty_node_id} could not be resized"
        )),
    }
}

/// Both sides signed a closing transaction that pays each its part.
const fn is_cooperative(reason: &ClosureReason) -> bool {
    matches!(
        reason,
        ClosureReason::LegacyCooperativeClosure
            | ClosureReason::CounterpartyInitiatedCooperativeClosure
            | ClosureReason::LocallyInitiatedCooperativeClosure
    )
}

const fn other(what: String) -> NodeEvent {
    NodeEvent::Other { what }
}

fn amount(msat: Option<u64>) -> String {
    msat.map_or_else(
        || "an unknown amount".to_owned(),
        |msat| Msat(msat).to_string(),
    )
}

fn or_unknown(what: Option<impl std::fmt::Display>) -> String {
    what.map_or_else(|| "unknown".to_owned(), |what| what.to_string())
}

/// Whether a record is about a Lightning payment.
pub(super) const fn is_lightning(kind: &PaymentKind) -> bool {
    match kind {
        PaymentKind::Onchain { .. } => false,
        PaymentKind::Bolt11 { .. }
        | PaymentKind::Bolt11Jit { .. }
        | PaymentKind::Bolt12Offer { .. }
        | PaymentKind::Bolt12Refund { .. }
        | PaymentKind::Spontaneous { .. } => true,
    }
}

fn secrets(kind: &PaymentKind) -> (Option<PaymentHash>, Option<Preimage>) {
    let (hash, preimage): (Option<LdkHash>, Option<PaymentPreimage>) = match kind {
        PaymentKind::Onchain { .. } => (None, None),
        PaymentKind::Bolt11 { hash, preimage, .. }
        | PaymentKind::Bolt11Jit { hash, preimage, .. }
        | PaymentKind::Spontaneous { hash, preimage } => (Some(*hash), *preimage),
        PaymentKind::Bolt12Offer { hash, preimage, .. }
        | PaymentKind::Bolt12Refund { hash, preimage, .. } => (*hash, *preimage),
    };
    (
        hash.map(|hash| PaymentHash(hash.0)),
        preimage.map(|preimage| Preimage(preimage.0)),
    )
}

/// A Lightning record; `None` for on-chain ones and for what has no hash yet.
pub(super) fn record(details: &PaymentDetails) -> Option<PaymentRecord> {
    let (hash, preimage) = secrets(&details.kind);
    Some(PaymentRecord {
        hash: hash?,
        direction: match details.direction {
            PaymentDirection::Inbound => Direction::Inbound,
            PaymentDirection::Outbound => Direction::Outbound,
        },
        status: match details.status {
            PaymentStatus::Pending => RecordStatus::Pending,
            PaymentStatus::Succeeded => RecordStatus::Succeeded,
            PaymentStatus::Failed => RecordStatus::Failed,
        },
        amount: details.amount_msat.map(Msat),
        fee: match details.direction {
            PaymentDirection::Inbound => None,
            PaymentDirection::Outbound => details.fee_paid_msat.map(Msat),
        },
        preimage,
        updated: Timestamp::from_secs(details.latest_update_timestamp),
    })
}

/// What the channels can carry now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Liquidity {
    pub(super) receivable: Msat,
    pub(super) sendable: Msat,
    pub(super) channels: usize,
}

/// Sums over usable channels. The largest HTLC a channel accepts is also the most it lets be in flight.
pub(super) fn liquidity(channels: &[ChannelDetails]) -> Liquidity {
    let usable = || channels.iter().filter(|channel| channel.is_usable);
    Liquidity {
        receivable: usable()
            .map(|channel| {
                let at_once = channel.inbound_htlc_maximum_msat.unwrap_or(u64::MAX);
                Msat(channel.inbound_capacity_msat.min(at_once))
            })
            .sum(),
        sendable: usable()
            .map(|channel| Msat(channel.next_outbound_htlc_limit_msat))
            .sum(),
        channels: usable().count(),
    }
}

/// A channel as the port shows it.
pub(super) fn channel(details: &ChannelDetails) -> Channel {
    Channel {
        peer: details.counterparty_node_id,
        funding: details.funding_txo.map(|outpoint| outpoint.to_string()),
        capacity: Sat(details.channel_value_sats),
        outbound: Msat(details.outbound_capacity_msat),
        inbound: Msat(details.inbound_capacity_msat),
        is_public: details.is_announced,
        is_ready: details.is_channel_ready,
        is_usable: details.is_usable,
    }
}

/// Balances as the port shows them.
pub(super) fn balances(details: &BalanceDetails) -> NodeBalances {
    NodeBalances {
        onchain_spendable: Sat(details.spendable_onchain_balance_sats),
        onchain_total: Sat(details.total_onchain_balance_sats),
        onchain_reserved: Sat(details.total_anchor_channels_reserve_sats),
        lightning: Sat(details.total_lightning_balance_sats),
        sweeping: details
            .pending_balances_from_channel_closures
            .iter()
            .map(|sweep| match sweep {
                PendingSweepBalance::PendingBroadcast {
                    amount_satoshis, ..
                }
                | PendingSweepBalance::BroadcastAwaitingConfirmation {
                    amount_satoshis, ..
                }
                | PendingSweepBalance::AwaitingThresholdConfirmations {
                    amount_satoshis, ..
                } => Sat(*amount_satoshis),
            })
            .sum(),
    }
}

/// Whether something of a channel that is no longer listed has still to be resolved.
pub(super) fn is_closing(details: &BalanceDetails, channels: &[ChannelDetails]) -> bool {
    details.lightning_balances.iter().any(|balance| {
        let channel = match balance {
            LightningBalance::ClaimableOnChannelClose { channel_id, .. }
            | LightningBalance::ClaimableAwaitingConfirmations { channel_id, .. }
            | LightningBalance::ContentiousClaimable { channel_id, .. }
            | LightningBalance::MaybeTimeoutClaimableHTLC { channel_id, .. }
            | LightningBalance::MaybePreimageClaimableHTLC { channel_id, .. }
            | LightningBalance::CounterpartyRevokedOutputClaimable { channel_id, .. } => channel_id,
        };
        !channels.iter().any(|open| open.channel_id == *channel)
    })
}

/// `host:port` of a peer.
pub(super) fn address(text: &str) -> Result<SocketAddress, NodeError> {
    SocketAddress::from_str(text)
        .map_err(|e| NodeError::Refused(format!("'{text}' is not host:port: {e}")))
}

/// The node's refusal, for people. Not for payments: those go through their own table.
pub(super) fn refusal(error: LdkError) -> NodeError {
    let why = match error {
        LdkError::NotRunning => return NodeError::Unavailable("it is not running".to_owned()),
        LdkError::InsufficientFunds => {
            let why = "the node's own wallet holds too little: a channel takes its amount, the fee and a reserve of 25000 sat";
            return NodeError::CannotAfford(why.to_owned());
        }
        LdkError::ConnectionFailed => {
            return NodeError::Unreachable("the peer can't be reached".to_owned());
        }
        LdkError::ChannelCreationFailed => "the channel was refused".to_owned(),
        // Its own words say it well enough.
        other => other.to_string(),
    };
    NodeError::Refused(why)
}
