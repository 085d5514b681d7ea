//! Clients of the gateway: who sells, who pays, who is paid.

mod merchants;
mod payers;
mod receivers;

use tollway::domain::access::User;
use tollway::domain::ids::UserId;
use tollway::domain::payout::{Payout, Stage};
use tollway::domain::store::Settings;
use tollway::domain::webhook::Events;
use tollway::service::webhook::Wish;
use tollway::store::{self, Snapshot};

use crate::endpoints::{BROKEN, MOODY};
use crate::world::World;

pub use merchants::release_till;
pub use payers::{fund, pay_all};

/// Somebody does something.
pub fn act(world: &mut World) {
    match world.outside.dice.weighed(&[40, 35, 35]) {
        0 => merchants::act(world),
        1 => payers::act(world),
        _ => receivers::act(world),
    }
}

/// The first account and its shop.
pub fn open_shop(world: &mut World) {
    let house = world.house();
    let gateway = house.gateway.clone();
    let board = world.board.clone();
    world.request("open the shop", async move {
        let user = User {
            id: UserId([1; 16]),
            email: "owner@example.com".to_owned(),
            name: None,
            password_hash: String::new(),
            is_admin: true,
            created: gateway.now(),
            has_had_key: false,
            image_url: None,
            invitation: None,
        };
        let row = user.clone();
        let put = move |tx: &mut store::Tx<'_>| store::access::put_user(tx, &row);
        gateway.store.insist("user", put).await.expect("an account");
        let (name, kept) = ("Shop".to_owned(), "{}".to_owned());
        let shop = gateway
            .create_store(&user, name, Settings::default(), kept)
            .await
            .expect("a store");
        let some = ["InvoiceCreated", "InvoiceSettled", "PayoutUpdated"];
        for url in [MOODY, BROKEN] {
            let wish = Wish {
                url: url.to_owned(),
                enabled: true,
                automatic_redelivery: true,
                events: Events {
                    everything: url == MOODY,
                    specific: some.map(str::to_owned).into(),
                },
                secret: None,
                by_operator: true,
            };
            let made = gateway.create_webhook(shop.id, wish).await;
            made.expect("a webhook");
        }
        board.borrow_mut().shop = shop.id;
    });
}

/// What anybody with a page open sees now: the last commit.
fn see<R>(world: &mut World, look: impl FnOnce(&Snapshot) -> R) -> Option<R> {
    let house = world.house();
    if house.disk.is_fused() || house.disk.is_dead() {
        return None;
    }
    Some(look(&house.gateway.store.snapshot()))
}

/// Payouts of the shop that fit.
fn payouts(world: &mut World, fits: impl Fn(&Payout) -> bool) -> Vec<Payout> {
    let shop = world.board.borrow().shop;
    let found = see(world, |rows| {
        let mut found = Vec::new();
        store::payout::newest_first(rows, shop, &mut |payout| {
            if fits(&payout) {
                found.push(payout);
            }
            std::ops::ControlFlow::Continue(())
        });
        found
    });
    found.unwrap_or_default()
}

fn awaits_approval(payout: &Payout) -> bool {
    payout.stage == Stage::AwaitingApproval
}
