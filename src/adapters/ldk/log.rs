//! ldk-node's log in ours.

use ldk_node::logger::{LogLevel, LogRecord, LogWriter};
use tracing::{debug, trace, warn};

/// Passes records on, one level down: its info names invoices and peers, and much that it calls an error is everyday
/// (a peer that is away). What matters is logged by who handles it.
pub(super) struct Tracing {
    /// A chain without fees to estimate: ldk-node complains a dozen times a block.
    pub(super) is_regtest: bool,
}

impl LogWriter for Tracing {
    fn log(&self, record: LogRecord<'_>) {
        let LogRecord {
            level,
            args,
            module_path,
            line,
        } = record;
        match level {
            LogLevel::Error | LogLevel::Warn if self.is_regtest => {
                debug!(target: "ldk", module_path, line, "{args}");
            }
            LogLevel::Error | LogLevel::Warn => warn!(target: "ldk", module_path, line, "{args}"),
            LogLevel::Info => debug!(target: "ldk", module_path, line, "{args}"),
            LogLevel::Debug | LogLevel::Trace => {
                trace!(target: "ldk", module_path, line, "{args}");
            }
            // Thousands a minute on mainnet, about other people's channels.
            LogLevel::Gossip => {}
        }
    }
}
