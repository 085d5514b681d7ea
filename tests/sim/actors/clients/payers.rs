//! Who pays: exactly, in part, too much, twice, late, and sometimes not after all.

use bitcoin::{ScriptBuf, Txid};
use rust_decimal::Decimal;
use tollway::domain::destination::Destination;
use tollway::domain::ids::PaymentHash;
use tollway::domain::invoice::Invoice;
use tollway::domain::money::{Currency, Msat, Sat};
use tollway::domain::receipt::Rail;
use tollway::domain::time::Timestamp;
use tollway::ports::clock::Clock;
use tollway::service::invoice::NewInvoice;
use tollway::store;

use super::see;
use crate::log::step;
use crate::world::World;

/// The node takes payments so long after an invoice's expiry.
const GRACE_SECS: u64 = 7_200;

/// Somebody pays.
pub fn act(world: &mut World) {
    match world.outside.dice.weighed(&[40, 40, 10, 5, 4, 8, 1, 2]) {
        0 => pay_lightning(world),
        1 => pay_chain(world),
        2 => replace(world),
        3 => evict(world),
        4 => pay_nobody(world),
        5 => pay_api_invoice(world),
        6 => steal(world),
        _ => pay_change(world),
    }
}

/// Somebody who has the shop's keys spends one of its coins; or a backup did, that was restored elsewhere.
fn steal(world: &mut World) {
    let Some(place) = an_invoice(world).and_then(|invoice| invoice.onchain) else {
        return;
    };
    let coins = world.outside.chain.unspent_of(&place.script);
    let Some((coin, amount)) = world.outside.dice.pick(&coins) else {
        return;
    };
    let tx = (world.outside.chain).spend(coin, Sat(amount.0.saturating_sub(300)));
    if world.outside.chain.send(&tx) {
        let txid = tx.compute_txid();
        world
            .outside
            .log
            .count("fault: somebody else spends the shop's coins");
        step!(world.outside.log, "{txid} steals {coin}");
        world.board.borrow_mut().stolen.insert(txid);
    }
}

/// Somebody pays an address of the shop that it gave to nobody: it stands in the chain as change.
fn pay_change(world: &mut World) {
    let notes = world.board.clone();
    let scripts = world.outside.chain.change(&notes.borrow());
    if let Some(script) = world.outside.dice.pick(&scripts) {
        world
            .outside
            .log
            .count("fault: a payment to an address for change");
        let amount = Sat(world.outside.dice.between(600, 9_000));
        send(world, &script, amount, false, None);
    }
}

/// An invoice as its page shows it now, of those that were answered.
fn an_invoice(world: &mut World) -> Option<Invoice> {
    let known: Vec<_> = world.board.borrow().invoices.keys().copied().collect();
    // Mostly one of the newest.
    let dice = world.outside.dice.clone();
    let newest = known.len().saturating_sub(6);
    let id = if dice.once_in(4) {
        dice.pick(&known)
    } else {
        dice.pick(&known[newest..])
    }?;
    see(world, |rows| store::invoice::find(rows, id))?
}

fn pay_lightning(world: &mut World) {
    let Some(invoice) = an_invoice(world) else {
        return;
    };
    let dice = world.outside.dice.clone();
    // The one that is shown, or one shown before.
    let prompt = if dice.once_in(5) {
        dice.pick(&invoice.lightning)
    } else {
        invoice.lightning.last().cloned()
    };
    let Some(prompt) = prompt else { return };
    let asked = prompt.amount;
    pay(world, &prompt.bolt11, prompt.hash, asked);
}

fn pay_api_invoice(world: &mut World) {
    let known: Vec<_> = (world.board.borrow().api_invoices.iter())
        .map(|(hash, text)| (*hash, text.clone()))
        .collect();
    if let Some((hash, text)) = world.outside.dice.pick(&known) {
        let asked = read(&text).and_then(|(amount, _)| amount);
        pay(world, &text, hash, asked);
    }
}

fn read(bolt11: &str) -> Option<(Option<Msat>, Timestamp)> {
    let invoice = Destination::bolt11(bolt11, bitcoin::Network::Regtest).ok()?;
    Some((invoice.amount, invoice.expires_at))
}

fn pay(world: &mut World, bolt11: &str, hash: PaymentHash, asked: Option<Msat>) {
    let dice = world.outside.dice.clone();
    let now = world.outside.clock.now();
    let Some((_, expires_at)) = read(bolt11) else {
        return;
    };
    if now >= expires_at.plus_secs(GRACE_SECS) {
        return;
    }
    if now >= expires_at {
        world.outside.log.count("fault: a late Lightning payment");
    }
    let asked = asked.unwrap_or_else(|| Sat(dice.between(1_000, 30_000)).to_msat());
    let amount = if dice.once_in(6) {
        world
            .outside
            .log
            .count("fault: a Lightning payment of too much");
        Msat(asked.0 + dice.between(1, asked.0))
    } else {
        asked
    };
    let known = (world.outside.network).with(|network| network.received.contains_key(&hash));
    if known {
        world.outside.log.count("fault: a Lightning payment twice");
    }
    step!(world.outside.log, "somebody pays {amount} for {hash}");
    world.house().node.receive_payment(hash, amount);
}

/// Money that nobody asked for.
fn pay_nobody(world: &mut World) {
    let dice = world.outside.dice.clone();
    let hash = PaymentHash(dice.bytes());
    let amount = Sat(dice.between(1, 5_000)).to_msat();
    world
        .outside
        .log
        .count("fault: a Lightning payment for nothing");
    world.house().node.receive_payment(hash, amount);
}

fn pay_chain(world: &mut World) {
    let Some(invoice) = an_invoice(world) else {
        return;
    };
    let Some(place) = invoice.onchain.clone() else {
        return;
    };
    let dice = world.outside.dice.clone();
    let rest = invoice.rest().0.max(1_000);
    let amount = match dice.weighed(&[60, 20, 20]) {
        0 => rest,
        1 => {
            world
                .outside
                .log
                .count("fault: a partial payment on the chain");
            dice.between(600, rest.max(601))
        }
        _ => {
            world.outside.log.count("fault: too much on the chain");
            rest + dice.between(1, rest)
        }
    };
    if world.outside.clock.now() > invoice.terms.expires_at {
        world
            .outside
            .log
            .count("fault: a late payment on the chain");
    }
    let replaceable = dice.once_in(2);
    send(world, &place.script, Sat(amount), replaceable, None);
}

fn send(
    world: &World,
    script: &ScriptBuf,
    amount: Sat,
    replaceable: bool,
    instead_of: Option<Txid>,
) {
    let chain = &world.outside.chain;
    let tx = chain.payment(script, amount, replaceable, instead_of);
    let sent = chain.send(&tx);
    let txid = tx.compute_txid();
    step!(world.outside.log, "{txid} pays {amount}: {sent}");
}

fn of_strangers(world: &World) -> Option<Txid> {
    let mut waiting = world.outside.chain.mempool_now();
    waiting.retain(|(_, by_stranger)| *by_stranger);
    world.outside.dice.pick(&waiting).map(|(txid, _)| txid)
}

/// A payment is replaced by another to the same address, or by one to somebody else.
fn replace(world: &mut World) {
    let Some(txid) = of_strangers(world) else {
        return;
    };
    let dice = world.outside.dice.clone();
    let before = world.outside.chain.transaction(txid).expect("it was sent");
    let output = before.output[0].clone();
    if dice.once_in(2) {
        world.outside.log.count("fault: a payment is replaced");
        let amount = Sat(output
            .value
            .to_sat()
            .saturating_sub(dice.between(1, 300))
            .max(600));
        send(world, &output.script_pubkey, amount, true, Some(txid));
    } else {
        world.outside.log.count("fault: a payment is double-spent");
        let elsewhere = ScriptBuf::new_op_return([9; 4]);
        send(world, &elsewhere, Sat(600), true, Some(txid));
    }
}

/// The mempool forgets a transaction, of a stranger's or of ours.
fn evict(world: &mut World) {
    let waiting = world.outside.chain.mempool_now();
    if let Some((txid, by_stranger)) = world.outside.dice.pick(&waiting) {
        world.outside.log.count(if by_stranger {
            "fault: a payment is evicted"
        } else {
            "fault: a transaction of ours is evicted"
        });
        world.outside.chain.evict(txid);
        step!(world.outside.log, "{txid} is evicted");
    }
}

/// An invoice to be paid on the chain, for the shop's first coins.
pub fn fund(world: &mut World, sat: u64) {
    let new = NewInvoice {
        amount: Some(Decimal::from(sat)),
        currency: Some(Currency::SATS),
        rails: Some(vec![Rail::Onchain]),
        ..NewInvoice::default()
    };
    let (gateway, board) = (world.house().gateway.clone(), world.board.clone());
    world.request("an invoice", async move {
        let shop = board.borrow().shop;
        let made = gateway.create_invoice(shop, new).await.expect("an invoice");
        board.borrow_mut().invoices.insert(made.id, made);
    });
}

/// Pays them.
pub fn pay_all(world: &mut World) {
    let invoices: Vec<Invoice> = world.board.borrow().invoices.values().cloned().collect();
    for invoice in invoices {
        let place = invoice.onchain.expect("an address");
        send(world, &place.script, invoice.due, false, None);
    }
}
