//! Tables of before → act → after.

use rust_decimal::Decimal;

use super::*;
use crate::domain::money::Currency;

const NOW: Timestamp = Timestamp::from_secs(1_000);

fn pull_payment(limit: u64) -> PullPayment {
    PullPayment {
        id: PullPaymentId([1; 20]),
        store: StoreId([1; 32]),
        name: "Refund".to_owned(),
        description: String::new(),
        limit: MoneyRecord {
            amount: Decimal::from(limit),
            currency: Currency::SATS,
        },
        budget: Budget {
            limit: Parts(limit),
            ..Budget::default()
        },
        rails: vec![Rail::Lightning],
        bolt11_days: 30,
        auto_approve: true,
        starts_at: Timestamp::from_secs(900),
        expires_at: Some(Timestamp::from_secs(1_100)),
        archived: false,
        k1: [3; 32],
        created: NOW,
        claim_max: None,
        claims_max: None,
        rate_lock_secs: None,
    }
}

#[test]
fn claims_reserve_until_nothing_is_left() {
    let claim = |pp: PullPayment, sat| pp.claim(Parts(sat), Rail::Lightning, 0, NOW);
    let some = claim(pull_payment(100), 61).expect("fits").after;
    assert_eq!(some.budget.reserved, Parts(61));
    assert_eq!(claim(some.clone(), 40), Err(ClaimRefusal::Overdraft));
    let all = claim(some, 39).expect("fits").after;
    assert_eq!(all.budget.remaining(), Parts(0));
    assert_eq!(claim(all, 1), Err(ClaimRefusal::Overdraft));
    assert_eq!(claim(pull_payment(100), 0), Err(ClaimRefusal::AmountTooLow));
}

#[test]
fn refusals_come_in_greenfields_order() {
    type Row = (fn(&mut PullPayment), Rail, u64, ClaimRefusal);
    let rows: [Row; 5] = [
        (
            |pp| {
                pp.archived = true;
                pp.expires_at = Some(Timestamp(0));
            },
            Rail::Lightning,
            1,
            ClaimRefusal::Archived,
        ),
        (
            |pp| pp.expires_at = Some(Timestamp::from_secs(999)),
            Rail::Lightning,
            1,
            ClaimRefusal::Expired,
        ),
        (
            |pp| pp.starts_at = Timestamp::from_secs(1_001),
            Rail::Onchain,
            1,
            ClaimRefusal::NotStarted,
        ),
        (
            |_| (),
            Rail::Onchain,
            1_000,
            ClaimRefusal::PaymentMethodNotSupported,
        ),
        (|_| (), Rail::Lightning, u64::MAX, ClaimRefusal::Overdraft),
    ];
    for (change, rail, parts, refusal) in rows {
        let mut pp = pull_payment(100);
        change(&mut pp);
        assert_eq!(pp.claim(Parts(parts), rail, 0, NOW), Err(refusal));
    }
}

#[test]
fn only_a_cancelled_payout_gives_back() {
    let budget = Budget {
        limit: Parts(100),
        reserved: Parts(60),
        spent: Parts(0),
    };
    assert_eq!(budget.spend(Parts(20)).remaining(), Parts(40));
    assert_eq!(budget.give_back(Parts(20)).remaining(), Parts(60));
}

#[test]
fn archiving_twice_tells_once() {
    let step = pull_payment(1).archive();
    assert_eq!(step.facts.len(), 1);
    assert!(step.after.archive().facts.is_empty());
}

#[test]
fn a_claim_keeps_within_its_own_limits() {
    let mut pp = pull_payment(100);
    pp.claim_max = Some(Parts(10));
    pp.claims_max = Some(2);
    let rows = [
        (10, 1, None),
        (11, 1, Some(ClaimRefusal::AboveLargest)),
        (101, 1, Some(ClaimRefusal::Overdraft)),
        (10, 2, Some(ClaimRefusal::NoMoreClaims)),
    ];
    for (parts, earlier, refusal) in rows {
        let claimed = pp
            .clone()
            .claim(Parts(parts), Rail::Lightning, earlier, NOW);
        assert_eq!(claimed.err(), refusal, "{parts} after {earlier}");
    }
    assert_eq!(pp.claimable(), Parts(10));
    pp.budget.spent = Parts(95);
    assert_eq!(pp.claimable(), Parts(5));
}

#[test]
fn terms_change_all_or_none() {
    let mut pp = pull_payment(100);
    pp.budget.reserved = Parts(60);
    let limit = |amount: i64, scale| Change {
        limit: Some(Decimal::new(amount, scale)),
        ..Change::default()
    };
    let rows = [
        (limit(60, 0), None),
        (limit(59, 0), Some(CantChange::BelowUsed)),
        (limit(0, 0), Some(CantChange::Limit)),
        (limit(-5, 0), Some(CantChange::Limit)),
        (limit(605, 1), Some(CantChange::Limit)),
        (limit(2_100_000_000_000_001, 0), Some(CantChange::Limit)),
        (
            Change {
                claim_max: Some(Decimal::ZERO),
                ..Change::default()
            },
            Some(CantChange::ClaimMax),
        ),
        (
            Change {
                expires_at: Some(Timestamp::from_secs(899)),
                ..Change::default()
            },
            Some(CantChange::ExpiresAt),
        ),
    ];
    for (change, refusal) in rows {
        let name = format!("{change:?}");
        assert_eq!(pp.clone().change(change).err(), refusal, "{name}");
    }
    let change = Change {
        name: Some("New".to_owned()),
        auto_approve: Some(false),
        claims_max: Some(3),
        ..limit(200, 0)
    };
    let step = pp.clone().change(change.clone()).expect("possible");
    assert_eq!(step.after.budget.remaining(), Parts(140));
    assert_eq!(
        (step.after.name.as_str(), step.after.auto_approve),
        ("New", false)
    );
    assert_eq!(step.facts.len(), 1);
    assert!(
        step.after
            .change(change)
            .expect("possible")
            .facts
            .is_empty()
    );
}
