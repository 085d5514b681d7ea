//! What a store's rates are made of, and how the sources are doing.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use rust_decimal::Decimal;
use serde::Deserialize;

use super::csrf::Posted;
use super::destination::amount;
use super::error::PageError;
use super::format;
use super::page::{Room, Shell, checked, ok};
use super::said::{Saved, saved};
use super::session::Shop;
use crate::domain::money::Rate;
use crate::domain::rates::{Fallback, Pair, RuleSet, Rules, StoreRates};
use crate::http::AppState;
use crate::service::Gateway;
use crate::service::rates::{RateRefusal, WhichRules};
use crate::service::store::StoreRefusal;

/// The value of the fallback's choice that leaves it as it is.
const KEEP: &str = "keep";

/// The value of the fallback's choice that switches it off.
const NOBODY: &str = "nobody";

#[derive(Template)]
#[template(path = "rates.html")]
struct RatesPage {
    shell: Shell,
    /// What is counted, and at which price; or why there is none.
    prices: [(&'static str, String); 2],
    sources: Vec<SourceRow>,
    /// Ids and names, for the choice.
    choices: Vec<(String, String)>,
    form: RulesForm,
    is_saved: bool,
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

/// What is to become of the fallback.
enum NewFallback {
    AsItIs,
    Nobody,
    Rules(RuleSet),
}

/// `GET /stores/{store}/rates`
pub async fn page(State(state): State<AppState>, shop: Shop, Saved(is_saved): Saved) -> Response {
    let rates = shop.store.settings.rates.clone().unwrap_or_default();
    let form = RulesForm::of(&rates, state.gateway.rates.usual());
    let page = RatesPage {
        is_saved,
        ..view(&state.gateway, &shop, form)
    };
    ok(&page)
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
        (Err(why), _) | (_, Err(why)) => {
            let page = RatesPage {
                error: Some(why),
                ..view(gateway, &shop, form)
            };
            return Ok(checked(true, &page));
        }
    };
    let id = shop.store.id;
    gateway
        .set_rates(id, WhichRules::Primary, Some(rules))
        .await
        .map_err(told)?;
    let fallback = match fallback {
        NewFallback::AsItIs => return Ok(back(&shop)),
        NewFallback::Nobody => None,
        NewFallback::Rules(rules) => Some(rules),
    };
    gateway
        .set_rates(id, WhichRules::Fallback, fallback)
        .await
        .map_err(told)?;
    Ok(back(&shop))
}

fn back(shop: &Shop) -> Response {
    saved(&Room::Rates.path(shop.store.id))
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

    fn fallback(&self, gateway: &Gateway) -> Result<NewFallback, String> {
        match self.fallback.as_str() {
            "" | KEEP => Ok(NewFallback::AsItIs),
            NOBODY => Ok(NewFallback::Nobody),
            id if gateway.rates.has(id) => Ok(NewFallback::Rules(RuleSet {
                spread_percent: self.spread_percent()?,
                ..RuleSet::of_source(id)
            })),
            _ => Err("There is no such source of rates here.".to_owned()),
        }
    }
}

fn view(gateway: &Gateway, shop: &Shop, form: RulesForm) -> RatesPage {
    let currency = shop.store.settings.default_currency;
    let pair = Pair::of_bitcoin(currency);
    let price = |rate: Result<Rate, RateRefusal>| match rate {
        Ok(rate) => format!("1 BTC = {}", format::money(rate.per_btc(), currency)),
        Err(refusal) => refusal.to_string(),
    };
    let of_invoices = gateway.invoice_rate(&shop.store, currency);
    let is_admin = shop.signed.user.is_admin;
    RatesPage {
        shell: Shell::inside(gateway, shop, Room::Rates, "Rates"),
        prices: [
            ("Invoices", price(of_invoices.map(|priced| priced.rate))),
            (
                "Payouts",
                price(gateway.approval_rate(&shop.store, currency, None)),
            ),
        ],
        sources: sources(gateway, pair, is_admin),
        choices: gateway.rates.sources(),
        form,
        is_saved: false,
        error: None,
    }
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
