//! A wall clock that jumps. The rule: an invoice is over when the wall clock says so, however it came there; what is
//! over stays over; and no wait of ours is longer by a clock that was set back.

use tollway::domain::invoice::{Additional, Status};
use tollway::domain::money::Sat;
use tollway::domain::receipt::Rail;
use tollway::domain::time::Timestamp;

use crate::payouts::to_be_paid;
use crate::support::World;

const YEAR_SECS: u64 = 365 * 86_400;

fn set_back(world: &World, secs: u64) {
    let now = world.clock_now();
    world.clock.set(Timestamp(now.0 - secs * 1_000));
}

#[tokio::test]
async fn a_jump_forward_ends_what_is_over_and_nothing_else_and_money_still_counts() {
    let world = World::new().await;
    let short = world.invoice(1_000).await;
    world.clock.advance_secs(600);
    let later = world.invoice(1_000).await;
    world.clock.advance_secs(300);
    world.turn().await;
    assert_eq!(world.see_invoice(short.id).await.status, Status::Expired);
    assert_eq!(world.see_invoice(later.id).await.status, Status::New);
    world.clock.advance_secs(YEAR_SECS);
    world.turn().await;
    assert_eq!(world.see_invoice(later.id).await.status, Status::Expired);
    // The clock was wrong, and is put right: what was over stays so, what comes is counted.
    set_back(&world, YEAR_SECS);
    world.turn().await;
    world
        .receive(later.lightning[0].hash, Sat(1_000).to_msat())
        .await;
    let paid = world.see_invoice(later.id).await;
    assert_eq!(
        (paid.status, paid.additional()),
        (Status::Expired, Additional::PaidLate)
    );
    let fresh = world.invoice(1_000).await;
    world.clock.advance_secs(899);
    world.turn().await;
    assert_eq!(world.see_invoice(fresh.id).await.status, Status::New);
    world.clock.advance_secs(1);
    world.turn().await;
    assert_eq!(world.see_invoice(fresh.id).await.status, Status::Expired);
    world.check().await;
}

#[tokio::test]
async fn a_jump_back_keeps_nobody_waiting_for_a_year() {
    let world = World::new().await;
    let before = world.invoice(1_000).await;
    let (pr, hash) = world.customer_invoice(5_000);
    let id = to_be_paid(&world, &pr, Rail::Lightning, 5_000).await;
    world.lightning.decline_pay("no route");
    world.run_payouts().await;
    assert!(
        world.see_payout(id).await.next_attempt_at.is_some(),
        "it rests"
    );
    set_back(&world, YEAR_SECS);
    world.run_payouts().await;
    assert_eq!(world.lightning.departed(), [hash]);

    // A process that starts with the clock set back opens its gate, and blocks and payments are taken in.
    let world = world.restart();
    world.open_gate().await;
    let fund = before.onchain.clone().expect("an address").script;
    world.chain.pay(&fund, Sat(1_000));
    world.turn().await;
    world.mine(1).await;
    assert_eq!(world.see_invoice(before.id).await.status, Status::Settled);
    let fresh = world.invoice(1_000).await;
    world.clock.advance_secs(900);
    world.turn().await;
    assert_eq!(world.see_invoice(fresh.id).await.status, Status::Expired);
    world.check().await;
}

#[tokio::test]
async fn a_transaction_is_sent_again_although_the_clock_was_set_back() {
    let world = World::new().await;
    let fund = world.invoice(100_000).await.onchain.expect("an address");
    world.chain.pay(&fund.script, Sat(100_000));
    world.mine(1).await;
    let address = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";
    to_be_paid(&world, address, Rail::Onchain, 10_000).await;
    world.run_payouts().await;
    let sent = world.chain.broadcasts();
    assert!(!sent.is_empty());
    set_back(&world, YEAR_SECS);
    world.run_payouts().await;
    let again = world.chain.broadcasts();
    assert_eq!(again.len(), sent.len() + 1);
    assert_eq!(again.last(), sent.last(), "the bytes as they were stored");
}
