//! What the demo shows while it runs.

use std::{
    io::{IsTerminal, Write, stderr},
    time::Duration,
};

use mcp_pool_core::{SessionPool, stats::PoolStats};
use tokio::time::{Instant, interval};

use crate::figures::{Figures, Reading};

/// What the demo shows while it runs: lines that a terminal replaces, and plain lines elsewhere. All on
/// the error output, so that the report is alone on the other one.
pub(crate) struct View {
    kind: Kind,
    began: Instant,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Terminal,
    Lines,
}

impl View {
    /// A view; of plain lines where the output is for a program.
    pub(crate) fn new(is_for_program: bool) -> Self {
        let is_terminal = stderr().is_terminal() && !is_for_program;
        Self {
            kind: if is_terminal {
                Kind::Terminal
            } else {
                Kind::Lines
            },
            began: Instant::now(),
        }
    }

    /// A step that begins.
    pub(crate) fn say(&self, step: &str) {
        eprintln!(
            "demo: {:>5.1} s: {step}",
            self.began.elapsed().as_secs_f64()
        );
    }

    /// Shows the figures until `work` is done.
    pub(crate) async fn during<T>(
        &self,
        figures: &Figures,
        pool: &SessionPool,
        goal: Option<u64>,
        work: impl Future<Output = T>,
    ) -> T {
        let mut work = std::pin::pin!(work);
        let mut ticks = interval(match self.kind {
            Kind::Terminal => Duration::from_millis(150),
            Kind::Lines => Duration::from_secs(1),
        });
        ticks.tick().await;
        let (mut before, mut at) = (figures.reading(), Instant::now());
        let mut shown = 0;
        loop {
            tokio::select! {
                done = &mut work => {
                    self.erase(shown);
                    return done;
                }
                _ = ticks.tick() => {
                    let now = figures.reading();
                    let rate = (now.calls - before.calls) as f64 / at.elapsed().as_secs_f64();
                    (before, at) = (now, Instant::now());
                    self.erase(shown);
                    let lines = self.lines(&now, rate, &pool.stats(), goal);
                    shown = lines.len();
                    lines.iter().for_each(|line| eprintln!("{line}"));
                }
            }
        }
    }

    fn lines(&self, now: &Reading, rate: f64, pool: &PoolStats, goal: Option<u64>) -> Vec<String> {
        let idle = pool.total_sessions - pool.total_active_sessions.min(pool.total_sessions);
        let calls = match goal {
            Some(goal) => format!("{} of {goal} calls", now.calls),
            None => format!("{} calls", now.calls),
        };
        let figures = [
            format!("{calls}, {rate:.0} a second"),
            format!("p50 {} µs, p99 {} µs", now.p50, now.p99),
            format!(
                "{} sessions in use, {idle} idle",
                pool.total_active_sessions
            ),
            format!("hit rate {:.1} %", pool.hit_rate * 100.0),
            format!("leaks {}", now.leaks),
        ];
        match self.kind {
            Kind::Lines => vec![format!(
                "demo: {:>5.1} s: {}",
                self.began.elapsed().as_secs_f64(),
                figures.join("; ")
            )],
            Kind::Terminal => {
                let bar = goal.map(|goal| bar(now.calls, goal));
                let figures = figures.iter().map(|figure| format!("  {figure}"));
                bar.into_iter().chain(figures).collect()
            }
        }
    }

    /// Takes back the last lines of a terminal.
    fn erase(&self, lines: usize) {
        if self.kind == Kind::Terminal && lines > 0 {
            // A terminal that is gone needs no view.
            let _ = write!(stderr(), "\x1b[{lines}A\x1b[J");
        }
    }
}

fn bar(done: u64, goal: u64) -> String {
    let full = (done * WIDTH / goal.max(1)).min(WIDTH);
    let (full, rest) = (full as usize, (WIDTH - full) as usize);
    format!("  {}{}", "█".repeat(full), "░".repeat(rest))
}

const WIDTH: u64 = 40;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_lines_have_every_figure_and_no_control_character() {
        let view = View {
            kind: Kind::Lines,
            began: Instant::now(),
        };
        let now = Reading {
            calls: 10,
            leaks: 0,
            p50: 120,
            p99: 900,
        };
        let lines = view.lines(&now, 5.0, &PoolStats::default(), Some(20));
        assert_eq!(lines.len(), 1);
        for part in ["10 of 20 calls", "5 a second", "p99 900 µs", "leaks 0"] {
            assert!(lines[0].contains(part), "{lines:?}");
        }
        assert!(!lines[0].contains(char::is_control), "{lines:?}");
    }

    #[test]
    fn the_bar_is_full_at_the_goal() {
        assert_eq!(bar(0, 10).trim(), "░".repeat(40));
        assert_eq!(bar(5, 10).matches('█').count(), 20);
        assert_eq!(bar(10, 10).trim(), "█".repeat(40));
    }
}
