//! What an audit found, a row each, so that it stays mended.

use bitcoin::Network;
use rust_decimal::Decimal;
use tollway::domain::access::User;
use tollway::domain::ids::{StoreId, UserId};
use tollway::domain::money::{Currency, Msat, Sat};
use tollway::domain::payout::{FeeWish, Origin, Payout, Stage};
use tollway::domain::receipt::Rail;
use tollway::domain::store::Settings;
use tollway::ports::lightning::NodeEvent;
use tollway::service::books::allowance;
use tollway::service::claim::Claim;
use tollway::service::invoice::NewInvoice;
use tollway::service::payout::StorePayout;
use tollway::service::withdraw::{Accepted, WithdrawRefusal};
use tollway::store;

use crate::support::World;

fn store_payout(destination: String, rail: Rail, sat: u64) -> StorePayout {
    StorePayout {
        pull_payment: None,
        destination,
        rail,
        amount: Some(Sat(sat).to_btc()),
        approved: true,
        fees: FeeWish::default(),
        metadata: "{}".to_owned(),
    }
}

/// The store of an account that does not run the server.
async fn guest_store(world: &World) -> StoreId {
    let guest = User {
        id: UserId([7; 16]),
        email: "guest@example.com".to_owned(),
        name: None,
        password_hash: String::new(),
        is_admin: false,
        created: world.clock_now(),
        has_had_key: false,
        image_url: None,
        invitation: None,
    };
    let (name, kept) = ("Guest".to_owned(), "{}".to_owned());
    let made = world
        .gateway
        .create_store(&guest, name, Settings::default(), kept)
        .await;
    made.expect("a store").id
}

#[tokio::test]
async fn a_guests_store_spends_nothing_of_the_nodes() {
    let world = World::new().await;
    let guest = guest_store(&world).await;
    let made = world
        .gateway
        .create_pull_payment(guest, World::new_pull_payment(1_000))
        .await;
    assert_eq!(made.expect("both rails").rails, Rail::ALL);
    let (pr, hash) = world.customer_invoice(1_000);
    let made = world
        .gateway
        .create_payout(guest, store_payout(pr, Rail::Lightning, 1_000))
        .await;
    let id = made.expect("a payout").id;
    (world.gateway.pay_payout(guest, id).await).expect("to be paid");
    world.run_payouts().await;
    let waits = world.see_payout(id).await;
    assert_eq!(waits.stage, Stage::AwaitingPayment);
    let why = "This store's Lightning balance doesn't cover this yet.";
    assert_eq!(waits.waiting_for.as_deref(), Some(why));
    assert!(world.lightning.pays().is_empty());
    // Its own money it may spend, the fee included, and no more than once.
    earns(&world, guest, Sat(1_010).to_msat()).await;
    world.clock.advance_secs(31);
    world.run_payouts().await;
    assert_eq!(world.lightning.departed(), [hash]);
    let (pr, _) = world.customer_invoice(1);
    let made = world
        .gateway
        .create_payout(guest, store_payout(pr, Rail::Lightning, 1))
        .await;
    let second = made.expect("a payout").id;
    (world.gateway.pay_payout(guest, second).await).expect("to be paid");
    world.run_payouts().await;
    let waits = world.see_payout(second).await;
    assert_eq!(waits.waiting_for.as_deref(), Some(why));
    world.check().await;
    // What the first did not spend on fees is free again.
    let preimage = world.customer.preimage(hash).expect("its own");
    world.lightning.succeeds(hash, preimage, Msat(1));
    world.take_events().await;
    world.check().await;
    let left = move |rows: &store::Snapshot| allowance::of(rows, guest);
    assert_eq!(world.gateway.store.glance(left), Some(Msat(9_999)));
}

/// Somebody pays an invoice of this store over Lightning.
async fn earns(world: &World, shop: StoreId, amount: Msat) {
    let new = NewInvoice {
        amount: Some(amount.to_btc()),
        currency: Some(Currency::BTC),
        ..NewInvoice::default()
    };
    let invoice = world.gateway.create_invoice(shop, new).await;
    let prompt = invoice.expect("an invoice").lightning.remove(0);
    world.receive(prompt.hash, amount).await;
}

#[tokio::test]
async fn a_strangers_link_tells_little_of_what_is_behind_it() {
    let world = World::new().await;
    let guest = guest_store(&world).await;
    let new = World::new_pull_payment(1_000_000);
    let link = world.gateway.create_pull_payment(guest, new).await;
    let link = link.expect("a link").id;
    let most = async || {
        world
            .gateway
            .withdraw_offer(link)
            .await
            .map(|offer| offer.max)
    };
    let nothing = most().await;
    assert_eq!(nothing, Err(WithdrawRefusal::NotNow), "P11");
    // The store's own money bounds it, then what the node can send; neither is told exactly.
    earns(&world, guest, Sat(54_321).to_msat()).await;
    assert_eq!(most().await, Ok(Sat(50_000)), "P11");
    world.lightning.set_sendable(Sat(4_999).to_msat());
    assert_eq!(most().await, Ok(Sat(4_000)));
}

#[tokio::test]
async fn the_owners_store_leaves_what_guests_are_owed() {
    let world = World::new().await;
    let guest = guest_store(&world).await;
    earns(&world, guest, Sat(5_000).to_msat()).await;
    earns(&world, world.shop, Sat(1_000).to_msat()).await;
    let paid = |sat| {
        let (pr, _) = world.customer_invoice(sat);
        let payout = store_payout(pr, Rail::Lightning, sat);
        async {
            let made = world.gateway.create_payout(world.shop, payout).await;
            let id = made.expect("a payout").id;
            (world.gateway.pay_payout(world.shop, id).await).expect("to be paid");
            world.run_payouts().await;
            world.see_payout(id).await
        }
    };
    let waits = paid(1_000).await.waiting_for.expect("a reason");
    assert_eq!(
        waits,
        "This store's Lightning balance doesn't cover this yet."
    );
    assert_eq!(paid(900).await.stage, Stage::InProgress);
    assert!(paid(900).await.waiting_for.is_some());
    world.check().await;
}

#[tokio::test]
async fn what_the_owners_store_gives_a_guest_inside_is_covered_by_the_node() {
    let world = World::new().await;
    let guest = guest_store(&world).await;
    let new = NewInvoice {
        amount: Some(Decimal::from(2_000)),
        currency: Some(Currency::SATS),
        ..NewInvoice::default()
    };
    let invoice = world.gateway.create_invoice(guest, new).await;
    let bolt11 = invoice.expect("an invoice").lightning.remove(0).bolt11;
    let payout = store_payout(bolt11, Rail::Lightning, 2_000);
    let made = world.gateway.create_payout(world.shop, payout).await;
    let id = made.expect("a payout").id;
    (world.gateway.pay_payout(world.shop, id).await).expect("to be paid");
    world.run_payouts().await;
    // P11: nobody has brought the node anything that it could owe the guest.
    let waits = world.see_payout(id).await;
    assert_eq!(waits.stage, Stage::AwaitingPayment);
    assert!(waits.waiting_for.is_some());
    earns(&world, world.shop, Sat(2_000).to_msat()).await;
    world.clock.advance_secs(60);
    world.run_payouts().await;
    let paid = world.see_payout(id).await;
    assert!(matches!(paid.stage, Stage::Completed { .. }), "{paid:?}");
    world.check().await;
}

#[tokio::test]
async fn guests_leave_places_for_others() {
    let world = World::new().await;
    let guest = guest_store(&world).await;
    earns(&world, guest, Sat(10_000).to_msat()).await;
    let mut made = 0;
    while made < 30 {
        let (pr, _) = world.customer_invoice(1);
        let payout = store_payout(pr, Rail::Lightning, 1);
        let payout = world.gateway.create_payout(guest, payout).await;
        let id = payout.expect("a payout").id;
        (world.gateway.pay_payout(guest, id).await).expect("to be paid");
        made += 1;
    }
    world.run_payouts().await;
    assert_eq!(world.lightning.departed().len(), 10, "half the places");
    let (pr, hash) = world.customer_invoice(5);
    let payout = store_payout(pr, Rail::Lightning, 5);
    let payout = world.gateway.create_payout(world.shop, payout).await;
    let id = payout.expect("a payout").id;
    (world.gateway.pay_payout(world.shop, id).await).expect("to be paid");
    earns(&world, world.shop, Sat(1_000).to_msat()).await;
    world.run_payouts().await;
    assert!(world.lightning.departed().contains(&hash));
    world.check().await;
}

#[tokio::test]
async fn a_guests_row_from_before_is_not_paid_either() {
    let world = World::new().await;
    let guest = guest_store(&world).await;
    let (pr, _) = world.customer_invoice(1_000);
    let payout = world
        .gateway
        .create_payout(world.shop, store_payout(pr, Rail::Lightning, 1_000))
        .await
        .expect("a payout");
    // The same row, as an earlier version might have left it for the guest.
    let (shop, id) = (world.shop, payout.id);
    world
        .job(move |tx| {
            let mut shop_row = store::settings::get(tx, shop).expect("the shop");
            shop_row.draws_on_node = false;
            store::settings::put(tx, &shop_row);
        })
        .await;
    world.gateway.pay_payout(shop, id).await.expect("waits");
    world.open_gate().await;
    world.run_payouts().await;
    assert_eq!(world.see_payout(id).await.stage, Stage::AwaitingPayment);
    assert!(world.lightning.pays().is_empty(), "{guest} and all guests");
}

#[tokio::test]
async fn a_repeat_reports_and_cancels_nothing() {
    let world = World::new().await;
    world.open_gate().await;
    let mut link = World::new_pull_payment(10_000);
    link.bolt11_days = 0;
    let link = world.pull_payment_as(link).await;
    let (pr, _) = world.customer_invoice(1_000);
    let claim = Claim::of_receiver(pr.clone(), Rail::Lightning, None);
    let k1 = hex::encode(link.k1);
    // Claimed at the API's door: the LNURL door must not touch it.
    let claimed = world.gateway.claim(link.id, claim).await.expect("a claim");
    let repeat = world.clock.hurry(world.gateway.withdraw(link.id, &k1, &pr));
    assert!(repeat.await.is_err());
    assert_eq!(claimed.origin, Origin::PullPayment(link.id));
    assert!(world.see_payout(claimed.id).await.is_open());
    // Withdrawn, answered, then refused by the node once: a repeat leaves it to be tried again.
    let (pr, _) = world.customer_invoice(2_000);
    let yes = world.clock.hurry(world.gateway.withdraw(link.id, &k1, &pr));
    assert_eq!(yes.await, Ok(Accepted::Sent));
    world.lightning.decline_pay("no route");
    world.run_payouts().await;
    let repeat = world.clock.hurry(world.gateway.withdraw(link.id, &k1, &pr));
    assert_eq!(repeat.await, Ok(Accepted::Sent));
    let open: Vec<Payout> = world.payouts().await;
    assert!(open.iter().all(Payout::is_open), "{open:?}");
    world.check().await;
}

#[tokio::test]
async fn a_busy_queue_does_not_keep_the_gate_shut() {
    let world = World::new().await;
    let (pr, hash) = world.customer_invoice(5_000);
    let made = world
        .gateway
        .create_payout(world.shop, store_payout(pr, Rail::Lightning, 5_000))
        .await;
    let id = made.expect("a payout").id;
    world
        .gateway
        .pay_payout(world.shop, id)
        .await
        .expect("waits");
    for _ in 0..40 {
        let what = "a payment was forwarded".to_owned();
        world.lightning.emit(NodeEvent::Other { what });
        world.take_events().await;
        world.clock.advance_secs(1);
        world.run_payouts().await;
    }
    assert_eq!(world.lightning.departed(), [hash]);
}

#[tokio::test]
async fn a_payout_on_the_chain_waits_until_its_fee_is_below_its_cap() {
    let world = World::new().await;
    let invoice = world.invoice(1_000_000).await;
    let till = invoice.onchain.expect("an address").script;
    world.chain.pay(&till, Sat(1_000_000));
    world.mine(1).await;
    world.chain.set_fee_rate(500_000);
    let address = bitcoin::Address::from_script(
        &bitcoin::ScriptBuf::new_p2wpkh(&bitcoin::WPubkeyHash::from_raw_hash(
            bitcoin::hashes::Hash::hash(b"somebody"),
        )),
        Network::Regtest,
    )
    .expect("an address");
    let payout = store_payout(address.to_string(), Rail::Onchain, 20_000);
    let made = world.gateway.create_payout(world.shop, payout).await;
    let id = made.expect("a payout").id;
    world
        .gateway
        .pay_payout(world.shop, id)
        .await
        .expect("waits");
    world.run_payouts().await;
    let waits = world.see_payout(id).await;
    assert_eq!(waits.stage, Stage::AwaitingPayment);
    assert!(waits.waiting_for.expect("a reason").contains("cost"));
    assert!(world.chain.broadcasts().is_empty());
    // The coins are free again: at an ordinary fee the same payout goes out.
    world.chain.set_fee_rate(1_000);
    world.clock.advance_secs(301);
    world.run_payouts().await;
    assert_eq!(world.see_payout(id).await.stage, Stage::InProgress);
    assert_eq!(world.chain.broadcasts().len(), 1);
}

#[tokio::test]
async fn a_row_of_many_attempts_stays_small() {
    let world = World::new().await;
    world.open_gate().await;
    let (pr, _) = world.customer_invoice(1_000);
    let made = world
        .gateway
        .create_payout(world.shop, store_payout(pr, Rail::Lightning, 1_000))
        .await;
    let id = made.expect("a payout").id;
    world
        .gateway
        .pay_payout(world.shop, id)
        .await
        .expect("waits");
    for _ in 0..15 {
        world.lightning.decline_pay("no route");
        world.run_payouts().await;
        world.clock.advance_secs(301);
    }
    let payout = world.see_payout(id).await;
    assert_eq!(payout.attempts.len(), 10);
    assert!(payout.attempts.last().expect("tried").number >= 12);
    assert_eq!(payout.amount, Msat(1_000_000));
}
