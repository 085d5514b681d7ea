//! Strays: money that fits no invoice, until a person says which one it is meant for.

use super::{Gateway, Unavailable};
use crate::domain::fact::{Fact, Step};
use crate::domain::ids::{InvoiceId, StoreId, UserId};
use crate::domain::invoice::Invoice;
use crate::domain::receipt::ReceiptKey;
use crate::domain::till::Coin;
use crate::domain::time::Timestamp;
use crate::store::receipt::{Assignment, Stray};
use crate::store::{self, Tx, WriteError};

/// What a person says about a stray.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assign {
    /// Whose stray it is: a store's, or the house's.
    pub from: StoreId,
    /// What came.
    pub receipt: ReceiptKey,
    /// The store of the invoice.
    pub store: StoreId,
    /// The invoice it is meant for.
    pub invoice: InvoiceId,
    /// Who says so.
    pub by: UserId,
}

/// Why a stray is not assigned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AssignRefusal {
    /// 404 `stray-not-found`.
    #[error("There is no such payment among those that fit no invoice.")]
    UnknownStray,
    /// 404 `invoice-not-found`.
    #[error("There is no such invoice.")]
    UnknownInvoice,
    /// 400 `already-assigned`: to this invoice.
    #[error("This payment has already been assigned to invoice {0}.")]
    AlreadyAssigned(InvoiceId),
    /// 400 `other-store`: coins in one store's wallet can't pay another's invoice.
    #[error("The invoice is of another store than the payment.")]
    OtherStore,
    /// 400 `payment-lost`: double-spent or reorganised away; it may come back.
    #[error("This payment is gone: it was replaced, double-spent or reorganised away.")]
    Lost,
    /// 503.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<WriteError> for AssignRefusal {
    fn from(error: WriteError) -> Self {
        Self::Unavailable(error.into())
    }
}

impl Gateway {
    /// Everything that fitted no invoice of a store, or of the house, the newest first.
    pub async fn strays(&self, store: StoreId) -> Vec<Stray> {
        let mut strays = (self.store)
            .read(move |rows| store::receipt::strays(rows, store))
            .await;
        strays.sort_by_key(|stray| std::cmp::Reverse((stray.received_at, stray.key)));
        strays
    }

    /// Gives a stray to an invoice, once: it counts there as if it had come for it, late or as a surplus. The house's
    /// strays may go to any invoice, a store's only to its own.
    pub async fn assign_stray(&self, assign: Assign) -> Result<Invoice, AssignRefusal> {
        let now = self.now();
        self.store
            .try_write("stray-assign", move |tx| take(tx, assign, now))
            .await
    }
}

fn take(tx: &mut Tx<'_>, assign: Assign, now: Timestamp) -> Result<Invoice, AssignRefusal> {
    let stray = store::receipt::stray(tx, assign.from, assign.receipt)
        .ok_or(AssignRefusal::UnknownStray)?;
    if let Some(before) = stray.assigned {
        return Err(AssignRefusal::AlreadyAssigned(before.invoice));
    }
    let invoice = store::invoice::find(tx, assign.invoice).ok_or(AssignRefusal::UnknownInvoice)?;
    let may = assign.from == StoreId::HOUSE || assign.from == assign.store;
    if !may || invoice.store != assign.store {
        return Err(AssignRefusal::OtherStore);
    }
    let Step { after, facts } = adopt(tx, invoice, &stray, assign.by, now)?;
    let moved = Fact::StrayAssigned {
        receipt: stray.key,
        amount: stray.amount,
        invoice: after.id,
        by: assign.by,
    };
    let assigned = Assignment {
        store: after.store,
        invoice: after.id,
        by: assign.by,
        at: now,
    };
    let stray = Stray {
        assigned: Some(assigned),
        ..stray
    };
    store::receipt::put_stray(tx, assign.from, &stray);
    store::receipt::put_known(tx, stray.key, after.store);
    store::invoice::put(tx, &after);
    tx.announce(assign.from, vec![moved], now);
    tx.announce(after.store, facts, now);
    tx.concerns(after.store, after.id.as_bytes());
    Ok(after)
}

fn adopt(
    tx: &Tx<'_>,
    invoice: Invoice,
    stray: &Stray,
    by: UserId,
    now: Timestamp,
) -> Result<Step<Invoice>, AssignRefusal> {
    match stray.key {
        ReceiptKey::Lightning(hash) => Ok(invoice.adopt_payment(hash, stray.amount, by, now)),
        ReceiptKey::Onchain(_) => {
            let (coin, address) = coin_of(tx, stray).ok_or(AssignRefusal::Lost)?;
            Ok(invoice.adopt_coin(&coin, &address, by, now))
        }
        // What a payout paid from inside has its invoice from the start: there is no such stray.
        ReceiptKey::Inside(_) => Err(AssignRefusal::Lost),
    }
}

/// The coin of a stray as the best chain and the mempool show it now, and the address it pays.
fn coin_of(tx: &Tx<'_>, stray: &Stray) -> Option<(Coin, String)> {
    let (ReceiptKey::Onchain(outpoint), Some(place)) = (stray.key, &stray.place) else {
        return None;
    };
    let coin = tx.tills().coin(place.till, outpoint)?;
    Some((coin, place.address.clone()))
}
