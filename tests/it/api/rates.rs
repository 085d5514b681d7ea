//! Rates and the rules that make them (Greenfield 3.5).

use rust_decimal::Decimal;
use serde_json::{Value, json};
use tollway::domain::money::Currency;
use tollway::domain::rates::Pair;
use tollway::domain::store::Store;
use tollway::store::settings;

use super::{Client, text};

const CONFIG: &str = "/rates/configuration";

async fn market() -> Client {
    let client = Client::new().await;
    client.world.rates.set(Currency::USD, 50_000.into());
    let pair = Pair::parse("BTC_EUR").expect("a pair");
    client.world.rates.quote(pair, 39_000.into(), 40_000.into());
    client
}

impl Client {
    async fn put(&self, path: &str, body: Value) -> super::Answer {
        self.call("PUT", &self.shop(path), &body).await
    }

    /// The store as it is now.
    fn row(&self) -> Store {
        let shop = self.world.shop;
        let store = &self.world.gateway.store;
        let found = store.glance(|rows| settings::get(rows, shop));
        found.expect("the store")
    }

    /// The rate of a pair, or its errors.
    async fn rate(&self, pair: &str) -> Value {
        let path = self.shop(&format!("/rates?currencyPair={pair}"));
        let answer = self.get(&path).await.ok();
        let line = &answer[0];
        assert_eq!(line["currencyPair"], pair.to_ascii_uppercase());
        if line["errors"] == json!([]) {
            line["rate"].clone()
        } else {
            assert_eq!(line["rate"], "0");
            line["errors"].clone()
        }
    }
}

#[tokio::test]
async fn rates_are_told_pair_by_pair() {
    let client = market().await;
    for (pair, expected) in [
        ("BTC_USD", json!("50000")),
        ("btc_eur", json!("39000")),
        ("BTCEUR", json!("39000")),
        ("EUR_BTC", json!("0.000025")),
        ("SATS_USD", json!("0.0005")),
        ("BTC_SATS", json!("100000000")),
        ("SATS_BTC", json!("0.00000001")),
        ("USD_USD", json!("1")),
        ("BTC_CHF", json!(["ERR_RATE_UNAVAILABLE"])),
        ("EUR_USD", json!(["ERR_RATE_UNAVAILABLE"])),
        ("nonsense", json!(["ERR_INVALID_CURRENCY_PAIR"])),
        ("BTC_", json!(["ERR_INVALID_CURRENCY_PAIR"])),
        ("_", json!(["ERR_INVALID_CURRENCY_PAIR"])),
        ("BTC_USD_EUR", json!(["ERR_INVALID_CURRENCY_PAIR"])),
    ] {
        assert_eq!(client.rate(pair).await, expected, "{pair}");
    }
    let usual = client.get(&client.shop("/rates")).await.ok();
    assert_eq!(
        usual,
        json!([{"currencyPair": "BTC_USD", "rate": "50000", "errors": []}])
    );
    let both = "/rates?currencyPair=BTC_EUR&currencyPair=BTC_USD";
    let both = client.get(&client.shop(both)).await.ok();
    assert_eq!(
        (&both[0]["rate"], &both[1]["rate"]),
        (&json!("39000"), &json!("50000"))
    );
    let many = vec!["currencyPair=BTC_USD"; 101].join("&");
    let many = client.get(&client.shop(&format!("/rates?{many}"))).await;
    assert_eq!(many.refusal(), (422, "currencyPair".to_owned()));
}

#[tokio::test]
async fn a_new_store_has_the_usual_source_and_a_change_stays() {
    let client = market().await;
    let usual = json!({
        "spread": 0, "preferredSource": "fixed", "isCustomScript": false, "effectiveScript": "X_X = fixed(X_X);\n",
    });
    for path in ["", "/primary", "/Primary", "/primary/"] {
        let path = client.shop(&format!("{CONFIG}{path}"));
        assert_eq!(client.get(&path).await.ok(), usual, "{path}");
    }
    // There is one source: nobody else to ask.
    let fallback = client
        .get(&client.shop(&format!("{CONFIG}/fallback")))
        .await;
    assert_eq!(fallback.refusal(), (404, "fallback-disabled".to_owned()));

    let wish =
        json!({"Spread": "2.5", "preferredSource": "FIXED", "effectiveScript": "not looked at"});
    let after = client.put(CONFIG, wish).await.ok();
    let spread = json!({
        "spread": 2.5, "preferredSource": "fixed", "isCustomScript": false, "effectiveScript": "X_X = fixed(X_X);\n",
    });
    assert_eq!(after, spread);
    assert_eq!(client.rate("BTC_USD").await, "48750");
    assert_eq!(
        client.rate("BTC_SATS").await,
        "100000000",
        "a fact has no spread"
    );
    // What was answered can be sent back.
    assert_eq!(
        client
            .put(&format!("{CONFIG}/primary"), spread.clone())
            .await
            .ok(),
        spread
    );

    let script = "BTC_X = fixed(BTC_X) * 2;\n// mine\nX_X = 3;";
    let wish = json!({"isCustomScript": "True", "effectiveScript": script, "spread": 10, "preferredSource": "fixed"});
    let after = client.put(CONFIG, wish).await.ok();
    assert_eq!(
        after,
        json!({"spread": 10, "preferredSource": null, "isCustomScript": true, "effectiveScript": script})
    );
    assert_eq!(client.rate("BTC_USD").await, "90000");
    assert_eq!(client.rate("CHF_JPY").await, "2.7");
    // The other settings of the store have nothing to do with it.
    let renamed = client.put("", json!({"name": "Tea"})).await.ok();
    assert_eq!(renamed["name"], "Tea");
    assert_eq!(client.rate("BTC_USD").await, "90000");
    // An empty body is a new store's.
    assert_eq!(client.put(CONFIG, Value::Null).await.ok(), usual);
    let custom = client
        .put(CONFIG, json!({"isCustomScript": true}))
        .await
        .ok();
    assert_eq!(
        (&custom["isCustomScript"], &custom["effectiveScript"]),
        (&json!(true), &json!("X_X = fixed(X_X);\n"))
    );
}

#[tokio::test]
async fn the_fallback_is_asked_when_the_first_rules_give_no_rate() {
    let client = market().await;
    let fallback = format!("{CONFIG}/fallback");
    client
        .put(CONFIG, json!({"isCustomScript": true, "effectiveScript": "BTC_USD = 7; BTC_CHF = nobody(BTC_CHF);"}))
        .await
        .ok();
    assert_eq!(client.rate("BTC_EUR").await, json!(["ERR_NO_RULE_MATCH"]));
    let wish = json!({"isCustomScript": true, "effectiveScript": "BTC_X = 100;", "spread": 1});
    let set = client.put(&fallback, wish).await.ok();
    assert_eq!(client.get(&client.shop(&fallback)).await.ok(), set);
    for (pair, expected) in [
        ("BTC_USD", json!("7")),
        ("BTC_CHF", json!("99")),
        ("BTC_EUR", json!("99")),
        // The errors are those of the first rules.
        ("CHF_EUR", json!(["ERR_NO_RULE_MATCH"])),
    ] {
        assert_eq!(client.rate(pair).await, expected, "{pair}");
    }
    let nothing = client.get(&client.shop(&format!("{CONFIG}/third"))).await;
    assert_eq!(nothing.refusal(), (404, "generic-error".to_owned()));
}

#[tokio::test]
async fn a_preview_changes_nothing() {
    let client = market().await;
    let before = client.get(&client.shop(CONFIG)).await.ok();
    let wish = json!({"isCustomScript": true, "effectiveScript": "BTC_USD = (5, 6); BTC_HOURS = BTC_USD / 2;", "spread": 0});
    let path = format!(
        "{CONFIG}/preview?currencyPair=BTC_USD&currencyPair=btc_hours&currencyPair=BTC_EUR"
    );
    let seen = client.post(&client.shop(&path), wish.clone()).await.ok();
    assert_eq!(
        seen,
        json!([
            {"currencyPair": "BTC_USD", "rate": "5", "errors": []},
            {"currencyPair": "BTC_HOURS", "rate": "2.5", "errors": []},
            {"currencyPair": "BTC_EUR", "rate": "0", "errors": ["ERR_NO_RULE_MATCH"]},
        ])
    );
    let usual = client
        .post(&client.shop(&format!("{CONFIG}/preview")), wish)
        .await
        .ok();
    assert_eq!(usual[0]["currencyPair"], "BTC_USD");
    assert_eq!(client.get(&client.shop(CONFIG)).await.ok(), before);
}

#[tokio::test]
async fn rules_that_can_t_be_are_refused_and_change_nothing() {
    let client = market().await;
    let before = client.get(&client.shop(CONFIG)).await.ok();
    let long = " ".repeat(20_000);
    let rows = [
        (json!({"spread": -1}), 422, "Spread"),
        (json!({"spread": "100.01"}), 422, "Spread"),
        (json!({"spread": "much"}), 422, "Spread"),
        (json!({"preferredSource": "nobody"}), 422, "PreferredSource"),
        (json!({"preferredSource": 7}), 422, "PreferredSource"),
        (json!({"isCustomScript": "perhaps"}), 422, "IsCustomScript"),
        (
            json!({"isCustomScript": true, "effectiveScript": "BTC_USD = ;"}),
            422,
            "EffectiveScript",
        ),
        (
            json!({"isCustomScript": true, "effectiveScript": format!("{long}BTC_USD = 1;")}),
            422,
            "EffectiveScript",
        ),
        (
            json!({"isCustomScript": true, "effectiveScript": ["BTC_USD = 1;"], "spread": 101}),
            422,
            "Spread EffectiveScript",
        ),
    ];
    let paths = [
        CONFIG.to_owned(),
        format!("{CONFIG}/primary"),
        format!("{CONFIG}/fallback"),
    ];
    for path in paths {
        client
            .check_refusals("PUT", &client.shop(&path), &rows)
            .await;
    }
    let preview = client.shop(&format!("{CONFIG}/preview"));
    client.check_refusals("POST", &preview, &rows).await;
    assert_eq!(client.get(&client.shop(CONFIG)).await.ok(), before);
}

#[tokio::test]
async fn the_sources_are_public() {
    let client = market().await;
    let sources = client
        .call_as(None, "GET", "/misc/rate-sources", "")
        .await
        .ok();
    assert_eq!(sources, json!([{"id": "fixed", "name": "Fixed prices"}]));
}

#[tokio::test]
async fn an_invoice_has_the_bid_with_the_spread() {
    let client = market().await;
    client.put(CONFIG, json!({"spread": 2})).await.ok();
    let wish = json!({"amount": "39", "currency": "EUR"});
    let made = client.post(&client.shop("/invoices"), wish).await.ok();
    let id = text(&made["id"]);
    let methods = client
        .get(&client.shop(&format!("/invoices/{id}/payment-methods")))
        .await
        .ok();
    // 39000 less 2 %.
    assert_eq!(methods[0]["rate"], "38220");
    let sats = json!({"amount": 1000, "currency": "SATS"});
    let made = client.post(&client.shop("/invoices"), sats).await.ok();
    let path = client.shop(&format!("/invoices/{}/payment-methods", text(&made["id"])));
    assert_eq!(client.get(&path).await.ok()[0]["rate"], "100000000");
    let eur = "EUR".parse().expect("known");
    client.world.rates.forget(eur);
    let wish = json!({"amount": 1, "currency": "EUR"});
    let refused = client.post(&client.shop("/invoices"), wish).await;
    assert_eq!(refused.refusal(), (400, "rate-failure".to_owned()));
}

#[tokio::test]
async fn a_payout_is_approved_at_the_ask_without_the_spread() {
    let client = market().await;
    client.put(CONFIG, json!({"spread": 2})).await.ok();
    let gateway = &client.world.gateway;
    let shop = client.row();
    let (eur, beer) = (
        Currency::unit("EUR").expect("known"),
        Currency::unit("BEER").expect("a unit"),
    );
    for (original, rule, expected) in [
        (eur, None, Ok("40000")),
        (eur, Some("  "), Ok("40000")),
        (eur, Some("5"), Ok("5")),
        (Currency::BTC, None, Ok("1")),
        (Currency::SATS, Some("7"), Ok("100000000")),
        (beer, Some("fixed(BTC_EUR) / 4"), Ok("10000")),
        (beer, Some("2500;"), Ok("2500")),
        (beer, None, Err("unavailable")),
        (beer, Some("BTC_HOURS"), Err("unavailable")),
        (beer, Some("-1"), Err("unavailable")),
        (beer, Some("1 +"), Err("rule")),
        (beer, Some("BTC_BEER = 1;"), Err("rule")),
    ] {
        let got = gateway.approval_rate(&shop, original, rule);
        let shown = match &got {
            Ok(rate) => Ok(rate.per_btc()),
            Err(tollway::service::rates::RateRefusal::Rule(_)) => Err("rule"),
            Err(tollway::service::rates::RateRefusal::Unavailable(_)) => Err("unavailable"),
        };
        let expected = expected.map(|text| text.parse::<Decimal>().expect("a decimal"));
        assert_eq!(shown, expected, "{original} by {rule:?}: {got:?}");
    }
    // The store's script may price a unit of its own.
    let script = "BTC_BEER = fixed(BTC_EUR) / 5;";
    let wish = json!({"isCustomScript": true, "effectiveScript": script, "spread": 50});
    client.put(CONFIG, wish).await.ok();
    let shop = client.row();
    let rate = gateway.approval_rate(&shop, beer, None).expect("a rate");
    assert_eq!(rate.per_btc(), 8_000.into());
}

#[tokio::test]
async fn further_rates_are_noted_with_each_invoice() {
    let client = market().await;
    let wish = json!({"additionalTrackedRates": ["eur", "CHF", "SATS"]});
    let store = client.put("", wish).await.ok();
    assert_eq!(
        store["additionalTrackedRates"],
        json!(["EUR", "CHF", "SATS"])
    );
    let made = client.world.invoice(1_000).await;
    let rated = made.rated.expect("noted");
    let noted: Vec<_> = rated
        .tracked
        .iter()
        .map(|one| {
            (
                one.currency.code().to_owned(),
                one.rate.per_btc().to_string(),
            )
        })
        .collect();
    // There is no rate for CHF, and that stops nobody.
    let expected = [("EUR", "39000"), ("SATS", "100000000")];
    assert_eq!(
        noted,
        expected.map(|(code, rate)| (code.to_owned(), rate.to_owned()))
    );
    assert_eq!(rated.sources, Vec::<String>::new());
    client
        .put("", json!({"additionalTrackedRates": []}))
        .await
        .ok();
    assert_eq!(client.world.invoice(1_000).await.rated, None);
    let bad = client
        .put("", json!({"additionalTrackedRates": ["EUR", "BEER"]}))
        .await;
    assert_eq!(bad.refusal(), (422, "AdditionalTrackedRates[1]".to_owned()));
}
