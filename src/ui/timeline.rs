//! What happened to an object, in words.

use crate::domain::fact::{Entry, Fact};
use crate::domain::payout::Verdict;
use crate::domain::receipt::ReceiptKey;
use crate::ui::format::{self, When};

/// A line of a timeline.
#[derive(Clone, Debug)]
pub struct Line {
    /// When.
    pub when: When,
    /// What.
    pub text: String,
}

/// Lines for entries of the journal, in their order.
pub fn lines(entries: &[Entry]) -> Vec<Line> {
    entries
        .iter()
        .map(|entry| Line {
            when: entry.at.into(),
            text: words(&entry.fact),
        })
        .collect()
}

#[expect(clippy::too_many_lines, reason = "one arm a fact")]
fn words(fact: &Fact) -> String {
    match fact {
        Fact::StoreCreated => "The store was opened.".to_owned(),
        Fact::InvoiceCreated { .. } | Fact::PullPaymentCreated { .. } => "Made.".to_owned(),
        Fact::InvoiceReceivedPayment {
            receipt,
            amount,
            after_expiration,
            ..
        } => format!(
            "{} seen {}{}.",
            format::msat(*amount),
            over(receipt),
            late(*after_expiration)
        ),
        Fact::InvoicePaymentSettled {
            receipt,
            amount,
            after_expiration,
            ..
        } => format!(
            "{} {} is final{}.",
            format::msat(*amount),
            over(receipt),
            late(*after_expiration)
        ),
        Fact::InvoicePaymentLost {
            receipt, amount, ..
        } => format!(
            "{} {} went away again: replaced, double-spent or reorganised.",
            format::msat(*amount),
            over(receipt)
        ),
        Fact::InvoiceProcessing { over_paid, .. } => {
            format!(
                "Covered{}; it settles once every payment is final.",
                surplus(*over_paid)
            )
        }
        Fact::InvoiceSettled {
            manually_marked: true,
            ..
        } => "Marked as settled by hand.".to_owned(),
        Fact::InvoiceSettled {
            manually_marked: false,
            over_paid,
            ..
        } => {
            format!("Settled{}.", surplus(*over_paid))
        }
        Fact::InvoiceReopened { .. } => {
            "Open again: a payment or its confirmations went away.".to_owned()
        }
        Fact::InvoiceExpired {
            partially_paid: true,
            ..
        } => "Expired, paid in part.".to_owned(),
        Fact::InvoiceExpired {
            partially_paid: false,
            ..
        } => "Expired, nothing was paid.".to_owned(),
        Fact::InvoicePaidAfterExpiration { .. } => "Paid in full, but too late.".to_owned(),
        Fact::InvoiceInvalid {
            manually_marked: true,
            ..
        } => "Marked as invalid by hand.".to_owned(),
        Fact::InvoiceInvalid {
            manually_marked: false,
            ..
        } => "Invalid: the payment was not confirmed in time.".to_owned(),
        Fact::InvoicePromptRenewed { amount, .. } => {
            format!("A new Lightning invoice over {}.", format::msat(*amount))
        }
        Fact::StrayReceived { receipt, amount } => {
            format!(
                "{} {} fits no invoice.",
                format::msat(*amount),
                over(receipt)
            )
        }
        Fact::ApiInvoicePaid { amount, .. } => {
            format!(
                "An invoice of the Lightning API was paid: {}.",
                format::msat(*amount)
            )
        }
        Fact::OwnerSpent { txid, amount } => format!(
            "The owner of the wallet spent {} by transaction {txid}.",
            format::msat(*amount)
        ),
        Fact::OwnerSpentGone { txid, amount } => format!(
            "Transaction {txid} of the wallet's owner is gone: {} are back.",
            format::msat(*amount)
        ),
        Fact::DraftMade { amount, .. } => format!(
            "A transaction over {} waits for its owner's signature.",
            format::msat(*amount)
        ),
        Fact::DraftClosed { signed: true, .. } => "The transaction is signed.".to_owned(),
        Fact::DraftClosed { signed: false, .. } => {
            "The transaction was given up, unsigned.".to_owned()
        }
        Fact::PullPaymentArchived { .. } => "Archived.".to_owned(),
        Fact::PayoutCreated { amount, .. } => format!("Asked for: {}.", format::msat(*amount)),
        Fact::PayoutApproved { .. } => "Approved.".to_owned(),
        Fact::PayoutAttemptRecorded { attempt, .. } => {
            format!("Attempt {attempt} recorded; nothing has left yet.")
        }
        Fact::PayoutAttemptSent { attempt, .. } => format!("Attempt {attempt} handed over."),
        Fact::PayoutAttemptFailed { attempt, why, .. } => {
            format!("Attempt {attempt} failed: {why}")
        }
        Fact::PayoutCompleted { amount, fee, .. } => format!(
            "Arrived: {}, for {} of fees.",
            format::msat(*amount),
            format::msat(*fee)
        ),
        Fact::PayoutCancelled { why, .. } => format!("Cancelled: {why}"),
        Fact::PayoutInReview { why, .. } => format!("Stands for review: {why}"),
        Fact::PayoutPaidTwice {
            attempt,
            amount,
            fee,
            ..
        } => format!(
            "ALARM: attempt {attempt} succeeded too. It was paid twice: {} more, for {} of fees.",
            format::msat(amount.unwrap_or_default()),
            format::msat(fee.unwrap_or_default())
        ),
        Fact::PayoutPaidTwiceSeen { .. } => "Somebody has seen that it was paid twice.".to_owned(),
        Fact::ApiInvoicePaidInside { amount, .. } => format!(
            "An invoice of the Lightning API was paid by a payout of this server: {}.",
            format::msat(*amount)
        ),
        Fact::PayoutReviewed { verdict, why, .. } => {
            let said = match verdict {
                Verdict::LookAgain => "Somebody asked to compare it again",
                Verdict::Arrived => "Somebody said that it arrived",
                Verdict::DidNotArrive => "Somebody said that it did not arrive",
                Verdict::DidNotArriveAgainstDoubt => {
                    "Somebody said that it did not arrive, although it might still be under way"
                }
            };
            if why.is_empty() {
                format!("{said}.")
            } else {
                format!("{said}: {why}")
            }
        }
        Fact::ForeignPaymentArrived { hash, amount, fee } => format!(
            "The node paid {} that belongs to no payout, for {} of fees (hash {hash}).",
            format::msat(amount.unwrap_or_default()),
            format::msat(fee.unwrap_or_default())
        ),
        Fact::PayoutProofFound { fee, .. } => format!(
            "Its arrival is known from the network now; it cost {} of fees.",
            format::msat(*fee)
        ),
        Fact::PaymentRecordForgotten { .. } => {
            "The node's record was removed, to hand the same invoice over again.".to_owned()
        }
        Fact::PayoutUnconfirmed { .. } => {
            "Its transaction left the best chain, and is sent again as it was.".to_owned()
        }
        Fact::NodeNote { what } => what.clone(),
        Fact::PayoutFeeRaised {
            fee_before,
            fee_after,
            ..
        } => format!(
            "Its transaction was replaced by one with a higher fee: {} instead of {}.",
            format::msat(*fee_after),
            format::msat(*fee_before)
        ),
        Fact::PayoutInHand { .. } => {
            "Taken in hand by a person, who pays it by other means.".to_owned()
        }
        Fact::PayoutPaidByHand { amount, .. } => format!(
            "{} marked as paid by a person, by other means.",
            format::msat(*amount)
        ),
        Fact::PayoutPutBack { .. } => "Put back: it waits to be paid.".to_owned(),
        Fact::PayoutApprovalWithdrawn { .. } => "Its approval was taken back.".to_owned(),
        Fact::PullPaymentChanged { .. } => "Its terms were changed.".to_owned(),
        Fact::InvoiceMethodActivated { rail, .. } => {
            format!("{} is offered now.", rail.method_id())
        }
        Fact::PayoutReconfirmed { .. } => "Its transaction is in the chain again.".to_owned(),
        Fact::PayoutProofCorrected {
            fee_before,
            fee_after,
            ..
        } => format!(
            "Another version of its transaction confirmed, for {} of fees instead of {}.",
            format::msat(*fee_after),
            format::msat(*fee_before)
        ),
        Fact::UnknownSpend { txid, amount } => format!(
            "{} left the wallet by transaction {txid}, which was not made here. On-chain payouts are held.",
            format::msat(*amount)
        ),
        Fact::UnknownSpendGone { txid, amount } => format!(
            "{} are back in the wallet: transaction {txid}, which was not made here, is gone.",
            format::msat(*amount)
        ),
        Fact::TillReleased => "On-chain payouts go on, by a person's word.".to_owned(),
        Fact::StrayLost { receipt, amount } => format!(
            "{} that fitted no invoice is gone again: replaced, double-spent or reorganised away ({}).",
            format::msat(*amount),
            over(receipt)
        ),
        Fact::StrayReturned { amount, .. } => {
            format!("{} that was gone is there again.", format::msat(*amount))
        }
        Fact::NodeFunded { amount, .. } => {
            format!("{} came to the node's own wallet.", format::msat(*amount))
        }
        Fact::NodeFundingLost { amount, .. } => format!(
            "{} to the node's own wallet is gone again: replaced, double-spent or reorganised away.",
            format::msat(*amount)
        ),
        Fact::NodeCost { what, amount } => {
            format!("Channels cost {}: {what}", format::msat(*amount))
        }
        Fact::NodeGain { what, amount } => {
            format!("Channels brought {}: {what}", format::msat(*amount))
        }
        Fact::NodeForwarded { fee } => {
            format!("A forwarded payment earned {}.", format::msat(*fee))
        }
        Fact::StrayAssigned {
            receipt, amount, ..
        } => format!(
            "{} {}, which fitted no invoice, was assigned to this one.",
            format::msat(*amount),
            over(receipt)
        ),
        Fact::MemberSet { user, role, .. } => {
            format!("{user} belongs to the store as {role} from here on.")
        }
        Fact::MemberRemoved { user, .. } => {
            format!("{user} does not belong to the store any more.")
        }
    }
}

fn over(receipt: &ReceiptKey) -> &'static str {
    match receipt {
        ReceiptKey::Lightning(_) => "over Lightning",
        ReceiptKey::Onchain(_) => "on-chain",
        ReceiptKey::Inside(_) => "from inside this server",
    }
}

fn late(after_expiration: bool) -> &'static str {
    if after_expiration {
        ", after expiry"
    } else {
        ""
    }
}

fn surplus(over_paid: bool) -> &'static str {
    if over_paid { ", with a surplus" } else { "" }
}
