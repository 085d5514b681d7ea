//! Tables of before → act → after.

mod hand;
mod review;

use rust_decimal::Decimal;

use super::*;
use crate::domain::destination::AddressDestination;
use crate::domain::fact::{Fact, Step};
use crate::domain::ids::UserId;
use crate::domain::money::{Currency, Rate};
use crate::domain::receipt::Way;

const NOW: Timestamp = Timestamp::from_secs(1_000);

fn payout() -> Payout {
    let destination = Destination::Address(AddressDestination {
        address: "bcrt1q".to_owned(),
        // One that no amount is too small for.
        script: bitcoin::ScriptBuf::from_bytes(vec![0x6a]),
    });
    let asked = Money {
        amount: Decimal::ONE,
        currency: Currency::SATS,
    };
    let (id, store) = (PayoutId([1; 20]), StoreId([1; 32]));
    Payout {
        fee_max: Msat(100),
        ..Payout::asked(
            id,
            store,
            Origin::Store,
            destination,
            asked,
            Msat(1_000),
            NOW,
        )
    }
}

fn plan() -> Plan {
    Plan::Lightning {
        hash: PaymentHash([9; 32]),
        bolt11: "lnbcrt".to_owned(),
        amount: Msat(1_000),
        fee_max: Msat(100),
        height: 101,
    }
}

fn proof() -> Proof {
    Proof::Lightning {
        hash: PaymentHash([9; 32]),
        preimage: None,
    }
}

fn after(step: Step<Payout>) -> Payout {
    assert!(step.after.is_consistent(), "{:?}", step.after);
    step.after
}

fn in_progress() -> Payout {
    let approved = after(payout().approve(0, None).expect("waits"));
    after(approved.plan(plan(), NOW).expect("waits"))
}

#[test]
fn the_straight_road() {
    let sent = after(in_progress().sent(1));
    let step = sent.succeeded(1, proof(), Msat(5), NOW);
    assert_eq!(
        step.facts,
        [Fact::PayoutCompleted {
            payout: PayoutId([1; 20]),
            amount: Msat(1_000),
            fee: Msat(5),
            way: Some(Way::Lightning),
        }]
    );
    assert!(matches!(after(step).stage, Stage::Completed { .. }));
}

#[test]
fn approval_checks_state_before_revision() {
    assert_eq!(payout().approve(1, None), Err(CantApprove::OldRevision));
    assert_eq!(
        in_progress().approve(7, None),
        Err(CantApprove::InvalidState)
    );
}

#[test]
fn p1_no_second_attempt_while_one_may_succeed() {
    let live = in_progress();
    assert!(live.clone().plan(plan(), NOW).is_err());
    assert!(after(live.clone().sent(1)).plan(plan(), NOW).is_err());
    assert!(
        after(live.clone().review("doubt"))
            .plan(plan(), NOW)
            .is_err()
    );
    let failed = after(live.attempt_failed("no route", 0, NOW));
    assert!(failed.plan(plan(), NOW).is_ok());
}

#[test]
fn p5_success_wins_from_any_standing() {
    let failed = after(in_progress().attempt_failed("no route", 0, NOW));
    let cancelled = after(failed.clone().cancel("enough").expect("nothing lives"));
    let second = after(failed.clone().plan(plan(), NOW).expect("waits"));
    for before in [
        in_progress(),
        after(in_progress().review("doubt")),
        failed,
        cancelled,
        second,
    ] {
        let done = after(before.succeeded(1, proof(), Msat(0), NOW));
        assert!(matches!(done.stage, Stage::Completed { .. }));
        let again = done.clone().succeeded(1, proof(), Msat(0), NOW);
        assert_eq!(again, Step::quiet(done));
    }
}

#[test]
fn a_second_success_is_an_alarm_and_no_overwrite() {
    let failed = after(in_progress().attempt_failed("no route", 0, NOW));
    let second = after(failed.plan(plan(), NOW).expect("waits"));
    let done = after(second.succeeded(2, proof(), Msat(7), NOW));
    let step = done.clone().succeeded(1, proof(), Msat(9), NOW);
    assert_eq!(
        step.facts,
        [Fact::PayoutPaidTwice {
            payout: done.id,
            attempt: 1,
            amount: Some(Msat(1_000)),
            fee: Some(Msat(9)),
            way: Some(Way::Lightning),
        }]
    );
    assert_eq!(step.after.stage, done.stage);
    assert_eq!(step.after.paid_twice, Some(NOW));
    // The alarm ends when somebody has seen it, once.
    let by = UserId([5; 16]);
    let seen = step.after.see_paid_twice(by);
    let payout = done.id;
    assert_eq!(seen.facts, [Fact::PayoutPaidTwiceSeen { payout, by }]);
    assert_eq!(seen.after.clone().see_paid_twice(by).facts, []);
    assert_eq!(seen.after.paid_twice, None);
}

#[test]
fn p8_only_what_can_t_succeed_is_cancelled() {
    assert!(payout().cancel("no").is_ok());
    let live = in_progress();
    assert_eq!(live.clone().cancel("no"), Err(CantCancel));
    assert_eq!(
        after(live.clone().review("doubt")).cancel("no"),
        Err(CantCancel)
    );
    let done = after(live.clone().succeeded(1, proof(), Msat(0), NOW));
    assert_eq!(done.cancel("no"), Err(CantCancel));
    let failed = after(live.attempt_failed("no route", 0, NOW));
    let cancelled = after(failed.cancel("no").expect("nothing lives"));
    assert!(
        cancelled
            .cancel("again")
            .expect("may be repeated")
            .facts
            .is_empty()
    );
}

#[test]
fn waits_double_up_to_five_minutes_half_of_it_by_chance() {
    let waits = |chance: u64| {
        let mut waiting = after(payout().approve(0, None).expect("waits"));
        let mut waits = vec![];
        for _ in 0..12 {
            let planned = after(waiting.plan(plan(), NOW).expect("waits"));
            waiting = after(planned.attempt_failed("no route", chance, NOW));
            waits.push(waiting.next_attempt_at.expect("set").millis_since(NOW));
        }
        waits
    };
    assert_eq!(waits(0)[..5], [1_000, 1_000, 2_000, 4_000, 8_000]);
    assert_eq!(waits(0)[11], 150_000);
    // The most that chance may add: the whole upper half.
    assert_eq!(waits(1_000)[1], 2_000);
    assert_eq!(waits(150_000)[11], 300_000);
    assert!(waits(u64::MAX).into_iter().all(|wait| wait <= 300_000));
}

#[test]
fn p6_doubt_keeps_the_attempt_and_is_looked_at_ever_less_often() {
    let mut doubtful = after(in_progress().sent(1));
    let mut waits = vec![];
    for _ in 0..8 {
        doubtful = after(doubtful.doubted("no answer", 0, NOW));
        assert_eq!(doubtful.attempts[0].standing, Standing::Recorded);
        assert!(doubtful.clone().plan(plan(), NOW).is_err(), "P1");
        assert!(doubtful.clone().cancel("no").is_err(), "P8");
        waits.push(doubtful.next_attempt_at.expect("set").millis_since(NOW));
    }
    assert_eq!(waits[..3], [5_000, 10_000, 20_000]);
    assert_eq!(waits[7], 150_000);
    // An answer ends the doubt.
    let sent = after(doubtful.clone().sent(1));
    assert_eq!((sent.doubts, sent.next_attempt_at), (None, None));
    // That of another attempt does not.
    assert_eq!(doubtful.clone().sent(2), Step::quiet(doubtful.clone()));
    // What a person has to look at stays where it is.
    let reviewed = after(doubtful.review("silence"));
    assert_eq!(
        reviewed.clone().doubted("again", 0, NOW),
        Step::quiet(reviewed)
    );
}

#[test]
fn an_own_invoice_is_settled_in_one_step() {
    let own = Payable {
        hash: PaymentHash([9; 32]),
        preimage: Preimage([8; 32]),
    };
    assert!(payout().settle_inside(own, NOW).is_err(), "not approved");
    assert!(in_progress().settle_inside(own, NOW).is_err(), "P1");
    let approved = after(payout().approve(0, None).expect("waits"));
    let step = approved.settle_inside(own, NOW).expect("waits");
    let (payout, hash) = (PayoutId([1; 20]), own.hash);
    assert_eq!(
        step.facts,
        [
            Fact::PayoutAttemptRecorded { payout, attempt: 1 },
            Fact::PayoutCompleted {
                payout,
                amount: Msat(1_000),
                fee: Msat::ZERO,
                way: Some(Way::Inside),
            },
        ]
    );
    let done = after(step);
    assert_eq!(done.attempts[0].plan, Plan::Inside { hash });
    let fee = match done.stage {
        Stage::Completed { fee, .. } => fee,
        other => panic!("{other:?}"),
    };
    assert_eq!(fee, Msat::ZERO);
}

fn output(vout: u32) -> Proof {
    use bitcoin::hashes::Hash;
    let txid = Txid::all_zeros();
    Proof::Onchain { txid, vout }
}

fn paid_onchain() -> Payout {
    after(in_progress().succeeded(1, output(0), Msat(5), NOW))
}

#[test]
fn the_chain_takes_back_and_gives_again() {
    let id = payout().id;
    let gone = paid_onchain().unconfirmed(NOW);
    assert_eq!(gone.facts, [Fact::PayoutUnconfirmed { payout: id }]);
    let gone = after(gone);
    assert_eq!(gone.stage, paid_onchain().stage, "the promise stays kept");
    assert_eq!(gone.clone().unconfirmed(NOW), Step::quiet(gone.clone()));
    let same = gone.clone().confirmed_again(output(0), Msat(5));
    assert_eq!(same.facts, [Fact::PayoutReconfirmed { payout: id }]);
    assert_eq!(after(same), paid_onchain());
    let corrected = Fact::PayoutProofCorrected {
        payout: id,
        fee_before: Msat(5),
        fee_after: Msat(9),
    };
    let other = gone.confirmed_again(output(1), Msat(9));
    assert_eq!(
        other.facts,
        [corrected.clone(), Fact::PayoutReconfirmed { payout: id }]
    );
    assert!(matches!(
        after(other).stage,
        Stage::Completed {
            proof: Proof::Onchain { vout: 1, .. },
            fee: Msat(9),
            ..
        }
    ));
    // Nobody saw it unconfirmed.
    let unseen = paid_onchain().confirmed_again(output(1), Msat(9));
    assert_eq!(unseen.facts, [corrected]);
    let nothing = paid_onchain().confirmed_again(output(0), Msat(5));
    assert_eq!(nothing, Step::quiet(paid_onchain()));
}

#[test]
fn what_is_not_paid_on_the_chain_does_not_come_undone() {
    let lightning = after(in_progress().succeeded(1, proof(), Msat(5), NOW));
    for before in [payout(), in_progress(), lightning] {
        assert_eq!(before.clone().unconfirmed(NOW), Step::quiet(before.clone()));
    }
    for before in [payout(), in_progress()] {
        let again = before.clone().confirmed_again(output(0), Msat(5));
        assert_eq!(again, Step::quiet(before));
    }
}

#[test]
fn p6_an_outspent_transaction_is_doubt() {
    let fact = Fact::PayoutInReview {
        payout: payout().id,
        why: "gone".to_owned(),
    };
    let live = in_progress().outspent("gone");
    assert_eq!(live.facts, std::slice::from_ref(&fact));
    assert!(after(live).in_review());
    let paid = paid_onchain().outspent("gone");
    assert_eq!(paid.facts, [fact]);
    let paid = after(paid);
    assert_eq!(paid.stage, paid_onchain().stage);
    assert_eq!(paid.clone().outspent("gone"), Step::quiet(paid));
}
