//! Who bears the fee of a transaction, and whether it has change: what coin selection doesn't know about is done to its
//! result. Amounts change, sizes don't, so the fee rate stays what was asked for.

use bitcoin::{Amount, Script, ScriptBuf, TxOut};

use super::bump::signed_vbytes;
use super::spend::{SpendRequest, UnsignedSpend, vouts};
use crate::domain::money::Sat;
use crate::domain::till::{AddressKind, CantSpend};

/// Takes the change away and lets recipients bear the fee, as the request wishes.
pub(super) fn shape(
    spend: &mut UnsignedSpend,
    request: &SpendRequest,
    addresses: AddressKind,
) -> Result<(), CantSpend> {
    let other = |why: &str| CantSpend::Other(why.to_owned());
    let paid = vouts(&spend.psbt.unsigned_tx, &request.recipients)
        .ok_or_else(|| other("a recipient has no output"))?;
    let mut places: Vec<usize> = (paid.iter())
        .map(|vout| usize::try_from(*vout))
        .collect::<Result<_, _>>()
        .map_err(|_| other("too many outputs"))?;
    let coins = spend.fee.plus(total(&spend.psbt.unsigned_tx.output));
    if request.wishes.no_change {
        let outputs = spend.psbt.unsigned_tx.output.len();
        for at in (0..outputs)
            .rev()
            .filter(|at| !paid_at(&places, *at))
            .collect::<Vec<_>>()
        {
            spend.psbt.unsigned_tx.output.remove(at);
            spend.psbt.outputs.remove(at);
            for place in places.iter_mut().filter(|place| **place > at) {
                *place -= 1;
            }
        }
    }
    let vbytes = signed_vbytes(addresses, &spend.psbt.unsigned_tx);
    let fee = Sat(vbytes
        .saturating_mul(request.fee_rate_sat_per_kvb)
        .div_ceil(1_000));
    let output = &mut spend.psbt.unsigned_tx.output;

    // What the coins hold beyond the outputs; the fee is not paid yet.
    let mut left = Sat(coins.0.saturating_sub(total(output).0));
    if request.wishes.bear_fee.is_empty() {
        if left < fee {
            let needed = total(output).plus(fee);
            return Err(CantSpend::NotEnough {
                available: coins,
                needed,
            });
        }
    } else {
        let bearers = u64::try_from(request.wishes.bear_fee.len()).unwrap_or(u64::MAX);
        let (each, rest) = (fee.0 / bearers, fee.0 % bearers);
        for (number, bearer) in request.wishes.bear_fee.iter().enumerate() {
            let place = *places
                .get(*bearer)
                .ok_or_else(|| other("no such recipient"))?;
            let share = if number == 0 { each + rest } else { each };
            lower(&mut output[place], share)?;
            left = left.plus(Sat(share));
        }
    }
    if request.wishes.no_change {
        // What would have been change belongs to the first recipient.
        let more = left.0.saturating_sub(fee.0);
        let first = *places
            .first()
            .ok_or_else(|| other("nobody is to be paid"))?;
        output[first].value = Amount::from_sat(output[first].value.to_sat().saturating_add(more));
    }
    spend.fee = Sat(coins.0.saturating_sub(total(output).0));
    spend.amounts = places
        .iter()
        .map(|place| output[*place].value.into())
        .collect();
    Ok(())
}

fn paid_at(places: &[usize], at: usize) -> bool {
    places.contains(&at)
}

fn lower(output: &mut TxOut, by: u64) -> Result<(), CantSpend> {
    let left = output.value.to_sat().checked_sub(by);
    let left = left.filter(|left| !is_dust(&output.script_pubkey, *left));
    output.value = Amount::from_sat(left.ok_or(CantSpend::Dust)?);
    Ok(())
}

fn is_dust(script: &Script, sat: u64) -> bool {
    let script: ScriptBuf = script.to_owned();
    Amount::from_sat(sat) < script.minimal_non_dust()
}

fn total(output: &[TxOut]) -> Sat {
    output.iter().map(|output| Sat::from(output.value)).sum()
}
