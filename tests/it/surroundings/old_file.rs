//! Yesterday's file in today's place.

use std::fs;

use rust_decimal::Decimal;
use tollway::app::{MARK_FILE, STORE_FILE};
use tollway::domain::money::{Currency, Sat};
use tollway::domain::payout::Stage;
use tollway::domain::receipt::Rail;
use tollway::ports::lightning::NodeState;
use tollway::service::invoice::{InvoiceRefusal, NewInvoice};

use super::start::{config, run};
use crate::payouts::to_be_paid;
use crate::support::World;

fn held(state: NodeState) -> String {
    match state {
        NodeState::Held(why) => why,
        other => panic!("the node is {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn yesterdays_file_does_not_run_and_todays_does() {
    let dir = tempfile::tempdir().expect("a directory");
    let config = config(dir.path());
    let (file, mark) = (
        config.data_dir.join(STORE_FILE),
        config.data_dir.join(MARK_FILE),
    );
    let state = run(&config).await.expect("starts");
    assert!(matches!(state, NodeState::WaitingForChain(_)));
    let yesterday = fs::read(&file).expect("reads");
    run(&config).await.expect("starts");
    let (today, marked) = (
        fs::read(&file).expect("reads"),
        fs::read_to_string(&mark).expect("a mark"),
    );

    fs::write(&file, &yesterday).expect("writes");
    // However often it is tried: running does not make it newer.
    for _ in 0..3 {
        let why = held(run(&config).await.expect("the pages come up"));
        assert!(
            why.contains("older than the one that ran here last"),
            "{why}"
        );
        assert_eq!(fs::read_to_string(&mark).expect("a mark"), marked);
    }
    fs::write(&file, &today).expect("writes");
    let state = run(&config).await.expect("starts");
    assert!(matches!(state, NodeState::WaitingForChain(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_mark_a_file_runs_only_on_a_persons_word() {
    let dir = tempfile::tempdir().expect("a directory");
    let config = config(dir.path());
    let mark = config.data_dir.join(MARK_FILE);
    run(&config).await.expect("starts");
    let line = fs::read_to_string(&mark).expect("a mark");
    fs::remove_file(&mark).expect("removes");
    for _ in 0..2 {
        let why = held(run(&config).await.expect("the pages come up"));
        assert!(why.contains("is missing"), "{why}");
        let word = format!("write the line {} into", line.trim());
        assert!(why.contains(&word), "{why}");
        assert!(!mark.exists());
    }
    fs::write(&mark, "yes").expect("writes");
    let why = held(run(&config).await.expect("the pages come up"));
    assert!(why.contains("does not hold a number"), "{why}");
    fs::write(&mark, line).expect("writes");
    let state = run(&config).await.expect("starts");
    assert!(matches!(state, NodeState::WaitingForChain(_)));
}

#[tokio::test]
async fn a_held_gateway_shows_why_and_sends_nothing_on_either_rail() {
    let world = World::new().await;
    let fund = world.invoice(100_000).await.onchain.expect("an address");
    world.chain.pay(&fund.script, Sat(100_000));
    world.mine(1).await;
    let (bolt11, _) = world.customer_invoice(1_000);
    let address = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";
    let mut payouts = Vec::new();
    for (destination, rail) in [(bolt11.as_str(), Rail::Lightning), (address, Rail::Onchain)] {
        payouts.push(to_be_paid(&world, destination, rail, 1_000).await);
    }
    let world = world.restart();
    let why = "the file is older".to_owned();
    world.lightning.set_state(NodeState::Held(why.clone()));
    for _ in 0..3 {
        world.turn().await;
        world.clock.advance_secs(60);
    }
    assert!(world.lightning.pays().is_empty() && world.chain.broadcasts().is_empty());
    for id in payouts {
        assert_eq!(world.see_payout(id).await.stage, Stage::AwaitingPayment);
    }
    // P12: its next address may have been given out already.
    let new = NewInvoice {
        amount: Some(Decimal::from(1_000)),
        currency: Some(Currency::SATS),
        ..NewInvoice::default()
    };
    let refused = world.gateway.create_invoice(world.shop, new).await;
    assert_eq!(refused, Err(InvoiceRefusal::NoMethod(why)));
}
