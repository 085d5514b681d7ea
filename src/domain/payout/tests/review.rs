//! A person's word.

use super::*;

#[test]
fn a_person_decides_only_on_what_stands_for_review() {
    let by = UserId([5; 16]);
    let failed = after(in_progress().attempt_failed("no route", 0, NOW));
    for before in [payout(), in_progress(), failed] {
        assert_eq!(before.clone().look_again(by, ""), Err(NotInReview));
        let arrived = before.clone().judge_arrived(by, "", proof(), Msat(0), NOW);
        assert_eq!(arrived, Err(NotInReview));
        let lost = before.clone().judge_lost(by, "", false, NOW);
        assert_eq!(lost, Err(NotInReview));
    }
}

#[test]
fn what_a_person_calls_lost_waits_for_a_person() {
    let by = UserId([5; 16]);
    let reviewed = after(in_progress().review("silence"));
    let step = reviewed.judge_lost(by, "asked", true, NOW).expect("waits");
    let (payout, attempt) = (PayoutId([1; 20]), 1);
    assert_eq!(
        step.facts[0],
        Fact::PayoutReviewed {
            payout,
            attempt,
            by,
            verdict: Verdict::DidNotArriveAgainstDoubt,
            why: "asked".to_owned(),
        }
    );
    assert!(matches!(step.facts[1], Fact::PayoutAttemptFailed { .. }));
    let held = after(step);
    assert_eq!(held.stage, Stage::AwaitingPayment);
    assert_eq!((held.held_since, held.is_unjudged()), (Some(NOW), false));
    assert!(held.clone().cancel("no").is_ok(), "P8");
    let paying = after(held.request_payment().expect("waits"));
    assert!(paying.pay_now && paying.held_since.is_none());
}

#[test]
fn what_a_person_calls_arrived_is_completed_and_corrected_by_the_network() {
    let by = UserId([5; 16]);
    let reviewed = after(in_progress().review("silence"));
    let step = reviewed
        .judge_arrived(by, "asked", proof(), Msat(0), NOW)
        .expect("waits");
    assert!(matches!(step.facts[1], Fact::PayoutCompleted { .. }));
    let done = after(step);
    let known = Proof::Lightning {
        hash: PaymentHash([9; 32]),
        preimage: Some(Preimage([8; 32])),
    };
    let step = done.succeeded(1, known.clone(), Msat(7), NOW);
    assert_eq!(
        step.facts,
        [Fact::PayoutProofFound {
            payout: PayoutId([1; 20]),
            fee_before: Msat(0),
            fee: Msat(7),
            way: Way::Lightning,
        }]
    );
    let corrected = after(step);
    assert!(matches!(&corrected.stage,
        Stage::Completed { proof, fee: Msat(7), .. } if *proof == known));
    let again = corrected.clone().succeeded(1, known, Msat(9), NOW);
    assert_eq!(again, Step::quiet(corrected));
}

#[test]
fn looking_again_compares_at_once() {
    let by = UserId([5; 16]);
    let reviewed = after(in_progress().review("silence"));
    let again = after(reviewed.look_again(by, "").expect("waits"));
    assert_eq!(again.attempts[0].standing, Standing::Recorded);
    assert_eq!(again.next_attempt_at, None);
}
