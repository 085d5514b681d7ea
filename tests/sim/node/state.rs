//! What the node keeps in the gateway's file.

use std::collections::{BTreeMap, VecDeque};
use std::ops::ControlFlow;

use minicbor::{Decode, Encode};
use tollway::domain::ids::{PaymentHash, Preimage};
use tollway::domain::money::Msat;
use tollway::domain::time::Timestamp;
use tollway::ports::lightning::{Direction, PaymentRecord, RecordStatus};
use tollway::store::{Order, Rows, Table, Tx};

use crate::network::Flight;

/// A payment that left, as its channel's monitor knows it.
#[derive(Clone, Copy, Debug)]
pub struct Watched {
    pub hash: PaymentHash,
    pub amount: Msat,
    pub fee: Msat,
    /// As far as the node has heard.
    pub flight: Flight,
    /// The queue was told what became of it.
    pub told: bool,
}

/// A payment that was taken and waits for its channel.
#[derive(Clone, Copy, Debug)]
pub struct Held {
    /// The number it will leave under.
    pub id: u64,
    pub amount: Msat,
    pub fee: Msat,
}

/// An event in the queue.
#[derive(Clone, Debug, Encode, Decode)]
pub enum Told {
    #[n(0)]
    Received {
        #[n(0)]
        hash: PaymentHash,
        #[n(1)]
        amount: Msat,
    },
    #[n(1)]
    Arrived {
        #[n(0)]
        hash: PaymentHash,
        #[n(1)]
        preimage: Preimage,
        #[n(2)]
        fee: Msat,
    },
    #[n(2)]
    Failed {
        #[n(0)]
        hash: PaymentHash,
        #[n(1)]
        why: String,
    },
}

/// A row to put; without a value, to remove.
pub struct Row {
    key: Vec<u8>,
    value: Option<Vec<u8>>,
}

/// Everything of the file.
#[derive(Default)]
pub struct Loaded {
    pub records: BTreeMap<PaymentHash, PaymentRecord>,
    pub watched: BTreeMap<u64, Watched>,
    pub held: BTreeMap<PaymentHash, Held>,
    pub claimed: BTreeMap<PaymentHash, (Msat, bool)>,
    pub events: VecDeque<Told>,
}

type RecordRow = (
    bool,
    u8,
    Option<Msat>,
    Option<Msat>,
    Option<Preimage>,
    Timestamp,
);
type WatchedRow = (PaymentHash, Msat, Msat, u8, bool);

fn row<T: Encode<()>>(kind: u8, name: &[u8], value: Option<&T>) -> Row {
    Row {
        key: [&[kind][..], name].concat(),
        value: value.map(|value| minicbor::to_vec(value).expect("a vector takes all bytes")),
    }
}

impl Row {
    pub fn record(record: &PaymentRecord) -> Self {
        let status = match record.status {
            RecordStatus::Pending => 0,
            RecordStatus::Succeeded => 1,
            RecordStatus::Failed => 2,
        };
        let value: RecordRow = (
            record.direction == Direction::Inbound,
            status,
            record.amount,
            record.fee,
            record.preimage,
            record.updated,
        );
        row(b'r', record.hash.as_bytes(), Some(&value))
    }

    pub fn no_record(hash: PaymentHash) -> Self {
        row::<u8>(b'r', hash.as_bytes(), None)
    }

    pub fn watched(id: u64, one: &Watched) -> Self {
        let flight = match one.flight {
            Flight::Flying => 0,
            Flight::Arrived => 1,
            Flight::Returned => 2,
        };
        let value: WatchedRow = (one.hash, one.amount, one.fee, flight, one.told);
        row(b'w', &id.to_be_bytes(), Some(&value))
    }

    pub fn held(hash: PaymentHash, held: Option<&Held>) -> Self {
        let value = held.map(|held| (held.id, held.amount, held.fee));
        row(b'h', hash.as_bytes(), value.as_ref())
    }

    pub fn claimed(hash: PaymentHash, amount: Msat, told: bool) -> Self {
        row(b'c', hash.as_bytes(), Some(&(amount, told)))
    }

    pub fn events(events: &VecDeque<Told>) -> Self {
        let events: Vec<&Told> = events.iter().collect();
        row(b'e', b"", Some(&events))
    }
}

pub fn put(tx: &mut Tx<'_>, rows: &[Row]) {
    for row in rows {
        match &row.value {
            Some(value) => tx.put(Table::Ldk, &row.key, value),
            None => tx.remove(Table::Ldk, &row.key),
        }
    }
}

pub fn load(rows: &dyn Rows) -> Loaded {
    let mut loaded = Loaded::default();
    rows.scan(Table::Ldk, &[], Order::Ascending, &mut |key, value| {
        loaded.take(key[0], &key[1..], value);
        ControlFlow::Continue(())
    });
    loaded
}

fn decode<T: for<'b> Decode<'b, ()>>(value: &[u8]) -> T {
    minicbor::decode(value).expect("the node wrote it")
}

impl Loaded {
    fn take(&mut self, kind: u8, name: &[u8], value: &[u8]) {
        let hash = || PaymentHash(name.try_into().expect("32 bytes"));
        match kind {
            b'r' => {
                let (inbound, status, amount, fee, preimage, updated): RecordRow = decode(value);
                let record = PaymentRecord {
                    hash: hash(),
                    direction: if inbound {
                        Direction::Inbound
                    } else {
                        Direction::Outbound
                    },
                    status: match status {
                        0 => RecordStatus::Pending,
                        1 => RecordStatus::Succeeded,
                        _ => RecordStatus::Failed,
                    },
                    amount,
                    fee,
                    preimage,
                    updated,
                };
                self.records.insert(record.hash, record);
            }
            b'w' => {
                let (hash, amount, fee, flight, told): WatchedRow = decode(value);
                let one = Watched {
                    hash,
                    amount,
                    fee,
                    flight: match flight {
                        0 => Flight::Flying,
                        1 => Flight::Arrived,
                        _ => Flight::Returned,
                    },
                    told,
                };
                let id = u64::from_be_bytes(name.try_into().expect("8 bytes"));
                self.watched.insert(id, one);
            }
            b'h' => {
                let (id, amount, fee) = decode(value);
                self.held.insert(hash(), Held { id, amount, fee });
            }
            b'c' => {
                self.claimed.insert(hash(), decode(value));
            }
            _ => self.events = decode::<Vec<Told>>(value).into(),
        }
    }
}
