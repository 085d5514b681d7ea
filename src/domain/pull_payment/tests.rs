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
            limit: Sat(limit),
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
    }
}

#[test]
fn claims_reserve_until_nothing_is_left() {
    let claim = |pp: PullPayment, msat| pp.claim(Msat(msat), Rail::Lightning, NOW);
    let some = claim(pull_payment(100), 60_001).expect("fits").after;
    assert_eq!(some.budget.reserved, Sat(61), "debited rounded up");
    assert_eq!(claim(some.clone(), 40_000), Err(ClaimRefusal::Overdraft));
    let all = claim(some, 39_000).expect("fits").after;
    assert_eq!(all.budget.remaining(), Sat(0));
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
            1_000,
            ClaimRefusal::Archived,
        ),
        (
            |pp| pp.expires_at = Some(Timestamp::from_secs(999)),
            Rail::Lightning,
            1_000,
            ClaimRefusal::Expired,
        ),
        (
            |pp| pp.starts_at = Timestamp::from_secs(1_001),
            Rail::Onchain,
            1_000,
            ClaimRefusal::NotStarted,
        ),
        (
            |_| (),
            Rail::Onchain,
            1_000_000,
            ClaimRefusal::PaymentMethodNotSupported,
        ),
        (|_| (), Rail::Lightning, u64::MAX, ClaimRefusal::Overdraft),
    ];
    for (change, rail, msat, refusal) in rows {
        let mut pp = pull_payment(100);
        change(&mut pp);
        assert_eq!(pp.claim(Msat(msat), rail, NOW), Err(refusal));
    }
}

#[test]
fn only_a_cancelled_payout_gives_back() {
    let budget = Budget {
        limit: Sat(100),
        reserved: Sat(60),
        spent: Sat(0),
    };
    assert_eq!(budget.spend(Sat(20)).remaining(), Sat(40));
    assert_eq!(budget.give_back(Sat(20)).remaining(), Sat(60));
}

#[test]
fn archiving_twice_tells_once() {
    let step = pull_payment(1).archive();
    assert_eq!(step.facts.len(), 1);
    assert!(step.after.archive().facts.is_empty());
}
