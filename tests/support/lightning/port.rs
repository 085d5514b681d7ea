//! The node's own side: what the gateway calls.

use async_trait::async_trait;
use bitcoin::secp256k1::PublicKey;
use tollway::domain::ids::{PaymentHash, Preimage};
use tollway::domain::money::{Msat, Sat};
use tollway::domain::payout::Plan;
use tollway::ports::clock::Clock;
use tollway::ports::entropy::random;
use tollway::ports::lightning::{
    Channel, Direction, Dispatch, Holdings, IssuedInvoice, Lightning, NodeBalances, NodeError,
    NodeEvent, NodeIdentity, NodeState, PayIntent, PaymentRecord, ReceiveRequest, RecordStatus,
};
use tollway::store::Rows;

use super::super::bolt11::{hash_of, public_key, sign};
use super::super::{Wish, locked};
use super::FakeLightning;

/// A call to the node may wait for the writer, so the writer must not call it.
fn check_thread() {
    let thread = std::thread::current();
    assert_ne!(thread.name(), Some("writer"), "a job called the node");
}

#[async_trait]
impl Lightning for FakeLightning {
    fn state(&self) -> NodeState {
        locked(&self.inner).state.clone()
    }

    fn node_id(&self) -> PublicKey {
        public_key(&self.secret)
    }

    fn receivable(&self) -> Msat {
        let inner = locked(&self.inner);
        match inner.state {
            NodeState::Ready => inner.receivable,
            NodeState::WaitingForChain(_)
            | NodeState::Syncing
            | NodeState::Held(_)
            | NodeState::Stopped => Msat::ZERO,
        }
    }

    fn sendable(&self) -> Msat {
        let inner = locked(&self.inner);
        match inner.state {
            NodeState::Ready => inner.sendable,
            NodeState::WaitingForChain(_)
            | NodeState::Syncing
            | NodeState::Held(_)
            | NodeState::Stopped => Msat::ZERO,
        }
    }

    fn usable_channels(&self) -> usize {
        locked(&self.inner).usable_channels
    }

    async fn receive(&self, request: ReceiveRequest) -> Result<IssuedInvoice, NodeError> {
        check_thread();
        request.check()?;
        let mut inner = locked(&self.inner);
        if let Some(why) = &inner.receive_fails {
            return Err(why.clone());
        }
        let preimage = Preimage(random(&self.entropy));
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
        let record = PaymentRecord {
            hash: issued.hash,
            direction: Direction::Inbound,
            status: RecordStatus::Pending,
            amount: request.amount,
            fee: None,
            preimage: Some(preimage),
            updated: self.clock.now(),
        };
        inner.records.insert(issued.hash, record);
        inner.issued.push((request, issued.clone()));
        Ok(issued)
    }

    async fn pay(&self, intent: &PayIntent) -> Dispatch {
        check_thread();
        let mut inner = locked(&self.inner);
        if let Some(store) = &inner.intents {
            check_intent(&store.snapshot(), intent);
        }
        inner.pays.push(intent.clone());
        if inner.on_the_way.contains(&intent.hash) {
            return Dispatch::Doubtful("a payment with this hash is known".to_owned());
        }
        let scripted = inner.answers.pop_front();
        let (answer, departs) = scripted.unwrap_or((Dispatch::Taken, true));
        if departs {
            inner.departed.push(intent.hash);
            inner.on_the_way.insert(intent.hash);
            let record = PaymentRecord {
                hash: intent.hash,
                direction: Direction::Outbound,
                status: RecordStatus::Pending,
                amount: Some(intent.amount),
                fee: None,
                preimage: None,
                updated: self.clock.now(),
            };
            inner.records.insert(intent.hash, record);
        }
        answer
    }

    async fn next_event(&self) -> NodeEvent {
        loop {
            let queued = self.queued.notified();
            if let Some(head) = locked(&self.inner).events.front() {
                return head.clone();
            }
            queued.await;
        }
    }

    async fn event_handled(&self) {
        check_thread();
        let mut inner = locked(&self.inner);
        if inner.acks_to_lose > 0 {
            inner.acks_to_lose -= 1;
            return;
        }
        inner
            .events
            .pop_front()
            .expect("there is an event to acknowledge");
        inner.handled += 1;
    }

    async fn payments(&self) -> Vec<PaymentRecord> {
        locked(&self.inner).records.values().cloned().collect()
    }

    async fn payment(&self, hash: PaymentHash) -> Option<PaymentRecord> {
        locked(&self.inner).records.get(&hash).cloned()
    }

    async fn forget_payment(&self, hash: PaymentHash) -> Result<(), NodeError> {
        let records = &mut locked(&self.inner).records;
        if records.get(&hash).is_some_and(has_arrived) {
            return Err(NodeError::Refused("the payment has arrived".to_owned()));
        }
        records.remove(&hash);
        Ok(())
    }

    async fn identity(&self) -> Result<NodeIdentity, NodeError> {
        Ok(NodeIdentity {
            node_id: self.node_id(),
            alias: "fake".to_owned(),
            listening: vec!["127.0.0.1:9735".to_owned()],
            height: 0,
            peers: locked(&self.inner).connected.len(),
        })
    }

    async fn balances(&self) -> Result<NodeBalances, NodeError> {
        Ok(locked(&self.inner).balances)
    }

    async fn holdings(&self) -> Result<Holdings, NodeError> {
        let inner = locked(&self.inner);
        if let Some(why) = &inner.holdings_fail {
            return Err(why.clone());
        }
        let mut holdings = inner.holdings.clone();
        if let Some(first) = holdings.channels.first_mut() {
            let ours = i128::from(first.ours.0) + inner.moved_msat;
            first.ours = Msat(u64::try_from(ours).expect("a channel that holds so much"));
        }
        Ok(holdings)
    }

    async fn channels(&self) -> Result<Vec<Channel>, NodeError> {
        Ok(locked(&self.inner).channels.clone())
    }

    async fn peers_connected(&self) -> bool {
        locked(&self.inner).peers_connected
    }

    async fn has_closing_channels(&self) -> bool {
        locked(&self.inner).closing_channels
    }

    async fn new_address(&self) -> Result<String, NodeError> {
        let inner = locked(&self.inner);
        Ok(inner.addresses[0].clone())
    }

    async fn connect(&self, peer: PublicKey, address: &str) -> Result<(), NodeError> {
        let mut inner = locked(&self.inner);
        if let Some(why) = inner.peers_fail.clone() {
            return Err(why);
        }
        inner.connected.push((peer, address.to_owned()));
        Ok(())
    }

    async fn open_channel(
        &self,
        peer: PublicKey,
        address: &str,
        amount: Sat,
    ) -> Result<(), NodeError> {
        let mut inner = locked(&self.inner);
        if let Some(why) = inner.peers_fail.clone() {
            return Err(why);
        }
        inner.opened.push((peer, address.to_owned(), amount));
        Ok(())
    }
}

/// P2 intent before act: the last commit holds a live attempt for exactly this.
fn check_intent(rows: &dyn Rows, intent: &PayIntent) {
    let payout = tollway::service::settle::payout_of(rows, intent.hash);
    let planned = payout.as_ref().and_then(|payout| payout.live_attempt());
    assert!(
        planned.is_some_and(|attempt| matches!(
            &attempt.plan,
            Plan::Lightning { hash, amount, fee_max, .. }
                if *hash == intent.hash && *amount == intent.amount && *fee_max == intent.fee_max
        )),
        "P2 {} was handed over without a committed attempt",
        intent.hash
    );
}

/// A payment of ours whose record says so.
fn has_arrived(record: &PaymentRecord) -> bool {
    record.direction == Direction::Outbound && record.status == RecordStatus::Succeeded
}
