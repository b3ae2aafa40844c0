//! The lines of the wire in the table.

use super::{
    super::line::{Line, Target, us},
    figures::{OnceFigures, WireFigures, WireRatios},
};

/// The lines of the wire; a missing value was not measured.
pub(in super::super) fn wire_lines(
    figures: &WireFigures,
    ratios: &WireRatios,
    once: &OnceFigures,
    idle_session_bytes: f64,
) -> impl Iterator<Item = Line> {
    let calls = call_lines(figures, ratios, once).into_iter();
    calls
        .chain(life_lines(figures, ratios))
        .chain(idle_lines(once, idle_session_bytes))
}

fn call_lines(f: &WireFigures, ratios: &WireRatios, once: &OnceFigures) -> [Line; 6] {
    let count = |value: Option<f64>| value.map_or_else(String::new, |value| format!("{value:.0}"));
    [
        Line::new("a call of a session, JSON", us(f.wire_json_us)).beside(
            rmcp(us(f.wire_json_held_us)),
            ratios.call_pooled_vs_rmcp_held_ratio,
            Target::AtMost(0.75),
        ),
        Line::new("a call of a session, events", us(f.wire_events_us)).beside(
            rmcp(us(f.wire_events_held_us)),
            ratios.call_pooled_vs_rmcp_held_ratio_events,
            Target::AtMost(0.8),
        ),
        Line::new("a call without sessions, JSON", us(f.wire_stateless_us)).beside(
            rmcp(us(f.wire_stateless_held_us)),
            ratios.call_pooled_vs_rmcp_held_ratio_stateless,
            Target::AtMost(0.75),
        ),
        Line::new("CPU of a call, 64 callers", us(f.wire_crowd_cpu_us)).beside(
            rmcp(us(f.wire_crowd_cpu_held_us)),
            ratios.call_cpu_at_64_ratio,
            Target::AtMost(0.65),
        ),
        Line::new("instructions of a call", count(once.call_instructions)).beside(
            rmcp(count(once.call_instructions_held)),
            once.call_instructions_ratio,
            Target::AtMost(0.55),
        ),
        Line::new("HTTP requests of a call", String::new()).beside(
            String::new(),
            f.call_http_requests,
            Target::AtMost(1.0),
        ),
    ]
}

fn life_lines(f: &WireFigures, ratios: &WireRatios) -> [Line; 2] {
    [
        Line::new("CPU of opening a session", us(f.open_cpu_us)).beside(
            rmcp(us(f.open_cpu_held_us)),
            ratios.open_cpu_ratio,
            Target::AtMost(1.1),
        ),
        Line::new("CPU of closing a session", us(f.close_cpu_us)).beside(
            rmcp(us(f.close_cpu_held_us)),
            ratios.close_cpu_ratio,
            Target::AtMost(1.1),
        ),
    ]
}

fn idle_lines(once: &OnceFigures, bytes: f64) -> [Line; 4] {
    let line = |what, value: Option<f64>, bound| {
        Line::new(what, String::new()).beside(String::new(), value, Target::AtMost(bound))
    };
    [
        line("bytes of an idle session", Some(bytes), 2_048.0),
        line("tasks of an idle session", once.idle_session_tasks, 0.0),
        line(
            "sockets of all idle sessions",
            once.idle_session_sockets,
            0.0,
        ),
        line("MB of 100,000 idle sessions", once.idle_100k_mb, 300.0),
    ]
}

fn rmcp(measured: String) -> String {
    format!("rmcp {measured}")
}
