//! What the dashboard shows of a store's wallet and of the node.

use crate::domain::receipt::Rail;
use crate::domain::store::Processor;
use crate::ports::lightning::{Channel, NodeBalances, NodeIdentity, NodeState};
use crate::store::hold::UnknownSpend;
use crate::ui::format::{self, Badge, When};
use crate::wallet::TillBalance;

/// An automatic sender.
#[derive(Clone, Debug)]
pub struct SenderView {
    /// For forms.
    pub rail: &'static str,
    /// For people.
    pub label: &'static str,
    /// It is on.
    pub on: bool,
    /// Why it can't send now, if it is on and can't (D15).
    pub trouble: Option<String>,
}

/// A spend of the wallet that was not made here.
#[derive(Clone, Debug)]
pub struct SpendRow {
    /// What left.
    pub amount: String,
    /// By which transaction.
    pub txid: String,
    /// When it was seen.
    pub when: When,
    /// How it stands.
    pub badge: Badge,
}

/// The node, for who runs it.
#[derive(Clone, Debug)]
pub struct NodeView {
    /// Where it stands.
    pub badge: Badge,
    /// Label and value.
    pub facts: Vec<(&'static str, String)>,
    /// `pubkey@host:port`, where peers may call.
    pub uris: Vec<String>,
    /// Its channels.
    pub channels: Vec<ChannelRow>,
    /// Why it can't be told more.
    pub missing: Option<String>,
}

/// A channel.
#[derive(Clone, Debug)]
pub struct ChannelRow {
    /// The other side, shortened.
    pub peer: String,
    /// Size.
    pub capacity: String,
    /// What can be sent and received through it.
    pub sides: String,
    /// Our side, in percent of the capacity.
    pub percent: u64,
    /// Whether it works.
    pub badge: Badge,
}

/// What a till holds, label and value.
pub fn till(balance: TillBalance) -> Vec<(&'static str, String)> {
    vec![
        ("Confirmed", format::sat(balance.confirmed)),
        ("Unconfirmed", format::sat(balance.unconfirmed)),
        ("Free to be spent", format::sat(balance.spendable)),
    ]
}

/// The spends that nobody has looked at yet, their transactions' hashes with spaces between.
pub fn to_look_at(spends: &[UnknownSpend]) -> String {
    let holding = spends.iter().filter(|spend| spend.holds());
    let txids: Vec<_> = holding.map(|spend| spend.txid.to_string()).collect();
    txids.join(" ")
}

impl SenderView {
    /// The sender of a rail.
    pub fn of(rail: Rail, processor: Option<&Processor>) -> Self {
        Self {
            rail: rail.method_id(),
            label: match rail {
                Rail::Lightning => "Lightning",
                Rail::Onchain => "On-chain",
            },
            on: processor.is_some(),
            trouble: None,
        }
    }
}

impl From<&UnknownSpend> for SpendRow {
    fn from(spend: &UnknownSpend) -> Self {
        Self {
            amount: format::msat(spend.amount),
            txid: spend.txid.to_string(),
            when: spend.seen_at.into(),
            badge: match (spend.holds(), spend.counts) {
                (true, true) => Badge::new("To be looked at", "bad"),
                (true, false) => Badge::new("Gone again, to be looked at", "bad"),
                (false, true) => Badge::new("Looked at", "calm"),
                (false, false) => Badge::new("Gone again", "calm"),
            },
        }
    }
}

impl NodeView {
    /// The node, as far as it answers.
    pub fn of(
        state: &NodeState,
        identity: Option<&NodeIdentity>,
        balances: Option<&NodeBalances>,
        channels: &[Channel],
        missing: Option<String>,
    ) -> Self {
        let badge = match state {
            NodeState::Ready => Badge::new("Ready", "good"),
            NodeState::Syncing => Badge::new("Catching up", "busy"),
            NodeState::WaitingForChain(_) => Badge::new("Waits for the chain", "bad"),
            NodeState::Held(_) => Badge::new("Held", "bad"),
            NodeState::Stopped => Badge::new("Stopped", "bad"),
        };
        let mut facts = Vec::new();
        if let Some(balances) = balances {
            facts.push(("In channels", format::sat(balances.lightning)));
            facts.push((
                "On-chain, for channels",
                format::sat(balances.onchain_spendable),
            ));
            facts.push(("On-chain in all", format::sat(balances.onchain_total)));
            if balances.onchain_reserved.0 > 0 {
                facts.push((
                    "Kept for closing channels",
                    format::sat(balances.onchain_reserved),
                ));
            }
            if balances.sweeping.0 > 0 {
                facts.push((
                    "Coming back from closed channels",
                    format::sat(balances.sweeping),
                ));
            }
        }
        if let Some(identity) = identity {
            facts.push(("Name", identity.alias.clone()));
            facts.push(("Peers", identity.peers.to_string()));
            facts.push(("Block height", identity.height.to_string()));
            facts.push(("Node id", identity.node_id.to_string()));
        }
        Self {
            badge,
            facts,
            uris: identity
                .map(|identity| {
                    let at = |host: &String| format!("{}@{host}", identity.node_id);
                    identity.listening.iter().map(at).collect()
                })
                .unwrap_or_default(),
            channels: channels.iter().map(ChannelRow::from).collect(),
            missing,
        }
    }
}

impl From<&Channel> for ChannelRow {
    fn from(channel: &Channel) -> Self {
        let ours = channel.outbound.to_sat_floor();
        Self {
            peer: format::short(&channel.peer.to_string()),
            capacity: format::sat(channel.capacity),
            sides: format!(
                "can send {}, can receive {}",
                format::sat(ours),
                format::sat(channel.inbound.to_sat_floor())
            ),
            percent: ours
                .0
                .saturating_mul(100)
                .checked_div(channel.capacity.0)
                .unwrap_or_default()
                .min(100),
            badge: if channel.is_usable {
                Badge::new("Usable", "good")
            } else if channel.is_ready {
                Badge::new("Peer offline", "bad")
            } else {
                Badge::new("Opening", "busy")
            },
        }
    }
}
