//! Taking in a transaction that its owner has signed: brought back, given to us to send, or found on the chain. It
//! becomes a batch, and every payment of it an attempt of a payout, in one commit (P2).

use bitcoin::{Address, Transaction, Txid};

use super::drafts;
use crate::domain::destination::{AddressDestination, Destination};
use crate::domain::ids::{BatchId, PayoutId, StoreId};
use crate::domain::money::{Currency, Money, Msat, Sat};
use crate::domain::payout::batch::{Batch, Input, Version};
use crate::domain::payout::draft::{Draft, End};
use crate::domain::payout::{Origin, Payout, Plan, Stage};
use crate::domain::till::TillId;
use crate::domain::time::Timestamp;
use crate::service::payout::put_new;
use crate::service::settle;
use crate::store::{self, Tx};
use crate::wallet::{Foreign, TillKind};

/// A fee may be raised so many times over what a person chose.
const FEE_RAISE_MAX: u64 = 10;

/// Everything random or timely that a transaction needs to become a batch.
#[derive(Clone, Copy, Debug)]
pub struct Adopted {
    /// Id of the batch, where no draft gives it one.
    pub batch: BatchId,
    /// Ids of payouts are drawn from this.
    pub seed: [u8; 20],
    /// It is not to be sent before somebody asks for it.
    pub kept_back: bool,
    /// The network has it already.
    pub is_out: bool,
    /// Now.
    pub now: Timestamp,
}

/// Takes a signed transaction in: the draft that it is, if any, ends; what it pays beside are payments by hand.
pub fn adopt(tx: &mut Tx<'_>, signed: &Foreign, how: Adopted) -> Batch {
    let now = how.now;
    let shop = signed.till.store;
    let matched = draft_of(tx, signed.till, &signed.tx);
    let mut free = signed.payments.clone();
    let mut placed: Vec<(u32, PayoutId)> = Vec::new();
    if let Some(draft) = &matched {
        let vouts = vouts_of(&signed.tx, draft).unwrap_or_default();
        for (payment, vout) in draft.payments.iter().zip(vouts) {
            // A payment of a draft is one wherever it leads, be it to an address that is known as the till's own by now.
            free.retain(|(free, ..)| *free != vout);
            match payment.payout {
                Some(payout) => placed.push((vout, payout)),
                None => free.push((vout, payment.script.clone(), payment.amount)),
            }
        }
    }
    let id = matched.as_ref().map_or(how.batch, |draft| draft.id);
    // Nothing is refused from here on.
    let network = tx.tills().record(signed.till).map(|record| record.network);
    let mut made = Vec::new();
    let payments = placed.len() + free.len();
    for (number, (vout, script, amount)) in (0_u16..).zip(free) {
        let address = network.and_then(|network| Address::from_script(&script, network).ok());
        let Some(address) = address else { continue };
        let share = signed.fee.to_msat().0 / u64::try_from(payments).unwrap_or(u64::MAX).max(1);
        let payout = sent_by_hand(
            shop,
            PayoutId(ids(how.seed, number)),
            AddressDestination {
                address: address.to_string(),
                script,
            },
            amount,
            Msat(share.saturating_mul(FEE_RAISE_MAX)),
            now,
        );
        placed.push((vout, payout.id));
        made.push(payout);
    }
    for payout in made {
        put_new(tx, payout, now);
    }
    if how.kept_back {
        // It counts from the moment somebody sends it: here, or elsewhere.
        let coins: Vec<_> = (signed.tx.input.iter())
            .map(|input| input.previous_output)
            .collect();
        tx.tills_mut().lock(signed.till, &coins);
    } else {
        tx.tills_mut().take_signed(signed, now);
    }
    let batch = Batch {
        id,
        store: shop,
        till: signed.till,
        created: now,
        versions: vec![Version {
            txid: signed.tx.compute_txid(),
            tx: signed.tx.clone(),
            fee: signed.fee,
            vouts: placed.iter().map(|(vout, _)| *vout).collect(),
            height: tx.tills().tip().map(|tip| tip.height),
        }],
        payouts: placed.iter().map(|(_, payout)| *payout).collect(),
        inputs: (signed.tx.input.iter())
            .map(|input| Input(input.previous_output))
            .collect(),
        broadcast_at: how.is_out.then_some(now),
        settled: false,
        lost_to: None,
        settled_by: None,
        kept_back: how.kept_back.then_some(now),
    };
    store::payout::put_batch(tx, &batch, false);
    if let Some(draft) = matched {
        drafts::close(tx, draft, End::Signed(now), now);
    }
    for (place, id) in (0..).zip(&batch.payouts) {
        if let Some(payout) = store::payout::get(tx, shop, *id) {
            record(tx, &payout, &batch, place, how);
        }
    }
    tx.wake(store::Wake::OnchainPayouts);
    batch
}

fn record(tx: &mut Tx<'_>, payout: &Payout, batch: &Batch, place: u32, how: Adopted) {
    let plan = Plan::Onchain {
        batch: batch.id,
        place,
    };
    let step = match payout.clone().plan(plan.clone(), how.now) {
        Ok(step) => step,
        // Cancelled, paid otherwise, or under way otherwise: the chain decides (P5).
        Err(_) => payout.clone().found(plan, how.now),
    };
    let planned = settle::commit(tx, payout, step, how.now);
    if how.is_out && planned.live_attempt().is_some() {
        let step = planned.clone().broadcast();
        settle::commit(tx, &planned, step, how.now);
    }
}

/// The draft that a transaction is the signed form of: it spends one of its coins and makes all of its payments. One
/// that waits goes before one that is over.
pub fn draft_of(tx: &Tx<'_>, till: TillId, signed: &Transaction) -> Option<Draft> {
    let mut found: Vec<Draft> = Vec::new();
    for input in &signed.input {
        for draft in store::draft::spending(tx, input.previous_output) {
            let is_new = !found.iter().any(|known| known.id == draft.id);
            if is_new && draft.till == till && vouts_of(signed, &draft).is_some() {
                found.push(draft);
            }
        }
    }
    found.retain(|draft| !matches!(draft.end, Some(End::Signed(_))));
    found.sort_by_key(|draft| (draft.end.is_some(), draft.created, draft.id));
    found.into_iter().next()
}

/// Which outputs make the payments of a draft, in their order, each its own; `None` if one is not made.
fn vouts_of(signed: &Transaction, draft: &Draft) -> Option<Vec<u32>> {
    let mut free: Vec<_> = (0_u32..).zip(&signed.output).collect();
    let mut made = Vec::new();
    for payment in &draft.payments {
        let at = free.iter().position(|(_, output)| {
            output.script_pubkey == payment.script && output.value.to_sat() == payment.amount.0
        })?;
        made.push(free.remove(at).0);
    }
    Some(made)
}

/// A transaction that spends from a watch-only till and was seen without our knowing: if it is the signed form of one
/// of our drafts, it is taken in as that. Says whether it was.
pub(super) fn recognise(tx: &mut Tx<'_>, till: TillId, txid: Txid, now: Timestamp) -> bool {
    let is_watched = tx
        .tills()
        .record(till)
        .is_some_and(|record| match record.kind {
            TillKind::WatchOnly => true,
            TillKind::Hot | TillKind::Generated(_) => false,
        });
    let seen = tx.tills().transaction(till, txid).filter(|_| is_watched);
    let Some(draft) = seen.as_ref().and_then(|seen| draft_of(tx, till, seen)) else {
        return false;
    };
    let Some(signed) = seen.and_then(|seen| tx.tills().describe(till, &seen)) else {
        return false;
    };
    // No randomness in a job: the transaction's own id is as good.
    let mut seed = [0; 20];
    seed.copy_from_slice(&AsRef::<[u8; 32]>::as_ref(&txid)[..20]);
    let how = Adopted {
        batch: draft.id,
        seed,
        kept_back: false,
        is_out: true,
        now,
    };
    adopt(tx, &signed, how);
    true
}

/// A payment by hand, as a payout that nobody has to approve.
pub fn sent_by_hand(
    shop: StoreId,
    id: PayoutId,
    address: AddressDestination,
    amount: Sat,
    fee_max: Msat,
    now: Timestamp,
) -> Payout {
    let asked = Money {
        amount: amount.to_btc().normalize(),
        currency: Currency::BTC,
    };
    let destination = Destination::Address(address);
    Payout {
        fee_max,
        // Pay is never pressed: only its own transaction pays it, which is stored in the same commit.
        stage: Stage::AwaitingPayment,
        ..Payout::asked(
            id,
            shop,
            Origin::WalletSend,
            destination,
            asked,
            amount.to_msat(),
            now,
        )
    }
}

/// Ids that differ in their last two bytes.
fn ids(seed: [u8; 20], number: u16) -> [u8; 20] {
    let mut id = seed;
    for (byte, more) in id[18..].iter_mut().zip(number.to_be_bytes()) {
        *byte ^= more;
    }
    id
}
