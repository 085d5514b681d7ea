//! Endpoints, and messages in every standing about everything.

use tollway::domain::fact::{Entry, Fact};
use tollway::domain::ids::{DeliveryId, WebhookId};
use tollway::domain::invoice::Additional;
use tollway::domain::webhook::{
    About, Delivery, Endpoint, Event, Events, Kind, Outcome, Secret, Standing, Telling, What,
};

use super::{NOW, PAYOUT, STORE, invoice, payouts, text};

const WEBHOOK: WebhookId = WebhookId([0xb1; 16]);

/// One that wants everything, and a stricter one.
pub fn webhooks() -> Vec<(&'static str, Endpoint)> {
    let everything = Endpoint {
        id: WEBHOOK,
        store: STORE,
        url: text("https://shop.example/hook?é"),
        enabled: true,
        automatic_redelivery: true,
        events: Events::default(),
        secret: Secret::generated([0xb2; 16]),
        created: NOW,
        trusted: false,
    };
    let strict = Endpoint {
        enabled: false,
        automatic_redelivery: false,
        events: Events {
            everything: false,
            specific: vec![text("InvoiceSettled"), text("Unheard")],
        },
        secret: Secret::chosen(text("chosen")),
        trusted: true,
        ..everything.clone()
    };
    vec![("everything", everything), ("strict", strict)]
}

fn entry(fact: Fact) -> Entry {
    Entry {
        sequence: 77,
        at: NOW,
        store: STORE,
        fact,
    }
}

/// A settled payment of the sample invoice.
fn of_invoice() -> Event {
    let invoice = invoice();
    let receipt = &invoice.receipts[0];
    let entry = entry(Fact::InvoicePaymentSettled {
        invoice: invoice.id,
        receipt: receipt.key,
        amount: receipt.amount,
        after_expiration: true,
    });
    let telling = Telling::of(&entry.fact).expect("it is told");
    let What::Invoice(_, mut change) = telling.what else {
        panic!("it is about an invoice")
    };
    // Something in every field.
    change.over_paid = Some(true);
    change.manually_marked = Some(false);
    change.partially_paid = Some(true);
    let mut event = Event::of_invoice(Kind::InvoiceExpired, &entry, &change, &invoice);
    event.kind = Kind::InvoicePaymentSettled;
    if let About::Invoice(about) = &mut event.about {
        about.additional = Additional::PaidOver;
    }
    event
}

fn of_payout() -> Event {
    let why = text("no route");
    let entry = entry(Fact::PayoutCancelled {
        payout: PAYOUT,
        why: why.clone(),
    });
    let (_, payout) = payouts().remove(0);
    let state = tollway::domain::webhook::PayoutState::Cancelled;
    Event::of_payout(Kind::PayoutUpdated, &entry, state, Some(why), &payout)
}

/// A message in every standing.
pub fn deliveries() -> Vec<(&'static str, Delivery)> {
    let (_, endpoint) = webhooks().remove(0);
    let waiting = Delivery::of_fact(&endpoint, of_invoice(), 1, true);
    let due = Delivery::of_fact(&endpoint, of_payout(), 0, false);
    let standing = |standing| Delivery {
        standing,
        event: None,
        in_line: false,
        attempt: 2,
        original: DeliveryId([0xb3; 16]),
        ..due.clone()
    };
    vec![
        ("waiting", waiting),
        ("due", due.clone()),
        (
            "delivered",
            standing(Standing::Delivered { at: NOW, code: 204 }),
        ),
        (
            "retried",
            standing(Standing::Retried {
                at: NOW,
                outcome: Outcome::Answered(503),
                next_at: NOW.plus_secs(60),
            }),
        ),
        (
            "unanswered",
            standing(Standing::GivenUp {
                at: NOW,
                outcome: Outcome::NoAnswer(text("refused")),
            }),
        ),
        (
            "not_sent",
            standing(Standing::GivenUp {
                at: NOW,
                outcome: Outcome::NotSent(text("disabled")),
            }),
        ),
    ]
}
