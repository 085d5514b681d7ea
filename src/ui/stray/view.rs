//! What the dashboard shows of payments that fit no invoice.

use crate::store::receipt::Stray;
use crate::ui::format::{self, Badge, When};

/// Money that fits no invoice.
#[derive(Clone, Debug)]
pub struct StrayRow {
    /// How much.
    pub amount: String,
    /// Whether somebody has to look at it.
    pub badge: Badge,
    /// Why it fits nothing.
    pub why: String,
    /// What the network calls it.
    pub key: String,
    /// When it came.
    pub when: When,
    /// It came to nobody on this server.
    pub house: bool,
    /// The page of the invoice that has it now.
    pub invoice: Option<String>,
}

impl StrayRow {
    /// A row of a store's strays, or of the house's.
    pub fn of(stray: &Stray, house: bool) -> Self {
        let invoice = stray
            .assigned
            .map(|assigned| format!("/stores/{}/invoices/{}", assigned.store, assigned.invoice));
        Self {
            amount: format::msat(stray.amount),
            badge: if invoice.is_some() {
                Badge::new("Assigned", "good")
            } else if stray.lost.is_some() {
                Badge::new("Gone again", "bad")
            } else {
                Badge::new("Open", "busy")
            },
            why: stray.why.clone(),
            key: stray.key.to_string(),
            when: stray.received_at.into(),
            house,
            invoice,
        }
    }
}
