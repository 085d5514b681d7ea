//! Prices from sources in their public formats, over HTTP, from a server of this machine.

mod server;

use std::sync::Arc;

use tollway::adapters::rates::{CoinGecko, Kraken};
use tollway::domain::rates::{Board, Pair};
use tollway::domain::time::Timestamp;
use tollway::keepers::rate_fetcher::RateFetcher;
use tollway::ports::clock::Clock;
use tollway::ports::rates::RateSource;
use tollway::service::rates::RateBoard;

use crate::support::FakeClock;
use server::{Reply, Server};

const KRAKEN: &str = r#"{"error":[],"result":{
    "XXBTZUSD":{"a":["60010.10000","1","1.000"],"b":["60000.20000","1","1.000"],"c":["60005.0","0.1"]},
    "XBTCHF":{"a":["54000.0","1","1.000"],"b":["53900.0","1","1.000"]}}}"#;
const COINGECKO: &str = r#"{"rates":{
    "btc":{"name":"Bitcoin","unit":"BTC","value":1.0,"type":"crypto"},
    "usd":{"name":"US Dollar","unit":"$","value":60100.5,"type":"fiat"},
    "czk":{"name":"Czech Koruna","unit":"K\u010d","value":1300000.25,"type":"fiat"}}}"#;

/// Two sources, their servers, a board, and the keeper between them.
struct Market {
    kraken: Server,
    coingecko: Server,
    board: Arc<RateBoard>,
    clock: Arc<FakeClock>,
    fetcher: RateFetcher,
}

impl Market {
    fn open() -> Self {
        let (kraken, coingecko) = (Server::start(), Server::start());
        kraken.says(Reply::ok(KRAKEN));
        coingecko.says(Reply::ok(COINGECKO));
        let mut board = Board::new(600, 60);
        board.add("kraken", "Kraken");
        board.add("coingecko", "CoinGecko");
        let order = vec!["kraken".to_owned(), "coingecko".to_owned()];
        let board = Arc::new(RateBoard::new(board, order));
        let clock = Arc::new(FakeClock::at_secs(1_800_000_000));
        let sources: Vec<Arc<dyn RateSource>> = vec![
            Arc::new(Kraken::at(&kraken.url()).expect("a client")),
            Arc::new(CoinGecko::at(&format!("{}/api/v3", coingecko.url())).expect("a client")),
        ];
        Self {
            fetcher: RateFetcher::new(sources, board.clone(), clock.clone()),
            kraken,
            coingecko,
            board,
            clock,
        }
    }

    /// The keeper looks, and rests until it wants to look again.
    async fn turn(&self) -> u64 {
        let now = self.clock.now();
        let next = self.fetcher.activate().await;
        let rest = next.millis_since(now) / 1_000;
        self.clock.advance_secs(rest);
        rest
    }

    /// What a source says, as `bid ask`; nothing if that is not fresh.
    fn says(&self, source: &str, pair: &str) -> Option<String> {
        let pair = Pair::parse(pair).expect("a pair");
        let now = self.clock.now();
        let quote = self.board.with(|board| board.quote(source, pair, now))?;
        Some(format!("{} {}", quote.bid(), quote.ask()))
    }

    fn trouble(&self, source: &str) -> Option<String> {
        self.board.with(|board| {
            let mut sources = board.sources();
            let found = sources.find(|(id, _)| *id == source);
            found.and_then(|(_, source)| source.trouble.clone())
        })
    }
}

#[tokio::test]
async fn both_formats_are_read_and_asked_for_again_every_minute() {
    let market = Market::open();
    assert_eq!(market.says("kraken", "BTC_USD"), None);
    assert_eq!(market.turn().await, 60);
    assert_eq!(market.kraken.asked(), ["GET /0/public/Ticker"]);
    assert_eq!(market.coingecko.asked(), ["GET /api/v3/exchange_rates"]);
    for (source, pair, expected) in [
        ("kraken", "BTC_USD", Some("60000.20000 60010.10000")),
        ("kraken", "BTC_CHF", Some("53900.0 54000.0")),
        ("kraken", "BTC_CZK", None),
        ("coingecko", "BTC_USD", Some("60100.5 60100.5")),
        ("coingecko", "BTC_CZK", Some("1300000.25 1300000.25")),
    ] {
        assert_eq!(
            market.says(source, pair).as_deref(),
            expected,
            "{source} {pair}"
        );
    }
    market
        .coingecko
        .says(Reply::ok(r#"{"rates":{"usd":{"value":1}}}"#));
    assert_eq!(market.turn().await, 60);
    assert_eq!(market.says("coingecko", "BTC_USD").as_deref(), Some("1 1"));
    assert_eq!(
        (market.kraken.asked().len(), market.coingecko.asked().len()),
        (2, 2)
    );
}

#[tokio::test]
async fn without_a_network_the_last_price_is_good_until_its_age_limit_and_then_there_is_none() {
    let market = Market::open();
    market.turn().await;
    let began = market.clock.now();
    market.kraken.says(Reply::hang_up());
    market.coingecko.says(Reply::status(503));
    let mut asked = Vec::new();
    while market.says("kraken", "BTC_USD").is_some() {
        asked.push(market.turn().await);
    }
    // The last good answer was a minute old when the trouble began.
    assert!(market.clock.now().millis_since(began) >= 540_000);
    assert_eq!(asked, [60, 120, 240, 300], "later and later");
    assert_eq!(market.says("coingecko", "BTC_CZK"), None);
    assert!(market.trouble("kraken").is_some() && market.trouble("coingecko").is_some());
    market.kraken.says(Reply::ok(KRAKEN));
    market.turn().await;
    assert!(market.says("kraken", "BTC_USD").is_some());
    assert_eq!(market.trouble("kraken"), None);
}

#[tokio::test]
async fn who_asks_to_be_left_alone_is_left_alone() {
    let market = Market::open();
    market
        .kraken
        .says(Reply::status(429).with("Retry-After", "150"));
    assert_eq!(market.turn().await, 60, "the other one is asked meanwhile");
    market.turn().await;
    assert_eq!(market.kraken.asked().len(), 1);
    market.turn().await;
    market.turn().await;
    assert_eq!(market.kraken.asked().len(), 2);
    assert!(market.coingecko.asked().len() >= 3);
}

#[tokio::test]
async fn whatever_a_source_answers_nothing_breaks_and_no_price_comes_of_nonsense() {
    let market = Market::open();
    market.turn().await;
    let before = market.says("kraken", "BTC_USD");
    let huge = format!(
        r#"{{"error":[],"result":{{"XXBTZUSD":"{}"}}}}"#,
        "9".repeat(5_000_000)
    );
    let deep = "[".repeat(200_000);
    let elsewhere = Reply::status(302).with("Location", &format!("{}/x", market.coingecko.url()));
    for reply in [
        Reply::ok(""),
        Reply::ok("<html>blocked</html>"),
        Reply::ok("{}"),
        Reply::ok("null"),
        Reply::ok(r#"{"error":["EService:Unavailable"],"result":{}}"#),
        Reply::ok(r#"{"error":[],"result":{"XXBTZUSD":{"a":["NaN"],"b":["1e999"]}}}"#),
        Reply::ok(r#"{"error":[],"result":{"XXBTZUSD":{"a":["1"],"b":["2"]}}}"#),
        Reply::ok(&huge),
        Reply::ok(&deep),
        Reply::status(404),
        Reply::status(500),
        elsewhere,
        Reply::status(429).with("Retry-After", "Wed, 21 Oct 2015 07:28:00 GMT"),
        Reply::status(429).with("Retry-After", "-1"),
        Reply::cut_short(),
        Reply::hang_up(),
    ] {
        let said = format!("{reply:?}");
        market.clock.set(Timestamp::from_secs(1_800_000_000));
        market.kraken.says(Reply::ok(KRAKEN));
        market.turn().await;
        market.kraken.says(reply);
        market.turn().await;
        assert_eq!(market.says("kraken", "BTC_USD"), before, "{said:.200}");
        assert!(market.trouble("kraken").is_some(), "{said:.200}");
    }
    let strayed = market.coingecko.asked();
    assert!(
        strayed.iter().all(|path| path.ends_with("exchange_rates")),
        "{strayed:?}"
    );
}

#[tokio::test]
async fn a_clock_that_is_set_on_or_back_makes_no_price_of_an_old_one() {
    let market = Market::open();
    market.turn().await;
    market.kraken.says(Reply::status(500));
    market.coingecko.says(Reply::status(500));
    let now = market.clock.now();
    for (jump, good) in [
        (now.plus_secs(86_400), false),
        (Timestamp(now.0 - 61_000), true),
        (Timestamp(now.0 - 86_400_000), false),
    ] {
        market.clock.set(jump);
        assert_eq!(market.says("kraken", "BTC_USD").is_some(), good, "{jump}");
    }
    // Set back by a day: asked at once all the same.
    let asked = market.kraken.asked().len();
    market.kraken.says(Reply::ok(KRAKEN));
    market.turn().await;
    assert_eq!(market.kraken.asked().len(), asked + 1);
    assert!(market.says("kraken", "BTC_USD").is_some());
}
