//! Payouts to invoices of this server: settled in the books, never sent (P7).

use super::settle::commit;
use crate::domain::destination::{Bolt11Destination, Destination};
use crate::domain::fact::Fact;
use crate::domain::ids::StoreId;
use crate::domain::invoice::{Invoice, Status};
use crate::domain::money::Msat;
use crate::domain::payout::{Payable, Payout};
use crate::domain::receipt::ReceiptKey;
use crate::domain::time::Timestamp;
use crate::store::invoice::HashOwner;
use crate::store::node::{ApiInvoice, Paid};
use crate::store::{self, Rows, Tx};

/// Why an invoice of this server is not paid from inside. For the person who gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OwnRefusal {
    /// Its hash is ours and its signature is not, or it is signed by us and we don't know it.
    #[error("This invoice belongs to this server itself, and can't be paid here.")]
    Unknown,
    /// Covered, or paid by this very BOLT11.
    #[error("This invoice has been paid already.")]
    Paid,
    /// Its time ran out, or it was given up.
    #[error("This invoice has expired, or is about to. Make a new one.")]
    Over,
    /// A part is not taken.
    #[error("This is less than the invoice asks for.")]
    TooLittle,
}

/// An invoice of this server that may be settled with.
#[derive(Clone, Debug)]
pub struct Own {
    payable: Payable,
    owner: Owner,
}

#[derive(Clone, Debug)]
enum Owner {
    Invoice(Box<Invoice>),
    Api(StoreId, Box<ApiInvoice>),
}

/// Looks whether a BOLT11 is ours: `None` if it is somebody else's. The rules are those of a payment over the
/// network: all of it at once, in time, once.
pub fn find(
    rows: &dyn Rows,
    bolt11: &Bolt11Destination,
    amount: Msat,
    node_id: &[u8; 33],
    now: Timestamp,
) -> Result<Option<Own>, OwnRefusal> {
    let hash = bolt11.hash;
    let ours = bolt11.payee == *node_id;
    let owner = match store::invoice::hash_owner(rows, hash) {
        None if ours => return Err(OwnRefusal::Unknown),
        None => return Ok(None),
        Some(_) if !ours => return Err(OwnRefusal::Unknown),
        Some(owner) => owner,
    };
    if bolt11.expires_at <= now {
        return Err(OwnRefusal::Over);
    }
    if bolt11.amount.is_some_and(|asked| amount < asked) {
        return Err(OwnRefusal::TooLittle);
    }
    let (preimage, owner) = match owner {
        HashOwner::Invoice { store, invoice } => {
            let invoice = store::invoice::get(rows, store, invoice).ok_or(OwnRefusal::Unknown)?;
            match invoice.status {
                Status::New => {}
                Status::Processing | Status::Settled => return Err(OwnRefusal::Paid),
                Status::Expired | Status::Invalid => return Err(OwnRefusal::Over),
            }
            let key = ReceiptKey::Lightning(hash);
            if invoice.receipts.iter().any(|receipt| receipt.key == key) {
                return Err(OwnRefusal::Paid);
            }
            let shown = invoice.lightning.iter().find(|shown| shown.hash == hash);
            let preimage = shown.map(|shown| shown.preimage);
            (preimage, Owner::Invoice(Box::new(invoice)))
        }
        HashOwner::Api { store } => {
            let invoice = store::node::api_invoice(rows, store, hash).ok_or(OwnRefusal::Unknown)?;
            if invoice.paid.is_some() {
                return Err(OwnRefusal::Paid);
            }
            (Some(invoice.preimage), Owner::Api(store, Box::new(invoice)))
        }
    };
    let preimage = preimage.ok_or(OwnRefusal::Unknown)?;
    let payable = Payable { hash, preimage };
    Ok(Some(Own { payable, owner }))
}

/// Whose invoice a payout names, if it is one of this server.
pub fn payee(rows: &dyn Rows, payout: &Payout) -> Option<StoreId> {
    let Destination::Bolt11(bolt11) = &payout.destination else {
        return None;
    };
    store::invoice::hash_owner(rows, bolt11.hash).map(|owner| match owner {
        HashOwner::Invoice { store, .. } | HashOwner::Api { store } => store,
    })
}

/// Settles a payout with the invoice of this server that it names, or gives it up if that can't be paid any more.
pub fn settle(tx: &mut Tx<'_>, payout: &Payout, node_id: &[u8; 33], now: Timestamp) {
    let Destination::Bolt11(bolt11) = &payout.destination else {
        return;
    };
    let found = find(tx, bolt11, payout.amount, node_id, now)
        .and_then(|found| found.ok_or(OwnRefusal::Unknown));
    match found {
        Ok(own) => {
            if let Ok(step) = payout.clone().settle_inside(own.payable, now) {
                receive(tx, own, payout, now);
                commit(tx, payout, step, now);
            }
        }
        Err(why) => {
            if let Ok(step) = payout.clone().cancel(&why.to_string()) {
                commit(tx, payout, step, now);
            }
        }
    }
}

fn receive(tx: &mut Tx<'_>, own: Own, payout: &Payout, now: Timestamp) {
    let Own { payable, owner } = own;
    let (hash, amount) = (payable.hash, payout.amount);
    let key = ReceiptKey::Inside(payout.id);
    match owner {
        Owner::Invoice(invoice) => {
            let store = invoice.store;
            let step = invoice.receive_inside(payout.id, hash, amount, now);
            store::receipt::put_known(tx, key, store);
            store::invoice::put(tx, &step.after);
            tx.announce(store, step.facts, now);
        }
        Owner::Api(store, mut invoice) => {
            invoice.paid = Some(Paid { amount, at: now });
            store::receipt::put_known(tx, key, store);
            store::node::put_api_invoice(tx, store, &invoice);
            let fact = Fact::ApiInvoicePaidInside {
                hash,
                payout: payout.id,
                amount,
            };
            tx.announce(store, vec![fact], now);
        }
    }
}
