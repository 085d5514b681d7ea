//! Replacing a transaction of a till.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{
    CantSpend, SignedSpend, TILL, Timestamp, World, block, evicted, keychain, mined, request, seen,
};
use crate::domain::money::Sat;
use crate::wallet::BumpRequest;

impl World {
    fn bump(&mut self, of: &SignedSpend, rate: u64) -> Result<SignedSpend, CantSpend> {
        let request = BumpRequest {
            till: TILL,
            replaced: &of.tx,
            vouts: &of.vouts,
            fee_rate_sat_per_kvb: rate,
            now: Timestamp::from_secs(4_000),
        };
        let planned = self.tills.replacement(&request)?;
        let signed = self.tills.sign(&keychain(), TILL, &planned)?;
        assert_eq!(signed.fee, planned.fee);
        let vbytes = u64::try_from(signed.tx.vsize()).expect("small");
        let inputs = u64::try_from(signed.inputs.len()).expect("small");
        assert!(vbytes <= planned.vbytes && planned.vbytes <= vbytes + inputs);
        self.tills.replace(&request, &signed);
        Ok(signed)
    }
}

fn payments(spend: &SignedSpend) -> Vec<(bitcoin::ScriptBuf, u64)> {
    let outputs = spend.vouts.iter().map(|vout| {
        let output = &spend.tx.output[usize::try_from(*vout).expect("small")];
        (output.script_pubkey.clone(), output.value.to_sat())
    });
    outputs.collect()
}

#[test]
fn a_replacement_pays_the_same_from_the_same_coins() {
    for lost in [false, true] {
        let mut world = World::funded(&[100_000, 50_000]);
        let first = world.build(&[60_000, 20_000], 1).expect("enough");
        if lost {
            let tx = Arc::new(first.tx.clone());
            world.tills.apply(&seen(&tx, 6_000));
            world.tills.apply(&evicted(&tx, 6_001));
            world.restart();
        }
        let second = world.bump(&first, 10_000).expect("its change pays");
        assert_eq!(payments(&second), payments(&first));
        assert_eq!(second.inputs, first.inputs, "P4");
        assert!(second.fee > first.fee && second.tx.is_explicitly_rbf());
        assert!(second.tx.input.iter().all(|input| input.witness.len() == 2));
        // Its change comes back to the same address, and it is the one that counts, whatever the clock says.
        let scripts = |spend: &SignedSpend| -> BTreeSet<_> {
            let outputs = spend.tx.output.iter();
            outputs.map(|output| output.script_pubkey.clone()).collect()
        };
        assert_eq!(scripts(&second), scripts(&first));
        world.restart();
        let txids = world.tills.spends(TILL);
        assert_eq!(txids, [second.tx.compute_txid()].into());
        let confirmed = mined(block(101, 0), 102, 0, &[&Arc::new(first.tx.clone())]);
        world.tills.apply(&confirmed);
        assert_eq!(world.tills.spends(TILL), [first.tx.compute_txid()].into());
        assert_eq!(
            world.tills.balance(TILL).confirmed,
            Sat(150_000 - 80_000 - first.fee.0)
        );
    }
}

#[test]
fn change_below_dust_is_left_to_the_miner() {
    let mut world = World::funded(&[100_000]);
    let first = world.build(&[97_000], 1).expect("enough");
    assert_eq!(first.tx.output.len(), 2);
    // 3,000 sat are there for fee and change: at 20 sat/vB a change output would have some 180.
    let second = world.bump(&first, 20_000).expect("enough");
    assert_eq!(second.tx.output.len(), 1);
    assert_eq!(second.fee, Sat(3_000));
    assert!(matches!(
        world.bump(&second, 40_000),
        Err(CantSpend::NotEnough { .. })
    ));
}

#[test]
fn a_replacement_takes_more_coins_where_it_has_to_and_locks_them() {
    let mut world = World::funded(&[30_200, 40_000, 20_000]);
    let first = world.build(&[59_900], 1).expect("enough");
    let before: BTreeSet<_> = first.inputs.iter().copied().collect();
    let second = world.bump(&first, 60_000).expect("there is another coin");
    let after: BTreeSet<_> = second.inputs.iter().copied().collect();
    assert!(after.is_superset(&before) && after.len() == 3, "P4");
    assert_eq!(payments(&second), payments(&first));
    world.restart();
    let next = world.build(&[10_000], 2).expect("its change is ours");
    assert!(next.inputs.iter().all(|coin| !after.contains(coin)), "P4");
}

#[test]
fn a_quote_is_what_is_built_and_uses_up_no_address() {
    let mut world = World::funded(&[100_000, 80_000]);
    let request = request(&[90_000, 20_000], 1);
    let quoted = world.tills.quote(&request).expect("enough");
    assert_eq!(world.tills.quote(&request), Ok(quoted));
    let built = world.tills.build(&keychain(), &request).expect("enough");
    assert_eq!(built.fee, quoted);
    let mut other = World::funded(&[100_000, 80_000]);
    let unquoted = other.tills.build(&keychain(), &request).expect("enough");
    assert_eq!(unquoted, built);
}

#[test]
fn what_may_be_replaced_by_another_version_is_not_built_on() {
    let mut world = World::funded(&[100_000]);
    let first = world.build(&[20_000], 1).expect("enough");
    let unsure = BTreeSet::from([first.tx.compute_txid()]);
    let mut next = request(&[20_000], 2);
    next.unsure.clone_from(&unsure);
    assert_eq!(world.tills.free(TILL, 2_000, &unsure), Sat::ZERO);
    assert!(world.tills.free(TILL, 2_000, &BTreeSet::new()) > Sat(70_000));
    let refused = world.tills.build(&keychain(), &next);
    assert!(matches!(refused, Err(CantSpend::NotEnough { .. })));
    next.unsure.clear();
    assert!(world.tills.build(&keychain(), &next).is_ok());
}

#[test]
fn a_coin_spent_by_something_else_in_a_block_is_noticed() {
    let mut world = World::funded(&[100_000]);
    let spend = world.build(&[20_000], 1).expect("enough");
    let versions = [spend.tx.compute_txid()];
    assert_eq!(world.tills.rival(TILL, &spend.inputs, &versions), None);
    let mut rival = spend.tx.clone();
    rival.output.truncate(1);
    let rival = Arc::new(rival);
    world.tills.apply(&seen(&rival, 6_000));
    assert_eq!(world.tills.rival(TILL, &spend.inputs, &versions), None);
    let txid = rival.compute_txid();
    assert_eq!(world.tills.take_spends(), [(TILL, txid)].into());
    world.tills.apply(&mined(block(101, 0), 102, 0, &[&rival]));
    assert_eq!(
        world.tills.rival(TILL, &spend.inputs, &versions),
        Some(txid)
    );
    let (left, counts) = world.tills.outflow(TILL, txid).expect("known");
    assert!(counts && left >= Sat(20_000));
}
