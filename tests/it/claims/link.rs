//! LNURL-withdraw: every reason to refuse has its own sentence, and nothing is reserved then.

use lightning_invoice::Currency as Chain;
use tollway::domain::ids::PullPaymentId;
use tollway::domain::money::{Msat, Parts, Sat};
use tollway::domain::payout::Stage;
use tollway::domain::pull_payment::PullPayment;
use tollway::domain::receipt::Rail;
use tollway::service::inside::OwnRefusal;
use tollway::service::pull_payment::NewPullPayment;
use tollway::service::withdraw::{Accepted, WithdrawRefusal};

use crate::support::{Wish, World};

async fn draw(world: &World, link: &PullPayment, pr: &str) -> Result<Accepted, WithdrawRefusal> {
    draw_with(world, link.id, &hex::encode(link.k1), pr).await
}

async fn draw_with(
    world: &World,
    id: PullPaymentId,
    k1: &str,
    pr: &str,
) -> Result<Accepted, WithdrawRefusal> {
    world.clock.hurry(world.gateway.withdraw(id, k1, pr)).await
}

/// The invoice of a row, made in the row's world.
type Make = fn(&World) -> String;

#[tokio::test]
async fn an_invoice_that_cant_be_paid_is_refused_with_its_own_sentence() {
    fn customer(world: &World, change: impl FnOnce(&mut Wish)) -> String {
        let mut wish = world.wish(1_000);
        change(&mut wish);
        world.customer.invoice(&wish).0
    }
    let rows: &[(&str, Make, &str)] = &[
        (
            "1 none",
            |_| String::new(),
            "Give exactly one Lightning invoice.",
        ),
        (
            "1 two",
            |world| {
                let (pr, other) = (world.customer_invoice(1), world.customer_invoice(2));
                format!("{},{}", pr.0, other.0)
            },
            "Give exactly one Lightning invoice.",
        ),
        (
            "2 no BOLT11",
            |_| "lnbcrt1hello".to_owned(),
            "This is not a Lightning invoice we can read.",
        ),
        (
            "2 cut",
            |world| world.customer_invoice(1_000).0[..150].to_owned(),
            "This is not a Lightning invoice we can read.",
        ),
        (
            "2 unknown feature",
            |world| customer(world, |wish| wish.unknown_feature = true),
            "This invoice needs a feature that this server does not have.",
        ),
        (
            "3 another network",
            |world| customer(world, |wish| wish.network = Chain::Bitcoin),
            "This is for another network: this server pays on regtest.",
        ),
        (
            "4 no amount",
            |world| customer(world, |wish| wish.amount = None),
            "The invoice has to name an amount.",
        ),
        (
            "5 too much",
            |world| customer(world, |wish| wish.amount = Some(Msat(50_000_001))),
            "The invoice has to be between 1 sat and 50000 sat.",
        ),
        (
            "5 too little",
            |world| customer(world, |wish| wish.amount = Some(Msat(999))),
            "The invoice has to be between 1 sat and 50000 sat.",
        ),
        (
            "6 expired",
            |world| {
                let pr = customer(world, |wish| wish.expiry_secs = 100);
                world.clock.advance_secs(101);
                pr
            },
            "This invoice has expired, or is about to. Make a new one.",
        ),
        (
            "6 nearly",
            |world| customer(world, |wish| wish.expiry_secs = 59),
            "This invoice has expired, or is about to. Make a new one.",
        ),
        (
            "7 our own",
            |world| world.lightning.sign_own(&world.wish(1_000)).0,
            "This invoice belongs to this server itself, and can't be paid here.",
        ),
        (
            "10 delay",
            |world| customer(world, |wish| wish.final_cltv = 1_008),
            "This invoice asks for a final delay that no route can give.",
        ),
    ];
    for (name, make, said) in rows {
        let world = World::new().await;
        let link = world.pull_payment(50_000).await;
        let pr = make(&world);
        let refused = draw(&world, &link, &pr).await.expect_err(name);
        assert_eq!(refused.to_string(), *said, "{name}");
        let after = world.see_pull_payment(link.id).await;
        assert_eq!(after, link, "{name} reserved something");
        assert_eq!(world.payouts().await, [], "{name}");
    }
}

#[tokio::test]
async fn a_link_that_cant_be_drawn_from_says_why() {
    let offer = || NewPullPayment {
        ..World::new_pull_payment(1_000)
    };
    let world = World::new().await;
    let now = world.clock_now();
    let rows = [
        (
            "not started",
            NewPullPayment {
                starts_at: Some(now.plus_secs(60)),
                ..offer()
            },
            "This pull payment has not started yet.",
        ),
        (
            "expired",
            NewPullPayment {
                starts_at: Some(now),
                expires_at: Some(now),
                ..offer()
            },
            "This pull payment has expired.",
        ),
        (
            "chain only",
            NewPullPayment {
                rails: Some(vec![Rail::Onchain]),
                ..offer()
            },
            "This link does not pay over Lightning.",
        ),
    ];
    let mut links = Vec::new();
    for (name, new, said) in rows {
        links.push((name, world.pull_payment_as(new).await, said));
    }
    let archived = world.pull_payment(1_000).await;
    let closed = world.gateway.archive_pull_payment(world.shop, archived.id);
    closed.await.expect("closes");
    links.push(("archived", archived, "This pull payment has been archived."));
    let used_up = world.pull_payment(1_000).await;
    let (all, _) = world.customer_invoice(1_000);
    assert_eq!(draw(&world, &used_up, &all).await, Ok(Accepted::Sent));
    links.push(("used up", used_up, "Everything has been withdrawn already."));
    world.clock.advance_secs(1);
    for (name, link, said) in links {
        let refused = world.gateway.withdraw_offer(link.id).await.expect_err(name);
        assert_eq!(refused.to_string(), said, "{name}");
        let (pr, _) = world.customer_invoice(500);
        let refused = draw(&world, &link, &pr).await.expect_err(name);
        assert_eq!(refused.to_string(), said, "{name}");
    }
}

#[tokio::test]
async fn an_unknown_link_and_a_wrong_secret_read_the_same() {
    let world = World::new().await;
    let link = world.pull_payment(1_000).await;
    let (pr, _) = world.customer_invoice(500);
    let right = hex::encode(link.k1);
    let unknown = PullPaymentId([9; 20]);
    let rows = [
        (link.id, String::new()),
        (link.id, hex::encode([0; 32])),
        (link.id, right[..62].to_owned()),
        (link.id, format!("{right}00")),
        (link.id, "é".to_owned()),
        (link.id, link.id.to_string()),
        (unknown, right.clone()),
    ];
    for (id, k1) in rows {
        let refused = draw_with(&world, id, &k1, &pr).await;
        assert_eq!(refused, Err(WithdrawRefusal::UnknownLink), "{k1}");
    }
    assert_eq!(world.payouts().await, []);
    // Upper case is the same bytes.
    let upper = right.to_uppercase();
    assert_eq!(
        draw_with(&world, link.id, &upper, &pr).await,
        Ok(Accepted::Sent)
    );
}

#[tokio::test]
async fn an_exact_repeat_gets_the_first_answer_and_anything_else_over_that_hash_is_refused() {
    let world = World::new().await;
    let link = world.pull_payment(10_000).await;
    let other_link = world.pull_payment(10_000).await;
    let (pr, hash) = world.customer_invoice(4_000);
    assert_eq!(draw(&world, &link, &pr).await, Ok(Accepted::Sent));
    for again in [pr.clone(), pr.to_uppercase(), format!("lightning:{pr}")] {
        assert_eq!(draw(&world, &link, &again).await, Ok(Accepted::Sent));
    }
    let refused = draw(&world, &other_link, &pr).await;
    assert_eq!(refused, Err(WithdrawRefusal::Used));
    // Another invoice over the same hash, for more.
    let more = world.customer.invoice_again(&world.wish(5_000), hash);
    assert_eq!(draw(&world, &link, &more).await, Err(WithdrawRefusal::Used));
    assert_eq!(world.payouts().await.len(), 1);
    let budget = world.see_pull_payment(link.id).await.budget;
    assert_eq!((budget.reserved, budget.spent), (Parts(4_000), Parts(0)));
    world.check().await;
}

#[tokio::test]
async fn a_hash_that_we_issued_is_refused_if_somebody_else_signed_the_invoice() {
    let world = World::new().await;
    let ours = world.invoice(1_000).await;
    let link = world.pull_payment(10_000).await;
    let hash = ours.lightning[0].hash;
    let forged = world
        .customer
        .invoice_over(&world.wish(1_000), ours.lightning[0].preimage);
    assert_eq!(
        draw(&world, &link, &forged).await,
        Err(WithdrawRefusal::Own(OwnRefusal::Unknown)),
        "{hash}"
    );
    assert_eq!(world.payouts().await, []);
}

#[tokio::test]
async fn a_part_of_a_sat_is_debited_as_a_whole_one() {
    let world = World::new().await;
    let link = world.pull_payment(10).await;
    let wish = Wish {
        amount: Some(Msat(1_001)),
        ..world.wish(1)
    };
    let (pr, _) = world.customer.invoice(&wish);
    assert_eq!(draw(&world, &link, &pr).await, Ok(Accepted::Sent));
    let after = world.see_pull_payment(link.id).await;
    assert_eq!(after.budget.remaining(), Parts(8));
    assert_eq!(world.payouts().await[0].amount, Msat(1_001));
}

#[tokio::test]
async fn the_offer_is_what_is_left_and_can_be_sent() {
    let world = World::new().await;
    let link = world.pull_payment(100_000).await;
    // (what the node can send, the most that is offered): one percent is kept for routing, 10 sat at
    // least, and the first digit of the rest is told.
    for (sendable, max) in [
        (u64::from(u32::MAX), 100_000),
        (50_000, 40_000),
        (500, 400),
        (11, 1),
    ] {
        world.lightning.set_sendable(Sat(sendable).to_msat());
        let offer = world
            .gateway
            .withdraw_offer(link.id)
            .await
            .expect("an offer");
        assert_eq!((offer.min, offer.max), (Sat(1), Sat(max)), "{sendable}");
        assert_eq!(offer.balance, Sat(100_000));
        assert_eq!(offer.k1, link.k1);
    }
    world.lightning.set_sendable(Sat(10).to_msat());
    let refused = world.gateway.withdraw_offer(link.id).await;
    assert_eq!(refused, Err(WithdrawRefusal::NotNow));
}

#[tokio::test]
async fn a_link_that_needs_approval_says_so_and_waits() {
    let world = World::new().await;
    let link = world
        .pull_payment_as(NewPullPayment {
            auto_approve: false,
            ..World::new_pull_payment(1_000)
        })
        .await;
    let offer = world
        .gateway
        .withdraw_offer(link.id)
        .await
        .expect("an offer");
    assert!(offer.description.contains("needs approval"));
    let (pr, _) = world.customer_invoice(500);
    assert_eq!(draw(&world, &link, &pr).await, Ok(Accepted::NeedsApproval));
    world.run_payouts().await;
    let payout = world.payouts().await.remove(0);
    assert_eq!(payout.stage, Stage::AwaitingApproval);
    assert_eq!(world.lightning.departed(), []);
    // Nobody approves it: when the invoice runs out the budget is free again.
    world.clock.advance_secs(3_601);
    world.run_payouts().await;
    assert!(matches!(
        world.see_payout(payout.id).await.stage,
        Stage::Cancelled { .. }
    ));
    assert_eq!(
        world.see_pull_payment(link.id).await.budget.remaining(),
        Parts(1_000)
    );
}

#[tokio::test]
async fn a_definite_failure_before_the_answer_is_told_and_frees_the_budget() {
    let world = World::new().await;
    let link = world.pull_payment(1_000).await;
    let (pr, hash) = world.customer_invoice(1_000);
    let k1 = k1(&link);
    let drawing = world.gateway.withdraw(link.id, &k1, &pr);
    let fails = async {
        world.clock.until_sleeping(1).await;
        world.run_payouts().await;
        world.lightning.fails(hash, "no route");
        world.take_events().await;
    };
    let (answer, ()) = futures::join!(drawing, fails);
    assert!(
        matches!(answer, Err(WithdrawRefusal::Failed(_))),
        "{answer:?}"
    );
    let payout = world.payouts().await.remove(0);
    assert!(matches!(payout.stage, Stage::Cancelled { .. }));
    assert_eq!(
        world.see_pull_payment(link.id).await.budget.remaining(),
        Parts(1_000)
    );
    world.check().await;
}

#[tokio::test]
async fn p6_a_doubtful_send_is_accepted_and_keeps_its_budget() {
    let world = World::new().await;
    let link = world.pull_payment(1_000).await;
    let (pr, _) = world.customer_invoice(1_000);
    world.lightning.doubt_pay(true);
    let k1 = k1(&link);
    let drawing = world.clock.hurry(world.gateway.withdraw(link.id, &k1, &pr));
    let (answer, _) = futures::join!(drawing, world.run_payouts());
    assert_eq!(answer, Ok(Accepted::Sent));
    world.run_payouts().await;
    let budget = world.see_pull_payment(link.id).await.budget;
    assert_eq!(budget.reserved, Parts(1_000));
}

fn k1(link: &PullPayment) -> String {
    hex::encode(link.k1)
}
