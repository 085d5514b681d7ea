//! The books: double entry, in millisatoshi, derived from the facts of the journal and from nothing else.
//!
//! What the house holds is positive, what it owes is negative, and every fact's postings sum to zero (P11 the books
//! balance). Replaying the journal gives every balance again.

use std::fmt;
use std::ops::{Add, AddAssign, Neg, Sub};

use super::fact::Fact;
use super::ids::StoreId;
use super::money::Msat;
use super::receipt::{Rail, ReceiptKey, Way};

/// An amount that may be negative, in millisatoshi. Wide enough that no sum of ours can wrap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Signed(pub i128);

impl Signed {
    /// No money.
    pub const ZERO: Self = Self(0);

    /// What is there of it, nothing if it is negative.
    pub fn to_msat_floor(self) -> Msat {
        Msat(u64::try_from(self.0.max(0)).unwrap_or(u64::MAX))
    }

    /// How far it is from zero.
    pub fn distance(self) -> Msat {
        Msat(u64::try_from(self.0.unsigned_abs()).unwrap_or(u64::MAX))
    }
}

impl From<Msat> for Signed {
    fn from(amount: Msat) -> Self {
        Self(amount.0.into())
    }
}

impl Add for Signed {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Signed {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Signed {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl Neg for Signed {
    type Output = Self;

    fn neg(self) -> Self {
        Self(self.0.saturating_neg())
    }
}

impl std::iter::Sum for Signed {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::ZERO, Self::add)
    }
}

impl fmt::Display for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} msat", self.0)
    }
}

/// Where money is, or whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Account {
    /// Coins of a store's tills.
    Till(StoreId),
    /// Everything the node holds: channels, its own wallet, what comes back from closed channels.
    Node,
    /// What the house owes a store for money that came in over a rail, less what it paid out.
    Store(StoreId, Rail),
    /// What a store's payouts cost beside.
    Fees(StoreId, Rail),
    /// The operator: what they put into the node, and what came to the node for no store.
    Operator,
    /// What channels cost.
    NodeCosts,
    /// Between two stores of this house: money that was paid to an invoice of our own. Empty after every fact.
    Inside,
}

impl Account {
    /// What is owed for a store's money; the house's own is the operator's.
    pub fn claim(store: StoreId, rail: Rail) -> Self {
        if store == StoreId::HOUSE {
            Self::Operator
        } else {
            Self::Store(store, rail)
        }
    }

    fn fees(store: StoreId, rail: Rail) -> Self {
        if store == StoreId::HOUSE {
            Self::Operator
        } else {
            Self::Fees(store, rail)
        }
    }

    /// Where money that came in is.
    fn holder(store: StoreId, receipt: &ReceiptKey) -> Self {
        match receipt {
            ReceiptKey::Lightning(_) => Self::Node,
            ReceiptKey::Onchain(_) => Self::Till(store),
            ReceiptKey::Inside(_) => Self::Inside,
        }
    }

    /// As it stands in keys: a kind, a rail if it has one, a store if it has one.
    pub fn to_key(self) -> Vec<u8> {
        let key =
            |kind: u8, rail: &[u8], store: StoreId| [&[kind][..], rail, store.as_bytes()].concat();
        match self {
            Self::Till(store) => key(0, &[], store),
            Self::Node => vec![1],
            Self::Store(store, rail) => key(2, &[rail_byte(rail)], store),
            Self::Fees(store, rail) => key(3, &[rail_byte(rail)], store),
            Self::Operator => vec![4],
            Self::NodeCosts => vec![5],
            Self::Inside => vec![6],
        }
    }

    /// From a key.
    pub fn from_key(key: &[u8]) -> Option<Self> {
        let (kind, rest) = key.split_first()?;
        let with_rail = || {
            let (rail, store) = rest.split_first()?;
            let rail = Rail::ALL.into_iter().find(|one| rail_byte(*one) == *rail)?;
            Some((StoreId::from_slice(store)?, rail))
        };
        match (kind, rest) {
            (0, store) => StoreId::from_slice(store).map(Self::Till),
            (1, []) => Some(Self::Node),
            (2, _) => with_rail().map(|(store, rail)| Self::Store(store, rail)),
            (3, _) => with_rail().map(|(store, rail)| Self::Fees(store, rail)),
            (4, []) => Some(Self::Operator),
            (5, []) => Some(Self::NodeCosts),
            (6, []) => Some(Self::Inside),
            _ => None,
        }
    }
}

const fn rail_byte(rail: Rail) -> u8 {
    match rail {
        Rail::Lightning => 0,
        Rail::Onchain => 1,
    }
}

/// As the audit names it.
impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rail_of = |rail: &Rail| rail.method_id();
        match self {
            Self::Till(store) => write!(f, "till of {store}"),
            Self::Node => f.write_str("node"),
            Self::Store(store, rail) => write!(f, "claim of {store} {}", rail_of(rail)),
            Self::Fees(store, rail) => write!(f, "fees of {store} {}", rail_of(rail)),
            Self::Operator => f.write_str("operator"),
            Self::NodeCosts => f.write_str("channel costs"),
            Self::Inside => f.write_str("inside"),
        }
    }
}

/// One line of an entry in the books.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Posting {
    /// Which account.
    pub account: Account,
    /// How much it rises or falls.
    pub amount: Signed,
}

/// What kind of movement a fact is: the audit counts each kind a second time, from the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Movement {
    /// Money for a store came in, or is gone again.
    Receipt,
    /// A payout was completed.
    Payout,
    /// A payment that no completed payout explains.
    Unexplained,
    /// The node's own money.
    Node,
}

/// What moved, how it is posted. Empty for a fact that moves nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Postings {
    /// Which kind.
    pub movement: Option<Movement>,
    /// The lines; they sum to zero.
    pub lines: Vec<Posting>,
}

impl Postings {
    fn none() -> Self {
        Self::default()
    }

    /// Money goes from one account to another: what `to` holds rises, what `from` holds falls or what it is owed
    /// rises.
    fn transfer(movement: Movement, from: Account, to: Account, amount: Msat) -> Self {
        let lines = [(to, Signed::from(amount)), (from, -Signed::from(amount))];
        Self::of(movement, &lines)
    }

    fn of(movement: Movement, lines: &[(Account, Signed)]) -> Self {
        let lines = lines
            .iter()
            .filter(|(_, amount)| *amount != Signed::ZERO)
            .map(|(account, amount)| Posting {
                account: *account,
                amount: *amount,
            })
            .collect();
        Self {
            movement: Some(movement),
            lines,
        }
    }

    /// P11 the books balance.
    pub fn is_balanced(&self) -> bool {
        self.lines.iter().map(|line| line.amount).sum::<Signed>() == Signed::ZERO
    }
}

/// What a fact of a store means for the books.
#[expect(clippy::too_many_lines, reason = "one arm a fact")]
pub fn postings(store: StoreId, fact: &Fact) -> Postings {
    match fact {
        Fact::InvoiceReceivedPayment {
            receipt, amount, ..
        }
        | Fact::StrayReceived { receipt, amount }
        | Fact::StrayReturned { receipt, amount } => came_in(store, receipt, *amount),
        Fact::InvoicePaymentLost {
            receipt, amount, ..
        }
        | Fact::StrayLost { receipt, amount }
        // The invoice's own facts take it in again.
        | Fact::StrayAssigned {
            receipt, amount, ..
        } => went_again(store, receipt, *amount),
        Fact::ApiInvoicePaid { hash, amount } => {
            came_in(store, &ReceiptKey::Lightning(*hash), *amount)
        }
        Fact::PayoutCompleted {
            amount, fee, way, ..
        } => went_out(
            Movement::Payout,
            store,
            way.unwrap_or_default(),
            *amount,
            *fee,
        ),
        Fact::ApiInvoicePaidInside { payout, amount, .. } => {
            came_in(store, &ReceiptKey::Inside(*payout), *amount)
        }
        Fact::PayoutPaidTwice {
            amount: Some(amount),
            fee: Some(fee),
            way: Some(way),
            ..
        } => went_out(Movement::Unexplained, store, *way, *amount, *fee),
        Fact::PayoutProofFound {
            fee_before,
            fee,
            way,
            ..
        } => {
            let more = Signed::from(*fee) - Signed::from(*fee_before);
            let (from, rail) = source(store, *way);
            let lines = [(from, -more), (Account::fees(store, rail), more)];
            Postings::of(Movement::Payout, &lines)
        }
        Fact::ForeignPaymentArrived { amount, fee, .. } => Postings::transfer(
            Movement::Node,
            Account::Node,
            Account::Operator,
            (amount.unwrap_or_default()).plus(fee.unwrap_or_default()),
        ),
        Fact::PayoutProofCorrected {
            fee_before,
            fee_after,
            ..
        } => {
            let more = Signed::from(*fee_after) - Signed::from(*fee_before);
            Postings::of(
                Movement::Payout,
                &[
                    (Account::Till(store), -more),
                    (Account::fees(store, Rail::Onchain), more),
                ],
            )
        }
        Fact::UnknownSpend { amount, .. } | Fact::OwnerSpent { amount, .. } => Postings::transfer(
            Movement::Unexplained,
            Account::Till(store),
            Account::claim(store, Rail::Onchain),
            *amount,
        ),
        Fact::UnknownSpendGone { amount, .. } | Fact::OwnerSpentGone { amount, .. } => Postings::transfer(
            Movement::Unexplained,
            Account::claim(store, Rail::Onchain),
            Account::Till(store),
            *amount,
        ),
        Fact::NodeFunded { amount, .. } => {
            Postings::transfer(Movement::Node, Account::Operator, Account::Node, *amount)
        }
        Fact::NodeFundingLost { amount, .. } => {
            Postings::transfer(Movement::Node, Account::Node, Account::Operator, *amount)
        }
        Fact::NodeCost { amount, .. } => {
            Postings::transfer(Movement::Node, Account::Node, Account::NodeCosts, *amount)
        }
        Fact::NodeGain { amount, .. } => {
            Postings::transfer(Movement::Node, Account::NodeCosts, Account::Node, *amount)
        }
        Fact::NodeForwarded { fee } => {
            Postings::transfer(Movement::Node, Account::Operator, Account::Node, *fee)
        }
        // Told beside InvoiceReceivedPayment, or about no money.
        Fact::InvoicePaymentSettled { .. }
        | Fact::StoreCreated
        | Fact::InvoiceCreated { .. }
        | Fact::InvoiceProcessing { .. }
        | Fact::InvoiceSettled { .. }
        | Fact::InvoiceReopened { .. }
        | Fact::InvoiceExpired { .. }
        | Fact::InvoicePaidAfterExpiration { .. }
        | Fact::InvoiceInvalid { .. }
        | Fact::InvoicePromptRenewed { .. }
        | Fact::PullPaymentCreated { .. }
        | Fact::PullPaymentArchived { .. }
        | Fact::PayoutCreated { .. }
        | Fact::PayoutApproved { .. }
        | Fact::PayoutAttemptRecorded { .. }
        | Fact::PayoutAttemptSent { .. }
        | Fact::PayoutAttemptFailed { .. }
        | Fact::PayoutCancelled { .. }
        | Fact::PayoutInReview { .. }
        | Fact::PayoutPaidTwice { .. }
        | Fact::PayoutPaidTwiceSeen { .. }
        | Fact::PayoutReviewed { .. }
        | Fact::PaymentRecordForgotten { .. }
        | Fact::PayoutUnconfirmed { .. }
        | Fact::PayoutFeeRaised { .. }
        | Fact::PayoutReconfirmed { .. }
        | Fact::PayoutInHand { .. }
        // It was paid by other means.
        | Fact::PayoutPaidByHand { .. }
        | Fact::PayoutPutBack { .. }
        | Fact::PayoutApprovalWithdrawn { .. }
        | Fact::PullPaymentChanged { .. }
        | Fact::InvoiceMethodActivated { .. }
        | Fact::TillReleased
        | Fact::DraftMade { .. }
        | Fact::DraftClosed { .. }
        | Fact::MemberSet { .. }
        | Fact::MemberRemoved { .. }
        | Fact::NodeNote { .. } => Postings::none(),
    }
}

fn came_in(store: StoreId, receipt: &ReceiptKey, amount: Msat) -> Postings {
    Postings::transfer(
        Movement::Receipt,
        Account::claim(store, receipt.rail()),
        Account::holder(store, receipt),
        amount,
    )
}

fn went_again(store: StoreId, receipt: &ReceiptKey, amount: Msat) -> Postings {
    Postings::transfer(
        Movement::Receipt,
        Account::holder(store, receipt),
        Account::claim(store, receipt.rail()),
        amount,
    )
}

/// Where money that goes this way is taken from, and which claim it is charged to.
const fn source(store: StoreId, way: Way) -> (Account, Rail) {
    match way {
        Way::Lightning => (Account::Node, Rail::Lightning),
        Way::Onchain => (Account::Till(store), Rail::Onchain),
        Way::Inside => (Account::Inside, Rail::Lightning),
    }
}

/// Money that left for a payee, and what it cost beside.
fn went_out(movement: Movement, store: StoreId, way: Way, amount: Msat, fee: Msat) -> Postings {
    let (from, rail) = source(store, way);
    // The chain knows no parts of a satoshi: what is sent is rounded up.
    let amount = match way {
        Way::Onchain => amount.to_sat_ceil().to_msat(),
        Way::Lightning | Way::Inside => amount,
    };
    let (amount, fee) = (Signed::from(amount), Signed::from(fee));
    Postings::of(
        movement,
        &[
            (from, -(amount + fee)),
            (Account::claim(store, rail), amount),
            (Account::fees(store, rail), fee),
        ],
    )
}

#[cfg(test)]
mod tests;
