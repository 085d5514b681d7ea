//! Signed transactions of a store's wallet that are brought back to be sent.

use bitcoin::{OutPoint, Txid};

use super::send::is_own;
use crate::domain::ids::StoreId;
use crate::domain::payout::batch::Batch;
use crate::domain::time::Timestamp;
use crate::service::batches::{self, Adopted};
use crate::service::{Gateway, Unavailable};
use crate::store::{self, Tx, WriteError};
use crate::wallet::signed::{self, Brought};
use crate::wallet::{CantTake, Foreign};

/// Why a signed transaction is not taken and sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BroadcastRefusal {
    /// 404 `paymentmethod-not-configured`.
    #[error("The store has no on-chain wallet.")]
    NoWallet,
    /// 400 `broadcast-error`.
    #[error(transparent)]
    CantTake(#[from] CantTake),
    /// 400 `broadcast-error`.
    #[error("It spends nothing of this store's wallets.")]
    NotOurs,
    /// 400 `broadcast-error`.
    #[error("Another transaction of this wallet spends the coin {0}. Give that one up first.")]
    Locked(OutPoint),
    /// 400 `broadcast-error` (P7).
    #[error("It pays an address of this server itself.")]
    OwnAddress,
    /// 400 `not-available` (P9).
    #[error(
        "The wallet is held for review: coins of it were spent that this server knows nothing of."
    )]
    Held,
    /// 503.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<WriteError> for BroadcastRefusal {
    fn from(error: WriteError) -> Self {
        Self::Unavailable(error.into())
    }
}

impl Gateway {
    /// Takes a signed transaction of a store's wallet and sends it: one that was kept back, the signed form of a draft,
    /// or any other. The same again changes nothing.
    pub async fn wallet_broadcast(
        &self,
        store: StoreId,
        text: &str,
    ) -> Result<Txid, BroadcastRefusal> {
        let brought = signed::read(text)?;
        self.check_chain().map_err(BroadcastRefusal::Unavailable)?;
        let how = self.adopted(false);
        self.store
            .try_write("wallet-broadcast", move |tx| {
                take_signed(tx, store, &brought, how)
            })
            .await
    }

    /// What was signed and kept back, until a block holds it: its owner may send it by other ways.
    pub async fn kept_back(&self, store: StoreId) -> Vec<Batch> {
        self.store
            .read(move |rows| {
                let mut open = store::payout::open_batches(rows);
                open.retain(|batch| {
                    let kept = batch.store == store && batch.kept_back.is_some();
                    kept && !batch.settled && !batches::is_given_up(rows, batch)
                });
                open
            })
            .await
    }
}

fn take_signed(
    tx: &mut Tx<'_>,
    store: StoreId,
    brought: &Brought,
    how: Adopted,
) -> Result<Txid, BroadcastRefusal> {
    store::till::of(tx, store).ok_or(BroadcastRefusal::NoWallet)?;
    let till = tx
        .tills()
        .spent_by(brought.tx(), |till| till.store == store)
        .ok_or(BroadcastRefusal::NotOurs)?;
    let known = match brought {
        Brought::Tx(signed) => store::payout::batch_of_tx(tx, signed.compute_txid()),
        Brought::Psbt(psbt) => {
            let unsigned = psbt.unsigned_tx.compute_txid();
            store::payout::batch_of_tx(tx, unsigned)
        }
    };
    if let Some(batch) = known.filter(|batch| batch.store == store) {
        return Ok(send_known(tx, batch, how.now));
    }
    if store::hold::is_held(tx, store) {
        return Err(BroadcastRefusal::Held);
    }
    let draft = batches::draft_of(tx, till, brought.tx());
    let drafted = draft.as_ref().and_then(|draft| {
        let psbt = bitcoin::Psbt::deserialize(&draft.psbt).ok()?;
        let same = psbt.unsigned_tx.compute_txid() == brought.tx().compute_txid();
        same.then_some(psbt)
    });
    let signed: Foreign = tx.tills().check_signed(till, brought, drafted.as_ref())?;
    // A transaction inside P2SH has another id once it is signed.
    if let Some(batch) = store::payout::batch_of_tx(tx, signed.tx.compute_txid()) {
        return Ok(send_known(tx, batch, how.now));
    }
    let of_draft = |coin: OutPoint| {
        let waits = draft.as_ref().filter(|draft| draft.end.is_none());
        waits.is_some_and(|draft| draft.inputs.iter().any(|input| input.0 == coin))
    };
    for input in &signed.tx.input {
        let coin = input.previous_output;
        if tx.tills().is_locked(till, coin) && !of_draft(coin) {
            return Err(BroadcastRefusal::Locked(coin));
        }
    }
    if (signed.payments.iter()).any(|(_, script, _)| is_own(tx, till.store, script)) {
        return Err(BroadcastRefusal::OwnAddress);
    }
    batches::adopt(tx, &signed, how);
    Ok(signed.tx.compute_txid())
}

/// Sends a transaction that is stored already.
fn send_known(tx: &mut Tx<'_>, batch: Batch, now: Timestamp) -> Txid {
    let txid = batch.newest().txid;
    if batch.kept_back.is_some() && !batches::is_given_up(tx, &batch) {
        let sent = Batch {
            kept_back: None,
            ..batch
        };
        let now_counts = tx.tills().describe(sent.till, &sent.newest().tx);
        if let Some(signed) = now_counts {
            tx.tills_mut().take_signed(&signed, now);
        }
        store::payout::put_batch(tx, &sent, false);
        tx.wake(store::Wake::OnchainPayouts);
    }
    txid
}
