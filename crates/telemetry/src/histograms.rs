//! The instruments that are written to when something happens.

use opentelemetry::metrics::{Counter, Histogram, Meter};

use crate::names;

/// The instruments that are written to when something happens.
pub(crate) struct Instruments {
    pub(crate) operation: Histogram<f64>,
    pub(crate) session: Histogram<f64>,
    pub(crate) create: Histogram<f64>,
    pub(crate) wait: Histogram<f64>,
    pub(crate) used: Histogram<f64>,
    pub(crate) check: Histogram<f64>,
    pub(crate) detection: Histogram<f64>,
    pub(crate) counts: Counts,
}

/// Those that only count.
pub(crate) struct Counts {
    pub(crate) timeouts: Counter<u64>,
    pub(crate) closed: Counter<u64>,
    pub(crate) keys_created: Counter<u64>,
    pub(crate) keys_evicted: Counter<u64>,
    pub(crate) breaker: Counter<u64>,
    pub(crate) eras: Counter<u64>,
    pub(crate) list_changes: Counter<u64>,
    pub(crate) tool_lists: Counter<u64>,
}

impl Instruments {
    pub(crate) fn new(meter: &Meter) -> Self {
        let seconds = |name, what, bounds: &[f64]| seconds(meter, (name, what), bounds);
        Self {
            operation: seconds(
                names::OPERATION_DURATION,
                "How long a call took, from its sending to its answer",
                &LONG,
            ),
            session: seconds(
                names::SESSION_DURATION,
                "How long a session was open",
                &LONG,
            ),
            create: seconds(
                names::SESSION_CREATE_TIME,
                "How long opening a session took",
                &SHORT,
            ),
            wait: seconds(
                names::SESSION_WAIT_TIME,
                "How long an acquire that found no session ready had to wait",
                &SHORT,
            ),
            used: seconds(
                names::SESSION_USE_TIME,
                "How long a session was in use before it came back",
                &SHORT,
            ),
            check: seconds(
                names::CHECK_DURATION,
                "How long an idle session took to say that it is alive",
                &SHORT,
            ),
            detection: seconds(
                names::DETECTION_DURATION,
                "How long finding out the transport of an address took",
                &SHORT,
            ),
            counts: Counts::new(meter),
        }
    }
}

impl Counts {
    fn new(meter: &Meter) -> Self {
        let count = |name, unit, what| count(meter, (name, unit), what);
        Self {
            timeouts: count(
                names::SESSION_TIMEOUTS,
                "{timeout}",
                "Acquires that ran out of time",
            ),
            closed: count(names::SESSION_CLOSED, "{session}", "Sessions closed"),
            keys_created: count(names::KEY_CREATED, "{key}", "Keys seen for the first time"),
            keys_evicted: count(names::KEY_EVICTED, "{key}", "Keys forgotten"),
            breaker: count(
                names::BREAKER_TRANSITIONS,
                "{transition}",
                "Changes of a circuit",
            ),
            eras: count(
                names::ERA_VERDICTS,
                "{verdict}",
                "Servers found to speak another era than before, or for the first time",
            ),
            list_changes: count(
                names::LIST_CHANGES,
                "{change}",
                "Lists that servers said have changed",
            ),
            tool_lists: count(
                names::TOOL_LIST_LOOKUPS,
                "{lookup}",
                "Lists of tools that were there already, and that had to be asked for",
            ),
        }
    }
}

fn seconds(
    meter: &Meter,
    (name, what): (&'static str, &'static str),
    bounds: &[f64],
) -> Histogram<f64> {
    let builder = meter.f64_histogram(name).with_unit("s");
    let builder = builder.with_description(what);
    builder.with_boundaries(bounds.to_vec()).build()
}

fn count(
    meter: &Meter,
    (name, unit): (&'static str, &'static str),
    what: &'static str,
) -> Counter<u64> {
    let builder = meter.u64_counter(name).with_unit(unit);
    builder.with_description(what).build()
}

/// What the conventions give for calls and sessions.
const LONG: [f64; 14] = [
    0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0,
];

/// From a session opened on the same machine to one that takes as long as a caller waits.
const SHORT: [f64; 14] = [
    0.000_1, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0,
];
