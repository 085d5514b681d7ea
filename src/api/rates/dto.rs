//! The shapes of rates (Greenfield 4.3).

use rust_decimal::Decimal;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::extract::Input;
use crate::api::number::{Dec, Num};
use crate::api::wire;
use crate::domain::rates::{Pair, RateError, RuleSet, Rules};
use crate::service::rates::{Price, RateBoard};

/// What a pair costs.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StoreRateResult {
    /// The pair as it was asked for.
    #[schema(example = "BTC_USD")]
    currency_pair: String,
    /// The bid, with the store's spread; 0 if there is no rate.
    #[schema(value_type = String, example = "60000.2")]
    rate: Dec,
    /// Why there is no rate: `ERR_NO_RULE_MATCH`, `ERR_TOO_MUCH_NESTED_CALLS`, `ERR_RATE_UNAVAILABLE`,
    /// `ERR_INVALID_CURRENCY_PAIR`. Empty if there is one.
    errors: Vec<&'static str>,
}

impl StoreRateResult {
    /// Prices a pair, if the text is one.
    pub(super) fn of(text: &str, price: impl FnOnce(Pair) -> Price) -> Self {
        let priced = match Pair::parse(text) {
            Some(pair) => price(pair),
            None => Err(vec![RateError::InvalidCurrencyPair]),
        };
        let (rate, errors) = match priced {
            Ok(priced) => (priced.quote.bid(), Vec::new()),
            Err(errors) => (
                Decimal::ZERO,
                errors.into_iter().map(RateError::name).collect(),
            ),
        };
        Self {
            currency_pair: text.to_ascii_uppercase(),
            rate: Dec(rate),
            errors,
        }
    }
}

/// Rules that make rates.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StoreRateConfiguration {
    /// Percent by which invoices are priced worse for the payer, 0 to 100.
    #[schema(value_type = f64, example = 0)]
    spread: Num,
    /// Which source the rates come from, where there is no script of the store's own.
    #[schema(example = "kraken")]
    preferred_source: Option<String>,
    /// Whether the script is the store's own.
    is_custom_script: bool,
    /// The script in force. In a request it counts only if `isCustomScript` is true.
    #[schema(example = "X_X = kraken(X_X);\n")]
    effective_script: String,
}

impl StoreRateConfiguration {
    /// Rules as they are in force.
    pub(super) fn of(rules: &RuleSet, usual: &str) -> Self {
        let source = rules.source(usual).to_owned();
        Self {
            spread: Num(rules.spread_percent.normalize()),
            preferred_source: rules.script.is_none().then_some(source),
            is_custom_script: rules.script.is_some(),
            effective_script: rules.effective_script(usual),
        }
    }
}

/// Reads rules. What is absent is as it is for a new store.
pub(super) fn read(body: &mut Input, board: &RateBoard) -> RuleSet {
    let spread_percent = wire::percent(body, "spread").unwrap_or_default();
    let source = body
        .words("preferredSource")
        .map(|text| text.trim().to_ascii_lowercase());
    let custom = body.flag("isCustomScript").unwrap_or(false);
    let text = body.words("effectiveScript");
    if !custom {
        if let Some(id) = &source
            && !board.has(id)
        {
            body.refuse("preferredSource", "There is no such source of rates here.");
        }
        return RuleSet {
            spread_percent,
            preferred_source: source,
            script: None,
        };
    }
    // Without a text, what is in force anyway becomes the store's own.
    let script = text.unwrap_or_else(|| RuleSet::default().effective_script(board.usual()));
    if let Err(error) = Rules::parse(&script) {
        body.refuse(
            "effectiveScript",
            format!("The script does not parse: {error}."),
        );
    }
    RuleSet {
        spread_percent,
        preferred_source: None,
        script: Some(script),
    }
}

/// A source of rates.
#[derive(Debug, Serialize, ToSchema)]
pub struct RateSourceData {
    /// Its name in scripts and as `preferredSource`.
    #[schema(example = "kraken")]
    pub(super) id: String,
    /// Its name for people.
    #[schema(example = "Kraken")]
    pub(super) name: String,
}
