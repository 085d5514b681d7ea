//! Rows of payouts and of the signed transactions that pay them.

use std::ops::ControlFlow;

use bitcoin::hashes::Hash;
use bitcoin::{Script, Txid};
use minicbor::{Decode, Encode};

use super::codec::{decode, encode};
use super::rows::{Order, Rows, key, ordered};
use super::signals::Wake;
use super::tables::Table;
use super::tx::Tx;
use crate::domain::destination::Destination;
use crate::domain::ids::{BatchId, PaymentHash, PayoutId, PullPaymentId, StoreId};
use crate::domain::payout::batch::Batch;
use crate::domain::payout::{Origin, Payout};
use crate::domain::receipt::Rail;
use crate::domain::store::Processor;

/// Points at a payout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct PayoutRef {
    /// Whose.
    #[n(0)]
    pub store: StoreId,
    /// Which.
    #[n(1)]
    pub payout: PayoutId,
}

/// The payout, if it is this store's.
pub fn get(rows: &dyn Rows, store: StoreId, id: PayoutId) -> Option<Payout> {
    let bytes = rows.get(Table::Payouts, &key(&[store.as_bytes(), id.as_bytes()]))?;
    let payout: Payout = decode(&bytes);
    assert!(payout.is_consistent(), "payout {id} contradicts itself");
    Some(payout)
}

/// The store a payout belongs to.
pub fn store_of(rows: &dyn Rows, id: PayoutId) -> Option<StoreId> {
    rows.get(Table::PayoutStore, id.as_bytes())
        .and_then(|bytes| StoreId::from_slice(&bytes))
}

/// The payout, whosever it is.
pub fn find(rows: &dyn Rows, id: PayoutId) -> Option<Payout> {
    get(rows, store_of(rows, id)?, id)
}

/// Puts a payout and all rows that lead to it, and wakes who pays it.
pub fn put(tx: &mut Tx<'_>, payout: &Payout) {
    let (store, id) = (payout.store, payout.id);
    assert!(payout.is_consistent(), "P1 payout {id} contradicts itself");
    let row = key(&[store.as_bytes(), id.as_bytes()]);
    let target = PayoutRef { store, payout: id };
    let before = get(tx, store, id);
    if before.is_none() {
        let time = ordered(payout.created.0);
        tx.put(Table::PayoutStore, id.as_bytes(), store.as_bytes());
        tx.put(
            Table::PayoutsByTime,
            &key(&[store.as_bytes(), &time, id.as_bytes()]),
            &[],
        );
        if let Some(pull_payment) = payout.pull_payment() {
            let place = key(&[
                store.as_bytes(),
                pull_payment.as_bytes(),
                &time,
                id.as_bytes(),
            ]);
            tx.put(Table::PayoutsByPullPayment, &place, &[]);
        }
        if let Destination::Bolt11(invoice) = &payout.destination {
            // P3 one hash, one payout.
            assert!(
                hash_owner(tx, invoice.hash).is_none(),
                "P3 payment hash {} already has a payout",
                invoice.hash
            );
            tx.put(
                Table::PayoutHashes,
                invoice.hash.as_bytes(),
                &encode(&target),
            );
        }
    }
    if let Destination::Address(address) = &payout.destination
        && payout.origin != Origin::WalletSend
    {
        let script = address.script.as_bytes();
        if payout.is_open() {
            tx.put(Table::PayoutScripts, script, &encode(&target));
        } else if script_owner(tx, &address.script) == Some(target) {
            tx.remove(Table::PayoutScripts, script);
        }
    }
    if payout.is_open() {
        tx.put(Table::PayoutsOpen, &row, &[]);
    } else {
        tx.remove(Table::PayoutsOpen, &row);
    }
    super::payout_queue::move_on(tx, before.as_ref(), payout);
    tx.wake(payer_of(payout.rail()));
    tx.put(Table::Payouts, &row, &encode(payout));
}

/// Who pays over a rail.
pub const fn payer_of(rail: Rail) -> Wake {
    match rail {
        Rail::Lightning => Wake::LightningPayouts,
        Rail::Onchain => Wake::OnchainPayouts,
    }
}

/// The payout a payment hash belongs to, for ever (P3).
pub fn hash_owner(rows: &dyn Rows, hash: PaymentHash) -> Option<PayoutRef> {
    rows.get(Table::PayoutHashes, hash.as_bytes())
        .map(|bytes| decode(&bytes))
}

/// The open payout that waits to pay this script.
pub fn script_owner(rows: &dyn Rows, script: &Script) -> Option<PayoutRef> {
    rows.get(Table::PayoutScripts, script.as_bytes())
        .map(|bytes| decode(&bytes))
}

/// All payouts that still want something done.
pub fn open(rows: &dyn Rows) -> Vec<PayoutRef> {
    let mut open = Vec::new();
    rows.scan(Table::PayoutsOpen, &[], Order::Ascending, &mut |row, _| {
        open.extend(
            StoreId::from_slice(&row[..32])
                .zip(PayoutId::from_slice(&row[32..]))
                .map(|(store, payout)| PayoutRef { store, payout }),
        );
        ControlFlow::Continue(())
    });
    open
}

/// A store's payouts, newest first.
pub fn newest_first(
    rows: &dyn Rows,
    store: StoreId,
    visit: &mut dyn FnMut(Payout) -> ControlFlow<()>,
) {
    rows.scan(
        Table::PayoutsByTime,
        store.as_bytes(),
        Order::Descending,
        &mut |row, _| match PayoutId::from_slice(&row[40..]).and_then(|id| get(rows, store, id)) {
            Some(payout) => visit(payout),
            None => ControlFlow::Continue(()),
        },
    );
}

/// The payouts of a pull payment, newest first.
pub fn of_pull_payment(rows: &dyn Rows, store: StoreId, id: PullPaymentId) -> Vec<Payout> {
    let mut payouts = Vec::new();
    rows.scan(
        Table::PayoutsByPullPayment,
        &key(&[store.as_bytes(), id.as_bytes()]),
        Order::Descending,
        &mut |row, _| {
            payouts.extend(PayoutId::from_slice(&row[60..]).and_then(|id| get(rows, store, id)));
            ControlFlow::Continue(())
        },
    );
    payouts
}

/// A batch of a store.
pub fn batch(rows: &dyn Rows, store: StoreId, id: BatchId) -> Option<Batch> {
    rows.get(Table::Batches, &key(&[store.as_bytes(), id.as_bytes()]))
        .map(|bytes| decode(&bytes))
}

/// Puts a batch and the ids of its versions. `buried`: nothing is left to do for it.
pub fn put_batch(tx: &mut Tx<'_>, batch: &Batch, buried: bool) {
    assert!(
        batch.is_consistent(),
        "P4 the versions of batch {} share no input",
        batch.id
    );
    let row = key(&[batch.store.as_bytes(), batch.id.as_bytes()]);
    for version in &batch.versions {
        tx.put(Table::BatchTxids, version.txid.as_byte_array(), &row);
    }
    if buried {
        tx.remove(Table::BatchesOpen, &row);
    } else {
        tx.put(Table::BatchesOpen, &row, &[]);
    }
    tx.put(Table::Batches, &row, &encode(batch));
}

/// The batch that a transaction is a version of.
pub fn batch_of_tx(rows: &dyn Rows, txid: Txid) -> Option<Batch> {
    let row = rows.get(Table::BatchTxids, txid.as_byte_array())?;
    rows.get(Table::Batches, &row).map(|bytes| decode(&bytes))
}

/// All batches that are not buried yet.
pub fn open_batches(rows: &dyn Rows) -> Vec<Batch> {
    let mut open = Vec::new();
    rows.scan(Table::BatchesOpen, &[], Order::Ascending, &mut |row, _| {
        open.extend(rows.get(Table::Batches, row).map(|bytes| decode(&bytes)));
        ControlFlow::Continue(())
    });
    open
}

const fn rail_key(rail: Rail) -> [u8; 1] {
    match rail {
        Rail::Lightning => [0],
        Rail::Onchain => [1],
    }
}

/// The automatic sender of a store and rail, if it is on.
pub fn processor(rows: &dyn Rows, store: StoreId, rail: Rail) -> Option<Processor> {
    rows.get(
        Table::Processors,
        &key(&[store.as_bytes(), &rail_key(rail)]),
    )
    .map(|bytes| decode(&bytes))
}

/// Sets or removes the automatic sender of a store and rail. Setting it looks at once at what waits.
pub fn put_processor(tx: &mut Tx<'_>, store: StoreId, rail: Rail, processor: Option<&Processor>) {
    let row = key(&[store.as_bytes(), &rail_key(rail)]);
    match processor {
        Some(processor) => tx.put(Table::Processors, &row, &encode(processor)),
        None => tx.remove(Table::Processors, &row),
    }
    tx.wake(payer_of(rail));
}
