//! The state of an upstream in one collection.

use mcp_pool_core::stats::{BreakerState, EndpointStats};
use opentelemetry::{KeyValue, metrics::AsyncInstrument};

use crate::{attributes::word, names::attribute};

/// The state of an upstream of one pool, the sum over its endpoints.
#[derive(Clone)]
pub(crate) struct Row {
    pub(crate) attributes: Box<[KeyValue]>,
    pub(crate) keys: i64,
    pub(crate) idle: i64,
    pub(crate) used: i64,
    pub(crate) connecting: i64,
    pub(crate) waiting: i64,
    pub(crate) breaker: i64,
}

impl Row {
    pub(crate) fn of(attributes: &[KeyValue]) -> Self {
        Self {
            attributes: attributes.into(),
            keys: 0,
            idle: 0,
            used: 0,
            connecting: 0,
            waiting: 0,
            breaker: 0,
        }
    }

    pub(crate) fn add(&mut self, stats: &EndpointStats) {
        self.keys += number(stats.keys);
        self.idle += number(stats.available);
        self.used += number(stats.active);
        self.connecting += number(stats.connecting);
        self.waiting += number(stats.waiting);
        // Of several endpoints on one server, the worst.
        self.breaker = self.breaker.max(match stats.breaker {
            BreakerState::Closed => 0,
            BreakerState::HalfOpen => 1,
            _ => 2,
        });
    }

    pub(crate) fn observe_states(&self, observe: &dyn AsyncInstrument<i64>) {
        for (state, count) in [
            ("idle", self.idle),
            ("used", self.used),
            ("connecting", self.connecting),
        ] {
            let mut attributes = self.attributes.to_vec();
            attributes.push(word(attribute::SESSION_STATE, state));
            observe.observe(count, &attributes);
        }
    }
}

/// A count as OpenTelemetry has it.
pub(crate) fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
