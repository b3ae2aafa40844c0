//! A run beside an earlier one.

use std::fmt;

use serde_json::Value;
use tabled::{Table, Tabled, settings::Style};

use super::figure::compares;
use crate::Result;

/// What has changed since an earlier run.
pub(in super::super) struct Comparison(Vec<Change>);

#[derive(Debug, PartialEq, Tabled)]
struct Change {
    figure: String,
    #[tabled(display = "shown")]
    before: f64,
    #[tabled(display = "shown")]
    now: f64,
    #[tabled(display = "percent", rename = "change")]
    change: f64,
}

impl Comparison {
    /// Compares two reports, each the JSON object of a run.
    ///
    /// Times of two runs do not compare, since the machine may have been busy in one of them: only ratios,
    /// counts and sizes are looked at.
    ///
    /// # Errors
    /// `before` is no JSON object.
    pub(in super::super) fn of(before: &str, now: &Value) -> Result<Self> {
        let before: Value = serde_json::from_str(before)?;
        let before = before.as_object().ok_or("no object of a run")?;
        let now = now.as_object().ok_or("no object of a run")?;
        let changes = now.iter().filter_map(|(figure, now)| {
            let (before, now) = (before.get(figure)?.as_f64()?, now.as_f64()?);
            let change = 100.0 * (now / before - 1.0);
            let is_shown = compares(figure) && change.is_finite() && change.abs() >= LEAST_PERCENT;
            is_shown.then(|| Change {
                figure: figure.clone(),
                before,
                now,
                change,
            })
        });
        let mut changes: Vec<_> = changes.collect();
        changes.sort_by(|a, b| b.change.abs().total_cmp(&a.change.abs()));
        Ok(Self(changes))
    }
}

fn shown(value: &f64) -> String {
    match value.abs() < 100.0 {
        true => format!("{value:.3}"),
        false => format!("{value:.0}"),
    }
}

fn percent(change: &f64) -> String {
    format!("{change:+.1} %")
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return write!(
                f,
                "no ratio, count or size differs by {LEAST_PERCENT} % or more"
            );
        }
        let mut table = Table::new(&self.0);
        write!(f, "{}", table.with(Style::sharp()))
    }
}

/// Two runs of the same build differ by less.
const LEAST_PERCENT: f64 = 2.0;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ratios_counts_and_sizes_are_compared_and_times_are_not() {
        let before = json!({
            "ratio_client_vs_deadpool": 0.5, "client_acquire_ns": 100.0, "bytes_per_key": 1_000,
            "ratio_client_vs_deadpool_q1": 0.1, "wait_allocs": 2.0, "gone_ratio": 1.0,
        });
        let now = json!({
            "ratio_client_vs_deadpool": 0.4, "client_acquire_ns": 900.0, "bytes_per_key": 1_010,
            "ratio_client_vs_deadpool_q1": 0.9, "wait_allocs": 3.0, "new_ratio": 1.0,
        });
        let compared = Comparison::of(&before.to_string(), &now).unwrap();
        let figures: Vec<_> = compared.0.iter().map(|it| it.figure.as_str()).collect();
        assert_eq!(figures, ["wait_allocs", "ratio_client_vs_deadpool"]);
        assert!(compared.to_string().contains("-20.0 %"), "{compared}");
    }

    #[test]
    fn what_cannot_be_measured_is_not_compared() {
        let before = json!({ "call_instructions_ratio": null, "idle_session_bytes": 0.0 });
        let now = json!({ "call_instructions_ratio": 0.5, "idle_session_bytes": 0.0 });
        let compared = Comparison::of(&before.to_string(), &now).unwrap();
        assert_eq!(compared.0, []);
        assert!(Comparison::of("7", &now).is_err());
    }
}
