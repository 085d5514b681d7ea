//! Money on the chain, shown as the whole picture of the invoice's address.

use bitcoin::OutPoint;

use super::Invoice;
use crate::domain::fact::{Fact, Step};
use crate::domain::ids::{InvoiceId, UserId};
use crate::domain::receipt::{Receipt, ReceiptKey, ReceiptStanding};
use crate::domain::till::Coin;
use crate::domain::time::Timestamp;

/// More blocks than this make no difference to any policy; counting on would rewrite rows for nothing.
const CONFIRMATIONS_MAX: u32 = 6;

impl Invoice {
    /// Looks at everything that now pays its address. What is missing from the picture is lost until it is back.
    pub fn observe(mut self, picture: &[Coin], now: Timestamp) -> Step<Self> {
        let mut facts = Vec::new();
        let address = self.onchain.as_ref().map(|place| place.address.clone());
        for coin in picture {
            self.see(coin, address.as_deref(), None, now, &mut facts);
        }
        self.miss(picture, &mut facts);
        self.evaluate(now, &mut facts);
        Step { after: self, facts }
    }

    /// Takes a coin that came to an address of no invoice, by a person's word.
    pub fn adopt_coin(
        mut self,
        coin: &Coin,
        address: &str,
        by: UserId,
        now: Timestamp,
    ) -> Step<Self> {
        let mut facts = Vec::new();
        self.see(coin, Some(address), Some(by), now, &mut facts);
        self.evaluate(now, &mut facts);
        Step { after: self, facts }
    }

    /// Looks at an adopted coin as it now is; `None` if it is gone.
    pub fn observe_adopted(
        mut self,
        outpoint: OutPoint,
        coin: Option<&Coin>,
        now: Timestamp,
    ) -> Step<Self> {
        let mut facts = Vec::new();
        if let Some(coin) = coin {
            self.see(coin, None, None, now, &mut facts);
        } else {
            let key = ReceiptKey::Onchain(outpoint);
            let adopted = self.receipts.iter_mut().filter(|one| one.key == key);
            facts.extend(adopted.filter_map(|receipt| lose(self.id, receipt)));
        }
        self.evaluate(now, &mut facts);
        Step { after: self, facts }
    }

    /// `address` and `assigned_by` are for a coin that is new.
    fn see(
        &mut self,
        coin: &Coin,
        address: Option<&str>,
        assigned_by: Option<UserId>,
        now: Timestamp,
        facts: &mut Vec<Fact>,
    ) {
        let key = ReceiptKey::Onchain(coin.outpoint);
        let needed = self.terms.speed.confirmations(coin.replaceable);
        let standing = if coin.confirmations >= needed {
            ReceiptStanding::Settled
        } else {
            ReceiptStanding::Processing {
                confirmations: coin.confirmations.min(CONFIRMATIONS_MAX),
            }
        };
        let (invoice, amount, after_expiration) = (self.id, coin.amount.to_msat(), self.is_over());
        let known = self.receipts.iter_mut().find(|known| known.key == key);
        let before = known.as_ref().map(|receipt| receipt.standing);
        if let Some(receipt) = known {
            receipt.standing = standing;
        } else {
            self.receipts.push(Receipt {
                key,
                amount,
                received_at: now,
                standing,
                destination: address.unwrap_or_default().to_owned(),
                assigned_by,
            });
        }
        if matches!(before, None | Some(ReceiptStanding::Lost)) {
            facts.push(Fact::InvoiceReceivedPayment {
                invoice,
                receipt: key,
                amount,
                after_expiration,
            });
        }
        if standing == ReceiptStanding::Settled && before != Some(ReceiptStanding::Settled) {
            facts.push(Fact::InvoicePaymentSettled {
                invoice,
                receipt: key,
                amount,
                after_expiration,
            });
        }
    }

    /// What came to its own address and is not in the picture of that address is gone.
    fn miss(&mut self, picture: &[Coin], facts: &mut Vec<Fact>) {
        for receipt in &mut self.receipts {
            let ReceiptKey::Onchain(outpoint) = receipt.key else {
                continue;
            };
            let gone = !picture.iter().any(|coin| coin.outpoint == outpoint);
            if gone && receipt.assigned_by.is_none() {
                facts.extend(lose(self.id, receipt));
            }
        }
    }
}

/// A receipt that was not lost before is lost now.
fn lose(invoice: InvoiceId, receipt: &mut Receipt) -> Option<Fact> {
    if receipt.standing == ReceiptStanding::Lost {
        return None;
    }
    receipt.standing = ReceiptStanding::Lost;
    Some(Fact::InvoicePaymentLost {
        invoice,
        receipt: receipt.key,
        amount: receipt.amount,
    })
}
