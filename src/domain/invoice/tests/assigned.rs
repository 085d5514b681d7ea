//! Coins and payments that come to an invoice by another way than its address and its hash, and a person's word.

use super::*;

#[test]
fn an_adopted_coin_is_followed_apart_from_the_address() {
    let by = UserId([3; 16]);
    let foreign = |confirmations| coin(9, 1_000, confirmations, false);
    let step = invoice(1_000).adopt_coin(&foreign(0), "bcrt1qother", by, T0);
    let held = step.after;
    assert_eq!(held.status, Status::Processing);
    assert_eq!(held.receipts[0].destination, "bcrt1qother");
    // (what is shown, where it ends)
    let own_picture_is_empty = held.clone().observe(&[], T0).after;
    assert_eq!(own_picture_is_empty, held);
    let outpoint = foreign(0).outpoint;
    let settled = held
        .clone()
        .observe_adopted(outpoint, Some(&foreign(1)), T0);
    assert_eq!(settled.after.status, Status::Settled);
    let lost = settled.after.observe_adopted(outpoint, None, T0);
    assert_eq!(lost.after.status, Status::New);
    assert!(matches!(
        lost.facts[0],
        Fact::InvoicePaymentLost {
            amount: Msat(1_000_000),
            ..
        }
    ));
    let back = lost
        .after
        .observe_adopted(outpoint, Some(&foreign(1)), T0.plus_secs(9));
    assert_eq!(back.after.status, Status::Settled);
    assert_eq!(back.after.receipts[0].assigned_by, Some(by));
}

#[test]
fn a_payment_assigned_to_an_invoice_counts_there_once() {
    let by = UserId([3; 16]);
    let hash = PaymentHash([9; 32]);
    let (late, _) = act(invoice(1_000), 900, &Tick);
    let step = late.adopt_payment(hash, Msat(1_000_000), by, T0.plus_secs(901));
    assert_eq!(step.after.additional(), Additional::PaidLate);
    assert_eq!(step.after.receipts[0].assigned_by, Some(by));
    let again = step
        .after
        .clone()
        .adopt_payment(hash, Msat(1_000_000), by, T0);
    assert_eq!((again.after, again.facts), (step.after, vec![]));
}

#[test]
fn a_settled_invoice_is_marked_only_if_it_was_marked() {
    let settled = check(
        "paid",
        &[(1, Lightning(1, 1_000_000))],
        Status::Settled,
        Additional::None,
    );
    assert_eq!(settled.mark(Mark::Invalid), Err(CantMark(Status::Settled)));
}
