//! Durations in JSON: numbers of seconds.

use std::time::Duration;

use serde::Serializer;

/// A duration that is shown as a number of seconds, or `null` where there is none.
pub(crate) trait Seconds {
    fn seconds(&self) -> Option<f64>;
}

impl Seconds for Duration {
    fn seconds(&self) -> Option<f64> {
        Some(self.as_secs_f64())
    }
}

impl Seconds for Option<Duration> {
    fn seconds(&self) -> Option<f64> {
        self.map(|time| time.as_secs_f64())
    }
}

/// Serialises a duration as a number of seconds.
pub(crate) fn seconds<S: Serializer>(
    time: &impl Seconds,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match time.seconds() {
        Some(seconds) => serializer.serialize_f64(seconds),
        None => serializer.serialize_none(),
    }
}
