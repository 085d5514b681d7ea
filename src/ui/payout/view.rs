//! What the dashboard shows of payouts.

use bitcoin::OutPoint;

use super::words::{self, ProofView};
use crate::domain::fact::Entry;
use crate::domain::payout::{Attempt, Payout, Plan, Stage};
use crate::domain::receipt::Rail;
use crate::ui::format::{self, Badge, When};
use crate::ui::timeline::{self, Line};

/// A payout in a list.
#[derive(Clone, Debug)]
pub struct PayoutRow {
    /// Its page.
    pub href: String,
    /// What arrives.
    pub amount: String,
    /// Over which rail.
    pub rail: &'static str,
    /// Where to, shortened.
    pub destination: String,
    /// How far it is.
    pub badge: Badge,
    /// When it was asked for.
    pub when: When,
}

/// A payout.
#[derive(Clone, Debug)]
pub struct PayoutView {
    /// As in a list.
    pub row: PayoutRow,
    /// Why it waits, or why it ended.
    pub detail: Option<String>,
    /// Label and value.
    pub facts: Vec<(&'static str, String)>,
    /// Where to, in full.
    pub destination: String,
    /// The pull payment it draws on.
    pub pull_payment: Option<String>,
    /// It is tried again then.
    pub next_attempt: Option<When>,
    /// Every try.
    pub attempts: Vec<AttemptRow>,
    /// Proof that it was paid.
    pub proof: Option<ProofView>,
    /// What the approver sees.
    pub revision: u32,
    /// It waits for a yes.
    pub can_approve: bool,
    /// It can be sent by hand.
    pub can_pay: bool,
    /// It can be taken back.
    pub can_cancel: bool,
    /// What a person has to look at.
    pub review: ReviewView,
    /// The fee of its transaction can be raised: what it pays now, in sat/vB.
    pub can_bump: Option<String>,
    /// What happened.
    pub timeline: Vec<Line>,
}

/// What a person has to look at.
#[derive(Clone, Debug)]
pub struct ReviewView {
    /// Why it stands for review.
    pub reason: Option<String>,
    /// Its receiver may have a preimage to show.
    pub by_preimage: bool,
    /// It was paid twice, and nobody has said yet that they have seen it.
    pub paid_twice: bool,
}

/// A try to pay.
#[derive(Clone, Debug)]
pub struct AttemptRow {
    /// From 1.
    pub number: u32,
    /// When.
    pub when: When,
    /// How it stands.
    pub badge: Badge,
    /// Why.
    pub why: Option<String>,
    /// What the network calls it.
    pub key: String,
}

impl From<&Payout> for PayoutRow {
    fn from(payout: &Payout) -> Self {
        Self {
            href: format!("/stores/{}/payouts/{}", payout.store, payout.id),
            amount: words::amount(payout),
            rail: match payout.rail() {
                Rail::Lightning => "Lightning",
                Rail::Onchain => "On-chain",
            },
            destination: format::short(payout.destination.text()),
            badge: words::badge(payout),
            when: payout.created.into(),
        }
    }
}

impl PayoutView {
    /// A payout with its tries (`outputs` of those on the chain, in their order), the rate its waiting transaction pays
    /// in satoshi per 1,000 virtual bytes, and what happened to it.
    pub fn of(
        payout: &Payout,
        outputs: &[Option<OutPoint>],
        rate: Option<u64>,
        entries: &[Entry],
    ) -> Self {
        let mut facts = vec![
            ("For", words::origin(payout).to_owned()),
            (
                "Asked for",
                format::money(payout.asked.amount, payout.asked.currency),
            ),
            ("Most to spend on fees", format::msat(payout.fee_max)),
        ];
        if let Stage::Completed { fee, .. } = payout.stage {
            facts.push(("Spent on fees", format::msat(fee)));
        }
        Self {
            row: payout.into(),
            detail: words::detail(payout),
            facts,
            destination: payout.destination.text().to_owned(),
            pull_payment: payout
                .pull_payment()
                .map(|id| format!("/stores/{}/pull-payments/{id}", payout.store)),
            next_attempt: payout.next_attempt_at.map(When::from),
            attempts: payout
                .attempts
                .iter()
                .zip(outputs)
                .map(|(attempt, output)| attempt_row(attempt, *output))
                .collect(),
            proof: words::proof(payout),
            revision: payout.revision,
            can_approve: payout.stage == Stage::AwaitingApproval,
            can_pay: payout.stage == Stage::AwaitingPayment && !payout.pay_now,
            can_cancel: payout.is_open() && payout.live_attempt().is_none(),
            review: ReviewView {
                reason: payout.review_reason().map(str::to_owned),
                by_preimage: payout.rail() == Rail::Lightning,
                paid_twice: payout.paid_twice.is_some(),
            },
            can_bump: rate.map(format::fee_rate),
            timeline: timeline::lines(entries),
        }
    }
}

fn attempt_row(attempt: &Attempt, output: Option<OutPoint>) -> AttemptRow {
    let (badge, why) = words::standing(&attempt.standing);
    AttemptRow {
        number: attempt.number,
        when: attempt.at.into(),
        badge,
        why,
        key: match (&attempt.plan, output) {
            (Plan::Lightning { hash, .. }, _) => format!("hash {hash}"),
            (Plan::Inside { hash }, _) => format!("inside this server, hash {hash}"),
            (Plan::Onchain { .. }, Some(output)) => format!("output {output}"),
            (Plan::Onchain { batch, .. }, None) => format!("batch {batch}"),
        },
    }
}
