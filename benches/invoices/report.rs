//! The table that a run prints.

use std::fmt::Write as _;

/// Rows of what, how much and remark; printed when all parts have run.
#[derive(Default)]
pub struct Report {
    rows: Vec<[String; 3]>,
}

impl Report {
    /// Adds a figure, and shows it at once: a run takes minutes.
    pub fn add(
        &mut self,
        what: impl Into<String>,
        value: impl Into<String>,
        remark: impl Into<String>,
    ) {
        let row = [what.into(), value.into(), remark.into()];
        eprintln!("  {}: {} {}", row[0], row[1], row[2]);
        self.rows.push(row);
    }

    /// The same for a figure that something is expected of.
    pub fn expect(
        &mut self,
        what: impl Into<String>,
        value: impl Into<String>,
        expectation: &str,
        is_met: bool,
    ) {
        let verdict = if is_met { "met" } else { "MISSED" };
        self.add(what, value, format!("expected {expectation}: {verdict}"));
    }

    /// The whole table, as Markdown.
    pub fn table(&self) -> String {
        let head = ["What", "Figure", "Remark"].map(str::to_owned);
        let width = |column: usize| {
            let rows = self.rows.iter().chain([&head]);
            rows.map(|row| row[column].chars().count())
                .max()
                .unwrap_or(0)
        };
        let widths = [width(0), width(1), width(2)];
        let mut table = String::new();
        let mut line = |cells: &[String; 3]| {
            for (cell, width) in cells.iter().zip(widths) {
                let _ = write!(table, "| {cell:width$} ");
            }
            table.push_str("|\n");
        };
        line(&head);
        line(&widths.map(|width| "-".repeat(width)));
        for row in &self.rows {
            line(row);
        }
        table
    }
}

/// A rate in whole numbers.
pub fn per_second(rate: f64) -> String {
    format!("{rate:.0}/s")
}
