//! The generation of the file: a number that grows, and that a mark outside the file names after its commit.

use super::rows::Rows;
use super::tables::Table;
use super::tx::Tx;

const GENERATION: &[u8] = b"generation";

/// The generation of the file, 0 if it never had one.
pub fn generation(rows: &dyn Rows) -> u64 {
    rows.get(Table::Meta, GENERATION)
        .and_then(|bytes| bytes.try_into().ok())
        .map_or(0, u64::from_be_bytes)
}

/// Begins the next generation.
pub fn begin_next(tx: &mut Tx<'_>) -> u64 {
    let next = generation(tx).saturating_add(1);
    tx.put(Table::Meta, GENERATION, &next.to_be_bytes());
    next
}
