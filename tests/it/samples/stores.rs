//! Samples of stores and of what is set for them.

use rust_decimal::Decimal;
use tollway::domain::access::Role;
use tollway::domain::invoice::SpeedPolicy;
use tollway::domain::money::{Currency, Msat};
use tollway::domain::payout::{FeeCap, FeeWish};
use tollway::domain::rates::{Fallback, RuleSet, StoreRates};
use tollway::domain::receipt::Rail;
use tollway::domain::store::{
    ChosenTill, LightningMethod, Member, Members, OnchainMethod, Processor, Settings, Store,
};

use super::{NOW, STORE, USER, text};

/// A store with settings of its own.
pub fn store() -> Store {
    Store {
        id: STORE,
        name: text("Shop é"),
        owner: USER,
        created: NOW,
        settings: Settings {
            default_currency: Currency::SATS,
            invoice_expiration: 600,
            monitoring_expiration: 3_600,
            speed: SpeedPolicy::LowSpeed,
            tolerance_percent: Decimal::new(25, 1),
            description_template: text("{StoreName}"),
            refund_bolt11_days: 7,
            anyone_can_create_invoice: true,
            fee_cap: None,
            rates: None,
            tracked_rates: None,
            onchain: None,
            lightning: None,
        },
        draws_on_node: true,
        kept: text("{\"website\":\"\"}"),
        archived: true,
        members: Members::default(),
    }
}

/// A store with people in it.
pub fn shared_store() -> Store {
    let member = |role| Member {
        user: USER,
        role,
        since: NOW,
    };
    Store {
        members: Role::ALL.map(member).to_vec().into(),
        ..store()
    }
}

/// Stores whose payment methods somebody has changed.
pub fn stores_with_methods() -> Vec<(&'static str, Store)> {
    let with = |till, label: Option<&str>, connected| {
        let store = store();
        let settings = Settings {
            onchain: Some(OnchainMethod {
                enabled: connected,
                till,
                label: label.map(text),
            }),
            lightning: Some(LightningMethod {
                enabled: false,
                connected,
            }),
            ..store.settings
        };
        Store { settings, ..store }
    };
    vec![
        (
            "watch_only",
            with(ChosenTill::Generation(1), Some("Cold"), true),
        ),
        ("own_wallet", with(ChosenTill::Own, None, true)),
        ("no_methods", with(ChosenTill::None, None, false)),
    ]
}

/// A store that caps what its payouts may spend on routing.
pub fn capped_store() -> Store {
    let store = store();
    Store {
        settings: Settings {
            fee_cap: Some(FeeCap {
                percent: Decimal::new(5, 1),
                floor: Msat(3_000),
            }),
            ..store.settings
        },
        ..store
    }
}

/// A store with rates of its own.
pub fn priced_store(fallback: Fallback) -> Store {
    let store = store();
    let primary = RuleSet {
        spread_percent: Decimal::new(15, 1),
        preferred_source: None,
        script: Some(text("X_X = kraken(X_X);")),
    };
    Store {
        settings: Settings {
            rates: Some(StoreRates { primary, fallback }),
            ..store.settings
        },
        ..store
    }
}

/// A store that notes a further rate with each invoice.
pub fn tracking_store() -> Store {
    let store = priced_store(Fallback::Usual);
    Store {
        settings: Settings {
            tracked_rates: Some(vec![text("EUR")]),
            ..store.settings
        },
        ..store
    }
}

/// An automatic sender.
pub fn processor() -> Processor {
    Processor {
        rail: Rail::Onchain,
        interval_secs: 3_600,
        instant: true,
        fee_block_target: 6,
        threshold: Decimal::new(1, 2),
        since: NOW,
        fees: None,
    }
}

/// One that says what may be spent on fees.
pub fn capped_processor() -> Processor {
    Processor {
        rail: Rail::Lightning,
        fees: Some(FeeWish {
            percent: Some(Decimal::new(5, 1)),
            flat: Some(Msat(7_000)),
        }),
        ..processor()
    }
}
