//! One transaction and several invoices.

use bitcoin::{Amount, TxOut};
use tollway::domain::invoice::Status;
use tollway::domain::money::Sat;

use crate::support::World;

#[tokio::test]
async fn one_transaction_pays_two_invoices_and_one_of_them_twice() {
    let world = World::new().await;
    let one = world.invoice(10_000).await;
    let other = world.invoice(20_000).await;
    let script = |invoice: &tollway::domain::invoice::Invoice| {
        invoice.onchain.clone().expect("an address").script
    };
    let mut tx = world.chain.payment(&script(&one), Sat(10_000), false);
    for sat in [15_000, 5_000] {
        tx.output.push(TxOut {
            value: Amount::from_sat(sat),
            script_pubkey: script(&other),
        });
    }
    world.chain.send(&tx);
    world.turn().await;
    for (id, receipts) in [(one.id, 1), (other.id, 2)] {
        let seen = world.see_invoice(id).await;
        assert_eq!(seen.status, Status::Processing);
        assert_eq!(seen.receipts.len(), receipts);
        assert_eq!(seen.paid(), seen.due.to_msat());
    }
    world.mine(1).await;
    let world = world.restart();
    world.open_gate().await;
    world.chain.reorg(1);
    world.look().await;
    world.mine(1).await;
    for id in [one.id, other.id] {
        assert_eq!(world.see_invoice(id).await.status, Status::Settled);
    }
    world.check().await;
}

#[tokio::test]
async fn a_payment_that_is_replaced_may_move_to_another_invoice() {
    let world = World::new().await;
    let one = world.invoice(10_000).await;
    let other = world.invoice(10_000).await;
    let to = one.onchain.clone().expect("an address").script;
    let tx = world.chain.payment(&to, Sat(10_000), true);
    world.chain.send(&tx);
    world.turn().await;
    assert_eq!(world.see_invoice(one.id).await.status, Status::Processing);
    let moved = super::same_coins(&tx, &other.onchain.expect("an address").script, 10_000);
    world.chain.send(&moved);
    world.turn().await;
    world.mine(1).await;
    let (one, other) = (
        world.see_invoice(one.id).await,
        world.see_invoice(other.id).await,
    );
    assert_eq!((one.status, one.paid()), (Status::New, Sat(0).to_msat()));
    assert_eq!(
        (other.status, other.paid()),
        (Status::Settled, Sat(10_000).to_msat())
    );
    world.check().await;
}
