//! Many at once: the budget is reserved in one commit, so nobody draws what another has drawn.

use std::collections::BTreeSet;

use futures::future::join_all;
use tollway::domain::money::{Parts, Sat};
use tollway::domain::receipt::Rail;
use tollway::service::claim::Claim;
use tollway::service::withdraw::{Accepted, WithdrawRefusal};

use super::api::address;
use crate::support::World;

const LIMIT: u64 = 55_500;
const SMALLEST: u64 = 900;

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_withdrawals_at_once_draw_the_limit_and_never_more() {
    let world = World::new().await;
    let link = world.pull_payment(LIMIT).await;
    let k1 = hex::encode(link.k1);
    let invoices: Vec<(String, u64)> = (0..100)
        .map(|number| SMALLEST + number * 2)
        .map(|sat| (world.customer_invoice(sat).0, sat))
        .collect();
    let all = join_all(
        invoices
            .iter()
            .map(|(pr, _)| world.gateway.withdraw(link.id, &k1, pr)),
    );
    let answers = world.clock.hurry(all).await;
    let mut drawn = 0;
    let mut smallest_refused = u64::MAX;
    for (answer, (_, sat)) in answers.iter().zip(&invoices) {
        match answer {
            Ok(accepted) => {
                assert_eq!(*accepted, Accepted::Sent);
                drawn += sat;
            }
            Err(WithdrawRefusal::UsedUp | WithdrawRefusal::OutOfBounds { .. }) => {
                smallest_refused = smallest_refused.min(*sat);
            }
            Err(other) => panic!("{other}"),
        }
    }
    assert!(drawn <= LIMIT, "{drawn} were drawn");
    // What is left could have paid none of those that were refused, in whatever order they came.
    assert!(LIMIT - drawn < smallest_refused, "only {drawn} were drawn");
    let budget = world.see_pull_payment(link.id).await.budget;
    assert_eq!((budget.reserved, budget.spent), (Parts(drawn), Parts(0)));
    world.check().await;

    // All of them are paid, each once, and the budget is spent to the sat.
    while world.see_pull_payment(link.id).await.budget.reserved > Parts::ZERO {
        let before: BTreeSet<_> = world.lightning.departed().into_iter().collect();
        world.run_payouts().await;
        let departed = world.lightning.departed();
        for hash in departed.iter().filter(|hash| !before.contains(hash)) {
            let preimage = world.customer.preimage(*hash).expect("its own");
            world.lightning.succeeds(*hash, preimage, Sat(1).to_msat());
        }
        assert!(departed.len() > before.len(), "nothing was sent");
        world.take_events().await;
    }
    let departed = world.lightning.departed();
    let distinct: BTreeSet<_> = departed.iter().collect();
    assert_eq!(distinct.len(), departed.len(), "P3 a hash was paid twice");
    let budget = world.see_pull_payment(link.id).await.budget;
    assert_eq!((budget.reserved, budget.spent), (Parts(0), Parts(drawn)));
    world.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_invoice_many_times_at_once_is_one_payout() {
    let world = World::new().await;
    let link = world.pull_payment(LIMIT).await;
    let k1 = hex::encode(link.k1);
    let (pr, _) = world.customer_invoice(1_000);
    let all = join_all((0..20).map(|_| world.gateway.withdraw(link.id, &k1, &pr)));
    for answer in world.clock.hurry(all).await {
        assert_eq!(answer, Ok(Accepted::Sent));
    }
    assert_eq!(world.payouts().await.len(), 1);
    let budget = world.see_pull_payment(link.id).await.budget;
    assert_eq!(budget.used(), Parts(1_000));
}

#[tokio::test(flavor = "multi_thread")]
async fn claims_without_an_amount_at_once_take_what_is_left_once() {
    let world = World::new().await;
    let link = world.pull_payment(LIMIT).await;
    let addresses: Vec<String> = (0..10).map(address).collect();
    let claims = addresses.iter().map(|to| {
        let claim = Claim::of_receiver(to.clone(), Rail::Onchain, None);
        world.gateway.claim(link.id, claim)
    });
    let taken = join_all(claims).await.into_iter().flatten().count();
    assert_eq!(taken, 1);
    assert_eq!(
        world.see_pull_payment(link.id).await.budget.used(),
        Parts(LIMIT)
    );
}
