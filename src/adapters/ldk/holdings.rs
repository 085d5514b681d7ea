//! What is ours at the node, worked out to the millisatoshi from what LDK shows.

use std::collections::{BTreeMap, BTreeSet};

use ldk_node::lightning::chain::channelmonitor::BalanceSource;
use ldk_node::lightning::ln::types::ChannelId;
use ldk_node::{BalanceDetails, ChannelDetails, LightningBalance, PendingSweepBalance};

use crate::domain::money::{Msat, Sat};
use crate::ports::lightning::{
    ChannelKey, ClosingChannel, Holdings, OpenChannel, Sweep, SweepStanding,
};

/// The two anchor outputs of a commitment transaction.
const ANCHORS: Sat = Sat(2 * 330);

/// Everything, from one look at the channels and one at the balances.
pub(super) fn holdings(channels: &[ChannelDetails], balances: &BalanceDetails) -> Holdings {
    let monitors = Monitor::read(&balances.lightning_balances);
    // Before the funding transaction exists nothing has left the wallet.
    let funded = || channels.iter().filter(|one| one.funding_txo.is_some());
    let open: BTreeSet<ChannelId> = funded().map(|one| one.channel_id).collect();
    Holdings {
        wallet: Sat(balances.total_onchain_balance_sats),
        channels: funded()
            .map(|one| OpenChannel {
                channel: key(one.channel_id),
                capacity: Sat(one.channel_value_sats),
                ours: ours(one, monitors.get(&one.channel_id)),
                outbound: one.is_outbound,
                ready: one.is_channel_ready,
            })
            .collect(),
        closing: (balances.lightning_balances.iter())
            .filter_map(|balance| closing(balance, &open))
            .collect(),
        sweeps: (balances.pending_balances_from_channel_closures.iter())
            .map(sweep)
            .collect(),
    }
}

const fn key(channel: ChannelId) -> ChannelKey {
    ChannelKey(channel.0)
}

/// What the monitor of an open channel says of payments that are under way in it.
#[derive(Default)]
struct Monitor {
    /// Ours, were it closed now, in whole satoshi: payments that we have claimed included, those on their way out and
    /// the fee of the closing transaction not.
    claimable: Sat,
    fee: Sat,
    outgoing: Msat,
    incoming: Msat,
    /// The parts of a satoshi of payments that we have claimed, and those too small for an output of their own.
    claiming_rounded: Msat,
}

impl Monitor {
    fn read(balances: &[LightningBalance]) -> BTreeMap<ChannelId, Self> {
        let mut monitors: BTreeMap<ChannelId, Self> = BTreeMap::new();
        for balance in balances {
            match balance {
                LightningBalance::ClaimableOnChannelClose {
                    channel_id,
                    amount_satoshis,
                    transaction_fee_satoshis,
                    outbound_payment_htlc_rounded_msat,
                    outbound_forwarded_htlc_rounded_msat,
                    inbound_claiming_htlc_rounded_msat,
                    inbound_htlc_rounded_msat,
                    ..
                } => {
                    let monitor = monitors.entry(*channel_id).or_default();
                    monitor.claimable = Sat(*amount_satoshis);
                    monitor.fee = Sat(*transaction_fee_satoshis);
                    monitor.claiming_rounded = Msat(*inbound_claiming_htlc_rounded_msat);
                    monitor.outgoing = (monitor.outgoing)
                        .plus(Msat(*outbound_payment_htlc_rounded_msat))
                        .plus(Msat(*outbound_forwarded_htlc_rounded_msat));
                    monitor.incoming = (monitor.incoming).plus(Msat(*inbound_htlc_rounded_msat));
                }
                LightningBalance::MaybeTimeoutClaimableHTLC {
                    channel_id,
                    amount_satoshis,
                    ..
                } => {
                    let monitor = monitors.entry(*channel_id).or_default();
                    let amount = Sat(*amount_satoshis).to_msat();
                    monitor.outgoing = monitor.outgoing.plus(amount);
                }
                LightningBalance::MaybePreimageClaimableHTLC {
                    channel_id,
                    amount_satoshis,
                    ..
                } => {
                    let monitor = monitors.entry(*channel_id).or_default();
                    let amount = Sat(*amount_satoshis).to_msat();
                    monitor.incoming = monitor.incoming.plus(amount);
                }
                LightningBalance::ClaimableAwaitingConfirmations { .. }
                | LightningBalance::ContentiousClaimable { .. }
                | LightningBalance::CounterpartyRevokedOutputClaimable { .. } => {}
            }
        }
        monitors
    }
}

/// What is ours of an open channel. `outbound_capacity` is our side less the reserve that the peer wants us to keep,
/// what is on its way out, and (if we opened it) the anchors, but never below zero.
fn ours(channel: &ChannelDetails, monitor: Option<&Monitor>) -> Msat {
    let nothing = Monitor::default();
    let monitor = monitor.unwrap_or(&nothing);
    let reserve = Sat(channel.unspendable_punishment_reserve.unwrap_or(0)).to_msat();
    let at_rest = if channel.outbound_capacity_msat > 0 {
        Msat(channel.outbound_capacity_msat).plus(reserve)
    } else {
        beside_theirs(channel, monitor)
    };
    // What was claimed and not yet taken out of the commitment is in the monitor's sum, and not in the channel's.
    let claimed = (monitor.claimable)
        .plus(monitor.fee)
        .minus(at_rest.to_sat_floor());
    let claiming = claimed.to_msat().plus(monitor.claiming_rounded);
    at_rest.plus(monitor.outgoing).plus(claiming)
}

/// Our side, where it is at or below the reserve: all that is not the peer's, nor under way.
fn beside_theirs(channel: &ChannelDetails, monitor: &Monitor) -> Msat {
    let capacity = Sat(channel.channel_value_sats).to_msat();
    let their_reserve = Sat(channel.counterparty_unspendable_punishment_reserve).to_msat();
    let theirs = Msat(channel.inbound_capacity_msat).plus(their_reserve);
    let rest = capacity
        .minus(theirs)
        .minus(monitor.outgoing)
        .minus(monitor.incoming)
        .minus(monitor.claiming_rounded);
    // All our channels have anchors, whoever opened them; LDK doesn't show it. Its sum tells one without.
    if rest.to_sat_floor() == monitor.claimable.plus(monitor.fee) {
        rest
    } else {
        rest.minus(ANCHORS.to_msat())
    }
}

/// What is to come back from a channel that is closed.
fn closing(balance: &LightningBalance, open: &BTreeSet<ChannelId>) -> Option<ClosingChannel> {
    let (channel, amount, in_wallet) = match balance {
        LightningBalance::ClaimableAwaitingConfirmations {
            channel_id,
            amount_satoshis,
            source,
            ..
        } => {
            let in_wallet = match source {
                // It pays an address of the node's own wallet.
                BalanceSource::CoopClose => true,
                BalanceSource::HolderForceClosed
                | BalanceSource::CounterpartyForceClosed
                | BalanceSource::Htlc => false,
            };
            (channel_id, amount_satoshis, in_wallet)
        }
        LightningBalance::ClaimableOnChannelClose {
            channel_id,
            amount_satoshis,
            ..
        }
        | LightningBalance::ContentiousClaimable {
            channel_id,
            amount_satoshis,
            ..
        }
        | LightningBalance::MaybeTimeoutClaimableHTLC {
            channel_id,
            amount_satoshis,
            ..
        }
        | LightningBalance::CounterpartyRevokedOutputClaimable {
            channel_id,
            amount_satoshis,
            ..
        } => (channel_id, amount_satoshis, false),
        // Not ours without the preimage.
        LightningBalance::MaybePreimageClaimableHTLC { .. } => return None,
    };
    (!open.contains(channel)).then(|| ClosingChannel {
        channel: key(*channel),
        amount: Sat(*amount),
        in_wallet,
    })
}

fn sweep(balance: &PendingSweepBalance) -> Sweep {
    let (channel, amount, standing) = match balance {
        PendingSweepBalance::PendingBroadcast {
            channel_id,
            amount_satoshis,
        } => (channel_id, amount_satoshis, SweepStanding::Waiting),
        PendingSweepBalance::BroadcastAwaitingConfirmation {
            channel_id,
            amount_satoshis,
            latest_spending_txid,
            ..
        } => (
            channel_id,
            amount_satoshis,
            SweepStanding::Broadcast(*latest_spending_txid),
        ),
        PendingSweepBalance::AwaitingThresholdConfirmations {
            channel_id,
            amount_satoshis,
            ..
        } => (channel_id, amount_satoshis, SweepStanding::Confirmed),
    };
    Sweep {
        channel: channel.map(key),
        amount: Sat(*amount),
        standing,
    }
}
