//! What is sent: an event as JSON. The bytes follow from the message alone, so that what was sent can be shown later.

use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use crate::domain::receipt::ReceiptStanding;
use crate::domain::webhook::{
    About, AboutInvoice, AboutPayment, AboutPayout, Delivery, Event, Kind,
};

/// The body of a message, indented; `None` if what it told is not kept any more.
pub fn body(delivery: &Delivery) -> Option<Vec<u8>> {
    let event = delivery.event.as_ref()?;
    let mut members = Map::new();
    let mut put = |name: &str, value: Value| members.insert(name.to_owned(), value);
    put("deliveryId", delivery.id.to_string().into());
    put("webhookId", delivery.webhook.to_string().into());
    put("originalDeliveryId", delivery.original.to_string().into());
    put("isRedelivery", delivery.is_redelivery().into());
    tell(event, &mut members);
    serde_json::to_vec_pretty(&Value::Object(members)).ok()
}

/// An event as the feed tells it: as in a message, without what belongs to the message.
pub fn feed_item(event: &Event) -> Value {
    let mut members = Map::new();
    tell(event, &mut members);
    Value::Object(members)
}

fn tell(event: &Event, members: &mut Map<String, Value>) {
    let mut put = |name: &str, value: Value| members.insert(name.to_owned(), value);
    put("type", event.kind.name().into());
    put("timestamp", event.at.secs().into());
    put("storeId", event.store.to_string().into());
    put("sequence", event.sequence.into());
    match &event.about {
        About::Invoice(about) => tell_invoice(about, members),
        About::Payout(about) => tell_payout(event.kind, about, members),
    }
}

fn tell_invoice(about: &AboutInvoice, members: &mut Map<String, Value>) {
    let mut put = |name: &str, value: Value| members.insert(name.to_owned(), value);
    put("invoiceId", about.invoice.to_string().into());
    put("metadata", object(&about.metadata));
    for (name, truth) in [
        ("afterExpiration", about.after_expiration),
        ("manuallyMarked", about.manually_marked),
        ("overPaid", about.over_paid),
        ("partiallyPaid", about.partially_paid),
    ] {
        if let Some(truth) = truth {
            put(name, truth.into());
        }
    }
    if let Some(payment) = &about.payment {
        let method = payment.key.rail().method_id();
        put("paymentMethodId", method.into());
        put("paymentMethod", method.into());
        put("payment", payment_data(payment));
    }
    put("amount", decimal(about.price.amount));
    put("currency", about.price.currency.to_string().into());
    put("paidAmount", decimal(about.paid));
    put("status", about.status.name().into());
    put("additionalStatus", about.additional.name().into());
}

fn payment_data(payment: &AboutPayment) -> Value {
    json!({
        "id": payment.key.to_string(),
        "receivedDate": payment.received_at.secs(),
        "value": decimal(payment.amount.to_btc()),
        "fee": decimal(Decimal::ZERO),
        "status": match payment.standing {
            ReceiptStanding::Processing { .. } => "Processing",
            ReceiptStanding::Settled => "Settled",
            ReceiptStanding::Lost => "Invalid",
        },
        "destination": payment.destination,
    })
}

fn tell_payout(kind: Kind, about: &AboutPayout, members: &mut Map<String, Value>) {
    debug_assert!(kind.name().starts_with("Payout"), "{kind:?}");
    let mut put = |name: &str, value: Value| members.insert(name.to_owned(), value);
    put("payoutId", about.payout.to_string().into());
    let pull_payment = about.pull_payment.map(|id| id.to_string());
    put("pullPaymentId", pull_payment.into());
    put("payoutState", about.state.name().into());
    put("originalAmount", decimal(about.asked.amount));
    put("originalCurrency", about.asked.currency.to_string().into());
    let amount = about.amount.map(|amount| decimal(amount.to_btc()));
    put("payoutAmount", amount.unwrap_or_default());
    put("payoutCurrency", "BTC".into());
    put("payoutMethodId", about.rail.method_id().into());
    put("destination", about.destination.as_str().into());
    put("metadata", object(&about.metadata));
    put("failureReason", about.failure.clone().into());
}

/// Decimals are text that keeps its scale (Greenfield 1.3).
fn decimal(value: Decimal) -> Value {
    value.to_string().into()
}

/// A JSON object as it was kept.
fn object(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::Object(Map::new()))
}
