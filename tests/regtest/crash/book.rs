//! What the drill itself has done: written down before it is done, since whoever is asked may die over it.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// How long an invoice lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Term {
    /// Longer than the drill.
    Long,
    /// Some seconds; nobody pays it in full before it expires.
    Short,
}

/// An invoice of the shop.
#[derive(Clone, Debug)]
pub struct Bill {
    pub id: String,
    pub sats: u64,
    pub term: Term,
    /// Where it may be paid on-chain; the drill pays there from bitcoind's wallet and nowhere else.
    pub address: String,
    /// The BOLT11 that the customer was told to pay, if any, by its hash.
    pub hash: Option<String>,
}

/// A payout that the shop was asked for. Destinations are fresh each time, so one names its payout.
#[derive(Clone, Debug)]
pub struct Order {
    /// BOLT11 or address.
    pub destination: String,
    /// Of the BOLT11.
    pub hash: Option<String>,
    pub sats: u64,
    /// Withdrawn from the link.
    pub is_claim: bool,
    /// As the shop has answered, if it did.
    pub id: Option<String>,
}

/// Everything that was begun.
#[derive(Default)]
pub struct Book(Mutex<Pages>);

#[derive(Default)]
struct Pages {
    bills: Vec<Bill>,
    orders: Vec<Order>,
}

impl Book {
    fn open(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An invoice that somebody is about to pay.
    pub fn bill(&self, bill: Bill) {
        self.open().bills.push(bill);
    }

    /// A payout that is about to be asked for; returns its place.
    pub fn order(&self, order: Order) -> usize {
        let mut pages = self.open();
        pages.orders.push(order);
        pages.orders.len() - 1
    }

    /// The shop has answered.
    pub fn answered(&self, place: usize, id: String) {
        self.open().orders[place].id = Some(id);
    }

    /// All invoices.
    pub fn bills(&self) -> Vec<Bill> {
        self.open().bills.clone()
    }

    /// All payouts.
    pub fn orders(&self) -> Vec<Order> {
        self.open().orders.clone()
    }
}
