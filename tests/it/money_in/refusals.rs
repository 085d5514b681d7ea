//! Invoices that are not made, and halves that are left out.

use rust_decimal::Decimal;
use tollway::domain::ids::StoreId;
use tollway::domain::invoice::Status;
use tollway::domain::money::{Currency, Msat, Sat};
use tollway::domain::receipt::Rail;
use tollway::ports::lightning::{NodeError, NodeState};
use tollway::service::invoice::{InvoiceRefusal, NewInvoice};
use tollway::store::journal;

use crate::support::World;

fn asking(amount: &str, currency: &str) -> NewInvoice {
    NewInvoice {
        amount: Some(amount.parse().expect("a decimal")),
        currency: Some(currency.parse().expect("a currency")),
        ..NewInvoice::default()
    }
}

#[tokio::test]
async fn what_is_refused_changes_nothing() {
    let usual = || asking("1000", "SATS");
    let tolerance = |percent: i64| NewInvoice {
        tolerance_percent: Some(Decimal::from(percent)),
        ..usual()
    };
    let rows = [
        ("negative", asking("-1", "SATS"), "can't be negative"),
        (
            "rounds to nothing",
            asking("0.4", "SATS"),
            "rounds to nothing",
        ),
        ("sub-sat", asking("0.000000001", "BTC"), "rounds to nothing"),
        (
            "rounds to no cent",
            asking("0.001", "USD"),
            "rounds to nothing",
        ),
        (
            "absurd",
            asking("21000000.1", "BTC"),
            "more than all bitcoin",
        ),
        (
            "overflow",
            asking("79228162514264337593543950335", "SATS"),
            "more than all bitcoin",
        ),
        ("no rate", asking("1", "EUR"), "no rate for EUR"),
        (
            "too short",
            NewInvoice {
                expiration_secs: Some(29),
                ..usual()
            },
            "at least 30 seconds",
        ),
        (
            "tolerance too large",
            tolerance(101),
            "percentage from 0 to 100",
        ),
        (
            "tolerance negative",
            tolerance(-1),
            "percentage from 0 to 100",
        ),
        (
            "dust on the chain alone",
            NewInvoice {
                rails: Some(vec![Rail::Onchain]),
                ..asking("293", "SATS")
            },
            "too small for the chain",
        ),
    ];
    let world = World::new().await;
    world.rates.set(Currency::USD, Decimal::from(50_000));
    let facts = |world: &World| journal::last_sequence(&world.gateway.store.snapshot());
    let before = facts(&world);
    for (name, new, said) in rows {
        let refused = world.gateway.create_invoice(world.shop, new).await;
        let refused = refused.expect_err(name).to_string();
        assert!(refused.contains(said), "{name}: {refused}");
        assert_eq!(facts(&world), before, "{name}");
    }
    let unknown = world
        .gateway
        .create_invoice(StoreId([9; 32]), usual())
        .await;
    assert_eq!(unknown, Err(InvoiceRefusal::UnknownStore));
    let made = world.invoice(1_000).await;
    // No refused invoice has used an address up.
    assert_eq!(made.onchain.expect("an address").index, 0);
}

#[tokio::test]
async fn an_invoice_is_due_in_whole_sats_rounded_up() {
    let world = World::new().await;
    world.rates.set(Currency::USD, Decimal::from(60_000));
    let rows = [
        (asking("1", "USD"), 1_667),
        (asking("0.00021", "BTC"), 21_000),
        (asking("1.5", "SATS"), 2),
        (asking("0", "USD"), 0),
    ];
    for (new, due) in rows {
        let amount = new.amount;
        let made = world
            .gateway
            .create_invoice(world.shop, new)
            .await
            .expect("made");
        assert_eq!(made.due, Sat(due), "{amount:?}");
        if due == 0 {
            assert_eq!(made.status, Status::Settled);
        } else {
            assert_eq!(made.lightning[0].amount, Some(Sat(due).to_msat()));
        }
    }
}

#[tokio::test]
async fn without_lightning_the_address_stays_and_the_merchant_is_told() {
    let world = World::new().await;
    let node = &world.lightning;
    node.set_receivable(Sat(999).to_msat());
    let rows: [(&str, &dyn Fn()); 4] = [
        ("no channel can take it", &|| ()),
        ("catching up", &|| node.set_state(NodeState::Syncing)),
        ("waits for the chain: gone", &|| {
            node.set_state(NodeState::WaitingForChain("gone".to_owned()));
        }),
        ("broken", &|| {
            node.set_state(NodeState::Ready);
            node.set_receivable(Msat(u64::MAX));
            node.fail_receive(Some(NodeError::Refused("broken".to_owned())));
        }),
    ];
    for (said, before) in rows {
        before();
        let made = world.invoice(1_000).await;
        assert!(
            made.onchain.is_some() && made.lightning.is_empty(),
            "{said}"
        );
        let missing = made.lightning_missing.expect("a reason");
        assert!(missing.contains(said), "{said}: {missing}");
        let only = NewInvoice {
            rails: Some(vec![Rail::Lightning]),
            ..asking("1000", "SATS")
        };
        let refused = world.gateway.create_invoice(world.shop, only).await;
        assert!(matches!(refused, Err(InvoiceRefusal::NoMethod(why)) if why.contains(said)));
    }
}
