//! One of the two: a node over a disk that may go, and what its house has written down about its payments.
//!
//! What is known is in rows of the store. Whatever a commit has promised is noted in a plain file after it, and the
//! next start looks for it in the store.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::watch;
use tollway::domain::ids::PaymentHash;
use tollway::domain::money::Msat;
use tollway::ports::lightning::{
    Dispatch, Lightning, NodeEvent, PayIntent, RecordStatus, SweepStanding,
};
use tollway::store::{Order, Rows, Store, Table};

use super::power::Power;
use crate::house::{House, Plot};

/// Names of rows; a hash or a channel follows.
pub const ISSUED: &str = "an invoice made here ";
const INTENT: &str = "a payment to be made ";
const PAID: &str = "a payment made ";
pub const FAILED: &str = "a payment not made ";
const RECEIVED: &str = "a payment received ";
pub const CLOSED: &str = "a channel closed ";
const IDENTITY: &str = "identity";
const WORTH: &str = "worth in the beginning";
const HEIGHT: &str = "height in the beginning";
const CHANNELS: &str = "channels in the beginning";

/// One of the two.
pub struct Side {
    pub house: House,
    promised: PathBuf,
    heard: watch::Sender<()>,
}

impl Side {
    /// Opens what the last life left.
    pub fn open(plot: &Plot, power: &Arc<Power>) -> Self {
        let disk = power.disk(&plot.folder.join("tollway.redb"));
        let (store, writer) =
            Store::open_backend(disk).expect("P12 the file opens, and is in order");
        let promised = plot.folder.join("promised");
        for row in fs::read_to_string(&promised).unwrap_or_default().lines() {
            let found = store.snapshot().has(Table::Meta, row.as_bytes());
            assert!(found, "P12 '{row}' was committed, and is gone");
        }
        Self {
            house: plot.open_over(store, writer),
            promised,
            heard: watch::Sender::new(()),
        }
    }

    fn node(&self) -> &dyn Lightning {
        self.house.node.as_ref()
    }

    pub fn row(&self, kind: &str, of: &str) -> Option<Vec<u8>> {
        let row = format!("{kind}{of}");
        let snapshot = self.house.store.snapshot();
        snapshot.get(Table::Meta, row.as_bytes())
    }

    /// What is written down of this kind: of what, and what.
    pub fn rows(&self, kind: &str) -> Vec<(String, Vec<u8>)> {
        let mut found = Vec::new();
        let mut visit = |row: &[u8], value: &[u8]| {
            let of = String::from_utf8_lossy(&row[kind.len()..]).into_owned();
            found.push((of, value.to_vec()));
            ControlFlow::Continue(())
        };
        let snapshot = self.house.store.snapshot();
        snapshot.scan(Table::Meta, kind.as_bytes(), Order::Ascending, &mut visit);
        found
    }

    async fn write(&self, kind: &str, of: &str, value: &[u8]) {
        let row = format!("{kind}{of}");
        let (key, value) = (row.clone().into_bytes(), value.to_vec());
        let put = move |tx: &mut tollway::store::Tx<'_>| tx.put(Table::Meta, &key, &value);
        self.house.store.insist("test", put).await.unwrap();
        let mut file = fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(&self.promised)
            .unwrap();
        file.write_all(format!("{row}\n").as_bytes()).unwrap();
    }

    /// The same node as in the first life, over the same file.
    pub async fn is_itself(&self, first: bool) {
        let identity = self.node().identity().await.unwrap().node_id.to_string();
        if first {
            self.write(IDENTITY, "", identity.as_bytes()).await;
        }
        let known = self.row(IDENTITY, "");
        assert_eq!(known, Some(identity.into_bytes()), "another node");
    }

    /// Writes down what the node tells, and acknowledges it then. Does not end.
    pub async fn listen(&self) {
        loop {
            match self.node().next_event().await {
                NodeEvent::PaymentReceived { hash, amount } => {
                    let of = hex::encode(hash.0);
                    let before = self.row(RECEIVED, &of);
                    let value = amount.0.to_be_bytes();
                    assert!(
                        before.is_none_or(|before| before == value),
                        "{of} came with two amounts"
                    );
                    self.write(RECEIVED, &of, &value).await;
                }
                NodeEvent::PaymentSuccessful { hash, preimage, .. } => {
                    let preimage = preimage.expect("P5 a payment made has a proof").0;
                    self.write(PAID, &hex::encode(hash.0), &preimage).await;
                }
                NodeEvent::PaymentFailed { hash, why } => {
                    let hash = hash.expect("a payment that was handed over has a hash");
                    let of = hex::encode(hash.0);
                    self.write(FAILED, &of, why.as_bytes()).await;
                }
                NodeEvent::ChannelClosed { channel, what, .. } => {
                    self.write(CLOSED, &channel.to_string(), what.as_bytes())
                        .await;
                }
                NodeEvent::Forwarded { .. } | NodeEvent::Other { .. } => {}
            }
            self.node().event_handled().await;
            self.heard.send_replace(());
        }
    }

    /// An invoice of this side, written down before anybody sees it, and the payment of it by the other, too.
    pub async fn is_paid_by(&self, payer: &Self, amount: Msat) -> PayIntent {
        let issued = self.house.invoice(Some(amount)).await;
        let of = hex::encode(issued.hash.0);
        self.write(ISSUED, &of, &issued.preimage.0).await;
        payer.write(INTENT, &of, issued.bolt11.as_bytes()).await;
        intent_of(&of, &issued.bolt11)
    }

    /// Hands a new payment over and waits for its end.
    pub async fn pays(&self, intent: &PayIntent) {
        let of = hex::encode(intent.hash.0);
        match self.node().pay(intent).await {
            Dispatch::Taken => {
                let mut heard = self.heard.subscribe();
                heard.wait_for(|()| self.has_ended(&of)).await.unwrap();
            }
            Dispatch::Declined { why, .. } => self.write(FAILED, &of, why.as_bytes()).await,
            Dispatch::Doubtful(why) => panic!("P6 {of} is new, and doubtful: {why}"),
        }
    }

    fn has_ended(&self, of: &str) -> bool {
        self.row(PAID, of).is_some() || self.row(FAILED, of).is_some()
    }

    /// Payments without an end.
    pub fn open_payments(&self) -> Vec<PayIntent> {
        let mut all = self.rows(INTENT);
        all.retain(|(of, _)| !self.has_ended(of));
        all.iter()
            .map(|(of, bolt11)| intent_of(of, std::str::from_utf8(bolt11).unwrap()))
            .collect()
    }

    /// Hands over again what an earlier life may or may not have: the node must see that it is the same.
    pub async fn hand_over_again(&self) {
        for intent in self.open_payments() {
            let of = hex::encode(intent.hash.0);
            if let Some(record) = self.node().payment(intent.hash).await {
                match record.status {
                    // The event is still to come.
                    RecordStatus::Succeeded | RecordStatus::Failed => continue,
                    RecordStatus::Pending => {
                        let forgotten = self.node().forget_payment(intent.hash).await;
                        assert_eq!(forgotten, Ok(()));
                    }
                }
            }
            let dispatch = self.node().pay(&intent).await;
            println!("handed over again: {of} {dispatch:?}");
        }
    }

    /// Everything of this side, in millisatoshi. `None` while something is on its way.
    pub async fn worth(&self) -> Option<i128> {
        let holdings = self.node().holdings().await.unwrap();
        let sweeping = holdings.sweeps.iter();
        let all_swept = sweeping
            .map(|sweep| sweep.standing)
            .all(|standing| standing == SweepStanding::Confirmed);
        if !all_swept || !holdings.closing.is_empty() {
            return None;
        }
        let open: i128 = (holdings.channels.iter())
            .map(|one| i128::from(one.ours.0))
            .sum();
        Some(open + i128::from(holdings.wallet.0) * 1_000)
    }

    /// Writes down what there is before any payment: what is its own, the chain's height, and its channels.
    pub async fn begins_with(&self, worth: i128, height: u64) {
        let channels = self.node().channels().await.unwrap().len();
        let channels = i128::try_from(channels).unwrap();
        self.write(WORTH, "", &worth.to_be_bytes()).await;
        self.write(HEIGHT, "", &height.to_be_bytes()).await;
        self.write(CHANNELS, "", &channels.to_be_bytes()).await;
    }

    fn began<const N: usize>(&self, kind: &str) -> [u8; N] {
        let value = self.row(kind, "").expect("written in the first life");
        value.try_into().unwrap()
    }

    pub fn began_with(&self) -> i128 {
        i128::from_be_bytes(self.began(WORTH))
    }

    pub fn began_at(&self) -> u64 {
        u64::from_be_bytes(self.began(HEIGHT))
    }

    pub fn began_with_channels(&self) -> i128 {
        i128::from_be_bytes(self.began(CHANNELS))
    }

    /// Whether the node has told that this came in.
    pub fn has_received(&self, of: &str) -> bool {
        self.row(RECEIVED, of).is_some()
    }

    /// What was received, by event or by record. The amount is compared with what was to be paid.
    pub async fn received(&self, payer: &Self) -> BTreeSet<String> {
        let told = self.rows(RECEIVED);
        for (of, amount) in &told {
            let amount = u64::from_be_bytes(amount.as_slice().try_into().unwrap());
            assert_eq!(
                i128::from(amount),
                Self::asked(payer, of),
                "{of} is not what was paid"
            );
        }
        let told = told.into_iter().map(|(of, _)| of);
        told.chain(self.succeeded(ISSUED).await).collect()
    }

    /// What was paid, by event or by record. The proof is compared with what the payee keeps.
    pub async fn paid(&self, payee: &Self) -> BTreeSet<String> {
        let told = self.rows(PAID);
        for (of, proof) in &told {
            let right = payee.row(ISSUED, of);
            assert_eq!(right.as_ref(), Some(proof), "P5 the proof of {of} is wrong");
        }
        let told = told.into_iter().map(|(of, _)| of);
        told.chain(self.succeeded(INTENT).await).collect()
    }

    async fn succeeded(&self, kind: &str) -> Vec<String> {
        let mut succeeded = Vec::new();
        for (of, _) in self.rows(kind) {
            let record = self.node().payment(hash_of(&of)).await;
            if record.is_some_and(|record| record.status == RecordStatus::Succeeded) {
                succeeded.push(of);
            }
        }
        succeeded
    }

    /// What an invoice of this side asks for.
    pub fn asked(payer: &Self, of: &str) -> i128 {
        let bolt11 = payer.row(INTENT, of).expect("committed before it was paid");
        let intent = intent_of(of, std::str::from_utf8(&bolt11).unwrap());
        i128::from(intent.amount.0)
    }
}

fn hash_of(of: &str) -> PaymentHash {
    PaymentHash(hex::decode(of).unwrap().try_into().unwrap())
}

fn intent_of(of: &str, bolt11: &str) -> PayIntent {
    let invoice: lightning_invoice::Bolt11Invoice = bolt11.parse().unwrap();
    PayIntent {
        bolt11: bolt11.to_owned(),
        hash: hash_of(of),
        amount: Msat(invoice.amount_milli_satoshis().unwrap()),
        fee_max: Msat(10_000),
    }
}
