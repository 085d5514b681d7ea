//! P10 no money event is lost, P12 no invoice shares an address and none is answered before it is durable.

use std::collections::{BTreeMap, BTreeSet};

use tollway::domain::destination::Destination;
use tollway::domain::ids::{PaymentHash, StoreId};
use tollway::domain::money::Msat;
use tollway::domain::receipt::ReceiptKey;
use tollway::store;

use super::Seen;
use super::money_out::is_inside;
use crate::house::Outside;
use crate::notes::Notes;

/// After every commit.
pub fn check(seen: &Seen<'_>, outside: &Outside, notes: &Notes, broken: &mut Vec<String>) {
    check_addresses(seen, broken);
    check_promises(seen, notes, broken);
    let booked = booked(seen);
    for invoice in &seen.invoices {
        for receipt in &invoice.receipts {
            if !store::receipt::is_known(seen.rows, receipt.key) {
                let (id, key) = (invoice.id, receipt.key);
                broken.push(format!("P10 receipt {key} of invoice {id} has no key"));
            }
        }
    }
    let acknowledged = outside.network.with(|network| {
        let ours = network.received.iter();
        ours.filter(|(hash, _)| network.acknowledged.contains(*hash))
            .map(|(hash, amount)| (*hash, *amount))
            .collect::<Vec<_>>()
    });
    let inside = paid_inside(seen);
    for (hash, amount) in acknowledged {
        let amount = amount.plus(inside.get(&hash).copied().unwrap_or_default());
        let key = ReceiptKey::Lightning(hash);
        if booked.get(&key) != Some(&vec![amount]) {
            let found = booked.get(&key);
            broken.push(format!(
                "P10 {amount} for {hash} are acknowledged, and the file has {found:?}"
            ));
        }
    }
}

/// Where money that came in is: by key, every place that counts it.
fn booked(seen: &Seen<'_>) -> BTreeMap<ReceiptKey, Vec<Msat>> {
    let mut booked: BTreeMap<ReceiptKey, Vec<Msat>> = BTreeMap::new();
    for invoice in &seen.invoices {
        for receipt in invoice.receipts.iter().filter(|receipt| receipt.counts()) {
            booked.entry(receipt.key).or_default().push(receipt.amount);
        }
    }
    let mut stores: BTreeSet<StoreId> = seen.invoices.iter().map(|one| one.store).collect();
    stores.insert(StoreId::HOUSE);
    for store in stores {
        let strays = store::receipt::strays(seen.rows, store);
        for stray in strays.into_iter().filter(|stray| stray.assigned.is_none()) {
            booked.entry(stray.key).or_default().push(stray.amount);
        }
        for invoice in store::node::api_invoices(seen.rows, store) {
            if let Some(paid) = invoice.paid {
                let key = ReceiptKey::Lightning(invoice.hash);
                booked.entry(key).or_default().push(paid.amount);
            }
        }
    }
    booked
}

fn check_addresses(seen: &Seen<'_>, broken: &mut Vec<String>) {
    let mut scripts = BTreeMap::new();
    let mut hashes: BTreeMap<PaymentHash, _> = BTreeMap::new();
    for invoice in &seen.invoices {
        let id = invoice.id;
        if let Some(place) = &invoice.onchain
            && let Some(other) = scripts.insert(place.script.clone(), id)
        {
            broken.push(format!("P12 invoices {other} and {id} share an address"));
        }
        for prompt in &invoice.lightning {
            if let Some(other) = hashes.insert(prompt.hash, id)
                && other != id
            {
                broken.push(format!("P12 invoices {other} and {id} share a hash"));
            }
        }
    }
}

/// What was answered is there.
fn check_promises(seen: &Seen<'_>, notes: &Notes, broken: &mut Vec<String>) {
    for (id, answered) in &notes.invoices {
        let kept = seen.invoices.iter().find(|one| one.id == *id);
        let script = |place: &tollway::domain::till::TillAddress| place.script.clone();
        match kept {
            None => broken.push(format!("P12 invoice {id} was answered and is gone")),
            Some(kept) => {
                let same = kept.onchain.as_ref().map(script)
                    == answered.onchain.as_ref().map(script)
                    && kept.lightning.starts_with(&answered.lightning);
                if !same {
                    broken.push(format!("P12 invoice {id} is not what was answered"));
                }
            }
        }
    }
    for hash in notes.api_invoices.keys() {
        if store::node::api_invoice(seen.rows, notes.shop, *hash).is_none() {
            broken.push(format!(
                "P12 the API's invoice {hash} was answered and is gone"
            ));
        }
    }
}

/// Once healed, money in the file is what was really paid, each once.
pub fn check_healed(seen: &Seen<'_>, outside: &Outside, notes: &Notes, broken: &mut Vec<String>) {
    let booked = booked(seen);
    let received = outside.network.with(|network| network.received.clone());
    let inside = paid_inside(seen);
    for (hash, amount) in &received {
        let amount = amount.plus(inside.get(hash).copied().unwrap_or_default());
        let found = booked.get(&ReceiptKey::Lightning(*hash));
        if found != Some(&vec![amount]) {
            broken.push(format!(
                "P10 {amount} came for {hash}, the file has {found:?}"
            ));
        }
    }
    for invoice in &seen.invoices {
        let Some(place) = &invoice.onchain else {
            continue;
        };
        let paid: BTreeMap<ReceiptKey, Msat> = (outside.chain.paid_to(&place.script).into_iter())
            .map(|(outpoint, amount)| (ReceiptKey::Onchain(outpoint), amount.to_msat()))
            .collect();
        let counted: BTreeMap<ReceiptKey, Msat> = (invoice.receipts.iter())
            .filter(|receipt| receipt.counts())
            .filter(|receipt| match receipt.key {
                ReceiptKey::Lightning(_) | ReceiptKey::Inside(_) => false,
                // One that a person gave to this invoice came to another address.
                ReceiptKey::Onchain(outpoint) => outside.chain.pays(outpoint, &place.script),
            })
            .map(|receipt| (receipt.key, receipt.amount))
            .collect();
        if paid != counted {
            let id = invoice.id;
            broken.push(format!(
                "P10 invoice {id} counts {counted:?}, the chain has {paid:?}"
            ));
        }
    }
    for (key, amounts) in &booked {
        let real = match key {
            ReceiptKey::Lightning(hash) => received.contains_key(hash) || inside.contains_key(hash),
            ReceiptKey::Onchain(outpoint) => {
                outside.chain.holds(outpoint.txid) || is_stray(seen, notes, key)
            }
            ReceiptKey::Inside(id) => (seen.payouts.iter())
                .any(|one| one.id == *id && is_inside(one) && amounts.first() == Some(&one.amount)),
        };
        if !real || amounts.len() != 1 {
            broken.push(format!("P10 {key} is counted as {amounts:?}"));
        }
    }
}

/// Strays stay where they are when they are gone: a person may have seen them.
fn is_stray(seen: &Seen<'_>, notes: &Notes, key: &ReceiptKey) -> bool {
    store::receipt::stray(seen.rows, notes.shop, *key).is_some()
}

/// What payouts of this house paid to invoices that were made for the API: their rows hold one sum.
fn paid_inside(seen: &Seen<'_>) -> BTreeMap<PaymentHash, Msat> {
    let mut paid = BTreeMap::new();
    for payout in seen.payouts.iter().filter(|payout| is_inside(payout)) {
        if let Destination::Bolt11(invoice) = &payout.destination
            && store::node::api_invoice(seen.rows, payout.store, invoice.hash).is_some()
        {
            paid.insert(invoice.hash, payout.amount);
        }
    }
    paid
}
