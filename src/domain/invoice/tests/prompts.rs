//! The Lightning half: what it asks for, and when it is made.

use super::*;

#[test]
fn the_shown_bolt11_asks_for_the_rest() {
    let (partial, _) = act(invoice(1_000), 1, &Chain(vec![(1, 400, 0)]));
    assert_eq!(partial.shown_prompt(), None);
    assert!(partial.wants_prompt());
    assert_eq!(partial.prompt_amount(), Some(Msat(600_000)));
    let (renewed, _) = act(partial, 2, &Renew(2));
    assert_eq!(
        renewed.shown_prompt().map(|p| p.hash),
        Some(PaymentHash([2; 32]))
    );
    assert!(!renewed.wants_prompt());
    let (evicted, _) = act(renewed, 3, &Chain(vec![]));
    assert!(evicted.wants_prompt());
    assert_eq!(evicted.prompt_amount(), Some(Msat(1_000_000)));
}

#[test]
fn a_lightning_half_that_could_not_be_made_is_made_while_the_invoice_waits() {
    let without = |missing: Option<&str>| Invoice {
        lightning: vec![],
        lightning_missing: missing.map(str::to_owned),
        ..invoice(1_000)
    };
    assert!(!without(None).wants_prompt(), "it is not offered");
    let waits = without(Some("the node is catching up"));
    assert!(waits.wants_prompt());
    let top_up = Invoice {
        price: Price::TopUp(Currency::USD),
        due: Sat::ZERO,
        ..waits.clone()
    };
    assert!(top_up.wants_prompt());
    assert_eq!(top_up.prompt_amount(), None);
    for over in [
        act(waits.clone(), 900, &Tick).0,
        act(waits.clone(), 1, &Chain(vec![(1, 1_000, 0)])).0,
        act(waits.clone(), 1, &Act::Mark(Mark::Invalid)).0,
    ] {
        assert!(!over.wants_prompt(), "{:?}", over.status);
    }
    let (made, facts) = act(waits, 2, &Renew(7));
    assert_eq!(
        made.shown_prompt().map(|p| p.hash),
        Some(PaymentHash([7; 32]))
    );
    assert_eq!((made.lightning_missing.as_ref(), facts.len()), (None, 1));
    assert!(!made.wants_prompt());
}
