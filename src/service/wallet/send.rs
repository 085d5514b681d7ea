//! Paying by hand from a store's wallet. Every satoshi that leaves is an attempt of a payout that is committed with the
//! signed transaction (P2); the payer sends it.

use std::collections::BTreeSet;

use bitcoin::hashes::Hash;
use bitcoin::{OutPoint, Transaction, Txid};
use rust_decimal::Decimal;

use crate::domain::destination::Destination;
use crate::domain::ids::{BatchId, StoreId};
use crate::domain::money::{Msat, Sat, btc_to_sat_ceil};
use crate::domain::payout::draft::Draft;
use crate::domain::receipt::Rail;
use crate::domain::till::{CantSpend, TillId};
use crate::ports::chain::ChainUnavailable;
use crate::service::batches::{self, Adopted};
use crate::service::destination::DestinationRefusal;
use crate::service::{Gateway, Unavailable};
use crate::store::{self, Tx, WriteError};
use crate::wallet::{SpendRequest, UnsignedSpend, Wishes};

/// Payments in one transaction.
pub const DESTINATIONS_MAX: usize = 100;

/// One payment, as it is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// An address or a `bitcoin:` URI.
    pub destination: String,
    /// How much, in BTC; what the URI says if `None`.
    pub amount: Option<Decimal>,
    /// The fee is taken out of it.
    pub bears_fee: bool,
}

/// A transaction, as it is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSend {
    /// Whom to pay.
    pub payments: Vec<Wanted>,
    /// Satoshi per 1,000 virtual bytes; what the chain source says if `None`.
    pub fee_rate_sat_per_kvb: Option<u64>,
    /// Spend exactly these coins.
    pub coins: Option<Vec<OutPoint>>,
    /// Spend no coin that is not in a block.
    pub confirmed: bool,
    /// No change: what is left goes to the first payment.
    pub no_change: bool,
    /// Say that it will not be replaced.
    pub final_fee: bool,
}

/// Why nothing is sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendRefusal {
    /// 404 `paymentmethod-not-configured`.
    #[error("The store has no on-chain wallet.")]
    NoWallet,
    /// 422 `Destinations`.
    #[error("Give 1 to 100 destinations.")]
    Count,
    /// 422 `Destinations[n].Destination`.
    #[error("{1}")]
    Destination(usize, DestinationRefusal),
    /// 422 `Destinations[n].Amount`.
    #[error("{1}")]
    Amount(usize, &'static str),
    /// 422 `Destinations[n].SubtractFromAmount`.
    #[error("The payment link names its amount: nothing can be taken out of it.")]
    Subtract(usize),
    /// 400 `not-available`.
    #[error("This server has no keys of this wallet: ask for a PSBT, and sign it elsewhere.")]
    CantSign,
    /// 400 `not-available` (P9).
    #[error(
        "The wallet is held for review: coins of it were spent that this server knows nothing of."
    )]
    Held,
    /// 422 `SelectedInputs` for a coin, 400 `generic-error` otherwise.
    #[error("The transaction can't be built: {0}.")]
    CantSpend(#[from] CantSpend),
    /// 503.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<WriteError> for SendRefusal {
    fn from(error: WriteError) -> Self {
        Self::Unavailable(error.into())
    }
}

impl From<ChainUnavailable> for SendRefusal {
    fn from(error: ChainUnavailable) -> Self {
        Self::Unavailable(Unavailable::NotReady(error.to_string()))
    }
}

/// What became of a request that was to be done once: enough to answer it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The transaction.
    pub txid: Txid,
    /// It was given back to whoever asked, and not sent.
    pub kept_back: bool,
}

impl Sent {
    fn of(tx: &Transaction, kept_back: bool) -> Self {
        let txid = tx.compute_txid();
        Self { txid, kept_back }
    }

    fn note(self, tx: &mut Tx<'_>, store: StoreId) {
        let mut about = vec![u8::from(self.kept_back)];
        about.extend_from_slice(self.txid.as_byte_array());
        tx.concerns(store, &about);
    }

    /// Reads it again; `None` for what is noted otherwise.
    pub fn from_slice(about: &[u8]) -> Option<Self> {
        let (kept_back, txid) = about.split_first()?;
        Some(Self {
            txid: Txid::from_slice(txid).ok()?,
            kept_back: *kept_back == 1,
        })
    }
}

impl Gateway {
    /// Signs a transaction from a store's wallet. It is sent, unless it is to be kept back until somebody asks.
    pub async fn wallet_send(
        &self,
        store: StoreId,
        new: NewSend,
        kept_back: bool,
    ) -> Result<Transaction, SendRefusal> {
        let request = self.send_request(store, new).await?;
        let keychain = self.keychain.clone();
        let how = self.adopted(kept_back);
        self.store
            .try_write("wallet-send", move |tx| {
                let (till, request) = check_request(tx, store, request)?;
                let record = tx.tills().record(till).ok_or(SendRefusal::NoWallet)?;
                if !record.kind.can_sign() {
                    return Err(SendRefusal::CantSign);
                }
                // If it can't be built, the till is as it was.
                let built = tx.try_tills(|tills| tills.build_kept(&keychain, &request))?;
                let signed = built.into_foreign(till);
                batches::adopt(tx, &signed, how);
                Sent::of(&signed.tx, kept_back).note(tx, store);
                Ok(signed.tx)
            })
            .await
    }

    /// A transaction from a store's wallet for somebody else to sign. Nothing is kept, and nothing is locked: the signed
    /// one is brought to [`Gateway::wallet_broadcast`].
    pub async fn wallet_offer(
        &self,
        store: StoreId,
        new: NewSend,
    ) -> Result<UnsignedSpend, SendRefusal> {
        let request = self.send_request(store, new).await?;
        self.store
            .try_write("wallet-offer", move |tx| {
                let (_, request) = check_request(tx, store, request)?;
                // No write of its own: which change address it would use is nobody's loss.
                Ok(tx.try_tills(|tills| tills.offer(&request))?)
            })
            .await
    }

    /// The same, kept until it comes back signed or is given up; its coins are locked.
    pub async fn wallet_draft(&self, store: StoreId, new: NewSend) -> Result<Draft, SendRefusal> {
        let request = self.send_request(store, new).await?;
        let id = BatchId(self.random());
        self.store
            .try_write("wallet-draft", move |tx| {
                let (_, request) = check_request(tx, store, request)?;
                // If it can't be built, the till is as it was.
                let unsigned = tx.try_tills(|tills| tills.draft(&request))?;
                let payments = vec![None; request.recipients.len()];
                Ok(batches::drafts::put(tx, id, &request, &unsigned, payments))
            })
            .await
    }

    pub(super) fn adopted(&self, kept_back: bool) -> Adopted {
        Adopted {
            batch: BatchId(self.random()),
            seed: self.random(),
            kept_back,
            is_out: false,
            now: self.now(),
        }
    }

    /// P9: before the mempool was looked at, a spend that was not made here may be unknown.
    pub(super) fn check_chain(&self) -> Result<(), Unavailable> {
        if let Some(why) = self.held() {
            return Err(Unavailable::NotReady(why));
        }
        if self.follower.has_seen_mempool() {
            Ok(())
        } else {
            let why = "The chain has not been seen yet: try again soon.";
            Err(Unavailable::NotReady(why.to_owned()))
        }
    }

    /// What is to be asked of the till, whose id is not known yet.
    async fn send_request(
        &self,
        store: StoreId,
        new: NewSend,
    ) -> Result<SpendRequest, SendRefusal> {
        if new.payments.is_empty() || new.payments.len() > DESTINATIONS_MAX {
            return Err(SendRefusal::Count);
        }
        self.check_chain()?;
        let mut recipients = Vec::new();
        let mut bear_fee = Vec::new();
        for (place, wanted) in new.payments.iter().enumerate() {
            let read = self
                .read_destination(&wanted.destination, Rail::Onchain)
                .await
                .map_err(|why| SendRefusal::Destination(place, why))?;
            let Destination::Address(address) = read.destination else {
                let why = crate::domain::destination::BadDestination::Unreadable("bitcoin address");
                return Err(SendRefusal::Destination(place, why.into()));
            };
            let amount = amount_of(place, wanted, read.amount.map(Msat::to_sat_ceil))?;
            if wanted.bears_fee {
                bear_fee.push(place);
            }
            recipients.push((address.script, amount));
        }
        let fee_rate_sat_per_kvb = match new.fee_rate_sat_per_kvb {
            Some(rate) => rate,
            None => self.chain.fee_rate(1).await?,
        };
        Ok(SpendRequest {
            till: TillId {
                store,
                generation: 0,
            },
            recipients,
            fee_rate_sat_per_kvb,
            unsure: BTreeSet::new(),
            seed: self.random(),
            now: self.now(),
            wishes: Wishes {
                only: new.coins,
                share: Vec::new(),
                confirmed: new.confirmed,
                no_change: new.no_change,
                bear_fee,
                final_fee: new.final_fee,
            },
        })
    }
}

fn amount_of(place: usize, wanted: &Wanted, named: Option<Sat>) -> Result<Sat, SendRefusal> {
    let wrong = |why| SendRefusal::Amount(place, why);
    if named.is_some() && wanted.bears_fee {
        return Err(SendRefusal::Subtract(place));
    }
    let asked = match wanted.amount {
        Some(amount) if amount <= Decimal::ZERO => {
            return Err(wrong("The amount has to be more than nothing."));
        }
        Some(amount) => Some(
            btc_to_sat_ceil(amount)
                .filter(|_| amount.normalize().scale() <= 8)
                .ok_or_else(|| wrong("The amount has to be whole satoshi."))?,
        ),
        None => None,
    };
    match (asked, named) {
        (Some(asked), Some(named)) if asked != named => {
            Err(wrong("The payment link names another amount."))
        }
        (Some(amount), _) | (None, Some(amount)) => Ok(amount),
        (None, None) => Err(wrong("An amount is needed.")),
    }
}

/// What can be told only with the store: its wallet, whether that may spend, and whether it would pay itself (P7).
fn check_request(
    tx: &mut Tx<'_>,
    store: StoreId,
    request: SpendRequest,
) -> Result<(TillId, SpendRequest), SendRefusal> {
    let till = store::till::of(tx, store).ok_or(SendRefusal::NoWallet)?;
    if store::hold::is_held(tx, store) {
        return Err(SendRefusal::Held);
    }
    for (place, (script, _)) in request.recipients.iter().enumerate() {
        if is_own(tx, store, script) {
            let why = DestinationRefusal::OwnDestination;
            return Err(SendRefusal::Destination(place, why));
        }
    }
    let request = SpendRequest {
        till,
        unsure: batches::unsure(tx),
        ..request
    };
    Ok((till, request))
}

pub(super) fn is_own(tx: &Tx<'_>, store: StoreId, script: &bitcoin::ScriptBuf) -> bool {
    tx.tills().pays_itself(store, script) || store::node::is_own_address(tx, script)
}
