//! A store's on-chain wallet, as its owner sees and uses it.

pub mod broadcast;
pub mod notes;
pub mod send;

use bitcoin::Txid;
use rust_decimal::Decimal;

use super::{Gateway, Unavailable};
use crate::domain::ids::StoreId;
use crate::domain::money::Sat;
use crate::domain::till::{TillAddress, TillId};
use crate::domain::time::Timestamp;
use crate::ports::chain::ChainUnavailable;
use crate::store::wallet::Reserved;
use crate::store::{self, Tx, WriteError};
use crate::wallet::TillBalance;
use crate::wallet::history::{Moved, Previewed, Unspent, preview_of};
use crate::wallet::import::CantImport;

/// Points of a histogram.
const POINTS: u32 = 30;

/// Why nothing is shown or changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WalletRefusal {
    /// 404 `paymentmethod-not-configured`.
    #[error("The store has no on-chain wallet.")]
    NoWallet,
    /// 404 `transaction-not-found`.
    #[error("The wallet has no such transaction.")]
    UnknownTransaction,
    /// 400 `no-reserved-address`.
    #[error("No address is reserved.")]
    NoReservedAddress,
    /// 422 `Config`.
    #[error(transparent)]
    Import(#[from] CantImport),
    /// 503.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<WriteError> for WalletRefusal {
    fn from(error: WriteError) -> Self {
        Self::Unavailable(error.into())
    }
}

impl From<ChainUnavailable> for WalletRefusal {
    fn from(error: ChainUnavailable) -> Self {
        Self::Unavailable(Unavailable::NotReady(error.to_string()))
    }
}

/// How far back a histogram looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// Seven days.
    Week,
    /// Thirty days.
    Month,
    /// A year.
    Year,
}

impl Span {
    const fn secs(self) -> u64 {
        let day = 86_400;
        match self {
            Self::Week => 7 * day,
            Self::Month => 30 * day,
            Self::Year => 365 * day,
        }
    }
}

/// How a balance went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Histogram {
    /// When, and how much there was then; ends now.
    pub points: Vec<(Timestamp, Sat)>,
    /// What is there now.
    pub balance: Sat,
}

impl Gateway {
    /// What a store's wallet holds.
    pub async fn wallet_balance(&self, store: StoreId) -> Result<TillBalance, WalletRefusal> {
        self.of_wallet(store, |tx, till| tx.tills().balance(till))
            .await
    }

    /// Everything that moved coins of a store's wallet, newest first.
    pub async fn wallet_history(&self, store: StoreId) -> Result<Vec<Moved>, WalletRefusal> {
        self.of_wallet(store, |tx, till| tx.tills().history(till))
            .await
    }

    /// One of them.
    pub async fn wallet_transaction(
        &self,
        store: StoreId,
        txid: Txid,
    ) -> Result<Moved, WalletRefusal> {
        let history = self.wallet_history(store).await?;
        (history.into_iter())
            .find(|moved| moved.txid == txid)
            .ok_or(WalletRefusal::UnknownTransaction)
    }

    /// The coins that lie in a store's wallet.
    pub async fn wallet_coins(&self, store: StoreId) -> Result<Vec<Unspent>, WalletRefusal> {
        self.of_wallet(store, |tx, till| tx.tills().unspent(till))
            .await
    }

    /// Addresses of a store's wallet, handed out or not. Nothing is handed out by this.
    pub async fn wallet_preview(
        &self,
        store: StoreId,
        offset: u32,
        count: u32,
    ) -> Result<Vec<Previewed>, WalletRefusal> {
        self.of_wallet(store, move |tx, till| {
            tx.tills().preview(till, offset, count)
        })
        .await
    }

    /// Addresses of a wallet that somebody gives; nothing is kept.
    pub fn preview_wallet(
        &self,
        scheme: &str,
        key_path: Option<&str>,
        offset: u32,
        count: u32,
    ) -> Result<Vec<Previewed>, CantImport> {
        let wallet = self.read_wallet(scheme, key_path)?;
        preview_of(&wallet, self.network, offset, count).map_err(CantImport::Unreadable)
    }

    /// How a wallet's balance went.
    pub async fn wallet_histogram(
        &self,
        store: StoreId,
        span: Span,
    ) -> Result<Histogram, WalletRefusal> {
        let now = self.now();
        let balance = self.wallet_balance(store).await?;
        let balance = balance.confirmed.plus(balance.unconfirmed);
        let history = self.wallet_history(store).await?;
        Ok(histogram(&history, balance, span, now))
    }

    /// An address that nobody has paid yet: the same again until it is paid, or another one if `another`.
    pub async fn wallet_address(
        &self,
        store: StoreId,
        another: bool,
    ) -> Result<TillAddress, WalletRefusal> {
        if let Some(why) = self.held() {
            // P12: a file that is older than it should be may have given its next addresses to others.
            return Err(Unavailable::NotReady(why).into());
        }
        self.store
            .try_write("wallet-address", move |tx| {
                let till = store::till::of(tx, store).ok_or(WalletRefusal::NoWallet)?;
                let shown = store::wallet::reserved(tx, store).filter(|shown| {
                    !another && shown.till == till && tx.tills().is_unpaid(till, shown.index)
                });
                if let Some(shown) = shown {
                    let address = tx.tills().address(till, shown.index);
                    return address.ok_or(WalletRefusal::NoWallet);
                }
                let address = tx.tills_mut().reveal(till);
                let address =
                    address.unwrap_or_else(|| panic!("the till of store {store} is gone"));
                let index = address.index;
                store::wallet::put_reserved(tx, store, Some(Reserved { till, index }));
                Ok(address)
            })
            .await
    }

    /// The address that is shown is given to somebody: the next one who asks gets another.
    pub async fn release_wallet_address(&self, store: StoreId) -> Result<(), WalletRefusal> {
        self.store
            .try_write("wallet-address-release", move |tx| {
                store::till::of(tx, store).ok_or(WalletRefusal::NoWallet)?;
                store::wallet::reserved(tx, store).ok_or(WalletRefusal::NoReservedAddress)?;
                store::wallet::put_reserved(tx, store, None);
                Ok(())
            })
            .await
    }

    /// The fee rate to confirm within so many blocks, in satoshi per virtual byte.
    pub async fn wallet_fee_rate(
        &self,
        store: StoreId,
        blocks: u16,
    ) -> Result<Decimal, WalletRefusal> {
        self.of_wallet(store, |_, _| ()).await?;
        let rate = self.chain.fee_rate(blocks).await?;
        Ok(Decimal::new(i64::try_from(rate).unwrap_or(i64::MAX), 3).normalize())
    }

    /// Looks at a store's till. The tills live with the writer; a job that writes nothing costs no fsync.
    async fn of_wallet<R: Send + 'static>(
        &self,
        store: StoreId,
        look: impl FnOnce(&mut Tx<'_>, TillId) -> R + Send + 'static,
    ) -> Result<R, WalletRefusal> {
        self.store
            .try_write("wallet-look", move |tx| {
                let till = store::till::of(tx, store).ok_or(WalletRefusal::NoWallet)?;
                Ok(look(tx, till))
            })
            .await
    }
}

/// Goes back from what is there now, transaction by transaction.
fn histogram(history: &[Moved], balance: Sat, span: Span, now: Timestamp) -> Histogram {
    let step = span.secs() / u64::from(POINTS);
    let mut points = Vec::new();
    let mut sum = i128::from(balance.0);
    let mut newest_first: Vec<&Moved> = history.iter().collect();
    newest_first.sort_by_key(|moved| std::cmp::Reverse(moved.at));
    let mut later = newest_first.into_iter().peekable();
    for back in 0..POINTS {
        let at = Timestamp::from_secs(
            now.secs()
                .saturating_sub(step.saturating_mul(u64::from(back))),
        );
        while let Some(moved) = later.next_if(|moved| moved.at > at) {
            sum -= i128::from(moved.received.0) - i128::from(moved.sent.0);
        }
        points.push((at, Sat(u64::try_from(sum).unwrap_or(0))));
    }
    points.reverse();
    Histogram { points, balance }
}

#[cfg(test)]
mod tests {
    use bitcoin::hashes::Hash;

    use super::*;

    #[test]
    fn a_histogram_goes_back_from_what_is_there() {
        let now = Timestamp::from_secs(1_800_000_000);
        let day = 86_400;
        let moved = |days: u64, received: u64, sent: u64| Moved {
            txid: Txid::all_zeros(),
            received: Sat(received),
            sent: Sat(sent),
            at: Timestamp::from_secs(now.secs() - days * day),
            block: None,
            confirmations: 1,
        };
        // 1,000 came ten days ago, 400 of them went three days ago, 50 came just now.
        let history = [moved(0, 50, 0), moved(3, 600, 1_000), moved(10, 1_000, 0)];
        let week = histogram(&history, Sat(650), Span::Week, now);
        let amounts: Vec<u64> = week.points.iter().map(|(_, sat)| sat.0).collect();
        assert_eq!(amounts.len(), 30);
        assert_eq!(week.points[29].0, now);
        assert_eq!((amounts[0], amounts[10], amounts[20]), (1_000, 1_000, 600));
        assert_eq!((amounts[28], amounts[29]), (600, 650));
        let month = histogram(&history, Sat(650), Span::Month, now);
        let amounts: Vec<u64> = month.points.iter().map(|(_, sat)| sat.0).collect();
        assert_eq!((amounts[0], amounts[25], amounts[29]), (0, 1_000, 650));
        assert!(month.points.is_sorted_by_key(|(at, _)| *at));
    }
}
