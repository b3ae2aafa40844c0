//! The lines of the sizes in the table.

use super::{
    super::line::{Line, Target, ns},
    ScaleFigures,
};

/// The lines of the sizes.
pub(in super::super) fn scale_lines(f: &ScaleFigures) -> [Line; 12] {
    let small = ns("1,000 keys ", f.scale_1k_ns);
    let at_most = |what, value: f64, bound| {
        Line::new(what, String::new()).beside(String::new(), value, Target::AtMost(bound))
    };
    [
        Line::new("an acquire at 100,000 keys", ns("", f.scale_100k_ns)).beside(
            small.clone(),
            f.scale_100k_ratio,
            Target::AtMost(3.0),
        ),
        Line::new("an acquire at 1,000,000 keys", ns("", f.scale_1m_ns)).beside(
            small,
            f.scale_1m_ratio,
            Target::AtMost(4.0),
        ),
        Line::new(
            "its memory without a pool, 100,000 keys",
            ns("", f.chain_100k_ns),
        ),
        Line::new(
            "its memory without a pool, 1,000,000 keys",
            ns("", f.chain_1m_ns),
        ),
        Line::new("cache lines from memory, a hit", String::new()).beside(
            String::new(),
            f.cold_lines_per_hit,
            Target::AtMost(4.0),
        ),
        at_most("stats() at 100,000 keys, ms", f.stats_100k_ms, 1.0),
        at_most("a page of 100,000 keys, ms", f.key_page_100k_ms, 1.0),
        at_most("evicting a stranger, ms", f.evict_principal_100k_ms, 1.0),
        at_most(
            "longest poll up to 1,000,000 keys, ms",
            f.longest_poll_ms,
            1.0,
        ),
        at_most(
            "longest poll of a drain of 100,000 keys, ms",
            f.longest_drain_poll_100k_ms,
            1.0,
        ),
        at_most("CPU of 100,000 unused keys, ms/s", f.idle_cpu_ms_per_s, 0.1),
        Line::new(
            "its wakeups, a second",
            format!("{:.2}", f.idle_wakeups_per_s),
        ),
    ]
}
