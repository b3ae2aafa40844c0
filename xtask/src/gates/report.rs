//! The table of a run.

use tabled::{Table, Tabled, settings::Style};

use super::baseline::Baseline;

#[derive(Tabled)]
struct Line {
    operation: String,
    instructions: String,
    baseline: String,
    change: String,
}

/// Each row beside its baseline.
pub(super) fn table(baseline: &Baseline, counted: &Baseline) -> Table {
    let lines = counted.rows.iter().map(|(row, count)| {
        let before = baseline.rows.get(row);
        let change = before.map(|before| 100.0 * (count / before - 1.0));
        Line {
            operation: row.replace('_', " "),
            instructions: format!("{count:.0}"),
            baseline: before.map_or_else(String::new, |it| format!("{it:.0}")),
            change: change.map_or_else(String::new, |it| format!("{it:+.1} %")),
        }
    });
    let mut table = Table::new(lines);
    table.with(Style::sharp());
    table
}
