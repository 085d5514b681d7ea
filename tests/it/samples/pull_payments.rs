//! Samples of pull payments.

use tollway::domain::money::{Currency, Parts};
use tollway::domain::pull_payment::{Budget, PullPayment};
use tollway::domain::receipt::Rail;

use super::{NOW, PULL_PAYMENT, STORE, money, text};

/// A pull payment from which nothing was drawn.
pub fn pull_payment() -> PullPayment {
    PullPayment {
        id: PULL_PAYMENT,
        store: STORE,
        name: text("Bounty"),
        description: text("<b>For</b> you"),
        limit: money(100_000, 0, Currency::SATS),
        budget: Budget {
            limit: Parts(100_000),
            reserved: Parts(0),
            spent: Parts(0),
        },
        rails: vec![Rail::Lightning, Rail::Onchain],
        bolt11_days: 30,
        auto_approve: true,
        starts_at: NOW,
        expires_at: Some(NOW.plus_secs(86_400)),
        archived: false,
        k1: [0xbb; 32],
        created: NOW,
        claim_max: None,
        claims_max: None,
        rate_lock_secs: None,
    }
}

pub(super) fn hours() -> Currency {
    Currency::unit("HOURS").expect("a unit")
}

/// A pull payment in a unit of somebody's own, with limits for a single claim.
pub fn pull_payment_in_hours() -> PullPayment {
    PullPayment {
        limit: money(40, 0, hours()),
        budget: Budget {
            limit: Parts(4_000_000_000),
            ..Budget::default()
        },
        claim_max: Some(Parts(800_000_000)),
        claims_max: Some(5),
        ..pull_payment()
    }
}
