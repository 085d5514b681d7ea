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
    let under_way = UnderWay::read(&balances.lightning_balances);
    // Before the funding transaction exists nothing has left the wallet.
    let funded = || channels.iter().filter(|one| one.funding_txo.is_some());
    let open: BTreeSet<ChannelId> = funded().map(|one| one.channel_id).collect();
    Holdings {
        wallet: Sat(balances.total_onchain_balance_sats),
        channels: funded()
            .map(|one| OpenChannel {
                channel: key(one.channel_id),
                capacity: Sat(one.channel_value_sats),
                ours: ours(one, under_way.get(&one.channel_id)),
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

/// Payments under way in an open channel, as its monitor has them. One that came in and was claimed is neither.
#[derive(Default)]
struct UnderWay {
    outgoing: Msat,
    incoming: Msat,
}

impl UnderWay {
    fn read(balances: &[LightningBalance]) -> BTreeMap<ChannelId, Self> {
        let mut all: BTreeMap<ChannelId, Self> = BTreeMap::new();
        for balance in balances {
            match balance {
                // Parts of a satoshi, and payments too small for an output of their own.
                LightningBalance::ClaimableOnChannelClose {
                    channel_id,
                    outbound_payment_htlc_rounded_msat,
                    outbound_forwarded_htlc_rounded_msat,
                    inbound_htlc_rounded_msat,
                    ..
                } => {
                    let one = all.entry(*channel_id).or_default();
                    one.outgoing = (one.outgoing)
                        .plus(Msat(*outbound_payment_htlc_rounded_msat))
                        .plus(Msat(*outbound_forwarded_htlc_rounded_msat));
                    one.incoming = one.incoming.plus(Msat(*inbound_htlc_rounded_msat));
                }
                LightningBalance::MaybeTimeoutClaimableHTLC {
                    channel_id,
                    amount_satoshis,
                    ..
                } => {
                    let one = all.entry(*channel_id).or_default();
                    one.outgoing = one.outgoing.plus(Sat(*amount_satoshis).to_msat());
                }
                LightningBalance::MaybePreimageClaimableHTLC {
                    channel_id,
                    amount_satoshis,
                    ..
                } => {
                    let one = all.entry(*channel_id).or_default();
                    one.incoming = one.incoming.plus(Sat(*amount_satoshis).to_msat());
                }
                LightningBalance::ClaimableAwaitingConfirmations { .. }
                | LightningBalance::ContentiousClaimable { .. }
                | LightningBalance::CounterpartyRevokedOutputClaimable { .. } => {}
            }
        }
        all
    }
}

/// What is ours of an open channel. LDK shows either side less its reserve (and the opener's less the anchors), with
/// payments under way taken out, but never below zero. The monitor's own sums are no help: their fee holds what was
/// rounded away.
fn ours(channel: &ChannelDetails, under_way: Option<&UnderWay>) -> Msat {
    let none = UnderWay::default();
    let UnderWay { outgoing, incoming } = under_way.unwrap_or(&none);
    let capacity = Sat(channel.channel_value_sats).to_msat();
    let our_reserve = Sat(channel.unspendable_punishment_reserve.unwrap_or(0)).to_msat();
    let their_reserve = Sat(channel.counterparty_unspendable_punishment_reserve).to_msat();
    let ours = Msat(channel.outbound_capacity_msat).plus(our_reserve);
    let theirs = Msat(channel.inbound_capacity_msat).plus(their_reserve);
    if channel.inbound_capacity_msat == 0 {
        // They hold no more than their reserve: nothing comes in, and ours is far above ours.
        return ours.plus(*outgoing);
    }
    // Everything that is not theirs, nor on its way to us: what we claimed and they have not taken out yet is ours.
    let rest = capacity.minus(theirs).minus(*incoming);
    let slack = rest.minus(ours).minus(*outgoing);
    let without_anchors = channel.outbound_capacity_msat > 0 && slack < ANCHORS.to_msat();
    if without_anchors {
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
