//! Our Lightning node, as far as the gateway can tell it from the real one. Its state lies in the gateway's own file,
//! written through the gateway's own writer, so a crash takes from both the same suffix of one history. What it may
//! lose is what the real one may lose: a payment accepted whose record is not written yet, a record whose payment
//! was still held back, an event that was queued and not acknowledged, an event dropped from the queue.

mod port;
mod state;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, Weak};

use bitcoin::secp256k1::SecretKey;
use tokio::sync::Notify;
use tollway::domain::ids::{PaymentHash, Preimage};
use tollway::domain::money::Msat;
use tollway::ports::clock::Clock;
use tollway::ports::lightning::{Direction, NodeEvent, NodeState, PaymentRecord, RecordStatus};
use tollway::store::Store;

use crate::dice::Dice;
use crate::log::{Log, step};
use crate::network::{Flight, Network, Outgoing};
use crate::support::FakeClock;
use state::{Held, Row, Told, Watched};

/// The node of one process.
pub struct Node {
    this: Weak<Self>,
    secret: SecretKey,
    store: Store,
    network: Arc<Network>,
    clock: Arc<FakeClock>,
    dice: Arc<Dice>,
    log: Arc<Log>,
    queued: Notify,
    inner: Mutex<Inner>,
}

struct Inner {
    state: NodeState,
    /// Nothing can be sent now.
    dry: bool,
    peers_connected: bool,
    calm: bool,
    records: BTreeMap<PaymentHash, PaymentRecord>,
    /// Payments that left, by number.
    watched: BTreeMap<u64, Watched>,
    /// Payments taken, not gone yet.
    held: BTreeMap<PaymentHash, Held>,
    /// Results on their way into the file.
    resolving: BTreeSet<u64>,
    /// Money claimed: by hash, and whether the queue was told.
    claimed: BTreeMap<PaymentHash, (Msat, bool)>,
    claiming: BTreeSet<PaymentHash>,
    events: VecDeque<Told>,
}

/// Something the node does by itself, if it is let.
#[derive(Clone, Copy, Debug)]
pub enum Chore {
    /// Sends what it held back.
    Release(PaymentHash),
    /// Hears what became of a payment.
    Hear(u64),
}

impl Node {
    /// The node of a process that starts: what its file says, and what follows from it.
    pub fn start(
        secret: SecretKey,
        store: Store,
        network: Arc<Network>,
        clock: Arc<FakeClock>,
        dice: Arc<Dice>,
        log: Arc<Log>,
    ) -> Arc<Self> {
        let loaded = state::load(&store.snapshot());
        let node = Arc::new_cyclic(|this| Self {
            this: this.clone(),
            secret,
            store,
            network,
            clock,
            dice,
            log,
            queued: Notify::new(),
            inner: Mutex::new(Inner {
                state: NodeState::Syncing,
                dry: false,
                peers_connected: false,
                calm: false,
                records: loaded.records,
                watched: loaded.watched,
                held: loaded.held,
                resolving: BTreeSet::new(),
                claimed: loaded.claimed,
                claiming: BTreeSet::new(),
                events: loaded.events,
            }),
        });
        node.catch_up();
        node
    }

    fn this(&self) -> Arc<Self> {
        self.this.upgrade().expect("it is being used")
    }

    fn with<R>(&self, look: impl FnOnce(&mut Inner) -> R) -> R {
        look(&mut self.inner.lock().expect("no panic inside"))
    }

    /// What the file knows and the network does not: a commitment that was written and not sent is sent now, a
    /// preimage is given up, and what the queue was not told it is told.
    fn catch_up(self: &Arc<Self>) {
        let (watched, claimed) = self.with(|node| (node.watched.clone(), node.claimed.clone()));
        for (id, one) in &watched {
            self.network.with(|network| {
                network.outgoing.entry(*id).or_insert(Outgoing {
                    hash: one.hash,
                    amount: one.amount,
                    fee: one.fee,
                    flight: Flight::Flying,
                });
            });
            if one.flight != Flight::Flying && (!one.told || self.dice.once_in(6)) {
                self.log.count(if one.told {
                    "fault: an outcome is told again after a start"
                } else {
                    "fault: an outcome was not queued before a crash"
                });
                self.tell_outcome(*id);
            }
        }
        for (hash, (amount, told)) in claimed {
            self.network.with(|network| {
                network.received.entry(hash).or_insert(amount);
            });
            if !told || self.dice.once_in(8) {
                self.tell_receipt(hash, amount);
            }
        }
    }

    /// From now on everything works.
    pub fn calm_down(&self) {
        self.with(|node| {
            node.calm = true;
            node.dry = false;
            node.peers_connected = true;
            node.state = NodeState::Ready;
        });
    }

    /// Sets where it stands.
    pub fn set_state(&self, state: NodeState) {
        self.with(|node| node.state = state);
    }

    /// Where it stands.
    pub fn is_ready(&self) -> bool {
        self.with(|node| node.state == NodeState::Ready)
    }

    /// Its peers are there, or are not.
    pub fn set_peers_connected(&self, connected: bool) {
        self.with(|node| node.peers_connected = connected);
    }

    /// Whether its channels are empty on our side.
    pub fn set_dry(&self, dry: bool) {
        self.with(|node| node.dry = dry);
    }

    /// What it could do now.
    pub fn chores(&self) -> Vec<Chore> {
        let ended: Vec<u64> = self.network.with(|network| {
            let ended = network.outgoing.iter();
            ended
                .filter(|(_, one)| one.flight != Flight::Flying)
                .map(|(id, _)| *id)
                .collect()
        });
        self.with(|node| {
            let held = node.held.keys().map(|hash| Chore::Release(*hash));
            let heard = ended.into_iter().filter(|id| {
                let known = node.watched.get(id);
                known.is_some_and(|one| one.flight == Flight::Flying)
                    && !node.resolving.contains(id)
            });
            held.chain(heard.map(Chore::Hear)).collect()
        })
    }

    /// Does one of them.
    pub fn work(self: &Arc<Self>, chore: Chore) {
        match chore {
            Chore::Release(hash) => {
                let held = self.with(|node| node.held.get(&hash).copied());
                if let Some(held) = held {
                    self.depart(hash, held, |_| {});
                }
            }
            Chore::Hear(id) => self.hear(id),
        }
    }

    /// A payment leaves: first the file knows, then the network.
    fn depart(
        self: &Arc<Self>,
        hash: PaymentHash,
        held: Held,
        left: impl FnOnce(&Self) + Send + 'static,
    ) {
        let one = Watched {
            hash,
            amount: held.amount,
            fee: held.fee,
            flight: Flight::Flying,
            told: false,
        };
        let node = self.clone();
        self.with(|inner| {
            inner.held.remove(&hash);
            inner.watched.insert(held.id, one);
        });
        let rows = vec![Row::held(hash, None), Row::watched(held.id, &one)];
        self.store.enqueue(
            "node-monitor",
            move |tx| state::put(tx, &rows),
            move |()| {
                node.network.with(|network| {
                    network.outgoing.entry(held.id).or_insert(Outgoing {
                        hash,
                        amount: held.amount,
                        fee: held.fee,
                        flight: Flight::Flying,
                    });
                });
                step!(node.log, "payment {hash} has left");
                left(&node);
            },
        );
    }

    fn hear(self: &Arc<Self>, id: u64) {
        let flight = self
            .network
            .with(|network| network.outgoing.get(&id).map(|one| one.flight));
        let Some(flight) = flight else { return };
        let one = self.with(|node| {
            node.resolving.insert(id);
            node.watched.get(&id).copied()
        });
        let Some(one) = one else { return };
        let after = Watched { flight, ..one };
        let node = self.clone();
        self.store.enqueue(
            "node-monitor",
            move |tx| state::put(tx, &[Row::watched(id, &after)]),
            move |()| {
                node.with(|inner| {
                    inner.watched.insert(id, after);
                    inner.resolving.remove(&id);
                });
                node.tell_outcome(id);
            },
        );
    }

    /// The record first, then the queue, as the real one does.
    fn tell_outcome(self: &Arc<Self>, id: u64) {
        let Some(one) = self.with(|node| node.watched.get(&id).copied()) else {
            return;
        };
        let hash = one.hash;
        let preimage = self
            .network
            .with(|network| network.preimages.get(&hash).copied());
        let arrived = one.flight == Flight::Arrived;
        let now = self.clock.now();
        let record = self.with(|node| {
            let known = node.records.get_mut(&hash);
            // What has succeeded can't fail any more.
            let record = known.filter(|record| record.direction == Direction::Outbound)?;
            if record.status == RecordStatus::Succeeded {
                return None;
            }
            record.status = if arrived {
                RecordStatus::Succeeded
            } else {
                RecordStatus::Failed
            };
            record.fee = Some(one.fee).filter(|_| arrived);
            record.preimage = preimage.filter(|_| arrived);
            record.updated = now;
            Some(record.clone())
        });
        let succeeded = self.with(|node| {
            node.records
                .get(&hash)
                .is_some_and(|record| record.status == RecordStatus::Succeeded)
        });
        if !arrived && succeeded {
            self.log.count("fault: a failure after a success");
            return;
        }
        if let Some(record) = &record {
            self.write(vec![Row::record(record)]);
        }
        // It has said so before.
        if !arrived && (self.network).with(|network| network.lied_about.contains(&hash)) {
            return;
        }
        if !arrived {
            self.network.with(|network| {
                *network.refusals.entry(hash).or_default() += 1;
            });
        }
        let told = match preimage {
            Some(preimage) if arrived => Told::Arrived {
                hash,
                preimage,
                fee: one.fee,
            },
            Some(_) | None => Told::Failed {
                hash,
                why: "no route was left".to_owned(),
            },
        };
        // Only a success is in the record as well, whatever the queue loses.
        let lost = arrived && record.is_some() && self.loses_an_event();
        if lost {
            self.network.with(|network| network.unheard.insert(hash));
        }
        self.queue(Some(told).filter(|_| !lost));
        let after = Watched { told: true, ..one };
        self.with(|node| node.watched.insert(id, after));
        self.write(vec![Row::watched(id, &after), self.events_row()]);
    }

    fn loses_an_event(&self) -> bool {
        let lost = !self.with(|node| node.calm) && self.dice.once_in(25);
        if lost {
            self.log.count("fault: an event is lost from the queue");
            step!(self.log, "its event is lost");
        }
        lost
    }

    /// Somebody pays one of our hashes, or one of nobody's.
    pub fn receive_payment(self: &Arc<Self>, hash: PaymentHash, amount: Msat) {
        let taken = self.with(|node| {
            // A second payment of a hash is refused by the node itself.
            !node.claimed.contains_key(&hash) && node.claiming.insert(hash)
        });
        if !taken {
            step!(self.log, "a second payment of {hash} is refused");
            return;
        }
        let node = self.clone();
        self.store.enqueue(
            "node-monitor",
            move |tx| state::put(tx, &[Row::claimed(hash, amount, false)]),
            move |()| {
                node.with(|inner| {
                    inner.claiming.remove(&hash);
                    inner.claimed.insert(hash, (amount, false));
                });
                node.network.with(|network| {
                    network.received.insert(hash, amount);
                });
                step!(node.log, "{amount} for {hash} is claimed");
                node.tell_receipt(hash, amount);
            },
        );
    }

    fn tell_receipt(self: &Arc<Self>, hash: PaymentHash, amount: Msat) {
        let now = self.clock.now();
        let record = self.with(|node| {
            let record = node.records.get_mut(&hash)?;
            record.status = RecordStatus::Succeeded;
            record.amount = Some(amount);
            record.updated = now;
            Some(record.clone())
        });
        if let Some(record) = &record {
            self.write(vec![Row::record(record)]);
        }
        let lost = record.is_some() && self.loses_an_event();
        self.queue(Some(Told::Received { hash, amount }).filter(|_| !lost));
        self.with(|node| node.claimed.insert(hash, (amount, true)));
        self.write(vec![Row::claimed(hash, amount, true), self.events_row()]);
    }

    /// It says that a payment has failed which is on its way: no node should, and the gateway must live with it.
    pub fn lie_about(self: &Arc<Self>, id: u64) {
        let Some(one) = self.with(|node| node.watched.get(&id).copied()) else {
            return;
        };
        let hash = one.hash;
        let fresh = (self.network).with(|network| network.lied_about.insert(hash));
        if !fresh {
            return;
        }
        self.network.with(|network| {
            *network.refusals.entry(hash).or_default() += 1;
        });
        let record = self.with(|node| {
            let record = node.records.get_mut(&hash)?;
            record.status = RecordStatus::Failed;
            Some(record.clone())
        });
        self.write(record.iter().map(Row::record).collect());
        self.queue(Some(Told::Failed {
            hash,
            why: "it seems".to_owned(),
        }));
        self.write(vec![self.events_row()]);
    }

    fn queue(&self, told: Option<Told>) {
        if let Some(told) = told {
            step!(self.log, "event {told:?}");
            self.with(|node| node.events.push_back(told));
            self.queued.notify_one();
        }
    }

    fn events_row(&self) -> Row {
        self.with(|node| Row::events(&node.events))
    }

    /// Into the file in its turn; nobody waits.
    fn write(&self, rows: Vec<Row>) {
        if !rows.is_empty() {
            self.store
                .enqueue_idle("node-write", move |tx| state::put(tx, &rows), |()| {});
        }
    }

    /// Whether it already has a payment of this hash that may arrive, or has arrived.
    pub fn has(&self, hash: PaymentHash) -> bool {
        self.with(|node| {
            node.held.contains_key(&hash)
                || (node.watched.values())
                    .any(|one| one.hash == hash && one.flight != Flight::Returned)
        })
    }
}

impl From<Told> for NodeEvent {
    fn from(told: Told) -> Self {
        match told {
            Told::Received { hash, amount } => Self::PaymentReceived { hash, amount },
            Told::Arrived {
                hash,
                preimage,
                fee,
            } => Self::PaymentSuccessful {
                hash,
                preimage: Some(preimage),
                fee: Some(fee),
            },
            Told::Failed { hash, why } => Self::PaymentFailed {
                hash: Some(hash),
                why,
            },
        }
    }
}

/// A new record of a payment to us.
fn inbound(
    hash: PaymentHash,
    preimage: Preimage,
    amount: Option<Msat>,
    clock: &FakeClock,
) -> PaymentRecord {
    PaymentRecord {
        hash,
        direction: Direction::Inbound,
        status: RecordStatus::Pending,
        amount,
        fee: None,
        preimage: Some(preimage),
        updated: clock.now(),
    }
}
