//! The node as the gateway sees it: every call may be interrupted, and an answer may be lost.

use async_trait::async_trait;
use bitcoin::secp256k1::PublicKey;
use tokio::sync::oneshot;
use tollway::domain::destination::Destination;
use tollway::domain::ids::{PaymentHash, Preimage};
use tollway::domain::money::{Msat, Sat};
use tollway::domain::payout::Plan;
use tollway::ports::clock::Clock;
use tollway::ports::entropy::random;
use tollway::ports::lightning::{
    Channel, Direction, Dispatch, Holdings, IssuedInvoice, Lightning, NodeBalances, NodeError,
    NodeEvent, NodeIdentity, NodeState, PayIntent, PaymentRecord, ReceiveRequest, RecordStatus,
};
use tollway::service::settle;

use super::state::{Held, Row, Told};
use super::{Node, inbound};
use crate::executor::Pause;
use crate::log::step;
use crate::support::Wish;
use crate::support::bolt11::{hash_of, public_key, sign};

/// What it can send and receive while its channels are full.
const LIQUIDITY: Msat = Sat(100_000_000).to_msat();

impl Node {
    fn is_up(&self) -> bool {
        self.with(|node| node.state == NodeState::Ready)
    }

    /// P2 intent before act: the last commit holds a live attempt for exactly this.
    fn check_intent(&self, intent: &PayIntent) {
        let payout = settle::payout_of(&self.store.snapshot(), intent.hash);
        let planned = payout.as_ref().and_then(|payout| payout.live_attempt());
        let fits = planned.is_some_and(|attempt| {
            matches!(
                &attempt.plan,
                Plan::Lightning { hash, amount, fee_max, .. }
                    if *hash == intent.hash && *amount == intent.amount && *fee_max == intent.fee_max
            )
        });
        if !fits {
            let hash = intent.hash;
            let what = format!("P2 {hash} was handed over without a committed attempt");
            self.log.violation(what);
        }
    }

    /// A refusal before anything has left. It proves something only of a payment that the node does not have.
    fn refuse(&self, intent: &PayIntent, why: &str, try_later: bool) -> Dispatch {
        let hash = intent.hash;
        let proves = !self.has(hash) && !self.network.with(|network| network.flies(hash));
        if proves {
            self.network.with(|network| {
                *network.refusals.entry(hash).or_default() += 1;
            });
        } else {
            self.log
                .count("fault: a refusal of a payment that is on its way");
        }
        self.set_record(intent, RecordStatus::Failed);
        Dispatch::Declined {
            why: why.to_owned(),
            try_later,
        }
    }

    fn set_record(&self, intent: &PayIntent, status: RecordStatus) {
        let record = PaymentRecord {
            hash: intent.hash,
            direction: Direction::Outbound,
            status,
            amount: Some(intent.amount),
            fee: None,
            preimage: None,
            updated: self.clock.now(),
        };
        self.with(|node| node.records.insert(record.hash, record.clone()));
        self.write(vec![Row::record(&record)]);
    }

    /// Taken: at once, or when its channel is free. The record is written once it has left or is held back.
    async fn take(&self, intent: &PayIntent) {
        let held = Held {
            id: self.dice.number(),
            amount: intent.amount,
            fee: Msat(self.dice.below(intent.fee_max.0 + 1)),
        };
        let hash = intent.hash;
        let held_back = !self.with(|node| node.calm) && self.dice.once_in(4);
        if held_back {
            self.log
                .count("fault: a payment is held back by its channel");
            self.with(|node| node.held.insert(hash, held));
            self.set_record(intent, RecordStatus::Pending);
            Pause::default().await;
            self.write(vec![Row::held(hash, Some(&held))]);
        } else {
            let (answer, answered) = oneshot::channel();
            self.this().depart(hash, held, move |_| {
                let _ = answer.send(());
            });
            // Without an answer the process is over.
            if answered.await.is_err() {
                std::future::pending::<()>().await;
            }
            let known = self.with(|node| {
                let known = node.records.get(&hash);
                known.is_some_and(|record| record.status != RecordStatus::Failed)
            });
            if !known {
                self.set_record(intent, RecordStatus::Pending);
            }
        }
    }
}

#[async_trait]
impl Lightning for Node {
    fn state(&self) -> NodeState {
        self.with(|node| node.state.clone())
    }

    fn node_id(&self) -> PublicKey {
        public_key(&self.secret)
    }

    fn receivable(&self) -> Msat {
        if self.is_up() { LIQUIDITY } else { Msat::ZERO }
    }

    fn sendable(&self) -> Msat {
        let dry = self.with(|node| node.dry);
        if self.is_up() && !dry {
            LIQUIDITY
        } else {
            Msat::ZERO
        }
    }

    fn usable_channels(&self) -> usize {
        usize::from(self.is_up())
    }

    async fn has_closing_channels(&self) -> bool {
        false
    }

    async fn receive(&self, request: ReceiveRequest) -> Result<IssuedInvoice, NodeError> {
        let preimage = Preimage(random(self.dice.as_ref()));
        let wish = Wish {
            amount: request.amount,
            expiry_secs: request.expiry_secs.into(),
            description: request.description.clone(),
            ..Wish::of(Msat::ZERO, self.clock.now())
        };
        let issued = IssuedInvoice {
            bolt11: sign(&wish, preimage, &self.secret),
            hash: hash_of(preimage),
            preimage,
        };
        let record = inbound(issued.hash, preimage, request.amount, &self.clock);
        self.with(|node| node.records.insert(issued.hash, record.clone()));
        self.write(vec![Row::record(&record)]);
        Pause::default().await;
        Ok(issued)
    }

    async fn pay(&self, intent: &PayIntent) -> Dispatch {
        Pause::default().await;
        self.check_intent(intent);
        let hash = intent.hash;
        if !self.is_up() {
            let why = "not running".to_owned();
            let try_later = true;
            self.network.with(|network| {
                *network.refusals.entry(hash).or_default() += 1;
            });
            return Dispatch::Declined { why, try_later };
        }
        let record = self.with(|node| node.records.get(&hash).cloned());
        if record.is_some_and(|record| record.status != RecordStatus::Failed) {
            return Dispatch::Doubtful("a payment with this hash is known".to_owned());
        }
        let calm = self.with(|node| node.calm);
        let dry = self.with(|node| node.dry);
        let expires_at = match Destination::bolt11(&intent.bolt11, bitcoin::Network::Regtest) {
            Ok(invoice) => invoice.expires_at,
            Err(_) => self.clock.now(),
        };
        if expires_at <= self.clock.now() {
            return self.refuse(intent, "the invoice has expired", false);
        }
        // The route is looked for before it looks at what it has.
        if dry || (!calm && self.dice.once_in(6)) {
            self.log.count("fault: no route is found");
            return self.refuse(intent, "no route was found", true);
        }
        if self.has(hash) {
            return Dispatch::Doubtful("a payment with this hash is under way".to_owned());
        }
        let fault = if calm { 9 } else { self.dice.below(10) };
        if fault == 0 {
            self.log.count("fault: pay times out and nothing has left");
            return Dispatch::Doubtful("the answer was lost".to_owned());
        }
        self.take(intent).await;
        step!(self.log, "payment {hash} is taken");
        Pause::default().await;
        if fault == 1 {
            self.log
                .count("fault: pay times out and the payment has left");
            return Dispatch::Doubtful("the answer was lost".to_owned());
        }
        Dispatch::Taken
    }

    async fn next_event(&self) -> NodeEvent {
        loop {
            let queued = self.queued.notified();
            if let Some(head) = self.with(|node| node.events.front().cloned()) {
                return head.into();
            }
            queued.await;
        }
    }

    async fn event_handled(&self) {
        Pause::default().await;
        let head = self.with(|node| node.events.pop_front());
        match head {
            Some(Told::Received { hash, .. } | Told::Arrived { hash, .. }) => {
                self.network
                    .with(|network| network.acknowledged.insert(hash));
            }
            Some(Told::Failed { .. }) => {}
            None => self
                .log
                .violation("P10 an event was acknowledged that is not there".to_owned()),
        }
        self.write(vec![self.events_row()]);
    }

    async fn payments(&self) -> Vec<PaymentRecord> {
        Pause::default().await;
        self.with(|node| node.records.values().cloned().collect())
    }

    async fn payment(&self, hash: PaymentHash) -> Option<PaymentRecord> {
        self.with(|node| node.records.get(&hash).cloned())
    }

    async fn forget_payment(&self, hash: PaymentHash) -> Result<(), NodeError> {
        let arrived = |record: &PaymentRecord| {
            record.direction == Direction::Outbound && record.status == RecordStatus::Succeeded
        };
        if self.with(|node| node.records.get(&hash).is_some_and(arrived)) {
            return Err(NodeError::Refused("the payment has arrived".to_owned()));
        }
        self.with(|node| node.records.remove(&hash));
        self.write(vec![Row::no_record(hash)]);
        Pause::default().await;
        Ok(())
    }

    async fn identity(&self) -> Result<NodeIdentity, NodeError> {
        Err(NodeError::Unavailable("nobody asks".to_owned()))
    }

    async fn holdings(&self) -> Result<Holdings, NodeError> {
        Err(NodeError::Unavailable("nobody asks".to_owned()))
    }

    async fn balances(&self) -> Result<NodeBalances, NodeError> {
        Ok(NodeBalances::default())
    }

    async fn channels(&self) -> Result<Vec<Channel>, NodeError> {
        Ok(Vec::new())
    }

    async fn peers_connected(&self) -> bool {
        self.with(|node| node.peers_connected)
    }

    async fn new_address(&self) -> Result<String, NodeError> {
        Err(NodeError::Unavailable("nobody asks".to_owned()))
    }

    async fn connect(&self, _: PublicKey, _: &str) -> Result<(), NodeError> {
        Err(NodeError::Unavailable("nobody asks".to_owned()))
    }

    async fn open_channel(&self, _: PublicKey, _: &str, _: Sat) -> Result<(), NodeError> {
        Err(NodeError::Unavailable("nobody asks".to_owned()))
    }
}
