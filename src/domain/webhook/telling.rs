//! Which facts are told, and what of them.

use super::{Kind, PayoutState};
use crate::domain::fact::Fact;
use crate::domain::ids::{InvoiceId, PayoutId};
use crate::domain::invoice::{Additional, Status};
use crate::domain::money::Msat;
use crate::domain::receipt::ReceiptKey;

/// What a fact comes to for those who are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Telling {
    /// The events that tell it, in order.
    pub kinds: &'static [Kind],
    /// About what.
    pub what: What,
}

/// What a fact is about, and what it says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// An invoice.
    Invoice(InvoiceId, InvoiceChange),
    /// A payout: how far it is by then, and why it is not further.
    Payout(PayoutId, PayoutState, Option<String>),
}

/// What a fact says of an invoice. Several facts of one commit follow one another: where a fact itself says how far the
/// invoice was, that is told, and not how far it has come by the end of the commit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InvoiceChange {
    /// How far it was.
    pub stands: Option<(Status, Additional)>,
    /// Which payment came.
    pub payment: Option<(ReceiptKey, Msat)>,
    /// The invoice was Expired or Invalid when it came.
    pub after_expiration: Option<bool>,
    /// More came than was due.
    pub over_paid: Option<bool>,
    /// By a person's word.
    pub manually_marked: Option<bool>,
    /// Part had been paid.
    pub partially_paid: Option<bool>,
}

impl Telling {
    /// What is told of a fact. `None` for those that are for the store's own pages and the books alone.
    #[expect(clippy::too_many_lines, reason = "one arm for each fact")]
    pub fn of(fact: &Fact) -> Option<Self> {
        let telling = match fact {
            Fact::InvoiceCreated { invoice } => {
                let change = InvoiceChange::to(Status::New, Additional::None);
                change.of(*invoice, &[Kind::InvoiceCreated])
            }
            Fact::InvoiceReceivedPayment {
                invoice,
                receipt,
                amount,
                after_expiration,
            } => InvoiceChange::by(*receipt, *amount, *after_expiration)
                .of(*invoice, &[Kind::InvoiceReceivedPayment]),
            Fact::InvoicePaymentSettled {
                invoice,
                receipt,
                amount,
                after_expiration,
            } => InvoiceChange::by(*receipt, *amount, *after_expiration)
                .of(*invoice, &[Kind::InvoicePaymentSettled]),
            Fact::InvoiceProcessing { invoice, over_paid } => InvoiceChange {
                over_paid: Some(*over_paid),
                ..InvoiceChange::to(Status::Processing, paid_over(*over_paid))
            }
            .of(*invoice, &[Kind::InvoiceProcessing]),
            Fact::InvoiceSettled {
                invoice,
                manually_marked,
                over_paid,
            } => {
                let marked = marked(*manually_marked);
                InvoiceChange {
                    manually_marked: Some(*manually_marked),
                    over_paid: Some(*over_paid),
                    ..InvoiceChange::to(
                        Status::Settled,
                        marked.unwrap_or_else(|| paid_over(*over_paid)),
                    )
                }
                .of(*invoice, &[Kind::InvoiceSettled])
            }
            Fact::InvoiceInvalid {
                invoice,
                manually_marked,
            } => InvoiceChange {
                manually_marked: Some(*manually_marked),
                ..InvoiceChange::to(
                    Status::Invalid,
                    marked(*manually_marked).unwrap_or(Additional::None),
                )
            }
            .of(*invoice, &[Kind::InvoiceInvalid]),
            Fact::InvoiceExpired {
                invoice,
                partially_paid: false,
            } => InvoiceChange {
                partially_paid: Some(false),
                ..InvoiceChange::to(Status::Expired, Additional::None)
            }
            .of(*invoice, &[Kind::InvoiceExpired]),
            Fact::InvoiceExpired {
                invoice,
                partially_paid: true,
            } => InvoiceChange {
                partially_paid: Some(true),
                ..InvoiceChange::to(Status::Expired, Additional::PaidPartial)
            }
            .of(
                *invoice,
                &[Kind::InvoiceExpired, Kind::InvoiceExpiredPaidPartial],
            ),
            Fact::InvoicePaidAfterExpiration { invoice } => {
                InvoiceChange::to(Status::Expired, Additional::PaidLate)
                    .of(*invoice, &[Kind::InvoicePaidAfterExpiration])
            }
            Fact::PayoutCreated { payout, .. } => told(
                *payout,
                &[Kind::PayoutCreated],
                PayoutState::AwaitingApproval,
            ),
            Fact::PayoutApproved { payout } => told(
                *payout,
                &[Kind::PayoutApproved],
                PayoutState::AwaitingPayment,
            ),
            Fact::PayoutApprovalWithdrawn { payout } => told(
                *payout,
                &[Kind::PayoutUpdated],
                PayoutState::AwaitingApproval,
            ),
            Fact::PayoutPutBack { payout } => told(
                *payout,
                &[Kind::PayoutUpdated],
                PayoutState::AwaitingPayment,
            ),
            Fact::PayoutInHand { payout } | Fact::PayoutAttemptRecorded { payout, .. } => {
                told(*payout, &[Kind::PayoutUpdated], PayoutState::InProgress)
            }
            Fact::PayoutPaidByHand { payout, .. }
            | Fact::PayoutCompleted { payout, .. }
            | Fact::PayoutProofFound { payout, .. }
            | Fact::PayoutProofCorrected { payout, .. } => {
                told(*payout, &[Kind::PayoutUpdated], PayoutState::Completed)
            }
            Fact::PayoutAttemptFailed { payout, why, .. } => {
                failed(*payout, PayoutState::AwaitingPayment, why)
            }
            Fact::PayoutCancelled { payout, why } => failed(*payout, PayoutState::Cancelled, why),
            Fact::PayoutInReview { payout, why } => failed(*payout, PayoutState::InProgress, why),
            Fact::StoreCreated
            | Fact::InvoicePaymentLost { .. }
            | Fact::InvoiceReopened { .. }
            | Fact::InvoicePromptRenewed { .. }
            | Fact::StrayReceived { .. }
            | Fact::ApiInvoicePaid { .. }
            | Fact::PullPaymentCreated { .. }
            | Fact::PullPaymentArchived { .. }
            | Fact::PayoutAttemptSent { .. }
            | Fact::PayoutPaidTwice { .. }
            | Fact::PaymentRecordForgotten { .. }
            | Fact::PayoutUnconfirmed { .. }
            | Fact::NodeNote { .. }
            | Fact::ApiInvoicePaidInside { .. }
            | Fact::PayoutReviewed { .. }
            | Fact::PayoutPaidTwiceSeen { .. }
            | Fact::ForeignPaymentArrived { .. }
            | Fact::PayoutFeeRaised { .. }
            | Fact::PayoutReconfirmed { .. }
            | Fact::UnknownSpend { .. }
            | Fact::UnknownSpendGone { .. }
            | Fact::TillReleased
            | Fact::OwnerSpent { .. }
            | Fact::OwnerSpentGone { .. }
            | Fact::DraftMade { .. }
            | Fact::DraftClosed { .. }
            | Fact::StrayLost { .. }
            | Fact::StrayReturned { .. }
            | Fact::NodeFunded { .. }
            | Fact::NodeFundingLost { .. }
            | Fact::NodeCost { .. }
            | Fact::NodeGain { .. }
            | Fact::NodeForwarded { .. }
            | Fact::StrayAssigned { .. }
            | Fact::PullPaymentChanged { .. }
            | Fact::InvoiceMethodActivated { .. }
            | Fact::MemberSet { .. }
            | Fact::MemberRemoved { .. } => return None,
        };
        Some(telling)
    }
}

impl InvoiceChange {
    fn to(status: Status, additional: Additional) -> Self {
        Self {
            stands: Some((status, additional)),
            ..Self::default()
        }
    }

    fn by(receipt: ReceiptKey, amount: Msat, after_expiration: bool) -> Self {
        Self {
            payment: Some((receipt, amount)),
            after_expiration: Some(after_expiration),
            ..Self::default()
        }
    }

    const fn of(self, invoice: InvoiceId, kinds: &'static [Kind]) -> Telling {
        Telling {
            kinds,
            what: What::Invoice(invoice, self),
        }
    }
}

const fn paid_over(over_paid: bool) -> Additional {
    if over_paid {
        Additional::PaidOver
    } else {
        Additional::None
    }
}

fn marked(by_hand: bool) -> Option<Additional> {
    by_hand.then_some(Additional::Marked)
}

const fn told(payout: PayoutId, kinds: &'static [Kind], state: PayoutState) -> Telling {
    Telling {
        kinds,
        what: What::Payout(payout, state, None),
    }
}

fn failed(payout: PayoutId, state: PayoutState, why: &str) -> Telling {
    Telling {
        kinds: &[Kind::PayoutUpdated],
        what: What::Payout(payout, state, Some(why.to_owned())),
    }
}
