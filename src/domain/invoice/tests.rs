//! Tables of before → act → after.

mod assigned;
mod prompts;

use bitcoin::hashes::Hash;
use bitcoin::{OutPoint, ScriptBuf, Txid};
use rust_decimal::Decimal;

use super::*;
use crate::domain::fact::Fact;
use crate::domain::ids::{InvoiceId, PaymentHash, Preimage, StoreId, UserId};
use crate::domain::till::{Coin, TillAddress, TillId};

const T0: Timestamp = Timestamp::from_secs(1_000_000);
const EXPIRY: u64 = 900;
const MONITORING: u64 = 86_400;

fn invoice(due: u64) -> Invoice {
    let store = StoreId([1; 32]);
    Invoice {
        id: InvoiceId([2; 16]),
        store,
        created: T0,
        price: Price::Standard(MoneyRecord {
            amount: Decimal::from(due),
            currency: Currency::SATS,
        }),
        rate: Rate::new(Decimal::from(100_000_000))
            .expect("positive")
            .into(),
        due: Sat(due),
        terms: Terms {
            expires_at: T0.plus_secs(EXPIRY),
            monitor_until: T0.plus_secs(EXPIRY + MONITORING),
            speed: SpeedPolicy::MediumSpeed,
            tolerance_percent: Decimal::ZERO,
        },
        onchain: Some(TillAddress {
            till: TillId {
                store,
                generation: 0,
            },
            index: 0,
            script: ScriptBuf::new(),
            address: "bcrt1q".to_owned(),
        }),
        lightning: vec![prompt(1, Some(Sat(due).to_msat()))],
        lightning_missing: None,
        receipts: vec![],
        status: Status::New,
        marked: false,
        paid_late: false,
        reopened: None,
        archived: false,
        details: Details::default(),
        lazy: None,
        rated: None,
    }
}

fn prompt(n: u8, amount: Option<Msat>) -> LightningPrompt {
    LightningPrompt {
        bolt11: format!("lnbcrt{n}"),
        hash: PaymentHash([n; 32]),
        amount,
        preimage: Preimage([n; 32]),
    }
}

/// One thing that happens to an invoice, `secs` after it was made.
#[derive(Clone, Debug)]
enum Act {
    Lightning(u8, u64),
    Chain(Vec<(u8, u64, u32)>),
    Rbf(u8, u64, u32),
    Tick,
    Mark(Mark),
    Renew(u8),
}

use Act::{Chain, Lightning, Rbf, Renew, Tick};

fn coin(n: u8, sat: u64, confirmations: u32, replaceable: bool) -> Coin {
    Coin {
        outpoint: OutPoint::new(Txid::from_byte_array([n; 32]), 0),
        amount: Sat(sat),
        confirmations,
        replaceable,
    }
}

fn act(invoice: Invoice, secs: u64, act: &Act) -> (Invoice, Vec<Fact>) {
    let now = T0.plus_secs(secs);
    let step = match act {
        Lightning(n, msat) => invoice.receive(PaymentHash([*n; 32]), Msat(*msat), now),
        Chain(coins) => {
            let picture: Vec<_> = coins
                .iter()
                .map(|(n, sat, confirmations)| coin(*n, *sat, *confirmations, false))
                .collect();
            invoice.observe(&picture, now)
        }
        Rbf(n, sat, confirmations) => invoice.observe(&[coin(*n, *sat, *confirmations, true)], now),
        Tick => invoice.tick(now),
        Act::Mark(mark) => invoice.mark(*mark).expect("may be marked"),
        Renew(n) => {
            assert!(invoice.wants_prompt(), "wants another");
            let amount = invoice.prompt_amount();
            invoice.renew_prompt(prompt(*n, amount))
        }
    };
    assert!(step.after.is_consistent(), "{act:?} left {:?}", step.after);
    (step.after, step.facts)
}

/// Runs the acts on an invoice over 1,000 sat and compares where it ends.
fn check(story: &str, acts: &[(u64, Act)], status: Status, additional: Additional) -> Invoice {
    check_from(story, invoice(1_000), acts, status, additional)
}

fn check_from(
    story: &str,
    mut invoice: Invoice,
    acts: &[(u64, Act)],
    status: Status,
    additional: Additional,
) -> Invoice {
    for (secs, what) in acts {
        (invoice, _) = act(invoice, *secs, what);
    }
    assert_eq!(
        (invoice.status, invoice.additional()),
        (status, additional),
        "{story}"
    );
    invoice
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn states_follow_the_tally() {
    use Additional as A;
    use Status as S;
    let lightning = |msat| Lightning(1, msat);
    check("nothing came", &[(899, Tick)], S::New, A::None);
    check("time ran out", &[(900, Tick)], S::Expired, A::None);
    check(
        "lightning settles at once",
        &[(1, lightning(1_000_000))],
        S::Settled,
        A::None,
    );
    check(
        "a msat of surplus is dust",
        &[(1, lightning(1_000_999))],
        S::Settled,
        A::None,
    );
    check(
        "a sat of surplus is shown",
        &[(1, lightning(1_001_000))],
        S::Settled,
        A::PaidOver,
    );
    check(
        "late lightning",
        &[(900, Tick), (950, lightning(1_000_000))],
        S::Expired,
        A::PaidLate,
    );
    check(
        "late and unticked",
        &[(950, lightning(1_000_000))],
        S::Settled,
        A::None,
    );
    check(
        "partial",
        &[(1, Chain(vec![(1, 400, 0)]))],
        S::New,
        A::PaidPartial,
    );
    check(
        "partial, then time",
        &[(1, Chain(vec![(1, 400, 1)])), (900, Tick)],
        S::Expired,
        A::PaidPartial,
    );
    check(
        "seen in the mempool",
        &[(1, Chain(vec![(1, 1_000, 0)]))],
        S::Processing,
        A::None,
    );
    check(
        "one block",
        &[
            (1, Chain(vec![(1, 1_000, 0)])),
            (600, Chain(vec![(1, 1_000, 1)])),
        ],
        S::Settled,
        A::None,
    );
    check(
        "double-spent before it confirmed",
        &[(1, Chain(vec![(1, 1_000, 0)])), (2, Chain(vec![]))],
        S::New,
        A::None,
    );
    check(
        "replaced by another of the same amount",
        &[
            (1, Chain(vec![(1, 1_000, 0)])),
            (2, Chain(vec![(2, 1_000, 0)])),
        ],
        S::Processing,
        A::None,
    );
    check(
        "two halves over two rails",
        &[
            (1, Chain(vec![(1, 400, 1)])),
            (2, Renew(2)),
            (3, Lightning(2, 600_000)),
        ],
        S::Settled,
        A::None,
    );
    check(
        "both the retired and the new one",
        &[
            (1, Chain(vec![(1, 400, 1)])),
            (2, Renew(2)),
            (3, Lightning(2, 600_000)),
            (4, lightning(1_000_000)),
        ],
        S::Settled,
        A::PaidOver,
    );
    check(
        "never confirmed",
        &[
            (1, Chain(vec![(1, 1_000, 0)])),
            (EXPIRY + MONITORING + 1, Tick),
        ],
        S::Invalid,
        A::None,
    );
    check(
        "a surplus that never confirms holds up what was paid until the time is over",
        &[
            (1, Chain(vec![(1, 1_000, 1), (2, 5, 0)])),
            (EXPIRY + MONITORING, Chain(vec![(1, 1_000, 6), (2, 5, 0)])),
        ],
        S::Processing,
        A::PaidOver,
    );
    check(
        "and no longer",
        &[
            (1, Chain(vec![(1, 1_000, 1), (2, 5, 0)])),
            (EXPIRY + MONITORING + 1, Tick),
        ],
        S::Settled,
        A::PaidOver,
    );
    check(
        "confirmed after it was given up",
        &[
            (1, Chain(vec![(1, 1_000, 0)])),
            (EXPIRY + MONITORING + 1, Tick),
            (EXPIRY + MONITORING + 2, Chain(vec![(1, 1_000, 3)])),
        ],
        S::Invalid,
        A::None,
    );
    check(
        "reorganised away and back",
        &[
            (1, Chain(vec![(1, 1_000, 1)])),
            (2, Chain(vec![])),
            (3, Chain(vec![(1, 1_000, 1)])),
        ],
        S::Settled,
        A::None,
    );
    check(
        "reorganised long after its time, and back",
        &[
            (1, Chain(vec![(1, 1_000, 1)])),
            (200_000, Chain(vec![(1, 1_000, 0)])),
            (200_001, Tick),
            (200_002, Chain(vec![(1, 1_000, 1)])),
        ],
        S::Settled,
        A::None,
    );
    check(
        "a surplus that is still open does not unsettle it",
        &[(1, lightning(1_000_000)), (2, Chain(vec![(1, 1_000, 0)]))],
        S::Settled,
        A::PaidOver,
    );
    check(
        "marked",
        &[(1, Act::Mark(Mark::Settled))],
        S::Settled,
        A::Marked,
    );
    check(
        "marked, then time",
        &[(1, Act::Mark(Mark::Invalid)), (901, Tick)],
        S::Invalid,
        A::Marked,
    );
}

#[test]
fn speed_policies_ask_for_their_confirmations() {
    let rows = [
        (SpeedPolicy::HighSpeed, false, 0),
        (SpeedPolicy::HighSpeed, true, 1),
        (SpeedPolicy::MediumSpeed, true, 1),
        (SpeedPolicy::LowMediumSpeed, false, 2),
        (SpeedPolicy::LowSpeed, false, 6),
    ];
    for (speed, replaceable, needed) in rows {
        for confirmations in 0..8 {
            let mut fresh = invoice(1_000);
            fresh.terms.speed = speed;
            let what = if replaceable {
                Rbf(1, 1_000, confirmations)
            } else {
                Chain(vec![(1, 1_000, confirmations)])
            };
            let (after, _) = act(fresh, 1, &what);
            let settled = after.status == Status::Settled;
            assert_eq!(
                settled,
                confirmations >= needed,
                "{speed:?} {replaceable} {confirmations}"
            );
        }
    }
}

#[test]
fn a_tolerance_forgives_its_share_exactly() {
    for (paid, status) in [(980, Status::Settled), (979, Status::New)] {
        let mut tolerant = invoice(1_000);
        tolerant.terms.tolerance_percent = Decimal::TWO;
        check_from(
            "2 %",
            tolerant,
            &[(1, Chain(vec![(1, paid, 1)]))],
            status,
            {
                if status == Status::New {
                    Additional::PaidPartial
                } else {
                    Additional::None
                }
            },
        );
    }
}

#[test]
fn a_hash_counts_once() {
    let once = check(
        "once",
        &[(1, Lightning(1, 1_000_000))],
        Status::Settled,
        Additional::None,
    );
    let (again, facts) = act(once.clone(), 2, &Lightning(1, 1_000_000));
    assert_eq!(again, once);
    assert!(facts.is_empty());
}

#[test]
fn a_late_payment_is_told_once() {
    let (expired, _) = act(invoice(1_000), 900, &Tick);
    let (late, facts) = act(expired, 901, &Chain(vec![(1, 1_000, 0)]));
    let told = |facts: &[Fact]| {
        facts
            .iter()
            .filter(|fact| matches!(fact, Fact::InvoicePaidAfterExpiration { .. }))
            .count()
    };
    assert_eq!(told(&facts), 1);
    let (_, facts) = act(late, 902, &Chain(vec![(1, 1_000, 1)]));
    assert_eq!(told(&facts), 0);
}

#[test]
fn an_invoice_over_nothing_settles_when_it_is_looked_at() {
    check_from(
        "free",
        invoice(0),
        &[(0, Tick)],
        Status::Settled,
        Additional::None,
    );
}

#[test]
fn a_top_up_takes_whatever_comes() {
    let mut top_up = invoice(0);
    top_up.price = Price::TopUp(Currency::USD);
    top_up.lightning = vec![prompt(1, None)];
    assert!(top_up.shown_prompt().is_some());
    let waits = check_from(
        "top-up",
        top_up,
        &[(0, Tick)],
        Status::New,
        Additional::None,
    );
    check_from(
        "paid",
        waits,
        &[(1, Lightning(1, 5_000))],
        Status::Settled,
        Additional::None,
    );
}
