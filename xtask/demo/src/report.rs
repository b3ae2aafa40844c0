//! The output of the demo.

use std::fmt;

use serde::Serialize;

use crate::{
    Result,
    job::Tally,
    latency::{Latencies, Latency},
    table::table,
};

/// The output of the demo.
#[derive(Serialize)]
pub(crate) struct Report {
    calls: u64,
    users: u64,
    hits: u64,
    misses: u64,
    hit_rate: f64,
    sessions_opened: u64,
    sessions_closed: u64,
    server_open_sessions: usize,
    leaks: u64,
    pooled_p50_us: f64,
    pooled_p95_us: f64,
    pooled_p99_us: f64,
    held_open_p50_us: f64,
    held_open_p95_us: f64,
    held_open_p99_us: f64,
    per_call_p50_us: f64,
    per_call_p95_us: f64,
    per_call_p99_us: f64,
    speedup_vs_per_call: f64,
    overhead_vs_held_open: f64,
}

impl Report {
    pub(crate) fn of(tally: &Tally, latencies: Latencies, server_open_sessions: usize) -> Self {
        let Latencies {
            pooled,
            held_open,
            per_call,
        } = latencies;
        let stats = &tally.stats;
        Self {
            calls: tally.calls,
            users: tally.users,
            hits: stats.hits,
            misses: stats.misses,
            hit_rate: stats.hit_rate,
            sessions_opened: stats.sessions_opened,
            sessions_closed: stats.sessions_closed,
            server_open_sessions,
            leaks: tally.leaks,
            pooled_p50_us: pooled.p50,
            pooled_p95_us: pooled.p95,
            pooled_p99_us: pooled.p99,
            held_open_p50_us: held_open.p50,
            held_open_p95_us: held_open.p95,
            held_open_p99_us: held_open.p99,
            per_call_p50_us: per_call.p50,
            per_call_p95_us: per_call.p95,
            per_call_p99_us: per_call.p99,
            speedup_vs_per_call: per_call.p50 / pooled.p50,
            overhead_vs_held_open: pooled.p50 / held_open.p50,
        }
    }

    /// # Errors
    /// When a call saw another user's state, or a session was left open.
    pub(crate) fn result(&self) -> Result {
        if self.leaks > 0 {
            return Err(format!("{} calls saw another's state", self.leaks).into());
        }
        if self.server_open_sessions > 0 {
            let open = self.server_open_sessions;
            return Err(format!("{open} sessions are still open on the servers").into());
        }
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let summary = [
            ("calls", format!("{} by {} users", self.calls, self.users)),
            ("hits", self.hits.to_string()),
            ("misses", self.misses.to_string()),
            ("hit rate", format!("{:.1} %", self.hit_rate * 100.0)),
            ("sessions opened", self.sessions_opened.to_string()),
            ("sessions closed", self.sessions_closed.to_string()),
            (
                "still open on the servers",
                self.server_open_sessions.to_string(),
            ),
            ("calls that saw another's state", self.leaks.to_string()),
        ];
        let summary = summary.map(|(what, value)| vec![what.to_owned(), value]);
        let titles = ["a call, in µs", "p50", "p95", "p99", "beside pooled"];
        let mut latency = vec![titles.map(str::to_owned).to_vec()];
        for (way, times) in self.ways() {
            let beside = format!("{:.2} ×", times.p50 / self.pooled_p50_us);
            let [p50, p95, p99] = [times.p50, times.p95, times.p99].map(|us| format!("{us:.0}"));
            latency.push(vec![way.to_owned(), p50, p95, p99, beside]);
        }
        write!(f, "{}\n{}", table(&summary), table(&latency))
    }
}

impl Report {
    fn ways(&self) -> [(&'static str, Latency); 3] {
        let way = |p50, p95, p99| Latency { p50, p95, p99 };
        [
            (
                "pooled",
                way(self.pooled_p50_us, self.pooled_p95_us, self.pooled_p99_us),
            ),
            (
                "on a session held open",
                way(
                    self.held_open_p50_us,
                    self.held_open_p95_us,
                    self.held_open_p99_us,
                ),
            ),
            (
                "on a session of its own",
                way(
                    self.per_call_p50_us,
                    self.per_call_p95_us,
                    self.per_call_p99_us,
                ),
            ),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(leaks: u64, open: usize) -> Report {
        let same = Latency {
            p50: 1.0,
            p95: 2.0,
            p99: 3.0,
        };
        let tally = Tally {
            calls: 1,
            users: 1,
            leaks,
            stats: mcp_pool_core::stats::PoolStats::default(),
        };
        let latencies = Latencies {
            pooled: same,
            held_open: same,
            per_call: same,
        };
        Report::of(&tally, latencies, open)
    }

    #[test]
    fn a_leak_or_an_open_session_fails_the_demo() {
        report(0, 0).result().unwrap();
        report(1, 0).result().unwrap_err();
        report(0, 1).result().unwrap_err();
    }
}
