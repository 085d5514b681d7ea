//! What a fact is about.

use super::Fact;

impl Fact {
    /// The id of what the fact is about, as it stands in keys; empty if it is about the store itself.
    pub fn object(&self) -> &[u8] {
        match self {
            Self::StoreCreated
            | Self::NodeNote { .. }
            | Self::StrayReceived { .. }
            | Self::UnknownSpend { .. }
            | Self::UnknownSpendGone { .. }
            | Self::OwnerSpent { .. }
            | Self::OwnerSpentGone { .. }
            | Self::TillReleased
            | Self::StrayLost { .. }
            | Self::StrayReturned { .. }
            | Self::NodeFunded { .. }
            | Self::NodeFundingLost { .. }
            | Self::NodeCost { .. }
            | Self::NodeGain { .. }
            | Self::NodeForwarded { .. } => &[],
            Self::MemberSet { user, .. } | Self::MemberRemoved { user, .. } => &user.0,
            Self::InvoiceCreated { invoice }
            | Self::InvoiceReceivedPayment { invoice, .. }
            | Self::InvoicePaymentSettled { invoice, .. }
            | Self::InvoicePaymentLost { invoice, .. }
            | Self::InvoiceProcessing { invoice, .. }
            | Self::InvoiceSettled { invoice, .. }
            | Self::InvoiceReopened { invoice }
            | Self::InvoiceExpired { invoice, .. }
            | Self::InvoicePaidAfterExpiration { invoice }
            | Self::InvoiceInvalid { invoice, .. }
            | Self::InvoicePromptRenewed { invoice, .. }
            | Self::StrayAssigned { invoice, .. }
            | Self::InvoiceMethodActivated { invoice, .. } => invoice.as_bytes(),
            Self::ApiInvoicePaid { hash, .. }
            | Self::ApiInvoicePaidInside { hash, .. }
            | Self::ForeignPaymentArrived { hash, .. }
            | Self::PaymentRecordForgotten { hash } => hash.as_bytes(),
            Self::DraftMade { draft, .. } | Self::DraftClosed { draft, .. } => draft.as_bytes(),
            Self::PullPaymentCreated { pull_payment }
            | Self::PullPaymentArchived { pull_payment }
            | Self::PullPaymentChanged { pull_payment } => pull_payment.as_bytes(),
            Self::PayoutCreated { payout, .. }
            | Self::PayoutApproved { payout }
            | Self::PayoutAttemptRecorded { payout, .. }
            | Self::PayoutAttemptSent { payout, .. }
            | Self::PayoutAttemptFailed { payout, .. }
            | Self::PayoutCompleted { payout, .. }
            | Self::PayoutCancelled { payout, .. }
            | Self::PayoutInReview { payout, .. }
            | Self::PayoutPaidTwice { payout, .. }
            | Self::PayoutReviewed { payout, .. }
            | Self::PayoutPaidTwiceSeen { payout, .. }
            | Self::PayoutProofFound { payout, .. }
            | Self::PayoutUnconfirmed { payout }
            | Self::PayoutFeeRaised { payout, .. }
            | Self::PayoutReconfirmed { payout }
            | Self::PayoutProofCorrected { payout, .. }
            | Self::PayoutInHand { payout }
            | Self::PayoutPaidByHand { payout, .. }
            | Self::PayoutPutBack { payout }
            | Self::PayoutApprovalWithdrawn { payout } => payout.as_bytes(),
        }
    }
}
