//! What the claim page shows of a pull payment.

use crate::domain::money::{Currency, Parts};
use crate::domain::payout::Payout;
use crate::domain::pull_payment::{ClaimRefusal, PullPayment};
use crate::domain::receipt::Rail;
use crate::domain::time::Timestamp;
use crate::lnurl::encode;
use crate::service::withdraw::speaks_lnurl;
use crate::ui::format::{self, Badge, When};
use crate::ui::payout::words::{self, ProofView};
use crate::ui::qr::Qr;

/// A pull payment and what was claimed of it.
#[derive(Clone, Debug)]
pub struct ClaimView {
    /// Its own path.
    pub path: String,
    /// Its name.
    pub name: String,
    /// More words.
    pub description: String,
    /// All there is.
    pub limit: String,
    /// Taken in all.
    pub claimed: String,
    /// Left.
    pub remaining: String,
    /// Taken, in percent.
    pub claimed_percent: u64,
    /// Whether it is open.
    pub badge: Badge,
    /// Why it is not open.
    pub closed: Option<&'static str>,
    /// When it ends.
    pub ends: Option<When>,
    /// When it begins, if it has not begun.
    pub begins: Option<When>,
    /// What may be typed.
    pub accepts: &'static str,
    /// In what amounts are typed.
    pub unit: String,
    /// A Lightning invoice has to stay valid for so many days; said where that is not obvious.
    pub bolt11_days: Option<u32>,
    /// What is sent at once, and what waits for a person.
    pub promise: &'static str,
    /// To scan with a wallet.
    pub lnurl: Option<Lnurl>,
    /// What was claimed, newest first.
    pub claims: Vec<ClaimRow>,
}

/// The link to scan with a wallet (LUD-03).
#[derive(Clone, Debug)]
pub struct Lnurl {
    /// As a drawing.
    pub qr: Option<Qr>,
    /// In bech32, as text.
    pub text: String,
    /// In bech32, as a link.
    pub link: String,
    /// As `lnurlw://`, which stands for https.
    pub lnurlw: Option<String>,
}

/// A claim.
#[derive(Clone, Debug)]
pub struct ClaimRow {
    /// How much.
    pub amount: String,
    /// Where to, shortened.
    pub destination: String,
    /// How far it is.
    pub badge: Badge,
    /// More about that.
    pub detail: Option<String>,
    /// Proof of it.
    pub proof: Option<ProofView>,
    /// When it was claimed.
    pub when: When,
}

impl ClaimView {
    /// The page of a pull payment.
    pub fn of(pull: &PullPayment, payouts: &[Payout], base_url: &str, now: Timestamp) -> Self {
        let closed = pull.check_running(now).err();
        let used_up = pull.budget.remaining() == Parts::ZERO;
        let used = pull.budget.used();
        Self {
            path: format!("/pull-payments/{}", pull.id),
            name: pull.name.clone(),
            description: pull.description.clone(),
            limit: in_unit(pull, pull.budget.limit),
            claimed: in_unit(pull, used),
            remaining: in_unit(pull, pull.budget.remaining()),
            claimed_percent: used
                .0
                .saturating_mul(100)
                .checked_div(pull.budget.limit.0)
                .unwrap_or(100)
                .min(100),
            badge: badge(pull, now),
            closed: match closed {
                Some(ClaimRefusal::Archived) => Some("It has been closed by its owner."),
                Some(ClaimRefusal::Expired) => Some("Its time is over."),
                Some(ClaimRefusal::NotStarted) => Some("It has not begun yet."),
                Some(
                    ClaimRefusal::PaymentMethodNotSupported
                    | ClaimRefusal::DuplicateDestination
                    | ClaimRefusal::Overdraft
                    | ClaimRefusal::AboveLargest
                    | ClaimRefusal::NoMoreClaims
                    | ClaimRefusal::AmountTooLow,
                ) => Some("It can't be claimed now."),
                None if used_up => Some("All of it has been claimed."),
                None => None,
            },
            ends: pull.expires_at.map(When::from),
            begins: (closed == Some(ClaimRefusal::NotStarted)).then(|| pull.starts_at.into()),
            accepts: match (
                pull.rails.contains(&Rail::Lightning),
                pull.rails.contains(&Rail::Onchain),
            ) {
                (true, true) => "Lightning invoice or bitcoin address",
                (true, false) => "Lightning invoice",
                (false, _) => "Bitcoin address",
            },
            bolt11_days: (!pull.auto_approve && pull.rails.contains(&Rail::Lightning))
                .then_some(pull.bolt11_days)
                .filter(|days| *days > 0),
            unit: unit(pull),
            promise: if pull.auto_approve {
                "Claims are approved at once."
            } else {
                "A person looks at each claim before it is paid."
            },
            lnurl: (closed.is_none() && !used_up && speaks_lnurl(pull))
                .then(|| lnurl(pull, base_url)),
            claims: payouts.iter().map(ClaimRow::from).collect(),
        }
    }
}

/// Whether a pull payment is open, in one word.
pub fn badge(pull: &PullPayment, now: Timestamp) -> Badge {
    match pull.check_running(now) {
        Ok(()) if pull.budget.remaining() == Parts::ZERO => Badge::new("Used up", "calm"),
        Ok(()) => Badge::new("Open", "good"),
        Err(ClaimRefusal::Archived) => Badge::new("Archived", "calm"),
        Err(ClaimRefusal::NotStarted) => Badge::new("Not started", "wait"),
        Err(_) => Badge::new("Expired", "bad"),
    }
}

/// An amount in the pull payment's own currency.
pub fn in_unit(pull: &PullPayment, amount: Parts) -> String {
    let currency = pull.limit.currency;
    format::money(amount.amount(currency), currency)
}

fn unit(pull: &PullPayment) -> String {
    if pull.limit.currency == Currency::SATS {
        "sat".to_owned()
    } else {
        pull.limit.currency.to_string()
    }
}

/// The link to scan. `lnurlw://` can't say http, so a plain-http server leaves it out.
pub fn lnurl(pull: &PullPayment, base_url: &str) -> Lnurl {
    let url = encode::link_of(base_url, pull.id);
    let upper = encode::bech32(&url);
    Lnurl {
        qr: Qr::of(
            &format!("LIGHTNING:{upper}"),
            "QR code to withdraw with a Lightning wallet",
        ),
        link: format!("lightning:{}", upper.to_lowercase()),
        text: upper,
        lnurlw: url.starts_with("https://").then(|| encode::lnurlw(&url)),
    }
}

impl From<&Payout> for ClaimRow {
    fn from(payout: &Payout) -> Self {
        Self {
            amount: words::amount(payout),
            destination: format::short(payout.destination.text()),
            badge: words::badge(payout),
            detail: words::detail(payout),
            proof: words::proof(payout),
            when: payout.created.into(),
        }
    }
}
