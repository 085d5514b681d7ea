//! JSON bodies, member by member: whatever a member holds, every way of reading it gives a value within its bounds or
//! tells a fault, and amounts never overflow.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rust_decimal::Decimal;
use tollway::api::extract::Input;
use tollway::api::number::{Dec, Num, decimal};
use tollway::api::wire::{self, SpeedPolicyName, Unit, is_absolute_url};
use tollway::domain::money::{Currency, Money, Msat, Parts, Rate, SAT_MAX, Sat};
use tollway::domain::money::{btc_to_msat_ceil, btc_to_sat_ceil};

fuzz_target!(|bytes: &[u8]| {
    let Ok(mut input) = Input::parse(bytes) else {
        return;
    };
    let Ok(serde_json::Value::Object(members)) = serde_json::from_slice(bytes) else {
        return; // nothing, or null
    };
    let nested = members.iter().flat_map(|(outer, value)| {
        let inner = value.as_object().into_iter().flatten();
        inner.map(move |(name, _)| format!("{outer}.{name}"))
    });
    let paths: Vec<String> = members.keys().cloned().chain(nested).take(50).collect();
    for path in &paths {
        read(&mut input, path);
    }
    wire::fee_wish(&mut input);
    wire::receipt_options(&mut input, "receipt");
    let _ = input.finish();
});

fn read(input: &mut Input, path: &str) {
    if let Some(number) = input.decimal(path) {
        count(number);
    }
    if let Some(number) = input.whole(path, -5, 1_000) {
        assert!((-5..=1_000).contains(&number));
    }
    for unit in [1, 60, 86_400] {
        if let Some(secs) = input.span(path, unit, 30, 86_400) {
            assert!((30..=86_400).contains(&secs));
        }
    }
    if let Some(amount) = wire::sats(input, path) {
        assert!(amount <= SAT_MAX.to_msat());
    }
    if let Some(percent) = wire::percent(input, path).filter(|_| input.clone().finish().is_ok()) {
        assert!(percent >= Decimal::ZERO && percent <= Decimal::ONE_HUNDRED);
    }
    if let Some(text) = input.text(path) {
        is_absolute_url(&text);
    }
    if let Some(Unit(unit)) = input.parsed::<Unit>(path) {
        assert_eq!(Currency::unit(unit.code()), Ok(unit));
    }
    if let Some(currency) = input.currency(path) {
        assert_eq!(currency.code().parse(), Ok(currency));
    }
    input.alias(path, "another");
    input.parsed::<SpeedPolicyName>(path);
    input.words(path);
    input.flag(path);
    input.time(path);
    input.texts(path);
    input.rails(path);
    if let Some(members) = input.object(path) {
        let inner = Input::from_members(members);
        input.take_faults(path, inner);
    }
}

/// Everything that is done with amounts that strangers name.
fn count(number: Decimal) {
    for written in [
        serde_json::to_value(Dec(number)),
        serde_json::to_value(Num(number)),
    ] {
        assert_eq!(decimal(&written.expect("writes")), Some(number));
    }
    if let Some(Sat(sat)) = btc_to_sat_ceil(number) {
        assert!(sat <= SAT_MAX.0);
    }
    if let Some(Msat(msat)) = btc_to_msat_ceil(number) {
        assert!(msat <= SAT_MAX.to_msat().0);
        assert!(Msat(msat).to_btc() >= number);
    }
    for currency in [Currency::BTC, Currency::SATS, Currency::USD] {
        let money = Money {
            amount: number,
            currency,
        };
        assert_eq!(money.round_price().round_price(), money.round_price());
        if let Some(parts) = Parts::of(number, currency) {
            assert_eq!(Parts::of(parts.amount(currency), currency), Some(parts));
        }
    }
    if let Some(rate) = Rate::new(number) {
        rate.value_of(SAT_MAX.to_msat());
        if let Some(btc) = rate.to_btc(Decimal::ONE_HUNDRED) {
            btc_to_sat_ceil(btc);
        }
    }
}
