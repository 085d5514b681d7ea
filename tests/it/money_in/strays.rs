//! Money that fits no invoice, and money for invoices of the Lightning API.

use bitcoin::{OutPoint, Transaction};
use tollway::domain::ids::{InvoiceId, PaymentHash, StoreId};
use tollway::domain::invoice::{Invoice, Status};
use tollway::domain::money::{Msat, Sat};
use tollway::domain::receipt::{Rail, ReceiptKey};
use tollway::domain::store::Settings;
use tollway::ports::lightning::InvoiceDescription;
use tollway::service::stray::{Assign, AssignRefusal};
use tollway::store::{self, journal};

use crate::golden::label;
use crate::payouts::to_be_paid;
use crate::support::World;

async fn strays(world: &World, shop: StoreId) -> Vec<(ReceiptKey, Msat)> {
    let all = world
        .gateway
        .store
        .read(move |rows| store::receipt::strays(rows, shop))
        .await;
    all.into_iter().map(|one| (one.key, one.amount)).collect()
}

async fn strays_told(world: &World, shop: StoreId) -> usize {
    let store = &world.gateway.store;
    let told = store
        .read(move |rows| journal::after(rows, shop, 0, 100))
        .await;
    let strays = told
        .iter()
        .filter(|entry| label(&entry.fact) == "stray_received");
    strays.count()
}

#[tokio::test]
async fn a_payment_of_an_unknown_hash_is_kept_once_and_blocks_nothing() {
    let world = World::new().await;
    let invoice = world.invoice(1_000).await;
    let hash = PaymentHash([9; 32]);
    world.lightning.receives(hash, Msat(5));
    world.lightning.receives(hash, Msat(5));
    world
        .receive(invoice.lightning[0].hash, Msat(1_000_000))
        .await;
    let kept = strays(&world, StoreId::HOUSE).await;
    assert_eq!(kept, [(ReceiptKey::Lightning(hash), Msat(5))]);
    assert_eq!(world.see_invoice(invoice.id).await.paid(), Msat(1_000_000));
    assert_eq!(world.lightning.handled(), 3);
    assert_eq!(strays_told(&world, StoreId::HOUSE).await, 1);
}

#[tokio::test]
async fn a_coin_on_an_address_of_no_invoice_is_kept_once() {
    let world = World::new().await;
    let shop = world.shop;
    let place = world
        .job(move |tx| {
            let till = tx.tills().hot(shop).expect("a till");
            tx.tills_mut().reveal(till).expect("an address")
        })
        .await;
    world.chain.pay(&place.script, Sat(7_000));
    for _ in 0..3 {
        world.mine(1).await;
    }
    let kept = strays(&world, shop).await;
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].1, Msat(7_000_000));
    assert_eq!(strays_told(&world, shop).await, 1);
}

#[tokio::test]
async fn an_invoice_of_the_api_is_paid_once() {
    let world = World::new().await;
    let shop = world.shop;
    let made = world
        .gateway
        .create_api_invoice(
            shop,
            Some(Msat(3_000)),
            InvoiceDescription::Text("api".to_owned()),
            60,
        )
        .await
        .expect("an invoice");
    world.lightning.receives(made.hash, Msat(3_000));
    world.receive(made.hash, Msat(3_000)).await;
    let (hash, store) = (made.hash, world.gateway.store.clone());
    let kept = store
        .read(move |rows| store::node::api_invoice(rows, shop, hash))
        .await
        .expect("it is kept");
    assert_eq!(kept.paid.map(|paid| paid.amount), Some(Msat(3_000)));
    let told = store
        .read(move |rows| journal::of_object(rows, shop, hash.as_bytes()))
        .await;
    assert_eq!(told.len(), 1);
    assert_eq!(strays(&world, StoreId::HOUSE).await, []);
}

/// What a person says: this stray of `from` is meant for an invoice of the world's shop.
async fn assign(
    world: &World,
    from: StoreId,
    receipt: ReceiptKey,
    invoice: &Invoice,
) -> Result<Invoice, AssignRefusal> {
    let word = Assign {
        from,
        receipt,
        store: world.shop,
        invoice: invoice.id,
        by: world.user,
    };
    world.gateway.assign_stray(word).await
}

#[tokio::test]
async fn a_lightning_stray_goes_to_an_invoice_once() {
    let world = World::new().await;
    let (hash, amount) = (PaymentHash([9; 32]), Msat(1_000_000));
    let key = ReceiptKey::Lightning(hash);
    world.receive(hash, amount).await;
    let invoice = world.invoice(1_000).await;
    world.clock.advance_secs(900);
    world.turn().await;
    let after = assign(&world, StoreId::HOUSE, key, &invoice).await;
    let after = after.expect("assigned");
    assert_eq!((after.status, after.paid_late), (Status::Expired, true));
    let again = assign(&world, StoreId::HOUSE, key, &invoice).await;
    assert_eq!(again, Err(AssignRefusal::AlreadyAssigned(invoice.id)));
    // The node tells of it again, after a restart too.
    let world = world.restart();
    world.open_gate().await;
    world.receive(hash, amount).await;
    assert_eq!(world.see_invoice(invoice.id).await.paid(), amount);
    assert_eq!(strays_told(&world, StoreId::HOUSE).await, 1);
    let (shop, id) = (world.shop, invoice.id);
    let store = &world.gateway.store;
    let told = store
        .read(move |rows| {
            let mut told = journal::of_object(rows, StoreId::HOUSE, id.as_bytes());
            told.extend(journal::of_object(rows, shop, id.as_bytes()));
            told
        })
        .await;
    let labels: Vec<&str> = told.iter().map(|entry| label(&entry.fact)).collect();
    let expected = [
        "stray_assigned",
        "invoice_created",
        "invoice_expired",
        "invoice_payment_settled",
        "invoice_received_payment",
        "invoice_paid_after_expiration",
    ];
    assert_eq!(labels, expected);
    world.check().await;
}

/// A coin on an address of the shop's wallet that no invoice shows.
async fn stray_coin(world: &World, sat: u64) -> (ReceiptKey, Transaction) {
    let shop = world.shop;
    let place = world
        .job(move |tx| {
            let till = tx.tills().hot(shop).expect("a till");
            tx.tills_mut().reveal(till).expect("an address")
        })
        .await;
    let tx = world.chain.pay(&place.script, Sat(sat));
    world.look().await;
    let key = ReceiptKey::Onchain(OutPoint::new(tx.compute_txid(), 0));
    (key, tx)
}

#[tokio::test]
async fn a_stray_coin_is_followed_for_the_invoice_that_has_it() {
    let world = World::new().await;
    let (key, tx) = stray_coin(&world, 7_000).await;
    let invoice = world.invoice(7_000).await;
    let after = assign(&world, world.shop, key, &invoice).await;
    assert_eq!(after.expect("assigned").status, Status::Processing);
    world.mine(1).await;
    let settled = world.see_invoice(invoice.id).await;
    assert_eq!(settled.status, Status::Settled);
    assert!(settled.receipts[0].destination.starts_with("bcrt1"));

    // Its own address is looked at, too: that says nothing about the adopted coin.
    let own = invoice.onchain.clone().expect("an address").script;
    world.chain.pay(&own, Sat(500));
    world.look().await;
    let both = world.see_invoice(invoice.id).await;
    assert_eq!(both.paid(), Sat(7_500).to_msat());

    let world = world.restart();
    world.open_gate().await;
    world.chain.reorg(1);
    world.look().await;
    let seen = world.see_invoice(invoice.id).await;
    assert_eq!(seen.status, Status::Processing, "reorganised");
    world.chain.mine_only(&[super::elsewhere(&tx)]);
    world.look().await;
    let seen = world.see_invoice(invoice.id).await;
    assert_eq!(seen.paid(), Sat(500).to_msat(), "double-spent");
    world.check().await;
}

#[tokio::test]
async fn a_stray_is_not_assigned_without_reason() {
    let world = World::new().await;
    let (key, tx) = stray_coin(&world, 7_000).await;
    let invoice = world.invoice(7_000).await;
    let unknown = ReceiptKey::Lightning(PaymentHash([8; 32]));
    let owner = (world.gateway.store)
        .read({
            let user = world.user;
            move |rows| store::access::user(rows, user)
        })
        .await
        .expect("an owner");
    let other = world
        .gateway
        .create_store(
            &owner,
            "Other".to_owned(),
            Settings::default(),
            "{}".to_owned(),
        )
        .await
        .expect("a store");
    let word = Assign {
        from: world.shop,
        receipt: key,
        store: world.shop,
        invoice: invoice.id,
        by: world.user,
    };
    let rows = [
        (
            Assign {
                receipt: unknown,
                ..word
            },
            AssignRefusal::UnknownStray,
        ),
        // Of another store it is not a stray at all.
        (
            Assign {
                from: other.id,
                ..word
            },
            AssignRefusal::UnknownStray,
        ),
        (
            Assign {
                invoice: InvoiceId([7; 16]),
                ..word
            },
            AssignRefusal::UnknownInvoice,
        ),
        (
            Assign {
                store: other.id,
                ..word
            },
            AssignRefusal::OtherStore,
        ),
    ];
    let facts = || journal::last_sequence(&world.gateway.store.snapshot());
    let before = facts();
    for (word, refusal) in rows {
        assert_eq!(world.gateway.assign_stray(word).await, Err(refusal));
    }
    assert_eq!(facts(), before);
    world.chain.send(&super::elsewhere(&tx));
    world.look().await;
    let gone = world.gateway.assign_stray(word).await;
    assert_eq!(gone, Err(AssignRefusal::Lost));
    assert_eq!(world.see_invoice(invoice.id).await.paid(), Sat(0).to_msat());
}

#[tokio::test]
async fn an_address_ahead_of_all_that_were_handed_out_is_never_given_to_an_invoice_afterwards() {
    let world = World::new().await;
    let first = world.invoice(1_000).await.onchain.expect("an address");
    let ahead = world
        .job(move |tx| tx.tills().address(first.till, first.index + 3))
        .await
        .expect("a till");
    world.chain.pay(&ahead.script, Sat(7_000));
    world.mine(1).await;
    assert_eq!(strays(&world, world.shop).await.len(), 1);
    for _ in 0..5 {
        let made = world.invoice(1_000).await;
        assert_ne!(made.onchain.expect("an address").index, ahead.index, "P12");
        assert_eq!(made.receipts, []);
    }
    world.mine(1).await;
    assert_eq!(strays_told(&world, world.shop).await, 1);
}

/// What was told of strays of the shop, in order.
async fn told_of_strays(world: &World) -> Vec<&'static str> {
    let shop = world.shop;
    let told = (world.gateway.store)
        .read(move |rows| journal::after(rows, shop, 0, 100))
        .await;
    let labels = told.iter().map(|entry| label(&entry.fact));
    labels.filter(|label| label.starts_with("stray_")).collect()
}

#[tokio::test]
async fn a_stray_coin_is_followed_while_it_is_nobodys() {
    let world = World::new().await;
    let (key, tx) = stray_coin(&world, 7_000).await;
    world.mine(1).await;
    world.chain.reorg(1);
    world.look().await;
    assert_eq!(told_of_strays(&world).await, ["stray_received"]);
    world.chain.evict(tx.compute_txid());
    world.look().await;
    let world = world.restart();
    world.open_gate().await;
    let told = ["stray_received", "stray_lost", "stray_returned"];
    assert_eq!(told_of_strays(&world).await, told[..2]);
    let invoice = world.invoice(7_000).await;
    let refused = assign(&world, world.shop, key, &invoice).await;
    assert_eq!(refused, Err(AssignRefusal::Lost));
    world.chain.send(&tx);
    world.mine(1).await;
    world.mine(3).await;
    assert_eq!(told_of_strays(&world).await, told);
    let after = assign(&world, world.shop, key, &invoice).await;
    assert_eq!(after.expect("assigned").status, Status::Settled);
    world.check().await;
}

#[tokio::test]
async fn a_strangers_coin_on_a_change_address_is_a_stray_and_our_own_change_is_none() {
    let world = World::new().await;
    let fund = world.invoice(100_000).await.onchain.expect("an address");
    world.chain.pay(&fund.script, Sat(100_000));
    world.mine(1).await;
    let to = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";
    to_be_paid(&world, to, Rail::Onchain, 10_000).await;
    world.run_payouts().await;
    let ours = world.chain.broadcasts().pop().expect("it went out");
    world.mine(1).await;
    assert_eq!(strays(&world, world.shop).await, []);
    // The change is in the chain for all to see.
    let change = (ours.output.iter())
        .find(|output| output.value.to_sat() != 10_000)
        .expect("change");
    let gift = world.chain.pay(&change.script_pubkey, Sat(3_000));
    world.look().await;
    let key = ReceiptKey::Onchain(OutPoint::new(gift.compute_txid(), 0));
    assert_eq!(strays(&world, world.shop).await, [(key, Msat(3_000_000))]);

    let world = world.restart();
    world.open_gate().await;
    world.chain.evict(gift.compute_txid());
    world.look().await;
    world.chain.send(&gift);
    world.mine(2).await;
    let told = ["stray_received", "stray_lost", "stray_returned"];
    assert_eq!(told_of_strays(&world).await, told);
    let invoice = world.invoice(3_000).await;
    let after = assign(&world, world.shop, key, &invoice).await;
    assert_eq!(after.expect("assigned").status, Status::Settled);
    world.chain.reorg(2);
    world.look().await;
    let seen = world.see_invoice(invoice.id).await;
    assert_eq!(seen.status, Status::Processing);
    world.check().await;
}
