//! Shapes of the on-chain wallet (Greenfield 4.10).

use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::api::error::{ApiError, GENERIC};
use crate::api::number::{Dec, Num};
use crate::api::schema::{HistogramType, OnChainTransactionStatus};
use crate::domain::money::Sat;
use crate::service::Gateway;
use crate::service::wallet::broadcast::BroadcastRefusal;
use crate::service::wallet::notes::{NoteRefusal, Noted, Remarks};
use crate::service::wallet::send::SendRefusal;
use crate::service::wallet::{Histogram, Span, WalletRefusal};
use crate::wallet::TillBalance;
use crate::wallet::history::{Moved, Previewed, Unspent};

/// What the wallet holds, in BTC.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OverviewData {
    /// All of it.
    #[schema(value_type = String)]
    balance: Dec,
    /// What blocks hold.
    #[schema(value_type = String)]
    confirmed_balance: Dec,
    /// What no block holds yet.
    #[schema(value_type = String)]
    unconfirmed_balance: Dec,
}

impl From<TillBalance> for OverviewData {
    fn from(balance: TillBalance) -> Self {
        Self {
            balance: btc(balance.confirmed.plus(balance.unconfirmed)),
            confirmed_balance: btc(balance.confirmed),
            unconfirmed_balance: btc(balance.unconfirmed),
        }
    }
}

/// How the balance went.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OnChainHistogramData)]
pub struct HistogramData {
    /// `Week`, `Month` or `Year`.
    #[schema(value_type = HistogramType)]
    r#type: &'static str,
    /// What there was, in BTC, oldest first.
    #[schema(value_type = Vec<String>)]
    series: Vec<Dec>,
    /// When that was, in Unix seconds.
    labels: Vec<u64>,
    /// What there is now, in BTC.
    #[schema(value_type = String)]
    balance: Dec,
}

impl HistogramData {
    /// Of a span.
    pub fn of(span: Span, histogram: &Histogram) -> Self {
        Self {
            r#type: match span {
                Span::Week => "Week",
                Span::Month => "Month",
                Span::Year => "Year",
            },
            series: histogram.points.iter().map(|(_, sat)| btc(*sat)).collect(),
            labels: histogram.points.iter().map(|(at, _)| at.secs()).collect(),
            balance: btc(histogram.balance),
        }
    }
}

/// A fee rate.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FeeRateData {
    /// In satoshi per virtual byte.
    #[schema(value_type = f64)]
    pub fee_rate: Num,
}

/// An address of the wallet.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AddressData {
    /// The address.
    pub address: String,
    /// Where it is in the wallet: `0/7`.
    pub key_path: String,
    /// A payment link to it (BIP 21).
    pub payment_link: String,
}

/// A label.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LabelData {
    /// What put it there; `raw` for a person.
    r#type: &'static str,
    /// What it says.
    text: String,
}

/// A transaction of the wallet.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TransactionData {
    /// Its id.
    transaction_hash: String,
    /// How it changed the balance, in BTC.
    #[schema(value_type = String)]
    amount: Dec,
    /// When, in Unix seconds.
    timestamp: u64,
    /// `Unconfirmed` or `Confirmed`.
    #[schema(value_type = OnChainTransactionStatus)]
    status: &'static str,
    /// Its block.
    block_hash: Option<String>,
    /// The height of its block.
    block_height: Option<String>,
    /// Blocks on top, its own included.
    confirmations: String,
    /// What somebody noted about it.
    comment: String,
    /// Its labels.
    labels: Vec<LabelData>,
}

impl TransactionData {
    /// With what was noted about it.
    pub fn of(moved: &Moved, remarks: Option<&Remarks>) -> Self {
        let signed = |sat: Sat| Decimal::new(i64::try_from(sat.0).unwrap_or(i64::MAX), 8);
        Self {
            transaction_hash: moved.txid.to_string(),
            amount: Dec(signed(moved.received) - signed(moved.sent)),
            timestamp: moved.at.secs(),
            status: if moved.block.is_some() {
                "Confirmed"
            } else {
                "Unconfirmed"
            },
            block_hash: moved.block.map(|block| block.hash.to_string()),
            block_height: moved.block.map(|block| block.height.to_string()),
            confirmations: moved.confirmations.to_string(),
            comment: remarks.map_or_else(String::new, |remarks| remarks.comment.clone()),
            labels: labels(remarks),
        }
    }
}

/// A coin of the wallet.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CoinData {
    /// `txid:n`.
    outpoint: String,
    /// In BTC.
    #[schema(value_type = String)]
    amount: Dec,
    /// Where it lies.
    address: String,
    /// Where that is in the wallet: `0/7`.
    key_path: String,
    /// When it came, in Unix seconds.
    timestamp: u64,
    /// Blocks on top, its own included.
    confirmations: u32,
    /// A page that shows its transaction; empty, since this server knows no explorer.
    link: String,
    /// What somebody noted about its transaction.
    comment: String,
    /// That one's labels.
    labels: Vec<LabelData>,
    /// Set aside for a transaction that is not sent or not signed yet (an addition).
    locked: bool,
}

impl CoinData {
    /// With what was noted about its transaction.
    pub fn of(coin: &Unspent, remarks: Option<&Remarks>) -> Self {
        Self {
            outpoint: coin.outpoint.to_string(),
            amount: btc(coin.amount),
            address: coin.address.clone(),
            key_path: coin.key_path.clone(),
            timestamp: coin.at.secs(),
            confirmations: coin.confirmations,
            link: String::new(),
            comment: remarks.map_or_else(String::new, |remarks| remarks.comment.clone()),
            labels: labels(remarks),
            locked: coin.locked,
        }
    }
}

/// Addresses of a wallet.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PreviewData {
    /// In their order.
    addresses: Vec<PreviewedData>,
}

/// An address of a wallet.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PreviewedData {
    /// Where it is in the wallet: `0/7`.
    key_path: String,
    /// The address.
    address: String,
}

impl From<Vec<Previewed>> for PreviewData {
    fn from(addresses: Vec<Previewed>) -> Self {
        Self {
            addresses: (addresses.into_iter())
                .map(|one| PreviewedData {
                    key_path: one.key_path,
                    address: one.address,
                })
                .collect(),
        }
    }
}

/// Something that was noted, and what it is linked with.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObjectData {
    /// Its type, such as `tx`, `address`, `label`.
    r#type: String,
    /// Its id among those of its type.
    id: String,
    /// Whatever was noted.
    #[schema(value_type = Option<Object>)]
    data: Option<Value>,
    /// What it is linked with.
    links: Vec<LinkData>,
}

/// One end of a link.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "Greenfield's names")]
pub struct LinkData {
    /// The type of the other end.
    r#type: String,
    /// Its id.
    id: String,
    /// What was noted of the link.
    #[schema(value_type = Option<Object>)]
    link_data: Option<Value>,
    /// What was noted of the other end.
    #[schema(value_type = Option<Object>)]
    object_data: Option<Value>,
}

impl ObjectData {
    /// With or without what was noted of its neighbours.
    pub fn of(noted: Noted, with_neighbours: bool) -> Self {
        let read = |data: Option<String>| data.and_then(|data| serde_json::from_str(&data).ok());
        Self {
            r#type: noted.note.name.kind,
            id: noted.note.name.id,
            data: read(noted.note.data),
            links: (noted.links.into_iter())
                .map(|(link, other)| LinkData {
                    r#type: link.name.kind,
                    id: link.name.id,
                    link_data: read(link.data),
                    object_data: read(other).filter(|_| with_neighbours),
                })
                .collect(),
        }
    }
}

fn labels(remarks: Option<&Remarks>) -> Vec<LabelData> {
    remarks
        .map(|remarks| remarks.labels.as_slice())
        .unwrap_or_default()
        .iter()
        .map(|text| LabelData {
            r#type: "raw",
            text: text.clone(),
        })
        .collect()
}

/// In BTC, with all its digits.
pub fn btc(amount: Sat) -> Dec {
    Dec(Decimal::new(i64::try_from(amount.0).unwrap_or(i64::MAX), 8))
}

/// What is known of one transaction, once it was made.
pub async fn transaction_data(
    gateway: &Gateway,
    store: crate::domain::ids::StoreId,
    txid: bitcoin::Txid,
) -> Result<TransactionData, ApiError> {
    let moved = gateway.wallet_transaction(store, txid).await?;
    let remarks = gateway.remarks(store).await;
    Ok(TransactionData::of(&moved, remarks.get(&txid.to_string())))
}

impl From<WalletRefusal> for ApiError {
    fn from(refusal: WalletRefusal) -> Self {
        let message = refusal.to_string();
        match refusal {
            WalletRefusal::NoWallet => super::not_configured(),
            WalletRefusal::UnknownTransaction => Self::not_found("transaction-not-found", message),
            WalletRefusal::NoReservedAddress => Self::bad_request("no-reserved-address", message),
            WalletRefusal::Import(_) => Self::fault("Config", message),
            WalletRefusal::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

impl From<NoteRefusal> for ApiError {
    fn from(refusal: NoteRefusal) -> Self {
        let message = refusal.to_string();
        match refusal {
            NoteRefusal::NoWallet => super::not_configured(),
            NoteRefusal::Unknown => Self::not_found("wallet-object-not-found", message),
            NoteRefusal::Name => Self::fault("Id", message),
            NoteRefusal::Data => Self::fault("Data", message),
            NoteRefusal::Full => Self::bad_request(GENERIC, message),
            NoteRefusal::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

impl From<SendRefusal> for ApiError {
    fn from(refusal: SendRefusal) -> Self {
        use crate::domain::till::CantSpend;
        let message = refusal.to_string();
        match refusal {
            SendRefusal::NoWallet => super::not_configured(),
            SendRefusal::Count => Self::fault("Destinations", message),
            SendRefusal::Destination(place, _) => {
                Self::fault(format!("Destinations[{place}].Destination"), message)
            }
            SendRefusal::Amount(place, _) => {
                Self::fault(format!("Destinations[{place}].Amount"), message)
            }
            SendRefusal::Subtract(place) => {
                Self::fault(format!("Destinations[{place}].SubtractFromAmount"), message)
            }
            SendRefusal::CantSign | SendRefusal::Held => {
                Self::bad_request("not-available", message)
            }
            SendRefusal::CantSpend(CantSpend::Coin(_)) => Self::fault("SelectedInputs", message),
            SendRefusal::CantSpend(
                CantSpend::NotEnough { .. }
                | CantSpend::Dust
                | CantSpend::NoWallet
                | CantSpend::Other(_),
            ) => Self::bad_request(GENERIC, message),
            SendRefusal::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

impl From<BroadcastRefusal> for ApiError {
    fn from(refusal: BroadcastRefusal) -> Self {
        let message = refusal.to_string();
        match refusal {
            BroadcastRefusal::NoWallet => super::not_configured(),
            BroadcastRefusal::CantTake(_)
            | BroadcastRefusal::NotOurs
            | BroadcastRefusal::Locked(_)
            | BroadcastRefusal::OwnAddress => Self::bad_request("broadcast-error", message),
            BroadcastRefusal::Held => Self::bad_request("not-available", message),
            BroadcastRefusal::Unavailable(unavailable) => unavailable.into(),
        }
    }
}
