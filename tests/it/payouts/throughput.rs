//! Many payouts at once: how many are in flight, who is next, what waits and why.

use tollway::domain::ids::{PaymentHash, PayoutId};
use tollway::domain::money::{Msat, Sat};
use tollway::domain::payout::{FeeCap, FeeWish, Stage, Standing};
use tollway::domain::receipt::Rail;
use tollway::domain::store::Settings;
use tollway::service::approval::Approval;
use tollway::service::payout::StorePayout;
use tollway::service::store::StoreChange;

use super::{standing, to_be_paid};
use crate::support::World;

/// So many payouts that somebody pressed Pay for, oldest first.
async fn many(world: &World, count: usize) -> Vec<(PayoutId, PaymentHash)> {
    let mut made = Vec::new();
    for _ in 0..count {
        let (pr, hash) = world.customer_invoice(1_000);
        let id = to_be_paid(world, &pr, Rail::Lightning, 1_000).await;
        world.clock.advance_secs(1);
        made.push((id, hash));
    }
    made
}

/// What has left and not arrived arrives.
async fn all_arrive(world: &World, arrived: &mut usize) {
    let departed = world.lightning.departed();
    for hash in &departed[*arrived..] {
        let preimage = world.customer.preimage(*hash).expect("its own");
        world.lightning.succeeds(*hash, preimage, Msat(3));
    }
    *arrived = departed.len();
    world.take_events().await;
}

#[tokio::test]
async fn a_channel_carries_twenty_at_once_oldest_first_and_a_free_place_is_filled() {
    let world = World::new().await;
    let payouts = many(&world, 45).await;
    let hashes: Vec<PaymentHash> = payouts.iter().map(|(_, hash)| *hash).collect();
    let departed = || {
        let mut departed = world.lightning.departed();
        departed.sort();
        departed
    };
    let first = |count: usize| {
        let mut first = hashes[..count].to_vec();
        first.sort();
        first
    };
    world.run_payouts().await;
    assert_eq!(departed(), first(20));
    let preimage = world.customer.preimage(hashes[7]).expect("its own");
    world.lightning.succeeds(hashes[7], preimage, Msat(3));
    world.take_events().await;
    world.run_payouts().await;
    assert_eq!(departed(), first(21));
    world.lightning.set_usable_channels(2);
    world.run_payouts().await;
    assert_eq!(departed(), first(41));
    // No channel can be used: at least one may be tried, if nothing else is under way.
    world.lightning.set_usable_channels(0);
    world.run_payouts().await;
    assert_eq!(departed(), first(41));
    world.check().await;
}

#[tokio::test]
async fn five_hundred_approved_at_once_all_arrive_and_none_is_called_failed() {
    let world = World::new().await;
    let payouts = many(&world, 500).await;
    // Every seventh is refused once.
    for _ in 0..70 {
        world.lightning.decline_pay("no route was found");
    }
    let mut arrived = 0;
    for _ in 0..200 {
        world.run_payouts().await;
        all_arrive(&world, &mut arrived).await;
        world.clock.advance_secs(1);
        if arrived == payouts.len() {
            break;
        }
    }
    for (id, _) in &payouts {
        let payout = world.see_payout(*id).await;
        assert!(
            matches!(payout.stage, Stage::Completed { .. }),
            "{payout:?}"
        );
    }
    let mut departed = world.lightning.departed();
    departed.sort();
    departed.dedup();
    assert_eq!(departed.len(), 500, "each left once");
    world.check().await;
}

#[tokio::test]
async fn what_is_refused_goes_behind_the_others_and_says_why() {
    let world = World::new().await;
    let payouts = many(&world, 22).await;
    world.lightning.decline_pay("no route was found");
    world.run_payouts().await;
    // Its place was taken by another one at once.
    assert_eq!(world.lightning.departed().len(), 20);
    let mut refused = Vec::new();
    for (id, _) in &payouts {
        let payout = world.see_payout(*id).await;
        if !payout.attempts.is_empty() && payout.stage == Stage::AwaitingPayment {
            assert_eq!(payout.waiting_for.as_deref(), Some("no route was found"));
            refused.push(*id);
        }
    }
    assert_eq!(refused.len(), 1);
    world.clock.advance_secs(1);
    let mut arrived = 0;
    all_arrive(&world, &mut arrived).await;
    world.lightning.decline_pay("no route was found");
    world.run_payouts().await;
    // The one that had not been tried went first, and was refused this time.
    let last = payouts[21].0;
    assert_eq!(
        standing(&world, refused[0]).await.last(),
        Some(&Standing::Sent)
    );
    assert_eq!(world.see_payout(last).await.stage, Stage::AwaitingPayment);
}

#[tokio::test]
async fn what_is_larger_than_the_node_can_send_waits_without_an_attempt() {
    let world = World::new().await;
    let (pr, hash) = world.customer_invoice(5_000);
    let id = to_be_paid(&world, &pr, Rail::Lightning, 5_000).await;
    world.lightning.set_sendable(Sat(4_999).to_msat());
    for _ in 0..5 {
        world.run_payouts().await;
        world.clock.advance_secs(10);
    }
    let payout = world.see_payout(id).await;
    assert_eq!(payout.attempts, []);
    assert_eq!(
        payout.waiting_for.as_deref(),
        Some("The Lightning node can't send this much now; it is tried again.")
    );
    world.lightning.set_sendable(Sat(5_000).to_msat());
    world.run_payouts().await;
    assert_eq!(world.lightning.departed(), [hash]);
}

#[tokio::test]
async fn one_link_takes_eight_places_and_leaves_the_others_to_others() {
    let world = World::new().await;
    let link = world.pull_payment(100_000).await;
    let k1 = hex::encode(link.k1);
    for _ in 0..12 {
        let (pr, _) = world.customer_invoice(1_000);
        let drawing = world.gateway.withdraw(link.id, &k1, &pr);
        world.clock.hurry(drawing).await.expect("accepted");
    }
    let others = many(&world, 5).await;
    world.run_payouts().await;
    let departed = world.lightning.departed();
    assert_eq!(departed.len(), 13);
    assert!(others.iter().all(|(_, hash)| departed.contains(hash)));
}

#[tokio::test]
async fn fees_are_capped_by_the_payout_or_else_by_its_store() {
    let world = World::new().await;
    let shop = world.shop;
    let wish = |percent: Option<i64>, flat: Option<u64>| FeeWish {
        percent: percent.map(Into::into),
        flat: flat.map(|sat| Sat(sat).to_msat()),
    };
    let cap = FeeCap {
        percent: 2.into(),
        floor: Sat(7).to_msat(),
    };
    // (the store's cap, the payout's, the payout's at approval, what may be spent on 10,000 sat)
    for (of_store, of_payout, at_approval, most) in [
        (None, wish(None, None), wish(None, None), 100),
        (Some(cap), wish(None, None), wish(None, None), 200),
        (Some(cap), wish(Some(3), None), wish(None, None), 300),
        (Some(cap), wish(Some(3), Some(5)), wish(None, None), 5),
        (Some(cap), wish(Some(3), Some(5)), wish(None, Some(6)), 6),
        (Some(cap), wish(None, None), wish(Some(0), None), 0),
    ] {
        let gateway = &world.gateway;
        let changed = gateway.update_store(shop, move |before| StoreChange {
            name: before.name.clone(),
            settings: Settings {
                fee_cap: of_store,
                ..before.settings.clone()
            },
            kept: before.kept.clone(),
            archived: false,
        });
        changed.await.expect("changed");
        let (pr, hash) = world.customer_invoice(10_000);
        let new = StorePayout {
            pull_payment: None,
            destination: pr,
            rail: Rail::Lightning,
            amount: None,
            approved: false,
            fees: of_payout,
            metadata: "{}".to_owned(),
        };
        let id = gateway.create_payout(shop, new).await.expect("made").id;
        let approval = Approval {
            fees: at_approval,
            ..Approval::of(0)
        };
        let approved = gateway.approve_payout(shop, id, approval).await;
        approved.expect("approved");
        gateway.pay_payout(shop, id).await.expect("waits");
        world.run_payouts().await;
        let pays = world.lightning.pays();
        let paid = pays.iter().find(|pay| pay.hash == hash).expect("sent");
        assert_eq!(paid.fee_max, Sat(most).to_msat(), "{of_payout:?}");
    }
}

#[tokio::test]
async fn a_hanging_chain_holds_up_no_payment() {
    let world = World::new().await;
    let (pr, hash) = world.customer_invoice(5_000);
    to_be_paid(&world, &pr, Rail::Lightning, 5_000).await;
    // The Lightning payer never calls the chain: it is done although the other one is not even asked.
    world.pay_over_lightning().await;
    assert_eq!(world.lightning.departed(), [hash]);
}
