//! A person's word on payouts of which nobody knows what became, and on those that were paid twice.

use tracing::warn;

use super::Gateway;
use super::payout::PayoutRefusal;
use crate::domain::ids::{PayoutId, Preimage, StoreId, UserId};
use crate::domain::money::Msat;
use crate::domain::payout::{
    Attempt, LONGEST_DOUBT_BLOCKS, NotInReview, Payout, Plan, Proof, Standing,
};
use crate::ports::lightning::{Direction, PaymentRecord, RecordStatus};
use crate::store::payout_queue::{Alert, alerts};
use crate::store::{self, Rows};

/// The longest reason that is kept, in bytes.
const WHY_BYTES_MAX: usize = 1_000;

/// Why a person's word is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReviewRefusal {
    /// 400 `invalid-state`.
    #[error(transparent)]
    NotInReview(#[from] NotInReview),
    /// 422 `Preimage`.
    #[error("This is not the preimage of the payment.")]
    WrongPreimage,
    /// 400 `invalid-state`.
    #[error("The node's own record says that it arrived: look again, and it will be settled.")]
    Arrived,
    /// 400 `may-still-arrive`.
    #[error(
        "The node or the network may still have this payment under way: to pay it again could pay it twice. Say so expressly if you know better."
    )]
    MayStillArrive,
    /// 403: the store's own word is not enough where the node's money would stand in for it.
    #[error(
        "Nothing proves this, and the store's Lightning money lies with the server: only the server's administrator can say it."
    )]
    NeedsAdministrator,
}

/// Who gives their word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judge {
    /// The person.
    pub user: UserId,
    /// Runs the server, and may use that right here.
    pub runs_server: bool,
}

/// What a person says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// Compare it again, now.
    LookAgain,
    /// It arrived; the receiver's proof, if there is one.
    Arrived(Option<Preimage>),
    /// It did not arrive.
    DidNotArrive {
        /// Also if it might still be under way.
        against_doubt: bool,
    },
}

impl Gateway {
    /// Takes a person's word on the attempt that stands for review. What nothing proves of a Lightning payment is not
    /// taken from a store that may not draw on the node (P11): if it is wrong, the node has paid for it.
    pub async fn review_payout(
        &self,
        shop: StoreId,
        id: PayoutId,
        judge: Judge,
        word: Word,
        why: &str,
    ) -> Result<Payout, PayoutRefusal> {
        let (seen, draws_on_node) = self
            .store
            .read(move |rows| {
                let seen = store::payout::get(rows, shop, id)?;
                Some((seen, store::settings::may_spend_from_node(rows, shop)))
            })
            .await
            .ok_or(PayoutRefusal::Unknown)?;
        let by = judge.user;
        let reviewed = reviewed(&seen).ok_or(ReviewRefusal::NotInReview(NotInReview))?;
        let number = reviewed.number;
        let needs_proof =
            matches!(reviewed.plan, Plan::Lightning { .. }) && !draws_on_node && !judge.runs_server;
        let against_doubt = match word {
            Word::LookAgain => false,
            Word::Arrived(preimage) => {
                check_preimage(&reviewed.plan, preimage)?;
                if needs_proof && preimage.is_none() {
                    return Err(ReviewRefusal::NeedsAdministrator.into());
                }
                false
            }
            Word::DidNotArrive { against_doubt } => {
                let may_still = self.may_still_arrive(&reviewed.plan).await?;
                if may_still && !against_doubt {
                    return Err(ReviewRefusal::MayStillArrive.into());
                }
                if may_still && needs_proof {
                    return Err(ReviewRefusal::NeedsAdministrator.into());
                }
                may_still
            }
        };
        let now = self.now();
        let why = super::invoice::cut_to_bytes(why, WHY_BYTES_MAX).to_owned();
        self.store
            .try_write("payout-review", move |tx| {
                let payout = store::payout::get(tx, shop, id).ok_or(PayoutRefusal::Unknown)?;
                let same = reviewed_number(&payout) == Some(number);
                if !same {
                    return Err(ReviewRefusal::NotInReview(NotInReview).into());
                }
                let step = match word {
                    Word::LookAgain => payout.clone().look_again(by, &why),
                    Word::Arrived(preimage) => {
                        let (proof, fee) = proof_of(tx, &payout, preimage)
                            .ok_or(ReviewRefusal::NotInReview(NotInReview))?;
                        let judged = payout.clone();
                        judged.judge_arrived(by, &why, proof, fee, now)
                    }
                    Word::DidNotArrive { .. } => {
                        payout.clone().judge_lost(by, &why, against_doubt, now)
                    }
                }
                .map_err(ReviewRefusal::NotInReview)?;
                warn!(payout.id = %id, "a person decided on payout {id}: {word:?}");
                Ok(super::settle::commit(tx, &payout, step, now))
            })
            .await
    }

    /// Whether something of an attempt could still be under way. An error if it is known to have arrived.
    async fn may_still_arrive(&self, plan: &Plan) -> Result<bool, PayoutRefusal> {
        match plan {
            Plan::Lightning { hash, height, .. } => {
                let record = self.lightning.payment(*hash).await;
                if let Some(PaymentRecord {
                    direction: Direction::Outbound,
                    status: RecordStatus::Succeeded,
                    ..
                }) = record
                {
                    return Err(ReviewRefusal::Arrived.into());
                }
                let tip = self.follower.known_tip().map_or(0, |tip| tip.height);
                let over = tip > height.saturating_add(LONGEST_DOUBT_BLOCKS);
                Ok(!over || self.lightning.has_closing_channels().await)
            }
            // Signed bytes that were broadcast are valid until an input of them is spent elsewhere.
            Plan::Onchain { .. } => Ok(true),
            Plan::Inside { .. } => Ok(false),
        }
    }

    /// A person has seen that a payout was paid twice: the alarm ends.
    pub async fn see_paid_twice(
        &self,
        shop: StoreId,
        id: PayoutId,
        by: UserId,
    ) -> Result<Payout, PayoutRefusal> {
        self.change_payout("payout-paid-twice-seen", shop, id, move |payout| {
            Ok(payout.see_paid_twice(by))
        })
        .await
    }

    /// A store's payouts that a person has to look at: those in review, and those paid twice that nobody has seen yet.
    pub async fn payout_alerts(&self, shop: StoreId) -> PayoutAlerts {
        self.store
            .read(move |rows| PayoutAlerts {
                in_review: alerts(rows, shop, Alert::InReview),
                paid_twice: alerts(rows, shop, Alert::PaidTwice),
            })
            .await
    }
}

/// What a person has to look at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PayoutAlerts {
    /// Nobody knows whether they arrived.
    pub in_review: Vec<PayoutId>,
    /// Paid twice, and not acknowledged.
    pub paid_twice: Vec<PayoutId>,
}

fn reviewed(payout: &Payout) -> Option<&Attempt> {
    payout
        .attempts
        .iter()
        .find(|attempt| matches!(attempt.standing, Standing::InReview { .. }))
}

fn reviewed_number(payout: &Payout) -> Option<u32> {
    reviewed(payout).map(|attempt| attempt.number)
}

fn check_preimage(plan: &Plan, preimage: Option<Preimage>) -> Result<(), ReviewRefusal> {
    match (plan, preimage) {
        (Plan::Lightning { hash, .. } | Plan::Inside { hash }, Some(preimage))
            if !preimage.proves(hash) =>
        {
            Err(ReviewRefusal::WrongPreimage)
        }
        (Plan::Onchain { .. }, Some(_)) => Err(ReviewRefusal::WrongPreimage),
        (Plan::Lightning { .. } | Plan::Inside { .. } | Plan::Onchain { .. }, _) => Ok(()),
    }
}

/// What proves a payout that a person calls arrived, and what is known to have been spent beside: nothing over
/// Lightning, where only the node could tell.
fn proof_of(rows: &dyn Rows, payout: &Payout, preimage: Option<Preimage>) -> Option<(Proof, Msat)> {
    match reviewed(payout)?.plan {
        Plan::Lightning { hash, .. } | Plan::Inside { hash } => {
            Some((Proof::Lightning { hash, preimage }, Msat::ZERO))
        }
        Plan::Onchain { batch, place } => {
            let batch = store::payout::batch(rows, payout.store, batch)?;
            let newest = batch.newest();
            let vout = *newest.vouts.get(usize::try_from(place).ok()?)?;
            let txid = newest.txid;
            Some((Proof::Onchain { txid, vout }, batch.share(newest, place)))
        }
    }
}
