//! Shapes of payouts (Greenfield 4.7).

use axum::Json;
use bitcoin::Txid;
use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::api::error::ApiError;
use crate::api::extract::Input;
use crate::api::invoices::dto::raw_object;
use crate::api::number::Dec;
use crate::api::schema::{FeePolicy, PaymentMethodId, PayoutState};
use crate::domain::ids::Preimage;
use crate::domain::payout::{HandMark, Payout, Plan, Proof, Stage, Standing};
use crate::domain::receipt::Rail;
use crate::domain::time::Timestamp;
use crate::http::AppState;
use crate::service::review::Word;
use crate::store::{self, Rows};

/// `PayoutData`. Beyond Greenfield: `reviewReason` says why an attempt stands for review; `paidTwice` is an alarm that
/// nobody has acknowledged yet.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PayoutData {
    id: String,
    revision: u32,
    pull_payment_id: Option<String>,
    date: u64,
    destination: String,
    #[schema(value_type = PaymentMethodId)]
    payout_method_id: &'static str,
    #[schema(value_type = PaymentMethodId)]
    payment_method: &'static str,
    original_currency: String,
    original_amount: Dec,
    amount: Dec,
    payout_currency: &'static str,
    crypto_code: &'static str,
    payout_amount: Option<Dec>,
    payment_method_amount: Option<Dec>,
    #[schema(value_type = PayoutState)]
    state: &'static str,
    #[schema(value_type = Option<Object>)]
    payment_proof: Option<Value>,
    #[schema(value_type = Object)]
    metadata: Box<RawValue>,
    attempts: usize,
    failure_reason: Option<String>,
    next_attempt_at: Option<u64>,
    in_review: bool,
    review_reason: Option<String>,
    paid_twice: bool,
    /// A reorganisation took its transaction out of the chain; it is sent again.
    unconfirmed: bool,
    fee_amount: Option<Dec>,
    #[schema(value_type = FeePolicy)]
    fee_policy: &'static str,
    max_fee_percent: Option<Dec>,
    max_fee_flat: String,
}

impl PayoutData {
    /// A payout with its proof, which may stand in another row.
    pub fn of(rows: &dyn Rows, payout: &Payout) -> Self {
        let method = payout.rail().method_id();
        let wish = payout.fees.unwrap_or_default();
        let approved = match payout.stage {
            Stage::AwaitingApproval => None,
            Stage::AwaitingPayment
            | Stage::InProgress
            | Stage::Completed { .. }
            | Stage::Cancelled { .. } => Some(Dec(payout.delivered().to_btc())),
        };
        Self {
            id: payout.id.to_string(),
            revision: payout.revision,
            pull_payment_id: payout.pull_payment().map(|id| id.to_string()),
            date: payout.created.secs(),
            destination: payout.destination.text().to_owned(),
            payout_method_id: method,
            payment_method: method,
            original_currency: payout.asked.currency.to_string(),
            original_amount: Dec(payout.asked.amount),
            amount: Dec(payout.asked.amount),
            payout_currency: "BTC",
            crypto_code: "BTC",
            payout_amount: approved,
            payment_method_amount: approved,
            state: state_name(&payout.stage),
            payment_proof: proof(rows, payout),
            metadata: raw_object(&payout.metadata),
            attempts: payout.attempts.len(),
            failure_reason: failure(payout),
            next_attempt_at: payout.next_attempt_at.map(Timestamp::secs),
            in_review: payout.in_review(),
            review_reason: payout.review_reason().map(str::to_owned),
            paid_twice: payout.paid_twice.is_some(),
            unconfirmed: payout.unconfirmed_since.is_some(),
            fee_amount: match &payout.stage {
                Stage::Completed { fee, .. } => Some(Dec(fee.to_btc())),
                Stage::AwaitingApproval
                | Stage::AwaitingPayment
                | Stage::InProgress
                | Stage::Cancelled { .. } => None,
            },
            fee_policy: "SenderPays",
            max_fee_percent: wish.percent.map(Dec),
            max_fee_flat: payout.fee_max.to_sat_ceil().0.to_string(),
        }
    }

    /// Without what concerns only its receiver (D36).
    #[must_use]
    pub fn redacted(self) -> Self {
        Self {
            destination: String::new(),
            payment_proof: None,
            metadata: raw_object(""),
            failure_reason: None,
            review_reason: None,
            ..self
        }
    }
}

/// Answers a payout.
pub async fn answer(state: &AppState, payout: Payout) -> Result<Json<PayoutData>, ApiError> {
    let data = state
        .gateway
        .store
        .read(move |rows| PayoutData::of(rows, &payout))
        .await;
    Ok(Json(data))
}

/// Greenfield's name of a stage.
const fn state_name(stage: &Stage) -> &'static str {
    match stage {
        Stage::AwaitingApproval => "AwaitingApproval",
        Stage::AwaitingPayment => "AwaitingPayment",
        Stage::InProgress => "InProgress",
        Stage::Completed { .. } => "Completed",
        Stage::Cancelled { .. } => "Cancelled",
    }
}

/// Proof of a payment, or of the one that is under way.
fn proof(rows: &dyn Rows, payout: &Payout) -> Option<Value> {
    match &payout.stage {
        Stage::Completed { proof, .. } => Some(match proof {
            Proof::Lightning { hash, preimage } => json!({
                "proofType": "PayoutLightningBlob",
                "paymentHash": hash.to_string(),
                "preimage": preimage.as_ref().map(Preimage::reveal),
            }),
            Proof::Onchain { txid, vout } => onchain_proof(*txid, Some(*vout)),
            Proof::Given(given) => given_proof(given.as_deref())?,
        }),
        Stage::InProgress if payout.in_hand.is_some() => {
            given_proof(payout.in_hand.as_ref()?.proof.as_deref())
        }
        Stage::InProgress => match &payout.live_attempt()?.plan {
            Plan::Lightning { hash, .. } | Plan::Inside { hash } => Some(json!({
                "proofType": "PayoutLightningBlob",
                "paymentHash": hash.to_string(),
                "preimage": null,
            })),
            Plan::Onchain { batch, place } => {
                let batch = store::payout::batch(rows, payout.store, *batch)?;
                let newest = batch.newest();
                let place = usize::try_from(*place).ok()?;
                Some(onchain_proof(newest.txid, newest.vouts.get(place).copied()))
            }
        },
        Stage::AwaitingApproval | Stage::AwaitingPayment | Stage::Cancelled { .. } => None,
    }
}

/// What a person gave as proof, as it came.
fn given_proof(given: Option<&str>) -> Option<Value> {
    serde_json::from_str(given?).ok()
}

fn onchain_proof(txid: Txid, vout: Option<u32>) -> Value {
    json!({
        "proofType": "PayoutTransactionOnChainBlob",
        "id": txid.to_string(),
        "link": null,
        "vout": vout,
    })
}

/// Why it waits, stands in review, or was given up.
fn failure(payout: &Payout) -> Option<String> {
    if let Stage::Cancelled { why } = &payout.stage {
        return Some(why.clone());
    }
    let last = payout
        .attempts
        .last()
        .and_then(|attempt| match &attempt.standing {
            Standing::Failed { why } | Standing::InReview { why } => Some(why.clone()),
            Standing::Recorded | Standing::Sent | Standing::Settled => None,
        });
    payout.waiting_for.clone().or(last)
}

/// What every request for a payout names.
#[derive(Clone, Debug)]
pub struct Wish {
    /// Address, `bitcoin:` URI or BOLT11.
    pub destination: String,
    /// How it is to be paid; `None` is a fault of the body.
    pub rail: Option<Rail>,
    /// In the pull payment's currency, or BTC.
    pub amount: Option<Decimal>,
}

/// Reads `CreatePayoutRequest`. Faults stay in the body; with one the answer is not used.
pub fn read_wish(body: &mut Input) -> Wish {
    body.alias("paymentMethod", "payoutMethodId");
    let rail = body.parsed::<Rail>("payoutMethodId");
    if rail.is_none() {
        body.refuse(
            "payoutMethodId",
            "Name a payout method: BTC-LN or BTC-CHAIN.",
        );
    }
    let destination = body.words("destination");
    if destination.is_none() {
        body.refuse("destination", "Name a destination.");
    }
    Wish {
        destination: destination.unwrap_or_default(),
        rail,
        amount: body.decimal("amount"),
    }
}

/// Reads a person's word on what stands for review: `verdict` with `preimage` and `evenIfUnderWay`, and `comment`.
/// Faults stay in the body; with one the answer is not used.
pub fn read_word(body: &mut Input) -> (Word, String) {
    let verdict = body.words("verdict").unwrap_or_default();
    let preimage = body.parsed::<Preimage>("preimage");
    let against_doubt = body.flag("evenIfUnderWay").unwrap_or(false);
    let comment = body.text("comment").unwrap_or_default();
    let word = match verdict.to_ascii_lowercase().as_str() {
        "lookagain" => Word::LookAgain,
        "arrived" => Word::Arrived(preimage),
        "didnotarrive" => Word::DidNotArrive { against_doubt },
        _ => {
            let message = "This has to be LookAgain, Arrived or DidNotArrive.";
            body.refuse("verdict", message);
            Word::LookAgain
        }
    };
    (word, comment)
}

/// Reads `{state, paymentProof}`; `None` is Cancelled. Faults stay in the body; with one the answer is not used.
pub fn read_mark(body: &mut Input) -> Option<HandMark> {
    let proof = body.object("paymentProof");
    let named = |proof: &Map<String, Value>| {
        let kind = proof.get("proofType").and_then(Value::as_str);
        kind.is_some_and(|kind| !kind.is_empty())
    };
    if proof.as_ref().is_some_and(|proof| !named(proof)) {
        body.refuse("paymentProof", "A proof names its proofType.");
    }
    let proof = proof.map(|proof| Value::Object(proof).to_string());
    let wanted = body.words("state").unwrap_or_default();
    match wanted.trim().to_ascii_lowercase().as_str() {
        "awaitingapproval" => Some(HandMark::AwaitingApproval),
        "awaitingpayment" => Some(HandMark::AwaitingPayment),
        "inprogress" => Some(HandMark::InProgress(proof)),
        "completed" => Some(HandMark::Completed(proof)),
        "cancelled" => None,
        _ => {
            let message = "This has to be AwaitingApproval, AwaitingPayment, InProgress, Completed or Cancelled.";
            body.refuse("state", message);
            None
        }
    }
}
