use super::*;
use crate::domain::fact::{Entry, Fact};
use crate::domain::ids::{DeliveryId, PayoutId, StoreId, WebhookId};
use crate::domain::time::Timestamp;

const NOON: Timestamp = Timestamp::from_secs(1_000_000);

fn endpoint() -> Endpoint {
    Endpoint {
        id: WebhookId([1; 16]),
        store: StoreId([2; 32]),
        url: "https://shop.example/hook".to_owned(),
        enabled: true,
        automatic_redelivery: true,
        events: Events::default(),
        secret: Secret::chosen("key".to_owned()),
        created: NOON,
        trusted: false,
    }
}

fn event() -> Event {
    use crate::domain::invoice::MoneyRecord;
    use crate::domain::money::{Currency, Msat};
    use crate::domain::receipt::Rail;
    Event {
        kind: Kind::PayoutCreated,
        sequence: 7,
        at: NOON,
        store: StoreId([2; 32]),
        about: About::Payout(Box::new(AboutPayout {
            payout: PayoutId([3; 20]),
            pull_payment: None,
            state: PayoutState::AwaitingApproval,
            asked: MoneyRecord {
                amount: 5.into(),
                currency: Currency::SATS,
            },
            amount: Some(Msat(5_000)),
            rail: Rail::Lightning,
            destination: String::new(),
            metadata: String::new(),
            failure: None,
        })),
    }
}

fn first() -> Delivery {
    Delivery::of_fact(&endpoint(), event(), 0, false)
}

#[test]
fn a_signature_is_what_others_compute() {
    // RFC 4231, test case 2.
    let secret = Secret::chosen("Jefe".to_owned());
    assert_eq!(
        sign(&secret, b"what do ya want for nothing?"),
        "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    );
    assert_eq!(format!("{secret:?}"), "Secret(..)");
}

#[test]
fn what_fails_for_now_is_tried_again_by_the_curve_and_then_given_up() {
    let mut delivery = first();
    let mut now = NOON;
    let mut ids = vec![delivery.id];
    let mut waits = Vec::new();
    loop {
        let tried = delivery.tried(Outcome::NoAnswer("hung up".to_owned()), true, now);
        let Some(retry) = tried.retry else {
            assert!(matches!(tried.after.standing, Standing::GivenUp { .. }));
            break;
        };
        assert!(retry.is_redelivery());
        assert_eq!(retry.original, ids[0]);
        let due = retry.due_at().expect("due");
        waits.push(due.millis_since(now) / 1_000);
        now = due;
        ids.push(retry.id);
        delivery = retry;
    }
    assert_eq!(waits, RETRY_SECS);
    assert_eq!(ids.len(), 9);
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 9, "every try has its own id");
}

#[test]
fn only_what_may_pass_is_tried_again() {
    // (outcome, retried with automatic redelivery)
    let rows = [
        (Outcome::Answered(200), false),
        (Outcome::Answered(204), false),
        (Outcome::Answered(299), false),
        (Outcome::Answered(301), false),
        (Outcome::Answered(307), false),
        (Outcome::Answered(400), false),
        (Outcome::Answered(404), false),
        (Outcome::Answered(408), true),
        (Outcome::Answered(410), false),
        (Outcome::Answered(429), true),
        (Outcome::Answered(500), true),
        (Outcome::Answered(503), true),
        (Outcome::Answered(599), true),
        (Outcome::Answered(600), false),
        (Outcome::Answered(100), false),
        (Outcome::NoAnswer(String::new()), true),
        (Outcome::NotSent(String::new()), false),
    ];
    for (outcome, retried) in rows {
        let tried = first().tried(outcome.clone(), true, NOON);
        assert_eq!(tried.retry.is_some(), retried, "{outcome:?}");
        let delivered = matches!(tried.after.standing, Standing::Delivered { .. });
        assert_eq!(delivered, outcome.is_success(), "{outcome:?}");
        let without = first().tried(outcome.clone(), false, NOON);
        assert_eq!(without.retry, None, "{outcome:?}");
    }
}

#[test]
fn the_next_message_about_an_object_waits_for_two_tries() {
    let fail = || Outcome::Answered(500);
    let tried = first().tried(fail(), true, NOON);
    assert_eq!(tried.next_in_line, None);
    let second = tried.retry.expect("a retry");
    assert!(second.in_line);
    let then = second.due_at().expect("due");
    let delivered = second.clone().tried(Outcome::Answered(200), true, then);
    assert_eq!(delivered.next_in_line, Some(then));
    let tried = second.tried(fail(), true, then);
    let third = tried.retry.expect("a retry");
    let due = third.due_at().expect("due");
    assert_eq!(due.millis_since(NOON), 70_000);
    assert_eq!(tried.next_in_line, Some(due.plus_secs(OVERTAKE_SECS)));
    assert!(!third.in_line, "it was overtaken");
    assert_eq!(third.tried(fail(), true, due).next_in_line, None);
    let gone = first().tried(Outcome::Answered(410), true, NOON);
    assert_eq!(gone.next_in_line, Some(NOON));
}

#[test]
fn settings_are_what_they_are_when_it_is_tried() {
    let disabled = Endpoint {
        enabled: false,
        ..endpoint()
    };
    let once = Endpoint {
        automatic_redelivery: false,
        ..endpoint()
    };
    let elsewhere = Endpoint {
        events: Events {
            everything: false,
            specific: vec!["InvoiceSettled".to_owned(), "Unheard".to_owned()],
        },
        ..endpoint()
    };
    let retry = first()
        .tried(Outcome::Answered(500), true, NOON)
        .retry
        .expect("a retry");
    let asked = first().again(DeliveryId([9; 16]), NOON).expect("kept");
    let bare = Delivery {
        event: None,
        ..first()
    };
    let rows = [
        (first(), Some(&disabled), true),
        (first(), Some(&once), false),
        (first(), Some(&elsewhere), true),
        (first(), None, true),
        (retry.clone(), Some(&once), true),
        (asked.clone(), Some(&elsewhere), false),
        (asked.clone(), Some(&disabled), true),
        (bare.clone(), Some(&once), true),
    ];
    for (delivery, settings, stopped) in rows {
        assert_eq!(
            delivery.obstacle(settings).is_some(),
            stopped,
            "{delivery:?}"
        );
    }
    assert!(asked.is_redelivery());
    assert_eq!(asked.original, first().id);
    assert_eq!(bare.again(DeliveryId([9; 16]), NOON), None);
    assert!(!disabled.wants(Kind::InvoiceSettled));
    assert!(elsewhere.wants(Kind::InvoiceSettled));
}

#[test]
fn the_same_fact_has_the_same_message_and_no_other_has() {
    let (one, other) = (WebhookId([1; 16]), WebhookId([2; 16]));
    let mut ids = vec![
        DeliveryId::of_fact(one, 1, 0),
        DeliveryId::of_fact(one, 1, 1),
        DeliveryId::of_fact(one, 2, 0),
        DeliveryId::of_fact(other, 1, 0),
        DeliveryId::of_fact(one, 1, 0).next(),
        DeliveryId::of_fact(one, 1, 0).next().next(),
    ];
    assert_eq!(ids[0], DeliveryId::of_fact(one, 1, 0));
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 6);
}

#[test]
fn a_fact_tells_how_far_its_object_was_then() {
    let payout = PayoutId([3; 20]);
    let cancelled = Telling::of(&Fact::PayoutCancelled {
        payout,
        why: "late".to_owned(),
    });
    let (state, why) = (PayoutState::Cancelled, Some("late".to_owned()));
    assert_eq!(
        cancelled,
        Some(Telling {
            kinds: &[Kind::PayoutUpdated],
            what: What::Payout(payout, state, why),
        })
    );
    assert_eq!(Telling::of(&Fact::StoreCreated), None);
    let names: std::collections::BTreeSet<_> = Kind::ALL.map(Kind::name).into();
    assert_eq!(names.len(), Kind::ALL.len());
    let entry = Entry {
        sequence: 7,
        at: NOON,
        store: StoreId([2; 32]),
        fact: Fact::PayoutApproved { payout },
    };
    assert_eq!(event().object(), entry.fact.object());
}
