//! A store's on-chain wallet: connecting one, paying by hand, and transactions that wait for their owner's signature.

mod view;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::csrf::{Button, Posted};
use super::destination::amount;
use super::error::PageError;
use super::page::{Room, Shell, checked};
use super::rights;
use super::said::Said;
use super::session::Shop;
use crate::domain::ids::BatchId;
use crate::http::AppState;
use crate::service::Gateway;
use crate::service::batches::bump::sat_per_kvb;
use crate::service::payment_method::GivenWallet;
use crate::service::wallet::send::{NewSend, Wanted};
use crate::store;
use view::{CoinRow, DraftRow, KeptRow, MovedRow, WalletView};

/// Transactions and coins that the page shows.
const SHOWN: usize = 20;

/// The form that connects a wallet.
const CONNECT: &str = "connect";

/// The form that pays.
const SEND: &str = "send";

/// The form that brings a signed transaction.
const SIGNED: &str = "signed";

/// Transactions that wait for a signature.
const DRAFTS: &str = "drafts";

#[derive(Template)]
#[template(path = "onchain_wallet.html")]
struct WalletPage {
    shell: Shell,
    wallet: WalletView,
    drafts: Vec<DraftRow>,
    kept: Vec<KeptRow>,
    moved: Vec<MovedRow>,
    coins: Vec<CoinRow>,
    /// Coins that are not shown.
    more_coins: usize,
    connect: ConnectForm,
    send: SendForm,
    signed: SignedForm,
    said: Said,
}

/// A wallet to be connected.
#[derive(Debug, Default, Deserialize)]
pub struct ConnectForm {
    #[serde(default)]
    scheme: String,
    #[serde(default)]
    key_path: String,
    #[serde(default)]
    label: String,
}

/// A payment by hand.
#[derive(Debug, Default, Deserialize)]
pub struct SendForm {
    #[serde(default)]
    destination: String,
    #[serde(default)]
    amount: String,
    #[serde(default)]
    rate: String,
    bears_fee: Option<String>,
}

/// A signed transaction that is brought back.
#[derive(Debug, Default, Deserialize)]
pub struct SignedForm {
    #[serde(default)]
    transaction: String,
}

/// What a verb of this page came to.
#[derive(Default)]
struct Outcome {
    connect: ConnectForm,
    send: SendForm,
    signed: SignedForm,
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

/// `GET /stores/{store}/wallet/onchain`
pub async fn page(State(state): State<AppState>, shop: Shop) -> Result<Response, PageError> {
    show(&state.gateway, &shop, Outcome::default()).await
}

/// `POST /stores/{store}/wallet/connect`
pub async fn connect(
    State(state): State<AppState>,
    shop: Shop,
    Posted(form): Posted<ConnectForm>,
) -> Result<Response, PageError> {
    let text = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let wallet = GivenWallet {
        scheme: form.scheme.clone(),
        key_path: text(&form.key_path),
        label: text(&form.label),
    };
    let connected = state
        .gateway
        .set_onchain(shop.store.id, Some(true), Some(wallet))
        .await;
    let outcome = match connected {
        Ok(_) => Said::done(
            CONNECT,
            "The wallet is connected: new invoices are paid to it.",
        )
        .into(),
        Err(refusal) => Outcome {
            connect: form,
            ..Said::refused(CONNECT, refusal).into()
        },
    };
    show(&state.gateway, &shop, outcome).await
}

/// `POST /stores/{store}/wallet/own`: back to the wallet that the store was opened with.
pub async fn own(
    State(state): State<AppState>,
    shop: Shop,
    Posted(Button {}): Posted<Button>,
) -> Result<Response, PageError> {
    let said = match state.gateway.use_own_wallet(shop.store.id).await {
        Ok(_) => Said::done(CONNECT, "The store uses this server's own wallet again."),
        Err(refusal) => Said::refused(CONNECT, refusal),
    };
    show(&state.gateway, &shop, said.into()).await
}

/// `POST /stores/{store}/wallet/send`: signed and sent where this server has the keys, for its owner to sign otherwise.
pub async fn send(
    State(state): State<AppState>,
    shop: Shop,
    Posted(form): Posted<SendForm>,
) -> Result<Response, PageError> {
    let outcome = match sent(&state.gateway, &shop, &form).await? {
        Ok(words) => Said::done(SEND, words).into(),
        Err(why) => Outcome {
            send: form,
            ..Said::refused(SEND, why).into()
        },
    };
    show(&state.gateway, &shop, outcome).await
}

/// `POST /stores/{store}/wallet/signed`
pub async fn signed(
    State(state): State<AppState>,
    shop: Shop,
    Posted(form): Posted<SignedForm>,
) -> Result<Response, PageError> {
    let taken = state
        .gateway
        .wallet_broadcast(shop.store.id, &form.transaction)
        .await;
    let outcome = match taken {
        Ok(_) => Said::done(SIGNED, "The transaction is signed, and is being sent.").into(),
        Err(refusal) => Outcome {
            signed: form,
            ..Said::refused(SIGNED, refusal).into()
        },
    };
    show(&state.gateway, &shop, outcome).await
}

/// `POST /stores/{store}/wallet/drafts/{draft}/give-up`
pub async fn give_up(
    State(state): State<AppState>,
    shop: Shop,
    Path((_, draft)): Path<(String, String)>,
    Posted(Button {}): Posted<Button>,
) -> Result<Response, PageError> {
    let id: BatchId = draft.parse().map_err(|_| PageError::NotFound)?;
    match state.gateway.give_up_draft(shop.store.id, id).await {
        Ok(_) => Ok(Redirect::to(&path_of(&shop)).into_response()),
        Err(refusal) => {
            let said = Said::refused(DRAFTS, refusal);
            show(&state.gateway, &shop, said.into()).await
        }
    }
}

/// `GET /stores/{store}/wallet/drafts/{draft}/psbt`: what to sign, as a file.
pub async fn psbt(
    State(state): State<AppState>,
    shop: Shop,
    Path((_, draft)): Path<(String, String)>,
) -> Result<Response, PageError> {
    let id: BatchId = draft.parse().map_err(|_| PageError::NotFound)?;
    let draft = state.gateway.draft(shop.store.id, id).await;
    let draft = draft.ok_or(PageError::NotFound)?;
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{id}.psbt\""),
        ),
    ];
    Ok((headers, Vec::from(draft.psbt)).into_response())
}

async fn sent(
    gateway: &Gateway,
    shop: &Shop,
    form: &SendForm,
) -> Result<Result<&'static str, String>, PageError> {
    let sat = match amount(&form.amount) {
        Ok(sat) => sat,
        Err(why) => return Ok(Err(why.to_owned())),
    };
    let rate = match form.rate.trim() {
        "" => None,
        text => match text.parse().ok().and_then(sat_per_kvb) {
            Some(rate) => Some(rate),
            None => return Ok(Err("Write the fee rate in sat/vB.".to_owned())),
        },
    };
    let new = NewSend {
        payments: vec![Wanted {
            destination: form.destination.clone(),
            amount: sat.and_then(|sat| sat.checked_mul(rust_decimal::Decimal::new(1, 8))),
            bears_fee: form.bears_fee.is_some(),
        }],
        fee_rate_sat_per_kvb: rate,
        coins: None,
        confirmed: false,
        no_change: false,
        final_fee: false,
    };
    let store = shop.store.id;
    let wallet = gateway.wallet_config(store).await?;
    let can_sign = wallet.is_some_and(|wallet| wallet.kind.can_sign());
    Ok(if can_sign {
        let sent = gateway.wallet_send(store, new, false).await;
        sent.map(|_| "The transaction is signed, and is being sent.")
            .map_err(|refusal| refusal.to_string())
    } else {
        let made = gateway.wallet_draft(store, new).await;
        made.map(|_| "The transaction waits for your signature, above.")
            .map_err(|refusal| refusal.to_string())
    })
}

fn path_of(shop: &Shop) -> String {
    format!("{}/onchain", Room::Wallet.path(shop.store.id))
}

async fn show(gateway: &Gateway, shop: &Shop, outcome: Outcome) -> Result<Response, PageError> {
    let id = shop.store.id;
    let config = gateway.wallet_config(id).await?;
    let (moved, coins) = match &config {
        Some(_) => (
            gateway.wallet_history(id).await.unwrap_or_default(),
            gateway.wallet_coins(id).await.unwrap_or_default(),
        ),
        None => (Vec::new(), Vec::new()),
    };
    let notes = gateway.remarks(id).await;
    let balance = super::node::till_balance(gateway, id).await?;
    let drafts = gateway.drafts(id).await;
    // Whoever sees the signed bytes can send them.
    let kept = if shop.may(rights::BROADCAST) {
        gateway.kept_back(id).await
    } else {
        Vec::new()
    };
    let mark = gateway
        .store
        .glance(|rows| store::journal::last_sequence(rows));
    let shell = Shell::inside(gateway, shop, Room::Wallet, "On-chain wallet");
    let page = WalletPage {
        shell: shell.live(mark).at(path_of(shop)),
        wallet: WalletView::of(config.as_ref(), balance),
        drafts: drafts.iter().map(DraftRow::from).collect(),
        kept: kept.iter().map(KeptRow::from).collect(),
        moved: (moved.iter().take(SHOWN))
            .map(|moved| MovedRow::of(moved, &notes))
            .collect(),
        coins: coins.iter().take(SHOWN).map(CoinRow::from).collect(),
        more_coins: coins.len().saturating_sub(SHOWN),
        connect: outcome.connect,
        send: outcome.send,
        signed: outcome.signed,
        said: outcome.said,
    };
    Ok(checked(page.said.is_refused(), &page))
}
