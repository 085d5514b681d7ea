//! Facts.
use super::ids::StoreId;
use super::time::Timestamp;
/// An entry of the journal.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Place in the one history.
    pub sequence: u64,
    /// When.
    pub at: Timestamp,
    /// Whose.
    pub store: StoreId,
}
