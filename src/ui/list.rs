//! Lists of the dashboard: pages of a fixed length, and filters.

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;

use super::page::Link;

/// A query; what can't be read of it is as if it were not there.
pub type Queried<T> = Result<Query<T>, QueryRejection>;

/// Rows of one page.
pub const ROWS: usize = 25;

/// Where a list stands.
#[derive(Clone, Debug)]
pub struct Pager {
    /// The page before, if there is one.
    pub newer: Option<String>,
    /// The page after, if there is one.
    pub older: Option<String>,
}

impl Pager {
    /// For a list at `path` with `filter`, from row `skip` on.
    pub fn new(path: &str, filter: &str, skip: usize, more: bool) -> Self {
        let at = |skip: usize| format!("{path}?status={filter}&skip={skip}");
        Self {
            newer: (skip > 0).then(|| at(skip.saturating_sub(ROWS))),
            older: more.then(|| at(skip.saturating_add(ROWS))),
        }
    }
}

/// Links of a filter; the first choice is everything.
pub fn filters(path: &str, choices: &[(&str, &str)], current: &str) -> Vec<Link> {
    choices
        .iter()
        .map(|(value, label)| Link {
            href: if value.is_empty() {
                path.to_owned()
            } else {
                format!("{path}?status={value}")
            },
            label: (*label).to_owned(),
            current: *value == current,
        })
        .collect()
}

/// Takes one page of what `visit` is shown; tells whether there is more.
#[derive(Debug)]
pub struct Taker<T> {
    skip: usize,
    /// The rows of this page.
    pub rows: Vec<T>,
    /// Something follows.
    pub more: bool,
}

impl<T> Taker<T> {
    /// From row `skip` on.
    pub const fn new(skip: usize) -> Self {
        Self {
            skip,
            rows: Vec::new(),
            more: false,
        }
    }

    /// Shows the next row.
    pub fn offer(&mut self, row: T) -> std::ops::ControlFlow<()> {
        if self.skip > 0 {
            self.skip -= 1;
        } else if self.rows.len() < ROWS {
            self.rows.push(row);
        } else {
            self.more = true;
            return std::ops::ControlFlow::Break(());
        }
        std::ops::ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_taken_from_the_middle() {
        let mut taker = Taker::new(10);
        let seen = (0..100)
            .take_while(|row| taker.offer(*row).is_continue())
            .count();
        assert_eq!(taker.rows, (10..35).collect::<Vec<_>>());
        assert!(taker.more);
        assert_eq!(seen, 35, "no more rows are read than needed");
    }
}
