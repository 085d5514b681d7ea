//! What has to happen in a large run: every transition, every kind of fault, every kind of end. One that never does is
//! a hole in the simulator.

use std::collections::BTreeMap;

/// These happen in some hundred seeds.
const OFTEN: &[&str] = &[
    "ended: cancelled",
    "ended: completed on the chain",
    "ended: completed over Lightning",
    "ended: waits for approval",
    "ended: waits for coins or lower fees",
    "ended: waits for somebody to press Pay",
    "fault: a Lightning payment for nothing",
    "fault: a Lightning payment of too much",
    "fault: a Lightning payment twice",
    "fault: a broadcast is lost",
    "fault: a broadcast is refused",
    "fault: a crash leaves a torn prefix",
    "fault: a crash leaves all of what was not synced",
    "fault: a crash leaves nothing of what was not synced",
    "fault: a crash leaves some torn pages",
    "fault: a last restart",
    "fault: a late Lightning payment",
    "fault: a late payment on the chain",
    "fault: a partial payment on the chain",
    "fault: a payment fails on its way",
    "fault: a payment is double-spent",
    "fault: a payment is evicted",
    "fault: a payment is held back by its channel",
    "fault: a payment is replaced",
    "fault: a reorganisation",
    "fault: a reorganisation drops a payment for good",
    "fault: an event is lost from the queue",
    "fault: an outcome is told again after a start",
    "fault: an outcome was not queued before a crash",
    "fault: channels are dry",
    "fault: fees rise above the caps",
    "fault: no route is found",
    "fault: pay times out and nothing has left",
    "fault: pay times out and the payment has left",
    "fault: peers are gone",
    "fault: the answer to a broadcast is lost",
    "fault: the chain source is silent",
    "fault: the disk dies inside a commit",
    "fault: the node falls behind",
    "fault: the process is killed",
    "fault: a webhook answers 500",
    "fault: a webhook can't be reached",
    "fault: a webhook hangs",
    "fault: a webhook refuses for good",
    "fault: the answer of a webhook is lost",
    "ended: a message is delivered",
    "ended: a message was refused for good",
    "ended: a message waits for its next try",
    "fault: time jumps ahead",
    "fault: time jumps back",
    "fault: too much on the chain",
    "transition: ApiInvoicePaid",
    "transition: InvoiceCreated",
    "transition: InvoiceExpired",
    "transition: InvoiceInvalid",
    "transition: InvoicePaidAfterExpiration",
    "transition: InvoicePaymentLost",
    "transition: InvoicePaymentSettled",
    "transition: InvoiceProcessing",
    "transition: InvoiceReceivedPayment",
    "transition: InvoiceReopened",
    "transition: InvoiceSettled",
    "transition: PaymentRecordForgotten",
    "transition: PayoutApproved",
    "transition: PayoutAttemptFailed",
    "transition: PayoutAttemptRecorded",
    "transition: PayoutAttemptSent",
    "transition: PayoutCancelled",
    "transition: PayoutCompleted",
    "transition: PayoutCreated",
    "transition: PullPaymentArchived",
    "transition: PullPaymentCreated",
    "transition: StrayReceived",
    "fault: somebody else spends the shop's coins",
    "transition: StrayAssigned",
    "transition: TillReleased",
    "transition: UnknownSpend",
    "ended: completed inside the house",
    "ended: held until nothing of it can be under way",
    "transition: ApiInvoicePaidInside",
];

/// These need some thousand.
const SELDOM: &[&str] = &[
    "ended: waits for the network to take its transaction",
    "fault: a failure after a success",
    "fault: a refusal of a payment that is on its way",
    "fault: a success follows a failure",
    "fault: a transaction of ours is evicted",
    "transition: InvoicePromptRenewed",
    "transition: PayoutUnconfirmed",
    "fault: a payment to an address for change",
    "transition: PayoutFeeRaised",
    "transition: PayoutReconfirmed",
    "ended: in review",
    "transition: PayoutInReview",
    "transition: UnknownSpendGone",
];

/// Seeds in which everything of [`OFTEN`] has to happen.
const SEEDS_FOR_OFTEN: usize = 300;

/// Seeds in which everything has to.
const SEEDS_FOR_ALL: usize = 3_000;

/// Those that did not happen in so many seeds, and should have.
pub fn missing(counts: &BTreeMap<String, u64>, seeds: usize) -> Vec<&'static str> {
    let often = OFTEN.iter().filter(|_| seeds >= SEEDS_FOR_OFTEN);
    let seldom = SELDOM.iter().filter(|_| seeds >= SEEDS_FOR_ALL);
    often
        .chain(seldom)
        .copied()
        .filter(|name| !counts.contains_key(*name))
        .collect()
}
