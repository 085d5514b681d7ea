//! Who is paid: claims, withdraws, asks again, and asks twice at once.

use bitcoin::hashes::Hash;
use bitcoin::secp256k1::SecretKey;
use bitcoin::{Address, Network, ScriptBuf, WPubkeyHash};
use rust_decimal::Decimal;
use tollway::domain::ids::Preimage;
use tollway::domain::money::{Msat, Sat};
use tollway::domain::payout::FeeWish;
use tollway::domain::receipt::Rail;
use tollway::ports::clock::Clock;
use tollway::service::claim::Claim;

use crate::dice::Dice;
use crate::notes::{Notes, Shown};
use crate::support::Wish;
use crate::support::bolt11::{hash_of, sign};
use crate::world::World;

/// Somebody wants to be paid.
pub fn act(world: &mut World) {
    match world.outside.dice.weighed(&[30, 40, 15]) {
        0 => claim(world),
        1 => withdraw(world),
        _ => pay_by_api(world),
    }
}

/// A place to be paid at: nearly always a fresh one.
pub fn show(world: &mut World, rail: Rail, amount: Sat) -> Option<Shown> {
    let dice = world.outside.dice.clone();
    let mut notes = world.board.borrow_mut();
    let again = dice.once_in(6);
    match rail {
        // An invoice of the shop's own: nothing has to leave the house for it.
        Rail::Lightning if dice.once_in(10) => own_invoice(&dice, &notes, amount),
        Rail::Lightning if again => dice.pick(&notes.bolt11s),
        Rail::Onchain if again => {
            let known: Vec<Shown> = notes.addresses.values().cloned().collect();
            dice.pick(&known)
        }
        Rail::Lightning => {
            let preimage = Preimage(dice.bytes());
            let wish = Wish {
                expiry_secs: dice.between(90, 3_600),
                ..Wish::of(amount.to_msat(), world.outside.clock.now())
            };
            let secret = SecretKey::from_slice(&[9; 32]).expect("a key");
            let text = sign(&wish, preimage, &secret);
            world.outside.network.with(|network| {
                network.preimages.insert(hash_of(preimage), preimage);
            });
            let shown = Shown { text, amount };
            notes.bolt11s.push(shown.clone());
            Some(shown)
        }
        Rail::Onchain => {
            let script = ScriptBuf::new_p2wpkh(&WPubkeyHash::from_byte_array(dice.bytes()));
            let address = Address::from_script(&script, Network::Regtest).expect("a script");
            let shown = Shown {
                text: address.to_string(),
                amount,
            };
            notes.addresses.insert(script, shown.clone());
            Some(shown)
        }
    }
}

fn own_invoice(dice: &Dice, notes: &Notes, amount: Sat) -> Option<Shown> {
    let prompts = notes.invoices.values().flat_map(|one| &one.lightning);
    let mut texts: Vec<(String, Sat)> = prompts
        .map(|prompt| {
            let asked = prompt.amount.map_or(amount, Msat::to_sat_ceil);
            (prompt.bolt11.clone(), asked)
        })
        .collect();
    texts.extend(
        notes
            .api_invoices
            .values()
            .map(|text| (text.clone(), amount)),
    );
    let (text, amount) = dice.pick(&texts)?;
    Some(Shown { text, amount })
}

fn claim(world: &mut World) {
    let dice = world.outside.dice.clone();
    let links: Vec<_> = world.board.borrow().pull_payments.keys().copied().collect();
    let Some(link) = dice.pick(&links) else {
        return;
    };
    let rail = dice.pick(&Rail::ALL).expect("some");
    let Some(shown) = show(world, rail, Sat(dice.between(1_000, 30_000))) else {
        return;
    };
    let times = if dice.once_in(8) { 2 } else { 1 };
    for _ in 0..times {
        let claim = Claim::of_receiver(
            shown.text.clone(),
            rail,
            Some(Decimal::from(shown.amount.0)),
        );
        let (gateway, board) = (world.house().gateway.clone(), world.board.clone());
        world.request("a claim", async move {
            if let Ok(made) = gateway.claim(link, claim).await {
                board.borrow_mut().payouts.insert(made.id, made);
            }
        });
    }
}

fn withdraw(world: &mut World) {
    let dice = world.outside.dice.clone();
    let links: Vec<_> = (world.board.borrow().pull_payments.iter())
        .map(|(id, k1)| (*id, *k1))
        .collect();
    let Some((link, k1)) = dice.pick(&links) else {
        return;
    };
    let amount = Sat(dice.between(1_000, 30_000));
    let Some(shown) = show(world, Rail::Lightning, amount) else {
        return;
    };
    let times = if dice.once_in(6) { 2 } else { 1 };
    for _ in 0..times {
        let (gateway, board) = (world.house().gateway.clone(), world.board.clone());
        let pr = shown.text.clone();
        world.request("a withdrawal", async move {
            let done = gateway.withdraw(link, &hex::encode(k1), &pr).await;
            if done.is_ok()
                && let Ok(invoice) =
                    tollway::domain::destination::Destination::bolt11(&pr, Network::Regtest)
            {
                board.borrow_mut().withdrawn.insert(invoice.hash);
            }
        });
    }
}

/// `invoices/pay` of the Lightning API.
fn pay_by_api(world: &mut World) {
    let dice = world.outside.dice.clone();
    let amount = Sat(dice.between(1_000, 30_000));
    let Some(shown) = show(world, Rail::Lightning, amount) else {
        return;
    };
    let (gateway, board) = (world.house().gateway.clone(), world.board.clone());
    world.request("a payment by the API", async move {
        let shop = board.borrow().shop;
        let done = gateway
            .pay_invoice(shop, &shown.text, None, FeeWish::default(), 30)
            .await;
        if let Ok(made) = done {
            board.borrow_mut().payouts.insert(made.id, made);
        }
    });
}
