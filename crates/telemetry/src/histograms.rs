//! The instruments that record events.

use opentelemetry::metrics::{Counter, Histogram, Meter};

use crate::names;

/// The instruments that record events.
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

/// The counters.
pub(crate) struct Counts {
    pub(crate) timeouts: Counter<u64>,
    pub(crate) closed: Counter<u64>,
    pub(crate) keys_created: Counter<u64>,
    pub(crate) keys_evicted: Counter<u64>,
    pub(crate) breaker: Counter<u64>,
    pub(crate) eras: Counter<u64>,
    pub(crate) overdue: Counter<u64>,
    pub(crate) quota_waits: Counter<u64>,
    pub(crate) list_changes: Counter<u64>,
    pub(crate) tool_lists: Counter<u64>,
    pub(crate) left_out: Counter<u64>,
    pub(crate) streams: Counter<u64>,
}

impl Instruments {
    pub(crate) fn new(meter: &Meter) -> Self {
        Self {
            operation: seconds(
                meter,
                names::OPERATION_DURATION,
                "Duration of a call, from the request to the answer",
                &LONG,
            ),
            session: seconds(
                meter,
                names::SESSION_DURATION,
                "Time a session was open",
                &LONG,
            ),
            create: seconds(
                meter,
                names::SESSION_CREATE_TIME,
                "Time to open a session",
                &SHORT,
            ),
            wait: seconds(
                meter,
                names::SESSION_WAIT_TIME,
                "Time an acquire waited that found no free session",
                &SHORT,
            ),
            used: seconds(
                meter,
                names::SESSION_USE_TIME,
                "Time a session was in use before its release",
                &SHORT,
            ),
            check: seconds(
                meter,
                names::CHECK_DURATION,
                "Duration of the health check of an idle session",
                &SHORT,
            ),
            detection: seconds(
                meter,
                names::DETECTION_DURATION,
                "Time to detect the transport of an endpoint",
                &SHORT,
            ),
            counts: Counts::new(meter),
        }
    }
}

impl Counts {
    fn new(meter: &Meter) -> Self {
        Self {
            timeouts: count(
                meter,
                names::SESSION_TIMEOUTS,
                "{timeout}",
                "Acquires that timed out",
            ),
            closed: count(meter, names::SESSION_CLOSED, "{session}", "Sessions closed"),
            keys_created: count(meter, names::KEY_CREATED, "{key}", "Keys created"),
            keys_evicted: count(meter, names::KEY_EVICTED, "{key}", "Keys evicted"),
            breaker: count(
                meter,
                names::BREAKER_TRANSITIONS,
                "{transition}",
                "Changes of a circuit's state",
            ),
            eras: count(
                meter,
                names::ERA_VERDICTS,
                "{verdict}",
                "Servers detected for the first time, or with another era than before",
            ),
            overdue: count(
                meter,
                names::LEASE_OVERDUE,
                "{lease}",
                "Leases that were held for too long",
            ),
            quota_waits: count(
                meter,
                names::QUOTA_WAITS,
                "{wait}",
                "Keys and callers that began to wait for a quota",
            ),
            list_changes: count(
                meter,
                names::LIST_CHANGES,
                "{change}",
                "Changes of lists that servers announced",
            ),
            tool_lists: count(
                meter,
                names::TOOL_LIST_LOOKUPS,
                "{lookup}",
                "Requests for the tool list, answered from the cache or by the server",
            ),
            left_out: count(
                meter,
                names::ANSWER_PARTS_LEFT_OUT,
                "{part}",
                "Parts of answers that could not be read and were left out",
            ),
            streams: count(
                meter,
                names::SERVER_STREAM_CHANGES,
                "{change}",
                "Changes of the streams for messages that belong to no call",
            ),
        }
    }
}

fn seconds(
    meter: &Meter,
    name: &'static str,
    description: &'static str,
    bounds: &[f64],
) -> Histogram<f64> {
    let builder = meter.f64_histogram(name).with_unit("s");
    let builder = builder.with_description(description);
    builder.with_boundaries(bounds.to_vec()).build()
}

fn count(
    meter: &Meter,
    name: &'static str,
    unit: &'static str,
    description: &'static str,
) -> Counter<u64> {
    let builder = meter.u64_counter(name).with_unit(unit);
    builder.with_description(description).build()
}

/// Bucket boundaries of the OpenTelemetry conventions for calls and sessions.
const LONG: [f64; 14] = [
    0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0,
];

/// Bucket boundaries from a session on the same machine to the default acquire
/// timeout.
const SHORT: [f64; 14] = [
    0.000_1, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0,
];
