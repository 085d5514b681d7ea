//! Money in.

use tollway::domain::invoice::Status;

use crate::support::World;

#[tokio::test]
async fn smoke() {
    let world = World::new().await;
    let invoice = world.invoice(21_000).await;
    world
        .receive(invoice.lightning[0].hash, invoice.due.to_msat())
        .await;
    let world = world.restart();
    assert_eq!(world.see_invoice(invoice.id).await.status, Status::Settled);
    world.check().await;
}
