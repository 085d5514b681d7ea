//! What the page of the on-chain wallet shows.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bitcoin::consensus::encode::serialize_hex;

use crate::domain::money::Sat;
use crate::domain::payout::batch::Batch;
use crate::domain::payout::draft::Draft;
use crate::service::payment_method::WalletConfig;
use crate::service::wallet::notes::Remarks;
use crate::ui::format::{self, Badge, When};
use crate::wallet::history::{Moved, Unspent};
use crate::wallet::{TillBalance, TillKind};

/// The wallet.
#[derive(Clone, Debug)]
pub struct WalletView {
    /// Who can spend from it.
    pub badge: Badge,
    /// What that means.
    pub words: &'static str,
    /// Label and value.
    pub facts: Vec<(&'static str, String)>,
    /// There is one to send from.
    pub exists: bool,
    /// Its transactions are signed elsewhere.
    pub is_watched: bool,
    /// It is this server's own.
    pub is_own: bool,
}

/// A transaction that waits for a signature.
#[derive(Clone, Debug)]
pub struct DraftRow {
    /// For paths and forms.
    pub id: String,
    /// What it pays.
    pub amount: String,
    /// What it costs.
    pub fee: String,
    /// Whom it pays.
    pub payments: String,
    /// When it was made.
    pub when: When,
    /// What to sign, in base64.
    pub psbt: String,
}

/// A signed transaction that nobody has asked to send yet.
#[derive(Clone, Debug)]
pub struct KeptRow {
    /// For paths.
    pub id: String,
    /// Its id.
    pub txid: String,
    /// Its bytes in hex, for the form.
    pub hex: String,
}

/// Something that moved coins.
#[derive(Clone, Debug)]
pub struct MovedRow {
    /// By which transaction.
    pub txid: String,
    /// What came, or went.
    pub amount: String,
    /// When.
    pub when: When,
    /// How it stands.
    pub badge: Badge,
    /// What somebody wrote about it.
    pub remark: String,
    /// Its labels.
    pub labels: Vec<String>,
}

/// A coin.
#[derive(Clone, Debug)]
pub struct CoinRow {
    /// How much.
    pub amount: String,
    /// At which address.
    pub address: String,
    /// When it came.
    pub when: When,
    /// Whether it can be spent.
    pub badge: Badge,
}

impl WalletView {
    /// Of a store.
    pub fn of(config: Option<&WalletConfig>, balance: TillBalance) -> Self {
        let Some(config) = config else {
            return Self {
                badge: Badge::new("None", "calm"),
                words: "Invoices take no money on the chain until you connect a wallet.",
                facts: Vec::new(),
                exists: false,
                is_watched: false,
                is_own: false,
            };
        };
        let (badge, words) = match config.kind {
            TillKind::Hot => (
                Badge::new("Hot", "good"),
                "Its keys come from this server's seed: payouts are signed and sent by the server.",
            ),
            TillKind::Generated(_) => (
                Badge::new("Hot", "good"),
                "Its keys come from words of its own, which this server's seed gives again: payouts are signed and sent by the server.",
            ),
            TillKind::WatchOnly => (
                Badge::new("Watch-only", "busy"),
                "This server sees what comes and goes, and has no keys: payouts wait for your signature.",
            ),
        };
        let mut facts = vec![
            ("Confirmed", format::sat(balance.confirmed)),
            ("Unconfirmed", format::sat(balance.unconfirmed)),
            ("Free to be spent", format::sat(balance.spendable)),
        ];
        if !config.label.is_empty() {
            facts.insert(0, ("Name", config.label.clone()));
        }
        facts.push(("Derivation scheme", config.scheme.clone()));
        facts.extend(config.key_path.clone().map(|path| ("Key path", path)));
        Self {
            badge,
            words,
            facts,
            exists: true,
            is_watched: !config.kind.can_sign(),
            is_own: matches!(config.kind, TillKind::Hot),
        }
    }
}

impl From<&Draft> for DraftRow {
    fn from(draft: &Draft) -> Self {
        let amount: Sat = draft.payments.iter().map(|payment| payment.amount).sum();
        let count = draft.payments.len();
        Self {
            id: draft.id.to_string(),
            amount: format::sat(amount),
            fee: format::sat(draft.fee),
            payments: if count == 1 {
                "1 payment".to_owned()
            } else {
                format!("{count} payments")
            },
            when: draft.created.into(),
            psbt: STANDARD.encode(draft.psbt.as_slice()),
        }
    }
}

impl From<&Batch> for KeptRow {
    fn from(batch: &Batch) -> Self {
        let newest = batch.newest();
        Self {
            id: batch.id.to_string(),
            txid: newest.txid.to_string(),
            hex: serialize_hex(&newest.tx),
        }
    }
}

impl From<&Unspent> for CoinRow {
    fn from(coin: &Unspent) -> Self {
        Self {
            amount: format::sat(coin.amount),
            address: coin.address.clone(),
            when: coin.at.into(),
            badge: match (coin.locked, coin.confirmations) {
                (true, _) => Badge::new("Set aside", "busy"),
                (false, 0) => Badge::new("Unconfirmed", "wait"),
                (false, _) => Badge::new("Free", "good"),
            },
        }
    }
}

impl MovedRow {
    /// A row, with what was noted about it.
    pub fn of(moved: &Moved, notes: &BTreeMap<String, Remarks>) -> Self {
        let noted = notes.get(&moved.txid.to_string());
        let (sign, amount) = if moved.received >= moved.sent {
            ("+", moved.received.0 - moved.sent.0)
        } else {
            ("−", moved.sent.0 - moved.received.0)
        };
        Self {
            txid: moved.txid.to_string(),
            amount: format!("{sign}{}", format::sat(Sat(amount))),
            when: moved.at.into(),
            badge: if moved.block.is_some() {
                Badge::new("Confirmed", "good")
            } else {
                Badge::new("Unconfirmed", "wait")
            },
            remark: noted.map(|noted| noted.comment.clone()).unwrap_or_default(),
            labels: noted.map(|noted| noted.labels.clone()).unwrap_or_default(),
        }
    }
}
