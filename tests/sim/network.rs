//! The Lightning network outside of our node: what really left, what really arrived, what was really paid to us.
//! It outlives every crash, and the oracle believes it alone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use tollway::domain::ids::{PaymentHash, Preimage};
use tollway::domain::money::Msat;

/// What became of a payment that left our node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flight {
    /// On its way.
    Flying,
    /// The payee has it.
    Arrived,
    /// It came back.
    Returned,
}

/// A payment that left our node.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing {
    /// Which hash.
    pub hash: PaymentHash,
    /// What is to arrive.
    pub amount: Msat,
    /// What it costs beside.
    pub fee: Msat,
    /// How far it is.
    pub flight: Flight,
}

/// The network.
#[derive(Default)]
pub struct Network(Mutex<Facts>);

/// What is true.
#[derive(Clone, Default)]
pub struct Facts {
    /// Everything that left, by a number of its own.
    pub outgoing: BTreeMap<u64, Outgoing>,
    /// Preimages that payees hold.
    pub preimages: BTreeMap<PaymentHash, Preimage>,
    /// Everything that is ours by a preimage we gave up.
    pub received: BTreeMap<PaymentHash, Msat>,
    /// How often the node said for certain that a payment won't arrive.
    pub refusals: BTreeMap<PaymentHash, u32>,
    /// Payments of which it said so although they were on their way.
    pub lied_about: BTreeSet<PaymentHash>,
    /// Payments whose outcome the node's queue has lost.
    pub unheard: BTreeSet<PaymentHash>,
    /// Payments of which the node was told, and the gateway has acknowledged it.
    pub acknowledged: BTreeSet<PaymentHash>,
}

impl Facts {
    /// Whether a payment of this hash may still arrive.
    pub fn flies(&self, hash: PaymentHash) -> bool {
        self.outgoing
            .values()
            .any(|one| one.hash == hash && one.flight == Flight::Flying)
    }

    /// How often a payment of this hash arrived.
    pub fn arrivals(&self, hash: PaymentHash) -> usize {
        let arrived = (self.outgoing.values())
            .filter(|one| one.hash == hash && one.flight == Flight::Arrived);
        arrived.count()
    }

    /// A payee takes a hash once.
    pub fn arrive(&mut self, id: u64) -> Flight {
        let Some(one) = self.outgoing.get(&id).copied() else {
            return Flight::Returned;
        };
        let knows = self.preimages.contains_key(&one.hash);
        let flight = if knows && self.arrivals(one.hash) == 0 {
            Flight::Arrived
        } else {
            Flight::Returned
        };
        self.end(id, flight);
        flight
    }

    /// It comes back.
    pub fn end(&mut self, id: u64, flight: Flight) {
        if let Some(one) = self.outgoing.get_mut(&id) {
            one.flight = flight;
        }
    }
}

impl Network {
    /// A network in which these things are true.
    pub fn of(facts: Facts) -> Self {
        Self(Mutex::new(facts))
    }

    /// Looks at, or changes, what is true.
    pub fn with<R>(&self, look: impl FnOnce(&mut Facts) -> R) -> R {
        look(&mut self.0.lock().expect("no panic inside"))
    }
}
