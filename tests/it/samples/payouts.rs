//! Samples of payouts.

use rust_decimal::Decimal;
use tollway::domain::destination::{AddressDestination, Bolt11Destination, Destination};
use tollway::domain::ids::BatchId;
use tollway::domain::invoice::FixedRate;
use tollway::domain::money::{Currency, Msat, Rate};
use tollway::domain::payout::{
    Attempt, FeeWish, InHand, Origin, Payout, Plan, Proof, Stage, Standing,
};

use super::pull_payments::hours;
use super::{
    BATCH, HASH, NOW, PAYOUT, PREIMAGE, PULL_PAYMENT, STORE, money, outpoint, script, text,
};

/// A store's own payout over Lightning that waits to be paid.
pub fn payout() -> Payout {
    Payout {
        id: PAYOUT,
        store: STORE,
        origin: Origin::Store,
        created: NOW,
        revision: 1,
        destination: Destination::Bolt11(Bolt11Destination {
            bolt11: text("lnbcrt10u1p"),
            hash: HASH,
            amount: Some(Msat(1_000_000)),
            payee: [0x02; 33],
            expires_at: NOW.plus_secs(3_600),
        }),
        asked: money(1_000, 8, Currency::BTC),
        amount: Msat(1_000_000),
        fee_max: Msat(10_000),
        stage: Stage::AwaitingPayment,
        attempts: Vec::new(),
        pay_now: true,
        waiting_for: Some(text("a route")),
        next_attempt_at: Some(NOW.plus_secs(2)),
        metadata: text("{\"a\":1}"),
        doubts: None,
        held_since: None,
        judged: None,
        paid_twice: None,
        unconfirmed_since: None,
        in_hand: None,
        rate: None,
        fees: None,
        named: None,
        drafted: None,
        given_up: None,
        quoted: None,
    }
}

/// Payouts of every origin, stage, plan and standing.
#[expect(clippy::too_many_lines, reason = "one of every kind")]
pub fn payouts() -> Vec<(&'static str, Payout)> {
    let lightning = Plan::Lightning {
        hash: HASH,
        bolt11: text("lnbcrt10u1p"),
        amount: Msat(1_000_000),
        fee_max: Msat(10_000),
        height: 800_000,
    };
    let onchain = Plan::Onchain {
        batch: BATCH,
        place: 1,
    };
    let attempt = |number, plan: &Plan, standing| Attempt {
        number,
        at: NOW,
        plan: plan.clone(),
        standing,
    };
    let failed = Standing::Failed {
        why: text("no route"),
    };
    let in_progress = |plan: &Plan, standing| Payout {
        stage: Stage::InProgress,
        attempts: vec![attempt(1, plan, failed.clone()), attempt(2, plan, standing)],
        ..payout()
    };
    let to_address = Destination::Address(AddressDestination {
        address: text("bcrt1q"),
        script: script(),
    });
    let paid_onchain = Payout {
        origin: Origin::LightningApi,
        destination: to_address,
        stage: Stage::Completed {
            proof: Proof::Onchain {
                txid: outpoint().txid,
                vout: 1,
            },
            fee: Msat(300_000),
            at: NOW,
        },
        attempts: vec![attempt(1, &onchain, Standing::Settled)],
        ..payout()
    };
    let drafted = Payout {
        origin: Origin::WalletSend,
        stage: Stage::AwaitingPayment,
        attempts: Vec::new(),
        drafted: Some(BATCH),
        given_up: Some(vec![BatchId([0x78; 16])]),
        ..paid_onchain.clone()
    };
    let unconfirmed = Payout {
        unconfirmed_since: Some(NOW.plus_secs(600)),
        ..paid_onchain.clone()
    };
    vec![
        ("waiting", payout()),
        (
            "approval",
            Payout {
                stage: Stage::AwaitingApproval,
                origin: Origin::PullPayment(PULL_PAYMENT),
                pay_now: false,
                waiting_for: None,
                next_attempt_at: None,
                ..payout()
            },
        ),
        ("recorded", in_progress(&lightning, Standing::Recorded)),
        ("sent", in_progress(&onchain, Standing::Sent)),
        (
            "in_review",
            in_progress(
                &lightning,
                Standing::InReview {
                    why: text("no event"),
                },
            ),
        ),
        (
            "paid_by_lightning",
            Payout {
                origin: Origin::Withdraw(PULL_PAYMENT),
                stage: Stage::Completed {
                    proof: Proof::Lightning {
                        hash: HASH,
                        preimage: Some(PREIMAGE),
                    },
                    fee: Msat(1_001),
                    at: NOW,
                },
                attempts: vec![attempt(1, &lightning, Standing::Settled)],
                ..payout()
            },
        ),
        ("drafted", drafted),
        ("paid_onchain", paid_onchain),
        ("unconfirmed", unconfirmed),
        (
            "doubtful",
            Payout {
                doubts: Some(3),
                judged: Some(1),
                ..in_progress(&lightning, Standing::Recorded)
            },
        ),
        (
            "held",
            Payout {
                attempts: vec![attempt(1, &lightning, failed.clone())],
                pay_now: false,
                held_since: Some(NOW),
                judged: Some(1),
                next_attempt_at: None,
                ..payout()
            },
        ),
        (
            "paid_inside_and_twice",
            Payout {
                stage: Stage::Completed {
                    proof: Proof::Lightning {
                        hash: HASH,
                        preimage: Some(PREIMAGE),
                    },
                    fee: Msat(0),
                    at: NOW,
                },
                attempts: vec![attempt(1, &Plan::Inside { hash: HASH }, Standing::Settled)],
                paid_twice: Some(NOW),
                ..payout()
            },
        ),
        (
            "in_hand",
            Payout {
                stage: Stage::InProgress,
                in_hand: Some(InHand {
                    since: NOW,
                    proof: Some(text("{\"proofType\":\"Cheque\"}")),
                }),
                fees: Some(FeeWish {
                    percent: Some(Decimal::new(5, 1)),
                    flat: None,
                }),
                ..payout()
            },
        ),
        (
            "paid_by_hand",
            Payout {
                stage: Stage::Completed {
                    proof: Proof::Given(None),
                    fee: Msat(0),
                    at: NOW,
                },
                asked: money(40, 0, hours()),
                rate: Rate::new(Decimal::from(2_500)).map(FixedRate::from),
                named: Some(Msat(1_000)),
                ..payout()
            },
        ),
        (
            "promised",
            Payout {
                stage: Stage::AwaitingApproval,
                asked: money(40, 0, hours()),
                quoted: Rate::new(Decimal::from(2_500)).map(FixedRate::from),
                ..payout()
            },
        ),
        (
            "cancelled",
            Payout {
                stage: Stage::Cancelled {
                    why: text("archived"),
                },
                attempts: vec![attempt(1, &lightning, failed.clone())],
                ..payout()
            },
        ),
    ]
}
