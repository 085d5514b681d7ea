//! Words for how a payout stands.

use crate::domain::destination::Destination;
use crate::domain::money::Msat;
use crate::domain::payout::{Origin, Payout, Proof, Stage, Standing};
use crate::ui::format::{self, Badge};

/// Proof that a payout was paid.
#[derive(Clone, Debug)]
pub struct ProofView {
    /// What it is.
    pub label: &'static str,
    /// The proof itself.
    pub text: String,
}

/// How far a payout is, in a word.
pub fn badge(payout: &Payout) -> Badge {
    match &payout.stage {
        Stage::AwaitingApproval => Badge::new("Awaiting approval", "wait"),
        Stage::AwaitingPayment => Badge::new("Awaiting payment", "wait"),
        Stage::InProgress if payout.in_review() => Badge::new("In review", "bad"),
        Stage::InProgress => Badge::new("In progress", "busy"),
        Stage::Completed { .. } if payout.unconfirmed_since.is_some() => {
            Badge::new("Paid, unconfirmed again", "busy")
        }
        Stage::Completed { .. } => Badge::new("Paid", "good"),
        Stage::Cancelled { .. } => Badge::new("Cancelled", "calm"),
    }
}

/// What a payout waits for, or why it ended, in words.
pub fn detail(payout: &Payout) -> Option<String> {
    match &payout.stage {
        Stage::AwaitingApproval => None,
        Stage::Completed { .. } => payout.unconfirmed_since.map(|_| {
            let outspent = payout.waiting_for.clone();
            outspent.unwrap_or_else(|| {
                "A reorganisation of the chain took its transaction out. It is sent again, as it was, until a block holds it.".to_owned()
            })
        }),
        Stage::AwaitingPayment => match &payout.waiting_for {
            Some(why) => Some(format!("Not sent yet: {why}")),
            None if payout.pay_now => Some("About to be sent.".to_owned()),
            None => None,
        },
        Stage::InProgress if payout.in_review() => Some(
            "Nobody knows yet whether it arrived. It will not be paid a second time.".to_owned(),
        ),
        Stage::InProgress if payout.in_hand.is_some() => Some(
            "Somebody pays it by other means. This server sends nothing for it.".to_owned(),
        ),
        Stage::InProgress if payout.doubts.is_some() => payout
            .waiting_for
            .as_ref()
            .map(|why| format!("Nobody knows yet whether it is under way: {why}")),
        Stage::InProgress => match payout.destination {
            Destination::Bolt11(_) => Some("On its way over Lightning.".to_owned()),
            Destination::Address(_) => Some(payout.waiting_for.as_ref().map_or_else(
                || "Sent; it waits for a confirmation.".to_owned(),
                |why| format!("The network has not taken it yet ({why}). It is sent again."),
            )),
        },
        Stage::Cancelled { why } => Some(why.clone()),
    }
}

/// Proof that a payout was paid.
pub fn proof(payout: &Payout) -> Option<ProofView> {
    match &payout.stage {
        Stage::Completed { proof, .. } => Some(match proof {
            Proof::Lightning {
                preimage: Some(preimage),
                ..
            } => ProofView {
                label: "Preimage",
                text: preimage.reveal(),
            },
            Proof::Lightning {
                hash,
                preimage: None,
            } => ProofView {
                label: "Payment hash",
                text: hash.to_string(),
            },
            Proof::Onchain { txid, vout } => ProofView {
                label: "Output",
                text: format!("{txid}:{vout}"),
            },
            Proof::Given(given) => ProofView {
                label: "Marked as paid",
                text: given.clone().unwrap_or_else(|| "without proof".to_owned()),
            },
        }),
        Stage::AwaitingApproval
        | Stage::AwaitingPayment
        | Stage::InProgress
        | Stage::Cancelled { .. } => None,
    }
}

/// What arrives; what was asked for, as long as that has no worth in bitcoin.
pub fn amount(payout: &Payout) -> String {
    if payout.amount == Msat::ZERO {
        format::money(payout.asked.amount, payout.asked.currency)
    } else {
        format::msat(payout.delivered())
    }
}

/// What a payout was promised for.
pub fn origin(payout: &Payout) -> &'static str {
    match payout.origin {
        Origin::PullPayment(_) => "Claim on a pull payment",
        Origin::Withdraw(_) => "LNURL withdrawal",
        Origin::Store => "The store's own payout",
        Origin::LightningApi => "Lightning API",
        Origin::WalletSend => "Sent from the wallet by hand",
    }
}

/// How an attempt stands, and why.
pub fn standing(standing: &Standing) -> (Badge, Option<String>) {
    match standing {
        Standing::Recorded => (Badge::new("Being handed over", "wait"), None),
        Standing::Sent => (Badge::new("Sent", "busy"), None),
        Standing::Settled => (Badge::new("Arrived", "good"), None),
        Standing::Failed { why } => (Badge::new("Failed", "bad"), Some(why.clone())),
        Standing::InReview { why } => (Badge::new("In review", "bad"), Some(why.clone())),
    }
}
