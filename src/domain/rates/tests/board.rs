use super::{BidAsk, Board, dec, pair};
use crate::domain::rates::BACK_OFF_SECS_MAX;
use crate::domain::time::Timestamp;

const BEGIN: Timestamp = Timestamp::from_secs(1_800_000_000);

fn board() -> Board {
    let mut board = Board::new(600, 60);
    board.add("kraken", "Kraken");
    board
}

fn price(number: &str) -> BidAsk {
    BidAsk::exact(dec(number))
}

#[test]
fn a_quote_is_good_until_its_age_limit() {
    let mut board = board();
    let usd = pair("BTC_USD");
    assert_eq!(board.quote("kraken", usd, BEGIN), None);
    board.answered("kraken", BEGIN, vec![(usd, price("5"))]);
    // Days are as bad as a minute too long; a clock that was set back says nothing about the age.
    for (now, good) in [
        (BEGIN, true),
        (BEGIN.plus_secs(599), true),
        (BEGIN.plus_secs(600), false),
        (BEGIN.plus_secs(86_400), false),
        (Timestamp(BEGIN.0 - 30_000), true),
        (Timestamp(BEGIN.0 - 30_001), false),
        (Timestamp::default(), false),
    ] {
        assert_eq!(board.quote("kraken", usd, now).is_some(), good, "{now}");
    }
    assert_eq!(board.quote("kraken", usd.inverse(), BEGIN), None);
    assert_eq!(board.quote("other", usd, BEGIN), None);
    // A failure leaves the last good one; an answer without the pair too, but not for longer.
    board.failed("kraken", BEGIN.plus_secs(60), "down".to_owned(), None);
    board.answered(
        "kraken",
        BEGIN.plus_secs(120),
        vec![(pair("BTC_EUR"), price("4"))],
    );
    assert_eq!(
        board.quote("kraken", usd, BEGIN.plus_secs(599)),
        Some(price("5"))
    );
    assert_eq!(board.quote("kraken", usd, BEGIN.plus_secs(601)), None);
    board.answered("kraken", BEGIN.plus_secs(700), vec![(usd, price("0"))]);
    assert_eq!(board.quote("kraken", usd, BEGIN.plus_secs(700)), None);
}

#[test]
fn a_table_of_the_operator_does_not_age() {
    let mut board = Board::new(600, 60);
    let usd = pair("BTC_USD");
    board.fix("fixed", "Fixed", usd, price("5"));
    assert_eq!(board.quote("fixed", usd, BEGIN), Some(price("5")));
    assert_eq!((board.due(BEGIN), board.next(BEGIN)), (Vec::new(), None));
    board.unfix("fixed", usd);
    assert_eq!(board.quote("fixed", usd, BEGIN), None);
}

#[test]
fn who_fails_is_asked_later_and_later() {
    let mut board = board();
    let mut now = BEGIN;
    assert_eq!(board.due(now), ["kraken"]);
    for (wished, pause) in [
        (None, 60),
        (None, 120),
        (None, 240),
        (None, BACK_OFF_SECS_MAX),
        (None, BACK_OFF_SECS_MAX),
        (Some(5), BACK_OFF_SECS_MAX),
        (Some(1_000), 1_000),
        (Some(u64::MAX), 3_600),
    ] {
        board.failed("kraken", now, "down".to_owned(), wished);
        assert_eq!(board.next(now), Some(now.plus_secs(pause)), "{wished:?}");
        assert!(board.due(now.plus_secs(pause - 1)).is_empty());
        now = now.plus_secs(pause);
        assert_eq!(board.due(now), ["kraken"]);
    }
    board.answered("kraken", now, vec![]);
    assert_eq!(board.next(now), Some(now.plus_secs(60)));
    board.failed("kraken", now, "down".to_owned(), None);
    assert_eq!(board.next(now), Some(now.plus_secs(60)));
}

#[test]
fn a_clock_that_is_set_back_is_no_reason_to_wait() {
    let mut board = board();
    board.answered("kraken", BEGIN, vec![]);
    let back = Timestamp(BEGIN.0 - 1_000_000);
    assert_eq!(board.due(back), ["kraken"]);
    assert_eq!(board.next(back), Some(back));
    assert_eq!(board.due(BEGIN.plus_secs(1_000_000)), ["kraken"]);
}
