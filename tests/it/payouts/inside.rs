//! P7 not to ourselves: a payout to an invoice of this server is settled in the books, and nothing is sent.

use tollway::domain::invoice::Status;
use tollway::domain::money::{Msat, Parts, Sat};
use tollway::domain::payout::{Plan, Proof, Stage};
use tollway::domain::receipt::{Rail, ReceiptKey};
use tollway::ports::lightning::InvoiceDescription;
use tollway::service::destination::DestinationRefusal;
use tollway::service::inside::OwnRefusal;
use tollway::service::payout::{PayoutRefusal, StorePayout};
use tollway::service::withdraw::{Accepted, WithdrawRefusal};

use super::to_be_paid;
use crate::support::World;

fn payout(destination: &str, sat: Option<u64>) -> StorePayout {
    StorePayout {
        pull_payment: None,
        destination: destination.to_owned(),
        rail: Rail::Lightning,
        amount: sat.map(|sat| Sat(sat).to_btc()),
        approved: true,
        fees: tollway::domain::payout::FeeWish::default(),
        metadata: "{}".to_owned(),
    }
}

#[tokio::test]
async fn a_payout_and_its_own_invoice_settle_in_one_commit() {
    let world = World::new().await;
    let invoice = world.invoice(5_000).await;
    let shown = invoice.lightning[0].clone();
    let id = to_be_paid(&world, &shown.bolt11, Rail::Lightning, 5_000).await;
    // Neither the node nor its channels are needed.
    world.lightning.set_sendable(Msat::ZERO);
    world.run_payouts().await;
    let paid = world.see_payout(id).await;
    let hash = shown.hash;
    match paid.stage {
        Stage::Completed { proof, fee, .. } => {
            let preimage = Some(shown.preimage);
            assert_eq!(proof, Proof::Lightning { hash, preimage });
            assert_eq!(fee, Msat::ZERO);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(paid.attempts[0].plan, Plan::Inside { hash });
    let settled = world.see_invoice(invoice.id).await;
    assert_eq!(settled.status, Status::Settled);
    assert_eq!(settled.receipts[0].key, ReceiptKey::Inside(id));
    assert_eq!(world.lightning.pays(), []);
    // P3 one hash, one payout.
    let again = world
        .gateway
        .create_payout(world.shop, payout(&shown.bolt11, None))
        .await;
    let paid_already = DestinationRefusal::OwnInvoice(OwnRefusal::Paid);
    assert_eq!(again, Err(PayoutRefusal::Destination(paid_already)));
    // A payment over the network comes all the same: it counts as surplus.
    world.receive(hash, Sat(5_000).to_msat()).await;
    let surplus = world.see_invoice(invoice.id).await;
    assert_eq!(surplus.receipts.len(), 2);
    assert_eq!(surplus.surplus(), Sat(5_000));
    world.check().await;
}

#[tokio::test]
async fn a_link_pays_an_invoice_of_its_own_server() {
    let world = World::new().await;
    let link = world.pull_payment(10_000).await;
    let invoice = world.invoice(4_000).await;
    let pr = invoice.lightning[0].bolt11.clone();
    let k1 = hex::encode(link.k1);
    let drawing = world.gateway.withdraw(link.id, &k1, &pr);
    let (drawn, ()) = tokio::join!(drawing, async {
        // The wallet waits until the payer has done it.
        while world.payouts().await.is_empty() {
            tokio::task::yield_now().await;
        }
        world.run_payouts().await;
    });
    assert_eq!(drawn, Ok(Accepted::Sent));
    let budget = world.see_pull_payment(link.id).await.budget;
    assert_eq!((budget.reserved, budget.spent), (Parts(0), Parts(4_000)));
    let settled = world.see_invoice(invoice.id).await.status;
    assert_eq!(settled, Status::Settled);
    assert_eq!(world.lightning.pays(), []);
    world.check().await;
}

#[tokio::test]
async fn an_invoice_of_the_api_is_paid_once_from_inside_and_what_comes_later_counts() {
    let world = World::new().await;
    let text = InvoiceDescription::Text("tea".to_owned());
    let made = world
        .gateway
        .create_api_invoice(world.shop, None, text, 3_600)
        .await
        .expect("made");
    let id = to_be_paid(&world, &made.bolt11, Rail::Lightning, 2_000).await;
    world.run_payouts().await;
    let paid = world.see_payout(id).await;
    assert!(matches!(paid.stage, Stage::Completed { .. }), "{paid:?}");
    let (shop, hash) = (world.shop, made.hash);
    let came = || {
        let store = &world.gateway.store;
        store.read(move |rows| tollway::store::node::api_invoice(rows, shop, hash))
    };
    let inside = came().await.expect("it exists").paid.expect("paid");
    assert_eq!(inside.amount, Sat(2_000).to_msat());
    world.receive(hash, Sat(300).to_msat()).await;
    let both = came().await.expect("it exists").paid.expect("paid");
    assert_eq!(both.amount, Sat(2_300).to_msat());
    world.check().await;
}

#[tokio::test]
async fn what_can_t_be_settled_with_is_refused_with_its_reason() {
    let world = World::new().await;
    let link = world.pull_payment(10_000).await;
    let k1 = hex::encode(link.k1);
    let paid = world.invoice(1_000).await;
    world
        .receive(paid.lightning[0].hash, Sat(1_000).to_msat())
        .await;
    let (unknown, _) = world.lightning.sign_own(&world.wish(1_000));
    let open = world.invoice(1_000).await;
    let forged = world
        .customer
        .invoice_over(&world.wish(1_000), open.lightning[0].preimage);
    for (pr, why) in [
        (paid.lightning[0].bolt11.clone(), OwnRefusal::Paid),
        (unknown, OwnRefusal::Unknown),
        (forged, OwnRefusal::Unknown),
    ] {
        let made = world
            .gateway
            .create_payout(world.shop, payout(&pr, Some(1_000)))
            .await;
        let expected = DestinationRefusal::OwnInvoice(why);
        assert_eq!(made, Err(PayoutRefusal::Destination(expected)), "{why:?}");
        let drawn = world.gateway.withdraw(link.id, &k1, &pr).await;
        assert_eq!(drawn, Err(WithdrawRefusal::Own(why)));
    }
    let budget = world.see_pull_payment(link.id).await.budget;
    assert_eq!((budget.reserved, budget.spent), (Parts(0), Parts(0)));
    assert_eq!(world.payouts().await, []);
}

#[tokio::test]
async fn an_own_invoice_that_is_paid_meanwhile_gives_the_payout_up() {
    let world = World::new().await;
    let invoice = world.invoice(5_000).await;
    let shown = invoice.lightning[0].clone();
    let id = to_be_paid(&world, &shown.bolt11, Rail::Lightning, 5_000).await;
    world.receive(shown.hash, Sat(5_000).to_msat()).await;
    world.run_payouts().await;
    let why = "This invoice has been paid already.".to_owned();
    assert_eq!(world.see_payout(id).await.stage, Stage::Cancelled { why });
    assert_eq!(world.see_invoice(invoice.id).await.receipts.len(), 1);
    world.check().await;
}
