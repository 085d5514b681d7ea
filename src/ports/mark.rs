//! A mark outside the database file that says which generation of it ran last.

use async_trait::async_trait;

/// The mark is there and can't be read, with the reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct MarkFailed(pub String);

/// Where the mark is kept.
#[async_trait]
pub trait Mark: Send + Sync {
    /// Where that is, for people.
    fn place(&self) -> String;

    /// The newest generation that ran here; `None` if there is no mark.
    async fn read(&self) -> Result<Option<u64>, MarkFailed>;

    /// Marks a generation that is committed. Durable when it returns.
    async fn write(&self, generation: u64) -> Result<(), MarkFailed>;
}
