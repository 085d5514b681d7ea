//! What a person says of a payout, and what an amount comes to that is not in bitcoin.

use super::*;

/// What a mark comes to: the name of the stage, or a refusal.
fn marked(payout: &Payout, mark: &HandMark) -> Result<&'static str, NotByHand> {
    let step = payout.clone().mark(mark.clone(), NOW)?;
    Ok(match after(step).stage {
        Stage::AwaitingApproval => "approval",
        Stage::AwaitingPayment => "payment",
        Stage::InProgress => "progress",
        Stage::Completed { .. } => "completed",
        Stage::Cancelled { .. } => "cancelled",
    })
}

#[test]
fn marks_follow_greenfields_table() {
    let proof = || Some(r#"{"proofType":"Cheque"}"#.to_owned());
    let waiting = payout();
    let approved = after(payout().approve(0, None).expect("waits"));
    let mark = |payout: &Payout, mark| after(payout.clone().mark(mark, NOW).expect("possible"));
    let in_hand = mark(&approved, HandMark::InProgress(proof()));
    let paid = mark(&in_hand, HandMark::Completed(proof()));
    let cancelled = after(payout().cancel("why").expect("possible"));
    let failed = after(in_progress().attempt_failed("no route", 0, NOW));
    let live = in_progress();
    let reviewed = after(in_progress().review("doubt"));
    let marks = [
        HandMark::AwaitingApproval,
        HandMark::AwaitingPayment,
        HandMark::InProgress(None),
        HandMark::Completed(None),
    ];
    let no = Err(NotByHand);
    let rows = [
        ("waiting", waiting, [Ok("approval"), no, no, no]),
        (
            "approved",
            approved,
            [Ok("approval"), no, Ok("progress"), Ok("completed")],
        ),
        (
            "in hand",
            in_hand,
            [
                Ok("approval"),
                Ok("payment"),
                Ok("progress"),
                Ok("completed"),
            ],
        ),
        (
            "failed",
            failed,
            [Ok("approval"), no, Ok("progress"), Ok("completed")],
        ),
        ("D10 live", live, [no; 4]),
        ("D10 in review", reviewed, [no; 4]),
        ("completed", paid, [no; 4]),
        ("D12 cancelled", cancelled, [no; 4]),
    ];
    for (name, payout, expected) in rows {
        for (mark, expected) in marks.iter().zip(expected) {
            assert_eq!(marked(&payout, mark), expected, "{name}, {mark:?}");
        }
    }
}

#[test]
fn d11_what_is_in_hand_is_nobody_elses() {
    let approved = after(payout().approve(0, None).expect("waits"));
    let in_hand = after(
        approved
            .mark(HandMark::InProgress(None), NOW)
            .expect("possible"),
    );
    assert!(in_hand.clone().plan(plan(), NOW).is_err());
    assert!(in_hand.clone().cancel("why").is_err());
    assert!(in_hand.clone().request_payment().is_err());
    let given = Some("{}".to_owned());
    let step = in_hand
        .mark(HandMark::InProgress(given.clone()), NOW)
        .expect("possible");
    assert_eq!(
        step.after.in_hand.as_ref().map(|hand| &hand.proof),
        Some(&given)
    );
    assert!(step.facts.is_empty(), "its state is the same");
}

#[test]
fn p5_a_late_success_beside_a_hand_is_told() {
    let failed = after(in_progress().attempt_failed("gone", 0, NOW));
    let in_hand = after(
        failed
            .clone()
            .mark(HandMark::InProgress(None), NOW)
            .expect("possible"),
    );
    let settled = after(in_hand.succeeded(1, proof(), Msat(5), NOW));
    assert!(settled.in_hand.is_none() && settled.paid_twice.is_none());
    let by_hand = after(
        failed
            .mark(HandMark::Completed(None), NOW)
            .expect("possible"),
    );
    let twice = after(by_hand.succeeded(1, proof(), Msat(5), NOW));
    assert_eq!(twice.paid_twice, Some(NOW));
}

#[test]
fn a_fiat_amount_gets_its_worth_at_approval() {
    let dollars = |text: &str, named: Option<u64>| Payout {
        asked: MoneyRecord {
            amount: text.parse().expect("a decimal"),
            currency: Currency::USD,
        },
        amount: Msat::ZERO,
        named: named.map(Msat),
        ..payout()
    };
    let rate = |text: &str| Rate::new(text.parse().expect("a decimal"));
    let rows = [
        // Rounded up to whole satoshi on the chain.
        ("100", None, rate("81000"), Ok(123_457_000)),
        ("100", None, None, Err(CantApprove::RateUnavailable)),
        (
            "100",
            Some(200_000_000),
            rate("81000"),
            Err(CantApprove::BelowInvoice),
        ),
        ("100", Some(1_000), rate("81000"), Ok(1_000)),
        (
            "79228162514264337593543950335",
            None,
            rate("0.0001"),
            Err(CantApprove::RateUnavailable),
        ),
    ];
    for (asked, named, rate, expected) in rows {
        let step = dollars(asked, named).approve(0, rate);
        let amount = step.map(|step| after(step).amount.0);
        assert_eq!(amount, expected, "{asked} {named:?}");
    }
    let approved = after(
        dollars("100", None)
            .approve(0, rate("81000"))
            .expect("possible"),
    );
    assert_eq!(
        approved.debit(),
        Parts(10_000_000_000),
        "the budget is in dollars"
    );
    let back = after(
        approved
            .mark(HandMark::AwaitingApproval, NOW)
            .expect("possible"),
    );
    assert_eq!((back.amount, back.rate), (Msat::ZERO, None));
}
