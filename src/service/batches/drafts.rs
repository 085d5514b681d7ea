//! Transactions that somebody else has to sign: made, given up, outspent.

use bitcoin::OutPoint;

use super::unsure;
use crate::domain::fact::Fact;
use crate::domain::ids::{BatchId, PayoutId, StoreId};
use crate::domain::money::Sat;
use crate::domain::payout::Payout;
use crate::domain::payout::batch::{Batch, Input};
use crate::domain::payout::draft::{Draft, End, Payment};
use crate::domain::till::TillId;
use crate::domain::time::Timestamp;
use crate::service::{Gateway, Unavailable, settle};
use crate::store::{self, Rows, Tx, WriteError};
use crate::wallet::{SpendRequest, TxStanding, UnsignedSpend};

/// A block's transaction that spends a coin of a draft is taken for final at so many confirmations.
const OUTSPENT_CONFIRMATIONS: u32 = 6;

/// Why a draft is not given up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DraftRefusal {
    /// 404.
    #[error("There is no such transaction.")]
    Unknown,
    /// 400 `invalid-state`.
    #[error("This transaction does not wait for a signature any more.")]
    Over,
    /// 503.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<WriteError> for DraftRefusal {
    fn from(error: WriteError) -> Self {
        Self::Unavailable(error.into())
    }
}

impl Gateway {
    /// The transactions of a store that wait for a signature, oldest first.
    pub async fn drafts(&self, store: StoreId) -> Vec<Draft> {
        self.store
            .read(move |rows| store::draft::open_of(rows, store))
            .await
    }

    /// A transaction of a store's that waited for a signature, or still does.
    pub async fn draft(&self, store: StoreId, id: BatchId) -> Option<Draft> {
        self.store
            .read(move |rows| store::draft::get(rows, store, id))
            .await
    }

    /// Its owner will not sign it: its coins are free again. Should it be seen on the chain all the same, it counts.
    pub async fn give_up_draft(&self, store: StoreId, id: BatchId) -> Result<Draft, DraftRefusal> {
        let now = self.now();
        self.store
            .try_write("draft-give-up", move |tx| {
                if let Some(kept) = store::payout::batch(tx, store, id)
                    && store::draft::get(tx, store, id).is_none()
                {
                    return give_up_kept(tx, &kept, now);
                }
                let draft = store::draft::get(tx, store, id).ok_or(DraftRefusal::Unknown)?;
                if draft.end.is_some() {
                    return Err(DraftRefusal::Over);
                }
                Ok(close(tx, draft, End::GivenUp(now), now))
            })
            .await
    }
}

/// The same for a transaction that was signed and kept back: its payments by hand are cancelled. Answers with what it
/// was, in the form of a draft.
fn give_up_kept(tx: &mut Tx<'_>, kept: &Batch, now: Timestamp) -> Result<Draft, DraftRefusal> {
    if kept.kept_back.is_none()
        || super::is_given_up(tx, kept)
        || super::confirmed(tx, kept).is_some()
    {
        return Err(DraftRefusal::Over);
    }
    let coins: Vec<OutPoint> = kept.inputs.iter().map(|input| input.0).collect();
    tx.tills_mut().unlock(kept.till, &coins);
    let why = "A person gave it up before it was sent.";
    for id in &kept.payouts {
        let Some(payout) = store::payout::get(tx, kept.store, *id) else {
            continue;
        };
        let failed = payout.clone().attempt_failed(why, 0, now);
        let failed = settle::commit(tx, &payout, failed, now);
        // Nothing else is to pay it; should the chain show it all the same, that counts (P5).
        if let Ok(step) = failed.clone().cancel(why) {
            settle::commit(tx, &failed, step, now);
        }
    }
    Ok(kept_as_draft(kept, Some(End::GivenUp(now))))
}

/// A transaction that was signed and kept back, as whoever looks at drafts sees it.
pub fn kept_as_draft(kept: &Batch, end: Option<End>) -> Draft {
    let newest = kept.newest();
    let payments = (newest.vouts.iter())
        .filter_map(|vout| newest.tx.output.get(usize::try_from(*vout).ok()?))
        .map(|output| Payment {
            script: output.script_pubkey.clone(),
            amount: output.value.into(),
            payout: None,
        })
        .collect();
    Draft {
        id: kept.id,
        store: kept.store,
        till: kept.till,
        created: kept.created,
        psbt: Vec::new().into(),
        inputs: kept.inputs.clone(),
        payments,
        fee: newest.fee,
        end,
    }
}

/// Puts a new draft, whose coins the till has locked.
pub fn put(
    tx: &mut Tx<'_>,
    id: BatchId,
    request: &SpendRequest,
    unsigned: &UnsignedSpend,
    payouts: Vec<Option<PayoutId>>,
) -> Draft {
    let payments: Vec<Payment> = (request.recipients.iter())
        .zip(&unsigned.amounts)
        .zip(payouts)
        .map(|(((script, _), amount), payout)| Payment {
            script: script.clone(),
            amount: *amount,
            payout,
        })
        .collect();
    let amount: Sat = payments.iter().map(|payment| payment.amount).sum();
    let draft = Draft {
        id,
        store: request.till.store,
        till: request.till,
        created: request.now,
        psbt: unsigned.psbt.serialize().into(),
        inputs: unsigned.inputs.iter().copied().map(Input).collect(),
        payments,
        fee: unsigned.fee,
        end: None,
    };
    store::draft::put(tx, &draft);
    let amount = amount.to_msat();
    let made = vec![Fact::DraftMade { draft: id, amount }];
    tx.announce(draft.store, made, request.now);
    draft
}

/// Ends a draft. Unless it was signed, its coins are free again and its payouts wait for another transaction.
pub(super) fn close(tx: &mut Tx<'_>, draft: Draft, end: End, now: Timestamp) -> Draft {
    let signed = matches!(end, End::Signed(_));
    let was_open = draft.end.is_none();
    let after = Draft {
        end: Some(end),
        ..draft
    };
    store::draft::put(tx, &after);
    if was_open && !signed {
        tx.tills_mut().unlock(after.till, &coins(&after));
        for id in after.payments.iter().filter_map(|payment| payment.payout) {
            if let Some(payout) = store::payout::get(tx, after.store, id) {
                let step = payout.clone().draft_given_up(after.id);
                settle::commit(tx, &payout, step, now);
            }
        }
        tx.wake(store::Wake::OnchainPayouts);
    }
    if was_open {
        let draft = after.id;
        tx.announce(after.store, vec![Fact::DraftClosed { draft, signed }], now);
    }
    after
}

/// Ends drafts that can't confirm any more, since a block holds something else that spends one of their coins.
pub(super) fn observe(tx: &mut Tx<'_>, now: Timestamp) {
    for draft in store::draft::open(tx) {
        if let Some(by) = outspent_by(tx, &draft) {
            close(tx, draft, End::Outspent { at: now, by }, now);
        }
    }
}

/// Those payouts that may be planned from a till now. One that is in a draft that was given up has to share a coin with
/// it (P4): it waits where that draft was another till's, or has no free coin left for the moment.
pub(super) fn payable(
    tx: &Tx<'_>,
    till: TillId,
    due: Vec<Payout>,
    wait: &mut dyn FnMut(Payout, String),
) -> Vec<Payout> {
    let unsure = unsure(tx);
    due.into_iter()
        .filter_map(|payout| {
            let blocked = living(tx, &payout).into_iter().find(|draft| {
                draft.till != till || !tx.tills().any_free(till, &coins(draft), &unsure)
            });
            if blocked.is_none() {
                return Some(payout);
            }
            let why = "A transaction that pays it was given out to be signed, and given up. It is paid again only \
                       together with a coin of that one, which is not free now.";
            wait(payout, why.to_owned());
            None
        })
        .collect()
}

/// The coins of which a transaction for these payouts has to spend one each (P4).
pub(super) fn shared(tx: &Tx<'_>, chosen: &[Payout]) -> Vec<Vec<OutPoint>> {
    let mut shared: Vec<(BatchId, Vec<OutPoint>)> = Vec::new();
    for draft in chosen.iter().flat_map(|payout| living(tx, payout)) {
        if !shared.iter().any(|(known, _)| *known == draft.id) {
            shared.push((draft.id, coins(&draft)));
        }
    }
    shared.into_iter().map(|(_, coins)| coins).collect()
}

/// Drafts that were given up and pay this payout, if they may still be signed and confirm.
fn living(tx: &Tx<'_>, payout: &Payout) -> Vec<Draft> {
    let given_up = payout.given_up.iter().flatten();
    given_up
        .filter_map(|id| store::draft::get(tx as &dyn Rows, payout.store, *id))
        .filter(|draft| match draft.end {
            Some(End::GivenUp(_)) | None => outspent_by(tx, draft).is_none(),
            Some(End::Signed(_) | End::Outspent { .. }) => false,
        })
        .collect()
}

/// What has spent a coin of a draft in a block, deep enough.
fn outspent_by(tx: &Tx<'_>, draft: &Draft) -> Option<bitcoin::Txid> {
    let by = tx.tills().rival(draft.till, &coins(draft), &[])?;
    match tx.tills().standing(draft.till, by) {
        TxStanding::Confirmed { confirmations } if confirmations >= OUTSPENT_CONFIRMATIONS => {
            Some(by)
        }
        TxStanding::Confirmed { .. } | TxStanding::Mempool | TxStanding::Unseen => None,
    }
}

fn coins(draft: &Draft) -> Vec<OutPoint> {
    draft.inputs.iter().map(|input| input.0).collect()
}
