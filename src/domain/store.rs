//! A store is one shop: its own wallet, settings, invoices and ledger, and the people who may act for it.

mod members;

use minicbor::{Decode, Encode};
use rust_decimal::Decimal;

pub use members::{MEMBERS_MAX, Member, MemberRefusal, Members};

use super::cbor;
use super::ids::{StoreId, UserId};
use super::invoice::SpeedPolicy;
use super::money::Currency;
use super::payout::FeeCap;
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
}
