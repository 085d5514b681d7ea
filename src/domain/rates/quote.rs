//! A bid and an ask, and arithmetic on them.

use rust_decimal::Decimal;

/// What buyers offer and what sellers ask. The bid is never above the ask.
///
/// Arithmetic takes the worse end of each side, as with intervals: the result holds every price that can come of it.
/// `None` is an overflow, or a division by what may be zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BidAsk {
    bid: Decimal,
    ask: Decimal,
}

impl BidAsk {
    /// The number one.
    pub const ONE: Self = Self {
        bid: Decimal::ONE,
        ask: Decimal::ONE,
    };

    /// A number, without a distance between bid and ask.
    pub const fn exact(number: Decimal) -> Self {
        Self {
            bid: number,
            ask: number,
        }
    }

    /// A bid and an ask; `None` if the bid is the higher one.
    pub fn new(bid: Decimal, ask: Decimal) -> Option<Self> {
        (bid <= ask).then_some(Self { bid, ask })
    }

    /// What one gets for selling.
    pub const fn bid(self) -> Decimal {
        self.bid
    }

    /// What one gives for buying.
    pub const fn ask(self) -> Decimal {
        self.ask
    }

    /// A price: both sides are positive.
    pub fn is_price(self) -> bool {
        self.bid > Decimal::ZERO
    }

    /// With as few decimals as it takes.
    #[must_use]
    pub fn normalize(self) -> Self {
        Self {
            bid: self.bid.normalize(),
            ask: self.ask.normalize(),
        }
    }

    /// The sum.
    pub fn plus(self, other: Self) -> Option<Self> {
        Self::new(
            self.bid.checked_add(other.bid)?,
            self.ask.checked_add(other.ask)?,
        )
    }

    /// The difference.
    pub fn minus(self, other: Self) -> Option<Self> {
        self.plus(other.negative())
    }

    /// The same below zero.
    #[must_use]
    pub fn negative(self) -> Self {
        Self {
            bid: -self.ask,
            ask: -self.bid,
        }
    }

    /// The product; of positive pairs bid by bid and ask by ask.
    pub fn times(self, other: Self) -> Option<Self> {
        let ends = [
            self.bid.checked_mul(other.bid)?,
            self.bid.checked_mul(other.ask)?,
            self.ask.checked_mul(other.bid)?,
            self.ask.checked_mul(other.ask)?,
        ];
        Self::new(*ends.iter().min()?, *ends.iter().max()?)
    }

    /// The quotient.
    pub fn over(self, other: Self) -> Option<Self> {
        if other.bid <= Decimal::ZERO && other.ask >= Decimal::ZERO {
            return None;
        }
        // Divided at once, and not by the inverse: that one would be rounded already.
        let ends = [
            self.bid.checked_div(other.bid)?,
            self.bid.checked_div(other.ask)?,
            self.ask.checked_div(other.bid)?,
            self.ask.checked_div(other.ask)?,
        ];
        Self::new(*ends.iter().min()?, *ends.iter().max()?)
    }

    /// One divided by it: the sides change places.
    pub fn inverse(self) -> Option<Self> {
        Self::ONE.over(self)
    }

    /// The bid lowered and the ask raised by so many percent.
    pub fn spread(self, percent: Decimal) -> Option<Self> {
        let part = percent.checked_div(Decimal::ONE_HUNDRED)?;
        let factor = Self::new(
            Decimal::ONE.checked_sub(part)?,
            Decimal::ONE.checked_add(part)?,
        )?;
        self.times(factor)
    }
}
