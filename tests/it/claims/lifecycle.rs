//! What becomes of claims: approval, cancellation, closing, and how budgets come back.

use tollway::domain::ids::PayoutId;
use tollway::domain::money::{Msat, Parts};
use tollway::domain::payout::{CantApprove, CantCancel, Payout, Stage};
use tollway::domain::receipt::Rail;
use tollway::service::approval::Approval;
use tollway::service::payout::PayoutRefusal;
use tollway::service::pull_payment::NewPullPayment;

use super::api::{address, claim, lasting};
use crate::support::World;

#[tokio::test]
async fn p8_closing_cancels_what_waits_and_gives_its_budget_back() {
    let world = World::new().await;
    let link = world
        .pull_payment_as(NewPullPayment {
            auto_approve: false,
            ..World::new_pull_payment(10_000)
        })
        .await;
    let mut payouts: Vec<Payout> = Vec::new();
    for number in 1..=3 {
        let asked = claim(address(number), Rail::Onchain, Some("1000"));
        payouts.push(world.gateway.claim(link.id, asked).await.expect("claims"));
    }
    let paid_by_hand = lasting(&world, Some(Msat(2_000_000)));
    let in_flight = claim(paid_by_hand, Rail::Lightning, None);
    let in_flight = world
        .gateway
        .claim(link.id, in_flight)
        .await
        .expect("claims");
    let approve = |id: PayoutId, revision| {
        world
            .gateway
            .approve_payout(world.shop, id, Approval::of(revision))
    };
    approve(payouts[0].id, 0).await.expect("approves");
    approve(in_flight.id, 0).await.expect("approves");
    world
        .gateway
        .pay_payout(world.shop, in_flight.id)
        .await
        .expect("pays");
    world.run_payouts().await;
    for _ in 0..2 {
        let closed = world.gateway.archive_pull_payment(world.shop, link.id);
        closed.await.expect("closes, and again");
        let budget = world.see_pull_payment(link.id).await.budget;
        assert_eq!(
            budget.reserved,
            Parts(2_000),
            "what is in flight keeps its budget"
        );
    }
    for payout in payouts {
        assert!(matches!(
            world.see_payout(payout.id).await.stage,
            Stage::Cancelled { .. }
        ));
    }
    assert_eq!(
        world.see_payout(in_flight.id).await.stage,
        Stage::InProgress
    );
    world.check().await;
}

#[tokio::test]
async fn approving_and_cancelling_look_at_the_state_first() {
    let world = World::new().await;
    let link = world
        .pull_payment_as(NewPullPayment {
            auto_approve: false,
            ..World::new_pull_payment(10_000)
        })
        .await;
    let asked = claim(address(1), Rail::Onchain, Some("1000"));
    let id = world
        .gateway
        .claim(link.id, asked)
        .await
        .expect("claims")
        .id;
    let approve = |revision| {
        world
            .gateway
            .approve_payout(world.shop, id, Approval::of(revision))
    };
    let cancel = || world.gateway.cancel_payout(world.shop, id, "not needed");
    assert_eq!(approve(1).await, Err(CantApprove::OldRevision.into()));
    let pay = world.gateway.pay_payout(world.shop, id).await;
    assert_eq!(pay, Err(CantApprove::InvalidState.into()));
    assert_eq!(
        approve(0).await.map(|payout| payout.stage),
        Ok(Stage::AwaitingPayment)
    );
    assert_eq!(approve(0).await, Err(CantApprove::InvalidState.into()));
    // D8: approval never sends by itself.
    world.run_payouts().await;
    assert_eq!(world.see_payout(id).await.stage, Stage::AwaitingPayment);
    for _ in 0..2 {
        let cancelled = cancel().await.expect("cancels, and again");
        assert!(matches!(cancelled.stage, Stage::Cancelled { .. }));
        assert_eq!(
            world.see_pull_payment(link.id).await.budget.used(),
            Parts::ZERO
        );
    }
    assert_eq!(approve(0).await, Err(CantApprove::InvalidState.into()));
    let unknown = world
        .gateway
        .cancel_payout(world.shop, PayoutId([9; 20]), "x");
    assert_eq!(unknown.await, Err(PayoutRefusal::Unknown));
    let pr = lasting(&world, Some(Msat(1_000_000)));
    let sent = world
        .gateway
        .claim(link.id, claim(pr, Rail::Lightning, None))
        .await;
    let id = sent.expect("claims").id;
    let shop = world.shop;
    world
        .gateway
        .approve_payout(shop, id, Approval::of(0))
        .await
        .expect("approves");
    world.gateway.pay_payout(shop, id).await.expect("pays");
    world.run_payouts().await;
    let refused = world.gateway.cancel_payout(shop, id, "x").await;
    assert_eq!(refused, Err(CantCancel.into()), "P8 it may still succeed");
}
