//! Shapes of pull payments (Greenfield 4.6).

use rust_decimal::Decimal;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::extract::Input;
use crate::api::number::Dec;
use crate::api::schema::PaymentMethodId;
use crate::api::wire::Unit;
use crate::domain::money::Money;
use crate::domain::pull_payment::{Change, PullPayment};
use crate::domain::time::Timestamp;
use crate::lnurl::encode;
use crate::service::Gateway;
use crate::service::pull_payment::{NAME_CHARS_MAX, NewPullPayment};
use crate::service::withdraw::speaks_lnurl;

/// Days a claimed BOLT11 must stay valid: at most so many.
const BOLT11_DAYS_MAX: u32 = 3_650;

/// More claims than this are not limited by number.
const CLAIMS_MAX: u32 = 10_000;

/// Limits that this version does not have. To ignore one would give away more than was meant, so they are refused.
const NOT_OFFERED: [&str; 2] = ["period", "pin"];

/// How long a rate may be promised: whoever holds a link chooses the better moment within it.
const RATE_LOCK_SECS: (u32, u32) = (10, 3_600);

/// `PullPaymentData`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PullPaymentData {
    id: String,
    name: String,
    description: String,
    currency: String,
    amount: Dec,
    #[serde(rename = "BOLT11Expiration")]
    bolt11_expiration: u32,
    auto_approve_claims: bool,
    starts_at: u64,
    expires_at: Option<u64>,
    archived: bool,
    view_link: String,
    #[schema(value_type = Vec<PaymentMethodId>)]
    payout_methods: Vec<&'static str>,
    claimed_amount: Dec,
    remaining_amount: Dec,
    lnurl_bech32: Option<String>,
    lnurl_uri: Option<String>,
    max_claim_amount: Option<Dec>,
    max_claim_count: Option<u32>,
    rate_lock_seconds: Option<u32>,
    period: Option<u64>,
    period_starts_at: Option<u64>,
    period_ends_at: Option<u64>,
}

impl PullPaymentData {
    pub(super) fn of(gateway: &Gateway, pull_payment: &PullPayment) -> Self {
        let budget = pull_payment.budget;
        let currency = pull_payment.limit.currency;
        let lnurl = LnurlData::of(gateway, pull_payment);
        let (lnurl_bech32, lnurl_uri) = lnurl.map_or((None, None), |one| {
            (Some(one.lnurl_bech32), Some(one.lnurl_uri))
        });
        Self {
            id: pull_payment.id.to_string(),
            name: pull_payment.name.clone(),
            description: pull_payment.description.clone(),
            currency: currency.to_string(),
            amount: Dec(pull_payment.limit.amount),
            bolt11_expiration: pull_payment.bolt11_days,
            auto_approve_claims: pull_payment.auto_approve,
            starts_at: pull_payment.starts_at.secs(),
            expires_at: pull_payment.expires_at.map(Timestamp::secs),
            archived: pull_payment.archived,
            view_link: format!("{}/pull-payments/{}", gateway.base_url, pull_payment.id),
            payout_methods: pull_payment
                .rails
                .iter()
                .map(|rail| rail.method_id())
                .collect(),
            claimed_amount: Dec(budget.used().amount(currency)),
            remaining_amount: Dec(budget.remaining().amount(currency)),
            lnurl_bech32,
            lnurl_uri,
            max_claim_amount: (pull_payment.claim_max).map(|most| Dec(most.amount(currency))),
            max_claim_count: pull_payment.claims_max,
            rate_lock_seconds: pull_payment.rate_lock_secs,
            period: None,
            period_starts_at: None,
            period_ends_at: None,
        }
    }
}

/// `LNURLData`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = LNURLData)]
pub struct LnurlData {
    lnurl_bech32: String,
    lnurl_uri: String,
}

impl LnurlData {
    /// The withdraw link, if the pull payment pays bitcoin over Lightning.
    pub(super) fn of(gateway: &Gateway, pull_payment: &PullPayment) -> Option<Self> {
        let url = encode::link_of(&gateway.base_url, pull_payment.id);
        speaks_lnurl(pull_payment).then(|| Self {
            lnurl_bech32: format!("lightning:{}", encode::bech32(&url)),
            lnurl_uri: encode::lnurlw(&url),
        })
    }
}

/// Reads `CreatePullPaymentRequest` (5.6). Faults stay in the body.
pub(super) fn read(body: &mut Input, bolt11_days: u32) -> Option<NewPullPayment> {
    body.alias("paymentMethods", "payoutMethods");
    for name in NOT_OFFERED {
        if body.value(name).is_some() {
            body.refuse(name, "This server does not offer this.");
        }
    }
    let name = body.text("name").unwrap_or_default();
    if name.chars().count() > NAME_CHARS_MAX {
        body.refuse("name", "The name is longer than 50 characters.");
    }
    let amount = body.decimal("amount");
    if amount.is_none_or(|amount| amount <= Decimal::ZERO) {
        body.refuse("amount", "The amount has to be positive.");
    }
    let currency = body.parsed::<Unit>("currency").map(|unit| unit.0);
    if currency.is_none() {
        body.refuse("currency", "Name a currency, or a unit of 2 to 12 letters.");
    }
    let (starts_at, expires_at) = (body.time("startsAt"), body.time("expiresAt"));
    if starts_at
        .zip(expires_at)
        .is_some_and(|(start, end)| end < start)
    {
        body.refuse("expiresAt", "It would expire before it starts.");
    }
    let rails = body.rails("payoutMethods");
    if rails.as_ref().is_some_and(Vec::is_empty) {
        body.refuse("payoutMethods", "Name at least one payout method.");
    }
    let (claim_max, claims_max) = claim_limits(body);
    let (shortest, longest) = RATE_LOCK_SECS;
    let rate_lock_secs = body.span("rateLockSeconds", 1, shortest, longest);
    let description = body.text("description").unwrap_or_default();
    let bolt11_secs = body.span("BOLT11Expiration", 86_400, 0, BOLT11_DAYS_MAX * 86_400);
    let auto_approve = body.flag("autoApproveClaims").unwrap_or(false);
    Some(NewPullPayment {
        name,
        description,
        limit: Money {
            amount: amount?,
            currency: currency?,
        },
        rails,
        bolt11_days: bolt11_secs.map_or(bolt11_days, |secs| secs / 86_400),
        auto_approve,
        starts_at,
        expires_at,
        claim_max,
        claims_max,
        rate_lock_secs,
    })
}

/// `maxClaimAmount` and `maxClaimCount` (D27).
fn claim_limits(body: &mut Input) -> (Option<Decimal>, Option<u32>) {
    let most = body.decimal("maxClaimAmount");
    if most.is_some_and(|most| most <= Decimal::ZERO) {
        body.refuse("maxClaimAmount", "The amount has to be positive.");
    }
    let count = body.whole("maxClaimCount", 1, CLAIMS_MAX.into());
    (most, count.and_then(|count| u32::try_from(count).ok()))
}

/// Reads what changes of a pull payment (D33). Faults stay in the body.
pub(super) fn read_change(body: &mut Input) -> Change {
    for name in NOT_OFFERED {
        if body.value(name).is_some() {
            body.refuse(name, "This server does not offer this.");
        }
    }
    if body.value("rateLockSeconds").is_some() {
        body.refuse(
            "rateLockSeconds",
            "This can't be changed: links promise it.",
        );
    }
    let name = body.text("name");
    if name
        .as_ref()
        .is_some_and(|name| name.chars().count() > NAME_CHARS_MAX)
    {
        body.refuse("name", "The name is longer than 50 characters.");
    }
    let (claim_max, claims_max) = claim_limits(body);
    Change {
        name,
        description: body.text("description"),
        limit: body.decimal("amount"),
        expires_at: body.time("expiresAt"),
        auto_approve: body.flag("autoApproveClaims"),
        claim_max,
        claims_max,
    }
}
