//! What a store's rates are made of, and how the sources are doing.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use rust_decimal::Decimal;
use serde::Deserialize;

use super::csrf::Posted;
use super::destination::amount;
use super::error::PageError;
use super::format;
use super::page::{Room, Shell, html};
use super::session::Shop;
use crate::domain::rates::{Fallback, Pair, RateError, RuleSet, Rules, StoreRates};
use crate::http::AppState;
use crate::service::Gateway;
use crate::service::rates::WhichRules;
use crate::service::store::StoreRefusal;

/// The value of the fallback's choice that leaves it as it is.
const KEEP: &str = "keep";

/// The value of the fallback's choice that switches it off.
const NOBODY: &str = "nobody";

#[derive(Template)]
#[template(path = "rates.html")]
struct RatesPage {
    shell: Shell,
    /// The pair and what it costs, or why it has no price.
    price: (String, String),
    sources: Vec<SourceRow>,
    /// Ids and names, for the choice.
    choices: Vec<(String, String)>,
    form: RulesForm,
    /// Whether the reader may change anything.
    may_change: bool,
    error: Option<String>,
}

/// A source and how it is doing.
struct SourceRow {
    name: String,
    /// What a bitcoin costs there.
    price: String,
    /// How old that is, or that nothing was told yet.
    age: String,
    /// Why it does not answer, for who runs the server.
    trouble: Option<String>,
    is_stale: bool,
}

/// The rules as a person writes them.
#[derive(Debug, Default, Deserialize)]
pub struct RulesForm {
    #[serde(default)]
    spread: String,
    /// A source's id.
    #[serde(default)]
    source: String,
    /// The script counts instead of the source.
    #[serde(default)]
    own_script: bool,
    #[serde(default)]
    script: String,
    /// A source's id, or what else may become of the fallback.
    #[serde(default)]
    fallback: String,
}

/// `GET /stores/{store}/rates`
pub async fn page(State(state): State<AppState>, shop: Shop) -> Response {
    let rates = shop.store.settings.rates.clone().unwrap_or_default();
    let form = RulesForm::of(&rates, state.gateway.rates.usual());
    show(&state.gateway, &shop, form, None)
}

/// `POST /stores/{store}/rates`
pub async fn change(
    State(state): State<AppState>,
    shop: Shop,
    Posted(form): Posted<RulesForm>,
) -> Result<Response, PageError> {
    let gateway = &state.gateway;
    let (rules, fallback) = match (form.rules(gateway), form.fallback(gateway)) {
        (Ok(rules), Ok(fallback)) => (rules, fallback),
        (Err(why), _) | (_, Err(why)) => return Ok(show(gateway, &shop, form, Some(why))),
    };
    let id = shop.store.id;
    gateway
        .set_rates(id, WhichRules::Primary, Some(rules))
        .await
        .map_err(told)?;
    if let Some(fallback) = fallback {
        gateway
            .set_rates(id, WhichRules::Fallback, fallback)
            .await
            .map_err(told)?;
    }
    Ok(Redirect::to(&Room::Rates.path(id)).into_response())
}

fn told(refusal: StoreRefusal) -> PageError {
    match refusal {
        StoreRefusal::Unavailable(unavailable) => unavailable.into(),
        StoreRefusal::Name | StoreRefusal::LimitReached | StoreRefusal::Unknown => {
            PageError::NotFound
        }
    }
}

impl RulesForm {
    fn of(rates: &StoreRates, usual: &str) -> Self {
        let rules = &rates.primary;
        Self {
            spread: rules.spread_percent.normalize().to_string(),
            source: rules.source(usual).to_owned(),
            own_script: rules.script.is_some(),
            script: rules.effective_script(usual),
            fallback: match &rates.fallback {
                Fallback::Off => NOBODY.to_owned(),
                Fallback::On(RuleSet {
                    preferred_source: Some(source),
                    script: None,
                    ..
                }) => source.clone(),
                Fallback::Usual | Fallback::On(_) => KEEP.to_owned(),
            },
        }
    }

    fn rules(&self, gateway: &Gateway) -> Result<RuleSet, String> {
        let spread_percent = self.spread_percent()?;
        if self.own_script {
            Rules::parse(&self.script)
                .map_err(|error| format!("The script can't be read: {error}."))?;
            return Ok(RuleSet {
                spread_percent,
                preferred_source: None,
                script: Some(self.script.clone()),
            });
        }
        if !gateway.rates.has(&self.source) {
            return Err("There is no such source of rates here.".to_owned());
        }
        Ok(RuleSet {
            spread_percent,
            ..RuleSet::of_source(&self.source)
        })
    }

    fn spread_percent(&self) -> Result<Decimal, String> {
        let percent = amount(&self.spread)?.unwrap_or_default();
        if percent < Decimal::ZERO || percent > Decimal::ONE_HUNDRED {
            return Err("The spread is a percentage from 0 to 100.".to_owned());
        }
        Ok(percent)
    }

    /// `None` leaves it as it is.
    fn fallback(&self, gateway: &Gateway) -> Result<Option<Option<RuleSet>>, String> {
        match self.fallback.as_str() {
            "" | KEEP => Ok(None),
            NOBODY => Ok(Some(None)),
            id if gateway.rates.has(id) => Ok(Some(Some(RuleSet {
                spread_percent: self.spread_percent()?,
                ..RuleSet::of_source(id)
            }))),
            _ => Err("There is no such source of rates here.".to_owned()),
        }
    }
}

fn show(gateway: &Gateway, shop: &Shop, form: RulesForm, error: Option<String>) -> Response {
    let status = if error.is_some() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    let currency = shop.store.settings.default_currency;
    let pair = Pair::of_bitcoin(currency);
    let rates = shop.store.settings.rates.clone().unwrap_or_default();
    let price = match gateway.store_rate(&rates, pair) {
        Ok(priced) => format!(
            "{} (bid), {} (ask)",
            format::money(priced.quote.bid(), currency),
            format::money(priced.quote.ask(), currency)
        ),
        Err(errors) => {
            let names: Vec<_> = errors.into_iter().map(RateError::name).collect();
            format!("no rate now: {}", names.join(", "))
        }
    };
    let is_admin = shop.signed.user.is_admin;
    let page = RatesPage {
        shell: Shell::inside(gateway, &shop.signed, &shop.store, Room::Rates, "Rates"),
        price: (pair.to_string(), price),
        sources: sources(gateway, pair, is_admin),
        choices: gateway.rates.sources(),
        form,
        may_change: shop.may("btcpay.store.canmodifystoresettings"),
        error,
    };
    html(status, &page)
}

/// The last price of each source, however old: what is too old is shown as such and used for nothing.
fn sources(gateway: &Gateway, pair: Pair, is_admin: bool) -> Vec<SourceRow> {
    let now = gateway.now();
    gateway.rates.with(|board| {
        let row = |source: &crate::domain::rates::SourceState| {
            let last = source.last(pair);
            let fresh = last.is_some_and(|(_, at)| source.is_fixed || board.is_fresh(at, now));
            SourceRow {
                name: source.name.clone(),
                price: last.map_or_else(
                    || "no price".to_owned(),
                    |(quote, _)| format::money(quote.bid(), pair.quote),
                ),
                age: match (source.is_fixed, last) {
                    (true, _) => "set by who runs the server".to_owned(),
                    (false, None) => "nothing told yet".to_owned(),
                    (false, Some((_, at))) => {
                        format!("{} ago", format::left(now.millis_since(at) / 1_000))
                    }
                },
                trouble: source.trouble.clone().filter(|_| is_admin),
                is_stale: last.is_some() && !fresh,
            }
        };
        board.sources().map(|(_, source)| row(source)).collect()
    })
}
