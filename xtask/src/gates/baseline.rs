//! The counts that a change is compared with.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Result;

/// Instructions of each row, by one compiler.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Baseline {
    pub(super) rustc: String,
    pub(super) rows: BTreeMap<String, f64>,
}

/// What a comparison shows.
#[derive(Debug, PartialEq)]
pub(super) enum Verdict {
    Within,
    /// These rows have too many.
    Above(Vec<String>),
    OtherCompiler,
}

impl Baseline {
    /// No rows yet. `rustc` is the version line of the compiler.
    pub(super) fn of(rustc: &str) -> Self {
        Self {
            rustc: version(rustc),
            rows: BTreeMap::new(),
        }
    }

    pub(super) fn from_json(text: &str) -> Result<Self> {
        Ok(serde_json::from_str(text)?)
    }

    pub(super) fn to_json(&self) -> Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    /// Compares counts with these. A row that is new or gone is above: the baseline is to be saved again.
    pub(super) fn judge(&self, counted: &Self) -> Verdict {
        if self.rustc != counted.rustc {
            return Verdict::OtherCompiler;
        }
        let is_above = |row: &&String| match (self.rows.get(*row), counted.rows.get(*row)) {
            (Some(before), Some(now)) => *now > before * (1.0 + BAND_PERCENT / 100.0),
            _ => true,
        };
        let all = self.rows.keys().chain(counted.rows.keys());
        let mut above: Vec<_> = all.filter(is_above).cloned().collect();
        above.sort();
        above.dedup();
        match above.is_empty() {
            true => Verdict::Within,
            false => Verdict::Above(above),
        }
    }
}

/// Two builds of the same sources differ by less.
pub(super) const BAND_PERCENT: f64 = 3.0;

/// The version of a compiler without its build.
fn version(rustc: &str) -> String {
    let words = rustc.split_whitespace().take(2);
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(rustc: &str, rows: &[(&str, f64)]) -> Baseline {
        let mut counts = Baseline::of(rustc);
        let rows = rows.iter().map(|(row, count)| ((*row).to_owned(), *count));
        counts.rows.extend(rows);
        counts
    }

    const RUSTC: &str = "rustc 1.95.0 (59807616e 2026-04-14)";

    #[test]
    fn a_row_above_the_band_is_named() {
        let baseline = counts(RUSTC, &[("client", 100.0), ("used", 100.0)]);
        let within = counts(RUSTC, &[("client", 103.0), ("used", 50.0)]);
        assert_eq!(baseline.judge(&within), Verdict::Within);
        let above = counts(RUSTC, &[("client", 103.5), ("used", 100.0)]);
        let named = Verdict::Above(vec!["client".to_owned()]);
        assert_eq!(baseline.judge(&above), named);
    }

    #[test]
    fn a_row_without_a_counterpart_is_named() {
        let baseline = counts(RUSTC, &[("client", 100.0)]);
        let other = counts(RUSTC, &[("used", 100.0)]);
        let named = Verdict::Above(vec!["client".to_owned(), "used".to_owned()]);
        assert_eq!(baseline.judge(&other), named);
    }

    #[test]
    fn the_counts_of_another_compiler_are_not_compared() {
        let baseline = counts(RUSTC, &[("client", 100.0)]);
        let other = counts("rustc 1.96.0 (x)", &[("client", 900.0)]);
        assert_eq!(baseline.judge(&other), Verdict::OtherCompiler);
        let same = counts("rustc 1.95.0 (built elsewhere)", &[("client", 100.0)]);
        assert_eq!(baseline.judge(&same), Verdict::Within);
    }

    #[test]
    fn a_baseline_is_read_as_it_was_written() {
        let baseline = counts(RUSTC, &[("client", 486.0)]);
        let read = Baseline::from_json(&baseline.to_json().unwrap()).unwrap();
        assert_eq!(read, baseline);
    }
}
