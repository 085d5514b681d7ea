//! Handing over a payment, and what the node's answer means. Money hangs on every arm here.

use std::sync::Arc;
use std::time::Duration;

use ldk_node::lightning::routing::router::{
    DEFAULT_MAX_PATH_COUNT, DEFAULT_MAX_TOTAL_CLTV_EXPIRY_DELTA, RouteParametersConfig,
};
use ldk_node::{Node, NodeError as LdkError};
use lightning_invoice::Bolt11Invoice;

use super::calls::Unanswered;
use super::shared::Shared;
use crate::domain::money::Msat;
use crate::ports::lightning::{Dispatch, NodeState, PayIntent};

/// A part may use a quarter of a channel's capacity, unless no such route is found (LDK's own default).
const SATURATION_POWER_OF_HALF: u8 = 2;

pub(super) async fn pay(shared: &Arc<Shared>, intent: &PayIntent) -> Dispatch {
    if shared.state() != NodeState::Ready {
        return later("the Lightning node is not ready".to_owned());
    }
    let invoice = match fitting_invoice(shared, intent) {
        Ok(invoice) => invoice,
        Err(why) => return never(why),
    };
    let limits = limits(intent.fee_max);
    let amount = intent.amount;
    let answer = shared
        .call(move |shared, node| {
            let answer = send(node, &invoice, amount, limits);
            let now = Duration::from_secs(shared.clock.now().secs());
            (answer, invoice.would_expire(now))
        })
        .await;
    match answer {
        Ok((answer, expired)) => dispatch(answer, expired),
        Err(Unanswered::NotUp(why)) => later(why),
        Err(Unanswered::Lost) => Dispatch::Doubtful("the node did not answer".to_owned()),
    }
}

/// Neither ldk-node nor LDK compares the network, and an intent names what it was committed for.
fn fitting_invoice(shared: &Shared, intent: &PayIntent) -> Result<Bolt11Invoice, String> {
    let invoice: Bolt11Invoice = intent
        .bolt11
        .parse()
        .map_err(|e| format!("the invoice can't be read: {e}"))?;
    let hash: &[u8; 32] = invoice.payment_hash().as_ref();
    if hash != intent.hash.as_bytes() {
        return Err("the invoice has another payment hash than its intent".to_owned());
    }
    if invoice.network() != shared.config.network {
        return Err(format!("the invoice is for '{}'", invoice.network()));
    }
    Ok(invoice)
}

/// All of them, every time: ldk-node replaces the whole set. The CLTV limit is also how long a doubt can last.
const fn limits(fee_max: Msat) -> RouteParametersConfig {
    RouteParametersConfig {
        max_total_routing_fee_msat: Some(fee_max.0),
        max_total_cltv_expiry_delta: DEFAULT_MAX_TOTAL_CLTV_EXPIRY_DELTA,
        max_path_count: DEFAULT_MAX_PATH_COUNT,
        max_channel_saturation_power_of_half: SATURATION_POWER_OF_HALF,
    }
}

fn send(
    node: &Node,
    invoice: &Bolt11Invoice,
    amount: Msat,
    limits: RouteParametersConfig,
) -> Result<(), LdkError> {
    let payments = node.bolt11_payment();
    let sent = if invoice.amount_milli_satoshis() == Some(amount.0) {
        payments.send(invoice, Some(limits))
    } else {
        payments.send_using_amount(invoice, amount.0, Some(limits))
    };
    sent.map(|_| ())
}

/// What an answer means for the attempt. Whatever does not clearly mean "nothing left this node" is doubt (P6).
fn dispatch(answer: Result<(), LdkError>, expired: bool) -> Dispatch {
    let Err(error) = answer else {
        return Dispatch::Taken;
    };
    match error {
        // Looked at before anything else.
        LdkError::NotRunning => later("the Lightning node is not running".to_owned()),
        LdkError::InvalidInvoice | LdkError::InvalidAmount => {
            never(format!("the node refuses the invoice: {error}"))
        }
        // The route is looked for before LDK takes the payment: nothing was sent, and no event follows.
        LdkError::PaymentSendingFailed => Dispatch::Declined {
            why: if expired {
                "the invoice has expired".to_owned()
            } else {
                "no route was found".to_owned()
            },
            try_later: !expired,
        },
        LdkError::DuplicatePayment => {
            Dispatch::Doubtful("the node knows a payment of this invoice".to_owned())
        }
        // The record could not be written, after LDK had taken the payment or refused it.
        LdkError::PersistenceFailed => {
            Dispatch::Doubtful("the node could not write its record".to_owned())
        }
        // Not known to come from sending. If one does, nobody knows what happened.
        LdkError::AlreadyRunning
        | LdkError::OnchainTxCreationFailed
        | LdkError::ConnectionFailed
        | LdkError::InvoiceCreationFailed
        | LdkError::InvoiceRequestCreationFailed
        | LdkError::OfferCreationFailed
        | LdkError::RefundCreationFailed
        | LdkError::InvalidCustomTlvs
        | LdkError::ProbeSendingFailed
        | LdkError::ChannelCreationFailed
        | LdkError::ChannelClosingFailed
        | LdkError::ChannelSplicingFailed
        | LdkError::ChannelConfigUpdateFailed
        | LdkError::FeerateEstimationUpdateFailed
        | LdkError::FeerateEstimationUpdateTimeout
        | LdkError::WalletOperationFailed
        | LdkError::WalletOperationTimeout
        | LdkError::OnchainTxSigningFailed
        | LdkError::TxSyncFailed
        | LdkError::TxSyncTimeout
        | LdkError::GossipUpdateFailed
        | LdkError::GossipUpdateTimeout
        | LdkError::LiquidityRequestFailed
        | LdkError::UriParameterParsingFailed
        | LdkError::InvalidAddress
        | LdkError::InvalidSocketAddress
        | LdkError::InvalidPublicKey
        | LdkError::InvalidSecretKey
        | LdkError::InvalidOfferId
        | LdkError::InvalidNodeId
        | LdkError::InvalidPaymentId
        | LdkError::InvalidPaymentHash
        | LdkError::InvalidPaymentPreimage
        | LdkError::InvalidPaymentSecret
        | LdkError::InvalidOffer
        | LdkError::InvalidRefund
        | LdkError::InvalidChannelId
        | LdkError::InvalidNetwork
        | LdkError::InvalidUri
        | LdkError::InvalidQuantity
        | LdkError::InvalidNodeAlias
        | LdkError::InvalidDateTime
        | LdkError::InvalidFeeRate
        | LdkError::UnsupportedCurrency
        | LdkError::InsufficientFunds
        | LdkError::LiquiditySourceUnavailable
        | LdkError::LiquidityFeeTooHigh
        | LdkError::InvalidBlindedPaths
        | LdkError::AsyncPaymentServicesDisabled => {
            Dispatch::Doubtful(format!("the node's answer is unexpected: {error}"))
        }
    }
}

const fn later(why: String) -> Dispatch {
    Dispatch::Declined {
        why,
        try_later: true,
    }
}

const fn never(why: String) -> Dispatch {
    Dispatch::Declined {
        why,
        try_later: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a dispatch lets its attempt do.
    #[derive(Debug, PartialEq, Eq)]
    enum Then {
        Wait,
        Again,
        Never,
        Doubt,
    }

    #[test]
    fn only_a_definite_refusal_declines() {
        for (answer, expired, then) in [
            (Ok(()), false, Then::Wait),
            (Err(LdkError::NotRunning), false, Then::Again),
            (Err(LdkError::PaymentSendingFailed), false, Then::Again),
            (Err(LdkError::PaymentSendingFailed), true, Then::Never),
            (Err(LdkError::InvalidInvoice), false, Then::Never),
            (Err(LdkError::InvalidAmount), false, Then::Never),
            (Err(LdkError::DuplicatePayment), false, Then::Doubt),
            (Err(LdkError::DuplicatePayment), true, Then::Doubt),
            (Err(LdkError::PersistenceFailed), false, Then::Doubt),
            (Err(LdkError::ConnectionFailed), false, Then::Doubt),
            (Err(LdkError::InsufficientFunds), true, Then::Doubt),
        ] {
            let got = match dispatch(answer, expired) {
                Dispatch::Taken => Then::Wait,
                Dispatch::Declined { try_later, .. } if try_later => Then::Again,
                Dispatch::Declined { .. } => Then::Never,
                Dispatch::Doubtful(_) => Then::Doubt,
            };
            assert_eq!(got, then, "{answer:?}");
        }
    }
}
