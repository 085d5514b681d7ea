//! Rows of the node's channels, as far as the books have followed them.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use minicbor::{Decode, Encode};

use super::codec::{decode, encode};
use super::rows::{Order, Rows};
use super::tables::Table;
use super::tx::Tx;
use crate::ports::lightning::ChannelKey;

/// How far a channel is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Phase {
    /// Its funding transaction exists.
    #[n(0)]
    Opening,
    /// It can carry payments.
    #[n(1)]
    Open,
    /// Closed, and not everything is back.
    #[n(2)]
    Closing,
}

/// A channel whose costs are booked up to a phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct BookedChannel {
    /// Up to here.
    #[n(0)]
    pub phase: Phase,
    /// It was closed by agreement: what is ours of it is paid straight to the node's wallet.
    #[n(1)]
    pub cooperative: bool,
}

/// All that are not over.
pub fn all(rows: &dyn Rows) -> BTreeMap<ChannelKey, BookedChannel> {
    let mut all = BTreeMap::new();
    rows.scan(
        Table::NodeChannels,
        &[],
        Order::Ascending,
        &mut |key, row| {
            if let Ok(channel) = key.try_into() {
                all.insert(ChannelKey(channel), decode(row));
            }
            ControlFlow::Continue(())
        },
    );
    all
}

/// One of them.
pub fn get(rows: &dyn Rows, channel: ChannelKey) -> Option<BookedChannel> {
    rows.get(Table::NodeChannels, &channel.0)
        .map(|row| decode(&row))
}

/// Puts one.
pub fn put(tx: &mut Tx<'_>, channel: ChannelKey, booked: BookedChannel) {
    tx.put(Table::NodeChannels, &channel.0, &encode(&booked));
}

/// One is over: everything of it is back, and booked.
pub fn remove(tx: &mut Tx<'_>, channel: ChannelKey) {
    tx.remove(Table::NodeChannels, &channel.0);
}
