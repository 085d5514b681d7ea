//! The Lightning adapter with real nodes: two in one process, each over a store of its own.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use bitcoin::Network;
use tollway::domain::ids::PaymentHash;
use tollway::domain::money::{Msat, Sat};
use tollway::ports::lightning::{
    Direction, Dispatch, InvoiceDescription, Lightning, NodeEvent, NodeState, PayIntent,
    ReceiveRequest, RecordStatus,
};

use crate::bitcoind::Bitcoind;
use crate::house::{House, Plot, connect, intent, until};

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_pay_each_other_and_come_back() {
    let Some(bitcoind) = Bitcoind::start() else {
        return;
    };
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let plots = [
        Plot::new(&folders[0], 1, &bitcoind),
        Plot::new(&folders[1], 2, &bitcoind),
    ];
    let [payer, payee] = plots.each_ref().map(Plot::open);
    assert_eq!(payer.node.sendable(), Msat::ZERO);
    payer.ready().await;
    payee.ready().await;
    assert_eq!(
        payer.node.ldk_height().map(u64::from),
        Some(bitcoind.height())
    );

    let too_poor = payer
        .node
        .open_channel(payee.node.node_id(), &payee.address, Sat(1_000_000));
    assert!(
        too_poor
            .await
            .unwrap_err()
            .to_string()
            .contains("too little")
    );
    payer.funded(&bitcoind).await;
    payee.funded(&bitcoind).await;
    connect(&bitcoind, &payer, &payee).await;
    assert!(payer.node.peers_connected().await);
    let identity = payer.node.identity().await.unwrap();
    assert_eq!((identity.alias.as_str(), identity.peers), ("node 1", 1));

    // An invoice is paid once; the same again is doubt, never a second payment.
    let amount = Msat(50_000_000);
    let tea = payee.invoice(Some(amount)).await;
    payer.pays(&payee, &tea, amount).await;
    let again = payer.node.pay(&intent(&tea, amount)).await;
    assert!(matches!(again, Dispatch::Doubtful(_)), "{again:?}");
    let sent = payer.node.payment(tea.hash).await.unwrap();
    assert_eq!(
        (sent.direction, sent.status, sent.preimage),
        (
            Direction::Outbound,
            RecordStatus::Succeeded,
            Some(tea.preimage)
        )
    );
    let received = payee.node.payments().await;
    assert_eq!(received.len(), 1, "on-chain records are not shown");
    assert_eq!(
        (received[0].direction, received[0].status),
        (Direction::Inbound, RecordStatus::Succeeded)
    );

    // No amount in it, or less than what is sent: the intent says how much.
    let any = payee.invoice(None).await;
    payer.pays(&payee, &any, Msat(1_234)).await;
    let tip = payee.invoice(Some(Msat(2_000))).await;
    payer.pays(&payee, &tip, Msat(2_500)).await;

    refuses_what_does_not_fit(&payer, &payee).await;

    // The other way, and with a hash for a description.
    let back = payer
        .node
        .receive(ReceiveRequest {
            amount: Some(Msat(50_000)),
            description: InvoiceDescription::Hash([7; 32]),
            expiry_secs: 600,
        })
        .await
        .unwrap();
    payee.pays(&payer, &back, Msat(50_000)).await;

    // A clean stop and a new start: the same node, the same channel, the same records.
    let id = payer.node.node_id();
    payer.close().await;
    assert_eq!(plots[0].queued_events(), 0, "all were acknowledged");
    let payer = plots[0].open();
    assert_eq!(payer.node.node_id(), id);
    payer.ready().await;
    until("connected again", || async {
        payer.node.sendable() > Msat::ZERO
    })
    .await;
    let known = payer.node.payment(tea.hash).await.unwrap();
    assert_eq!(known.status, RecordStatus::Succeeded);
    let again = payer.node.pay(&intent(&tea, amount)).await;
    assert!(matches!(again, Dispatch::Doubtful(_)), "{again:?}");
    let more = payee.invoice(Some(Msat(3_000))).await;
    payer.pays(&payee, &more, Msat(3_000)).await;

    payer.close().await;
    payee.close().await;
}

/// What must never be handed to the node, and what it can't do now.
async fn refuses_what_does_not_fit(payer: &House, payee: &House) {
    let dear = payee.invoice(Some(Msat(5_000_000))).await;
    let other_hash = PayIntent {
        hash: PaymentHash([9; 32]),
        ..intent(&dear, Msat(5_000_000))
    };
    for (wrong, try_later) in [
        (other_hash, false),
        (intent(&dear, Msat(4_999_999)), false),
        (intent(&dear, Msat(2_000_000_000)), true),
    ] {
        match payer.node.pay(&wrong).await {
            Dispatch::Declined {
                try_later: later, ..
            } => assert_eq!(later, try_later),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_waits_for_the_right_chain() {
    let Some(mut bitcoind) = Bitcoind::start() else {
        return;
    };
    let waits = |house: &House| matches!(house.node.state(), NodeState::WaitingForChain(_));

    let folder = tempfile::tempdir().unwrap();
    let mut wrong = Plot::new(&folder, 3, &bitcoind);
    wrong.network = Network::Signet;
    let house = wrong.open();
    until("told so", || async {
        house.node.state()
            == NodeState::WaitingForChain(
                "bitcoind is on the chain 'regtest', not on 'signet'".to_owned(),
            )
    })
    .await;
    let refused = house.node.new_address().await.unwrap_err();
    assert!(refused.to_string().contains("'signet'"), "{refused}");
    house.close().await;

    // bitcoind goes away and comes back; nothing is paid or promised meanwhile.
    let folder = tempfile::tempdir().unwrap();
    let house = Plot::new(&folder, 3, &bitcoind).open();
    house.ready().await;
    bitcoind.stop();
    until("waiting", || async { waits(&house) }).await;
    bitcoind.restart();
    bitcoind.mine(1);
    house.ready().await;
    until("at the new block", || async {
        house.node.ldk_height().map(u64::from) == Some(bitcoind.height())
    })
    .await;
    house.close().await;
}

const CHILD_FOLDER: &str = "TOLLWAY_TEST_CHILD_FOLDER";

/// Runs in a process of its own, as the payer of [`a_killed_node_comes_back`]: pays one invoice after another from a
/// file, and is killed while it does.
#[tokio::test(flavor = "multi_thread")]
async fn killed_child() {
    let Some(folder) = env::var_os(CHILD_FOLDER).map(PathBuf::from) else {
        return;
    };
    let payer = Plot::read(&folder).open();
    payer.ready().await;
    until("connected", || async { payer.node.sendable() > Msat::ZERO }).await;
    for bolt11 in std::fs::read_to_string(folder.join("invoices"))
        .unwrap()
        .lines()
    {
        let invoice: lightning_invoice::Bolt11Invoice = bolt11.parse().unwrap();
        let hash: &[u8; 32] = invoice.payment_hash().as_ref();
        let intent = PayIntent {
            bolt11: bolt11.to_owned(),
            hash: PaymentHash(*hash),
            amount: Msat(1_000),
            fee_max: Msat(1_000),
        };
        assert_eq!(payer.node.pay(&intent).await, Dispatch::Taken);
        payer.payment_event().await;
    }
    std::future::pending::<()>().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_node_comes_back() {
    let Some(bitcoind) = Bitcoind::start() else {
        return;
    };
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let plots = [
        Plot::new(&folders[0], 1, &bitcoind),
        Plot::new(&folders[1], 2, &bitcoind),
    ];
    let [payer, payee] = plots.each_ref().map(Plot::open);
    payer.ready().await;
    payee.ready().await;
    payer.funded(&bitcoind).await;
    payee.funded(&bitcoind).await;
    connect(&bitcoind, &payer, &payee).await;
    payer.close().await;

    let mut invoices = String::new();
    for _ in 0..100 {
        invoices.push_str(&payee.invoice(Some(Msat(1_000))).await.bolt11);
        invoices.push('\n');
    }
    std::fs::write(plots[0].folder.join("invoices"), invoices).unwrap();
    plots[0].write();
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["ldk::killed_child", "--exact"])
        .env(CHILD_FOLDER, &plots[0].folder)
        .spawn()
        .unwrap();
    for _ in 0..10 {
        let event = payee.payment_event().await;
        assert!(
            matches!(event, NodeEvent::PaymentReceived { .. }),
            "{event:?}"
        );
    }
    // In the middle of its next payment.
    child.kill().unwrap();
    child.wait().unwrap();

    let payer = plots[0].open();
    payer.ready().await;
    let paid = payer.node.payments().await;
    let succeeded = paid
        .iter()
        .filter(|payment| payment.status == RecordStatus::Succeeded)
        .count();
    // Each payment ends before the next begins, and outbound records are waited for.
    assert!(succeeded >= 9, "{succeeded} of {}", paid.len());
    assert!(paid.len() <= succeeded + 1);
    // A kill may close the channel by force (its monitor may be ahead of the manager), but never loses a balance.
    if payer.node.channels().await.unwrap().is_empty() {
        println!("the kill has closed the channel");
    } else {
        until("connected again", || async {
            payer.node.sendable() > Msat::ZERO
        })
        .await;
        let more = payee.invoice(Some(Msat(3_000))).await;
        payer.pays(&payee, &more, Msat(3_000)).await;
    }
    let balances = payer.node.balances().await.unwrap();
    assert!(balances.lightning > Sat(900_000), "{balances:?}");

    payer.close().await;
    payee.close().await;
}
