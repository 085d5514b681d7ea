//! Links that are not in bitcoin and promise their rate (D22, D23).

use rust_decimal::Decimal;
use tollway::domain::ids::PullPaymentId;
use tollway::domain::money::{Currency, Money, Parts, Sat};
use tollway::domain::payout::Stage;
use tollway::domain::pull_payment::PullPayment;
use tollway::service::approval::Approval;
use tollway::service::pull_payment::NewPullPayment;
use tollway::service::withdraw::{Accepted, WithdrawRefusal};

use crate::support::World;

fn usd() -> Currency {
    "USD".parse().expect("known")
}

fn new(amount: u32, currency: Currency, rate_lock_secs: Option<u32>) -> NewPullPayment {
    NewPullPayment {
        limit: Money {
            amount: amount.into(),
            currency,
        },
        rate_lock_secs,
        ..World::new_pull_payment(1)
    }
}

/// A world in which a bitcoin costs 50,000 USD, and a link over ten of them.
async fn priced() -> (World, PullPayment) {
    let world = World::new().await;
    world.rates.set(usd(), 50_000.into());
    let link = world.pull_payment_as(new(10, usd(), Some(60))).await;
    (world, link)
}

async fn draw(
    world: &World,
    id: PullPaymentId,
    k1: &[u8],
    pr: &str,
) -> Result<Accepted, WithdrawRefusal> {
    let k1 = hex::encode(k1);
    world.clock.hurry(world.gateway.withdraw(id, &k1, pr)).await
}

async fn offered(world: &World, link: &PullPayment) -> (Vec<u8>, Sat) {
    let offer = world.gateway.withdraw_offer(link.id).await;
    let offer = offer.expect("an offer");
    (offer.k1, offer.max)
}

#[tokio::test]
async fn each_quote_is_honoured_until_it_ends() {
    let (world, link) = priced().await;
    let (first, most) = offered(&world, &link).await;
    assert_eq!(most, Sat(20_000));
    world.rates.set(usd(), 100_000.into());
    let (second, most) = offered(&world, &link).await;
    assert_eq!(most, Sat(10_000));
    assert_ne!(first, second);
    // More than the second quote would give, at the rate of the first.
    let (pr, hash) = world.customer_invoice(15_000);
    assert_eq!(draw(&world, link.id, &first, &pr).await, Ok(Accepted::Sent));
    world.run_payouts().await;
    assert_eq!(world.lightning.departed(), [hash]);
    let payout = world.payouts().await.remove(0);
    assert_eq!(payout.amount, Sat(15_000).to_msat());
    assert_eq!(payout.asked.amount, Decimal::new(75, 1));
    let left = world.see_pull_payment(link.id).await.budget.remaining();
    assert_eq!(left, Parts(250_000_000), "2.5 USD");
    assert_eq!(offered(&world, &link).await.1, Sat(2_500));
    // The bounds are those of now, at the quote's rate.
    let (too_much, _) = world.customer_invoice(5_001);
    let refused = draw(&world, link.id, &first, &too_much).await;
    assert!(matches!(
        refused,
        Err(WithdrawRefusal::OutOfBounds {
            max: Sat(5_000),
            ..
        })
    ));
    // Quotes last when there is no rate any more, and end when they end.
    world.rates.forget(usd());
    let refused = world.gateway.withdraw_offer(link.id).await;
    assert_eq!(refused, Err(WithdrawRefusal::NoRate));
    let (small, _) = world.customer_invoice(100);
    assert_eq!(
        draw(&world, link.id, &second, &small).await,
        Ok(Accepted::Sent)
    );
    world.clock.advance_secs(61);
    let (late, _) = world.customer_invoice(100);
    for k1 in [&first, &second] {
        let refused = draw(&world, link.id, k1, &late).await;
        assert_eq!(refused, Err(WithdrawRefusal::QuoteOver));
    }
    // What was taken is told again, then too.
    assert_eq!(draw(&world, link.id, &first, &pr).await, Ok(Accepted::Sent));
    assert_eq!(world.payouts().await.len(), 2);
    world.check().await;
}

#[tokio::test]
async fn only_a_quote_of_this_link_counts() {
    let (world, link) = priced().await;
    let other = world.pull_payment_as(new(10, usd(), Some(60))).await;
    let (good, _) = offered(&world, &link).await;
    let mut bad = vec![
        Vec::new(),
        link.k1.to_vec(),
        good[..55].to_vec(),
        [good.clone(), vec![0]].concat(),
        offered(&world, &other).await.0,
    ];
    for place in 0..good.len() {
        let mut changed = good.clone();
        changed[place] ^= 1;
        bad.push(changed);
    }
    let (pr, _) = world.customer_invoice(100);
    for k1 in bad {
        let refused = draw(&world, link.id, &k1, &pr).await;
        assert_eq!(refused, Err(WithdrawRefusal::UnknownLink), "{k1:?}");
    }
    assert!(world.payouts().await.is_empty());
    // A link in bitcoin has its own secret, quotes or not.
    let plain = world
        .pull_payment_as(new(1_000, Currency::SATS, Some(60)))
        .await;
    assert_eq!(
        offered(&world, &plain).await,
        (plain.k1.to_vec(), Sat(1_000))
    );
    assert_eq!(
        draw(&world, plain.id, &plain.k1, &pr).await,
        Ok(Accepted::Sent)
    );
}

#[tokio::test]
async fn without_a_promise_or_a_price_there_is_no_offer() {
    let world = World::new().await;
    let hours = Currency::unit("HOURS").expect("a unit");
    for (lock, refusal) in [
        (None, WithdrawRefusal::NotLightning),
        (Some(60), WithdrawRefusal::NoRate),
    ] {
        let link = world.pull_payment_as(new(10, hours, lock)).await;
        let refused = world.gateway.withdraw_offer(link.id).await;
        assert_eq!(refused, Err(refusal));
    }
}

#[tokio::test]
async fn all_that_is_offered_can_be_drawn_at_any_rate() {
    for rate in [
        "0.7",
        "3",
        "81234.56789012",
        "99999999.99",
        "1234567890123.45",
    ] {
        let rate: Decimal = rate.parse().expect("a number");
        let world = World::new().await;
        let hours = Currency::unit("HOURS").expect("a unit");
        world.rates.set(hours, rate);
        let amount = if rate > 1_000_000.into() {
            1_000_000
        } else {
            1
        };
        let link = world.pull_payment_as(new(amount, hours, Some(60))).await;
        loop {
            let Ok(offer) = world.gateway.withdraw_offer(link.id).await else {
                break;
            };
            // Not all at once.
            let some = Sat((offer.max.0 / 3).max(1));
            let (pr, _) = world.customer_invoice(some.0.min(900_000));
            let drawn = draw(&world, link.id, &offer.k1, &pr).await;
            assert_eq!(drawn, Ok(Accepted::Sent), "{rate} {some}");
            world.run_payouts().await;
            if world.payouts().await.len() > 30 {
                break;
            }
        }
        let budget = world.see_pull_payment(link.id).await.budget;
        assert!(budget.used() <= budget.limit, "{rate}");
        for payout in world.payouts().await {
            let asked = payout.asked.amount;
            assert!(asked >= rate * payout.amount.to_btc(), "{rate} {payout:?}");
        }
        assert!(!world.payouts().await.is_empty(), "{rate}");
        world.check().await;
    }
}

#[tokio::test]
async fn what_waits_for_a_person_is_approved_at_the_promised_rate() {
    let (world, _) = priced().await;
    let link = world
        .pull_payment_as(NewPullPayment {
            auto_approve: false,
            ..new(10, usd(), Some(60))
        })
        .await;
    let (k1, _) = offered(&world, &link).await;
    let (pr, hash) = world.customer_invoice(20_000);
    let drawn = draw(&world, link.id, &k1, &pr).await;
    assert_eq!(drawn, Ok(Accepted::NeedsApproval));
    // At the rate of now it would be worth less than the invoice asks for.
    world.rates.set(usd(), 100_000.into());
    let id = world.payouts().await[0].id;
    let approved = world
        .gateway
        .approve_payout(world.shop, id, Approval::of(0));
    let approved = approved.await.expect("approved");
    assert_eq!(approved.stage, Stage::AwaitingPayment);
    assert_eq!(approved.amount, Sat(20_000).to_msat());
    world
        .gateway
        .pay_payout(world.shop, id)
        .await
        .expect("goes");
    world.run_payouts().await;
    assert_eq!(world.lightning.departed(), [hash]);
    world.check().await;
}
