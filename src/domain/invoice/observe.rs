//! Money on the chain, shown as the whole picture of the invoice's address.

use super::Invoice;
use crate::domain::fact::{Fact, Step};
use crate::domain::receipt::{Receipt, ReceiptKey, ReceiptStanding};
use crate::domain::till::Coin;
use crate::domain::time::Timestamp;

/// More blocks than this make no difference to any policy; counting on would rewrite rows for nothing.
const CONFIRMATIONS_MAX: u32 = 6;

impl Invoice {
    /// Looks at everything that now pays its address. What is missing from the picture is lost until it is back.
    pub fn observe(mut self, picture: &[Coin], now: Timestamp) -> Step<Self> {
        let mut facts = Vec::new();
        for coin in picture {
            self.see(coin, now, &mut facts);
        }
        self.miss(picture, &mut facts);
        self.evaluate(now, &mut facts);
        Step { after: self, facts }
    }

    fn see(&mut self, coin: &Coin, now: Timestamp, facts: &mut Vec<Fact>) {
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
                destination: self
                    .onchain
                    .as_ref()
                    .map(|place| place.address.clone())
                    .unwrap_or_default(),
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

    fn miss(&mut self, picture: &[Coin], facts: &mut Vec<Fact>) {
        let invoice = self.id;
        for receipt in &mut self.receipts {
            let ReceiptKey::Onchain(outpoint) = receipt.key else {
                continue;
            };
            let gone = !picture.iter().any(|coin| coin.outpoint == outpoint);
            if gone && receipt.standing != ReceiptStanding::Lost {
                receipt.standing = ReceiptStanding::Lost;
                facts.push(Fact::InvoicePaymentLost {
                    invoice,
                    receipt: receipt.key,
                    amount: receipt.amount,
                });
            }
        }
    }
}
