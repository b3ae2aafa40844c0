//! The steps of a command, each with its time.

use std::{fmt, time::Duration};

use tabled::{Table, Tabled, settings::Style};
use tokio::time::Instant;

use crate::Result;

/// The steps taken so far. Prints as a table.
#[derive(Default)]
pub(crate) struct Steps(Vec<Step>);

#[derive(Tabled)]
struct Step {
    step: String,
    #[tabled(display = "seconds")]
    time: Duration,
    result: &'static str,
}

impl Steps {
    /// Runs a step, and records its time and its result.
    pub(crate) fn take<T>(&mut self, name: &str, step: impl FnOnce() -> Result<T>) -> Result<T> {
        eprintln!("\n== {name}");
        let start = Instant::now();
        let outcome = step();
        let time = start.elapsed();
        let result = if outcome.is_ok() { "ok" } else { "failed" };
        eprintln!("== {name}: {result}, {}", seconds(&time));
        self.0.push(Step {
            step: name.to_owned(),
            time,
            result,
        });
        outcome.map_err(|error| format!("{name}: {error}").into())
    }
}

impl fmt::Display for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Table::new(&self.0).with(Style::sharp()).fmt(f)
    }
}

fn seconds(time: &Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_is_in_the_table_with_its_result() {
        let mut steps = Steps::default();
        steps.take("first", || Ok(())).unwrap();
        let error = steps
            .take::<()>("second", || Err("broke".into()))
            .unwrap_err();
        assert_eq!(error.to_string(), "second: broke");
        let table = steps.to_string();
        let line = |name| table.lines().find(|line| line.contains(name)).unwrap();
        assert!(line("first").contains("ok"));
        assert!(line("second").contains("failed"));
    }
}
