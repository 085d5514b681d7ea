//! The one reader of the node's events: commit our effect, then acknowledge once (P10).

use std::sync::Arc;

use tracing::{error, info};

use super::gate::Gate;
use crate::domain::fact::Fact;
use crate::domain::ids::StoreId;
use crate::domain::money::Msat;
use crate::domain::time::Timestamp;
use crate::faults;
use crate::ports::lightning::NodeEvent;
use crate::service::{Gateway, books, intake, settle};
use crate::store::{self, Tx};

/// Takes the node's events in.
pub struct LightningEvents {
    gateway: Arc<Gateway>,
    gate: Arc<Gate>,
}

impl LightningEvents {
    /// A reader that has not read yet.
    pub const fn new(gateway: Arc<Gateway>, gate: Arc<Gate>) -> Self {
        Self { gateway, gate }
    }

    /// Waits for the next event. Being dropped here loses nothing: it stays at the head of the queue.
    pub async fn next(&self) -> NodeEvent {
        self.gate.waits(self.gateway.now());
        let event = self.gateway.lightning.next_event().await;
        self.gate.hears();
        event
    }

    /// Commits what an event means and acknowledges it. Not acknowledged is only what could not be committed.
    pub async fn handle(&self, event: NodeEvent) {
        let _turn = self.gate.takes_in().await;
        let now = self.gateway.now();
        let reconciled = self.gate.is_reconciled();
        let beside = Beside {
            reconciled,
            chance: u64::from_be_bytes(self.gateway.random()),
            amount: self.amount_of(&event).await,
        };
        let seen = event.clone();
        // At every start LDK tells of the last payments again: those are not the ones that a fault is about.
        let is_new_payment = reconciled
            && matches!(
                event,
                NodeEvent::PaymentReceived { .. } | NodeEvent::PaymentSuccessful { .. }
            );
        if is_new_payment {
            faults::point("event-unhandled");
        }
        let committed = self
            .gateway
            .store
            .insist("lightning-event", move |tx| {
                take(tx, event, beside, now);
            })
            .await;
        if committed.is_err() && !self.park(&seen, now).await {
            // The store is closed: the event comes again after the next start.
            return;
        }
        if is_new_payment {
            faults::point("event-unacknowledged");
        }
        // Ack once: a retry would acknowledge the next event (ldk-node #1027).
        self.gateway.lightning.event_handled().await;
    }

    /// What a payment of ours brought that belongs to no payout: its event doesn't say.
    async fn amount_of(&self, event: &NodeEvent) -> Option<Msat> {
        let NodeEvent::PaymentSuccessful { hash, .. } = event else {
            return None;
        };
        let hash = *hash;
        let ours = self
            .gateway
            .store
            .read(move |rows| store::payout::hash_owner(rows, hash).is_some())
            .await;
        if ours {
            return None;
        }
        self.gateway.lightning.payment(hash).await?.amount
    }

    /// An event that our own code fails on is noted, so that nothing blocks the head of the queue.
    async fn park(&self, event: &NodeEvent, now: Timestamp) -> bool {
        let what = format!("an event could not be handled: {event:?}");
        error!("{what}");
        self.gateway
            .store
            .insist("lightning-event-park", move |tx| {
                tx.announce(StoreId::HOUSE, vec![Fact::NodeNote { what }], now);
            })
            .await
            .is_ok()
    }
}

/// What an event's job needs beside it.
#[derive(Clone, Copy)]
struct Beside {
    reconciled: bool,
    chance: u64,
    amount: Option<Msat>,
}

fn take(tx: &mut Tx<'_>, event: NodeEvent, beside: Beside, now: Timestamp) {
    match event {
        NodeEvent::PaymentReceived { hash, amount } => {
            info!(payment.hash = %hash, amount_msat = amount.0, "payment {hash} received");
            intake::take_lightning(tx, hash, amount, now);
        }
        NodeEvent::PaymentSuccessful {
            hash,
            preimage,
            fee,
        } => {
            info!(payment.hash = %hash, "payment {hash} arrived");
            let arrived = settle::Arrived {
                hash,
                preimage,
                amount: beside.amount,
                fee,
            };
            settle::lightning_succeeded(tx, arrived, now);
        }
        NodeEvent::PaymentFailed {
            hash: Some(hash),
            why,
        } => {
            info!(payment.hash = %hash, "payment {hash} failed: {why}");
            let Beside {
                reconciled, chance, ..
            } = beside;
            settle::lightning_failed(tx, hash, &why, reconciled, chance, now);
        }
        NodeEvent::PaymentFailed { hash: None, why } => {
            let what = format!("a payment without a hash failed: {why}");
            tx.announce(StoreId::HOUSE, vec![Fact::NodeNote { what }], now);
        }
        NodeEvent::ChannelClosed {
            channel,
            cooperative,
            what,
        } => {
            info!("{what}");
            books::node::channel_closed(tx, channel, cooperative);
            tx.announce(StoreId::HOUSE, vec![Fact::NodeNote { what }], now);
        }
        NodeEvent::Forwarded { fee, what } => {
            info!("{what}");
            let earned = fee.map(|fee| Fact::NodeForwarded { fee });
            let facts = earned.into_iter().chain([Fact::NodeNote { what }]);
            tx.announce(StoreId::HOUSE, facts.collect(), now);
        }
        NodeEvent::Other { what } => {
            info!("{what}");
            tx.announce(StoreId::HOUSE, vec![Fact::NodeNote { what }], now);
        }
    }
}
