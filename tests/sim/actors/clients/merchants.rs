//! The shop: sells, promises, approves, changes its mind.

use rust_decimal::Decimal;
use tollway::domain::destination::Destination;
use tollway::domain::ids::{StoreId, UserId};
use tollway::domain::invoice::{Mark, SpeedPolicy};
use tollway::domain::money::{Currency, Money, Sat};
use tollway::domain::payout::{FeeWish, Payout, Stage};
use tollway::domain::receipt::Rail;
use tollway::domain::store::Processor;
use tollway::ports::lightning::InvoiceDescription;
use tollway::service::approval::Approval;
use tollway::service::invoice::NewInvoice;
use tollway::service::payout::StorePayout;
use tollway::service::pull_payment::NewPullPayment;
use tollway::service::review::{Judge, Word};
use tollway::service::stray::Assign;
use tollway::store;

use super::{awaits_approval, payouts, receivers, see};
use crate::world::World;

/// The shop does something.
pub fn act(world: &mut World) {
    match world
        .outside
        .dice
        .weighed(&[40, 5, 10, 25, 12, 12, 6, 3, 6, 6, 6, 4, 4, 6])
    {
        0 => sell(world),
        1 => mark(world),
        2 => offer(world),
        3 => promise(world),
        4 => approve(world),
        5 => press_pay(world),
        6 => take_back(world),
        7 => archive(world),
        8 => automate(world),
        9 => sell_by_api(world),
        10 => bump(world),
        11 => release(world),
        12 => assign(world),
        _ => decide(world),
    }
}

/// A person looks at a payout of which nobody knows what became, asks the receiver, and says what is true.
fn decide(world: &mut World) {
    let reviewed = payouts(world, Payout::in_review);
    let dice = world.outside.dice.clone();
    let Some(payout) = dice.pick(&reviewed) else {
        return;
    };
    let word = match &payout.destination {
        _ if dice.once_in(3) => Word::LookAgain,
        Destination::Address(_) => Word::LookAgain,
        Destination::Bolt11(invoice) => {
            let hash = invoice.hash;
            let has = world.house().node.has(hash);
            world.outside.network.with(|network| {
                if network.arrivals(hash) > 0 {
                    Word::Arrived(network.preimages.get(&hash).copied())
                } else if has || network.flies(hash) {
                    Word::LookAgain
                } else {
                    // From here on it is the person's word, whatever the network does with what comes later.
                    *network.refusals.entry(hash).or_default() += 1;
                    network.lied_about.insert(hash);
                    Word::DidNotArrive {
                        against_doubt: true,
                    }
                }
            })
        }
    };
    let gateway = world.house().gateway.clone();
    world.request("a person's word", async move {
        let judge = Judge {
            user: UserId([1; 16]),
            runs_server: true,
        };
        let why = "asked the receiver";
        let _ = gateway
            .review_payout(payout.store, payout.id, judge, word, why)
            .await;
    });
}

/// More fee for a transaction that waits for a block.
fn bump(world: &mut World) {
    let sent = payouts(world, |payout| {
        payout.stage == Stage::InProgress && payout.rail() == Rail::Onchain
    });
    let dice = world.outside.dice.clone();
    let Some(payout) = dice.pick(&sent) else {
        return;
    };
    let rate = Some(dice.between(3_000, 20_000)).filter(|_| !dice.once_in(4));
    let gateway = world.house().gateway.clone();
    world.request("a higher fee", async move {
        let _ = gateway.bump_fee(payout.store, payout.id, rate).await;
    });
}

/// The shop has looked at spends it can't explain.
fn release(world: &mut World) {
    let shop = world.board.borrow().shop;
    let held = see(world, |rows| store::hold::is_held(rows, shop));
    if held == Some(true) {
        release_till(world);
    }
}

/// The shop says that its payouts may go on.
pub fn release_till(world: &mut World) {
    let (gateway, shop) = (world.house().gateway.clone(), world.board.borrow().shop);
    world.request("a release", async move {
        let look = move |rows: &store::Snapshot| store::hold::spends(rows, shop);
        let spends = gateway.store.read(look).await;
        let seen = spends.iter().map(|spend| spend.txid).collect();
        let _ = gateway.release_till(shop, seen).await;
    });
}

/// The shop says what a stray is for.
fn assign(world: &mut World) {
    let dice = world.outside.dice.clone();
    let shop = world.board.borrow().shop;
    let from = dice.pick(&[shop, StoreId::HOUSE]).expect("some");
    let strays = see(world, |rows| store::receipt::strays(rows, from));
    let stray = dice.pick(&strays.unwrap_or_default());
    let known: Vec<_> = world.board.borrow().invoices.keys().copied().collect();
    let (Some(stray), Some(invoice)) = (stray, dice.pick(&known)) else {
        return;
    };
    let assign = Assign {
        from,
        receipt: stray.key,
        store: shop,
        invoice,
        by: UserId([1; 16]),
    };
    let gateway = world.house().gateway.clone();
    world.request("a stray's invoice", async move {
        let _ = gateway.assign_stray(assign).await;
    });
}

fn sell(world: &mut World) {
    let dice = world.outside.dice.clone();
    let top_up = dice.once_in(8);
    let new = NewInvoice {
        amount: Some(Decimal::from(dice.between(1_000, 60_000))).filter(|_| !top_up),
        currency: Some(Currency::SATS),
        expiration_secs: u32::try_from(dice.between(30, 900)).ok(),
        monitoring_secs: u32::try_from(dice.between(600, 7_200)).ok(),
        speed: dice.pick(&[
            SpeedPolicy::HighSpeed,
            SpeedPolicy::MediumSpeed,
            SpeedPolicy::LowMediumSpeed,
            SpeedPolicy::LowSpeed,
        ]),
        rails: dice
            .pick(&[
                Rail::ALL.to_vec(),
                vec![Rail::Lightning],
                vec![Rail::Onchain],
            ])
            .filter(|_| dice.once_in(3)),
        ..NewInvoice::default()
    };
    let (gateway, board) = (world.house().gateway.clone(), world.board.clone());
    world.request("an invoice", async move {
        let shop = board.borrow().shop;
        if let Ok(made) = gateway.create_invoice(shop, new).await {
            board.borrow_mut().invoices.insert(made.id, made);
        }
    });
}

fn sell_by_api(world: &mut World) {
    let dice = world.outside.dice.clone();
    let amount = Some(Sat(dice.between(1_000, 50_000)).to_msat());
    let (gateway, board) = (world.house().gateway.clone(), world.board.clone());
    world.request("an invoice by the API", async move {
        let shop = board.borrow().shop;
        let description = InvoiceDescription::Text("by the API".to_owned());
        let made = gateway
            .create_api_invoice(shop, amount, description, 3_600)
            .await;
        if let Ok(made) = made {
            board
                .borrow_mut()
                .api_invoices
                .insert(made.hash, made.bolt11);
        }
    });
}

fn mark(world: &mut World) {
    let dice = world.outside.dice.clone();
    let known: Vec<_> = world.board.borrow().invoices.keys().copied().collect();
    let Some(id) = dice.pick(&known) else { return };
    let mark = dice.pick(&[Mark::Settled, Mark::Invalid]).expect("some");
    let (gateway, shop) = (world.house().gateway.clone(), world.board.borrow().shop);
    world.request("a mark", async move {
        let _ = gateway.mark_invoice(shop, id, mark).await;
    });
}

fn offer(world: &mut World) {
    let dice = world.outside.dice.clone();
    let new = NewPullPayment {
        name: "Bounty".to_owned(),
        description: String::new(),
        limit: Money {
            amount: Decimal::from(dice.between(5_000, 150_000)),
            currency: Currency::SATS,
        },
        rails: None,
        bolt11_days: 0,
        auto_approve: !dice.once_in(3),
        starts_at: None,
        expires_at: None,
        claim_max: None,
        claims_max: None,
        rate_lock_secs: None,
    };
    let (gateway, board) = (world.house().gateway.clone(), world.board.clone());
    world.request("a pull payment", async move {
        let shop = board.borrow().shop;
        if let Ok(made) = gateway.create_pull_payment(shop, new).await {
            board.borrow_mut().pull_payments.insert(made.id, made.k1);
        }
    });
}

/// A payout of the shop's own, to a fresh place or to one that was used before.
fn promise(world: &mut World) {
    let dice = world.outside.dice.clone();
    let rail = dice.pick(&Rail::ALL).expect("some");
    // Now and then more than there is.
    let amount = if rail == Rail::Onchain && dice.once_in(8) {
        dice.between(200_000, 900_000)
    } else {
        dice.between(1_000, 40_000)
    };
    let Some(shown) = receivers::show(world, rail, Sat(amount)) else {
        return;
    };
    let new = StorePayout {
        pull_payment: None,
        destination: shown.text,
        rail,
        amount: Some(shown.amount.to_btc()),
        approved: !dice.once_in(3),
        fees: FeeWish::default(),
        metadata: "{}".to_owned(),
    };
    let (gateway, board) = (world.house().gateway.clone(), world.board.clone());
    world.request("a payout", async move {
        let shop = board.borrow().shop;
        if let Ok(made) = gateway.create_payout(shop, new).await {
            board.borrow_mut().payouts.insert(made.id, made);
        }
    });
}

fn approve(world: &mut World) {
    let waiting = payouts(world, awaits_approval);
    let Some(payout) = world.outside.dice.pick(&waiting) else {
        return;
    };
    let (gateway, board) = (world.house().gateway.clone(), world.board.clone());
    world.request("an approval", async move {
        let done = gateway
            .approve_payout(payout.store, payout.id, Approval::of(payout.revision))
            .await;
        if done.is_ok() {
            board.borrow_mut().approved.insert(payout.id);
        }
    });
}

fn press_pay(world: &mut World) {
    let waiting = payouts(world, |payout| payout.stage == Stage::AwaitingPayment);
    let Some(payout) = world.outside.dice.pick(&waiting) else {
        return;
    };
    let gateway = world.house().gateway.clone();
    world.request("Pay", async move {
        let _ = gateway.pay_payout(payout.store, payout.id).await;
    });
}

fn take_back(world: &mut World) {
    let open = payouts(world, tollway::domain::payout::Payout::is_open);
    let Some(payout) = world.outside.dice.pick(&open) else {
        return;
    };
    let (gateway, board) = (world.house().gateway.clone(), world.board.clone());
    world.request("a cancellation", async move {
        let why = "the shop says so";
        let done = gateway.cancel_payout(payout.store, payout.id, why).await;
        if done.is_ok() {
            board.borrow_mut().cancelled.insert(payout.id);
        }
    });
}

fn archive(world: &mut World) {
    let dice = world.outside.dice.clone();
    let known: Vec<_> = world.board.borrow().pull_payments.keys().copied().collect();
    let Some(id) = dice.pick(&known) else { return };
    let (gateway, shop) = (world.house().gateway.clone(), world.board.borrow().shop);
    world.request("an archival", async move {
        let _ = gateway.archive_pull_payment(shop, id).await;
    });
}

fn automate(world: &mut World) {
    let dice = world.outside.dice.clone();
    let rail = dice.pick(&Rail::ALL).expect("some");
    let on = !dice.once_in(5);
    let instant = !dice.once_in(4);
    let (gateway, shop) = (world.house().gateway.clone(), world.board.borrow().shop);
    let processor = Processor {
        rail,
        interval_secs: 60,
        instant,
        fee_block_target: 1,
        threshold: Decimal::ZERO,
        since: gateway.now(),
    };
    world.request("a sender", async move {
        let _ = gateway
            .set_processor(shop, rail, Some(processor).filter(|_| on))
            .await;
    });
}
