//! The output of the demo, as `cargo xtask ci` checks it.

use serde_json::Value;

use crate::Result;

/// Checks the output of the demo with `--json`: it is complete, no state of a user was seen by another
/// one, and no session was left open.
pub(crate) fn check(printed: &str) -> Result {
    let report: Value = serde_json::from_str(printed)?;
    for field in NUMBERS {
        let number = report[field].as_f64();
        number
            .filter(|number| *number > 0.0)
            .ok_or_else(|| format!("no {field}: {report}"))?;
    }
    for field in ["leaks", "server_open_sessions"] {
        if report[field] != 0 {
            return Err(format!("{field}: {}", report[field]).into());
        }
    }
    Ok(())
}

const NUMBERS: [&str; 10] = [
    "calls",
    "users",
    "hits",
    "misses",
    "hit_rate",
    "sessions_opened",
    "sessions_closed",
    "pooled_p50_us",
    "held_open_p50_us",
    "per_call_p50_us",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leak_an_open_session_or_a_missing_figure_fails_the_check() {
        let report = |change: &str, to: Value| {
            let mut report: Value = NUMBERS.iter().map(|it| (*it, 1)).collect();
            report["leaks"] = 0.into();
            report["server_open_sessions"] = 0.into();
            report[change] = to;
            check(&report.to_string())
        };
        report("calls", 5_000.into()).unwrap();
        for (field, value) in [
            ("leaks", 1.into()),
            ("server_open_sessions", 1.into()),
            ("calls", Value::Null),
            ("hits", 0.into()),
        ] {
            report(field, value).unwrap_err();
        }
    }
}
