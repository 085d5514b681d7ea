//! The books: an audit sees what is wrong, follows the node's own money, and books what channels cost and nothing else.

use bitcoin::ScriptBuf;
use tollway::domain::ledger::{Account, Signed};
use tollway::domain::money::{Msat, Sat};
use tollway::ports::lightning::{
    ChannelKey, ClosingChannel, Holdings, NodeError, NodeEvent, OpenChannel,
};
use tollway::service::books::{self, Audit, Identity};
use tollway::store;

use crate::support::World;

fn balance(world: &World, account: Account) -> i128 {
    let look = move |rows: &store::Snapshot| store::ledger::balance(rows, account).0;
    world.gateway.store.glance(look)
}

/// Names of what does not hold.
fn wrong(audit: &Audit) -> Vec<&str> {
    let wrong = audit.identities.iter().filter(|one| !one.holds());
    wrong.map(|one| one.name.as_str()).collect()
}

async fn audit(world: &World) -> Audit {
    world.gateway.audit_once().await.expect("an audit")
}

/// What the node's own line says.
fn node_line(audit: &Audit) -> &Identity {
    let mut lines = audit.identities.iter();
    lines
        .find(|one| one.name.starts_with("node: books"))
        .expect("the node was compared")
}

/// An address of the node's wallet, as a script.
async fn node_script(world: &World) -> ScriptBuf {
    let address = world.gateway.node_address().await.expect("an address");
    let address: bitcoin::Address<bitcoin::address::NetworkUnchecked> =
        address.parse().expect("an address");
    address.assume_checked().script_pubkey()
}

#[tokio::test]
async fn a_wrong_balance_is_seen() {
    let world = World::new().await;
    let invoice = world.invoice(1_000).await;
    world
        .receive(invoice.lightning[0].hash, Sat(1_000).to_msat())
        .await;
    world.check().await;
    world
        .job(|tx| {
            let right = store::ledger::balance(tx, Account::Node);
            store::ledger::put_balance(tx, Account::Node, right + Signed(1));
        })
        .await;
    let found = books::file(&world.gateway.store).await.expect("an audit");
    assert!(!found.holds());
    assert_eq!(
        wrong(&found),
        ["all postings: sum, nothing", "node: balance, facts"]
    );
}

#[tokio::test]
async fn a_receipt_that_was_not_posted_is_seen() {
    let world = World::new().await;
    let invoice = world.invoice(1_000).await;
    let id = invoice.id;
    // A row that grew without its fact: what a lost posting would look like.
    let (hash, shop) = (invoice.lightning[0].hash, world.shop);
    let now = world.clock_now();
    world
        .job(move |tx| {
            let invoice = store::invoice::get(tx, shop, id).expect("it exists");
            let step = invoice.receive(hash, Msat(1_000_000), now);
            store::invoice::put(tx, &step.after);
        })
        .await;
    let found = books::file(&world.gateway.store).await.expect("an audit");
    let line = format!("claim of {shop} BTC-LN: facts of receipts, rows");
    assert_eq!(wrong(&found), [line.as_str()]);
}

#[tokio::test]
async fn what_the_operator_puts_in_is_counted_from_the_chain() {
    let world = World::new().await;
    let script = node_script(&world).await;
    let booked = || balance(&world, Account::Node);
    let payment = world.chain.pay(&script, Sat(50_000));
    world.look().await;
    assert_eq!(booked(), 50_000_000);
    world.mine(1).await;
    assert_eq!(booked(), 50_000_000);
    // Reorganised into the mempool it still counts; gone from there it does not; and it comes again.
    world.chain.reorg(1);
    world.look().await;
    assert_eq!(booked(), 50_000_000);
    world.chain.evict(payment.compute_txid());
    world.look().await;
    assert_eq!(booked(), 0);
    let world = world.restart();
    world.look().await;
    world.chain.mine_only(std::slice::from_ref(&payment));
    world.look().await;
    assert_eq!(balance(&world, Account::Node), 50_000_000);
    assert_eq!(balance(&world, Account::Operator), -50_000_000);
    world.check().await;
}

#[tokio::test]
async fn a_deposit_that_was_reorganised_away_while_we_slept_is_gone() {
    let world = World::new().await;
    let script = node_script(&world).await;
    let payment = world.chain.pay(&script, Sat(50_000));
    world.mine(1).await;
    world.chain.reorg(1);
    world.chain.evict(payment.compute_txid());
    let world = world.restart();
    world.look().await;
    assert_eq!(balance(&world, Account::Node), 0);
    world.check().await;
}

#[tokio::test]
async fn a_stray_on_the_chain_is_followed_like_any_payment() {
    let world = World::new().await;
    let shop = world.shop;
    let place = world
        .job(move |tx| {
            let till = tx.tills().hot(shop).expect("a till");
            tx.tills_mut().reveal(till).expect("an address")
        })
        .await;
    let booked = || balance(&world, Account::Till(shop));
    let payment = world.chain.pay(&place.script, Sat(7_000));
    world.look().await;
    assert_eq!(booked(), 7_000_000);
    world.check().await;
    world.chain.evict(payment.compute_txid());
    world.look().await;
    assert_eq!(booked(), 0);
    world.check().await;
    world.chain.send(&payment);
    world.mine(1).await;
    assert_eq!(booked(), 7_000_000);
    world.check().await;
}

const CHANNEL: ChannelKey = ChannelKey([7; 32]);

/// A node that holds so much in its wallet and in one channel.
fn holding(wallet: u64, ours: Option<u64>, ready: bool) -> Holdings {
    let channel = ours.map(|ours| OpenChannel {
        channel: CHANNEL,
        capacity: Sat(1_000_000),
        ours: Msat(ours),
        outbound: true,
        ready,
    });
    Holdings {
        wallet: Sat(wallet),
        channels: channel.into_iter().collect(),
        ..Holdings::default()
    }
}

/// A world whose operator put 2,000,000 sat into the node.
async fn funded() -> World {
    let world = World::new().await;
    let script = node_script(&world).await;
    world.chain.pay(&script, Sat(2_000_000));
    world.mine(1).await;
    world
        .lightning
        .set_holdings(holding(2_000_000, None, false));
    assert!(audit(&world).await.holds());
    world
}

#[tokio::test]
async fn what_channels_cost_is_booked_once() {
    let world = funded().await;
    // 300 sat of fee, 660 sat of anchors.
    let opening = holding(999_700, Some(999_340_000), false);
    world.lightning.set_holdings(opening);
    let found = audit(&world).await;
    assert_eq!(wrong(&found), ["node: books, LDK"]);
    assert_eq!(
        node_line(&found).left - node_line(&found).right,
        Signed(960_000)
    );
    world.keep_books().await;
    assert!(audit(&world).await.holds());
    assert_eq!(balance(&world, Account::NodeCosts), 960_000);
    let open = holding(999_700, Some(999_340_000), true);
    world.lightning.set_holdings(open.clone());
    world.keep_books().await;
    world.keep_books().await;
    assert_eq!(balance(&world, Account::NodeCosts), 960_000);
    // Payments in and out, in parts of a satoshi, move both sides alike.
    let invoice = world.invoice(1_000).await;
    world
        .receive(invoice.lightning[0].hash, Msat(1_000_777))
        .await;
    assert!(audit(&world).await.holds());
    // Without anything new about channels no difference is booked away.
    world
        .lightning
        .set_holdings(holding(999_700, Some(1_000_340_776), true));
    world.keep_books().await;
    let found = audit(&world).await;
    assert_eq!(wrong(&found), ["node: books, LDK"]);
    assert_eq!(balance(&world, Account::NodeCosts), 960_000);
    world.check().await;
}

#[tokio::test]
async fn a_channel_explains_no_more_than_it_can_cost() {
    let world = funded().await;
    // The wallet has not seen its own transaction yet: the coins seem to be there twice.
    world
        .lightning
        .set_holdings(holding(2_000_000, Some(999_340_000), false));
    world.keep_books().await;
    assert_eq!(balance(&world, Account::NodeCosts), 0);
    assert_eq!(wrong(&audit(&world).await), ["node: books, LDK"]);
    world
        .lightning
        .set_holdings(holding(999_700, Some(999_340_000), false));
    world.keep_books().await;
    assert_eq!(balance(&world, Account::NodeCosts), 960_000);
    assert!(audit(&world).await.holds());
}

#[tokio::test]
async fn closings_are_followed_until_everything_is_back() {
    for cooperative in [true, false] {
        let world = funded().await;
        let open = holding(999_700, Some(999_340_000), true);
        world.lightning.set_holdings(open);
        world.keep_books().await;
        world.lightning.emit(NodeEvent::ChannelClosed {
            channel: CHANNEL,
            cooperative,
            what: "a channel is closed".to_owned(),
        });
        world.take_events().await;
        // By agreement the wallet has its part at once, less the fee; otherwise it comes later.
        let wallet = if cooperative { 1_998_740 } else { 999_700 };
        let closing = Holdings {
            closing: vec![ClosingChannel {
                channel: CHANNEL,
                amount: Sat(999_000),
                in_wallet: false,
            }],
            ..holding(wallet, None, false)
        };
        world.lightning.set_holdings(closing);
        world.keep_books().await;
        let found = audit(&world).await;
        assert!(found.holds(), "{:?}", wrong(&found));
        world
            .lightning
            .set_holdings(holding(1_998_500, None, false));
        world.keep_books().await;
        let found = audit(&world).await;
        assert!(found.holds(), "{:?}", wrong(&found));
        assert_eq!(balance(&world, Account::NodeCosts), 1_500_000);
        assert_eq!(balance(&world, Account::Node), 1_998_500_000);
        let rows = |rows: &store::Snapshot| store::channel::all(rows).len();
        assert_eq!(world.gateway.store.glance(rows), 0);
        world.check().await;
    }
}

#[tokio::test]
async fn a_forwarded_payment_earns_its_fee() {
    let world = World::new().await;
    world.lightning.emit(NodeEvent::Forwarded {
        fee: Some(Msat(1_234)),
        what: "forwarded".to_owned(),
    });
    world.take_events().await;
    assert_eq!(balance(&world, Account::Node), 1_234);
    assert_eq!(balance(&world, Account::Operator), -1_234);
}

#[tokio::test]
async fn a_node_that_does_not_answer_is_not_compared() {
    let world = World::new().await;
    let why = NodeError::Unavailable("it is syncing".to_owned());
    world.lightning.fail_holdings(Some(why));
    let found = audit(&world).await;
    assert!(found.holds());
    let said = found.not_compared.expect("why").to_string();
    assert!(said.contains("syncing"), "{said}");
}
