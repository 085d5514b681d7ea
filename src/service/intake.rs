//! Money in: what the node and the chain saw becomes receipts. Total: money that arrived can't be refused (P10).

use bitcoin::OutPoint;

use crate::domain::fact::Fact;
use crate::domain::ids::{PaymentHash, StoreId};
#[cfg(debug_assertions)]
use crate::domain::invoice::Status;
use crate::domain::money::Msat;
use crate::domain::receipt::ReceiptKey;
use crate::domain::till::{Coin, TillAddress, TillId};
use crate::domain::time::Timestamp;
#[cfg(debug_assertions)]
use crate::sabotage::{Bug, is_planted};
use crate::store::invoice::HashOwner;
use crate::store::node::Paid;
use crate::store::receipt::{Assignment, Stray};
use crate::store::{self, Tx};

/// Takes in a Lightning payment. The same hash again changes nothing.
pub fn take_lightning(tx: &mut Tx<'_>, hash: PaymentHash, amount: Msat, now: Timestamp) {
    let key = ReceiptKey::Lightning(hash);
    if store::receipt::is_known(tx, key) {
        return;
    }
    let owner = store::invoice::hash_owner(tx, hash);
    match owner {
        Some(HashOwner::Invoice { store, invoice }) => {
            if let Some(invoice) = store::invoice::get(tx, store, invoice) {
                #[cfg(debug_assertions)]
                if is_planted(Bug::LoseLatePayment) && invoice.status == Status::Expired {
                    return;
                }
                let step = invoice.receive(hash, amount, now);
                store::receipt::put_known(tx, key, store);
                store::invoice::put(tx, &step.after);
                tx.announce(store, step.facts, now);
                return;
            }
        }
        Some(HashOwner::Api { store }) => {
            if let Some(mut invoice) = store::node::api_invoice(tx, store, hash) {
                // What a payout of this server paid before counts as well.
                let before = invoice.paid.map_or(Msat::ZERO, |paid| paid.amount);
                invoice.paid = Some(Paid {
                    amount: before.plus(amount),
                    at: now,
                });
                store::receipt::put_known(tx, key, store);
                store::node::put_api_invoice(tx, store, &invoice);
                tx.announce(store, vec![Fact::ApiInvoicePaid { hash, amount }], now);
                return;
            }
        }
        None => {}
    }
    let stray = Stray {
        key,
        amount,
        received_at: now,
        why: "a Lightning payment for no invoice of this server".to_owned(),
        place: None,
        assigned: None,
        lost: None,
    };
    take_stray(tx, StoreId::HOUSE, &stray);
}

/// Shows every touched address to the invoice it belongs to, as the whole picture it now gives.
pub fn observe_addresses(tx: &mut Tx<'_>, touched: &[(TillId, u32)], now: Timestamp) {
    let mut rest = touched;
    while let Some((till, _)) = rest.first().copied() {
        let end = rest
            .iter()
            .position(|(other, _)| *other != till)
            .unwrap_or(rest.len());
        let (mine, others) = rest.split_at(end);
        let indexes: Vec<u32> = mine.iter().map(|(_, index)| *index).collect();
        let pictures = tx.tills().pictures(till, &indexes);
        for index in indexes {
            let picture = pictures.get(&index).map(Vec::as_slice).unwrap_or_default();
            observe_address(tx, till, index, picture, now);
        }
        rest = others;
    }
    observe_gifts(tx, now);
}

fn observe_address(tx: &mut Tx<'_>, till: TillId, index: u32, picture: &[Coin], now: Timestamp) {
    let owner = store::invoice::address_owner(tx, till, index)
        .and_then(|(store, invoice)| store::invoice::get(tx, store, invoice));
    if let Some(invoice) = owner {
        let store = invoice.store;
        let before = invoice.clone();
        let step = invoice.observe(picture, now);
        if step.after == before {
            return;
        }
        for coin in picture {
            let key = ReceiptKey::Onchain(coin.outpoint);
            if !store::receipt::is_known(tx, key) {
                store::receipt::put_known(tx, key, store);
            }
        }
        store::invoice::put(tx, &step.after);
        tx.announce(store, step.facts, now);
        return;
    }
    observe_unowned(tx, till, index, picture, now);
}

/// An address that no invoice shows.
fn observe_unowned(tx: &mut Tx<'_>, till: TillId, index: u32, picture: &[Coin], now: Timestamp) {
    if let Some(place) = tx.tills().address(till, index) {
        let why = "a payment to an address of the wallet that no invoice shows";
        observe_place(tx, &place, picture, why, now);
    }
}

/// Strangers may pay addresses that the wallet uses for its change: they are in the chain for all to see.
fn observe_gifts(tx: &mut Tx<'_>, now: Timestamp) {
    for (place, picture) in tx.tills().gifts() {
        let why = "a stranger's payment to an address that the wallet uses for its change";
        observe_place(tx, &place, &picture, why, now);
    }
}

/// What is new there is a stray; what is known is looked at again, for its invoice if it has been assigned to one.
fn observe_place(
    tx: &mut Tx<'_>,
    place: &TillAddress,
    picture: &[Coin],
    why: &str,
    now: Timestamp,
) {
    for stray in store::receipt::strays_at(tx, place) {
        let ReceiptKey::Onchain(outpoint) = stray.key else {
            continue;
        };
        let coin = picture.iter().find(|coin| coin.outpoint == outpoint);
        match stray.assigned {
            Some(assigned) => show_adopted(tx, assigned, outpoint, coin, now),
            None => follow_stray(tx, place.till.store, stray, coin.is_some(), now),
        }
    }
    for coin in picture {
        let key = ReceiptKey::Onchain(coin.outpoint);
        if !store::receipt::is_known(tx, key) {
            let stray = Stray {
                key,
                amount: coin.amount.to_msat(),
                received_at: now,
                why: why.to_owned(),
                place: Some(place.clone()),
                assigned: None,
                lost: None,
            };
            take_stray(tx, place.till.store, &stray);
        }
    }
}

fn show_adopted(
    tx: &mut Tx<'_>,
    assigned: Assignment,
    outpoint: OutPoint,
    coin: Option<&Coin>,
    now: Timestamp,
) {
    let Some(invoice) = store::invoice::get(tx, assigned.store, assigned.invoice) else {
        return;
    };
    let step = invoice.clone().observe_adopted(outpoint, coin, now);
    if step.after != invoice {
        store::invoice::put(tx, &step.after);
        tx.announce(assigned.store, step.facts, now);
    }
}

/// A stray goes and comes back as an invoice's receipt does.
fn follow_stray(tx: &mut Tx<'_>, store: StoreId, stray: Stray, is_there: bool, now: Timestamp) {
    let (receipt, amount) = (stray.key, stray.amount);
    let (lost, fact) = match (is_there, stray.lost) {
        (false, None) => (Some(now), Fact::StrayLost { receipt, amount }),
        (true, Some(_)) => (None, Fact::StrayReturned { receipt, amount }),
        (true, None) | (false, Some(_)) => return,
    };
    store::receipt::put_stray(tx, store, &Stray { lost, ..stray });
    tx.announce(store, vec![fact], now);
}

fn take_stray(tx: &mut Tx<'_>, store: StoreId, stray: &Stray) {
    store::receipt::put_known(tx, stray.key, store);
    store::receipt::put_stray(tx, store, stray);
    let fact = Fact::StrayReceived {
        receipt: stray.key,
        amount: stray.amount,
    };
    tx.announce(store, vec![fact], stray.received_at);
}
