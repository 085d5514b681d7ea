//! Making and marking invoices.

use rust_decimal::Decimal;

use super::rates::PricedRate;
use super::{Gateway, Unavailable};
use crate::domain::fact::Fact;
use crate::domain::ids::{InvoiceId, StoreId};
use crate::domain::invoice::{
    CantMark, Details, Invoice, LightningPrompt, Mark, Price, SpeedPolicy, Status, Terms,
};
use crate::domain::money::{Currency, Money, Msat, Sat, btc_to_sat_ceil};
use crate::domain::receipt::Rail;
use crate::domain::store::Store;
use crate::domain::time::Timestamp;
use crate::ports::lightning::{InvoiceDescription, NodeState, ReceiveRequest};
use crate::store::{self, Tx, WriteError};

/// No single invoice asks for more (in whole satoshi): more than any wallet holds is a typing error.
pub const PRICE_MAX: Sat = crate::domain::money::SAT_MAX;

/// The shortest an invoice may wait (Greenfield 5.2).
pub const EXPIRY_SECS_MIN: u32 = 30;

/// The smallest output that the network relays to a native `SegWit` address.
const DUST: Sat = Sat(294);

/// BOLT 11's limit for `d`, in bytes.
const DESCRIPTION_BYTES_MAX: usize = 639;

/// What a merchant asks for. What is `None` is the store's.
#[derive(Clone, Debug, Default)]
pub struct NewInvoice {
    /// `None` is a top-up: any amount.
    pub amount: Option<Decimal>,
    /// Of what.
    pub currency: Option<Currency>,
    /// Seconds until it expires, at least [`EXPIRY_SECS_MIN`].
    pub expiration_secs: Option<u32>,
    /// Seconds after that in which payments may still confirm.
    pub monitoring_secs: Option<u32>,
    /// When a payment on the chain is settled.
    pub speed: Option<SpeedPolicy>,
    /// This many percent may be missing, 0 to 100.
    pub tolerance_percent: Option<Decimal>,
    /// Which rails to offer; both if `None`.
    pub rails: Option<Vec<Rail>>,
    /// Methods are made when somebody asks for them.
    pub lazy: bool,
    /// Which method is offered for what prices.
    pub criteria: Vec<Criterion>,
    /// What is kept and given back.
    pub details: Details,
}

/// A method is offered only for prices above or below an amount (Greenfield `paymentMethodCriteria`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Criterion {
    /// Which method.
    pub rail: Rail,
    /// Not beyond this.
    pub bound: Money,
    /// For prices above it; below it otherwise.
    pub above: bool,
}

/// Why an invoice is not made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvoiceRefusal {
    /// There is no such store.
    #[error("There is no such store.")]
    UnknownStore,
    /// 422 `Amount`.
    #[error("{0}")]
    Amount(&'static str),
    /// 422 `Checkout.Expiration`.
    #[error("An invoice waits at least 30 seconds.")]
    Expiration,
    /// 422 `Checkout.PaymentTolerance`.
    #[error("The tolerance is a percentage from 0 to 100.")]
    Tolerance,
    /// 400 `rate-failure`.
    #[error("{0}")]
    RateFailure(String),
    /// 400 `generic-error`: no rail can take it now.
    #[error("No payment method can take this invoice: {0}")]
    NoMethod(String),
    /// 503.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<WriteError> for InvoiceRefusal {
    fn from(error: WriteError) -> Self {
        Self::Unavailable(error.into())
    }
}

impl Gateway {
    /// Makes an invoice: the BOLT11 first (an orphan nobody saw is harmless), then one commit that reveals the
    /// address and puts the row. Nothing is answered before that is durable (P12).
    pub async fn create_invoice(
        &self,
        store: StoreId,
        new: NewInvoice,
    ) -> Result<Invoice, InvoiceRefusal> {
        let shop = self
            .store
            .glance(|rows| store::settings::get(rows, store))
            .ok_or(InvoiceRefusal::UnknownStore)?;
        let now = self.now();
        let (price, PricedRate { rate, sources }, due) = self.price(&shop, &new)?;
        let terms = terms(&shop, &new, now)?;
        let mut offered = new.rails.clone().unwrap_or_else(|| Rail::ALL.to_vec());
        offered
            .retain(|rail| shop.settings.offers(*rail) && self.is_offered(&shop, &new, *rail, due));
        let free = due == Sat::ZERO && matches!(price, Price::Standard(_));
        let mut lightning = Vec::new();
        let mut missing = None;
        if offered.contains(&Rail::Lightning) && !free && !new.lazy {
            let amount = match price {
                Price::Standard(_) => Some(due.to_msat()),
                Price::TopUp(_) => None,
            };
            match self.prompt(&shop, &new.details, amount, &terms, now).await {
                Ok(prompt) => lightning.push(prompt),
                Err(why) => missing = Some(why),
            }
        }
        let id = InvoiceId::new(now, self.random());
        // P12: a file that is older than it should be may have given its next addresses to others.
        let wants_address = self.held().is_none()
            && offered.contains(&Rail::Onchain)
            && !free
            && (due >= DUST || matches!(price, Price::TopUp(_)));
        let lazy = (new.lazy && !free).then(|| {
            let possible = |rail: &Rail| *rail == Rail::Lightning || wants_address;
            offered.iter().copied().filter(possible).collect()
        });
        let wants_address = wants_address && lazy.is_none();
        let nothing_left = if offered.is_empty() {
            "the store offers none for this amount"
        } else {
            "the amount is too small for the chain"
        };
        let invoice = Invoice {
            id,
            store,
            created: now,
            price,
            rate: rate.into(),
            due,
            terms,
            onchain: None,
            lightning,
            lightning_missing: missing,
            receipts: Vec::new(),
            status: Status::New,
            marked: false,
            paid_late: false,
            reopened: None,
            archived: false,
            rated: self.rated(&shop, sources),
            details: new.details,
            lazy: lazy.filter(|lazy: &Vec<Rail>| !lazy.is_empty()),
        };
        self.store
            .try_write("invoice-create", move |tx| {
                put_new(tx, invoice, wants_address, free, nothing_left, now)
            })
            .await
    }

    /// Whether the store offers a method for what is due. What can't be compared, for want of a rate, is offered.
    fn is_offered(&self, shop: &Store, new: &NewInvoice, rail: Rail, due: Sat) -> bool {
        let top_up = new.amount.is_none();
        let fits = |criterion: &Criterion| {
            let bound = self
                .invoice_rate(shop, criterion.bound.currency)
                .ok()
                .and_then(|priced| priced.rate.to_btc(criterion.bound.amount));
            match bound {
                Some(bound) if criterion.above => due.to_btc() >= bound,
                Some(bound) => due.to_btc() <= bound,
                None => true,
            }
        };
        top_up
            || new
                .criteria
                .iter()
                .filter(|criterion| criterion.rail == rail)
                .all(fits)
    }

    /// Price as asked, the rate of bitcoin, and what is due in whole satoshi, rounded up once (D50).
    fn price(
        &self,
        shop: &Store,
        new: &NewInvoice,
    ) -> Result<(Price, PricedRate, Sat), InvoiceRefusal> {
        let currency = new.currency.unwrap_or(shop.settings.default_currency);
        let priced = self
            .invoice_rate(shop, currency)
            .map_err(|refusal| InvoiceRefusal::RateFailure(refusal.to_string()))?;
        let Some(amount) = new.amount else {
            return Ok((Price::TopUp(currency), priced, Sat::ZERO));
        };
        if amount < Decimal::ZERO {
            return Err(InvoiceRefusal::Amount("The amount can't be negative."));
        }
        let price = Money { amount, currency }.round_price();
        if price.amount.is_zero() && !amount.is_zero() {
            return Err(InvoiceRefusal::Amount("The amount rounds to nothing."));
        }
        let due = (priced.rate)
            .to_btc(price.amount)
            .and_then(btc_to_sat_ceil)
            .filter(|due| *due <= PRICE_MAX)
            .ok_or(InvoiceRefusal::Amount(
                "The amount is more than all bitcoin.",
            ))?;
        Ok((Price::Standard(price.into()), priced, due))
    }

    /// A BOLT11 over this much, or why there is none, for the merchant.
    pub(super) async fn prompt(
        &self,
        shop: &Store,
        details: &Details,
        amount: Option<Msat>,
        terms: &Terms,
        now: Timestamp,
    ) -> Result<LightningPrompt, String> {
        let left = terms.expires_at.secs().saturating_sub(now.secs());
        self.issue(
            amount,
            &describe(shop, details),
            u32::try_from(left).unwrap_or(u32::MAX),
        )
        .await
    }

    /// A BOLT11 of the node, if some channel can take the amount.
    pub(crate) async fn issue(
        &self,
        amount: Option<Msat>,
        description: &str,
        expiry_secs: u32,
    ) -> Result<LightningPrompt, String> {
        match self.lightning.state() {
            NodeState::Ready => {}
            NodeState::Syncing => return Err("the Lightning node is catching up".to_owned()),
            NodeState::WaitingForChain(why) => {
                return Err(format!("the Lightning node waits for the chain: {why}"));
            }
            NodeState::Held(why) => return Err(why),
            NodeState::Stopped => return Err("the Lightning node is stopped".to_owned()),
        }
        let receivable = self.lightning.receivable();
        if receivable < amount.unwrap_or(Msat(1)) {
            return Err(format!(
                "no channel can take it: {} can be received now",
                receivable.to_sat_floor()
            ));
        }
        let issued = self
            .lightning
            .receive(ReceiveRequest {
                amount,
                description: InvoiceDescription::Text(
                    cut_to_bytes(description, DESCRIPTION_BYTES_MAX).to_owned(),
                ),
                expiry_secs,
            })
            .await
            .map_err(|e| e.to_string())?;
        Ok(LightningPrompt {
            bolt11: issued.bolt11,
            hash: issued.hash,
            amount,
            preimage: issued.preimage,
        })
    }

    /// Takes a person's word about an invoice.
    pub async fn mark_invoice(
        &self,
        store: StoreId,
        id: InvoiceId,
        mark: Mark,
    ) -> Result<Invoice, MarkRefusal> {
        let now = self.now();
        self.store
            .try_write("invoice-mark", move |tx| {
                let invoice = store::invoice::get(tx, store, id).ok_or(MarkRefusal::Unknown)?;
                let step = invoice.mark(mark)?;
                store::invoice::put(tx, &step.after);
                tx.announce(store, step.facts, now);
                Ok(step.after)
            })
            .await
    }

    /// Hides an invoice from default lists, or shows it again. Nothing else changes.
    pub async fn archive_invoice(
        &self,
        store: StoreId,
        id: InvoiceId,
        archived: bool,
    ) -> Result<Invoice, MarkRefusal> {
        self.store
            .try_write("invoice-archive", move |tx| {
                let mut invoice = store::invoice::get(tx, store, id).ok_or(MarkRefusal::Unknown)?;
                invoice.archived = archived;
                store::invoice::put(tx, &invoice);
                Ok(invoice)
            })
            .await
    }

    /// Shows an invoice that wants another BOLT11 one over the rest. Called by a keeper.
    pub async fn renew_prompt(&self, store: StoreId, id: InvoiceId) -> Result<(), String> {
        let found = self
            .store
            .read(move |rows| {
                store::invoice::get(rows, store, id).zip(store::settings::get(rows, store))
            })
            .await;
        let Some((invoice, shop)) = found else {
            return Ok(());
        };
        let now = self.now();
        // One that is about to expire is worth no BOLT11.
        let too_late = invoice.terms.expires_at <= now.plus_secs(EXPIRY_SECS_MIN.into());
        if !invoice.wants_prompt() || (too_late && invoice.lightning.is_empty()) {
            return Ok(());
        }
        let amount = invoice.prompt_amount();
        let prompt = self
            .prompt(&shop, &invoice.details, amount, &invoice.terms, now)
            .await?;
        self.store
            .insist("invoice-prompt", move |tx| {
                let Some(invoice) = store::invoice::get(tx, store, id) else {
                    return;
                };
                let step = invoice.renew_prompt(prompt);
                store::invoice::put(tx, &step.after);
                tx.announce(store, step.facts, now);
            })
            .await
            .map_err(|e| e.to_string())
    }
}

fn put_new(
    tx: &mut Tx<'_>,
    mut invoice: Invoice,
    wants_address: bool,
    free: bool,
    nothing_left: &'static str,
    now: Timestamp,
) -> Result<Invoice, InvoiceRefusal> {
    let till = store::till::of(tx, invoice.store).filter(|_| wants_address);
    if till.is_none() && invoice.lightning.is_empty() && invoice.lazy.is_none() && !free {
        let why = invoice
            .lightning_missing
            .unwrap_or_else(|| nothing_left.to_owned());
        return Err(InvoiceRefusal::NoMethod(why));
    }
    invoice.onchain = till.and_then(|till| tx.tills_mut().reveal(till));
    let id = invoice.id;
    let step = invoice.tick(now);
    let mut facts = vec![Fact::InvoiceCreated { invoice: id }];
    facts.extend(step.facts);
    store::invoice::put(tx, &step.after);
    tx.announce(step.after.store, facts, now);
    Ok(step.after)
}

fn terms(shop: &Store, new: &NewInvoice, now: Timestamp) -> Result<Terms, InvoiceRefusal> {
    let expiration = new
        .expiration_secs
        .unwrap_or(shop.settings.invoice_expiration);
    if expiration < EXPIRY_SECS_MIN {
        return Err(InvoiceRefusal::Expiration);
    }
    let tolerance = new
        .tolerance_percent
        .unwrap_or(shop.settings.tolerance_percent);
    if tolerance < Decimal::ZERO || tolerance > Decimal::ONE_HUNDRED {
        return Err(InvoiceRefusal::Tolerance);
    }
    let monitoring = new
        .monitoring_secs
        .unwrap_or(shop.settings.monitoring_expiration);
    let expires_at = now.plus_secs(expiration.into());
    Ok(Terms {
        expires_at,
        monitor_until: expires_at.plus_secs(monitoring.into()),
        speed: new.speed.unwrap_or(shop.settings.speed),
        tolerance_percent: tolerance,
    })
}

fn describe(shop: &Store, details: &Details) -> String {
    shop.settings
        .description_template
        .replace("{StoreName}", &shop.name)
        .replace("{OrderId}", details.order_id.as_deref().unwrap_or_default())
        .replace(
            "{ItemDescription}",
            details.item_desc.as_deref().unwrap_or_default(),
        )
}

/// The text, cut at a character boundary.
pub(crate) fn cut_to_bytes(text: &str, max: usize) -> &str {
    if text.len() <= max {
        return text;
    }
    let mut end = max;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Why an invoice is not marked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MarkRefusal {
    /// There is no such invoice in this store.
    #[error("There is no such invoice.")]
    Unknown,
    /// Not in this status.
    #[error(transparent)]
    CantMark(#[from] CantMark),
    /// 503.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<WriteError> for MarkRefusal {
    fn from(error: WriteError) -> Self {
        Self::Unavailable(error.into())
    }
}
