//! A store is one shop: its own wallet, settings, invoices and ledger, and the people who may act for it.

mod members;

use minicbor::{Decode, Encode};
use rust_decimal::Decimal;

pub use members::{MEMBERS_MAX, Member, MemberRefusal, Members};

use super::cbor;
use super::ids::{StoreId, UserId};
use super::invoice::SpeedPolicy;
use super::money::Currency;
use super::payout::{FeeCap, FeeWish};
use super::rates::StoreRates;
use super::receipt::Rail;
use super::time::Timestamp;

/// Greenfield's template for what a Lightning invoice says.
pub const DESCRIPTION_TEMPLATE: &str = "Paid to {StoreName} (Order ID: {OrderId})";

/// One shop.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Store {
    /// Its id.
    #[n(0)]
    pub id: StoreId,
    /// What people call it: 1 to 50 characters.
    #[n(1)]
    pub name: String,
    /// Who made it.
    #[n(2)]
    pub owner: UserId,
    /// When.
    #[n(3)]
    pub created: Timestamp,
    /// What acts by itself.
    #[n(4)]
    pub settings: Settings,
    /// It may spend the node's own balance over Lightning (stores of the server's owner, D52).
    #[n(5)]
    pub draws_on_node: bool,
    /// Settings that we only keep and give back, a JSON object.
    #[n(6)]
    pub kept: String,
    /// Hidden.
    #[n(7)]
    pub archived: bool,
    /// Who may act for it, and as what.
    #[n(8)]
    pub members: Members,
}

/// The settings that we act on (Greenfield 4.2).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Settings {
    /// For invoices that name none.
    #[cbor(n(0), with = "cbor::currency")]
    pub default_currency: Currency,
    /// Seconds an invoice waits: 60 to 2,073,600.
    #[n(1)]
    pub invoice_expiration: u32,
    /// Seconds after expiry in which a payment may still confirm: 600 to 2,073,600.
    #[n(2)]
    pub monitoring_expiration: u32,
    /// When a payment on the chain is settled.
    #[n(3)]
    pub speed: SpeedPolicy,
    /// This many percent may be missing, 0 to 100.
    #[cbor(n(4), with = "cbor::decimal")]
    pub tolerance_percent: Decimal,
    /// What a Lightning invoice says; may hold `{StoreName}`, `{OrderId}`, `{ItemDescription}`.
    #[n(5)]
    pub description_template: String,
    /// Days a claimed BOLT11 must stay valid, for pull payments that don't say.
    #[n(6)]
    pub refund_bolt11_days: u32,
    /// Anyone may make invoices.
    #[n(7)]
    pub anyone_can_create_invoice: bool,
    /// What its Lightning payouts may spend on routing; the usual if `None`.
    #[n(12)]
    pub fee_cap: Option<FeeCap>,
    /// Where its rates come from; the server's usual if `None`.
    #[n(30)]
    pub rates: Option<StoreRates>,
    /// Codes of currencies whose rate is noted with each invoice.
    #[n(31)]
    pub tracked_rates: Option<Vec<String>>,
    /// How it takes money on the chain: by the till it was opened with if `None`.
    #[n(40)]
    pub onchain: Option<OnchainMethod>,
    /// How it takes money over Lightning: by this server's node if `None`.
    #[n(41)]
    pub lightning: Option<LightningMethod>,
}

/// What somebody decided about a store's on-chain wallet.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct OnchainMethod {
    /// Invoices offer it.
    #[n(0)]
    pub enabled: bool,
    /// Which till.
    #[n(1)]
    pub till: ChosenTill,
    /// What its owner calls it.
    #[n(2)]
    pub label: Option<String>,
}

/// Which till of a store is its wallet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum ChosenTill {
    /// The one it was opened with, of this server's own keys.
    #[n(0)]
    Own,
    /// The one of this number among its tills.
    #[n(1)]
    Generation(#[n(0)] u32),
    /// None: it was taken away.
    #[n(2)]
    None,
}

/// What somebody decided about a store's Lightning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct LightningMethod {
    /// Invoices offer it.
    #[n(0)]
    pub enabled: bool,
    /// It uses this server's node; nothing at all if not.
    #[n(1)]
    pub connected: bool,
}

impl Default for OnchainMethod {
    fn default() -> Self {
        Self {
            enabled: true,
            till: ChosenTill::Own,
            label: None,
        }
    }
}

impl Default for LightningMethod {
    fn default() -> Self {
        Self {
            enabled: true,
            connected: true,
        }
    }
}

impl Settings {
    /// How it takes money on the chain.
    pub fn onchain(&self) -> OnchainMethod {
        self.onchain.clone().unwrap_or_default()
    }

    /// How it takes money over Lightning.
    pub fn lightning(&self) -> LightningMethod {
        self.lightning.unwrap_or_default()
    }

    /// Whether the store has a payment method for a rail at all, switched on or off.
    pub fn has(&self, rail: Rail) -> bool {
        match rail {
            Rail::Onchain => self.onchain().till != ChosenTill::None,
            Rail::Lightning => self.lightning().connected,
        }
    }

    /// Whether its invoices offer a rail.
    pub fn offers(&self, rail: Rail) -> bool {
        let enabled = match rail {
            Rail::Onchain => self.onchain().enabled,
            Rail::Lightning => self.lightning().enabled,
        };
        enabled && self.has(rail)
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            default_currency: Currency::USD,
            invoice_expiration: 900,
            monitoring_expiration: 86_400,
            speed: SpeedPolicy::MediumSpeed,
            tolerance_percent: Decimal::ZERO,
            description_template: DESCRIPTION_TEMPLATE.to_owned(),
            refund_bolt11_days: 30,
            anyone_can_create_invoice: false,
            fee_cap: None,
            rates: None,
            tracked_rates: None,
            onchain: None,
            lightning: None,
        }
    }
}

/// An automatic sender for a store and rail: pays what is approved (design: approval never sends by itself).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Processor {
    /// Which rail.
    #[n(0)]
    pub rail: Rail,
    /// Looks at least so often, in seconds: 60 to 86,400.
    #[n(1)]
    pub interval_secs: u32,
    /// Sends at once on approval.
    #[n(2)]
    pub instant: bool,
    /// On-chain: confirm within so many blocks.
    #[n(3)]
    pub fee_block_target: u32,
    /// On-chain: BTC that must be waiting.
    #[cbor(n(4), with = "cbor::decimal")]
    pub threshold: Decimal,
    /// When it was set; its rounds are counted from there.
    #[n(5)]
    pub since: Timestamp,
    /// Over Lightning: what it may spend on fees for payouts that say nothing of their own, in the place of the store's
    /// cap.
    #[n(6)]
    pub fees: Option<FeeWish>,
}
