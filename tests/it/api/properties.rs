//! Whatever JSON comes in: no panic, no 5xx, and a refusal has changed nothing. What we write we read again.

use rust_decimal::Decimal;
use serde_json::{Map, Value, json};
use tollway::api::number::{Dec, Num, decimal, span_secs, whole};
use tollway::config::Limits;
use tollway::domain::receipt::Rail;
use tollway::store;

use super::{Client, text};

/// Members of all requests of these rooms, and some that nobody knows.
const MEMBERS: &[&str] = &[
    "amount",
    "currency",
    "metadata",
    "checkout",
    "receipt",
    "additionalSearchTerms",
    "speedPolicy",
    "paymentMethods",
    "defaultPaymentMethod",
    "lazyPaymentMethods",
    "expirationMinutes",
    "monitoringMinutes",
    "paymentTolerance",
    "redirectURL",
    "redirectAutomatically",
    "defaultLanguage",
    "enabled",
    "showQR",
    "status",
    "name",
    "description",
    "payoutMethods",
    "BOLT11Expiration",
    "autoApproveClaims",
    "startsAt",
    "expiresAt",
    "period",
    "maxClaimAmount",
    "maxClaimCount",
    "destination",
    "payoutMethodId",
    "paymentMethod",
    "pullPaymentId",
    "approved",
    "feePolicy",
    "maxFeePercent",
    "maxFeeFlat",
    "revision",
    "rateRule",
    "state",
    "paymentProof",
    "proofType",
    "intervalSeconds",
    "processNewPayoutsInstantly",
    "feeBlockTarget",
    "threshold",
    "constructor",
    "__proto__",
    "",
];

/// Texts that mean something somewhere, and some that mean trouble.
const TEXTS: &[&str] = &[
    "",
    " ",
    "0",
    "1",
    "-1",
    "1.5",
    "1e-8",
    "1e400",
    "79228162514264337593543950335",
    "00:10:00",
    "1.02:00:00",
    "-00:00:01",
    "99999999999.00:00:00",
    "true",
    "False",
    "BTC",
    "btc_lightningnetwork",
    "BTC-CHAIN",
    "SATS",
    "usd",
    "HOURS",
    "HighSpeed",
    "Settled",
    "InProgress",
    "Completed",
    "en",
    "https://a.example/{InvoiceId}",
    "javascript:alert(1)",
    "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080",
    "bitcoin:bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080?amount=0.00001",
    "bitcoin:?",
    "lnbcrt1",
    "lnurl1dp68gurn8ghj7",
    "a@b.example",
    "\u{0}",
    "é\u{202e}\u{1f9c2}",
    "{{{{",
    "kraken(BTC_USD) / 0",
];

/// Chance from a seed (`SplitMix64`): a failing round is found again by its number.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).expect("it fits");
        usize::try_from(self.roll() % end).expect("it fits")
    }

    fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }

    fn signed(&mut self) -> i64 {
        self.roll().cast_signed()
    }

    /// Characters of any kind.
    fn scribble(&mut self) -> String {
        let length = self.below(30);
        (0..length)
            .filter_map(|_| {
                let end = *self.pick(&[0x80_usize, 0x800, 0x11_0000]);
                char::from_u32(u32::try_from(self.below(end)).expect("it fits"))
            })
            .collect()
    }

    fn value(&mut self, depth: usize) -> Value {
        const NUMBERS: &[&str] = &[
            "0.1",
            "1e-30",
            "1e400",
            "-0",
            "123456789012345678901234567890.5",
        ];
        let kinds = if depth == 0 { 7 } else { 9 };
        match self.below(kinds) {
            0 => Value::Null,
            1 => Value::from(self.once_in(2)),
            2 => Value::from(self.signed()),
            3 => Value::from(self.below(100_000)),
            4 => serde_json::from_str(self.pick::<&str>(NUMBERS)).expect("a number"),
            5 => Value::from(*self.pick(TEXTS)),
            6 => Value::from(self.scribble()),
            7 => (0..self.below(4)).map(|_| self.value(depth - 1)).collect(),
            _ => Value::Object(self.members(depth - 1)),
        }
    }

    fn members(&mut self, depth: usize) -> Map<String, Value> {
        (0..self.below(8))
            .map(|_| {
                let name = *self.pick(MEMBERS);
                let upper = self.once_in(4);
                let name = if upper {
                    name.to_uppercase()
                } else {
                    name.to_owned()
                };
                (name, self.value(depth))
            })
            .collect()
    }
}

/// A client, and operations with something behind them: method and path.
async fn surroundings() -> (Client, Vec<(&'static str, String)>) {
    let limits = Limits {
        stranger_actions_per_minute: 1_000_000,
        ..Limits::default()
    };
    let client = Client::limited(limits).await;
    let address = crate::claims::api::address;
    let pull = json!({"amount": 1, "currency": "BTC"});
    let pull = client.post(&client.shop("/pull-payments"), pull).await.ok();
    let pull = text(&pull["id"]);
    let payout = json!({"destination": address(9), "payoutMethodId": "BTC", "amount": "0.01"});
    let payout = client.post(&client.shop("/payouts"), payout).await.ok();
    let payout = format!("/api/v1/payouts/{}", text(&payout["id"]));
    let invoice = format!("/api/v1/invoices/{}", client.world.invoice(5_000).await.id);
    let sender = |kind: &str| client.shop(&format!("/payout-processors/{kind}"));
    let operations = vec![
        ("POST", client.shop("/invoices")),
        ("PUT", invoice.clone()),
        ("POST", format!("{invoice}/status")),
        ("POST", format!("{invoice}/payment-methods/BTC-LN/activate")),
        ("POST", client.shop("/pull-payments")),
        ("PATCH", format!("/api/v1/pull-payments/{pull}")),
        ("POST", format!("/api/v1/pull-payments/{pull}/payouts")),
        ("POST", client.shop("/payouts")),
        ("POST", payout.clone()),
        ("POST", format!("{payout}/mark")),
        (
            "PUT",
            sender("LightningAutomatedPayoutSenderFactory/BTC-LN"),
        ),
        ("PUT", sender("OnChainAutomatedPayoutSenderFactory")),
    ];
    (client, operations)
}

#[tokio::test]
async fn no_body_is_a_server_s_fault_and_no_refusal_changes_anything() {
    let (client, operations) = surroundings().await;
    let last = || {
        let journal = |rows: &store::Snapshot| store::journal::last_sequence(rows);
        client.world.gateway.store.glance(journal)
    };
    for round in 0..600 {
        let mut dice = Dice(round);
        let (method, path) = dice.pick(&operations).clone();
        let body = if dice.once_in(5) {
            dice.value(3)
        } else {
            Value::Object(dice.members(2))
        };
        let before = last();
        let answer = client.call(method, &path, &body).await;
        let what = format!("round {round}: {method} {path} {body} → {answer:?}");
        assert!(!answer.status.is_server_error(), "{what}");
        if answer.status.is_client_error() {
            assert_eq!(last(), before, "{what}");
            assert!(
                answer.body.is_array() || answer.body["code"].is_string(),
                "{what}"
            );
        }
    }
    client.world.check().await;
}

#[tokio::test]
async fn no_query_is_a_server_s_fault() {
    const NAMES: &[&str] = &[
        "skip",
        "take",
        "startDate",
        "endDate",
        "status",
        "orderId",
        "orderId[]",
        "textSearch",
        "includeArchived",
        "includeCancelled",
        "includePaymentMethods",
    ];
    let (client, _) = surroundings().await;
    let paths = ["/invoices", "/pull-payments", "/payouts"].map(|path| client.shop(path));
    for round in 0..300 {
        let mut dice = Dice(round);
        let query: Vec<(&str, String)> = (0..dice.below(4))
            .map(|_| {
                let value = match dice.below(3) {
                    0 => (*dice.pick(TEXTS)).to_owned(),
                    1 => dice.scribble(),
                    _ => dice.roll().to_string(),
                };
                (*dice.pick(NAMES), value)
            })
            .collect();
        let query = serde_urlencoded::to_string(&query).expect("a query");
        let path = format!("{}?{query}", dice.pick(&paths));
        let answer = client.get(&path).await;
        let expected = [200, 422].contains(&answer.status.as_u16());
        assert!(expected, "round {round}: {path} → {answer:?}");
    }
}

#[test]
fn decimals_that_we_write_we_read_again() {
    let mut dice = Dice(1);
    for _ in 0..2_000 {
        let scale = u32::try_from(dice.below(19)).expect("it fits");
        let number = Decimal::new(dice.signed(), scale);
        let written = serde_json::to_value(Dec(number)).expect("writes");
        let read = decimal(&written).map(|read| read.to_string());
        assert_eq!(read, Some(number.to_string()), "the scale is kept");
        assert_eq!(decimal(&Num(number).to_value()), Some(number));
        let is_whole = number.fract().is_zero();
        assert_eq!(whole(&written).is_some(), is_whole, "{number}");
    }
}

#[test]
fn spans_are_read_in_both_forms() {
    let mut dice = Dice(2);
    for _ in 0..2_000 {
        let mut part = |end: usize| i64::try_from(dice.below(end)).expect("it fits");
        let (days, hours) = (part(4_000), part(24));
        let (minutes, seconds) = (part(60), part(60));
        let secs = days * 86_400 + hours * 3_600 + minutes * 60 + seconds;
        for (sign, expected) in [("", secs), ("-", -secs)] {
            let text = format!("{sign}{days}.{hours:02}:{minutes:02}:{seconds:02}");
            assert_eq!(
                span_secs(&Value::from(text.clone()), 60),
                Some(expected),
                "{text}"
            );
        }
        assert_eq!(span_secs(&Value::from(minutes), 60), Some(minutes * 60));
        assert_eq!(
            span_secs(&Value::from(days.to_string()), 60),
            Some(days * 86_400)
        );
    }
}

#[test]
fn method_ids_are_read_under_all_their_names_in_any_case() {
    const CHAIN: &[&str] = &[
        "BTC",
        "BTC-OnChain",
        "BTC_OnChain",
        "BTC_BitcoinLike",
        "BTC-BTCLike",
        "BTC_CHAIN",
        "BTC-CHAIN",
    ];
    const LIGHTNING: &[&str] = &[
        "BTC-LightningNetwork",
        "BTC_LightningNetwork",
        "BTC_LightningLike",
        "BTC-LightningLike",
        "BTC-OffChain",
        "BTC_LN",
        "BTC-LN",
    ];
    let mut dice = Dice(3);
    for (names, rail) in [(CHAIN, Rail::Onchain), (LIGHTNING, Rail::Lightning)] {
        for name in names.iter().cycle().take(200) {
            let mixed: String = name
                .chars()
                .map(|letter| {
                    if dice.once_in(2) {
                        letter.to_ascii_uppercase()
                    } else {
                        letter.to_ascii_lowercase()
                    }
                })
                .collect();
            assert_eq!(mixed.parse(), Ok(rail), "{mixed}");
        }
        assert_eq!(rail.method_id().parse(), Ok(rail));
    }
}
