//! Making the payment methods of an invoice that were left for later.

use super::{Gateway, Unavailable};
use crate::domain::ids::{InvoiceId, StoreId};
use crate::domain::invoice::{Invoice, Status};
use crate::domain::receipt::Rail;
use crate::store::{self, WriteError};

/// Why a payment method is not made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ActivateRefusal {
    /// There is no such invoice in this store.
    #[error("There is no such invoice.")]
    Unknown,
    /// 400 `invalid-payment-method`.
    #[error("{0}")]
    NotPossible(String),
    /// 503.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<WriteError> for ActivateRefusal {
    fn from(error: WriteError) -> Self {
        Self::Unavailable(error.into())
    }
}

impl Gateway {
    /// Makes a payment method of an invoice, if it is not made yet. As with a new invoice the BOLT11 comes first, and
    /// address and row share a commit (P12).
    pub async fn activate_method(
        &self,
        store: StoreId,
        id: InvoiceId,
        rail: Rail,
    ) -> Result<(), ActivateRefusal> {
        let invoice = self
            .store
            .read(move |rows| store::invoice::get(rows, store, id))
            .await
            .ok_or(ActivateRefusal::Unknown)?;
        if !is_wanted(&invoice, rail)? {
            return Ok(());
        }
        match rail {
            Rail::Lightning => self.activate_lightning(invoice).await,
            Rail::Onchain => self.activate_onchain(&invoice).await,
        }
    }

    async fn activate_lightning(&self, invoice: Invoice) -> Result<(), ActivateRefusal> {
        let (store, id, now) = (invoice.store, invoice.id, self.now());
        let shop = self
            .store
            .glance(|rows| store::settings::get(rows, store))
            .ok_or(ActivateRefusal::Unknown)?;
        if !shop.settings.has(Rail::Lightning) {
            let why = "This store has no Lightning any more.";
            return Err(ActivateRefusal::NotPossible(why.to_owned()));
        }
        let amount = invoice.prompt_amount();
        let prompt = self
            .prompt(&shop, &invoice.details, amount, &invoice.terms, now)
            .await
            .map_err(ActivateRefusal::NotPossible)?;
        self.store
            .try_write("invoice-activate", move |tx| {
                let invoice = store::invoice::get(tx, store, id).ok_or(ActivateRefusal::Unknown)?;
                if is_wanted(&invoice, Rail::Lightning)? {
                    let step = invoice.activate_lightning(prompt);
                    store::invoice::put(tx, &step.after);
                    tx.announce(store, step.facts, now);
                }
                Ok(())
            })
            .await
    }

    async fn activate_onchain(&self, invoice: &Invoice) -> Result<(), ActivateRefusal> {
        let (store, id, now) = (invoice.store, invoice.id, self.now());
        if let Some(why) = self.held() {
            return Err(ActivateRefusal::NotPossible(why));
        }
        self.store
            .try_write("invoice-activate", move |tx| {
                let invoice = store::invoice::get(tx, store, id).ok_or(ActivateRefusal::Unknown)?;
                if !is_wanted(&invoice, Rail::Onchain)? {
                    return Ok(());
                }
                let no_wallet =
                    || ActivateRefusal::NotPossible("This store has no wallet.".to_owned());
                let till = store::till::of(tx, store).ok_or_else(no_wallet)?;
                if let Some(place) = tx.tills_mut().reveal(till) {
                    let step = invoice.activate_onchain(place);
                    store::invoice::put(tx, &step.after);
                    tx.announce(store, step.facts, now);
                }
                Ok(())
            })
            .await
    }

    /// Makes what an invoice offers, for somebody who looks at it. What can't be made now stays for later.
    pub async fn activate_shown(&self, invoice: &Invoice) -> bool {
        let mut changed = false;
        for rail in invoice.lazy.clone().unwrap_or_default() {
            let made = self.activate_method(invoice.store, invoice.id, rail).await;
            changed |= made.is_ok();
        }
        changed
    }
}

/// Whether it is still to be made; refused where it is not offered, or takes no money any more.
fn is_wanted(invoice: &Invoice, rail: Rail) -> Result<bool, ActivateRefusal> {
    let is_there = match rail {
        Rail::Lightning => !invoice.lightning.is_empty(),
        Rail::Onchain => invoice.onchain.is_some(),
    };
    if is_there {
        return Ok(false);
    }
    if !invoice.is_lazy(rail) {
        let why = "This invoice does not offer this payment method.";
        return Err(ActivateRefusal::NotPossible(why.to_owned()));
    }
    if invoice.status != Status::New {
        let why = "This invoice takes no more payments.";
        return Err(ActivateRefusal::NotPossible(why.to_owned()));
    }
    Ok(true)
}
