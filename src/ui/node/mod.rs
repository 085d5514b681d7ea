//! A store's wallet at a glance, who sends by itself, and the node for who runs it.

mod view;

use std::collections::BTreeSet;

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use bitcoin::Txid;
use serde::Deserialize;

use super::csrf::{Button, Posted};
use super::destination::amount;
use super::error::PageError;
use super::page::{Room, Shell, checked};
use super::said::Said;
use super::session::Shop;
use crate::domain::ids::StoreId;
use crate::domain::money::{SAT_MAX, Sat};
use crate::domain::receipt::Rail;
use crate::domain::store::Processor;
use crate::http::AppState;
use crate::service::Gateway;
use crate::service::node::NodeRefusal;
use crate::store::{self, WriteError};
use crate::wallet::TillBalance;
use view::{NodeView, SenderView, SpendRow};

/// The button that lets held payouts go.
const HELD: &str = "held";

/// The button that shows an address.
const FUND: &str = "fund";

/// The form that opens a channel.
const CHANNEL: &str = "channel";

#[derive(Template)]
#[template(path = "wallet.html")]
struct WalletPage {
    shell: Shell,
    till: Vec<(&'static str, String)>,
    senders: Vec<SenderView>,
    /// Transactions that wait for their owner's signature.
    waiting: usize,
    /// Payments that nobody has assigned to an invoice yet.
    strays: usize,
    spends: Vec<SpendRow>,
    /// The spends that nobody has looked at yet, for the form; none if payouts are not held.
    to_look_at: String,
    node: Option<NodeView>,
    address: Option<String>,
    form: ChannelForm,
    said: Said,
}

/// A channel to be opened.
#[derive(Debug, Default, Deserialize)]
pub struct ChannelForm {
    #[serde(default)]
    peer: String,
    #[serde(default)]
    amount: String,
}

/// An automatic sender to be switched.
#[derive(Debug, Deserialize)]
pub struct SenderForm {
    rail: String,
    on: bool,
}

/// The spends that were shown to who pressed the button.
#[derive(Debug, Deserialize)]
pub struct ReleaseForm {
    /// Their transactions' hashes, with spaces between.
    txids: String,
}

/// What a verb of this page came to.
#[derive(Default)]
struct Outcome {
    address: Option<String>,
    form: ChannelForm,
    said: Said,
}

impl From<Said> for Outcome {
    fn from(said: Said) -> Self {
        Self {
            said,
            ..Self::default()
        }
    }
}

/// What a store's wallet holds. The tills live with the writer; a job that writes nothing costs no fsync.
pub async fn till_balance(gateway: &Gateway, store: StoreId) -> Result<TillBalance, WriteError> {
    gateway
        .store
        .write("wallet-glance", move |tx| {
            let till = store::till::of(tx, store);
            till.map(|till| tx.tills().balance(till))
                .unwrap_or_default()
        })
        .await
}

/// `GET /stores/{store}/wallet`
pub async fn page(State(state): State<AppState>, shop: Shop) -> Result<Response, PageError> {
    show(&state.gateway, &shop, Outcome::default()).await
}

/// `POST /stores/{store}/wallet/address`: a fresh address to fund channels from.
pub async fn address(
    State(state): State<AppState>,
    shop: Shop,
    Posted(Button {}): Posted<Button>,
) -> Result<Response, PageError> {
    only_admin(&shop)?;
    let outcome = match state.gateway.node_address().await {
        Ok(address) => Outcome {
            address: Some(address),
            ..Outcome::default()
        },
        Err(refusal) => Said::refused(FUND, refusal).into(),
    };
    show(&state.gateway, &shop, outcome).await
}

/// `POST /stores/{store}/wallet/channel`
pub async fn channel(
    State(state): State<AppState>,
    shop: Shop,
    Posted(form): Posted<ChannelForm>,
) -> Result<Response, PageError> {
    only_admin(&shop)?;
    let opened = match whole_sat(&form.amount) {
        Ok(sat) => state
            .gateway
            .open_channel(&form.peer, sat)
            .await
            .map_err(|refusal: NodeRefusal| refusal.to_string()),
        Err(why) => Err(why.to_owned()),
    };
    let outcome = match opened {
        Ok(()) => Said::done(
            CHANNEL,
            "The channel is being opened. It can be used after some confirmations.",
        )
        .into(),
        Err(why) => Outcome {
            form,
            ..Said::refused(CHANNEL, why).into()
        },
    };
    show(&state.gateway, &shop, outcome).await
}

/// `POST /stores/{store}/wallet/release`: a person has looked at spends that were not made here (P9).
pub async fn release(
    State(state): State<AppState>,
    shop: Shop,
    Posted(form): Posted<ReleaseForm>,
) -> Result<Response, PageError> {
    let seen: Result<BTreeSet<Txid>, _> = form.txids.split_whitespace().map(str::parse).collect();
    let seen = seen.map_err(|_| PageError::Unreadable)?;
    if state.gateway.release_till(shop.store.id, seen).await? {
        let why = "Still held: there is a spend that the page did not show before.";
        return show(&state.gateway, &shop, Said::refused(HELD, why).into()).await;
    }
    Ok(Redirect::to(&Room::Wallet.path(shop.store.id)).into_response())
}

/// `POST /stores/{store}/wallet/sender`
pub async fn sender(
    State(state): State<AppState>,
    shop: Shop,
    Posted(form): Posted<SenderForm>,
) -> Result<Response, PageError> {
    let rail: Rail = form.rail.parse().map_err(|_| PageError::Unreadable)?;
    let processor = form.on.then(|| Processor {
        fees: None,
        rail,
        interval_secs: 60,
        instant: true,
        fee_block_target: 1,
        threshold: rust_decimal::Decimal::ZERO,
        since: state.gateway.now(),
    });
    state
        .gateway
        .set_processor(shop.store.id, rail, processor)
        .await?;
    Ok(Redirect::to(&Room::Wallet.path(shop.store.id)).into_response())
}

/// The node is the server's: for everybody else these buttons do not exist.
pub(super) const fn only_admin(shop: &Shop) -> Result<(), PageError> {
    if shop.signed.user.is_admin {
        Ok(())
    } else {
        Err(PageError::NotFound)
    }
}

fn whole_sat(text: &str) -> Result<Sat, &'static str> {
    amount(text)?
        .filter(rust_decimal::Decimal::is_integer)
        .and_then(|sat| u64::try_from(sat).ok())
        .map(Sat)
        .filter(|sat| *sat > Sat::ZERO && *sat <= SAT_MAX)
        .ok_or("Write the amount in whole satoshi.")
}

async fn show(gateway: &Gateway, shop: &Shop, outcome: Outcome) -> Result<Response, PageError> {
    let id = shop.store.id;
    let is_admin = shop.signed.user.is_admin;
    let (mut senders, waiting, strays, spends, mark) = gateway
        .store
        .read(move |rows| {
            let senders = Rail::ALL.map(|rail| {
                let processor = store::payout::processor(rows, id, rail);
                SenderView::of(rail, processor.as_ref())
            });
            let mut strays = store::receipt::strays(rows, id);
            if is_admin {
                strays.extend(store::receipt::strays(rows, StoreId::HOUSE));
            }
            strays.retain(store::receipt::Stray::waits);
            let spends = store::hold::spends(rows, id);
            let last = store::journal::last_sequence(rows);
            let waiting = store::draft::open_of(rows, id).len();
            (senders, waiting, strays.len(), spends, last)
        })
        .await;
    for (rail, sender) in Rail::ALL.into_iter().zip(&mut senders) {
        if sender.on {
            sender.trouble = gateway.sender_trouble(id, rail).await;
        }
    }
    let shell = Shell::inside(gateway, shop, Room::Wallet, "Wallet & node");
    let page = WalletPage {
        shell: shell.live(mark).at(Room::Wallet.path(id)),
        till: view::till(till_balance(gateway, id).await?),
        senders: senders.into(),
        waiting,
        strays,
        to_look_at: view::to_look_at(&spends),
        spends: spends.iter().map(SpendRow::from).collect(),
        node: if is_admin {
            Some(node(gateway).await)
        } else {
            None
        },
        address: outcome.address,
        form: outcome.form,
        said: outcome.said,
    };
    Ok(checked(page.said.is_refused(), &page))
}

async fn node(gateway: &Gateway) -> NodeView {
    let state = gateway.lightning.state();
    let answers = async {
        let identity = gateway.lightning.identity().await?;
        let balances = gateway.lightning.balances().await?;
        let channels = gateway.lightning.channels().await?;
        Ok::<_, crate::ports::lightning::NodeError>((identity, balances, channels))
    };
    match answers.await {
        Ok((identity, balances, channels)) => {
            NodeView::of(&state, Some(&identity), Some(&balances), &channels, None)
        }
        Err(error) => NodeView::of(&state, None, None, &[], Some(error.to_string())),
    }
}
