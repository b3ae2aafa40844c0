//! The output of the bench.

use std::fmt;

use serde::{Deserialize, Serialize};
use tabled::{Table, settings::Style};

use super::{
    apart::Apart,
    line::{Line, Target, mega, ns, us},
    revival::revival_lines,
    rows::Figures,
    scale::scale_lines,
    wire::{WireFigures, WireRatios, wire_lines},
};
use crate::statistics::{median_of_measured, quartiles_of_measured};

/// The medians of all rounds. A ratio is that of the rounds' ratios: a slow phase slows both sides of it.
#[derive(Serialize, Deserialize)]
pub(super) struct Report {
    rounds: usize,
    #[serde(flatten)]
    apart: Apart,
    #[serde(flatten)]
    medians: Figures,
    ratio_client_vs_deadpool: f64,
    ratio_client_vs_deadpool_q1: f64,
    ratio_client_vs_deadpool_q3: f64,
    ratio_pool_vs_deadpool: f64,
    ratio_pool_vs_deadpool_q1: f64,
    ratio_pool_vs_deadpool_q3: f64,
    ratio_raw_vs_sha256: f64,
    ratio_raw_vs_sha256_q1: f64,
    ratio_raw_vs_sha256_q3: f64,
    ratio_keyed_peer: f64,
    ratio_keyed_peer_q1: f64,
    ratio_keyed_peer_q3: f64,
    ratio_contended_throughput: f64,
    ratio_contended_throughput_q1: f64,
    ratio_contended_throughput_q3: f64,
    ratio_contended_p99: f64,
    ratio_contended_p99_q1: f64,
    ratio_contended_p99_q3: f64,
    /// The time that metrics add to an acquire, in nanoseconds.
    metrics_overhead_ns: f64,
    /// The same for an acquire with a use of the session, which metrics record.
    metrics_overhead_of_use_ns: f64,
    call_pooled_ratio: f64,
    call_with_telemetry_ratio: f64,
    /// Compared with a client held open and the least telemetry by hand.
    call_with_telemetry_by_hand_ratio: f64,
    ratio_jwt_first_vs_bare: f64,
    #[serde(flatten)]
    wire: WireRatios,
}

impl Report {
    pub(super) fn of(rounds: &[Figures], apart: Apart) -> Self {
        let all = |pick: fn(&Figures) -> f64| median_of_measured(rounds.iter().map(pick));
        let quartile = |which: usize, pick: fn(&Figures) -> f64| {
            quartiles_of_measured(rounds.iter().map(pick))[which]
        };
        let keyed = |f: &Figures| f.keyed_ns / f.keyed_peer_ns;
        let throughput = |f: &Figures| f.contended_ops_per_s / f.deadpool_contended_ops_per_s;
        let p99 = |f: &Figures| f.contended_p99_us / f.deadpool_contended_p99_us;
        Self {
            rounds: rounds.len(),
            apart,
            medians: medians(rounds),
            ratio_client_vs_deadpool: all(|f| f.client_acquire_ns / f.deadpool_ns),
            ratio_client_vs_deadpool_q1: quartile(0, |f| f.client_acquire_ns / f.deadpool_ns),
            ratio_client_vs_deadpool_q3: quartile(1, |f| f.client_acquire_ns / f.deadpool_ns),
            ratio_pool_vs_deadpool: all(|f| f.pool_acquire_ns / f.deadpool_ns),
            ratio_pool_vs_deadpool_q1: quartile(0, |f| f.pool_acquire_ns / f.deadpool_ns),
            ratio_pool_vs_deadpool_q3: quartile(1, |f| f.pool_acquire_ns / f.deadpool_ns),
            ratio_raw_vs_sha256: all(|f| f.raw_800_ns / f.sha256_800_ns),
            ratio_raw_vs_sha256_q1: quartile(0, |f| f.raw_800_ns / f.sha256_800_ns),
            ratio_raw_vs_sha256_q3: quartile(1, |f| f.raw_800_ns / f.sha256_800_ns),
            ratio_keyed_peer: all(keyed),
            ratio_keyed_peer_q1: quartile(0, keyed),
            ratio_keyed_peer_q3: quartile(1, keyed),
            ratio_contended_throughput: all(throughput),
            ratio_contended_throughput_q1: quartile(0, throughput),
            ratio_contended_throughput_q3: quartile(1, throughput),
            ratio_contended_p99: all(p99),
            ratio_contended_p99_q1: quartile(0, p99),
            ratio_contended_p99_q3: quartile(1, p99),
            metrics_overhead_ns: all(|f| f.acquire_with_metrics_ns - f.client_acquire_ns),
            metrics_overhead_of_use_ns: all(|f| f.use_with_metrics_ns - f.use_ns),
            call_pooled_ratio: all(|f| f.call_pooled_us / f.call_held_open_us),
            call_with_telemetry_ratio: all(|f| f.call_with_telemetry_us / f.call_held_open_us),
            call_with_telemetry_by_hand_ratio: all(|f| {
                f.call_with_telemetry_us / f.call_by_hand_us
            }),
            ratio_jwt_first_vs_bare: all(|f| f.jwt_first_ns / f.jwt_bare_ns),
            wire: WireRatios::of(rounds.iter().map(|f| f.wire)),
        }
    }

    fn lines(&self) -> impl Iterator<Item = Line> {
        let lines = self.acquire_lines().into_iter();
        lines
            .chain(self.crowd_lines())
            .chain(self.metrics_lines())
            .chain(self.call_lines())
            .chain(self.token_lines())
            .chain(scale_lines(&self.apart.scale))
            .chain(wire_lines(
                &self.medians.wire,
                &self.wire,
                &self.apart.once,
                self.apart.allocations.idle_session_bytes,
            ))
            .chain(revival_lines(&self.apart.revival))
    }

    fn token_lines(&self) -> [Line; 2] {
        let m = &self.medians;
        let seen = Line::new("a token seen before, 900 bytes", ns("", m.jwt_seen_ns));
        let first = Line::new("a new token, RS256", us(m.jwt_first_ns / 1e3));
        [
            seen.beside(String::new(), m.jwt_seen_ns, Target::AtMost(1_000.0)),
            first.beside(
                format!("jsonwebtoken {}", us(m.jwt_bare_ns / 1e3)),
                self.ratio_jwt_first_vs_bare,
                Target::AtMost(1.2),
            ),
        ]
    }

    fn acquire_lines(&self) -> [Line; 7] {
        let (m, counts) = (&self.medians, &self.apart.allocations);
        let deadpool = ns("deadpool ", m.deadpool_ns);
        [
            Line::new("client.acquire() + drop", ns("", m.client_acquire_ns)).beside(
                deadpool.clone(),
                self.ratio_client_vs_deadpool,
                Target::AtMost(0.35),
            ),
            Line::new("its allocations", String::new()).beside(
                String::new(),
                counts.client_acquire_allocs,
                Target::AtMost(0.0),
            ),
            Line::new("pool.acquire(&request) + drop", ns("", m.pool_acquire_ns)).beside(
                deadpool,
                self.ratio_pool_vs_deadpool,
                Target::AtMost(0.45),
            ),
            Line::new("its allocations", String::new()).beside(
                ns("bb8 ", m.bb8_ns),
                counts.pool_acquire_allocs,
                Target::AtMost(0.01),
            ),
            Line::new("the same from raw headers, 800 bytes", ns("", m.raw_800_ns)).beside(
                ns("SHA-256 ", m.sha256_800_ns),
                self.ratio_raw_vs_sha256,
                Target::AtMost(1.0),
            ),
            Line::new("a key of 1,000, after another one", ns("", m.keyed_ns)).beside(
                ns("map of deadpools ", m.keyed_peer_ns),
                self.ratio_keyed_peer,
                Target::AtMost(0.5),
            ),
            Line::new("a key, in bytes", String::new()).beside(
                format!("the map's {:.0} B", counts.map_bytes_per_key),
                counts.bytes_per_key,
                Target::AtMost(600.0),
            ),
        ]
    }

    fn crowd_lines(&self) -> [Line; 4] {
        let m = &self.medians;
        [
            Line::new(
                "64 tasks on 10 slots: throughput",
                mega(m.contended_ops_per_s),
            )
            .beside(
                format!("deadpool {}", mega(m.deadpool_contended_ops_per_s)),
                self.ratio_contended_throughput,
                Target::AtLeast(1.3),
            ),
            Line::new("64 tasks on 10 slots: p99 wait", us(m.contended_p99_us)).beside(
                format!("deadpool {}", us(m.deadpool_contended_p99_us)),
                self.ratio_contended_p99,
                Target::AtMost(0.9),
            ),
            Line::new("the allocations of a wait", String::new()).beside(
                format!(
                    "p50 {}, p99.9 {}",
                    us(m.contended_p50_us),
                    us(m.contended_p999_us)
                ),
                self.apart.allocations.wait_allocs,
                Target::AtMost(0.0),
            ),
            Line::new("64 tasks on 1,000 keys: p99 wait", us(m.keys_1k_p99_us)).beside(
                String::new(),
                m.keys_1k_p99_us,
                Target::AtMost(1.0),
            ),
        ]
    }

    fn metrics_lines(&self) -> [Line; 2] {
        let m = &self.medians;
        [
            Line::new(
                "client.acquire() + drop, with metrics: more ns",
                ns("", m.acquire_with_metrics_ns),
            )
            .beside(
                ns("without ", m.client_acquire_ns),
                self.metrics_overhead_ns,
                Target::AtMost(150.0),
            ),
            Line::new(
                "the same where the session is used: more ns",
                ns("", m.use_with_metrics_ns),
            )
            .beside(
                ns("without ", m.use_ns),
                self.metrics_overhead_of_use_ns,
                Target::AtMost(150.0),
            ),
        ]
    }

    fn call_lines(&self) -> [Line; 3] {
        let m = &self.medians;
        let held = format!("held open {}", us(m.call_held_open_us));
        let traced = us(m.call_with_telemetry_us);
        [
            Line::new("a call", us(m.call_pooled_us)).beside(
                held.clone(),
                self.call_pooled_ratio,
                Target::AtMost(1.02),
            ),
            Line::new("a call with traces and metrics", traced.clone()).beside(
                held,
                self.call_with_telemetry_ratio,
                Target::AtMost(1.05),
            ),
            Line::new("the same beside telemetry by hand", traced).beside(
                format!("held open {}", us(m.call_by_hand_us)),
                self.call_with_telemetry_by_hand_ratio,
                Target::AtMost(1.05),
            ),
        ]
    }
}

/// The medians of all rounds.
fn medians(rounds: &[Figures]) -> Figures {
    let all = |pick: fn(&Figures) -> f64| median_of_measured(rounds.iter().map(pick));
    Figures {
        client_acquire_ns: all(|f| f.client_acquire_ns),
        pool_acquire_ns: all(|f| f.pool_acquire_ns),
        raw_800_ns: all(|f| f.raw_800_ns),
        deadpool_ns: all(|f| f.deadpool_ns),
        bb8_ns: all(|f| f.bb8_ns),
        sha256_800_ns: all(|f| f.sha256_800_ns),
        contended_ops_per_s: all(|f| f.contended_ops_per_s),
        contended_p99_us: all(|f| f.contended_p99_us),
        deadpool_contended_ops_per_s: all(|f| f.deadpool_contended_ops_per_s),
        deadpool_contended_p99_us: all(|f| f.deadpool_contended_p99_us),
        contended_p50_us: all(|f| f.contended_p50_us),
        contended_p999_us: all(|f| f.contended_p999_us),
        keys_1k_p99_us: all(|f| f.keys_1k_p99_us),
        keyed_ns: all(|f| f.keyed_ns),
        keyed_peer_ns: all(|f| f.keyed_peer_ns),
        by_hand_ns: all(|f| f.by_hand_ns),
        acquire_with_metrics_ns: all(|f| f.acquire_with_metrics_ns),
        use_ns: all(|f| f.use_ns),
        use_with_metrics_ns: all(|f| f.use_with_metrics_ns),
        call_with_telemetry_us: all(|f| f.call_with_telemetry_us),
        call_pooled_us: all(|f| f.call_pooled_us),
        call_held_open_us: all(|f| f.call_held_open_us),
        call_by_hand_us: all(|f| f.call_by_hand_us),
        jwt_seen_ns: all(|f| f.jwt_seen_ns),
        jwt_first_ns: all(|f| f.jwt_first_ns),
        jwt_bare_ns: all(|f| f.jwt_bare_ns),
        wire: WireFigures::medians(rounds.iter().map(|f| f.wire)),
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let table = Table::new(self.lines()).with(Style::sharp()).to_string();
        write!(f, "{table}\nmedians of {} rounds", self.rounds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rounds() -> [Figures; 3] {
        [1.0, 2.0, 30.0].map(|factor| Figures {
            client_acquire_ns: 10.0 * factor,
            deadpool_ns: 100.0,
            contended_ops_per_s: 2e6,
            deadpool_contended_ops_per_s: 1e6,
            keys_1k_p99_us: 1.5,
            ..Figures::default()
        })
    }

    #[test]
    fn a_ratio_is_the_median_of_the_ratios_of_the_rounds() {
        let mut rounds = rounds();
        rounds[1].deadpool_ns = 1_000.0;
        let report = Report::of(&rounds, Apart::default());
        assert_eq!(report.rounds, 3);
        assert_eq!(report.medians.client_acquire_ns, 20.0);
        // The ratios of the rounds are 0.1, 0.02 and 3.0.
        assert_eq!(report.ratio_client_vs_deadpool, 0.1);
    }

    #[test]
    fn the_table_shows_which_targets_are_met() {
        let table = Report::of(&rounds(), Apart::default()).to_string();
        let line = |what| table.lines().find(|line| line.contains(what)).unwrap();
        assert!(line("client.acquire()").contains("│ met"));
        assert!(line("throughput").contains("≥ 1.3"));
        assert!(line("throughput").contains("│ met"));
        assert!(line("1,000 keys").contains("not met"));
    }
}
