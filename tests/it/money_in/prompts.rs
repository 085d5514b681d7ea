//! The Lightning half of invoices that were made while the node could make none.

use tollway::domain::invoice::Status;
use tollway::domain::money::{Currency, Msat, Sat};
use tollway::ports::lightning::NodeState;
use tollway::service::invoice::NewInvoice;

use crate::support::World;

#[tokio::test]
async fn a_lightning_half_comes_when_the_node_is_ready() {
    let world = World::new().await;
    world.lightning.set_state(NodeState::Syncing);
    let made = world.invoice(1_000).await;
    let top_up = world
        .gateway
        .create_invoice(
            world.shop,
            NewInvoice {
                currency: Some(Currency::SATS),
                ..NewInvoice::default()
            },
        )
        .await
        .expect("made");
    assert!(made.lightning.is_empty() && top_up.lightning.is_empty());
    world.turn().await;
    assert_eq!(world.see_invoice(made.id).await, made, "not ready");

    let world = world.restart();
    world.lightning.set_state(NodeState::Ready);
    world.open_gate().await;
    world.turn().await;
    let now = world.see_invoice(made.id).await;
    let prompt = now.shown_prompt().expect("a BOLT11").clone();
    assert_eq!(prompt.amount, Some(Sat(1_000).to_msat()));
    assert_eq!(now.lightning_missing, None);
    let any = world.see_invoice(top_up.id).await;
    let any = any.shown_prompt().expect("a BOLT11").hash;
    // The payer should not try after the invoice has expired.
    let issued = world.lightning.issued();
    let left = made.terms.expires_at.secs() - world.clock_now().secs();
    assert_eq!(u64::from(issued[0].0.expiry_secs), left);
    world.turn().await;
    assert_eq!(world.lightning.issued().len(), 2, "once each");

    world.receive(prompt.hash, Sat(1_000).to_msat()).await;
    world.receive(any, Msat(7)).await;
    for id in [made.id, top_up.id] {
        assert_eq!(world.see_invoice(id).await.status, Status::Settled);
    }
    world.check().await;
}

#[tokio::test]
async fn those_that_no_channel_can_take_hold_up_nobody() {
    let world = World::new().await;
    world.lightning.set_receivable(Sat(999).to_msat());
    for _ in 0..70 {
        world.invoice(1_000).await;
    }
    let small = world.invoice(2_000).await;
    world.lightning.set_receivable(Msat(0));
    let last = world.invoice(500).await;
    world.lightning.set_receivable(Sat(999).to_msat());
    world.turn().await;
    assert_eq!(world.see_invoice(last.id).await.lightning.len(), 1);
    assert!(world.see_invoice(small.id).await.lightning.is_empty());
    world.lightning.set_receivable(Sat(2_000).to_msat());
    world.turn().await;
    world.turn().await;
    assert_eq!(world.see_invoice(small.id).await.lightning.len(), 1);
}

#[tokio::test]
async fn one_that_is_over_gets_no_lightning_half() {
    let world = World::new().await;
    world.lightning.set_state(NodeState::Syncing);
    let expiring = world.invoice(1_000).await;
    let expired = world.invoice(1_000).await;
    world.clock.advance_secs(880);
    world.lightning.set_state(NodeState::Ready);
    world.turn().await;
    world.clock.advance_secs(30);
    world.turn().await;
    for invoice in [expiring, expired] {
        assert!(world.see_invoice(invoice.id).await.lightning.is_empty());
    }
    assert_eq!(world.lightning.issued().len(), 0);
}
