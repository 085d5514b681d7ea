//! Money that fits no invoice, and money for invoices of the Lightning API.

use tollway::domain::ids::{PaymentHash, StoreId};
use tollway::domain::money::{Msat, Sat};
use tollway::domain::receipt::ReceiptKey;
use tollway::ports::lightning::InvoiceDescription;
use tollway::store::{self, journal};

use crate::golden::label;
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
