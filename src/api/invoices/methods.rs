//! The shape of an invoice's payment methods and payments (Greenfield 4.4, 5.15).

use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::api::number::Dec;
use crate::api::schema::{PaymentMethodId, PaymentStatus};
use crate::api::stores::kept_setting;
use crate::domain::ids::StoreId;
use crate::domain::invoice::{Invoice, Price, Status};
use crate::domain::money::Msat;
use crate::domain::receipt::{Rail, Receipt, ReceiptStanding};
use crate::service::Gateway;
use crate::service::payment_link::PaymentLinks;
use crate::store;

/// `InvoicePaymentMethodData`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = InvoicePaymentMethodData)]
pub struct MethodData {
    #[schema(value_type = PaymentMethodId)]
    payment_method_id: &'static str,
    #[schema(value_type = PaymentMethodId)]
    payment_method: &'static str,
    currency: &'static str,
    crypto_code: &'static str,
    activated: bool,
    destination: Option<String>,
    payment_link: Option<String>,
    rate: Dec,
    amount: Dec,
    due: Dec,
    payment_method_paid: Dec,
    total_paid: Dec,
    payment_method_fee: Dec,
    network_fee: Dec,
    payments: Vec<PaymentData>,
    #[schema(value_type = Object)]
    additional_data: Value,
    /// Tollway's own, on `BTC-CHAIN` (D40); null on `BTC-LN`.
    unified_payment_link: Option<String>,
}

/// `Payment`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Payment)]
pub struct PaymentData {
    id: String,
    received_date: u64,
    value: Dec,
    fee: Dec,
    #[schema(value_type = PaymentStatus)]
    status: &'static str,
    destination: String,
}

impl MethodData {
    /// The methods that an invoice can be paid by. `with_lost`: payments that went away again are listed too. `keys`: the
    /// wallet's public keys, for who may see them. `fee_rate`: what a payer should pay, see [`recommended`].
    pub(super) fn all(
        invoice: &Invoice,
        with_lost: bool,
        keys: Option<&str>,
        fee_rate: Option<Dec>,
    ) -> Vec<Self> {
        let links = PaymentLinks::of(invoice);
        let mut methods = Vec::new();
        let lazy = |rail| Self {
            activated: false,
            ..Self::bare(invoice, rail, with_lost)
        };
        if invoice.is_lazy(Rail::Onchain) {
            methods.push(lazy(Rail::Onchain));
        }
        if let Some(place) = &invoice.onchain {
            methods.push(Self {
                destination: Some(place.address.clone()),
                payment_link: links.onchain(),
                unified_payment_link: links.unified(),
                additional_data: json!({
                    "keyPath": format!("0/{}", place.index),
                    "payjoinEnabled": false,
                    "accountDerivation": keys,
                    "recommendedFeeRate": fee_rate,
                    "paymentMethodFeeRate": "0",
                }),
                ..Self::bare(invoice, Rail::Onchain, with_lost)
            });
        }
        if let Some(last) = invoice.lightning.last() {
            let destination = match invoice.status {
                Status::New => links.bolt11.clone(),
                Status::Processing | Status::Settled | Status::Expired | Status::Invalid => {
                    Some(last.bolt11.clone())
                }
            };
            methods.push(Self {
                destination,
                payment_link: links.lightning(),
                ..Self::bare(invoice, Rail::Lightning, with_lost)
            });
        }
        if invoice.is_lazy(Rail::Lightning) {
            methods.push(lazy(Rail::Lightning));
        }
        methods
    }

    fn bare(invoice: &Invoice, rail: Rail, with_lost: bool) -> Self {
        let of_rail = || {
            invoice
                .receipts
                .iter()
                .filter(move |one| one.key.rail() == rail)
        };
        let paid: Msat = of_rail()
            .filter(|receipt| receipt.counts())
            .map(|receipt| receipt.amount)
            .sum();
        Self {
            payment_method_id: rail.method_id(),
            payment_method: rail.method_id(),
            currency: "BTC",
            crypto_code: "BTC",
            activated: true,
            destination: None,
            payment_link: None,
            rate: Dec(invoice.rate.per_btc()),
            amount: Dec(invoice.due.to_btc()),
            due: Dec(due(invoice)),
            payment_method_paid: Dec(paid.to_btc()),
            total_paid: Dec(invoice.paid().to_btc()),
            payment_method_fee: Dec(Decimal::ZERO),
            network_fee: Dec(Decimal::ZERO),
            payments: of_rail()
                .filter(|receipt| with_lost || receipt.counts())
                .map(PaymentData::from)
                .collect(),
            additional_data: Value::Object(Map::new()),
            unified_payment_link: None,
        }
    }
}

/// The fee rate in sat/vB at which a payment confirms as soon as the store would have it, as far as it is known.
pub(super) fn recommended(gateway: &Gateway, store: StoreId) -> Option<Dec> {
    let shop = gateway
        .store
        .glance(|rows| store::settings::get(rows, store))?;
    let target = kept_setting(&shop, "recommendedFeeBlockTarget").as_u64()?;
    let rate = (gateway.follower).recent_fee_rate(u16::try_from(target).ok()?)?;
    Some(Dec(Decimal::new(i64::try_from(rate).ok()?, 3).normalize()))
}

/// What is still missing in BTC, negative if more came than was due; nothing is ever due on a top-up.
fn due(invoice: &Invoice) -> Decimal {
    match invoice.price {
        Price::Standard(_) => invoice
            .due
            .to_btc()
            .checked_sub(invoice.paid().to_btc())
            .unwrap_or_default()
            .normalize(),
        Price::TopUp(_) => Decimal::ZERO,
    }
}

impl From<&Receipt> for PaymentData {
    fn from(receipt: &Receipt) -> Self {
        Self {
            id: receipt.key.to_string(),
            received_date: receipt.received_at.secs(),
            value: Dec(receipt.amount.to_btc()),
            fee: Dec(Decimal::ZERO),
            status: match receipt.standing {
                ReceiptStanding::Processing { .. } => "Processing",
                ReceiptStanding::Settled => "Settled",
                ReceiptStanding::Lost => "Invalid",
            },
            destination: receipt.destination.clone(),
        }
    }
}
