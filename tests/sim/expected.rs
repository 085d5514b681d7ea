//! What has to happen in a large run: every transition, and every kind of fault. One that never does is a hole.

use std::collections::BTreeMap;

/// Every one of these has to be counted at least once.
const EXPECTED: &[&str] = &[
    "ended: cancelled",
    "ended: completed on the chain",
    "ended: completed over Lightning",
    "ended: in review",
    "ended: waits for approval",
    "ended: waits for coins or lower fees",
    "ended: waits for somebody to press Pay",
];

/// Those that did not happen.
pub fn missing(counts: &BTreeMap<String, u64>) -> Vec<&'static str> {
    let mut missing = EXPECTED.to_vec();
    missing.retain(|name| !counts.contains_key(*name));
    missing
}
