//! Prices that a test sets.

use std::sync::Arc;

use rust_decimal::Decimal;
use tollway::domain::money::{Currency, Rate};
use tollway::domain::rates::{BidAsk, Board, Pair};
use tollway::service::rates::RateBoard;

/// A board with one source, `fixed`. No price until one is set.
pub struct FakeRates(Arc<RateBoard>);

impl Default for FakeRates {
    fn default() -> Self {
        let mut board = Board::new(600, 60);
        // The table is there, however empty.
        let pair = Pair::of_bitcoin(Currency::USD);
        board.fix("fixed", "Fixed prices", pair, BidAsk::ONE);
        board.unfix("fixed", pair);
        Self(Arc::new(RateBoard::new(board, vec!["fixed".to_owned()])))
    }
}

impl FakeRates {
    /// The board, for the gateway.
    pub fn board(&self) -> Arc<RateBoard> {
        self.0.clone()
    }

    /// Sets what one BTC costs.
    pub fn set(&self, currency: Currency, per_btc: Decimal) {
        let rate = Rate::new(per_btc).expect("a positive price");
        self.quote(Pair::of_bitcoin(currency), rate.per_btc(), rate.per_btc());
    }

    /// Sets bid and ask of a pair.
    pub fn quote(&self, pair: Pair, bid: Decimal, ask: Decimal) {
        let quote = BidAsk::new(bid, ask).expect("the bid is not above the ask");
        self.0
            .with(|board| board.fix("fixed", "Fixed prices", pair, quote));
    }

    /// Forgets a price.
    pub fn forget(&self, currency: Currency) {
        self.0
            .with(|board| board.unfix("fixed", Pair::of_bitcoin(currency)));
    }
}
