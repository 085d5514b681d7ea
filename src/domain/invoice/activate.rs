//! Making a payment method that had been left for later (Greenfield `lazyPaymentMethods`).

use super::{Invoice, LightningPrompt};
use crate::domain::fact::{Fact, Step};
use crate::domain::receipt::Rail;
use crate::domain::till::TillAddress;

impl Invoice {
    /// Shows a BOLT11 from now on. Again changes nothing.
    pub fn activate_lightning(mut self, prompt: LightningPrompt) -> Step<Self> {
        if !self.take_lazy(Rail::Lightning) {
            return Step::quiet(self);
        }
        self.lightning.push(prompt);
        self.tell_activated(Rail::Lightning)
    }

    /// Shows an address from now on. The caller has revealed it for this invoice alone (P12).
    pub fn activate_onchain(mut self, place: TillAddress) -> Step<Self> {
        if !self.take_lazy(Rail::Onchain) {
            return Step::quiet(self);
        }
        self.onchain = Some(place);
        self.tell_activated(Rail::Onchain)
    }

    fn take_lazy(&mut self, rail: Rail) -> bool {
        let was = self.is_lazy(rail);
        if let Some(lazy) = &mut self.lazy {
            lazy.retain(|one| *one != rail);
        }
        self.lazy = self.lazy.take().filter(|lazy| !lazy.is_empty());
        was
    }

    fn tell_activated(self, rail: Rail) -> Step<Self> {
        let invoice = self.id;
        Step::telling(self, Fact::InvoiceMethodActivated { invoice, rail })
    }
}
