//! Money over Lightning: final, exact, possibly late, possibly more than asked.

use super::Invoice;
use crate::domain::fact::{Fact, Step};
use crate::domain::ids::{PaymentHash, PayoutId, UserId};
use crate::domain::invoice::Status;
use crate::domain::money::Msat;
use crate::domain::receipt::{Receipt, ReceiptKey, ReceiptStanding};
use crate::domain::time::Timestamp;

impl Invoice {
    /// Takes a Lightning payment of one of its hashes. Total: money that arrived can't be refused. The same hash
    /// again changes nothing.
    pub fn receive(self, hash: PaymentHash, amount: Msat, now: Timestamp) -> Step<Self> {
        self.take(ReceiptKey::Lightning(hash), hash, amount, None, now)
    }

    /// Takes a Lightning payment that fits no invoice, by a person's word.
    pub fn adopt_payment(
        self,
        hash: PaymentHash,
        amount: Msat,
        by: UserId,
        now: Timestamp,
    ) -> Step<Self> {
        self.take(ReceiptKey::Lightning(hash), hash, amount, Some(by), now)
    }

    /// Takes what a payout of this server brings to one of its hashes (P7). It does not stand in the way of a payment
    /// of the same hash over the network: that one counts as well.
    pub fn receive_inside(
        self,
        payout: PayoutId,
        hash: PaymentHash,
        amount: Msat,
        now: Timestamp,
    ) -> Step<Self> {
        self.take(ReceiptKey::Inside(payout), hash, amount, None, now)
    }

    fn take(
        mut self,
        key: ReceiptKey,
        hash: PaymentHash,
        amount: Msat,
        assigned_by: Option<UserId>,
        now: Timestamp,
    ) -> Step<Self> {
        if self.receipts.iter().any(|receipt| receipt.key == key) {
            return Step::quiet(self);
        }
        let destination = self
            .lightning
            .iter()
            .find(|prompt| prompt.hash == hash)
            .map(|prompt| prompt.bolt11.clone())
            .unwrap_or_default();
        let after_expiration = self.is_over();
        self.receipts.push(Receipt {
            key,
            amount,
            received_at: now,
            standing: ReceiptStanding::Settled,
            destination,
            assigned_by,
        });
        // Greenfield 5.5: over Lightning the settled payment comes first.
        let mut facts = vec![
            Fact::InvoicePaymentSettled {
                invoice: self.id,
                receipt: key,
                amount,
                after_expiration,
            },
            Fact::InvoiceReceivedPayment {
                invoice: self.id,
                receipt: key,
                amount,
                after_expiration,
            },
        ];
        self.evaluate(now, &mut facts);
        Step { after: self, facts }
    }

    pub(super) const fn is_over(&self) -> bool {
        matches!(self.status, Status::Expired | Status::Invalid)
    }
}
