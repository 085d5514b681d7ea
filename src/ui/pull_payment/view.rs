//! What the dashboard shows of pull payments.

use crate::domain::payout::Payout;
use crate::domain::pull_payment::PullPayment;
use crate::domain::receipt::Rail;
use crate::domain::time::Timestamp;
use crate::service::withdraw::speaks_lnurl;
use crate::ui::claim::view::{Lnurl, badge, in_unit, lnurl};
use crate::ui::format::{Badge, When};
use crate::ui::payout::view::PayoutRow;

/// A pull payment in a list.
#[derive(Clone, Debug)]
pub struct PullRow {
    /// Its page.
    pub href: String,
    /// Its name.
    pub name: String,
    /// What is left, of how much.
    pub left: String,
    /// Whether it is open.
    pub badge: Badge,
    /// When it was made.
    pub when: When,
}

/// A pull payment.
#[derive(Clone, Debug)]
pub struct PullView {
    /// As in a list.
    pub row: PullRow,
    /// More words.
    pub description: String,
    /// Label and value.
    pub facts: Vec<(&'static str, String)>,
    /// When it ends.
    pub ends: Option<When>,
    /// The page that receivers see.
    pub link: String,
    /// To scan with a wallet.
    pub lnurl: Option<Lnurl>,
    /// What was claimed.
    pub rows: Vec<PayoutRow>,
    /// It can be closed.
    pub can_archive: bool,
}

impl PullRow {
    /// A pull payment in a list.
    pub fn of(pull: &PullPayment, now: Timestamp) -> Self {
        Self {
            href: format!("/stores/{}/pull-payments/{}", pull.store, pull.id),
            name: pull.name.clone(),
            left: format!(
                "{} of {}",
                in_unit(pull, pull.budget.remaining()),
                in_unit(pull, pull.budget.limit)
            ),
            badge: badge(pull, now),
            when: pull.created.into(),
        }
    }
}

impl PullView {
    /// A pull payment with what was claimed of it.
    pub fn of(pull: &PullPayment, payouts: &[Payout], base_url: &str, now: Timestamp) -> Self {
        let rails: Vec<_> = pull
            .rails
            .iter()
            .map(|rail| match rail {
                Rail::Lightning => "Lightning",
                Rail::Onchain => "on-chain",
            })
            .collect();
        let approval = if pull.auto_approve {
            "by itself"
        } else {
            "by a person"
        };
        Self {
            row: PullRow::of(pull, now),
            description: pull.description.clone(),
            facts: vec![
                ("Limit", in_unit(pull, pull.budget.limit)),
                ("Paid", in_unit(pull, pull.budget.spent)),
                ("Claimed, not paid yet", in_unit(pull, pull.budget.reserved)),
                ("Left", in_unit(pull, pull.budget.remaining())),
                ("Pays over", rails.join(" and ")),
                ("Claims are approved", approval.to_owned()),
            ],
            ends: pull.expires_at.map(When::from),
            link: format!("{base_url}/pull-payments/{}", pull.id),
            lnurl: (speaks_lnurl(pull) && !pull.archived).then(|| lnurl(pull, base_url)),
            rows: payouts.iter().map(PayoutRow::from).collect(),
            can_archive: !pull.archived,
        }
    }
}
