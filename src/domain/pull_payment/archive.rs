//! Closing a pull payment. May be repeated; the payouts that can still be cancelled are cancelled beside it.

use super::PullPayment;
use crate::domain::fact::{Fact, Step};

impl PullPayment {
    /// Takes no more claims.
    pub fn archive(mut self) -> Step<Self> {
        if self.archived {
            return Step::quiet(self);
        }
        self.archived = true;
        let pull_payment = self.id;
        Step::telling(self, Fact::PullPaymentArchived { pull_payment })
    }
}
