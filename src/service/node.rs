//! The node's own Lightning API: invoices without a store's invoice, payments, channels, funding.
//!
//! Every payment is a payout with an attempt, as everywhere (P2, P3).

use bitcoin::secp256k1::PublicKey;

use super::books::allowance;
use super::payout::{NewPayout, PayoutRefusal, check_not_expired};
use super::settle::payout_of;
use super::{Gateway, Unavailable};
use crate::domain::destination::{BadDestination, Destination};
use crate::domain::ids::{PaymentHash, PayoutId, StoreId};
use crate::domain::money::{Currency, Money, Msat, Sat};
use crate::domain::payout::{FeeWish, Origin, Payout, Stage};
use crate::domain::pull_payment::ClaimRefusal;
use crate::domain::receipt::ReceiptKey;
use crate::ports::lightning::{InvoiceDescription, NodeError, NodeState, ReceiveRequest};
use crate::store::invoice::HashOwner;
use crate::store::node::{ApiInvoice, Paid};
use crate::store::{self, Rows, WriteError};

/// How long `invoices/pay` waits for the outcome, unless the caller says otherwise (Greenfield 4.9).
pub const SEND_TIMEOUT_SECS: u64 = 30;

/// Why a Lightning operation is not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NodeRefusal {
    /// 422 `BOLT11`.
    #[error("{0}")]
    Bolt11(String),
    /// 422 `Amount`.
    #[error("{0}")]
    Amount(&'static str),
    /// 400 `cannot-afford-funding`.
    #[error("{0}")]
    CannotAfford(String),
    /// 400 `need-more-confirmations`.
    #[error("{0}")]
    NeedsConfirmations(String),
    /// 400 `could-not-connect`; where more than connecting was asked for, `peer-not-connected`.
    #[error("{0}")]
    Unreachable(String),
    /// 400 `generic-error` and its like: the node's reason.
    #[error("{0}")]
    Refused(String),
    /// 503 `lightning-node-unavailable`.
    #[error("{0}")]
    NodeUnavailable(String),
    /// 503.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<WriteError> for NodeRefusal {
    fn from(error: WriteError) -> Self {
        Self::Unavailable(error.into())
    }
}

impl From<NodeError> for NodeRefusal {
    fn from(error: NodeError) -> Self {
        match error {
            NodeError::Unavailable(_) => Self::NodeUnavailable(error.to_string()),
            NodeError::CannotAfford(why) => Self::CannotAfford(why),
            NodeError::Unreachable(why) => Self::Unreachable(why),
            NodeError::Refused(why) => Self::Refused(why),
        }
    }
}

/// A channel that was asked for by a request that is to be done once: enough to tell whether it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opening {
    /// The other side.
    pub peer: PublicKey,
    /// Its size.
    pub amount: Sat,
    /// How many of this size there were with this peer.
    pub before: u32,
}

impl Opening {
    fn to_vec(self) -> Vec<u8> {
        let mut about = self.peer.serialize().to_vec();
        about.extend_from_slice(&self.amount.0.to_be_bytes());
        about.extend_from_slice(&self.before.to_be_bytes());
        about
    }

    /// Reads it again; `None` for what is noted otherwise.
    pub fn from_slice(about: &[u8]) -> Option<Self> {
        let (peer, rest) = about.split_first_chunk::<33>()?;
        let (amount, before) = rest.split_first_chunk()?;
        Some(Self {
            peer: PublicKey::from_slice(peer).ok()?,
            amount: Sat(u64::from_be_bytes(*amount)),
            before: u32::from_be_bytes(before.try_into().ok()?),
        })
    }
}

impl Gateway {
    /// Makes a BOLT11 for the API, kept before it is answered.
    pub async fn create_api_invoice(
        &self,
        store: StoreId,
        amount: Option<Msat>,
        description: InvoiceDescription,
        expiry_secs: u32,
    ) -> Result<ApiInvoice, NodeRefusal> {
        let issued = self
            .lightning
            .receive(ReceiveRequest {
                amount,
                description,
                expiry_secs,
            })
            .await?;
        let now = self.now();
        let invoice = ApiInvoice {
            hash: issued.hash,
            bolt11: issued.bolt11,
            amount,
            created: now,
            expires_at: now.plus_secs(expiry_secs.into()),
            preimage: issued.preimage,
            paid: None,
        };
        self.store
            .write("api-invoice", move |tx| {
                store::invoice::put_api_hash(tx, store, invoice.hash, invoice.expires_at);
                store::node::put_api_invoice(tx, store, &invoice);
                tx.concerns(store, invoice.hash.as_bytes());
                invoice
            })
            .await
            .map_err(NodeRefusal::from)
    }

    /// A BOLT11 that was issued here, by its hash: one made through the Lightning API, or one that an invoice of the
    /// store shows. The house sees those of every store.
    pub async fn issued_invoice(&self, books: StoreId, hash: PaymentHash) -> Option<ApiInvoice> {
        self.store.read(move |rows| issued(rows, books, hash)).await
    }

    /// Pays an invoice, once however often it is asked (D32), and waits for the outcome up to `wait_secs`.
    pub async fn pay_invoice(
        &self,
        store: StoreId,
        bolt11: &str,
        amount: Option<Msat>,
        fees: FeeWish,
        wait_secs: u64,
    ) -> Result<Payout, NodeRefusal> {
        let invoice = Destination::bolt11(bolt11, self.network)
            .map_err(|e: BadDestination| NodeRefusal::Bolt11(e.to_string()))?;
        let hash = invoice.hash;
        if let Some(earlier) = self.earlier_payment(store, hash).await? {
            return self.await_payout(earlier, wait_secs).await;
        }
        let amount = match (invoice.amount, amount) {
            (None, None) => return Err(NodeRefusal::Amount("This invoice needs an amount.")),
            (_, Some(Msat(0))) => {
                return Err(NodeRefusal::Amount("The amount has to be positive."));
            }
            (Some(asked), Some(given)) if given < asked => {
                return Err(NodeRefusal::Amount(
                    "This is less than the invoice asks for.",
                ));
            }
            (_, Some(given)) => given,
            (Some(asked), None) => asked,
        };
        if self.lightning.state() != NodeState::Ready {
            let why = "The Lightning node is not ready. Try again soon.";
            return Err(NodeRefusal::NodeUnavailable(why.to_owned()));
        }
        let now = self.now();
        let new = NewPayout {
            origin: Origin::LightningApi,
            asked: Money {
                amount: amount.to_btc(),
                currency: Currency::BTC,
            },
            read: super::destination::ReadDestination {
                amount: Some(amount),
                destination: Destination::Bolt11(invoice),
            },
            amount,
            approved: true,
            pay_now: true,
            quoted: None,
            fees,
            metadata: "{}".to_owned(),
        };
        check_not_expired(&new.read.destination, now).map_err(refused)?;
        self.check_affordable(store, &new).await?;
        let payout = match self.put_payout(store, new, now).await {
            Err(PayoutRefusal::Claim(ClaimRefusal::DuplicateDestination)) => {
                let earlier = self.earlier_payment(store, hash).await?;
                let another = ClaimRefusal::DuplicateDestination.into();
                earlier.ok_or_else(|| refused(another))?
            }
            put => put.map_err(refused)?,
        };
        self.await_payout(payout, wait_secs).await
    }

    /// What the same store asked for before, or at the same time, by the same invoice.
    async fn earlier_payment(
        &self,
        store: StoreId,
        hash: PaymentHash,
    ) -> Result<Option<Payout>, NodeRefusal> {
        let earlier = self.store.read(move |rows| payout_of(rows, hash)).await;
        match earlier {
            Some(other) if other.store != store || other.origin != Origin::LightningApi => {
                let why = "This invoice belongs to another payout.";
                Err(NodeRefusal::Bolt11(why.to_owned()))
            }
            earlier => Ok(earlier),
        }
    }

    /// A payment that could only wait for money is refused at once: who calls the API wants it now. The job that
    /// records the attempt decides for good (P11). One to this server itself never leaves it, and is judged there.
    async fn check_affordable(&self, store: StoreId, new: &NewPayout) -> Result<(), NodeRefusal> {
        let Destination::Bolt11(invoice) = &new.read.destination else {
            return Ok(());
        };
        if invoice.payee == self.lightning.node_id().serialize() {
            return Ok(());
        }
        if self.lightning.sendable() < new.amount {
            let why = "No channel of the node can send this much now.";
            return Err(NodeRefusal::Refused(why.to_owned()));
        }
        let cap = self.fee_cap(store).await;
        let wished = new.fees.most(new.amount);
        let needs = (new.amount).plus(wished.unwrap_or_else(|| cap.most(new.amount)));
        self.store
            .read(move |rows| allowance::check(rows, store, needs))
            .await
            .map_err(|too_little| NodeRefusal::Refused(too_little.to_string()))
    }

    /// Waits until a payout is over or its first attempt has failed, or the time is up. What failed definitely, or has
    /// nothing to be paid with, is cancelled: a caller of the API retries by asking again with a new invoice.
    async fn await_payout(&self, payout: Payout, wait_secs: u64) -> Result<Payout, NodeRefusal> {
        let (store, id) = (payout.store, payout.id);
        let mut live = self.store.signals().live();
        let until = self.now().plus_secs(wait_secs);
        loop {
            let payout = self
                .store
                .read(move |rows| store::payout::get(rows, store, id))
                .await
                .ok_or(Unavailable::Failed)?;
            match &payout.stage {
                Stage::Completed { .. } | Stage::Cancelled { .. } => return Ok(payout),
                Stage::AwaitingPayment if !payout.attempts.is_empty() => {
                    let why = "The payment failed.";
                    if let Ok(cancelled) = self.cancel_payout(store, id, why).await {
                        return Ok(cancelled);
                    }
                }
                Stage::AwaitingApproval | Stage::AwaitingPayment | Stage::InProgress => {}
            }
            tokio::select! {
                biased;
                told = store::signals::about(&mut live, id.as_bytes()) => {
                    if told.is_err() {
                        return Ok(payout);
                    }
                }
                () = self.clock.sleep_until(until) => return self.settle_for(store, id, payout).await,
            }
        }
    }

    /// The time is up. Nothing has left for a payout that was found to have nothing to be paid with: it is over.
    async fn settle_for(
        &self,
        store: StoreId,
        id: PayoutId,
        seen: Payout,
    ) -> Result<Payout, NodeRefusal> {
        let found = self
            .store
            .read(move |rows| store::payout::get(rows, store, id));
        let payout = found.await.unwrap_or(seen);
        let waits = payout.stage == Stage::AwaitingPayment && payout.waiting_for.is_some();
        if !waits || !payout.attempts.is_empty() {
            return Ok(payout);
        }
        let why = "There was nothing to pay it with.";
        let cancelled = self.cancel_payout(store, id, why).await;
        Ok(cancelled.unwrap_or(payout))
    }

    /// A payment made through the API, by its hash.
    pub async fn api_payment(&self, store: StoreId, hash: PaymentHash) -> Option<Payout> {
        self.store
            .read(move |rows| {
                payout_of(rows, hash)
                    .filter(|payout| payout.store == store && payout.origin == Origin::LightningApi)
            })
            .await
    }

    /// A fresh address of the node's own wallet, for funding channels; noted so that no payout is sent there (P7).
    pub async fn node_address(&self) -> Result<String, NodeRefusal> {
        let text = self.lightning.new_address().await?;
        let address = Destination::address(&text, self.network)
            .map_err(|e| NodeRefusal::Refused(e.to_string()))?;
        self.store
            .write("node-address", move |tx| {
                store::node::put_address(tx, &address.script);
            })
            .await?;
        Ok(text)
    }

    /// Connects to `pubkey@host:port`.
    pub async fn connect(&self, uri: &str) -> Result<(), NodeRefusal> {
        let (peer, address) = read_uri(uri)?;
        Ok(self.lightning.connect(peer, address).await?)
    }

    /// Opens a channel to `pubkey@host:port` from the node's own wallet.
    pub async fn open_channel(&self, uri: &str, amount: Sat) -> Result<(), NodeRefusal> {
        let (peer, address) = read_uri(uri)?;
        if self.store.is_named() {
            let before = self.channels_like(peer, amount).await?;
            let opening = Opening {
                peer,
                amount,
                before,
            };
            let about = opening.to_vec();
            self.store.intend(StoreId::HOUSE, about).await?;
        }
        let opened = self.lightning.open_channel(peer, address, amount).await;
        match &opened {
            // Nothing has left: the same request may be tried again.
            Err(NodeError::CannotAfford(_) | NodeError::Unreachable(_) | NodeError::Refused(_)) => {
                self.store.take_back().await?;
            }
            Ok(()) | Err(NodeError::Unavailable(_)) => {}
        }
        match opened {
            Err(NodeError::CannotAfford(why)) => Err(self.why_not_afforded(amount, why).await),
            other => Ok(other?),
        }
    }

    /// Whether a channel is there that was not there before it was asked for.
    pub async fn has_opened(&self, opening: Opening) -> bool {
        let now = self.channels_like(opening.peer, opening.amount).await;
        now.is_ok_and(|now| now > opening.before)
    }

    async fn channels_like(&self, peer: PublicKey, amount: Sat) -> Result<u32, NodeError> {
        let channels = self.lightning.channels().await?;
        let like = channels
            .iter()
            .filter(|one| one.peer == peer && one.capacity == amount);
        Ok(u32::try_from(like.count()).unwrap_or(u32::MAX))
    }

    /// Coins that are not confirmed yet can't fund a channel.
    async fn why_not_afforded(&self, amount: Sat, why: String) -> NodeRefusal {
        match self.lightning.balances().await {
            Ok(holds)
                if holds.onchain_spendable < amount
                    && holds.onchain_total.minus(holds.onchain_reserved) >= amount =>
            {
                let why =
                    "The node's own wallet holds enough, but part of it is not confirmed yet.";
                NodeRefusal::NeedsConfirmations(why.to_owned())
            }
            Ok(_) | Err(_) => NodeRefusal::CannotAfford(why),
        }
    }
}

fn issued(rows: &dyn Rows, books: StoreId, hash: PaymentHash) -> Option<ApiInvoice> {
    let (owner, invoice) = match store::invoice::hash_owner(rows, hash) {
        Some(HashOwner::Invoice { store, invoice }) => (store, Some(invoice)),
        Some(HashOwner::Api { store }) => (store, None),
        None => (books, None),
    };
    if owner != books && books != StoreId::HOUSE {
        return None;
    }
    let Some(id) = invoice else {
        return store::node::api_invoice(rows, owner, hash);
    };
    let invoice = store::invoice::get(rows, owner, id)?;
    let prompt = invoice.lightning.iter().find(|one| one.hash == hash)?;
    let key = ReceiptKey::Lightning(hash);
    let receipt = invoice.receipts.iter().find(|one| one.key == key);
    Some(ApiInvoice {
        hash,
        bolt11: prompt.bolt11.clone(),
        amount: prompt.amount,
        created: invoice.created,
        expires_at: invoice.terms.expires_at,
        preimage: prompt.preimage,
        paid: receipt.map(|receipt| Paid {
            amount: receipt.amount,
            at: receipt.received_at,
        }),
    })
}

fn read_uri(uri: &str) -> Result<(PublicKey, &str), NodeRefusal> {
    let bad = || NodeRefusal::Refused("Give the node as pubkey@host:port.".to_owned());
    let (key, address) = uri.trim().split_once('@').ok_or_else(bad)?;
    Ok((key.parse().map_err(|_| bad())?, address))
}

fn refused(refusal: PayoutRefusal) -> NodeRefusal {
    match refusal {
        PayoutRefusal::Unavailable(unavailable) => NodeRefusal::Unavailable(unavailable),
        other @ (PayoutRefusal::Unknown
        | PayoutRefusal::UnknownPullPayment
        | PayoutRefusal::Destination(_)
        | PayoutRefusal::ExpiresTooSoon(_)
        | PayoutRefusal::Amount(_)
        | PayoutRefusal::Claim(_)
        | PayoutRefusal::CantApprove(_)
        | PayoutRefusal::Review(_)
        | PayoutRefusal::CantCancel(_)
        | PayoutRefusal::NotByHand(_)
        | PayoutRefusal::RateRule(_)) => NodeRefusal::Bolt11(other.to_string()),
    }
}
