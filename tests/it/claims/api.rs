//! Claims through the API and the claim page: how amounts combine, and what is refused.

use rust_decimal::Decimal;
use tollway::domain::ids::PullPaymentId;
use tollway::domain::money::{Currency, Money, Msat, Parts};
use tollway::domain::pull_payment::ClaimRefusal;
use tollway::domain::receipt::Rail;
use tollway::domain::store::Processor;
use tollway::domain::time::Timestamp;
use tollway::service::claim::Claim;
use tollway::service::destination::DestinationRefusal;
use tollway::service::payout::PayoutRefusal;
use tollway::service::pull_payment::NewPullPayment;

use crate::support::{Wish, World};

fn dec(text: &str) -> Decimal {
    text.parse().expect("a decimal")
}

/// Somebody's address; each number is another.
pub fn address(number: u8) -> String {
    let script = bitcoin::ScriptBuf::from_bytes([&[0x00, 0x14][..], &[number; 20]].concat());
    let address = bitcoin::Address::from_script(&script, bitcoin::Network::Regtest);
    address.expect("a script of an address").to_string()
}

pub fn claim(destination: impl Into<String>, rail: Rail, amount: Option<&str>) -> Claim {
    Claim::of_receiver(destination.into(), rail, amount.map(dec))
}

/// The customer's invoice that lasts long enough for any pull payment.
pub fn lasting(world: &World, amount: Option<Msat>) -> String {
    let wish = Wish {
        amount,
        expiry_secs: 40 * 86_400,
        ..world.wish(1)
    };
    world.customer.invoice(&wish).0
}

#[tokio::test]
async fn amounts_of_destination_and_request_combine() {
    let world = World::new().await;
    let (to, ln) = (Rail::Onchain, Rail::Lightning);
    let uri = |number, btc: &str| format!("bitcoin:{}?amount={btc}", address(number));
    // (destination, rail, amount asked for in SATS, what comes of it in msat)
    let rows = [
        (address(1), to, Some("5000"), Ok(5_000_000)),
        (address(2), to, None, Ok(100_000_000)),
        (uri(3, "0.00002"), to, None, Ok(2_000_000)),
        (uri(4, "0.00002"), to, Some("2000"), Ok(2_000_000)),
        (uri(5, "0.00002"), to, Some("5000"), Ok(2_000_000)),
        (uri(6, "0.00002"), to, Some("1999"), Err("asks for more")),
        (lasting(&world, Some(Msat(1_500))), ln, None, Ok(1_500)),
        (
            lasting(&world, Some(Msat(1_500))),
            ln,
            Some("1"),
            Err("asks for more"),
        ),
        (lasting(&world, None), ln, Some("7"), Ok(7_000)),
        (lasting(&world, None), ln, None, Ok(100_000_000)),
        (address(7), to, Some("0"), Err("too low")),
        (address(7), to, Some("-5"), Err("too low")),
        (
            address(7),
            to,
            Some("100001"),
            Err("more than what is left"),
        ),
        (
            address(7),
            to,
            Some("2100000000000001"),
            Err("more than all bitcoin"),
        ),
        (address(7), to, Some("293"), Err("too low")),
    ];
    for (destination, rail, amount, expected) in rows {
        let link = world.pull_payment(100_000).await;
        let name = format!("{destination} {amount:?}");
        let asked = claim(&destination, rail, amount);
        let got = world.gateway.claim(link.id, asked).await;
        let after = world.see_pull_payment(link.id).await.budget;
        match (got, expected) {
            (Ok(payout), Ok(msat)) => {
                assert_eq!(payout.amount, Msat(msat), "{name}");
                assert_eq!(after.reserved, Parts(msat.div_ceil(1_000)), "{name}");
            }
            (Err(refused), Err(said)) => {
                assert!(refused.to_string().contains(said), "{name}: {refused}");
                assert_eq!(after.used(), Parts::ZERO, "{name}");
            }
            (got, expected) => panic!("{name}: {got:?}, expected {expected:?}"),
        }
    }
}

#[tokio::test]
async fn destinations_that_cant_be_paid_are_refused() {
    let world = World::new().await;
    let own = world.invoice(1_000).await;
    let (unknown_own, _) = world.lightning.sign_own(&world.wish(5_000));
    let own_address = own.onchain.expect("an address").address;
    let node_address = world.gateway.node_address().await.expect("an address");
    let mainnet = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4";
    let ours = "belongs to this server";
    let look_up = "are not looked up";
    let rows = [
        (String::new(), Rail::Onchain, "not a bitcoin address"),
        ("hello".to_owned(), Rail::Onchain, "not a bitcoin address"),
        ("x".repeat(9_000), Rail::Onchain, "not a bitcoin address"),
        (mainnet.to_owned(), Rail::Onchain, "another network"),
        (own_address.to_uppercase(), Rail::Onchain, ours),
        (
            format!("bitcoin:{own_address}?amount=0.00005"),
            Rail::Onchain,
            ours,
        ),
        (node_address, Rail::Onchain, ours),
        (unknown_own, Rail::Lightning, ours),
        (address(1), Rail::Lightning, "not a Lightning invoice"),
        ("lnurl1dp68gurn8ghj7".to_owned(), Rail::Lightning, look_up),
        ("me@example.com".to_owned(), Rail::Lightning, look_up),
    ];
    // An invoice over what is ours is as long-lived as it has to be, so only its owner is in the way.
    let short = World::new_pull_payment(100_000);
    let link = world
        .pull_payment_as(NewPullPayment {
            bolt11_days: 0,
            ..short
        })
        .await;
    for (destination, rail, said) in rows {
        let asked = claim(&destination, rail, Some("5000"));
        let refused = world.gateway.claim(link.id, asked).await.expect_err(said);
        assert!(
            matches!(refused, PayoutRefusal::Destination(_)),
            "{destination}: {refused:?}"
        );
        assert!(
            refused.to_string().contains(said),
            "{destination}: {refused}"
        );
    }
    let unknown = claim(address(1), Rail::Onchain, None);
    let refused = world.gateway.claim(PullPaymentId([9; 20]), unknown).await;
    assert_eq!(refused, Err(PayoutRefusal::UnknownPullPayment));
    assert_eq!(world.see_pull_payment(link.id).await, link);
}

#[tokio::test]
async fn d20_an_invoice_has_to_last_until_somebody_may_pay_it() {
    const DAY: u64 = 86_400;
    let rows = [
        // (claims need no person, an instant sender, how long the invoice lasts, whether that is enough)
        (false, false, 30 * DAY, true),
        (false, false, 30 * DAY - 1, false),
        (false, true, 30 * DAY - 1, false),
        (true, false, 30 * DAY - 1, false),
        (true, true, 60, true),
        (true, true, 59, false),
    ];
    for (auto_approve, instant, expiry_secs, enough) in rows {
        let world = World::new().await;
        if instant {
            let sender = Some(instant_sender(Rail::Lightning));
            let set = world
                .gateway
                .set_processor(world.shop, Rail::Lightning, sender);
            set.await.expect("set");
        }
        let link = world
            .pull_payment_as(NewPullPayment {
                auto_approve,
                ..World::new_pull_payment(1_000)
            })
            .await;
        let wish = Wish {
            expiry_secs,
            ..world.wish(500)
        };
        let (pr, _) = world.customer.invoice(&wish);
        let got = world
            .gateway
            .claim(link.id, claim(pr, Rail::Lightning, None))
            .await;
        let name = format!("{auto_approve} {instant} {expiry_secs}");
        match (got, enough) {
            (Ok(_), true) => {}
            (Err(PayoutRefusal::ExpiresTooSoon(30)), false) => assert!(expiry_secs >= 60, "{name}"),
            (Err(PayoutRefusal::Destination(DestinationRefusal::Expired)), false) => {
                assert!(expiry_secs < 60, "{name}");
            }
            (got, _) => panic!("{name}: {got:?}"),
        }
    }
}

#[tokio::test]
async fn d4_an_invoice_is_claimed_once_for_ever_and_an_address_once_at_a_time() {
    let world = World::new().await;
    let duplicate = Err(ClaimRefusal::DuplicateDestination.into());
    let link = world.pull_payment(100_000).await;
    let other = world.pull_payment(100_000).await;
    let to_address = || claim(address(1), Rail::Onchain, Some("1000"));
    let pr = lasting(&world, Some(Msat(1_000_000)));
    let to_invoice = || claim(&pr, Rail::Lightning, None);
    let first = world
        .gateway
        .claim(link.id, to_address())
        .await
        .expect("claims");
    let second = world
        .gateway
        .claim(link.id, to_invoice())
        .await
        .expect("claims");
    assert_eq!(world.gateway.claim(other.id, to_address()).await, duplicate);
    assert_eq!(world.gateway.claim(other.id, to_invoice()).await, duplicate);
    for payout in [first, second] {
        let cancelled = world
            .gateway
            .cancel_payout(world.shop, payout.id, "not needed");
        cancelled.await.expect("cancels");
    }
    assert_eq!(
        world.see_pull_payment(link.id).await.budget.used(),
        Parts::ZERO
    );
    assert!(world.gateway.claim(other.id, to_address()).await.is_ok());
    assert_eq!(world.gateway.claim(other.id, to_invoice()).await, duplicate);
}

#[tokio::test]
async fn a_closed_pull_payment_refuses_in_greenfields_order() {
    let world = World::new().await;
    let now = world.clock_now();
    let usual = || World::new_pull_payment(1_000);
    let rows = [
        (
            NewPullPayment {
                expires_at: Some(now),
                rails: Some(vec![Rail::Lightning]),
                ..usual()
            },
            ClaimRefusal::Expired,
        ),
        (
            NewPullPayment {
                starts_at: Some(now.plus_secs(60)),
                rails: Some(vec![Rail::Lightning]),
                ..usual()
            },
            ClaimRefusal::NotStarted,
        ),
        (
            NewPullPayment {
                rails: Some(vec![Rail::Lightning]),
                ..usual()
            },
            ClaimRefusal::PaymentMethodNotSupported,
        ),
        (usual(), ClaimRefusal::DuplicateDestination),
    ];
    let taken = world.pull_payment(1_000).await;
    let first = claim(address(1), Rail::Onchain, None);
    world.gateway.claim(taken.id, first).await.expect("claims");
    let mut links = Vec::new();
    for (new, refusal) in rows {
        links.push((world.pull_payment_as(new).await, refusal));
    }
    world.clock.advance_secs(1);
    for (link, refusal) in links {
        // Too much, and to an address that waits for another payout: the earlier reason is told.
        let asked = claim(address(1), Rail::Onchain, Some("5000"));
        let refused = world.gateway.claim(link.id, asked).await;
        assert_eq!(refused, Err(refusal.into()));
        let closed = world.gateway.archive_pull_payment(world.shop, link.id);
        closed.await.expect("closes");
        let asked = claim(address(1), Rail::Onchain, Some("5000"));
        let refused = world.gateway.claim(link.id, asked).await;
        assert_eq!(refused, Err(ClaimRefusal::Archived.into()));
    }
}

#[tokio::test]
async fn a_pull_payment_over_nonsense_is_not_made() {
    let world = World::new().await;
    let limit = |amount: &str, currency: Currency| NewPullPayment {
        limit: Money {
            amount: dec(amount),
            currency,
        },
        ..World::new_pull_payment(1)
    };
    let now = world.clock_now();
    let rows = [
        (limit("0", Currency::SATS), "has to be positive"),
        (limit("-1", Currency::BTC), "has to be positive"),
        (limit("1.5", Currency::SATS), "whole satoshi"),
        (limit("0.000000001", Currency::BTC), "whole satoshi"),
        (limit("21000001", Currency::BTC), "more than all bitcoin"),
        (limit("0.000000001", Currency::USD), "8 decimals"),
        (limit("184467440738", Currency::USD), "too large"),
        (
            NewPullPayment {
                name: "é".repeat(51),
                ..World::new_pull_payment(1)
            },
            "longer than 50 characters",
        ),
        (
            NewPullPayment {
                rails: Some(Vec::new()),
                ..World::new_pull_payment(1)
            },
            "at least one payout method",
        ),
        (
            NewPullPayment {
                starts_at: Some(now.plus_secs(2)),
                expires_at: Some(now.plus_secs(1)),
                ..World::new_pull_payment(1)
            },
            "before it starts",
        ),
    ];
    for (new, said) in rows {
        let refused = world.gateway.create_pull_payment(world.shop, new).await;
        let refused = refused.expect_err(said).to_string();
        assert!(refused.contains(said), "{refused}");
    }
}

/// A sender that pays at once.
fn instant_sender(rail: Rail) -> Processor {
    Processor {
        fees: None,
        rail,
        interval_secs: 3_600,
        instant: true,
        fee_block_target: 1,
        threshold: Decimal::ZERO,
        since: Timestamp(0),
    }
}
