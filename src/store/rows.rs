//! Reading rows, from inside a job ([`super::Tx`]) or from a snapshot ([`super::Snapshot`]) alike.

use std::ops::ControlFlow;

use super::tables::Table;

/// Which way a scan goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Smallest key first.
    Ascending,
    /// Largest key first.
    Descending,
}

/// Is shown one row after the other, key and value, until it says stop.
pub type Visit<'v> = &'v mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>;

/// Something rows can be read from. I/O errors stop the process: nothing sensible can follow them.
pub trait Rows {
    /// The value at a key.
    fn get(&self, table: Table, key: &[u8]) -> Option<Vec<u8>>;

    /// Shows each row with `from <= key < to` (no upper end if `to` is empty) until told to stop.
    fn range(&self, table: Table, from: &[u8], to: &[u8], order: Order, visit: Visit<'_>);

    /// Shows each row whose key begins with `prefix` until told to stop.
    fn scan(&self, table: Table, prefix: &[u8], order: Order, visit: Visit<'_>) {
        self.range(table, prefix, &after_prefix(prefix), order, visit);
    }

    /// Whether there is a row at a key.
    fn has(&self, table: Table, key: &[u8]) -> bool {
        self.get(table, key).is_some()
    }
}

/// The smallest key above all keys with this prefix; empty if there is none.
pub fn after_prefix(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if let Some(next) = last.checked_add(1) {
            end.push(next);
            break;
        }
    }
    end
}

/// Joins the parts of a key.
pub fn key(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// A number as part of a key: big-endian, so that keys sort as numbers do.
pub const fn ordered(number: u64) -> [u8; 8] {
    number.to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_prefix_is_above_every_key_with_it() {
        assert_eq!(after_prefix(&[1, 2]), [1, 3]);
        assert_eq!(after_prefix(&[1, 255]), [2]);
        assert!(after_prefix(&[255, 255]).is_empty());
        assert!(after_prefix(&[]).is_empty());
    }
}
