//! Money in: both rails, through everything that can happen to a payment, with and without restarts in between.

mod prompts;
mod pruning;
mod refusals;
mod rows;
mod shared;
mod strays;

use bitcoin::{ScriptBuf, Transaction};
use tollway::domain::ids::InvoiceId;
use tollway::domain::invoice::{Mark, Status};
use tollway::domain::money::{Msat, Sat};
use tollway::store::journal;

use rows::{ROWS, Row};

use crate::golden::label;
use crate::support::World;

/// What every invoice of the table asks for.
const DUE: u64 = 21_000;

/// A thing that happens to an invoice. Amounts are in satoshi.
#[derive(Clone, Copy, Debug)]
enum Act {
    /// The newest BOLT11 is paid.
    Lightning(u64),
    /// The first BOLT11 is paid, although there may be a newer one.
    FirstLightning(u64),
    /// The node tells of the payment of the first BOLT11 again.
    TellAgain,
    /// The node tells of a payment, and the process dies before it acknowledges.
    LightningUnacknowledged(u64),
    /// Somebody pays the address.
    Chain(u64),
    /// The same, first seen in a block.
    ChainMined(u64),
    /// The same in the mempool, and may be replaced.
    ChainReplaceable(u64),
    /// The last payment is replaced by another to the same address.
    Replace(u64),
    /// The last payment's coins go elsewhere, in the mempool.
    DoubleSpend,
    /// The same, in a block.
    DoubleSpendMined,
    /// The mempool drops the last payment.
    Evict,
    /// The last payment is sent again.
    SendAgain,
    /// Blocks.
    Mine(u32),
    /// Blocks give way to one more empty ones.
    Reorg(u32),
    /// Seconds pass.
    Wait(u64),
    /// A person's word.
    Say(Mark),
    /// A person hides it.
    Archive,
}

use Act::*;

/// The state of a row: world, invoice, and the last payment on the chain.
struct Run {
    world: World,
    id: InvoiceId,
    last: Option<Transaction>,
}

impl Run {
    async fn act(&mut self, act: Act) {
        let invoice = self.world.see_invoice(self.id).await;
        let (chain, node) = (&self.world.chain, &self.world.lightning);
        let first = invoice.lightning[0].hash;
        let newest = invoice.lightning[invoice.lightning.len() - 1].hash;
        let script = invoice.onchain.expect("an address").script;
        let last = || self.last.clone().expect("a payment before");
        match act {
            Lightning(sat) => node.receives(newest, Sat(sat).to_msat()),
            FirstLightning(sat) => node.receives(first, Sat(sat).to_msat()),
            TellAgain => node.receives(first, Sat(DUE).to_msat()),
            LightningUnacknowledged(sat) => {
                node.lose_next_ack();
                node.receives(newest, Sat(sat).to_msat());
            }
            Chain(sat) => self.last = Some(chain.pay(&script, Sat(sat))),
            ChainReplaceable(sat) => {
                let tx = chain.payment(&script, Sat(sat), true);
                chain.send(&tx);
                self.last = Some(tx);
            }
            Replace(sat) => {
                let tx = same_coins(&last(), &script, sat);
                chain.send(&tx);
                self.last = Some(tx);
            }
            DoubleSpend => chain.send(&elsewhere(&last())),
            DoubleSpendMined => chain.mine_only(&[elsewhere(&last())]),
            Evict => chain.evict(last().compute_txid()),
            SendAgain => chain.send(&last()),
            Mine(blocks) => chain.mine(blocks),
            Reorg(depth) => chain.reorg(depth),
            Wait(secs) => self.world.clock.advance_secs(secs),
            ChainMined(sat) => {
                let tx = chain.payment(&script, Sat(sat), false);
                chain.mine_only(std::slice::from_ref(&tx));
                self.last = Some(tx);
            }
            Say(mark) => {
                let said = (self.world.gateway).mark_invoice(self.world.shop, self.id, mark);
                said.await.expect("may be marked");
            }
            Archive => {
                let hidden = (self.world.gateway).archive_invoice(self.world.shop, self.id, true);
                hidden.await.expect("exists");
            }
        }
        self.world.turn().await;
    }
}

fn same_coins(tx: &Transaction, to: &ScriptBuf, sat: u64) -> Transaction {
    let mut other = tx.clone();
    // Another transaction, be its outputs the same.
    other.lock_time = bitcoin::absolute::LockTime::from_consensus(1);
    other.output[0].script_pubkey = to.clone();
    other.output[0].value = bitcoin::Amount::from_sat(sat);
    other
}

fn elsewhere(tx: &Transaction) -> Transaction {
    let nobody = ScriptBuf::from_bytes([&[0x00, 0x14][..], &[0x77; 20]].concat());
    same_coins(tx, &nobody, 1_000)
}

async fn check(row: &Row, restarts: bool) {
    let (name, acts, (status, additional), paid, told) = *row;
    let world = World::new().await;
    let id = world.invoice(DUE).await.id;
    let mut run = Run {
        world,
        id,
        last: None,
    };
    for act in acts {
        run.act(*act).await;
        if restarts {
            run.world = run.world.restart();
            run.world.open_gate().await;
            run.world.turn().await;
        }
    }
    let world = run.world;
    let invoice = world.see_invoice(id).await;
    let shop = world.shop;
    let entries = world
        .gateway
        .store
        .read(move |rows| journal::of_object(rows, shop, id.as_bytes()))
        .await;
    let facts: Vec<&str> = entries.iter().map(|entry| label(&entry.fact)).collect();
    let name = format!("{name}, restarts: {restarts}");
    assert_eq!(
        (invoice.status, invoice.additional()),
        (status, additional),
        "{name}: {facts:?}"
    );
    assert_eq!(invoice.paid(), Sat(paid).to_msat(), "{name}");
    assert_eq!(facts[0], "invoice_created", "{name}");
    assert_eq!(&facts[1..], told, "{name}");
    world.check().await;
}

#[tokio::test]
async fn whatever_happens_to_a_payment_the_invoice_follows() {
    for row in ROWS {
        check(row, false).await;
    }
}

#[tokio::test]
async fn a_restart_after_every_step_changes_nothing() {
    for row in ROWS {
        check(row, true).await;
    }
}

#[tokio::test]
async fn p12_no_invoice_shares_an_address_or_a_hash() {
    let mut world = World::new().await;
    let mut addresses = std::collections::BTreeSet::new();
    let mut hashes = std::collections::BTreeSet::new();
    for _ in 0..2 {
        let made = futures::future::join_all((0..40).map(|_| world.invoice(DUE))).await;
        for invoice in made {
            let place = invoice.onchain.expect("an address");
            assert!(addresses.insert(place.address), "P12 an address came twice");
            assert!(hashes.insert(invoice.lightning[0].hash));
        }
        world = world.restart();
        world.open_gate().await;
    }
    assert_eq!(addresses.len(), 80);
}

#[tokio::test]
async fn p12_an_invoice_is_answered_when_it_is_durable() {
    let world = World::new().await;
    let invoice = world.invoice(DUE).await;
    // What another process would find in the file now.
    let world = world.restart();
    assert_eq!(world.see_invoice(invoice.id).await, invoice);
    let hash = invoice.lightning[0].hash;
    world.receive(hash, Msat(21_000_000)).await;
    assert_eq!(world.see_invoice(invoice.id).await.status, Status::Settled);
}

#[tokio::test]
async fn what_the_nodes_queue_dropped_is_read_from_its_records() {
    let world = World::new().await;
    let invoice = world.invoice(DUE).await;
    let hash = invoice.lightning[0].hash;
    world.lightning.receives(hash, Sat(DUE).to_msat());
    world.lightning.drop_events();
    world.turn().await;
    assert_eq!(world.see_invoice(invoice.id).await.status, Status::New);
    let world = world.restart();
    world.open_gate().await;
    assert_eq!(world.see_invoice(invoice.id).await.status, Status::Settled);
}
