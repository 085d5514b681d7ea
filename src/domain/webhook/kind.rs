//! What kinds of event there are.

use minicbor::{Decode, Encode};

/// A kind of event (Greenfield 5.5 `type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Kind {
    /// An invoice was made.
    #[n(0)]
    InvoiceCreated,
    /// Money for it was seen.
    #[n(1)]
    InvoiceReceivedPayment,
    /// That money can't go away again.
    #[n(2)]
    InvoicePaymentSettled,
    /// It is covered.
    #[n(3)]
    InvoiceProcessing,
    /// It is paid.
    #[n(4)]
    InvoiceSettled,
    /// It was given up.
    #[n(5)]
    InvoiceInvalid,
    /// Its time ran out.
    #[n(6)]
    InvoiceExpired,
    /// The same, and part of it had been paid.
    #[n(7)]
    InvoiceExpiredPaidPartial,
    /// It was covered after that.
    #[n(8)]
    InvoicePaidAfterExpiration,
    /// A payout was asked for.
    #[n(9)]
    PayoutCreated,
    /// It may be paid.
    #[n(10)]
    PayoutApproved,
    /// Its state, or what is known of it, has changed.
    #[n(11)]
    PayoutUpdated,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 12] = [
        Self::InvoiceCreated,
        Self::InvoiceReceivedPayment,
        Self::InvoicePaymentSettled,
        Self::InvoiceProcessing,
        Self::InvoiceSettled,
        Self::InvoiceInvalid,
        Self::InvoiceExpired,
        Self::InvoiceExpiredPaidPartial,
        Self::InvoicePaidAfterExpiration,
        Self::PayoutCreated,
        Self::PayoutApproved,
        Self::PayoutUpdated,
    ];

    /// Greenfield's name of it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::InvoiceCreated => "InvoiceCreated",
            Self::InvoiceReceivedPayment => "InvoiceReceivedPayment",
            Self::InvoicePaymentSettled => "InvoicePaymentSettled",
            Self::InvoiceProcessing => "InvoiceProcessing",
            Self::InvoiceSettled => "InvoiceSettled",
            Self::InvoiceInvalid => "InvoiceInvalid",
            Self::InvoiceExpired => "InvoiceExpired",
            Self::InvoiceExpiredPaidPartial => "InvoiceExpiredPaidPartial",
            Self::InvoicePaidAfterExpiration => "InvoicePaidAfterExpiration",
            Self::PayoutCreated => "PayoutCreated",
            Self::PayoutApproved => "PayoutApproved",
            Self::PayoutUpdated => "PayoutUpdated",
        }
    }
}
