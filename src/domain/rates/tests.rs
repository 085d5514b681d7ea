use std::collections::BTreeMap;
use std::fmt::Write;

use rust_decimal::Decimal;

use super::*;

mod board;

fn dec(text: &str) -> Decimal {
    text.parse().expect("a decimal")
}

fn pair(text: &str) -> Pair {
    Pair::parse(text).expect("a pair")
}

/// `source(A_B) bid ask`, one a line.
fn book(lines: &[(&str, &str, &str, &str)]) -> BTreeMap<(String, Pair), BidAsk> {
    lines
        .iter()
        .map(|(source, asked, bid, ask)| {
            let quote = BidAsk::new(dec(bid), dec(ask)).expect("in order");
            (((*source).to_owned(), pair(asked)), quote)
        })
        .collect()
}

/// What a script gives for a pair, as `bid ask`, or the names of its errors.
fn price(script: &str, asked: &str) -> String {
    let quotes = book(&[
        ("kraken", "BTC_USD", "50000", "50010"),
        ("kraken", "EUR_USD", "1.1", "1.25"),
        ("kraken", "ETH_BTC", "0.05", "0.06"),
        ("coinbase", "BTC_USD", "49000", "49100"),
        ("coinbase", "BTC_EUR", "40000", "40000"),
        ("mad", "BTC_USD", "0", "1"),
    ]);
    let rules = Rules::parse(script).expect("parses");
    let ask = |source: &str, asked: Pair| quotes.get(&(source.to_owned(), asked)).copied();
    match rules.price(pair(asked), &ask) {
        Ok(priced) => format!("{} {}", priced.quote.bid(), priced.quote.ask()),
        Err(errors) => errors
            .iter()
            .map(|error| error.name())
            .collect::<Vec<_>>()
            .join(" "),
    }
}

#[test]
fn a_pair_is_priced_by_the_first_rule_that_fits() {
    let all = "BTC_USD = kraken(BTC_USD); X_EUR = 2; BTC_X = 3; X_X = 4;";
    for (script, asked, expected) in [
        (all, "BTC_USD", "50000 50010"),
        // The inverse of an exact rule comes before anything with X.
        ("BTC_USD = 4; USD_X = 7;", "USD_BTC", "0.25 0.25"),
        (all, "BTC_EUR", "2 2"),
        (all, "BTC_CHF", "3 3"),
        (all, "EUR_JPY", "0.5 0.5"),
        (
            "BTC_X = 3; X_X = 4;",
            "CHF_BTC",
            "0.3333333333333333333333333333 0.3333333333333333333333333333",
        ),
        (all, "CHF_JPY", "4 4"),
        (all, "CHF_EUR", "2 2"),
        // Among rules with X, the one with the quote named comes first.
        ("BTC_X = 3; X_EUR = 2;", "BTC_EUR", "2 2"),
        // X stands for the unit in its own place.
        ("X_X = kraken(X_X);", "BTC_USD", "50000 50010"),
        ("X_X = kraken(X_X);", "EUR_USD", "1.1 1.25"),
        // A source that has a pair the other way round knows both.
        (
            "X_X = kraken(X_X);",
            "BTC_ETH",
            "16.666666666666666666666666667 20",
        ),
        (
            "ETH_X = kraken(ETH_BTC) * BTC_X; BTC_X = kraken(BTC_X);",
            "ETH_USD",
            "2500 3000.6",
        ),
        (
            "BTC_HOURS = kraken(BTC_USD) / 40;",
            "BTC_HOURS",
            "1250 1250.25",
        ),
        // Names match in any case, comments and blanks fall away, the last semicolon may be missing.
        (
            "// mine\n btc_x=/* all */KRAKEN( btc_x )\n",
            "BTC_USD",
            "50000 50010",
        ),
        (";;BTC_USD = 1;;", "BTC_USD", "1 1"),
        // What is a fact is no rate, whatever the script says.
        ("X_X = 7;", "USD_USD", "1 1"),
        ("X_X = 7;", "BTC_SATS", "100000000 100000000"),
        ("", "SATS_BTC", "0.00000001 0.00000001"),
        // SATS_X = 0.00000001 × BTC_X.
        ("X_X = kraken(X_X);", "SATS_USD", "0.0005 0.0005001"),
        ("X_USD = kraken(X_USD);", "SATS_USD", "0.0005 0.0005001"),
        ("X_X = coinbase(X_X);", "EUR_SATS", "2500 2500"),
        ("SATS_X = 5; X_X = 1;", "SATS_USD", "5 5"),
        ("SATS_USD = 2; X_X = 1;", "SATS_USD", "2 2"),
    ] {
        assert_eq!(price(script, asked), expected, "{asked} by {script}");
    }
}

#[test]
fn bids_and_asks_are_reckoned_with_as_intervals() {
    for (formula, expected) in [
        ("1 / (100, 125)", "0.008 0.01"),
        ("(2, 3) * (5, 7)", "10 21"),
        ("(2, 3) + (5, 7)", "7 10"),
        ("(5, 7) - (2, 3)", "2 5"),
        ("-(-(2, 3))", "2 3"),
        ("-1 * -4", "4 4"),
        ("10 - 2 - 3", "5 5"),
        ("2 + 3 * 4", "14 14"),
        ("(2 + 3) * 4", "20 20"),
        ("8 / 4 / 2", "1 1"),
        ("- - 3", "3 3"),
        ("(kraken(BTC_USD), 60000)", "50000 60000"),
        ("0.1 + 0.2", "0.3 0.3"),
        (
            "12345678901234567890.12345678 * 1",
            "12345678901234567890.12345678 12345678901234567890.12345678",
        ),
    ] {
        assert_eq!(
            price(&format!("BTC_USD = {formula};"), "BTC_USD"),
            expected,
            "{formula}"
        );
    }
    let hundred = BidAsk::exact(dec("100"));
    for (percent, bid, ask) in [
        ("0", "100", "100"),
        ("2.5", "97.5", "102.5"),
        ("100", "0", "200"),
    ] {
        let spread = hundred.spread(dec(percent)).expect("small");
        assert_eq!(
            (spread.bid(), spread.ask()),
            (dec(bid), dec(ask)),
            "{percent}"
        );
    }
    assert!(!hundred.spread(dec("100")).expect("small").is_price());
}

#[test]
fn what_gives_no_price_says_why() {
    let circle = "BTC_USD = BTC_EUR; BTC_EUR = BTC_USD;";
    for (script, asked, expected) in [
        ("", "BTC_USD", "ERR_NO_RULE_MATCH"),
        ("EUR_X = 1;", "BTC_USD", "ERR_NO_RULE_MATCH"),
        ("BTC_USD = BTC_USD;", "BTC_USD", "ERR_TOO_MUCH_NESTED_CALLS"),
        ("BTC_USD = USD_BTC;", "BTC_USD", "ERR_TOO_MUCH_NESTED_CALLS"),
        (circle, "EUR_BTC", "ERR_TOO_MUCH_NESTED_CALLS"),
        ("X_X = kraken(X_X);", "BTC_CHF", "ERR_RATE_UNAVAILABLE"),
        ("X_X = nobody(X_X);", "BTC_USD", "ERR_RATE_UNAVAILABLE"),
        ("X_X = mad(X_X);", "BTC_USD", "ERR_RATE_UNAVAILABLE"),
        (
            "X_X = kraken(NONSENSE);",
            "BTC_USD",
            "ERR_INVALID_CURRENCY_PAIR",
        ),
        ("BTC_USD = 0;", "BTC_USD", "ERR_RATE_UNAVAILABLE"),
        ("BTC_USD = -1;", "BTC_USD", "ERR_RATE_UNAVAILABLE"),
        ("BTC_USD = 1 / 0;", "BTC_USD", "ERR_RATE_UNAVAILABLE"),
        (
            "BTC_USD = 1 / (kraken(BTC_USD) - 50005);",
            "BTC_USD",
            "ERR_RATE_UNAVAILABLE",
        ),
        ("BTC_USD = (2, 1);", "BTC_USD", "ERR_RATE_UNAVAILABLE"),
        (
            "BTC_USD = 79228162514264337593543950335 * 10;",
            "BTC_USD",
            "ERR_RATE_UNAVAILABLE",
        ),
        (
            "BTC_USD = nobody(BTC_USD) + EUR_CHF + kraken(A);",
            "BTC_USD",
            "ERR_NO_RULE_MATCH ERR_RATE_UNAVAILABLE ERR_INVALID_CURRENCY_PAIR",
        ),
        ("SATS_X = 1 / 0;", "SATS_USD", "ERR_RATE_UNAVAILABLE"),
    ] {
        assert_eq!(price(script, asked), expected, "{asked} by {script}");
    }
}

/// `A0_Z = A1_Z; … An_Z = 5;`: a chain of so many references.
fn chain(references: usize) -> String {
    let mut script = String::new();
    for at in 0..references {
        writeln!(script, "A{at}_ZZ = A{}_ZZ;", at + 1).expect("a text takes all");
    }
    writeln!(script, "A{references}_ZZ = 5;").expect("a text takes all");
    script
}

#[test]
fn references_nest_eight_deep() {
    assert_eq!(price(&chain(NESTING_MAX), "A0_ZZ"), "5 5");
    let deeper = price(&chain(NESTING_MAX + 1), "A0_ZZ");
    assert_eq!(deeper, "ERR_TOO_MUCH_NESTED_CALLS");
    // Wide and deep: it ends, whatever it would take.
    let mut wide = String::new();
    for at in 0..8 {
        let sum = vec![format!("A{}_ZZ", at + 1); 150].join(" + ");
        writeln!(wide, "A{at}_ZZ = {sum};").expect("a text takes all");
    }
    wide.push_str("A8_ZZ = 1;");
    assert_eq!(price(&wide, "A0_ZZ"), "ERR_TOO_MUCH_NESTED_CALLS");
    let long = format!("BTC_USD = 1{};", " + 1".repeat(3_000));
    assert_eq!(price(&long, "BTC_USD"), "3001 3001");
}

#[test]
fn a_script_that_does_not_parse_says_where() {
    for (script, line) in [
        ("BTC_USD", 1),
        ("BTC_USD =", 1),
        ("BTC_USD = ;", 1),
        ("BTC_USD = 1 2;", 1),
        ("BTC_USD = 1\nBTC_EUR = 2;", 2),
        ("BTC_USD = 1;\nBTC_USD = 2;", 2),
        ("BTC_USD = 1;\nbtc_usd = 2;", 2),
        ("BTCUSD = 1;", 1),
        ("1 = 1;", 1),
        ("BTC_USD = BTCUSD;", 1),
        ("BTC_USD = (1;", 1),
        ("BTC_USD = 1);", 1),
        ("BTC_USD = (1, 2, 3);", 1),
        ("BTC_USD = ();", 1),
        ("BTC_USD = 1,2;", 1),
        ("BTC_USD = kraken();", 1),
        ("BTC_USD = kraken(BTC_USD;", 1),
        ("BTC_USD = kraken(1);", 1),
        ("BTC_USD = * 2;", 1),
        ("BTC_USD = 2 *;", 1),
        ("BTC_USD = 1.;", 1),
        ("BTC_USD = 1.2.3;", 1),
        ("BTC_USD = 1e5;", 1),
        ("BTC_USD = 79228162514264337593543950336;", 1),
        ("BTC_USD = 0.00000000000000000000000000001;", 1),
        ("BTC_USD = 1; /* open", 1),
        ("// fine\n\nBTC_USD = \"x\";", 3),
        ("/*\n*/ BTC_USD = \u{20ac};", 2),
        ("BTC_USD = 1 % 2;", 1),
        ("A_USD = 1;", 1),
        ("_ = 1;", 1),
        ("BTC_USD_EUR = 1;", 1),
        ("BTC_ABCDEFGHIJKLM = 1;", 1),
    ] {
        let error = Rules::parse(script).expect_err(script);
        assert_eq!(error.line, line, "{script}: {error}");
    }
    let deep = format!("BTC_USD = {}1", "(".repeat(10_000));
    assert!(Rules::parse(&deep).is_err());
    let signs = format!("BTC_USD = {}1;", "-".repeat(10_000));
    assert!(Rules::parse(&signs).is_err());
    assert!(Rules::parse(&" ".repeat(SCRIPT_BYTES_MAX)).is_ok());
    assert!(Rules::parse(&" ".repeat(SCRIPT_BYTES_MAX + 1)).is_err());
}

#[test]
fn a_formula_stands_for_the_rule_of_its_pair() {
    let rules = Rules::parse("BTC_EUR = 7; EUR_USD = kraken(EUR_USD);").expect("parses");
    let quotes = book(&[
        ("kraken", "BTC_USD", "100", "200"),
        ("kraken", "EUR_USD", "2", "4"),
    ]);
    let ask = |source: &str, asked: Pair| quotes.get(&(source.to_owned(), asked)).copied();
    for (formula, expected, sources) in [
        ("2500", Some(("2500", "2500")), ""),
        ("kraken(BTC_USD) / 40;", Some(("2.5", "5")), "kraken"),
        ("BTC_EUR * 2", Some(("14", "14")), ""),
        ("kraken(BTC_USD) / EUR_USD", Some(("25", "100")), "kraken"),
        ("X_X", None, ""),
        ("BTC_BEER", None, ""),
        ("0", None, ""),
    ] {
        let formula = Expression::parse(formula).expect(formula);
        let got = rules.price_by(&formula, pair("BTC_HOURS"), &ask);
        let shown = got.as_ref().ok().map(|priced| {
            let quote = priced.quote;
            (quote.bid().to_string(), quote.ask().to_string())
        });
        let expected = expected.map(|(bid, ask): (&str, &str)| (bid.to_owned(), ask.to_owned()));
        assert_eq!(shown, expected, "{formula:?}");
        if let Ok(priced) = got {
            assert_eq!(priced.sources.join(" "), sources, "{formula:?}");
        }
    }
    for bad in [
        "",
        ";",
        "1; 2",
        "BTC_USD = 1;",
        "1 +",
        "kraken",
        "drop table",
        "\u{0}",
    ] {
        assert!(Expression::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn pairs_are_read_in_both_forms() {
    for (text, expected) in [
        ("BTC_USD", Some("BTC_USD")),
        ("btc_usd", Some("BTC_USD")),
        ("BTCUSD", Some("BTC_USD")),
        (" eurbtc ", Some("EUR_BTC")),
        ("BTC_HOURS", Some("BTC_HOURS")),
        ("BTCBEER", None),
        ("BTC", None),
        ("BTC_", None),
        ("_USD", None),
        ("BTC_X", None),
        ("BTC_USD_EUR", None),
        ("BT\u{e9}USD", None),
        ("", None),
    ] {
        let shown = Pair::parse(text).map(|pair| pair.to_string());
        assert_eq!(shown.as_deref(), expected, "{text}");
    }
}

/// What is done with two numbers.
type Act = fn(Decimal, Decimal) -> Decimal;

/// A small generator: the same numbers at every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }

    fn quote(&mut self) -> BidAsk {
        let bid = Decimal::new(1 + i64::try_from(self.below(10_000_000)).expect("small"), 3);
        let gap = Decimal::new(i64::try_from(self.below(1_000)).expect("small"), 3);
        BidAsk::new(bid, bid + gap).expect("in order")
    }
}

#[test]
fn whatever_is_in_the_sides_is_in_the_result() {
    let mut dice = Dice(88_172_645_463_325_252);
    for _ in 0..2_000 {
        let (one, other) = (dice.quote(), dice.quote());
        let ends = |quote: BidAsk| [quote.bid(), quote.ask()];
        let acts: [(BidAsk, Act); 4] = [
            (one.plus(other).expect("small"), |a, b| a + b),
            (one.minus(other).expect("small"), |a, b| a - b),
            (one.times(other).expect("small"), |a, b| a * b),
            (one.over(other).expect("positive"), |a, b| a / b),
        ];
        for (result, act) in acts {
            assert!(result.bid() <= result.ask());
            for left in ends(one) {
                for right in ends(other) {
                    let value = act(left, right);
                    assert!(
                        result.bid() <= value && value <= result.ask(),
                        "{one:?} {other:?}"
                    );
                }
            }
        }
        let back = one.inverse().and_then(BidAsk::inverse).expect("positive");
        let error = (back.bid() - one.bid()).abs() + (back.ask() - one.ask()).abs();
        assert!(error < dec("0.000000000001"), "{one:?} became {back:?}");
    }
}

/// Any text is either rules or an error, and rules are either a price or errors: nothing panics, nothing runs on.
#[test]
fn any_text_is_rules_or_an_error() {
    const WORDS: &[&str] = &[
        "BTC_USD",
        "X_X",
        "BTC_X",
        "X_USD",
        "SATS_X",
        "kraken",
        "(",
        ")",
        ",",
        "=",
        ";",
        "+",
        "-",
        "*",
        "/",
        "1",
        "0",
        "0.00000001",
        "79228162514264337593543950335",
        "BTC",
        "_",
        "//",
        "/*",
        "*/",
        "\n",
        "\u{e9}",
        ".",
    ];
    let mut dice = Dice(2_463_534_242);
    let mut priced = 0;
    for round in 0..20_000 {
        let mut text = if round % 2 == 0 {
            "BTC_USD = ".to_owned()
        } else {
            String::new()
        };
        for _ in 0..dice.below(12) {
            let at = usize::try_from(dice.below(WORDS.len() as u64)).expect("small");
            text.push_str(WORDS[at]);
            text.push(' ');
        }
        let Ok(rules) = Rules::parse(&text) else {
            continue;
        };
        let quote = dice.quote();
        match rules.price(pair("BTC_USD"), &|_, _| Some(quote)) {
            Ok(found) => {
                assert!(found.quote.is_price(), "{text}");
                priced += 1;
            }
            Err(errors) => assert!(!errors.is_empty(), "{text}"),
        }
    }
    assert!(priced > 100, "only {priced} of the texts gave a price");
}
