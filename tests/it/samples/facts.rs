//! Facts.

use tollway::domain::access::Role;
use tollway::domain::fact::Fact;
use tollway::domain::money::Msat;
use tollway::domain::payout::Verdict;
use tollway::domain::receipt::{Rail, ReceiptKey, Way};

use super::{BATCH, HASH, INVOICE, PAYOUT, PULL_PAYMENT, USER, outpoint, text};

/// One of every fact. `golden::label` fails to compile when there is a new one.
#[expect(clippy::too_many_lines, reason = "one value a fact")]
pub fn facts() -> Vec<Fact> {
    let (invoice, payout, pull_payment) = (INVOICE, PAYOUT, PULL_PAYMENT);
    let receipt = ReceiptKey::Onchain(outpoint());
    let (amount, fee, attempt) = (Msat(1_000_001), Msat(7), 2);
    let txid = outpoint().txid;
    let why = || text("no route");
    vec![
        Fact::StoreCreated,
        Fact::InvoiceCreated { invoice },
        Fact::InvoiceReceivedPayment {
            invoice,
            receipt,
            amount,
            after_expiration: true,
        },
        Fact::InvoicePaymentSettled {
            invoice,
            receipt: ReceiptKey::Lightning(HASH),
            amount,
            after_expiration: false,
        },
        Fact::InvoicePaymentLost {
            invoice,
            receipt,
            amount,
        },
        Fact::InvoiceProcessing {
            invoice,
            over_paid: true,
        },
        Fact::InvoiceSettled {
            invoice,
            manually_marked: true,
            over_paid: false,
        },
        Fact::InvoiceReopened { invoice },
        Fact::InvoiceExpired {
            invoice,
            partially_paid: true,
        },
        Fact::InvoicePaidAfterExpiration { invoice },
        Fact::InvoiceInvalid {
            invoice,
            manually_marked: true,
        },
        Fact::InvoicePromptRenewed {
            invoice,
            hash: HASH,
            amount,
        },
        Fact::StrayReceived { receipt, amount },
        Fact::ApiInvoicePaid { hash: HASH, amount },
        Fact::PullPaymentCreated { pull_payment },
        Fact::PullPaymentArchived { pull_payment },
        Fact::PayoutCreated { payout, amount },
        Fact::PayoutApproved { payout },
        Fact::PayoutAttemptRecorded { payout, attempt },
        Fact::PayoutAttemptSent { payout, attempt },
        Fact::PayoutAttemptFailed {
            payout,
            attempt,
            why: why(),
        },
        Fact::PayoutCompleted {
            payout,
            amount,
            fee,
            way: None,
        },
        Fact::PayoutCompleted {
            payout,
            amount,
            fee,
            way: Some(Way::Onchain),
        },
        Fact::PayoutCancelled { payout, why: why() },
        Fact::PayoutInReview { payout, why: why() },
        Fact::PayoutPaidTwice {
            payout,
            attempt,
            amount: None,
            fee: None,
            way: None,
        },
        Fact::PaymentRecordForgotten { hash: HASH },
        Fact::PayoutUnconfirmed { payout },
        Fact::NodeNote {
            what: text("a channel"),
        },
        Fact::PayoutPaidTwice {
            payout,
            attempt,
            amount: Some(amount),
            fee: Some(fee),
            way: Some(Way::Onchain),
        },
        Fact::InvoiceReceivedPayment {
            invoice,
            receipt: ReceiptKey::Inside(payout),
            amount,
            after_expiration: false,
        },
        Fact::ApiInvoicePaidInside {
            hash: HASH,
            payout,
            amount,
        },
        Fact::PayoutReviewed {
            payout,
            attempt,
            by: super::user_id(),
            verdict: Verdict::DidNotArriveAgainstDoubt,
            why: why(),
        },
        Fact::PayoutPaidTwiceSeen {
            payout,
            by: super::user_id(),
        },
        Fact::ForeignPaymentArrived {
            hash: HASH,
            amount: Some(amount),
            fee: Some(fee),
        },
        Fact::PayoutProofFound {
            payout,
            fee_before: Msat(0),
            fee,
            way: Way::Lightning,
        },
        Fact::PayoutFeeRaised {
            payout,
            fee_before: fee,
            fee_after: amount,
        },
        Fact::PayoutReconfirmed { payout },
        Fact::PayoutProofCorrected {
            payout,
            fee_before: fee,
            fee_after: amount,
        },
        Fact::UnknownSpend { txid, amount },
        Fact::UnknownSpendGone { txid, amount },
        Fact::TillReleased,
        Fact::OwnerSpent { txid, amount },
        Fact::OwnerSpentGone { txid, amount },
        Fact::DraftMade {
            draft: BATCH,
            amount,
        },
        Fact::DraftClosed {
            draft: BATCH,
            signed: true,
        },
        Fact::StrayLost { receipt, amount },
        Fact::StrayReturned { receipt, amount },
        Fact::NodeFunded {
            outpoint: outpoint(),
            amount,
        },
        Fact::NodeFundingLost {
            outpoint: outpoint(),
            amount,
        },
        Fact::NodeCost {
            what: text("a channel"),
            amount,
        },
        Fact::NodeGain {
            what: text("a channel"),
            amount,
        },
        Fact::NodeForwarded { fee },
        Fact::StrayAssigned {
            receipt,
            amount,
            invoice,
            by: USER,
        },
        Fact::PayoutInHand { payout },
        Fact::PayoutPaidByHand { payout, amount },
        Fact::PayoutPutBack { payout },
        Fact::PayoutApprovalWithdrawn { payout },
        Fact::PullPaymentChanged { pull_payment },
        Fact::InvoiceMethodActivated {
            invoice,
            rail: Rail::Onchain,
        },
        Fact::MemberSet {
            user: USER,
            role: Role::Employee,
            by: USER,
        },
        Fact::MemberRemoved {
            user: USER,
            by: USER,
        },
    ]
}
