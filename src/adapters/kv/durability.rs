//! Which of LDK's writes wait for the disk: one table, by namespace, with the reason for each.

use ldk_node::lightning::util::ser::Readable;
use ldk_node::payment::{PaymentDetails, PaymentDirection};

/// What a caller of a write waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Until it is on the disk.
    Wait,
    /// Nothing: it stands in the queue, in order. A crash may take it, with everything queued after it.
    Relaxed,
}

/// Where a value is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Home {
    /// In the store's file, through its writer.
    Store(Durability),
    /// In a plain file beside it: a cache that is rebuilt from the network.
    CacheFile,
}

/// Where a value goes and what its writer waits for. A name we don't know waits.
pub fn home(primary: &str, secondary: &str, key: &str, value: &[u8]) -> Home {
    match (primary, secondary, key) {
        // Large, and rebuilt from gossip and from payments: not worth the one history.
        ("", "", "network_graph" | "scorer") => Home::CacheFile,
        _ => Home::Store(durability(primary, secondary, key, value)),
    }
}

#[expect(
    clippy::match_same_arms,
    reason = "one line and one reason for each namespace"
)]
fn durability(primary: &str, secondary: &str, key: &str, value: &[u8]) -> Durability {
    match (primary, secondary, key) {
        // Losing a monitor or an update of it can lose the channel's funds.
        ("monitors" | "monitor_updates" | "archived_monitors", ..) => Durability::Wait,
        // A manager behind its monitors closes channels at load.
        ("", "", "manager") => Durability::Wait,
        // The sweep is broadcast after it is written.
        ("", "", "output_sweeper") => Durability::Wait,
        // A lost peer is never dialled again.
        ("", "", "peers") => Durability::Wait,
        // Addresses that were handed out, coins that were spent.
        ("bdk_wallet", ..) => Durability::Wait,
        // Rare, and promises made to a liquidity provider.
        ("lightning_liquidity_state", ..) => Durability::Wait,
        ("payments", ..) => payment(value),
        // What LDK was told is handled is written behind our own commit in the same order, and LDK replays the
        // rest: a suffix may be lost.
        ("", "", "events") => Durability::Relaxed,
        // Timestamps, rewritten every two seconds.
        ("", "", "node_metrics") => Durability::Relaxed,
        // Not known: the safe side.
        _ => Durability::Wait,
    }
}

/// An invoice is shown only after our own commit, which follows the record in the same file (P12), so an inbound
/// record need not wait. An outbound one is the lasting guard against paying twice.
fn payment(value: &[u8]) -> Durability {
    match PaymentDetails::read(&mut &value[..]) {
        Ok(details) => match details.direction {
            PaymentDirection::Inbound => Durability::Relaxed,
            PaymentDirection::Outbound => Durability::Wait,
        },
        Err(_) => Durability::Wait,
    }
}

#[cfg(test)]
mod tests {
    use ldk_node::lightning::ln::channelmanager::PaymentId;
    use ldk_node::lightning::util::ser::Writeable;
    use ldk_node::lightning_types::payment::PaymentHash;
    use ldk_node::payment::{PaymentKind, PaymentStatus};

    use super::*;

    fn record(direction: PaymentDirection) -> Vec<u8> {
        PaymentDetails {
            id: PaymentId([1; 32]),
            kind: PaymentKind::Bolt11 {
                hash: PaymentHash([1; 32]),
                preimage: None,
                secret: None,
            },
            amount_msat: Some(1_000),
            fee_paid_msat: None,
            direction,
            status: PaymentStatus::Pending,
            latest_update_timestamp: 1,
        }
        .encode()
    }

    #[test]
    fn only_what_may_be_lost_is_relaxed() {
        let wait = Home::Store(Durability::Wait);
        let relaxed = Home::Store(Durability::Relaxed);
        for (primary, secondary, key, expected) in [
            ("monitors", "", "ab_0", wait),
            ("monitor_updates", "ab_0", "7", wait),
            ("archived_monitors", "", "ab_0", wait),
            ("", "", "manager", wait),
            ("", "", "output_sweeper", wait),
            ("", "", "peers", wait),
            ("bdk_wallet", "", "tx_graph", wait),
            ("lightning_liquidity_state", "", "event_queue", wait),
            ("something", "new", "key", wait),
            ("", "", "something_new", wait),
            ("", "", "events", relaxed),
            ("", "", "node_metrics", relaxed),
            ("", "", "network_graph", Home::CacheFile),
            ("", "", "scorer", Home::CacheFile),
        ] {
            assert_eq!(home(primary, secondary, key, b"value"), expected, "{key}");
        }
    }

    #[test]
    fn of_payments_only_inbound_records_are_relaxed() {
        for (value, expected) in [
            (record(PaymentDirection::Inbound), Durability::Relaxed),
            (record(PaymentDirection::Outbound), Durability::Wait),
            (b"not a record".to_vec(), Durability::Wait),
        ] {
            assert_eq!(home("payments", "", "01", &value), Home::Store(expected));
        }
    }
}
