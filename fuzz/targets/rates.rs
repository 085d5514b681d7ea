//! Scripts for rates and single formulas. What parses gives prices that are positive, or tells why not, and comes to
//! an end.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rust_decimal::Decimal;
use tollway::domain::rates::{BidAsk, Expression, Pair, Rules};

fuzz_target!(|text: &str| {
    let quotes = |source: &str, pair: Pair| {
        let cents = i64::try_from(source.len() + 7 * pair.to_string().len()).ok()?;
        BidAsk::new(Decimal::new(cents, 2), Decimal::new(cents + 1, 2))
    };
    let pairs: Vec<Pair> = ["BTC_USD", "EUR_BTC", "SATS_JPY", "AAAA_BBBB", "BTC_BTC"]
        .into_iter()
        .chain(text.split_whitespace())
        .filter_map(Pair::parse)
        .take(12)
        .collect();
    let (rules, formula) = (Rules::parse(text), Expression::parse(text).ok());
    let rules = rules.unwrap_or_default();
    for pair in pairs {
        let mut prices = vec![rules.price(pair, &quotes)];
        prices.extend(formula.iter().map(|one| rules.price_by(one, pair, &quotes)));
        for priced in prices.into_iter().flatten() {
            assert!(priced.quote.bid() > Decimal::ZERO);
            assert!(priced.quote.bid() <= priced.quote.ask());
        }
    }
});
