//! Planning: what is due together goes out in one transaction, signed and stored in one commit (P2).

use super::{drafts, unsure};
use crate::domain::destination::Destination;
use crate::domain::ids::{BatchId, PayoutId, StoreId};
use crate::domain::money::Sat;
use crate::domain::payout::batch::{BATCH_PAYOUTS_MAX, Batch, Input, Version, fee_share};
use crate::domain::payout::{Payout, Plan};
use crate::domain::till::{CantSpend, TillId};
use crate::domain::time::Timestamp;
use crate::service::settle;
use crate::store::{self, Tx};
use crate::wallet::{Keychain, SpendRequest, Wishes};

/// How long a payout waits when the till has not enough.
const WAIT_SECS: u64 = 10;

/// How long a payout waits for fees to fall below its cap.
const FEE_WAIT_SECS: u64 = 300;

/// How long a payout waits while its till is held; the release looks at once.
const HELD_SECS: u64 = 600;

/// A transaction's own bytes, with one output to a long script for change: what it needs beside inputs and payments.
const OVERHEAD_VBYTES: u64 = 11 + 43;

/// An output's bytes beside its script.
const OUTPUT_VBYTES: u64 = 9;

/// What is to be planned, with everything random or timely in it.
#[derive(Clone, Debug)]
pub struct Order {
    /// Whose payouts.
    pub store: StoreId,
    /// Which, oldest first; those that are not waiting any more are passed over.
    pub payouts: Vec<PayoutId>,
    /// Id of the batch, if there will be one.
    pub batch: BatchId,
    /// For choosing coins.
    pub seed: [u8; 32],
    /// In satoshi per 1,000 virtual bytes.
    pub fee_rate_sat_per_kvb: u64,
    /// Now.
    pub now: Timestamp,
}

/// A payout that waits, and why.
struct Waiting {
    payout: Payout,
    why: String,
    secs: u64,
}

/// Builds, signs and stores one transaction for as many of the payouts as the coins and their fee caps allow, oldest
/// first. The others wait, each with its reason. Where we can't sign, it is stored for its owner to sign.
pub fn plan(tx: &mut Tx<'_>, keychain: &Keychain, order: &Order) {
    let due: Vec<Payout> = order
        .payouts
        .iter()
        .filter_map(|id| store::payout::get(tx, order.store, *id))
        .filter(|payout| payout.clone().plan(plan_of(order, 0), order.now).is_ok())
        .take(BATCH_PAYOUTS_MAX)
        .collect();
    let mut waiting = Vec::new();
    let till = store::till::of(tx, order.store);
    let can_sign = till
        .and_then(|till| tx.tills().record(till))
        .map(|record| record.kind.can_sign());
    let planned = match (till, can_sign) {
        (Some(_), _) if store::hold::is_held(tx, order.store) => {
            let why = "the store's wallet is held for review";
            wait_all(due, why, HELD_SECS, &mut waiting)
        }
        (Some(till), Some(can_sign)) => {
            if !can_sign && !store::draft::open_of(tx, order.store).is_empty() {
                let why = "Another transaction waits for its owner's signature first.";
                wait_all(due, why, HELD_SECS, &mut waiting)
            } else {
                choose(tx, order, till, due, &mut waiting)
                    .map(|(request, chosen)| (request, chosen, can_sign))
            }
        }
        (None, _) | (_, None) => wait_all(
            due,
            &CantSpend::NoWallet.to_string(),
            WAIT_SECS,
            &mut waiting,
        ),
    };
    match planned {
        Some((request, chosen, true)) => {
            if let Err((why, chosen)) = send(tx, keychain, order, &request, chosen) {
                let _: Option<()> = wait_all(chosen, &why.to_string(), WAIT_SECS, &mut waiting);
            }
        }
        Some((request, chosen, false)) => {
            if let Err((why, chosen)) = draft(tx, order, &request, chosen) {
                let _: Option<()> = wait_all(chosen, &why.to_string(), WAIT_SECS, &mut waiting);
            }
        }
        None => {}
    }
    for Waiting { payout, why, secs } in waiting {
        let step = payout.clone().wait(why, order.now.plus_secs(secs));
        settle::commit(tx, &payout, step, order.now);
    }
}

type Unplanned = (CantSpend, Vec<Payout>);

/// Builds, signs and stores the transaction.
fn send(
    tx: &mut Tx<'_>,
    keychain: &Keychain,
    order: &Order,
    request: &SpendRequest,
    chosen: Vec<Payout>,
) -> Result<(), Unplanned> {
    let signed = match tx.tills_mut().build(keychain, request) {
        Ok(signed) => signed,
        Err(why) => return Err((why, chosen)),
    };
    let batch = Batch {
        id: order.batch,
        store: order.store,
        till: request.till,
        created: order.now,
        versions: vec![Version {
            txid: signed.tx.compute_txid(),
            tx: signed.tx,
            fee: signed.fee,
            vouts: signed.vouts,
            height: tx.tills().tip().map(|tip| tip.height),
        }],
        payouts: chosen.iter().map(|payout| payout.id).collect(),
        inputs: signed.inputs.into_iter().map(Input).collect(),
        broadcast_at: None,
        settled: false,
        lost_to: None,
        settled_by: None,
        kept_back: None,
    };
    store::payout::put_batch(tx, &batch, false);
    for (place, payout) in (0..).zip(chosen) {
        let planned = payout.clone().plan(plan_of(order, place), order.now);
        if let Ok(step) = planned {
            settle::commit(tx, &payout, step, order.now);
        }
    }
    Ok(())
}

/// Stores the transaction for its owner to sign. No attempt is recorded: nothing can leave before it is signed.
fn draft(
    tx: &mut Tx<'_>,
    order: &Order,
    request: &SpendRequest,
    chosen: Vec<Payout>,
) -> Result<(), Unplanned> {
    let unsigned = match tx.tills_mut().draft(request) {
        Ok(unsigned) => unsigned,
        Err(why) => return Err((why, chosen)),
    };
    let payouts = chosen.iter().map(|payout| Some(payout.id)).collect();
    drafts::put(tx, order.batch, request, &unsigned, payouts);
    for payout in chosen {
        if let Ok(step) = payout.clone().draft(order.batch) {
            settle::commit(tx, &payout, step, order.now);
        }
    }
    Ok(())
}

/// Which of them can be paid, and what to ask of the till; the others are added to `waiting`.
fn choose(
    tx: &mut Tx<'_>,
    order: &Order,
    till: TillId,
    due: Vec<Payout>,
    waiting: &mut Vec<Waiting>,
) -> Option<(SpendRequest, Vec<Payout>)> {
    let unsure = unsure(tx);
    let rate = order.fee_rate_sat_per_kvb;
    let due = drafts::payable(tx, till, due, &mut |payout, why| {
        waiting.push(Waiting {
            payout,
            why,
            secs: HELD_SECS,
        });
    });
    let free = tx.tills().free(till, rate, &unsure);
    let mut chosen = covered(due, free, rate, waiting);
    while !chosen.is_empty() {
        let request = SpendRequest {
            till,
            recipients: chosen.iter().filter_map(recipient).collect(),
            fee_rate_sat_per_kvb: rate,
            unsure: unsure.clone(),
            seed: order.seed,
            now: order.now,
            wishes: Wishes {
                share: drafts::shared(tx, &chosen),
                ..Wishes::default()
            },
        };
        let fee = match tx.tills_mut().quote(&request) {
            Ok(fee) => fee,
            Err(why @ CantSpend::NotEnough { .. }) => {
                let payout = chosen.pop()?;
                waiting.push(Waiting::new(payout, &why, WAIT_SECS));
                continue;
            }
            Err(
                why @ (CantSpend::Dust
                | CantSpend::NoWallet
                | CantSpend::Coin(_)
                | CantSpend::Other(_)),
            ) => {
                return wait_all(chosen, &why.to_string(), WAIT_SECS, waiting);
            }
        };
        let before = chosen.len();
        chosen = within_caps(chosen, fee, waiting);
        if chosen.len() == before {
            return Some((request, chosen));
        }
    }
    None
}

/// As many as so much can cover, oldest first; one that is too large doesn't hold up the smaller ones behind it.
fn covered(due: Vec<Payout>, free: Sat, rate: u64, waiting: &mut Vec<Waiting>) -> Vec<Payout> {
    let fee = |vbytes: u64| Sat(vbytes.saturating_mul(rate).div_ceil(1_000));
    let mut left = Sat(free.0.saturating_sub(fee(OVERHEAD_VBYTES).0));
    let mut chosen = Vec::new();
    for payout in due {
        let script = recipient(&payout).map_or(0, |(script, _)| script.len());
        let vbytes = OUTPUT_VBYTES.saturating_add(u64::try_from(script).unwrap_or(u64::MAX));
        let needed = payout.output().plus(fee(vbytes));
        if needed <= left {
            left = Sat(left.0 - needed.0);
            chosen.push(payout);
        } else {
            let available = left;
            let why = CantSpend::NotEnough { available, needed };
            waiting.push(Waiting::new(payout, &why, WAIT_SECS));
        }
    }
    chosen
}

/// Those whose share of the fee is within what may be spent on them.
fn within_caps(chosen: Vec<Payout>, fee: Sat, waiting: &mut Vec<Waiting>) -> Vec<Payout> {
    let payouts = chosen.len();
    let mut kept = Vec::new();
    for (place, payout) in (0..).zip(chosen) {
        let share = fee_share(fee, payouts, place);
        if share <= payout.fee_max {
            kept.push(payout);
            continue;
        }
        let why = format!(
            "The transaction would cost {}, more than the {} that may be spent on it.",
            share.to_sat_ceil(),
            payout.fee_max.to_sat_floor()
        );
        let secs = FEE_WAIT_SECS;
        waiting.push(Waiting { payout, why, secs });
    }
    kept
}

fn wait_all<T>(
    payouts: Vec<Payout>,
    why: &str,
    secs: u64,
    waiting: &mut Vec<Waiting>,
) -> Option<T> {
    waiting.extend(payouts.into_iter().map(|payout| Waiting {
        payout,
        why: why.to_owned(),
        secs,
    }));
    None
}

fn recipient(payout: &Payout) -> Option<(bitcoin::ScriptBuf, Sat)> {
    match &payout.destination {
        Destination::Address(address) => Some((address.script.clone(), payout.output())),
        Destination::Bolt11(_) => None,
    }
}

fn plan_of(order: &Order, place: u32) -> Plan {
    Plan::Onchain {
        batch: order.batch,
        place,
    }
}

impl Waiting {
    fn new(payout: Payout, why: &CantSpend, secs: u64) -> Self {
        Self {
            payout,
            why: why.to_string(),
            secs,
        }
    }
}
