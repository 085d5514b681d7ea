//! Changing the terms of a pull payment (D33). What was claimed stays as it is.

use rust_decimal::Decimal;

use super::PullPayment;
use crate::domain::fact::{Fact, Step};
use crate::domain::money::Parts;
use crate::domain::time::Timestamp;

/// New terms; what is `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// What receivers read.
    pub name: Option<String>,
    /// More words for the claim page.
    pub description: Option<String>,
    /// The limit.
    pub limit: Option<Decimal>,
    /// Not after.
    pub expires_at: Option<Timestamp>,
    /// Claims need no person.
    pub auto_approve: Option<bool>,
    /// The most that one claim may take.
    pub claim_max: Option<Decimal>,
    /// How many claims there may be.
    pub claims_max: Option<u32>,
}

/// Why the terms can't be changed so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CantChange {
    /// More has been claimed already.
    #[error("More than this has been claimed already.")]
    BelowUsed,
    /// Not positive, too large, or not in whole satoshi.
    #[error("This is no amount that can be claimed.")]
    Limit,
    /// The same of a single claim's amount.
    #[error("This is no amount that a claim can take.")]
    ClaimMax,
    /// It would end before it starts.
    #[error("It would expire before it starts.")]
    ExpiresAt,
}

impl PullPayment {
    /// Takes new terms, all or none.
    pub fn change(mut self, change: Change) -> Result<Step<Self>, CantChange> {
        let before = self.clone();
        let currency = self.limit.currency;
        if let Some(amount) = change.limit {
            let parts = Parts::positive(amount, currency).ok_or(CantChange::Limit)?;
            if parts < self.budget.used() {
                return Err(CantChange::BelowUsed);
            }
            self.limit.amount = amount;
            self.budget.limit = parts;
        }
        if let Some(amount) = change.claim_max {
            let parts = Parts::positive(amount, currency).ok_or(CantChange::ClaimMax)?;
            self.claim_max = Some(parts);
        }
        if change.expires_at.is_some_and(|end| end < self.starts_at) {
            return Err(CantChange::ExpiresAt);
        }
        self.expires_at = change.expires_at.or(self.expires_at);
        self.claims_max = change.claims_max.or(self.claims_max);
        self.auto_approve = change.auto_approve.unwrap_or(self.auto_approve);
        self.name = change.name.unwrap_or(self.name);
        self.description = change.description.unwrap_or(self.description);
        if self == before {
            return Ok(Step::quiet(self));
        }
        let pull_payment = self.id;
        Ok(Step::telling(
            self,
            Fact::PullPaymentChanged { pull_payment },
        ))
    }
}
